//! `CREATE VIEW`, `CREATE FUNCTION` and `SET` before the statements that use them, within one script.
//!
//! A view becomes a CTE of each statement that names it, and a call of a function becomes its body. So nothing is made
//! anywhere, nothing outlives the script, and a view is planned over the files that are there when it is asked.

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    CreateView, Cte, Ident, ObjectName, ObjectType, Query, SetExpr, Spanned, Statement as Sql, TableAlias,
    TableAliasColumnDef, Visit, With,
};

use super::default_source::in_sql;
use super::functions::Functions;
use super::mentions::Mentions;
use super::show_tables::list_tables;
use super::summarize::summarized;
use super::{Script, made, normal, options, place};
use crate::error::{Error, Result};
use crate::suggest;

/// What a script has defined so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Definitions {
    views: Vec<View>,
    functions: Functions,
    options: Vec<(String, String)>,
    /// What a SELECT without FROM reads.
    default_source: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
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

    /// From now on SELECTs without FROM read `default_source`.
    pub fn read_by_default(&mut self, default_source: Option<&str>) {
        self.default_source = default_source.map(str::to_owned);
    }

    /// Takes a statement that defines something, and says whether it was one.
    ///
    /// **Errors**: `Sql` with the place, for a definition that cannot be.
    pub fn take(&mut self, script: &Script, statement: &Statement) -> Result<bool> {
        let Statement::Statement(sql) = statement else { return Ok(false) };
        match sql.as_ref() {
            Sql::CreateView(view) => self.add_view(script, view)?,
            Sql::CreateFunction(function) => self.functions.add(script, function)?,
            Sql::Set(set) => {
                let option = options::option(script, set)?;
                self.options.retain(|(name, _)| *name != option.0);
                self.options.push(option);
            }
            Sql::Drop { object_type: ObjectType::View, if_exists, names, .. } => {
                names.iter().try_for_each(|name| self.drop_view(script, name, *if_exists))?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The names of the views, in the order of their definition.
    pub fn views(&self) -> impl Iterator<Item = &str> {
        self.views.iter().map(|view| view.name.value.as_str())
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
        Mentions::of(part, &view.name, self.default_source.as_ref() == Some(&normal(&view.name)))
    }
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
    query.with = Some(with(views.iter().map(cte).collect()));
}

/// `WITH` these.
pub(super) fn with(cte_tables: Vec<Cte>) -> With {
    With { with_token: AttachedToken::empty(), recursive: false, cte_tables }
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
}
