//! What a SELECT reads: names of tables, queries and windows in FROM, and the names that are given to them.

use super::{Bracket, Clause, Cte, Frame, Origin, Parser, Part, Relation};
use crate::repl::assist::token::Token;

/// Tables that are windows over another.
const WINDOWS: [&str; 3] = ["TUMBLE", "HOP", "SESSION"];

impl Parser<'_, '_> {
    /// A table where one is wanted, or the one that `relation` is over.
    pub(super) fn table(&mut self, at: usize, relation: Option<usize>) -> usize {
        let Some(token) = self.token(at) else {
            // Nothing is there yet.
            if at < self.tokens.len() {
                self.mark(at, Part::Table);
                return at + 1;
            }
            return at;
        };
        if token.is_any(&["LATERAL", "ONLY", "TABLE"]) {
            self.place(at, Part::Expression);
            return at + 1;
        }
        self.set(|frame| frame.wants_table = false);
        let Some((path, end, is_done)) = self.path(at) else {
            // A path in quotes, or what is none.
            self.place(at, Part::Expression);
            self.add_relation(Relation { origin: Origin::Unknown, ..Relation::default() });
            return at + 1;
        };
        for at in at..end {
            self.mark(at, Part::Table);
        }
        if !is_done {
            return end;
        }
        if let Some(known) = relation {
            if let Some(relation) = self.select().and_then(|select| select.relations.get_mut(known)) {
                relation.path = path;
            }
            return end;
        }
        if self.token(end).is_some_and(|token| token.is_sign("(")) {
            return self.table_function(at, end);
        }
        let relation = self.add_relation(Relation { path, ..Relation::default() });
        if self.frame().clause == Clause::Table {
            return end;
        }
        relation.map_or(end, |relation| self.alias(end, relation))
    }

    /// The names of a path, where it ends, and whether nothing is missing of it.
    fn path(&mut self, at: usize) -> Option<(Vec<String>, usize, bool)> {
        let name = self.token(at).filter(|token| token.is_name() && (token.is_alias() || self.is_qualified(at)))?;
        let mut path = vec![name.key()];
        let mut end = at + 1;
        while self.token(end).is_some_and(|token| token.is_sign(".")) {
            let Some(name) = self.token(end + 1).filter(|token| token.is_name()) else {
                let is_hole = end + 1 < self.tokens.len() && self.tokens[end + 1].is_hole();
                return Some((path, end + 1 + usize::from(is_hole), false));
            };
            path.push(name.key());
            end += 2;
        }
        Some((path, end, true))
    }

    fn is_qualified(&self, at: usize) -> bool {
        self.token(at + 1).is_some_and(|token| token.is_sign("."))
    }

    fn table_function(&mut self, name: usize, bracket: usize) -> usize {
        for at in name..bracket {
            self.mark(at, Part::Expression);
        }
        let is_windowed = self.tokens[name].is_any(&WINDOWS);
        let origin = if is_windowed { Origin::Named } else { Origin::Unknown };
        let relation = self.add_relation(Relation { origin, is_windowed, ..Relation::default() });
        self.place(bracket, Part::Expression);
        let kind = if is_windowed { Bracket::Windows } else { Bracket::Plain };
        self.open(kind, self.frame().select, Some(name), bracket + 1);
        self.set(|frame| frame.relation = relation);
        bracket + 1
    }

    fn add_relation(&mut self, relation: Relation) -> Option<usize> {
        let select = self.select()?;
        select.relations.push(relation);
        Some(select.relations.len() - 1)
    }

    /// Notes that a query in brackets is read, if it is: the relation that stands for it.
    pub(super) fn reads_query(&mut self, query: usize, frame: &Frame) -> Option<usize> {
        let origin = Origin::Query(query);
        if frame.bracket == Bracket::Windows {
            let known = frame.relation?;
            self.select()?.relations.get_mut(known)?.origin = origin;
            return None;
        }
        if !frame.wants_table || frame.clause == Clause::Table {
            return None;
        }
        self.add_relation(Relation { origin, ..Relation::default() })
    }

    /// The name that may be given to a relation; returns the next word that is not taken.
    pub(super) fn alias(&mut self, at: usize, relation: usize) -> usize {
        let mut name = at;
        if self.is(at, "AS") {
            self.place(at, Part::Expression);
            name += 1;
        }
        if !self.token(name).is_some_and(|token| token.is_alias() && (name > at || !token.is("AS"))) {
            return name;
        }
        self.mark(name, Part::Alias);
        let alias = self.tokens[name].key();
        if let Some(relation) = self.select().and_then(|select| select.relations.get_mut(relation)) {
            relation.alias = Some(alias);
        }
        if self.token(name + 1).is_some_and(|token| token.is_sign("(")) {
            self.place(name + 1, Part::Expression);
            self.open(Bracket::RelationNames, self.frame().select, None, name + 2);
            self.set(|frame| frame.relation = Some(relation));
            return name + 2;
        }
        name + 1
    }

    /// The name of a CTE, or a word beside it.
    pub(super) fn cte(&mut self, at: usize) -> usize {
        let token = &self.tokens[at];
        let is_new = self.before(at, "WITH") || self.before(at, "RECURSIVE") || is_comma(self.tokens, at);
        if is_new && !token.is("RECURSIVE") {
            let (owner, name) = (self.frame().select, token.key());
            self.mark(at, Part::Alias);
            if let Some(select) = self.select() {
                select.ctes.insert(name.clone(), Cte::default());
            }
            self.cte = Some((owner, name));
        }
        at + 1
    }

    /// A name in brackets behind a CTE or an alias.
    pub(super) fn rename(&mut self, at: usize, frame: &Frame) {
        let token = &self.tokens[at];
        if !token.is_name() {
            return;
        }
        let name = token.key();
        self.mark(at, Part::Alias);
        if let (Bracket::RelationNames, Some(known)) = (frame.bracket, frame.relation) {
            if let Some(relation) = self.select().and_then(|select| select.relations.get_mut(known)) {
                relation.renamed.push(name);
            }
            return;
        }
        let Some((owner, cte)) = self.cte.clone() else { return };
        let select = self.parsed.selects.get_mut(owner);
        if let Some(cte) = select.and_then(|select| select.ctes.get_mut(&cte)) {
            cte.renamed.push(name);
        }
    }
}

fn is_comma(tokens: &[Token<'_>], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|before| tokens[before].is_sign(","))
}
