//! `--param NAME=VALUE` and `TIDEMILL_PARAM_NAME`: values for the parameters that statements declare.

use crate::dialect::Given;

#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Params {
    /// A value for $NAME in the SQL, before TIDEMILL_PARAM_NAME and the default; may be repeated
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = pair)]
    given: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, for example day=2024-03-01")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Params {
    /// What is given, here and in the environment.
    pub(super) fn given(&self) -> Given {
        Given::new(self.given.clone(), std::env::vars_os())
    }
}
