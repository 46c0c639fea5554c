//! `CREATE FUNCTION` in SQL: a call becomes the function's body, with its arguments where their names stood.
//!
//! Arguments and result are cast to the types that are declared. What calls would make too large or too deep to plan is
//! refused.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    CastKind, CreateFunction, CreateFunctionBody, DataType, Expr, Function, FunctionReturnType, Ident, Query, Spanned,
    VisitMut, Visitor, VisitorMut,
};

use super::definitions::plain_name;
use super::walk::{walk, walk_mut};
use super::windows::arguments;
use super::{MAX_OPERATORS, Script, normal, outcome, place};
use crate::error::{Error, Result};

/// How many expressions all calls of a statement may become.
const MAX_EXPRESSIONS: usize = 100_000;

/// Functions that a script has defined.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Functions(Vec<Defined>);

#[derive(Debug, Clone, PartialEq)]
struct Defined {
    name: Ident,
    parameters: Vec<(Ident, DataType)>,
    /// Cast to what the function returns.
    body: Expr,
}

impl Functions {
    pub(super) fn add(&mut self, script: &Script, create: &CreateFunction) -> Result<()> {
        let name = plain_name(script, &create.name, "function")?;
        let refused = |what: &str| {
            Error::sql(format!("`{name}`: {what}"))
                .with_excerpt(place::under(script, create.name.span(), "here"))
                .with_hint("write CREATE FUNCTION name(a DOUBLE, b DOUBLE) RETURNS DOUBLE RETURN a + b")
        };
        let (Some(CreateFunctionBody::Return(body)), Some(FunctionReturnType::DataType(returns))) =
            (&create.function_body, &create.return_type)
        else {
            return Err(refused("a function is one expression, and says what type it returns"));
        };
        let mut parameters = Vec::new();
        for arg in create.args.iter().flatten() {
            let (Some(name), None) = (&arg.name, &arg.default_expr) else {
                return Err(refused("each argument has a name and a type, and no default"));
            };
            parameters.push((name.clone(), arg.data_type.clone()));
        }
        let known = self.0.iter().position(|known| normal(&known.name) == normal(&name));
        match known {
            Some(at) if create.or_replace => drop(self.0.remove(at)),
            Some(_) if create.if_not_exists => return Ok(()),
            Some(_) => return Err(refused("there is a function of this name")),
            None => {}
        }
        let mut body = body.clone();
        self.expand(script, &mut body)?;
        if let Some(column) = column_beside(&body, &parameters) {
            return Err(Error::sql(format!("`{column}` is no argument of `{name}`, and a function sees nothing else"))
                .with_excerpt(place::under(script, column.span, "here"))
                .with_hint("make it an argument"));
        }
        self.0.push(Defined { name, parameters, body: cast(body, returns.clone()) });
        Ok(())
    }

    /// Puts bodies in the places of calls.
    pub(super) fn expand<T: VisitMut>(&self, script: &Script, part: &mut T) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut expander = Expander { script, functions: self, left: MAX_EXPRESSIONS };
        outcome(walk_mut(part, &mut expander))
    }

    fn of(&self, call: &Function) -> Option<&Defined> {
        let [part] = call.name.0.as_slice() else { return None };
        let name = normal(part.as_ident()?);
        self.0.iter().find(|known| normal(&known.name) == name)
    }
}

fn cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(Expr::Nested(Box::new(expr))),
        data_type,
        array: false,
        format: None,
    }
}

/// A name in a body that is none of its arguments; so are those of a query in it.
fn column_beside(body: &Expr, parameters: &[(Ident, DataType)]) -> Option<Ident> {
    struct Finder<'a>(&'a [(Ident, DataType)]);
    impl Visitor for Finder<'_> {
        type Break = Ident;

        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Ident> {
            ControlFlow::Break(Ident { value: "SELECT".into(), quote_style: None, span: query.span() })
        }

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Ident> {
            let name = match expr {
                Expr::Identifier(name) => name,
                Expr::CompoundIdentifier(parts) => match parts.last() {
                    Some(name) => return ControlFlow::Break(name.clone()),
                    None => return ControlFlow::Continue(()),
                },
                _ => return ControlFlow::Continue(()),
            };
            match self.0.iter().any(|(known, _)| normal(known) == normal(name)) {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(name.clone()),
            }
        }
    }
    match walk(body, &mut Finder(parameters)) {
        ControlFlow::Break(name) => Some(name),
        ControlFlow::Continue(()) => None,
    }
}

struct Expander<'a> {
    script: &'a Script,
    functions: &'a Functions,
    /// Expressions that calls may still become.
    left: usize,
}

impl VisitorMut for Expander<'_> {
    type Break = Box<Error>;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        let Expr::Function(call) = expr else { return ControlFlow::Continue(()) };
        let Some(defined) = self.functions.of(call) else { return ControlFlow::Continue(()) };
        let refused = |what: String, hint: &str| {
            let excerpt = place::under(self.script, call.name.span(), "this call");
            ControlFlow::Break(Box::new(Error::sql(what).with_hint(hint).with_excerpt(excerpt)))
        };
        let name = &defined.name;
        let given = arguments(call).filter(|given| given.len() == defined.parameters.len());
        let Some(given) = given else {
            let types: Vec<String> = defined.parameters.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
            return refused(
                format!("`{name}` is called with other arguments than it takes"),
                &format!("it takes ({})", types.join(", ")),
            );
        };
        let mut body = defined.body.clone();
        let casts = given
            .into_iter()
            .zip(&defined.parameters)
            .map(|(arg, (name, kind))| (normal(name), cast(arg, kind.clone())));
        let _ = walk_mut(&mut body, &mut Substituter { arguments: casts.collect() });
        let size = Size::of(&body);
        let Some(left) = self.left.checked_sub(size.expressions).filter(|_| size.deepest <= MAX_OPERATORS) else {
            return refused(
                format!("the calls of `{name}` become too many expressions to plan"),
                "compute parts in a view or with WITH, and name their columns",
            );
        };
        self.left = left;
        *expr = Expr::Nested(Box::new(body));
        ControlFlow::Continue(())
    }
}

struct Substituter {
    arguments: Vec<(String, Expr)>,
}

impl VisitorMut for Substituter {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Identifier(name) = expr {
            let name = normal(name);
            if let Some((_, argument)) = self.arguments.iter().find(|(known, _)| *known == name) {
                *expr = argument.clone();
            }
        }
        ControlFlow::Continue(())
    }
}

/// How large an expression is.
#[derive(Default)]
struct Size {
    expressions: usize,
    depth: usize,
    deepest: usize,
}

impl Size {
    fn of(expr: &Expr) -> Self {
        let mut size = Self::default();
        let _ = walk(expr, &mut size);
        size
    }
}

impl Visitor for Size {
    type Break = ();

    fn pre_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        self.expressions += 1;
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        // What is far too large is not looked at to its end.
        if self.expressions > MAX_EXPRESSIONS { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::ast::Statement as Sql;

    use super::*;

    /// The last statement of a script, with the functions of the others in it.
    fn expanded(sql: &str) -> Result<String> {
        let script = Script { name: "q".into(), text: sql.into() };
        let mut functions = Functions::default();
        let mut last = None;
        for statement in script.parse()? {
            let datafusion::sql::parser::Statement::Statement(sql) = statement else { continue };
            match sql.as_ref() {
                Sql::CreateFunction(create) => functions.add(&script, create)?,
                _ => last = Some(*sql),
            }
        }
        let mut last = last.unwrap();
        functions.expand(&script, &mut last).map(|()| last.to_string())
    }

    fn fails(sql: &str, expected: &str, pointed: &str) {
        let error = expanded(sql).unwrap_err();
        let excerpt = error.problem().unwrap().excerpt.clone().unwrap();
        assert_eq!((error.to_string().as_str(), &excerpt.text[excerpt.span.clone()]), (expected, pointed), "{sql}");
    }

    const HALF: &str = "CREATE FUNCTION half(x DOUBLE) RETURNS DOUBLE RETURN x / 2; ";

    #[test]
    fn calls_become_bodies() {
        let check = |sql: &str, expected: &str| assert_eq!(expanded(&format!("{HALF}{sql}")).unwrap(), expected);
        check("SELECT half(a)", "SELECT (CAST((CAST((a) AS DOUBLE) / 2) AS DOUBLE))");
        check("SELECT HALF(x + 1)", "SELECT (CAST((CAST((x + 1) AS DOUBLE) / 2) AS DOUBLE))");
        check(
            "SELECT half(half(a)) FROM half",
            "SELECT (CAST((CAST(((CAST((CAST((a) AS DOUBLE) / 2) AS DOUBLE))) AS DOUBLE) / 2) AS DOUBLE)) FROM half",
        );
        check("SELECT a.half(1)", "SELECT a.half(1)");
    }

    #[test]
    fn a_function_sees_its_arguments_only() {
        fails(
            "CREATE FUNCTION f(x DOUBLE) RETURNS DOUBLE RETURN x + y; SELECT 1",
            "`y` is no argument of `f`, and a function sees nothing else",
            "y",
        );
        fails(
            "CREATE FUNCTION f(x DOUBLE) RETURNS DOUBLE RETURN e.x; SELECT 1",
            "`x` is no argument of `f`, and a function sees nothing else",
            "x",
        );
        let what = "`f`: a function is one expression, and says what type it returns";
        fails("CREATE FUNCTION f(x DOUBLE) RETURN x; SELECT 1", what, "f");
        fails("CREATE FUNCTION f(x DOUBLE) RETURNS DOUBLE AS 'x'; SELECT 1", what, "f");
    }

    #[test]
    fn a_call_has_the_arguments_of_its_function() {
        let what = "`half` is called with other arguments than it takes";
        for call in ["half()", "half(1, 2)", "half(*)", "half(DISTINCT 1)", "half(1) OVER ()"] {
            fails(&format!("{HALF}SELECT {call}"), what, "half");
        }
    }

    #[test]
    fn what_grows_without_bound_is_refused() {
        let mut script = "CREATE FUNCTION f0(x DOUBLE) RETURNS DOUBLE RETURN x + x; ".to_owned();
        for number in 1..40 {
            let before = number - 1;
            script +=
                &format!("CREATE FUNCTION f{number}(x DOUBLE) RETURNS DOUBLE RETURN f{before}(x) + f{before}(x); ");
        }
        let error = expanded(&format!("{script} SELECT f39(1)")).unwrap_err();
        assert!(error.to_string().ends_with("become too many expressions to plan"), "{error}");
        let nested = format!("{HALF}SELECT {}1{}", "half(".repeat(20), ")".repeat(20));
        assert!(expanded(&nested).is_ok());
    }
}
