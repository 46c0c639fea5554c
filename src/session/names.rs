//! Names as people type them: what the engine does not find is looked for whatever its case, and planned again.
//!
//! The engine says which name it does not find, where, and what it would have found there: that is its own scoping, and
//! exact. So what is found as it is written stays what it was. Each turn settles one name, and a settled one stands in
//! quotes, so there are no more turns than names.

use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Column, DataFusionError, Diagnostic, SchemaError, Span as Place};
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::tokenizer::Span;

use super::Session;
use crate::catalog::{Look, Source};
use crate::dialect::{self, PCOLLECTION, Script};
use crate::error::{Error, Result};
use crate::ndjson::survey::Watch;
use crate::suggest;

/// What was done about a name that is not found.
enum Mended {
    /// It is not there.
    No,
    /// The statement says something else now.
    Yes,
    /// It reads another table now.
    Table,
}

impl Session {
    /// Lets `PCOLLECTION` be the default source, unless there is a table of that name.
    pub(super) fn name_pcollection(&self, statement: &mut Statement) {
        let is_free = !self.is_source(PCOLLECTION) && !self.sources.created(PCOLLECTION);
        if let (true, Some(source)) = (is_free, self.catalog.project().default_source()) {
            dialect::name_pcollection(statement, &source.name);
        }
    }

    /// Plans a statement whose tables are laid ready, and settles its names by the way.
    pub(super) async fn plan_names(
        &self,
        script: &Script,
        statement: &mut Statement,
        opened: &mut Vec<Arc<Source>>,
        look: Look,
        watch: &Arc<Watch>,
    ) -> Result<LogicalPlan, DataFusionError> {
        let ours = |error: Error| DataFusionError::External(Box::new(error));
        let mut settled = Vec::new();
        loop {
            let plan = self.engine.state().statement_to_plan(statement.clone()).await;
            let error = match plan.and_then(|plan| check_sorts(&plan).map(|()| plan)) {
                Ok(plan) => match self.mend_replacement(script, statement).await.map_err(ours)? {
                    true => continue,
                    false => return Ok(plan),
                },
                Err(error) => error,
            };
            match self.mend(&error, script, statement, opened, &mut settled).map_err(ours)? {
                Mended::No => return Err(error),
                Mended::Yes => {}
                Mended::Table => {
                    *opened = self.lay_sources(script, statement, look, watch).await.map_err(ours)?;
                }
            }
        }
    }

    /// Gives a column that a `* REPLACE` replaces its real spelling; returns whether there was one to give it to.
    ///
    /// **Errors**: `Sql` with the place, for a name that there is no column of, or several.
    async fn mend_replacement(&self, script: &Script, statement: &mut Statement) -> Result<bool> {
        for replacement in dialect::replacements(statement) {
            let plan = self.engine.state().statement_to_plan(replacement.over.clone()).await;
            // What reads columns of a query around is no statement of its own.
            let Ok(plan) = plan else { continue };
            let columns: Vec<String> = plan.schema().fields().iter().map(|field| field.name().clone()).collect();
            let Some(name) = replacement.missing(&columns) else { continue };
            let here = |error: Error| error.at(replacement.place(script, &columns));
            let fields: Vec<Column> = columns.iter().map(Column::from_name).collect();
            let real = alike(&[name.to_lowercase()], &fields).map_err(here)?;
            if real.is_some_and(|real| replacement.spell(statement, &columns, &real.concat())) {
                return Ok(true);
            }
            let error = Error::sql(format!("there is no column `{name}` to replace"));
            let hint = suggest::hint("columns", name, columns.iter().map(String::as_str));
            return Err(here(error.with_hint_if(hint)));
        }
        Ok(false)
    }

    /// **Errors**: `Sql` for a name that could be several.
    fn mend(
        &self,
        error: &DataFusionError,
        script: &Script,
        statement: &mut Statement,
        opened: &[Arc<Source>],
        settled: &mut Vec<(String, String)>,
    ) -> Result<Mended> {
        let (field, valid_fields) = match error.find_root() {
            DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
                SchemaError::FieldNotFound { field, valid_fields } => (field, valid_fields),
                _ => return Ok(Mended::No),
            },
            DataFusionError::Plan(message) => {
                // A qualified column in GROUP BY is not looked for; it just is none of those that are selected.
                let mended =
                    match message.strip_prefix("Order by column out of bounds").map(|_| message.rsplit_once("max: ")) {
                        Some(count) => {
                            let count = count.and_then(|(_, count)| count.parse().ok());
                            count.is_some_and(|count| dialect::order_by_all(statement, count))
                        }
                        None => message.contains("GROUP BY") && dialect::spell_groups(statement, settled),
                    };
                return Ok(if mended { Mended::Yes } else { Mended::No });
            }
            DataFusionError::NotImplemented(message) => {
                return Ok(if split(message, statement) { Mended::Yes } else { Mended::No });
            }
            _ => return Ok(Mended::No),
        };
        // In EXCLUDE the engine takes names as they stand.
        let written: Vec<String> = parts(field).iter().map(|part| part.to_lowercase()).collect();
        let place = error.diagnostic().and_then(|diagnostic| diagnostic.span).or_else(|| field.spans().first());
        let span = place.map(in_syntax);
        let found = match alike(&written, valid_fields) {
            // With capitals it stands in quotes, and is none of them.
            Err(ambiguous) if written == parts(field) => {
                return Err(match place {
                    Some(Place { start, end }) => {
                        let (start, end) = ((start.line, start.column), (end.line, end.column));
                        ambiguous.with_excerpt(dialect::excerpt(script, start, end, "here"))
                    }
                    None => ambiguous,
                });
            }
            found => found.ok().flatten(),
        };
        // A query around the one that names it may supply it; the engine does not list its columns.
        let around = alike(&written, &columns_of(opened, &written)).ok().flatten();
        for real in found.into_iter().chain(around) {
            if dialect::spell(statement, &written, span, &real) {
                settled.extend(written.iter().cloned().zip(real).next_back());
                return Ok(Mended::Yes);
            }
        }
        if written == ["all"] && dialect::ask_for_all(statement, span) {
            return Ok(Mended::Yes);
        }
        let source = self.catalog.project().default_source();
        let added = source.zip(span).is_some_and(|(source, span)| dialect::add_from_at(statement, span, &source.name));
        Ok(if added { Mended::Table } else { Mended::No })
    }
}

/// The columns of the sources that may be meant, under the name by which they are looked for. One that is spelt as it
/// is written was not found.
fn columns_of(opened: &[Arc<Source>], written: &[String]) -> Vec<Column> {
    let table = written.split_last().and_then(|(_, before)| before.last());
    let names = column_names(opened).filter(|name| !written.iter().any(|part| part == name));
    names.map(|name| Column::new(table.cloned(), name)).collect()
}

fn column_names(opened: &[Arc<Source>]) -> impl Iterator<Item = &str> {
    opened.iter().flat_map(|source| source.survey.columns()).map(|column| column.name.as_str())
}

/// The engine looks for a qualified column in ORDER BY when it optimizes the plan only, and then knows no place.
fn check_sorts(plan: &LogicalPlan) -> Result<(), DataFusionError> {
    plan.apply_with_subqueries(|node| {
        let LogicalPlan::Sort(sort) = node else { return Ok(TreeNodeRecursion::Continue) };
        let schema = sort.input.schema();
        let mut columns = sort.expr.iter().flat_map(|sort| sort.expr.column_refs());
        let Some(missing) = columns.find(|column| !schema.has_column(column)) else {
            return Ok(TreeNodeRecursion::Continue);
        };
        let behind = sort.input.inputs().into_iter().flat_map(|input| input.schema().columns());
        let mut valid_fields: Vec<Column> = schema.columns();
        valid_fields.extend(behind.filter(|column| !schema.has_column(column)));
        let error = SchemaError::FieldNotFound { field: Box::new(missing.clone()), valid_fields };
        let error = DataFusionError::SchemaError(Box::new(error), Box::new(None));
        let place = missing.spans().first();
        Err(error.with_diagnostic(Diagnostic::new_error("there is no such column", place)))
    })
    .map(|_| ())
}

/// The spelling of the first parts of `written`, if it is one that differs in case only.
///
/// **Errors**: `Sql`, if it could be several.
fn alike(written: &[String], valid_fields: &[Column]) -> Result<Option<Vec<String>>> {
    // What stands behind a column is a field of it.
    for column in (1..=written.len()).rev() {
        let mut found: Vec<Vec<String>> = Vec::new();
        for field in valid_fields {
            let real = parts(field);
            let real = &real[real.len().saturating_sub(column)..];
            let is_it = real.len() == column && real.iter().zip(written).all(|(real, part)| is_alike(real, part));
            if is_it && !found.iter().any(|known| known == real) {
                found.push(real.to_vec());
            }
        }
        match found.as_slice() {
            [] => {}
            [only] => return Ok(Some(only.clone())),
            several => return Err(ambiguous(&written[..column], several)),
        }
    }
    Ok(None)
}

fn is_alike(real: &str, written: &str) -> bool {
    real == written || real.to_lowercase() == *written
}

fn ambiguous(written: &[String], several: &[Vec<String>]) -> Error {
    let quoted: Vec<String> =
        several.iter().filter_map(|parts| parts.last()).map(|name| format!("\"{name}\"")).collect();
    let listed = quoted.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Error::sql(format!("column `{}` could be {} columns: {listed}", written.join("."), several.len()))
        .with_hint("write the one that is meant in double quotes, where case counts")
}

/// A path that the engine does not take as it is: a long one, or a field of a column of a query around. The column is
/// told apart from the fields for it.
fn split(message: &str, statement: &mut Statement) -> bool {
    if let Some(list) = message.strip_prefix("compound identifier: ") {
        let path = serde_json::from_str::<Vec<String>>(list);
        return path.is_ok_and(|path| dialect::split_paths(statement, &path[..path.len().min(2)]));
    }
    match message.strip_prefix("Nested identifiers are not yet supported for OuterReferenceColumn ") {
        Some(column) => dialect::split_paths(statement, &parts(&Column::from_qualified_name(column))),
        None => false,
    }
}

fn parts(column: &Column) -> Vec<String> {
    let table = column.relation.iter().flat_map(|relation| relation.to_vec());
    table.chain([column.name.clone()]).collect()
}

fn in_syntax(place: Place) -> Span {
    Span::new((place.start.line, place.start.column).into(), (place.end.line, place.end.column).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(written: &[&str], valid: &[(Option<&str>, &str)]) -> Result<Option<Vec<String>>> {
        let written: Vec<String> = written.iter().map(|part| (*part).to_owned()).collect();
        let valid: Vec<Column> = valid.iter().map(|(table, name)| Column::new(*table, *name)).collect();
        alike(&written, &valid)
    }

    #[test]
    fn case_does_not_count_where_it_need_not() {
        let real = |parts: &[&str]| Some(parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>());
        assert_eq!(found(&["userid"], &[(Some("e"), "userId"), (Some("e"), "id")]).unwrap(), real(&["userId"]));
        assert_eq!(found(&["userid"], &[(Some("a"), "userId"), (Some("b"), "userId")]).unwrap(), real(&["userId"]));
        assert_eq!(
            found(&["e", "userid"], &[(Some("\"E\""), "userId"), (Some("f"), "userid")]).unwrap(),
            real(&["E", "userId"])
        );
        assert_eq!(found(&["commit", "op"], &[(Some("e"), "Commit")]).unwrap(), real(&["Commit"]));
        assert_eq!(found(&["e", "commit", "op"], &[(Some("e"), "Commit")]).unwrap(), real(&["e", "Commit"]));
        assert_eq!(found(&["user_id"], &[(Some("e"), "userId")]).unwrap(), None);
    }

    #[test]
    fn several_are_listed() {
        let error = found(&["userid"], &[(Some("e"), "userId"), (Some("e"), "UserId")]).unwrap_err();
        assert_eq!(error.to_string(), "column `userid` could be 2 columns: `\"userId\"`, `\"UserId\"`");
    }
}
