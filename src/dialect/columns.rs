//! Columns as people type them: once it is known which one is meant, the identifier says so, in quotes.
//!
//! An identifier keeps its place. One in quotes is exact already, and is left alone.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Expr, GroupByExpr, Ident, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, OrderBy,
    OrderByKind, Query, Select, SelectItem, Spanned, VisitorMut, WildcardAdditionalOptions,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::default_source::inner_mut;
use super::normal;
use super::walk::walk_mut;

/// Gives the column that is written as `written`, in lower case and by its parts, the `real` spelling of its first
/// parts: the one at `span`; or all that stand in EXCLUDE, EXCEPT and USING, of which no place is told. Returns whether any
/// changed.
pub fn spell(statement: &mut Statement, written: &[String], span: Option<Span>, real: &[String]) -> bool {
    let Some(sql) = inner_mut(statement) else { return false };
    let mut any = false;
    for span in [span, None] {
        let mut speller = Speller { written, span, real, any: false };
        let _ = walk_mut(sql, &mut speller);
        any = speller.any;
        if any {
            break;
        }
    }
    any
}

/// Gives each column in GROUP BY and ORDER BY that is called as one of `settled`, pairs of what is written and the real
/// name, that name. Returns whether any changed.
pub fn spell_groups(statement: &mut Statement, settled: &[(String, String)]) -> bool {
    let Some(sql) = inner_mut(statement) else { return false };
    let mut speller = GroupSpeller { settled, any: false };
    let _ = walk_mut(sql, &mut speller);
    speller.any
}

struct GroupSpeller<'a> {
    settled: &'a [(String, String)],
    any: bool,
}

impl VisitorMut for GroupSpeller<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if let GroupByExpr::Expressions(groups, _) = &mut select.group_by {
            groups.iter_mut().for_each(|group| self.spell(group));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let Some(OrderBy { kind: OrderByKind::Expressions(exprs), .. }) = &mut query.order_by {
            exprs.iter_mut().for_each(|order| self.spell(&mut order.expr));
        }
        ControlFlow::Continue(())
    }
}

impl GroupSpeller<'_> {
    fn spell(&mut self, column: &mut Expr) {
        let name = match column {
            Expr::Identifier(name) => Some(name),
            Expr::CompoundIdentifier(parts) => parts.last_mut(),
            _ => None,
        };
        let Some(name) = name.filter(|name| name.quote_style.is_none()) else { return };
        let real = self.settled.iter().find(|(written, _)| *written == name.value.to_lowercase());
        if let Some((_, real)) = real {
            *name = Ident { value: real.clone(), quote_style: Some('"'), span: name.span };
            self.any = true;
        }
    }
}

struct Speller<'a> {
    written: &'a [String],
    span: Option<Span>,
    real: &'a [String],
    any: bool,
}

impl Speller<'_> {
    fn spell(&mut self, parts: &mut [Ident], span: Span) {
        let is_written = parts.len() == self.written.len() && parts.iter().zip(self.written).all(is_named);
        if !is_written || self.span.is_some_and(|wanted| wanted != span) {
            return;
        }
        for (part, real) in parts.iter_mut().zip(self.real) {
            // As an expression it would be read in small letters, in EXCLUDE as it stands.
            let is_real = part.value == *real && normal(part) == *real;
            if part.quote_style.is_none() && !is_real {
                *part = Ident { value: real.clone(), quote_style: Some('"'), span: part.span };
                self.any = true;
            }
        }
    }

    fn spell_name(&mut self, name: &mut ObjectName) {
        if let [ObjectNamePart::Identifier(ident)] = name.0.as_mut_slice() {
            self.spell_ident(ident);
        }
    }

    fn spell_ident(&mut self, ident: &mut Ident) {
        let span = ident.span;
        self.spell(std::slice::from_mut(ident), span);
    }

    fn spell_wildcard(&mut self, options: &mut WildcardAdditionalOptions) {
        match &mut options.opt_exclude {
            Some(ExcludeSelectItem::Single(name)) => self.spell_name(name),
            Some(ExcludeSelectItem::Multiple(names)) => names.iter_mut().for_each(|name| self.spell_name(name)),
            None => {}
        }
        if let Some(except) = &mut options.opt_except {
            std::iter::once(&mut except.first_element)
                .chain(&mut except.additional_elements)
                .for_each(|name| self.spell_ident(name));
        }
    }
}

fn is_named((part, name): (&Ident, &String)) -> bool {
    normal(part) == *name
}

impl VisitorMut for Speller<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        // Of those the place is always known.
        if self.span.is_none() {
            return ControlFlow::Continue(());
        }
        let span = expr.span();
        match expr {
            Expr::Identifier(ident) => self.spell(std::slice::from_mut(ident), span),
            Expr::CompoundIdentifier(parts) => self.spell(parts, span),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            if let SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) = item {
                self.spell_wildcard(options);
            }
        }
        for join in select.from.iter_mut().flat_map(|from| &mut from.joins) {
            if let JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::Left(constraint)
            | JoinOperator::LeftOuter(constraint)
            | JoinOperator::Right(constraint)
            | JoinOperator::RightOuter(constraint)
            | JoinOperator::FullOuter(constraint) = &mut join.join_operator
                && let JoinConstraint::Using(names) = constraint
            {
                names.iter_mut().for_each(|name| self.spell_name(name));
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Script;

    fn check(sql: &str, written: &[&str], span: Option<Span>, real: &[&str], expected: &str) {
        let mut statement = Script { name: "q".into(), text: sql.into() }.parse().unwrap().remove(0);
        let owned = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
        let any = spell(&mut statement, &owned(written), span, &owned(real));
        assert_eq!((statement.to_string().as_str(), any), (expected, sql != expected), "{sql}");
    }

    /// The place behind `SELECT `, up to a column of the text.
    fn selected(last: u64) -> Option<Span> {
        Some(Span::new((1, 8).into(), (1, last + 1).into()))
    }

    #[test]
    fn the_one_at_the_place_is_spelt() {
        check("SELECT USERID, userid", &["userid"], selected(13), &["userId"], r#"SELECT "userId", userid"#);
    }

    #[test]
    fn without_a_place_those_are_that_have_none() {
        check("SELECT Userid, userID", &["userid"], None, &["userId"], "SELECT Userid, userID");
        check(
            "SELECT * EXCLUDE (USERID) FROM a JOIN b USING(UserID)",
            &["userid"],
            None,
            &["userId"],
            r#"SELECT * EXCLUDE ("userId") FROM a JOIN b USING("userId")"#,
        );
    }

    #[test]
    fn groups_are_spelt_as_what_is_selected() {
        let sql = r#"SELECT "userId" FROM e GROUP BY e.USERID, "userid", other ORDER BY UserId"#;
        let mut statement = Script { name: "q".into(), text: sql.into() }.parse().unwrap().remove(0);
        assert!(spell_groups(&mut statement, &[("userid".to_owned(), "userId".to_owned())]));
        let expected = r#"SELECT "userId" FROM e GROUP BY e."userId", "userid", other ORDER BY "userId""#;
        assert_eq!(statement.to_string(), expected);
    }

    #[test]
    fn paths_are_spelt_from_their_beginning() {
        check("SELECT e.COMMIT.op", &["e", "commit", "op"], selected(18), &["e", "Commit"], r#"SELECT e."Commit".op"#);
        check("SELECT userId", &["userid"], selected(13), &["userId"], r#"SELECT "userId""#);
        check("SELECT commit.op", &["commit", "op"], selected(16), &["Commit"], r#"SELECT "Commit".op"#);
    }

    #[test]
    fn quotes_are_exact() {
        check(r#"SELECT "userid""#, &["userid"], selected(15), &["userId"], r#"SELECT "userid""#);
        check(r#"SELECT "E".userid"#, &["E", "userid"], selected(17), &["E", "userId"], r#"SELECT "E"."userId""#);
    }
}
