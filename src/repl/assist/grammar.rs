//! The words of SQL that may come next, by what stands before the cursor.
//!
//! Only what helps who types: a word that is not offered may well be right. It knows no names.

use super::scope::{Clause, Parsed, Part, Place};
use super::token::Token;

/// What a statement begins with.
const STATEMENTS: &[&str] = &[
    "SELECT",
    "FROM",
    "WITH",
    "DESCRIBE",
    "SUMMARIZE",
    "EXPLAIN",
    "EXPLAIN ANALYZE",
    "SHOW TABLES",
    "SHOW COLUMNS FROM",
    "SHOW FUNCTIONS",
    "SET",
    "CREATE VIEW",
    "CREATE OR REPLACE VIEW",
    "CREATE FUNCTION",
    "COPY",
    "VALUES",
];
const QUERIES: &[&str] = &["SELECT", "FROM", "WITH", "VALUES"];
const OPERANDS: &[&str] = &[
    "CASE",
    "NOT",
    "NULL",
    "TRUE",
    "FALSE",
    "EXISTS (",
    "CAST(",
    "TRY_CAST(",
    "EXTRACT(",
    "INTERVAL",
    "DATE",
    "TIMESTAMP",
];
const OPERATORS: &[&str] = &[
    "AND",
    "OR",
    "IS NULL",
    "IS NOT NULL",
    "IN (",
    "NOT IN (",
    "LIKE",
    "NOT LIKE",
    "ILIKE",
    "BETWEEN",
    "NOT BETWEEN",
    "IS DISTINCT FROM",
    "IS NOT DISTINCT FROM",
    "AT TIME ZONE",
];
const BRANCHES: &[&str] = &["WHEN", "THEN", "ELSE", "END"];
const BEHIND_CALLS: &[&str] = &["OVER (", "FILTER (WHERE", "WITHIN GROUP (ORDER BY"];
const JOINS: &[&str] = &[
    "JOIN",
    "LEFT JOIN",
    "RIGHT JOIN",
    "FULL JOIN",
    "INNER JOIN",
    "CROSS JOIN",
    "NATURAL JOIN",
    "LEFT SEMI JOIN",
    "LEFT ANTI JOIN",
];
const SETS: &[&str] = &["UNION", "UNION ALL", "EXCEPT", "INTERSECT"];
/// The clauses of a query, in the order in which they stand.
const CLAUSES: &[(Clause, &[&str])] = &[
    (Clause::From, &["FROM"]),
    (Clause::Where, &["WHERE"]),
    (Clause::Group, &["GROUP BY", "GROUP BY ALL"]),
    (Clause::Having, &["HAVING"]),
    (Clause::Qualify, &["QUALIFY"]),
    (Clause::Window, &["WINDOW"]),
    (Clause::Order, &["ORDER BY", "ORDER BY ALL"]),
    (Clause::Limit, &["LIMIT", "OFFSET"]),
];
const TYPES: &[&str] = &[
    "BIGINT",
    "BOOLEAN",
    "DATE",
    "DECIMAL(",
    "DOUBLE",
    "INT",
    "INTERVAL",
    "SMALLINT",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMP(3)",
    "VARCHAR",
];
const DATE_PARTS: &[&str] =
    &["YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "DOW", "DOY", "HOUR", "MINUTE", "SECOND", "MILLISECOND", "EPOCH"];
/// What comes behind a word, and nothing else.
const FOLLOWERS: &[(&str, &[&str])] = &[
    ("GROUP", &["BY"]),
    ("ORDER", &["BY"]),
    ("PARTITION", &["BY"]),
    ("EXPLAIN", &["ANALYZE", "VERBOSE", "SELECT", "WITH", "FROM"]),
    ("ANALYZE", &["VERBOSE", "SELECT", "WITH", "FROM"]),
    ("CREATE", &["VIEW", "OR REPLACE VIEW", "FUNCTION", "OR REPLACE FUNCTION"]),
    ("SHOW", &["TABLES", "COLUMNS FROM", "FUNCTIONS"]),
    ("COLUMNS", &["FROM"]),
    ("IS", &["NULL", "NOT NULL", "DISTINCT FROM", "NOT DISTINCT FROM", "TRUE", "FALSE"]),
    ("NULLS", &["FIRST", "LAST"]),
    ("LEFT", &["JOIN", "SEMI JOIN", "ANTI JOIN"]),
    ("RIGHT", &["JOIN", "SEMI JOIN", "ANTI JOIN"]),
    ("FULL", &["JOIN"]),
    ("INNER", &["JOIN"]),
    ("CROSS", &["JOIN"]),
    ("NATURAL", &["JOIN"]),
    ("SEMI", &["JOIN"]),
    ("ANTI", &["JOIN"]),
    ("GROUPING", &["SETS ("]),
    ("UNION", &["ALL", "SELECT", "FROM", "WITH"]),
    ("EXCEPT", &["SELECT", "FROM"]),
    ("INTERSECT", &["SELECT", "FROM"]),
];

/// Windows as tables: the name, the call, and a line about it.
pub(super) const WINDOW_TABLES: [(&str, &str, &str); 3] = [
    ("TUMBLE", "TUMBLE(TABLE t, DESCRIPTOR(ts), size [, offset])", "Each row with its tumbling window"),
    ("HOP", "HOP(TABLE t, DESCRIPTOR(ts), slide, size [, offset])", "Each row once for each of its hopping windows"),
    ("SESSION", "SESSION(TABLE t PARTITION BY key, DESCRIPTOR(ts), gap)", "Each row with its session"),
];
/// Windows that are grouped by, and their ends, in the same way.
pub(super) const WINDOW_CALLS: [(&str, &str, &str); 9] = [
    ("TUMBLE", "TUMBLE(ts, size [, offset])", "Windows one after the other, to group by"),
    ("TUMBLE_START", "TUMBLE_START(ts, size [, offset])", "The start of the window that is grouped by"),
    ("TUMBLE_END", "TUMBLE_END(ts, size [, offset])", "The end of the window that is grouped by"),
    ("HOP", "HOP(ts, slide, size [, offset])", "Windows that overlap, to group by"),
    ("HOP_START", "HOP_START(ts, slide, size [, offset])", "The start of the window that is grouped by"),
    ("HOP_END", "HOP_END(ts, slide, size [, offset])", "The end of the window that is grouped by"),
    ("SESSION", "SESSION(ts, gap)", "Events less than a gap apart, to group by"),
    ("SESSION_START", "SESSION_START(ts, gap)", "The start of the session that is grouped by"),
    ("SESSION_END", "SESSION_END(ts, gap)", "The end of the session that is grouped by"),
];

/// What may come next.
#[derive(Debug, Default)]
pub(super) struct Next {
    /// A table.
    pub tables: bool,
    /// An expression.
    pub operands: bool,
    /// An option, to be set.
    pub options: bool,
    pub words: Vec<&'static str>,
}

/// What may come at the word `at`, which is not there yet.
pub(super) fn next(tokens: &[Token<'_>], parsed: &Parsed, at: usize) -> Next {
    let mut next = Next::default();
    let (Some(place), Some(before)) = (parsed.places.get(at), at.checked_sub(1).map(|before| &tokens[before])) else {
        next.words.extend(STATEMENTS);
        return next;
    };
    if place.part == Part::Table {
        next.tables = true;
        next.words.extend(if place.clause == Clause::Table { &QUERIES[..3] } else { &["LATERAL"] });
        return next;
    }
    if let Some((_, words)) = FOLLOWERS.iter().find(|(word, _)| before.is(word)).filter(|_| !is_name(tokens, at - 1)) {
        next.words.extend(*words);
        return next;
    }
    let call = place.call.map(|call| &tokens[call]);
    let is_cast = call.is_some_and(|call| call.is_any(&["CAST", "TRY_CAST"]));
    match before {
        before if before.is_sign("::") || (is_cast && before.is("AS")) => next.words.extend(TYPES),
        before if before.is("AS") && place.clause == Clause::Start => next.words.extend(QUERIES),
        before if before.is("AS") => {}
        before if before.is_sign("(") && call.is_some_and(|call| call.is("EXTRACT")) => next.words.extend(DATE_PARTS),
        before if is_interval(tokens, at) && !before.is("INTERVAL") => next.words.extend(DATE_PARTS),
        before if before.is("INTERVAL") => {}
        before if before.ends_operand() && !is_star_operator(tokens, at - 1) => {
            behind_operand(&mut next, tokens, parsed, at);
        }
        before => operand(&mut next, place, before, call),
    }
    next
}

/// Whether the word at `at` is behind a point, and so no keyword.
fn is_name(tokens: &[Token<'_>], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|before| tokens[before].is_sign("."))
}

fn is_interval(tokens: &[Token<'_>], at: usize) -> bool {
    at.checked_sub(2).is_some_and(|before| tokens[before].is("INTERVAL"))
}

/// Whether a star multiplies, and does not stand for columns.
fn is_star_operator(tokens: &[Token<'_>], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| &tokens[before]);
    tokens[at].is_sign("*") && before.is_some_and(|before| before.ends_operand() && !before.is_sign("."))
}

fn operand(next: &mut Next, place: &Place, before: &Token<'_>, call: Option<&Token<'_>>) {
    match place.clause {
        Clause::Start => next.words.extend(QUERIES),
        Clause::With => {}
        Clause::Set => next.options = before.is("SET"),
        Clause::From if place.call.is_none() => {}
        Clause::From => {
            next.operands = true;
            next.words.extend(["TABLE", "DESCRIPTOR(", "INTERVAL"]);
        }
        Clause::Table => next.words.extend(&QUERIES[..3]),
        Clause::Other => next.operands = true,
        clause => {
            next.operands = true;
            next.words.extend(OPERANDS);
            let is_by = before.is("BY") && call.is_none_or(|call| !call.is("OVER"));
            match clause {
                Clause::Select if before.is("SELECT") => next.words.push("DISTINCT"),
                Clause::Group if is_by => next.words.extend(["ALL", "ROLLUP (", "CUBE (", "GROUPING SETS ("]),
                Clause::Order if is_by => next.words.push("ALL"),
                _ => {}
            }
            if before.is_sign("(") {
                next.words.extend(["SELECT", "DISTINCT"]);
            }
            if call.is_some_and(|call| call.is("OVER")) {
                next.words.extend(["PARTITION BY", "ORDER BY"]);
            }
        }
    }
}

fn behind_operand(next: &mut Next, tokens: &[Token<'_>], parsed: &Parsed, at: usize) {
    let (place, before) = (&parsed.places[at], &tokens[at - 1]);
    let select = parsed.selects.get(place.select);
    match place.clause {
        Clause::Start => next.words.extend(SETS.iter().chain(STATEMENTS)),
        Clause::With if before.is_sign(")") => next.words.extend(["SELECT", "FROM", "AS ("]),
        Clause::With => next.words.push("AS ("),
        Clause::Set => next.words.push("="),
        Clause::Table => next.words.push("TO"),
        Clause::From if place.call.is_none() => next.words.extend(JOINS.iter().chain(&["AS", "ON", "USING ("])),
        Clause::On if place.call.is_none() => next.words.extend(JOINS.iter().chain(OPERATORS)),
        Clause::Select if place.call.is_none() => next.words.extend(["AS"].iter().chain(OPERATORS)),
        Clause::Order => next.words.extend(["ASC", "DESC", "NULLS FIRST", "NULLS LAST"].iter().chain(OPERATORS)),
        _ => next.words.extend(OPERATORS),
    }
    if before.is_sign(")") && !matches!(place.clause, Clause::From | Clause::With | Clause::Start) {
        next.words.extend(BEHIND_CALLS);
    }
    if before.is_sign("*") {
        next.words.extend(["EXCLUDE (", "REPLACE ("]);
    }
    if tokens[..at].iter().rev().take(64).any(|token| token.is_any(&["CASE", "WHEN", "THEN", "ELSE"])) {
        next.words.extend(BRANCHES);
    }
    match place.call.map(|call| &tokens[call]) {
        Some(call) if call.is("OVER") => {
            next.words.extend(["PARTITION BY", "ORDER BY", "ROWS BETWEEN", "RANGE BETWEEN"])
        }
        Some(call) if call.is_any(&["CAST", "TRY_CAST"]) => next.words.push("AS"),
        Some(call) if call.is("EXTRACT") => next.words.push("FROM"),
        Some(_) => next.words.push("ORDER BY"),
        None if !matches!(place.clause, Clause::Start | Clause::With | Clause::Set | Clause::Table) => {
            let has_from = select.is_some_and(|select| select.has_from);
            // The table may come first.
            let has_items = select.is_none_or(|select| select.has_items);
            next.words.extend(["SELECT"].iter().filter(|_| !has_items));
            next.words.extend(clauses(place.clause, has_from));
            next.words.extend(SETS);
        }
        None => {}
    }
}

/// The words of the clauses that come behind one.
fn clauses(clause: Clause, has_from: bool) -> impl Iterator<Item = &'static str> {
    let clause = if clause == Clause::On { Clause::From } else { clause };
    let later = CLAUSES.iter().filter(move |(later, _)| *later > clause || *later == Clause::Limit);
    later.filter(move |(later, _)| *later != Clause::From || !has_from).flat_map(|(_, words)| words.iter().copied())
}
