//! Values that are given for parameters, by whoever starts a statement and by the environment.
//!
//! It reads no environment: it is handed one.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use super::{BUILT_IN, Parameter, ParameterType};
use crate::error::{Error, Result};
use crate::suggest;

/// What the environment calls the parameter `day` is this and `DAY`.
const PREFIX: &str = "TIDEMILL_PARAM_";

/// Values as text, by the names of their parameters.
#[derive(Debug, Clone, Default)]
pub struct Given {
    values: Vec<(String, String)>,
    environment: BTreeMap<String, OsString>,
}

impl Given {
    /// Values before those that the variables of an `environment` hold.
    pub fn new(values: Vec<(String, String)>, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let ours = environment.into_iter().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            name.starts_with(PREFIX).then_some((name, value))
        });
        Self { values, environment: ours.collect() }
    }

    /// One more value, instead of any before for the same parameter; `day:date` also says its type.
    pub fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        self.values.push((name.to_owned(), value.to_owned()));
    }

    /// Takes a value back, and says whether there was one.
    pub fn unset(&mut self, name: &str) -> bool {
        let before = self.values.len();
        self.values.retain(|(known, _)| bare(known) != bare(name));
        self.values.len() < before
    }

    /// The values as they were given.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.values
    }

    /// Without those for parameters that are not in `used`.
    #[must_use]
    pub fn only(&self, used: &[String]) -> Self {
        let is_used = |(name, _): &&(String, String)| used.iter().any(|used| used == bare(name));
        let values = self.values.iter().filter(is_used).cloned().collect();
        Self { values, environment: self.environment.clone() }
    }

    /// The values that there are for parameters.
    ///
    /// **Errors**: `Request`, for a value in the environment that is not UTF-8, and for two values of one parameter.
    pub fn values<'a>(&self, declared: impl IntoIterator<Item = &'a str>) -> Result<BTreeMap<String, String>> {
        let mut values = BTreeMap::new();
        for name in declared.into_iter().chain(BUILT_IN) {
            let variable = format!("{PREFIX}{}", name.to_uppercase());
            if let Some(value) = self.environment.get(&variable) {
                values.insert(name.to_owned(), utf8(&variable, value)?);
            }
        }
        let mut seen = BTreeSet::new();
        for (name, value) in &self.values {
            if !seen.insert(name) {
                return Err(Error::request(format!("parameter `{name}` is given twice")));
            }
            values.insert(name.clone(), value.clone());
        }
        Ok(values)
    }

    /// **Errors**: `Request`, for a value of a parameter that none of these is.
    pub fn check(&self, declared: &[&Parameter]) -> Result<()> {
        let known = |name: &str| BUILT_IN.contains(&name) || declared.iter().any(|parameter| parameter.name == name);
        let Some((name, _)) = self.values.iter().find(|(name, _)| !known(name)) else { return Ok(()) };
        let error = Error::request(format!("nothing here has a parameter `{name}`"));
        let names = declared.iter().map(|parameter| parameter.name.as_str()).chain(BUILT_IN);
        Err(error.with_hint_if(suggest::hint("parameters", name, names)))
    }

    /// Parameters that nobody declared, for a statement that is typed once and names those in `used`: `day=…` is a text,
    /// `day:date=…` a date.
    ///
    /// **Errors**: `Request`, for a type that there is none of, or another than is declared; and for a value of a parameter
    /// that is neither declared nor used.
    pub fn declare(&self, declared: &mut Vec<Parameter>, used: &[String]) -> Result<Self> {
        let mut values = Vec::with_capacity(self.values.len());
        for (written, value) in &self.values {
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
            values.push((name.to_owned(), value.clone()));
        }
        let given = Self { values, environment: self.environment.clone() };
        given.check(&declared.iter().collect::<Vec<_>>())?;
        Ok(given)
    }
}

/// A parameter's name without the type behind it.
fn bare(name: &str) -> &str {
    name.split_once(':').map_or(name, |(name, _)| name)
}

fn utf8(variable: &str, value: &OsString) -> Result<String> {
    let text = value.to_str().map(str::to_owned);
    text.ok_or_else(|| Error::request(format!("the environment's `{variable}` is not UTF-8")))
}
