//! Ways through the syntax tree for any visitor, compiled once.
//!
//! The parser's own `visit` is compiled anew for each type of visitor, and each time for every type of node: with our thirty
//! visitors that was a sixth of the program, and more than half of the time that compiling this crate took. Here visitors are called
//! through a table of their hooks. It knows nothing of what they look for.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, ObjectName, Query, Select, Statement, TableFactor, ValueWithSpan, Visit, VisitMut, Visitor, VisitorMut,
};

/// Leads a visitor through `part`; what it broke off with.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub(crate) fn walk<V: Visitor>(part: &impl Visit, visitor: &mut V) -> ControlFlow<V::Break> {
    let mut keeper = Keeper { visitor, broke_with: None };
    let _ = part.visit(&mut Any(&mut keeper));
    keeper.broke_with.map_or(ControlFlow::Continue(()), ControlFlow::Break)
}

/// As [`walk`], for a visitor that changes what it sees.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub(super) fn walk_mut<V: VisitorMut>(part: &mut impl VisitMut, visitor: &mut V) -> ControlFlow<V::Break> {
    let mut keeper = KeeperMut { visitor, broke_with: None };
    let _ = part.visit(&mut AnyMut(&mut keeper));
    keeper.broke_with.map_or(ControlFlow::Continue(()), ControlFlow::Break)
}

/// Shows all expressions of `part`, those that hold others first.
pub(crate) fn walk_expressions<B>(part: &impl Visit, see: impl FnMut(&Expr) -> ControlFlow<B>) -> ControlFlow<B> {
    walk(part, &mut Expressions(see))
}

/// Shows all names of tables in `part`.
pub(super) fn walk_relations<B>(part: &impl Visit, see: impl FnMut(&ObjectName) -> ControlFlow<B>) -> ControlFlow<B> {
    walk(part, &mut Relations(see))
}

struct Expressions<F>(F);

impl<B, F: FnMut(&Expr) -> ControlFlow<B>> Visitor for Expressions<F> {
    type Break = B;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<B> {
        (self.0)(expr)
    }
}

struct Relations<F>(F);

impl<B, F: FnMut(&ObjectName) -> ControlFlow<B>> Visitor for Relations<F> {
    type Break = B;

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<B> {
        (self.0)(name)
    }
}

/// The visitors that the tree is compiled for.
struct Any<'a>(&'a mut dyn Visitor<Break = ()>);
struct AnyMut<'a>(&'a mut dyn VisitorMut<Break = ()>);

/// A visitor, and what it broke off with: so all break off with the same type.
struct Keeper<'a, V: Visitor> {
    visitor: &'a mut V,
    broke_with: Option<V::Break>,
}

/// As [`Keeper`].
struct KeeperMut<'a, V: VisitorMut> {
    visitor: &'a mut V,
    broke_with: Option<V::Break>,
}

macro_rules! shared {
    ($node:ty) => {
        &$node
    };
}

macro_rules! exclusive {
    ($node:ty) => {
        &mut $node
    };
}

/// All hooks that the parser calls, made by a macro.
macro_rules! hooks {
    ($with:ident, $reference:ident) => {
        $with! { $reference,
            pre_visit_query: Query, post_visit_query: Query,
            pre_visit_select: Select, post_visit_select: Select,
            pre_visit_relation: ObjectName, post_visit_relation: ObjectName,
            pre_visit_table_factor: TableFactor, post_visit_table_factor: TableFactor,
            pre_visit_expr: Expr, post_visit_expr: Expr,
            pre_visit_statement: Statement, post_visit_statement: Statement,
            pre_visit_value: ValueWithSpan, post_visit_value: ValueWithSpan
        }
    };
}

macro_rules! hand_on {
    ($reference:ident, $($hook:ident: $node:ty),*) => {
        type Break = ();

        $(fn $hook(&mut self, node: $reference!($node)) -> ControlFlow<()> {
            self.0.$hook(node)
        })*
    };
}

macro_rules! keep {
    ($reference:ident, $($hook:ident: $node:ty),*) => {
        type Break = ();

        $(fn $hook(&mut self, node: $reference!($node)) -> ControlFlow<()> {
            self.visitor.$hook(node).map_break(|with| self.broke_with = Some(with))
        })*
    };
}

impl Visitor for Any<'_> {
    hooks! { hand_on, shared }
}

impl VisitorMut for AnyMut<'_> {
    hooks! { hand_on, exclusive }
}

impl<V: Visitor> Visitor for Keeper<'_, V> {
    hooks! { keep, shared }
}

impl<V: VisitorMut> VisitorMut for KeeperMut<'_, V> {
    hooks! { keep, exclusive }
}

#[cfg(test)]
mod tests {
    use super::super::Script;
    use super::super::default_source::{inner, inner_mut};
    use super::*;

    const SQL: &str = "WITH c AS (SELECT a FROM t WHERE a > 1) SELECT * FROM c, u JOIN (SELECT 'x') AS d ON true \
                       WHERE EXISTS (SELECT 2) ORDER BY a";

    /// The hooks that were called, with what they were shown; breaks off after so many.
    struct Log(Vec<(&'static str, String)>, usize);

    impl Log {
        fn add(&mut self, hook: &'static str, node: &impl ToString) -> ControlFlow<usize> {
            self.0.push((hook, node.to_string()));
            if self.0.len() < self.1 { ControlFlow::Continue(()) } else { ControlFlow::Break(self.1) }
        }
    }

    macro_rules! log {
        ($reference:ident, $($hook:ident: $node:ty),*) => {
            type Break = usize;

            $(fn $hook(&mut self, node: $reference!($node)) -> ControlFlow<usize> {
                self.add(stringify!($hook), node)
            })*
        };
    }

    impl Visitor for Log {
        hooks! { log, shared }
    }

    impl VisitorMut for Log {
        hooks! { log, exclusive }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "what is compared with")]
    fn a_visitor_is_shown_what_the_parser_shows_it() {
        let mut statement = Script { name: "q".into(), text: SQL.into() }.parse().unwrap().remove(0);
        let whole = || Log(Vec::new(), usize::MAX);
        let (mut expected, mut found, mut found_mut) = (whole(), whole(), whole());
        assert!(Visit::visit(inner(&statement).unwrap(), &mut expected).is_continue());
        let hooks: std::collections::BTreeSet<_> = expected.0.iter().map(|(hook, _)| *hook).collect();
        assert_eq!(hooks.len(), 14, "the statement has a node for each hook: {hooks:?}");
        assert!(walk(inner(&statement).unwrap(), &mut found).is_continue());
        assert!(walk_mut(inner_mut(&mut statement).unwrap(), &mut found_mut).is_continue());
        assert_eq!((&found.0, &found_mut.0), (&expected.0, &expected.0));
        for most in 1..expected.0.len() {
            let mut first = Log(Vec::new(), most);
            let mut first_mut = Log(Vec::new(), most);
            assert_eq!(walk(inner(&statement).unwrap(), &mut first), ControlFlow::Break(most));
            assert_eq!(walk_mut(inner_mut(&mut statement).unwrap(), &mut first_mut), ControlFlow::Break(most));
            assert_eq!((&first.0[..], &first_mut.0[..]), (&expected.0[..most], &expected.0[..most]));
        }
    }
}
