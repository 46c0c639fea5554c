//! `--param NAME=VALUE` and `TIDEMILL_PARAM_NAME`: values for the parameters that statements declare.

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::dialect::{BUILT_IN, Parameter, ParameterType};
use crate::error::{Error, Result};
use crate::suggest;

/// What the environment calls the parameter `day` is this and `DAY`.
const PREFIX: &str = "TIDEMILL_PARAM_";

#[derive(Debug, clap::Args)]
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
    /// The values that there are for parameters.
    ///
    /// **Errors**: `Request`, for a value in the environment that is not UTF-8, and for two values of one parameter.
    pub(super) fn values<'a>(&self, declared: impl IntoIterator<Item = &'a str>) -> Result<BTreeMap<String, String>> {
        let mut values = BTreeMap::new();
        for name in declared.into_iter().chain(BUILT_IN) {
            let variable = format!("{PREFIX}{}", name.to_uppercase());
            if let Some(value) = std::env::var_os(&variable) {
                values.insert(name.to_owned(), utf8(&variable, value)?);
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        for (name, value) in &self.given {
            if !seen.insert(name) {
                return Err(Error::request(format!("parameter `{name}` is given twice")));
            }
            values.insert(name.clone(), value.clone());
        }
        Ok(values)
    }

    /// **Errors**: `Request`, for a value of a parameter that none of these is.
    pub(super) fn check(&self, declared: &[&Parameter]) -> Result<()> {
        let known = |name: &str| BUILT_IN.contains(&name) || declared.iter().any(|parameter| parameter.name == name);
        let Some((name, _)) = self.given.iter().find(|(name, _)| !known(name)) else { return Ok(()) };
        let error = Error::request(format!("nothing here has a parameter `{name}`"));
        let names = declared.iter().map(|parameter| parameter.name.as_str()).chain(BUILT_IN);
        Err(error.with_hint_if(suggest::hint("parameters", name, names)))
    }

    /// Parameters that nobody declared, for a statement that is typed once and names those in `used`: `day=…` is a text,
    /// `day:date=…` a date.
    ///
    /// **Errors**: `Request`, for a type that there is none of, or another than is declared; and for a value of a parameter
    /// that is neither declared nor used.
    pub(super) fn declare(&self, declared: &mut Vec<Parameter>, used: &[String]) -> Result<Self> {
        let mut given = Vec::with_capacity(self.given.len());
        for (written, value) in &self.given {
            let (name, word) = match written.split_once(':') {
                Some((name, word)) => (name, Some(word)),
                None => (written.as_str(), None),
            };
            let data_type = word.unwrap_or("varchar").parse::<ParameterType>();
            let data_type = data_type.map_err(|e| Error::request(e.to_string()).with_hint(e.hint()))?;
            match declared.iter().find(|parameter| parameter.name == name) {
                Some(known) if word.is_some() && known.data_type != data_type => {
                    return Err(Error::request(format!(
                        "parameter `{name}` is declared as {}, and given as {data_type}",
                        known.data_type
                    )));
                }
                Some(_) => {}
                None if used.iter().any(|used| used == name) && !BUILT_IN.contains(&name) => {
                    declared.push(Parameter { name: name.to_owned(), data_type, default: None });
                }
                None => {}
            }
            given.push((name.to_owned(), value.clone()));
        }
        let given = Self { given };
        given.check(&declared.iter().collect::<Vec<_>>())?;
        Ok(given)
    }
}

fn utf8(variable: &str, value: OsString) -> Result<String> {
    value.into_string().map_err(|_| Error::request(format!("the environment's `{variable}` is not UTF-8")))
}
