//! What could stand at the cursor.

use std::collections::HashMap;
use std::rc::Rc;

use super::commands;
use super::cursor::{Cursor, Typed};
use super::fit::spelled;
use super::grammar::{self, Next};
use super::known::{Column, Known};
use super::names::{Columns, Found, Names, Views, views};
use super::offers::{Kind, Made, Offers, Suggestion};
use super::quoted;
use super::scope::{Clause, Parsed, parse};
use super::token::unquoted;
use crate::dialect::OPTIONS;

/// The files whose paths begin with a text, each with whether it is a folder.
pub type Files<'f> = &'f dyn Fn(&str) -> Vec<(String, bool)>;

/// What could stand at the byte `cursor` of a text, the best first; at most 200 suggestions.
///
/// A text that begins with `\` or `.` is a command. It asks `files` only where a path may stand.
pub fn complete(text: &str, cursor: usize, known: &Known, files: Files<'_>) -> Vec<Suggestion> {
    let cursor = text.floor_char_boundary(cursor);
    match commands::name(text) {
        Some(name) => commands::complete(text, cursor, name, known, files),
        None => complete_sql(text, cursor, known, files),
    }
}

/// The same in a text that is no command.
pub(super) fn complete_sql(text: &str, at: usize, known: &Known, files: Files<'_>) -> Vec<Suggestion> {
    let cursor = Cursor::new(text, at);
    let parsed = parse(&cursor.tokens);
    let views = views(known, &cursor.others);
    let names = Names::new(known, &parsed, &views);
    let completer = Completer { text, cursor: &cursor, known, names: &names, views: &views, parsed: &parsed };
    match cursor.typed {
        Typed::Nothing => Vec::new(),
        Typed::Command => commands::names(cursor.text, cursor.replace.clone(), known),
        Typed::Parameter => completer.parameters(),
        Typed::Text => completer.in_text(files),
        Typed::Word => completer.word(),
    }
}

struct Completer<'p, 'a> {
    text: &'p str,
    cursor: &'p Cursor<'p>,
    known: &'a Known,
    names: &'p Names<'p, 'a>,
    views: &'p Views<'a>,
    parsed: &'p Parsed,
}

impl<'p, 'a: 'p> Completer<'p, 'a> {
    fn offers(&self) -> Offers<'p> {
        Offers::new(self.cursor.key(), self.cursor.replace.clone())
    }

    fn select(&self) -> usize {
        self.parsed.places.get(self.cursor.hole).map_or(0, |place| place.select)
    }

    fn parameters(&self) -> Vec<Suggestion> {
        let mut offers = self.offers();
        self.offer_parameters(&mut offers);
        offers.finish()
    }

    fn offer_parameters(&self, offers: &mut Offers<'p>) {
        for (name, help) in &self.known.parameters {
            let insert = format!("${name}");
            let shown = insert.clone();
            offers.offer(Kind::Parameter, &shown, || Made { insert, help: help.clone(), ..Made::default() });
        }
    }

    fn in_text(&self, files: Files<'_>) -> Vec<Suggestion> {
        if self.cursor.before().is_some_and(|before| before.is_any(&["TO", "LOCATION"])) {
            return quoted::quoted_files(self.cursor.text, self.cursor.replace.clone(), files);
        }
        let mut offers = Offers::new(self.cursor.text.to_lowercase(), self.cursor.replace.clone());
        self.offer_values(&mut offers);
        offers.finish()
    }

    fn offer_values(&self, offers: &mut Offers<'p>) {
        let call = self.parsed.places.get(self.cursor.hole).and_then(|place| place.call);
        let path = self.cursor.compared(call);
        if let Some(column) = path.and_then(|path| self.names.column(self.select(), &path)) {
            quoted::offer_values(offers, column);
        }
    }

    fn word(&self) -> Vec<Suggestion> {
        let mut offers = self.offers();
        let Some(path) = self.cursor.path() else { return Vec::new() };
        let next = grammar::next(&self.cursor.tokens, self.parsed, self.cursor.hole);
        match (path.is_empty(), next.tables) {
            (false, true) => self.offer_in_schema(&mut offers, &path),
            (false, false) => self.offer_in(&mut offers, &path),
            (true, _) => self.offer_all(&mut offers, &next),
        }
        offers.finish()
    }

    fn offer_all(&self, offers: &mut Offers<'p>, next: &Next) {
        if next.tables {
            self.offer_tables(offers);
        }
        if next.operands {
            self.offer_values(offers);
            self.offer_columns(offers);
            self.offer_functions(offers);
            self.offer_parameters(offers);
        }
        if next.options {
            for option in ["timezone"].iter().chain(&OPTIONS) {
                let insert = (*option).to_owned();
                offers.offer(Kind::Word, option, || Made { insert, space_after: true, ..Made::default() });
            }
        }
        // What is in quotes is no keyword.
        if self.cursor.text.starts_with(['"', '`']) {
            return;
        }
        let is_small = self.is_small();
        for word in &next.words {
            let insert = if is_small { word.to_lowercase() } else { (*word).to_owned() };
            offers.offer(Kind::Keyword, word, move || {
                let space_after = !insert.ends_with('(');
                Made { insert, space_after, ..Made::default() }
            });
        }
    }

    /// Whether who types writes keywords in small letters.
    fn is_small(&self) -> bool {
        if let Some(first) = self.cursor.text.chars().next() {
            return first.is_lowercase();
        }
        let before = self.cursor.tokens[..self.cursor.hole].iter().rev();
        let is_keyword = |text: &str| ["SELECT", "FROM", "WHERE", "BY", "AND", "JOIN", "WITH"].contains(&text);
        let word = before.map(|token| token.text).find(|text| is_keyword(&text.to_uppercase()));
        word.is_some_and(|word| word.chars().all(char::is_lowercase))
    }

    fn offer_tables(&self, offers: &mut Offers<'p>) {
        for name in self.names.ctes(self.select()) {
            offers.offer(Kind::Table, name, || table_made(spelled(name, true), "query", ""));
        }
        let mut views: Vec<&String> = self.views.keys().collect();
        views.sort();
        for name in views {
            offers.offer(Kind::Table, name, || table_made(spelled(name, true), "view", ""));
        }
        for table in &self.known.tables {
            let made = || table_made(table.name().to_owned(), table.kind().name(), table.help());
            offers.offer(Kind::Table, table.name(), made);
        }
        for (name, call, help) in grammar::WINDOW_TABLES {
            let made = move || Made {
                insert: format!("{name}("),
                detail: call.to_owned(),
                help: help.to_owned(),
                space_after: false,
            };
            offers.offer(Kind::Function, name, made);
        }
    }

    /// The tables of a schema.
    fn offer_in_schema(&self, offers: &mut Offers<'p>, path: &[String]) {
        let schema = format!("{}.", path.join("."));
        for table in &self.known.tables {
            if table.name().to_lowercase().starts_with(&schema) {
                let name = &table.name()[schema.len()..];
                offers.offer(Kind::Table, name, || table_made(name.to_owned(), table.kind().name(), table.help()));
            }
        }
    }

    /// The columns of a relation, or the fields of an object.
    fn offer_in(&self, offers: &mut Offers<'p>, path: &[String]) {
        let select = self.select();
        let relation =
            |name: &String| self.names.relation(select, name).map(|(at, number)| self.names.read(at, number));
        let columns = match path {
            [name] => relation(name),
            [schema, name] if relation(schema).is_some() && self.known.table(&path.join(".")).is_some() => {
                relation(name)
            }
            _ => None,
        };
        if let Some(columns) = columns {
            return self.offer_of(offers, &columns, None, &counts(std::slice::from_ref(&columns)));
        }
        if let Some(column) = self.names.column(select, path) {
            return offer_fields(offers, column);
        }
        if let Found::Columns(columns) = self.names.table(select, path) {
            self.offer_of(offers, &columns, None, &counts(std::slice::from_ref(&columns)));
        }
    }

    fn offer_columns(&self, offers: &mut Offers<'p>) {
        let place = self.parsed.places[self.cursor.hole];
        let (qualifiers, sources): (Vec<_>, Vec<_>) = self.names.sources(place.select).into_iter().unzip();
        let counts = counts(&sources);
        let is_using = place.call.is_some_and(|call| self.cursor.tokens[call].is("USING"));
        for (qualifier, columns) in qualifiers.iter().zip(&sources) {
            let qualifier = qualifier.filter(|_| !is_using);
            self.offer_of(offers, columns, qualifier, &counts);
            if let Some(name) = qualifier {
                offers.offer(Kind::Table, name, || Made {
                    insert: format!("{}.", spelled(name, true)),
                    ..Made::default()
                });
            }
        }
        if matches!(place.clause, Clause::Group | Clause::Having | Clause::Qualify | Clause::Order) {
            let select = self.parsed.selects.get(place.select);
            let mut aliases: Vec<&String> = select.into_iter().flat_map(|select| &select.aliases).collect();
            aliases.sort();
            for alias in aliases {
                let made = || Made { insert: spelled(alias, true), detail: "alias".into(), ..Made::default() };
                offers.offer(Kind::Column, alias, made);
            }
        }
    }

    /// Columns of one relation; behind its name where another has a column of that name.
    fn offer_of(
        &self,
        offers: &mut Offers<'p>,
        columns: &Rc<Columns<'a>>,
        qualifier: Option<&'p String>,
        counts: &HashMap<String, (usize, usize)>,
    ) {
        let known = columns.tables.iter().flat_map(|table| table.columns().iter().map(|column| (column, table.name())));
        for (column, table) in known {
            let (sources, spellings) = counts.get(&column.name.to_lowercase()).copied().unwrap_or((1, 1));
            offers.offer(Kind::Column, &column.name, move || {
                let insert = spelled(&column.name, spellings < 2);
                let qualifier = qualifier.filter(|_| sources > 1).map(|name| format!("{}.", spelled(name, true)));
                Made {
                    insert: qualifier.unwrap_or_default() + &insert,
                    detail: column.data_type.clone(),
                    help: table.to_owned(),
                    space_after: false,
                }
            });
        }
        for (written, column) in &columns.made {
            let name = unquoted(written);
            let detail = column.map(|column| column.data_type.clone()).unwrap_or_default();
            let insert = if *written == name { spelled(&name, true) } else { written.clone() };
            offers.offer(Kind::Column, &name, || Made { insert, detail, ..Made::default() });
        }
    }

    fn offer_functions(&self, offers: &mut Offers<'p>) {
        let is_called = self.text[self.cursor.replace.end..].starts_with('(');
        let is_loud = self.cursor.text.len() > 1 && !self.cursor.text.chars().any(char::is_lowercase);
        let written = move |name: &str| {
            let name = if is_loud { name.to_uppercase() } else { name.to_owned() };
            if is_called { name } else { name + "(" }
        };
        for function in &self.known.functions {
            offers.offer(Kind::Function, &function.name, move || Made {
                insert: written(&function.name),
                detail: function.syntax.clone(),
                help: function.summary().to_owned(),
                space_after: false,
            });
        }
        for (name, call, help) in grammar::WINDOW_CALLS {
            if self.known.functions.iter().all(|function| !function.name.eq_ignore_ascii_case(name)) {
                let made = move || Made {
                    insert: written(name),
                    detail: call.to_owned(),
                    help: help.to_owned(),
                    space_after: false,
                };
                offers.offer(Kind::Function, name, made);
            }
        }
    }
}

fn table_made(insert: String, detail: &str, help: &str) -> Made {
    Made { insert, detail: detail.to_owned(), help: help.to_owned(), space_after: true }
}

fn offer_fields<'a>(offers: &mut Offers<'a>, column: &'a Column) {
    for field in &column.fields {
        let small = field.name.to_lowercase();
        let is_other = |other: &Column| other.name != field.name && other.name.to_lowercase() == small;
        let is_alone = small == field.name || !column.fields.iter().any(is_other);
        offers.offer(Kind::Field, &field.name, move || Made {
            insert: spelled(&field.name, is_alone),
            detail: field.data_type.clone(),
            help: column.name.clone(),
            space_after: false,
        });
    }
}

/// For each name in small letters, in how many of these there is a column of it, and the most that one has.
fn counts(sources: &[Rc<Columns<'_>>]) -> HashMap<String, (usize, usize)> {
    let mut all: HashMap<String, (usize, usize)> = HashMap::new();
    for columns in sources {
        let mut own: HashMap<String, usize> = HashMap::new();
        for column in columns.tables.iter().flat_map(|table| table.columns()) {
            *own.entry(column.name.to_lowercase()).or_default() += 1;
        }
        for (name, count) in own {
            let known = all.entry(name).or_default();
            *known = (known.0 + 1, known.1.max(count));
        }
    }
    all
}
