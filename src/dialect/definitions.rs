//! `CREATE VIEW`, `CREATE FUNCTION` and `SET` before the statements that use them, within one script.
//!
//! A view becomes a CTE of each statement that names it, and a call of a function becomes its body. So nothing is made
//! anywhere, nothing outlives the script, and a view is planned over the files that are there when it is asked.

use std::ops::ControlFlow;

use datafusion::arrow::array::timezone::Tz;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    CreateView, Cte, Expr, Ident, ObjectName, ObjectType, Query, Set, SetExpr, Spanned, Statement as Sql, TableAlias,
    TableAliasColumnDef, Value, Visit, Visitor, With,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::default_source::{in_sql, lacks_from};
use super::functions::Functions;
use super::pcollection::PCOLLECTION;
use super::show_tables::list_tables;
use super::summarize::summarized;
use super::{Script, address, made, normal, place};
use crate::error::{Error, Result};
use crate::suggest;

/// The options that `SET` may change, by the engine's names.
const OPTIONS: [&str; 6] = [
    "datafusion.execution.batch_size",
    "datafusion.execution.target_partitions",
    "datafusion.execution.time_zone",
    "datafusion.optimizer.prefer_hash_join",
    "datafusion.optimizer.repartition_joins",
    "datafusion.sql_parser.default_null_ordering",
];

/// The most rows of a batch, and the most partitions: memory is taken for each pair of partitions.
const MAX_COUNTS: [u32; 2] = [65_536, 256];

/// What a script has defined so far.
#[derive(Debug, Clone, Default)]
pub struct Definitions {
    views: Vec<View>,
    functions: Functions,
    options: Vec<(String, String)>,
    /// What a SELECT without FROM reads.
    default_source: Option<String>,
}

#[derive(Debug, Clone)]
struct View {
    name: Ident,
    columns: Vec<Ident>,
    query: Box<Query>,
}

impl Definitions {
    /// Of a script whose SELECTs without FROM read `default_source`, or the view of that name.
    pub fn over(default_source: Option<&str>) -> Self {
        Self { default_source: default_source.map(str::to_owned), ..Self::default() }
    }

    /// Takes a statement that defines something, and says whether it was one.
    ///
    /// **Errors**: `Sql` with the place, for a definition that cannot be.
    pub fn take(&mut self, script: &Script, statement: &Statement) -> Result<bool> {
        let Statement::Statement(sql) = statement else { return Ok(false) };
        match sql.as_ref() {
            Sql::CreateView(view) => self.add_view(script, view)?,
            Sql::CreateFunction(function) => self.functions.add(script, function)?,
            Sql::Set(set) => self.set(script, set)?,
            Sql::Drop { object_type: ObjectType::View, if_exists, names, .. } => {
                names.iter().try_for_each(|name| self.drop_view(script, name, *if_exists))?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The options that were set, by the engine's names, in order.
    pub fn options(&self) -> &[(String, String)] {
        &self.options
    }

    /// Puts what is defined into a statement.
    ///
    /// **Errors**: `Sql` with the place, for a call that its function does not take.
    pub fn apply(&self, script: &Script, statement: &mut Statement) -> Result<()> {
        in_sql(statement, |sql| self.apply_in(script, sql))
    }

    fn apply_in(&self, script: &Script, sql: &mut Sql) -> Result<()> {
        self.functions.expand(script, sql)?;
        if let Sql::Explain { statement, .. } = sql {
            return self.apply_in(script, statement);
        }
        let views = self.used_by(script, sql)?;
        if views.is_empty() {
            return Ok(());
        }
        list_tables(sql)?;
        if let Sql::ExplainTable { table_name, .. } = sql {
            *sql = made(format!("DESCRIBE SELECT * FROM {table_name}"))?;
            return self.apply_in(script, sql);
        }
        match sql {
            Sql::Query(query) => match summarized(query) {
                Some(summarized) => with_views(summarized, &views),
                None => with_views(query, &views),
            },
            Sql::CreateTable(table) => table.query.iter_mut().for_each(|query| with_views(query, &views)),
            _ => {}
        }
        Ok(())
    }

    fn add_view(&mut self, script: &Script, view: &CreateView) -> Result<()> {
        let name = plain_name(script, &view.name, "view")?;
        if view.materialized {
            return Err(refused(script, &view.name, "a view is computed when it is asked, and not kept").with_hint(
                "write CREATE VIEW; or save the query in a file of its own, whose result is kept in outputs/",
            ));
        }
        match self.views.iter().position(|known| same(&known.name, &name)) {
            Some(_) if view.if_not_exists => return Ok(()),
            Some(at) if view.or_replace => self.remove(script, &view.name, at)?,
            Some(_) => {
                return Err(refused(script, &view.name, "there is a view of this name")
                    .with_hint("give it another name, or write CREATE OR REPLACE VIEW"));
            }
            None => {}
        }
        let mut query = Sql::Query(view.query.clone());
        self.functions.expand(script, &mut query)?;
        let Sql::Query(query) = query else { return Ok(()) };
        let columns = view.columns.iter().map(|column| column.name.clone()).collect();
        self.views.push(View { name, columns, query });
        Ok(())
    }

    fn drop_view(&mut self, script: &Script, name: &ObjectName, if_exists: bool) -> Result<()> {
        let ident = plain_name(script, name, "view")?;
        match self.views.iter().position(|known| same(&known.name, &ident)) {
            Some(at) => self.remove(script, name, at),
            None if if_exists => Ok(()),
            None => {
                let names = self.views.iter().map(|view| view.name.value.as_str());
                let error = refused(script, name, "this script has defined no view of this name");
                Err(error.with_hint_if(suggest::hint("views", &ident.value, names)))
            }
        }
    }

    /// Forgets the view number `at`, which no other may be made of.
    fn remove(&mut self, script: &Script, name: &ObjectName, at: usize) -> Result<()> {
        let view = &self.views[at];
        let user = self.views.iter().skip(at + 1).find(|other| self.mentions(other.query.as_ref(), view).any);
        if let Some(user) = user {
            let what = format!("view `{}` is made of it", user.name.value);
            return Err(refused(script, name, &what).with_hint("give the new one another name"));
        }
        self.views.remove(at);
        Ok(())
    }

    /// The views that a statement names, and those that these are made of, in the order of their definition.
    fn used_by(&self, script: &Script, sql: &Sql) -> Result<Vec<&View>> {
        let mut used: Vec<&View> = Vec::new();
        for view in self.views.iter().rev() {
            let mentions = std::iter::once(self.mentions(sql, view))
                .chain(used.iter().map(|user| self.mentions(user.query.as_ref(), view)));
            let mentions = mentions.fold(Mentions::default(), Mentions::with);
            if let (true, Some(own)) = (mentions.any, &mentions.own) {
                let name = &view.name.value;
                return Err(Error::sql(format!("`{name}` is a view of this script, and a query under WITH"))
                    .with_hint("give one of them another name")
                    .with_excerpt(place::under(script, own.span, "this one")));
            }
            if mentions.any {
                used.push(view);
            }
        }
        used.reverse();
        Ok(used)
    }

    fn mentions<T: Visit>(&self, part: &T, view: &View) -> Mentions {
        let name = normal(&view.name);
        let is_default = self.default_source.as_ref() == Some(&name);
        let mut finder = MentionFinder { name, is_default, levels: Vec::new(), found: Mentions::default() };
        let _ = part.visit(&mut finder);
        finder.found.any |= is_default && lacks_from(part);
        finder.found
    }

    fn set(&mut self, script: &Script, set: &Set) -> Result<()> {
        let (variable, value, at) = match set {
            Set::SingleAssignment { variable, values, .. } => match values.as_slice() {
                [value] => (variable.to_string().to_lowercase(), value, variable.span()),
                _ => return Err(no_option(script, variable.span(), "an option has one value")),
            },
            Set::SetTimeZone { value, .. } => ("timezone".to_owned(), value, value.span()),
            _ => {
                let error = Error::sql("this SET is not done here");
                return Err(error.at(place::word(script, "SET", "here")));
            }
        };
        let name = if variable == "timezone" { OPTIONS[2].to_owned() } else { variable };
        if !OPTIONS.contains(&name.as_str()) {
            let error = no_option(script, at, &format!("`{name}` is no option that a script may set"));
            return Err(error.with_hint_if(suggest::hint("options", &name, OPTIONS)));
        }
        let value = match value {
            Expr::Value(value) => match &value.value {
                Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => text.clone(),
                other => other.to_string(),
            },
            other => other.to_string(),
        };
        if let Some(what) = refused_value(&name, &value) {
            return Err(no_option(script, at, &format!("option `{name}` is {what}, not `{value}`")));
        }
        self.options.push((name, value));
        Ok(())
    }
}

/// What the value of an option has to be, where it is not; the engine takes others of these, and fails later or not at all.
fn refused_value(name: &str, value: &str) -> Option<String> {
    let at = OPTIONS.iter().position(|option| *option == name)?;
    if let Some(most) = MAX_COUNTS.get(at) {
        let is_count = value.parse().is_ok_and(|count: u32| (1..=*most).contains(&count));
        return (!is_count).then(|| format!("a number from 1 to {most}"));
    }
    let orders = ["nulls_max", "nulls_min", "nulls_first", "nulls_last"];
    match name {
        "datafusion.execution.time_zone" if value.parse::<Tz>().is_err() => {
            Some("a time zone, such as `Europe/Berlin` or `+02:00`".to_owned())
        }
        "datafusion.sql_parser.default_null_ordering" if !orders.contains(&value) => {
            Some(format!("one of {}", orders.map(|order| format!("`{order}`")).join(", ")))
        }
        _ => None,
    }
}

fn no_option(script: &Script, at: Span, message: &str) -> Error {
    // The parser keeps no place for a time zone.
    let place = match at == Span::empty() {
        true => place::word(script, "SET", "here"),
        false => Some(place::under(script, at, "here")),
    };
    Error::sql(message).at(place)
}

fn refused(script: &Script, name: &ObjectName, message: &str) -> Error {
    Error::sql(format!("`{name}`: {message}")).with_excerpt(place::under(script, name.span(), "here"))
}

/// A name without a schema, as those of a script are.
pub(super) fn plain_name(script: &Script, name: &ObjectName, what: &str) -> Result<Ident> {
    match name.0.as_slice() {
        [part] if part.as_ident().is_some() => Ok(part.as_ident().cloned().unwrap_or_else(|| Ident::new(""))),
        _ => Err(refused(script, name, &format!("a {what} of a script has no schema")).with_hint("leave it out")),
    }
}

fn same(one: &Ident, other: &Ident) -> bool {
    normal(one) == normal(other)
}

/// The query with views as its CTEs.
fn with_views(query: &mut Box<Query>, views: &[&View]) {
    let body = std::mem::replace(
        query.as_mut(),
        bare(SetExpr::Values(datafusion::sql::sqlparser::ast::Values {
            explicit_row: false,
            value_keyword: false,
            rows: Vec::new(),
        })),
    );
    **query = bare(SetExpr::Query(Box::new(body)));
    let cte = |view: &&View| Cte {
        alias: TableAlias {
            explicit: false,
            name: view.name.clone(),
            columns: view
                .columns
                .iter()
                .map(|name| TableAliasColumnDef { name: name.clone(), data_type: None })
                .collect(),
            at: None,
        },
        query: view.query.clone(),
        from: None,
        materialized: None,
        closing_paren_token: AttachedToken::empty(),
    };
    query.with = Some(With {
        with_token: AttachedToken::empty(),
        recursive: false,
        cte_tables: views.iter().map(cte).collect(),
    });
}

/// A query that is nothing but its body.
pub(super) fn bare(body: SetExpr) -> Query {
    Query {
        with: None,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}

/// How a view's name is used.
#[derive(Default)]
struct Mentions {
    /// Whether it means the view anywhere.
    any: bool,
    /// A query under WITH that is called so too.
    own: Option<Ident>,
}

impl Mentions {
    fn with(self, other: Self) -> Self {
        Self { any: self.any || other.any, own: self.own.or(other.own) }
    }
}

/// Looks for a name where it means the view: not where a query under WITH has it, except in that query itself.
struct MentionFinder {
    name: String,
    is_default: bool,
    levels: Vec<Level>,
    found: Mentions,
}

/// A query that is looked at.
#[derive(Default)]
struct Level {
    /// Where the tree has the query under its WITH that is called so, unless it is recursive.
    own: Option<usize>,
    hides: bool,
    /// It is such a query itself.
    is_own: bool,
}

impl Visitor for MentionFinder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let around = self.levels.last();
        let is_own = around.is_some_and(|around| around.own == Some(address(query)));
        let with = query.with.iter();
        let own = with.flat_map(|with| &with.cte_tables).find(|cte| normal(&cte.alias.name) == self.name);
        self.found.own = self.found.own.take().or_else(|| own.map(|cte| cte.alias.name.clone()));
        let is_recursive = query.with.as_ref().is_some_and(|with| with.recursive);
        self.levels.push(Level {
            own: own.filter(|_| !is_recursive).map(|cte| address(&cte.query)),
            hides: own.is_some(),
            is_own,
        });
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.levels.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let [part] = relation.0.as_slice() else { return ControlFlow::Continue(()) };
        let Some(name) = part.as_ident().map(normal) else { return ControlFlow::Continue(()) };
        let is_it = name == self.name || (self.is_default && name == PCOLLECTION);
        // From the inside to where the name is given; in the query that has it, it means what stands around.
        let hidden = self.levels.iter().any(|level| level.hides) && !self.levels.iter().any(|level| level.is_own);
        self.found.any |= is_it && !hidden;
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last statement of a script, with what the others define.
    fn applied(sql: &str) -> Result<String> {
        let script = Script { name: "q".into(), text: sql.into() };
        let mut definitions = Definitions::over(Some("events"));
        let mut statements = script.parse()?;
        let mut last = statements.pop().unwrap();
        for statement in &statements {
            assert!(definitions.take(&script, statement)?, "{statement}");
        }
        assert!(!definitions.take(&script, &last)?);
        definitions.apply(&script, &mut last).map(|()| last.to_string())
    }

    fn check(sql: &str, expected: &str) {
        assert_eq!(applied(sql).unwrap(), expected);
    }

    fn fails(sql: &str, expected: &str, pointed: &str) {
        let error = applied(&format!("{sql}; SELECT 1")).unwrap_err();
        let excerpt = error.problem().unwrap().excerpt.clone().unwrap();
        assert_eq!((error.to_string().as_str(), &excerpt.text[excerpt.span.clone()]), (expected, pointed), "{sql}");
    }

    #[test]
    fn views_become_ctes() {
        check("CREATE VIEW v AS SELECT 1 AS a; SELECT a FROM v", "WITH v AS (SELECT 1 AS a) (SELECT a FROM v)");
        check("CREATE TEMP VIEW v (b) AS SELECT 1; SELECT * FROM V", "WITH v (b) AS (SELECT 1) (SELECT * FROM V)");
        check("CREATE VIEW v AS SELECT 1; SELECT 2", "SELECT 2");
        check(
            "CREATE VIEW a AS SELECT 1; CREATE VIEW b AS SELECT * FROM a; CREATE VIEW c AS SELECT 3; SELECT * FROM b",
            "WITH a AS (SELECT 1), b AS (SELECT * FROM a) (SELECT * FROM b)",
        );
        check(
            "CREATE VIEW v AS SELECT 1; WITH w AS (SELECT * FROM v) SELECT * FROM w ORDER BY 1 LIMIT 2",
            "WITH v AS (SELECT 1) (WITH w AS (SELECT * FROM v) SELECT * FROM w ORDER BY 1 LIMIT 2)",
        );
        check("CREATE VIEW events AS SELECT 1 AS a; SELECT a", "WITH events AS (SELECT 1 AS a) (SELECT a)");
        check(
            "CREATE VIEW events AS SELECT 1; SELECT 2 FROM PCOLLECTION",
            "WITH events AS (SELECT 1) (SELECT 2 FROM PCOLLECTION)",
        );
        for sql in ["DESCRIBE v", "SHOW COLUMNS FROM v", "DESCRIBE SELECT * FROM v"] {
            check(&format!("CREATE VIEW v AS SELECT 1; {sql}"), "DESCRIBE WITH v AS (SELECT 1) (SELECT * FROM v)");
        }
        check("CREATE VIEW v AS SELECT 1; EXPLAIN SELECT * FROM v", "EXPLAIN WITH v AS (SELECT 1) (SELECT * FROM v)");
    }

    #[test]
    fn a_query_under_with_hides_a_view_of_its_name() {
        for sql in [
            "WITH v AS (SELECT 2) SELECT * FROM v",
            "WITH RECURSIVE v AS (SELECT 1 UNION ALL SELECT * FROM v) SELECT * FROM v",
        ] {
            check(&format!("CREATE VIEW v AS SELECT 1; {sql}"), sql);
        }
        for sql in
            ["WITH v AS (SELECT * FROM v) SELECT * FROM v", "SELECT * FROM v, (WITH v AS (SELECT 2) SELECT * FROM v)"]
        {
            let error = applied(&format!("CREATE VIEW v AS SELECT 1; {sql}")).unwrap_err();
            let excerpt = error.problem().unwrap().excerpt.clone().unwrap();
            assert_eq!(
                (error.to_string().as_str(), &excerpt.text[excerpt.span]),
                ("`v` is a view of this script, and a query under WITH", "v")
            );
        }
    }

    #[test]
    fn a_view_may_be_replaced_and_dropped_while_none_is_made_of_it() {
        check(
            "CREATE VIEW v AS SELECT 1; CREATE OR REPLACE VIEW v AS SELECT 2; SELECT * FROM v",
            "WITH v AS (SELECT 2) (SELECT * FROM v)",
        );
        check(
            "CREATE VIEW v AS SELECT 1; CREATE VIEW IF NOT EXISTS v AS SELECT 2; SELECT * FROM v",
            "WITH v AS (SELECT 1) (SELECT * FROM v)",
        );
        check("CREATE VIEW v AS SELECT 1; DROP VIEW v; DROP VIEW IF EXISTS v; SELECT * FROM v", "SELECT * FROM v");
        fails("CREATE VIEW v AS SELECT 1; CREATE VIEW v AS SELECT 2", "`v`: there is a view of this name", "v");
        fails(
            "CREATE VIEW v AS SELECT 1; CREATE VIEW w AS SELECT * FROM v; DROP VIEW v",
            "`v`: view `w` is made of it",
            "v",
        );
        fails("DROP VIEW v", "`v`: this script has defined no view of this name", "v");
        fails("CREATE VIEW s.v AS SELECT 1", "`s.v`: a view of a script has no schema", "s.v");
        fails("CREATE MATERIALIZED VIEW v AS SELECT 1", "`v`: a view is computed when it is asked, and not kept", "v");
    }

    #[test]
    fn few_options_may_be_set() {
        let script = Script {
            name: "q".into(),
            text: "SET datafusion.execution.batch_size = 100; SET TIME ZONE 'UTC'; SET timezone = 'Europe/Berlin'"
                .into(),
        };
        let mut definitions = Definitions::default();
        for statement in script.parse().unwrap() {
            assert!(definitions.take(&script, &statement).unwrap());
        }
        let set: Vec<_> = definitions.options().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(set, [(OPTIONS[0], "100"), (OPTIONS[2], "UTC"), (OPTIONS[2], "Europe/Berlin")]);
        fails(
            "SET datafusion.catalog.location = '/tmp'",
            "`datafusion.catalog.location` is no option that a script may set",
            "datafusion.catalog.location",
        );
        fails(
            "SET datafusion.execution.batch_size = 0",
            "option `datafusion.execution.batch_size` is a number from 1 to 65536, not `0`",
            "datafusion.execution.batch_size",
        );
        fails(
            "SET datafusion.execution.target_partitions = 65536",
            "option `datafusion.execution.target_partitions` is a number from 1 to 256, not `65536`",
            "datafusion.execution.target_partitions",
        );
        fails(
            "SET timezone = 'Nowhere/City'",
            "option `datafusion.execution.time_zone` is a time zone, such as `Europe/Berlin` or `+02:00`, not `Nowhere/City`",
            "SET",
        );
        fails("SET a = 1, 2", "an option has one value", "a");
    }
}
