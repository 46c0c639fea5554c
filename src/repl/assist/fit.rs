//! How well a candidate fits what is typed, and how its name is to be written.

use crate::dialect::is_plain;

/// How much alike a misspelt word has to be to what is meant, by Jaro-Winkler: a letter left out of, or two swapped in, a word
/// of five.
const NEAR: f64 = 0.88;

/// How well `candidate` fits `typed`, which is in small letters; the least is the best, and `None` does not fit.
pub(super) fn fit(typed: &str, candidate: &str) -> Option<u8> {
    let candidate = candidate.to_lowercase();
    let candidate = candidate.trim_start_matches(['"', '`']);
    if candidate.starts_with(typed) {
        return Some(0);
    }
    let is_at_word = |at: usize| candidate[..at].ends_with(|c: char| !c.is_alphanumeric());
    if candidate.match_indices(typed).any(|(at, _)| is_at_word(at)) {
        return Some(1);
    }
    // By one letter almost everything would fit.
    let length = typed.chars().count();
    if length >= 2 && candidate.contains(typed) {
        return Some(2);
    }
    if length >= 3 && candidate.chars().next() == typed.chars().next() {
        if is_abbreviation(typed, candidate) {
            return Some(3);
        }
        if strsim::jaro_winkler(typed, candidate) >= NEAR {
            return Some(4);
        }
    }
    None
}

/// Whether the letters are there in this order.
fn is_abbreviation(typed: &str, candidate: &str) -> bool {
    let mut letters = candidate.chars();
    typed.chars().all(|wanted| letters.any(|letter| letter == wanted))
}

/// A name as it is to be written: in quotes only where it would mean something else without. `is_alone` says that no other
/// differs from it in case only.
pub(super) fn spelled(name: &str, is_alone: bool) -> String {
    if (is_alone || name.to_lowercase() == name) && is_plain(name) {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_fit_best() {
        let check = |typed: &str, candidate: &str, expected| assert_eq!(fit(typed, candidate), expected, "{candidate}");
        check("", "a", Some(0));
        check("ev", "Events", Some(0));
        check("by", "group by", Some(1));
        check("b", "ab", None);
        check("vent", "events", Some(2));
        check("agb", "age_bracket", Some(3));
        check("slect", "SELECT", Some(3));
        check("evnets", "events", Some(4));
        check("xyz", "events", None);
    }

    #[test]
    fn quotes_stand_where_they_are_needed() {
        let check = |name: &str, is_alone, expected| assert_eq!(spelled(name, is_alone), expected);
        check("ip", false, "ip");
        check("userId", true, "userId");
        check("userId", false, "\"userId\"");
        check("group", true, "\"group\"");
        check("a \"b\"", true, "\"a \"\"b\"\"\"");
    }
}
