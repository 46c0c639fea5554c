//! A script as the statements that do something, each complete: with the values of parameters, and with what stands before it.

use datafusion::sql::parser::{CopyToSource, CopyToStatement};
use datafusion::sql::sqlparser::ast::Statement as Sql;

use super::definitions::Definitions;
use super::parameters::Parameters;
use super::{Script, Statement, made, place};
use crate::error::{Error, Excerpt, Result};

/// A statement that does something.
#[derive(Debug, Clone)]
pub struct Step {
    /// How many statements stand before it in the script.
    number: usize,
    /// With what it uses of the views and functions before it.
    pub statement: Statement,
    /// The engine's options that were set before it, by name.
    pub options: Vec<(String, String)>,
}

impl Step {
    /// The first word of the statement in its script.
    pub fn place(&self, script: &Script) -> Option<Excerpt> {
        place::beginning(script, self.number)
    }
}

/// The steps of a script, in order; none if it defines things and asks nothing. A SELECT without FROM reads the
/// `default_source`, or the view that is called so.
///
/// **Errors**: `Sql` with the place, for what is no SQL, a parameter without a value, or a definition that cannot be.
pub fn program(script: &Script, parameters: &Parameters, default_source: Option<&str>) -> Result<Vec<Step>> {
    steps(script, parameters, &mut Definitions::over(default_source))
}

/// The steps of a script that goes on where others ended: it knows their `definitions`, and adds its own, or none of them
/// where it fails.
///
/// **Errors**: those of [`program`].
pub fn continued(script: &Script, parameters: &Parameters, definitions: &mut Definitions) -> Result<Vec<Step>> {
    let mut known = definitions.clone();
    let steps = steps(script, parameters, &mut known)?;
    if known != *definitions {
        // Places in this text would be taken for places in those to come.
        for mut statement in script.parse_without_places()? {
            parameters.bind(script, &mut statement)?;
            definitions.take(script, &statement)?;
        }
    }
    Ok(steps)
}

fn steps(script: &Script, parameters: &Parameters, definitions: &mut Definitions) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for (number, mut statement) in script.parse()?.into_iter().enumerate() {
        parameters.bind(script, &mut statement)?;
        if definitions.take(script, &statement)? {
            continue;
        }
        copy_a_query(&mut statement)?;
        definitions.apply(script, &mut statement)?;
        steps.push(Step { number, statement, options: definitions.options().to_vec() });
    }
    Ok(steps)
}

/// A statement for a text of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// The statement, where it is another than the one that was written.
    pub sql: Option<String>,
    /// The tables that it reads, without schemas, as the engine finds their names.
    pub tables: Vec<String>,
}

/// A script of one statement, with what it uses of the `definitions` before it; its parameters stay what they are.
///
/// **Errors**: `Sql` with the place, for what is no SQL, or more or less than a statement.
pub fn completed(script: &Script, definitions: &Definitions) -> Result<Whole> {
    let mut statements = script.parse()?;
    let (Some(mut statement), true) = (statements.pop(), statements.is_empty()) else {
        return Err(Error::sql(format!("`{}` is not one statement", script.name)));
    };
    let written = statement.to_string();
    definitions.apply(script, &mut statement)?;
    let (tables, _) = datafusion::sql::resolve::resolve_table_references(&statement, true)
        .map_err(|error| Error::internal("the tables of a statement are not known").with_source(error))?;
    let is_other = statement.to_string() != written;
    let sql = is_other.then(|| match &statement {
        Statement::Statement(sql) => format!("{sql:#}"),
        other => other.to_string(),
    });
    Ok(Whole { sql, tables: tables.iter().map(|table| table.table().to_owned()).collect() })
}

/// Makes `COPY events TO …` a `COPY` of the query that reads all of the table.
///
/// **Errors**: `Internal`, if that is no query.
pub fn copy_a_query(statement: &mut Statement) -> Result<()> {
    let Statement::CopyTo(CopyToStatement { source, .. }) = statement else { return Ok(()) };
    let CopyToSource::Relation(name) = source else { return Ok(()) };
    let Sql::Query(query) = made(format!("SELECT * FROM {name}"))? else {
        return Err(Error::internal("a SELECT is no query"));
    };
    *source = CopyToSource::Query(query);
    Ok(())
}
