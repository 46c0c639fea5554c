//! What a statement is made of, as far as it is typed: its SELECTs, what each reads and gives, and what each word is there for.
//!
//! A statement that is being typed is no SQL yet, so the parser has no tree of it. This walks over the words once, takes
//! what it recognises, and where it does not, says that anything may stand there. It resolves no name.

mod items;
mod parsed;
mod tables;

pub(super) use parsed::{Clause, Cte, Item, Origin, Parsed, Part, Place, Relation, Select};

use super::token::Token;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bracket {
    /// Around a query; the statement itself.
    Query,
    /// Within FROM.
    Joined,
    /// Behind the name of a CTE.
    CteNames,
    /// Behind the alias of a relation.
    RelationNames,
    /// Of a window in FROM.
    Windows,
    Plain,
}

/// What is open.
#[derive(Debug, Clone)]
struct Frame {
    bracket: Bracket,
    select: usize,
    clause: Clause,
    call: Option<usize>,
    /// Whether a table's name comes next.
    wants_table: bool,
    /// The relation that it makes.
    relation: Option<usize>,
    /// Where the item began.
    item: usize,
}

/// The statement that these words make.
pub(super) fn parse(tokens: &[Token<'_>]) -> Parsed {
    let mut parser = Parser {
        tokens,
        parsed: Parsed { selects: vec![Select::default()], ..Parsed::default() },
        frames: Vec::new(),
        cte: None,
    };
    parser.open(Bracket::Query, 0, None, 0);
    let mut at = 0;
    while at < tokens.len() {
        at = parser.step(at);
    }
    while let Some(frame) = parser.frames.pop() {
        parser.end_item(&frame, tokens.len());
    }
    parser.parsed
}

struct Parser<'a, 't> {
    tokens: &'a [Token<'t>],
    parsed: Parsed,
    frames: Vec<Frame>,
    /// The CTE that is being written: whose it is, and its name.
    cte: Option<(usize, String)>,
}

impl<'t> Parser<'_, 't> {
    /// Goes on from a word; returns the next that is not taken.
    fn step(&mut self, at: usize) -> usize {
        let Some(frame) = self.frames.last().cloned() else { return self.tokens.len() };
        self.place(at, Part::Expression);
        let token = &self.tokens[at];
        if token.is_hole() {
            if frame.wants_table {
                self.mark(at, Part::Table);
            }
            return at + 1;
        }
        match token.text {
            "(" => return self.bracket(at, &frame),
            ")" => return self.close(at),
            "," => return self.comma(at, &frame),
            _ => {}
        }
        match frame.bracket {
            Bracket::CteNames | Bracket::RelationNames => self.rename(at, &frame),
            Bracket::Windows if token.is("TABLE") => return self.table(at + 1, frame.relation),
            Bracket::Query | Bracket::Joined => {
                if let Some(next) = self.keyword(at, &frame) {
                    return next;
                }
                let frame = self.frame();
                if frame.wants_table {
                    return self.table(at, None);
                }
                if frame.clause == Clause::With && token.is_name() {
                    return self.cte(at);
                }
            }
            _ => {}
        }
        at + 1
    }

    fn frame(&self) -> Frame {
        self.frames.last().cloned().unwrap_or(Frame {
            bracket: Bracket::Plain,
            select: 0,
            clause: Clause::Other,
            call: None,
            wants_table: false,
            relation: None,
            item: 0,
        })
    }

    fn set(&mut self, change: impl FnOnce(&mut Frame)) {
        if let Some(frame) = self.frames.last_mut() {
            change(frame);
        }
    }

    fn open(&mut self, bracket: Bracket, select: usize, call: Option<usize>, item: usize) {
        let clause = match bracket {
            Bracket::Query => Clause::Start,
            _ => self.frame().clause,
        };
        let wants_table = bracket == Bracket::Joined;
        self.frames.push(Frame { bracket, select, clause, call, wants_table, relation: None, item });
    }

    fn token(&self, at: usize) -> Option<&Token<'t>> {
        self.tokens.get(at).filter(|token| !token.is_hole())
    }

    fn is(&self, at: usize, word: &str) -> bool {
        self.token(at).is_some_and(|token| token.is(word))
    }

    fn before(&self, at: usize, word: &str) -> bool {
        at.checked_sub(1).is_some_and(|before| self.is(before, word))
    }

    /// Notes what the next word, which stands at `at`, is there for.
    fn place(&mut self, at: usize, part: Part) {
        let frame = self.frame();
        let place = Place { select: frame.select, clause: frame.clause, part, call: frame.call };
        if self.parsed.places.len() <= at {
            self.parsed.places.resize(at + 1, place);
        }
    }

    fn mark(&mut self, at: usize, part: Part) {
        self.place(at, part);
        if let Some(place) = self.parsed.places.get_mut(at) {
            place.part = part;
        }
    }

    fn select(&mut self) -> Option<&mut Select> {
        let at = self.frame().select;
        self.parsed.selects.get_mut(at)
    }

    fn add_select(&mut self, select: Select) -> usize {
        self.parsed.selects.push(select);
        self.parsed.selects.len() - 1
    }

    fn bracket(&mut self, at: usize, frame: &Frame) -> usize {
        let next = self.tokens[at + 1..].iter().find(|token| !token.is_hole());
        let is_query = next.is_some_and(|token| token.is_any(&["SELECT", "WITH", "FROM", "VALUES"]));
        let is_body = frame.bracket == Bracket::Query && frame.clause == Clause::With && self.cte.is_some();
        let is_body = is_body && at.checked_sub(1).is_some_and(|at| self.tokens[at].is_any(&["AS", "MATERIALIZED"]));
        let begins = frame.bracket == Bracket::Query && matches!(frame.clause, Clause::Start | Clause::Table);
        let wants_table = frame.wants_table || frame.bracket == Bracket::Windows;
        if is_query || is_body || begins {
            let is_lateral = self.before(at, "LATERAL");
            let sees_parent = !is_body && (is_lateral || !wants_table);
            let select = Select { parent: Some(frame.select), sees_parent, ..Select::default() };
            let select = self.add_select(select);
            let relation = self.reads_query(select, frame);
            self.set(|frame| frame.wants_table = false);
            self.open(Bracket::Query, select, None, at + 1);
            self.set(|frame| frame.relation = relation);
            if let Some((owner, name)) = self.cte.take_if(|_| is_body)
                && let Some(cte) = self.parsed.selects.get_mut(owner).and_then(|owner| owner.ctes.get_mut(&name))
            {
                cte.query = Some(select);
            }
        } else if frame.wants_table {
            self.set(|frame| frame.wants_table = false);
            self.open(Bracket::Joined, frame.select, None, at + 1);
        } else if frame.clause == Clause::With && self.cte.is_some() {
            self.open(Bracket::CteNames, frame.select, None, at + 1);
        } else {
            let call = at.checked_sub(1).filter(|at| self.tokens[*at].is_name());
            self.open(Bracket::Plain, frame.select, call, at + 1);
        }
        at + 1
    }

    fn close(&mut self, at: usize) -> usize {
        if self.frames.len() < 2 {
            return at + 1;
        }
        let closed = self.frames.pop();
        if let Some(closed) = &closed {
            self.end_item(closed, at);
        }
        if let Some(place) = self.parsed.places.get_mut(at) {
            let frame = self.frames.last();
            *place = frame.map_or(*place, |frame| Place { select: frame.select, clause: frame.clause, ..*place });
        }
        let relation = closed.filter(|closed| closed.bracket != Bracket::RelationNames);
        match relation.and_then(|closed| closed.relation) {
            Some(relation) => self.alias(at + 1, relation),
            None => at + 1,
        }
    }

    fn comma(&mut self, at: usize, frame: &Frame) -> usize {
        match (frame.bracket, frame.clause) {
            (Bracket::Query, Clause::Select) => {
                self.end_item(frame, at);
                self.set(|frame| frame.item = at + 1);
            }
            (Bracket::Query | Bracket::Joined, Clause::From | Clause::On) => self.set(|frame| {
                frame.clause = Clause::From;
                frame.wants_table = true;
            }),
            _ => {}
        }
        at + 1
    }

    /// Changes the clause, if a word begins one; returns the next word then.
    fn keyword(&mut self, at: usize, frame: &Frame) -> Option<usize> {
        let token = &self.tokens[at];
        let before = at.checked_sub(1).and_then(|before| self.token(before));
        if before.is_some_and(|before| before.is_sign(".")) {
            return None;
        }
        let word = token.text.to_uppercase();
        if frame.bracket == Bracket::Query && frame.clause == Clause::Start {
            return self.beginning(at, &word);
        }
        // What an operand has to stand before; nothing is there while it is typed.
        let is_behind = before.is_none_or(|before| before.ends_operand() || frame.wants_table);
        let is_table_end = frame.wants_table && matches!(word.as_str(), "SELECT" | "WITH");
        let clause = match word.as_str() {
            "SELECT" => Clause::Select,
            "WITH" if is_table_end => Clause::With,
            "FROM" if self.is_distinct_from(at) => return None,
            "FROM" => Clause::From,
            "JOIN" | "APPLY" if matches!(frame.clause, Clause::From | Clause::On) => Clause::From,
            "ON" | "USING" if frame.clause == Clause::From => Clause::On,
            "LEFT" | "RIGHT" | "FULL" | "INNER" | "CROSS" | "NATURAL" if frame.clause == Clause::On && is_behind => {
                Clause::From
            }
            "WHERE" => Clause::Where,
            "GROUP" | "ORDER" if is_behind => {
                if word == "GROUP" {
                    Clause::Group
                } else {
                    Clause::Order
                }
            }
            "HAVING" => Clause::Having,
            "QUALIFY" if is_behind => Clause::Qualify,
            "WINDOW" if is_behind && !frame.wants_table => Clause::Window,
            "LIMIT" | "OFFSET" | "FETCH" if is_behind => Clause::Limit,
            "UNION" | "EXCEPT" | "INTERSECT" | "MINUS"
                if !before.is_some_and(|before| before.is_sign("*")) || !self.names_follow(at) =>
            {
                return self.next_select(at, frame);
            }
            "PIVOT" | "UNPIVOT" | "MATCH_RECOGNIZE" => {
                self.parsed.is_strange = true;
                return None;
            }
            "AS" if frame.clause == Clause::Window => {
                let name = self.tokens[at - 1].key();
                self.mark(at - 1, Part::Alias);
                self.select()?.aliases.insert(name);
                return Some(at + 1);
            }
            _ => return None,
        };
        self.begin(at, frame, clause);
        Some(at + 1)
    }

    fn begin(&mut self, at: usize, frame: &Frame, clause: Clause) {
        self.end_item(frame, at);
        // Within brackets of FROM the query itself goes on.
        let wants_table = matches!(clause, Clause::From) && !self.is_modifier(at);
        self.set(|frame| {
            frame.clause = clause;
            frame.wants_table = wants_table;
            frame.item = at + 1;
        });
        if let Some(place) = self.parsed.places.get_mut(at) {
            place.clause = clause;
        }
        if let Some(select) = self.select() {
            select.has_from |= clause == Clause::From;
            select.has_items |= clause == Clause::Select;
        }
    }

    /// Whether it is a word before JOIN.
    fn is_modifier(&self, at: usize) -> bool {
        !self.tokens[at].is_any(&["FROM", "JOIN", "APPLY"])
    }

    /// Whether `EXCEPT` stands behind a star, before the columns that are left out.
    fn names_follow(&self, at: usize) -> bool {
        let follows = |at: usize| self.token(at).is_some_and(|token| !token.is_any(&["SELECT", "WITH", "FROM"]));
        self.token(at + 1).is_some_and(|token| token.is_sign("(")) && follows(at + 2)
    }

    fn is_distinct_from(&self, at: usize) -> bool {
        self.before(at, "DISTINCT") && at.checked_sub(2).is_some_and(|at| self.is(at, "IS") || self.is(at, "NOT"))
    }

    /// UNION: what comes is a SELECT of its own, which sees what this one sees.
    fn next_select(&mut self, at: usize, frame: &Frame) -> Option<usize> {
        self.end_item(frame, at);
        let before = self.parsed.selects.get(frame.select)?;
        let (parent, sees_parent) = (before.parent, before.sees_parent);
        let sibling = Some(frame.select);
        let select = self.add_select(Select { parent, sees_parent, sibling, ..Select::default() });
        self.set(|frame| {
            frame.select = select;
            frame.clause = Clause::Start;
            frame.wants_table = false;
        });
        Some(at + 1)
    }

    /// The words that a statement, or a query in brackets, begins with.
    fn beginning(&mut self, at: usize, word: &str) -> Option<usize> {
        let frame = self.frame();
        match word {
            "SELECT" => self.begin(at, &frame, Clause::Select),
            "FROM" => self.begin(at, &frame, Clause::From),
            "WITH" => self.begin(at, &frame, Clause::With),
            "ORDER" => self.begin(at, &frame, Clause::Order),
            "LIMIT" => self.begin(at, &frame, Clause::Limit),
            "DESCRIBE" | "DESC" | "SUMMARIZE" | "TABLE" => {
                self.begin(at, &frame, Clause::Table);
                self.set(|frame| frame.wants_table = true);
            }
            "SET" | "RESET" => self.begin(at, &frame, Clause::Set),
            "CREATE" => return Some(self.creation(at)),
            "EXPLAIN" | "ANALYZE" | "VERBOSE" | "FORMAT" | "TREE" | "INDENT" | "ALL" | "DISTINCT" | "SHOW"
            | "COLUMNS" => {}
            "COPY" => self.begin(at, &frame, Clause::Table),
            "VALUES" => {
                self.begin(at, &frame, Clause::Other);
                self.select()?.items.push(Item::Anything);
            }
            _ => {
                self.parsed.is_strange = true;
                self.begin(at, &frame, Clause::Other);
            }
        }
        if word == "COPY" {
            self.set(|frame| frame.wants_table = true);
        }
        Some(at + 1)
    }

    /// `CREATE VIEW name AS`: what comes is a query.
    fn creation(&mut self, at: usize) -> usize {
        let ahead = self.tokens[at..].iter().take(8).position(|token| token.is_any(&["VIEW", "TABLE"]));
        let Some(kind) = ahead.map(|ahead| at + ahead) else {
            self.parsed.is_strange = true;
            self.set(|frame| frame.clause = Clause::Other);
            return at + 1;
        };
        let mut name = kind + 1;
        while self.token(name).is_some_and(|token| token.is_any(&["IF", "NOT", "EXISTS"])) {
            name += 1;
        }
        let mut end = name;
        while self.token(end).is_some_and(|token| (token.is_name() && !token.is("AS")) || token.is_sign(".")) {
            self.parsed.creates = Some(self.tokens[end].key());
            end += 1;
        }
        for at in at..end.min(self.tokens.len()) {
            self.mark(at, if at < name { Part::Expression } else { Part::Alias });
        }
        match self.is(end, "AS") {
            true => {
                self.place(end, Part::Expression);
                end + 1
            }
            false => {
                self.parsed.is_strange |= end < self.tokens.len() && self.token(end).is_some();
                end.max(at + 1)
            }
        }
    }
}
