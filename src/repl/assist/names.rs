//! What the names in a statement stand for: the tables, the columns that each SELECT sees, and those that it gives.
//!
//! Where it cannot be told, anything goes: nobody is told that a name is wrong which the engine would find.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::known::{Column, Known, Table};
use super::scope::{Cte, Item, Origin, Parsed, Relation, Select, parse};
use super::token::{Token, unquoted};
use crate::dialect::PCOLLECTION;

/// How many queries are gone through to find a name, each in the one before it. Beyond that anything goes.
const MAX_DEPTH: usize = 64;
/// How many relations of one SELECT are looked into.
const MAX_RELATIONS: usize = 64;

/// Columns, as far as they are known.
#[derive(Debug, Default, Clone)]
pub(super) struct Columns<'a> {
    /// All columns of these.
    pub tables: Vec<&'a Table>,
    /// Columns that are named in the statement: as they are written, and what is known of them.
    pub made: Vec<(String, Option<&'a Column>)>,
    /// Names of others that may be there, and of those made, in small letters.
    pub names: HashSet<String>,
    /// Whether there may be others.
    pub is_any: bool,
}

impl<'a> Columns<'a> {
    fn any() -> Self {
        Self { is_any: true, ..Self::default() }
    }

    fn of(table: &'a Table) -> Self {
        Self { tables: vec![table], is_any: table.columns().is_empty(), ..Self::default() }
    }

    /// Whether there may be a column of this name, which is in small letters.
    pub fn may_have(&self, name: &str) -> bool {
        self.is_any || self.names.contains(name) || self.tables.iter().any(|table| table.has(name))
    }

    /// The column of this name, if more than the name is known.
    pub fn column(&self, name: &str) -> Option<&'a Column> {
        let is_it = |written: &str| unquoted(written).to_lowercase() == name;
        let made = self.made.iter().find(|(written, _)| is_it(written)).and_then(|(_, column)| *column);
        made.or_else(|| {
            let table = self.tables.iter().find(|table| table.has(name))?;
            table.columns().iter().find(|column| is_it(&column.name))
        })
    }

    fn add(&mut self, others: &Self) {
        for table in &others.tables {
            if !self.tables.iter().any(|known| std::ptr::eq(*known, *table)) {
                self.tables.push(table);
            }
        }
        self.made.extend(others.made.iter().cloned());
        self.names.extend(others.names.iter().cloned());
        self.is_any |= others.is_any;
    }

    fn make(&mut self, written: String, column: Option<&'a Column>) {
        self.names.insert(unquoted(&written).to_lowercase());
        self.made.push((written, column));
    }
}

/// Views that a text makes, by name in small letters.
pub(super) type Views<'a> = HashMap<String, Rc<Columns<'a>>>;

/// The views that statements make.
pub(super) fn views<'a>(known: &'a Known, statements: &[Vec<Token<'_>>]) -> Views<'a> {
    let mut views = Views::new();
    statements.iter().for_each(|tokens| add_view(known, tokens, &mut views));
    views
}

/// Adds the view that a statement makes, if it does.
pub(super) fn add_view<'a>(known: &'a Known, tokens: &[Token<'_>], views: &mut Views<'a>) {
    if !tokens.first().is_some_and(|token| token.is("CREATE")) {
        return;
    }
    let parsed = parse(tokens);
    let Some(name) = &parsed.creates else { return };
    let columns = match parsed.is_strange {
        true => Rc::new(Columns::any()),
        false => Names::new(known, &parsed, views).outputs(0),
    };
    views.insert(name.clone(), columns);
}

/// What a table's name stands for.
pub(super) enum Found<'p, 'a> {
    Cte(&'p Cte),
    Columns(Rc<Columns<'a>>),
    /// There is none.
    Nothing,
}

/// The names of a statement.
pub(super) struct Names<'p, 'a> {
    pub known: &'a Known,
    pub parsed: &'p Parsed,
    views: &'p Views<'a>,
    outputs: RefCell<HashMap<usize, Rc<Columns<'a>>>>,
    read: RefCell<HashMap<(usize, usize), Rc<Columns<'a>>>>,
}

impl<'p, 'a> Names<'p, 'a> {
    pub fn new(known: &'a Known, parsed: &'p Parsed, views: &'p Views<'a>) -> Self {
        Self { known, parsed, views, outputs: RefCell::default(), read: RefCell::default() }
    }

    /// The SELECTs whose relations are seen in one, from the inside.
    pub fn around(&self, select: usize) -> impl Iterator<Item = (usize, &'p Select)> {
        let next = |(_, select): &(usize, &'p Select)| {
            let parent = select.parent.filter(|_| select.sees_parent)?;
            Some((parent, self.parsed.selects.get(parent)?))
        };
        let first = self.parsed.selects.get(select).map(|found| (select, found));
        std::iter::successors(first, next).take(MAX_DEPTH)
    }

    /// Whether a SELECT may see a column, an alias or a relation of this name, which is in small letters.
    pub fn may_see(&self, select: usize, name: &str) -> bool {
        let mut last = None;
        for (at, found) in self.around(select) {
            last = found.parent.filter(|_| found.sees_parent);
            let is_named = found.aliases.contains(name) || self.gives(found.sibling, name);
            let is_lost = found.relations.len() > MAX_RELATIONS || !(found.has_items || found.has_from);
            if is_named || is_lost || self.relation(at, name).is_some() {
                return true;
            }
            if (0..found.relations.len()).any(|relation| self.read(at, relation).may_have(name)) {
                return true;
            }
            if !found.has_from && self.promised(at).iter().any(|(_, columns)| columns.may_have(name)) {
                return true;
            }
            if !found.has_from && self.known.default_table().is_none_or(|table| Columns::of(table).may_have(name)) {
                return true;
            }
        }
        last.is_some()
    }

    /// Whether the SELECT before in a UNION gives such a column, to order by.
    fn gives(&self, sibling: Option<usize>, name: &str) -> bool {
        sibling.is_some_and(|sibling| self.outputs(sibling).may_have(name))
    }

    /// The relation of this name that a SELECT sees: whose it is, and which.
    pub fn relation(&self, select: usize, name: &str) -> Option<(usize, usize)> {
        self.around(select).find_map(|(at, found)| {
            let is_it = |relation: &Relation| {
                relation.name().is_some_and(|known| known == name)
                    || (relation.alias.is_none() && relation.path.iter().any(|part| part == name))
            };
            let found = found.relations.iter().take(MAX_RELATIONS).position(is_it);
            found.map(|relation| (at, relation))
        })
    }

    /// What a SELECT sees columns of, from the inside, with the names that qualify them.
    pub fn sources(&self, select: usize) -> Vec<(Option<&'p String>, Rc<Columns<'a>>)> {
        let mut sources = Vec::new();
        for (at, found) in self.around(select) {
            for (number, relation) in found.relations.iter().enumerate().take(MAX_RELATIONS) {
                sources.push((relation.name(), self.read(at, number)));
            }
            if !found.has_from {
                sources.extend(self.promised(at));
            }
            match self.known.default_table() {
                _ if found.has_from => {}
                Some(table) => sources.push((None, Rc::new(Columns::of(table)))),
                None => sources.extend(self.known.tables.iter().map(|table| (None, Rc::new(Columns::of(table))))),
            }
            sources.extend(found.sibling.map(|sibling| (None, self.outputs(sibling))));
        }
        sources
    }

    /// Columns of the queries under WITH: whoever wrote them is about to read them, though FROM is not there yet.
    fn promised(&self, select: usize) -> Vec<(Option<&'p String>, Rc<Columns<'a>>)> {
        let ctes = self.ctes(select).into_iter().filter_map(|name| self.cte(select, name)??.query);
        ctes.map(|query| (None, self.outputs(query))).collect()
    }

    /// The column, or the field of one, that a path leads to.
    pub fn column(&self, select: usize, path: &[String]) -> Option<&'a Column> {
        let (first, rest) = path.split_first()?;
        let (column, fields) = match (self.relation(select, first), rest) {
            (Some((at, relation)), [column, fields @ ..]) => (self.read(at, relation).column(column)?, fields),
            _ => (self.sources(select).iter().find_map(|(_, columns)| columns.column(first))?, rest),
        };
        fields
            .iter()
            .try_fold(column, |column, name| column.fields.iter().find(|field| field.name.to_lowercase() == *name))
    }

    /// Whether a SELECT may see a column of this name, which is in small letters.
    pub fn column_is_seen(&self, select: usize, name: &str) -> bool {
        self.sources(select).iter().any(|(_, columns)| !columns.is_any && columns.may_have(name))
    }

    /// The columns of a relation.
    pub fn read(&self, select: usize, relation: usize) -> Rc<Columns<'a>> {
        if let Some(known) = self.read.borrow().get(&(select, relation)) {
            return known.clone();
        }
        let columns = Rc::new(self.read_at(select, relation, 0));
        self.read.borrow_mut().insert((select, relation), columns.clone());
        columns
    }

    /// The columns that a SELECT gives.
    pub fn outputs(&self, select: usize) -> Rc<Columns<'a>> {
        self.outputs_at(select, 0)
    }

    fn read_at(&self, select: usize, relation: usize, depth: usize) -> Columns<'a> {
        let Some(relation) = self.parsed.selects.get(select).and_then(|select| select.relations.get(relation)) else {
            return Columns::any();
        };
        let mut columns = match relation.origin {
            Origin::Unknown => Columns::any(),
            Origin::Query(query) => self.outputs_at(query, depth + 1).as_ref().clone(),
            Origin::Named => match self.table(select, &relation.path) {
                Found::Nothing => Columns::any(),
                Found::Columns(columns) => columns.as_ref().clone(),
                Found::Cte(cte) => {
                    let query = cte.query.map(|query| self.outputs_at(query, depth + 1));
                    let mut columns = query.map_or_else(Columns::any, |columns| columns.as_ref().clone());
                    cte.renamed.iter().for_each(|name| columns.make(name.clone(), None));
                    columns
                }
            },
        };
        relation.renamed.iter().for_each(|name| columns.make(name.clone(), None));
        if relation.is_windowed {
            ["window_start", "window_end"].iter().for_each(|name| columns.make((*name).to_owned(), None));
        }
        columns
    }

    fn outputs_at(&self, select: usize, depth: usize) -> Rc<Columns<'a>> {
        if let Some(known) = self.outputs.borrow().get(&select) {
            return known.clone();
        }
        let any = Rc::new(Columns::any());
        if depth > MAX_DEPTH {
            return any;
        }
        // What asks for itself gets no answer.
        self.outputs.borrow_mut().insert(select, any);
        let columns = Rc::new(self.given(select, depth));
        self.outputs.borrow_mut().insert(select, columns.clone());
        columns
    }

    fn given(&self, at: usize, depth: usize) -> Columns<'a> {
        let Some(select) = self.parsed.selects.get(at) else { return Columns::any() };
        if select.relations.len() > MAX_RELATIONS {
            return Columns::any();
        }
        let mut relations = Vec::new();
        for (number, relation) in select.relations.iter().enumerate() {
            relations.push((relation.name(), self.read_at(at, number, depth)));
        }
        let default = (!select.has_from).then(|| self.known.default_table()).flatten().map(Columns::of);
        relations.extend(default.map(|columns| (None, columns)));
        let mut columns = Columns::default();
        if !select.has_items {
            // `FROM t` alone is all of it; brackets around a query are not looked through.
            columns.is_any = !select.has_from;
            relations.iter().for_each(|(_, read)| columns.add(read));
        }
        for item in &select.items {
            match item {
                Item::Star(qualifier) => {
                    let is_meant = |name: &Option<&String>| qualifier.is_none() || *name == qualifier.as_ref();
                    columns.is_any |= relations.is_empty();
                    relations.iter().filter(|(name, _)| is_meant(name)).for_each(|(_, read)| columns.add(read));
                }
                Item::Column(path) => {
                    let Some(name) = path.last() else { continue };
                    let found = relations.iter().find_map(|(_, read)| read.column(name));
                    columns.make(found.map_or_else(|| name.clone(), |column| column.name.clone()), found);
                }
                Item::Named(name) => columns.make(name.clone(), None),
                Item::Unnamed(names) => columns.names.extend(names.iter().cloned()),
                Item::Anything => columns.is_any = true,
            }
        }
        columns
    }

    /// What a table's name stands for in a SELECT.
    pub fn table(&self, select: usize, path: &[String]) -> Found<'p, 'a> {
        let (Some(name), Some(first)) = (path.last(), path.first()) else {
            return Found::Columns(Rc::new(Columns::any()));
        };
        if path.len() == 1 {
            match self.cte(select, name) {
                Some(Some(cte)) => return Found::Cte(cte),
                Some(None) => return Found::Columns(Rc::new(Columns::any())),
                None => {}
            }
            if let Some(view) = self.views.get(name) {
                return Found::Columns(view.clone());
            }
        }
        let is_default = name.eq_ignore_ascii_case(PCOLLECTION) && path.len() == 1;
        let plain = match path {
            [.., schema, name] if schema == "public" => name.clone(),
            path => path.join("."),
        };
        let table = self.known.table(&plain).or_else(|| self.known.default_table().filter(|_| is_default));
        match table {
            Some(table) => Found::Columns(Rc::new(Columns::of(table))),
            None if first == "information_schema" || self.known.tables.is_empty() => {
                Found::Columns(Rc::new(Columns::any()))
            }
            None => Found::Nothing,
        }
    }

    /// The CTE of this name that a SELECT sees; nothing in it where too much is around.
    fn cte(&self, select: usize, name: &str) -> Option<Option<&'p Cte>> {
        let mut inside = vec![select];
        let mut at = select;
        for _ in 0..MAX_DEPTH {
            let found = self.parsed.selects.get(at)?;
            // A query does not see its own name, but for a recursive one behind its UNION.
            let is_seen = |cte: &&Cte| cte.query.is_none_or(|query| !inside.contains(&query));
            if let Some(cte) = found.ctes.get(name).filter(is_seen) {
                return Some(Some(cte));
            }
            let next = found.sibling.or(found.parent)?;
            if found.sibling.is_none() {
                inside.push(next);
            }
            at = next;
        }
        Some(None)
    }

    /// The names of the CTEs that a SELECT sees.
    pub fn ctes(&self, select: usize) -> Vec<&'p String> {
        let next = |at: &usize| self.parsed.selects.get(*at).and_then(|select| select.sibling.or(select.parent));
        let around = std::iter::successors(Some(select), next).take(MAX_DEPTH);
        let mut names: Vec<&String> =
            around.filter_map(|at| self.parsed.selects.get(at)).flat_map(|select| select.ctes.keys()).collect();
        names.sort();
        names.dedup();
        names
    }
}
