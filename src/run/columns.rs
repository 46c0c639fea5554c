//! The columns that a query reads and those of its result, with their types: what runs that add to a result must have in common.
//!
//! It knows nothing of rows, nor of where any of it is remembered.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};

use super::Target;
use crate::catalog::Source;
use crate::error::{Error, Result};
use crate::ledger::{self, Definition};
use crate::session::type_name;
use crate::sink::Format;

pub(super) use ledger::Columns;

/// The type of a column of which no value was seen so far: it is whatever comes.
const NOTHING: &str = "nothing so far";

const HINT: &str =
    "declare its type in tidemill.toml, CAST it in the query, or compute everything again: --full-refresh";

impl Columns {
    /// Those of a result of this schema, whose last columns are for folders, and what was read of `sources` for it.
    pub(super) fn of(schema: &Schema, target: &Target, mut reads: Definition, sources: &[Arc<Source>]) -> Self {
        let mut result = Definition::new();
        let shown = schema.fields().len() - target.keys.len().min(schema.fields().len());
        schema.fields().iter().take(shown).for_each(|field| enter(field.name(), field, &mut result));
        // Text has no types: what was NULL so far may become anything.
        let is_text = matches!(target.writing.format, Format::Json | Format::Csv);
        for source in sources {
            for (path, depth) in source.survey.unseen() {
                let lists = "[]".repeat(depth);
                let Some(known) = reads.get_mut(&format!("{}.{path}", source.config.name)) else { continue };
                *known = format!("{}{NOTHING}{}", "list(".repeat(depth), ")".repeat(depth));
                if let Some(known) = result.get_mut(&format!("{path}{lists}")).filter(|_| is_text) {
                    NOTHING.clone_into(known);
                }
            }
        }
        Self { result, reads }
    }

    /// Adds those of another run; says what is new in the result, one line each.
    ///
    /// **Errors**: `Data`, if a column that was read has another type now, or is found as another; the same of those of the
    /// result, where it `is_added_to`.
    pub(super) fn add(&mut self, now: Self, is_added_to: bool) -> Result<Vec<String>> {
        let mut new = Vec::new();
        for (name, data_type) in &now.result {
            match self.result.get(name) {
                Some(was) if !becomes(was, data_type) && is_added_to => {
                    let what = format!("column `{name}` is {data_type} now, and was published as {was}");
                    return Err(Error::data(what).with_hint(HINT));
                }
                None if is_added_to && !self.result.is_empty() => {
                    new.push(format!("column `{name}` is new: what was published before lacks it"));
                }
                _ => {}
            }
        }
        self.check_reads(&now.reads)?;
        self.result.extend(now.result);
        self.reads.extend(now.reads);
        Ok(new)
    }

    fn check_reads(&self, now: &Definition) -> Result<()> {
        for (path, was) in self.reads.iter().filter(|(_, was)| *was != NOTHING) {
            // A source that has nothing new may not be looked at.
            if !now.keys().any(|known| source_of(known) == source_of(path)) {
                continue;
            }
            let what = match now.get(path) {
                Some(data_type) if becomes(was, data_type) => continue,
                Some(data_type) => format!("`{path}` is {data_type} now, and was {was} when lines of before were read"),
                None => format!("lines of before were read by `{path}` ({was}), and now by other columns"),
            };
            return Err(Error::data(what).with_hint(HINT));
        }
        Ok(())
    }
}

/// Whether what had the type `was` may have the type `now`: the same, or any where there was no value; in a list, where there was none
/// in it.
fn becomes(was: &str, now: &str) -> bool {
    let fits = |(before, behind): (&str, &str)| now.starts_with(before) && now.ends_with(behind);
    was == now || was.split_once(NOTHING).is_some_and(fits)
}

fn source_of(path: &str) -> Option<&str> {
    path.split_once('.').map(|(source, _)| source)
}

fn enter(path: &str, field: &Field, columns: &mut Definition) {
    let name = match field.data_type() {
        DataType::Struct(fields) => {
            fields.iter().for_each(|field| enter(&format!("{path}.{}", field.name()), field, columns));
            "struct".to_owned()
        }
        DataType::List(item) => {
            enter(&format!("{path}[]"), item, columns);
            "list".to_owned()
        }
        other => type_name(other),
    };
    columns.insert(path.to_owned(), name);
}
