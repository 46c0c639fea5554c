//! SQL that is parsed, and that the engine has no plan for: it names it by how the parser holds it, and prints all of that.
//!
//! It knows no tables.

use crate::dialect::{self, Script};
use crate::error::Error;

/// How the engine begins, before the tree.
const BEGINNINGS: [&str; 3] =
    ["Unsupported ast node in sqltorel: ", "Unsupported ast node ", "Unsupported JOIN operator "];

/// What to write instead, by the name of the tree's uppermost node.
const INSTEAD: [(&str, &str); 6] = [
    (
        "AsOf",
        "join with all rows before, and keep the last: row_number() OVER (PARTITION BY a.id ORDER BY b.at DESC) = 1",
    ),
    ("Convert", "write CAST(… AS type)"),
    ("MemberOf", "write … = ANY(list)"),
    ("Pivot", "write an aggregate for each column: sum(…) FILTER (WHERE …)"),
    ("RLike", "write … ~ 'pattern'"),
    ("Unpivot", "write a query for each column, and UNION ALL between them"),
];

/// The error for what is not done, if that is what the engine says.
pub(super) fn of_tree(message: &str, script: &Script) -> Option<Error> {
    let tree = BEGINNINGS.iter().find_map(|beginning| message.strip_prefix(beginning))?;
    let kind: String = tree.chars().take_while(char::is_ascii_alphanumeric).collect();
    let words = in_words(&kind);
    let place = |word: &str| dialect::word(script, word, "here");
    // As it is written: as one word, with a line between, or as several words.
    let as_one = [words.concat(), words.join("_")].into_iter().find_map(|name| place(&name).map(|at| (name, Some(at))));
    let (name, place) = as_one.unwrap_or_else(|| (words.join(" "), words.first().and_then(|first| place(first))));
    let hint = INSTEAD.iter().find(|(of, _)| *of == kind).map(|(_, hint)| (*hint).to_owned());
    Some(Error::sql(format!("there is no {name} here")).at(place).with_hint_if(hint))
}

/// The capital words of a name in camel case.
fn in_words(kind: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for letter in kind.chars() {
        match words.last_mut() {
            Some(word) if letter.is_lowercase() => word.push(letter.to_ascii_uppercase()),
            _ => words.push(letter.to_string()),
        }
    }
    words
}
