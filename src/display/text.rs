//! Text as a terminal shows it: how wide it is, cut, wrapped, and without what would steer the terminal.
//!
//! Text is never cut within what is read as one character. It knows nothing of what the text says.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Columns that `text` takes.
///
/// It is the sum over what is read as one character. A few scripts join two of them into one where a font can; most
/// terminals do not, and where one does, a column is left empty.
pub(super) fn width(text: &str) -> usize {
    if is_plain(text) { text.len() } else { text.graphemes(true).map(UnicodeWidthStr::width).sum() }
}

/// Whether each byte takes a column.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// The longest beginning that takes at most `limit` columns, and the rest.
pub(super) fn split(text: &str, limit: usize) -> (&str, &str) {
    if text.len() <= limit && is_plain(text) {
        return (text, "");
    }
    let mut taken = 0;
    let end = text.grapheme_indices(true).find(|(_, grapheme)| {
        taken += grapheme.width();
        taken > limit
    });
    text.split_at(end.map_or(text.len(), |(at, _)| at))
}

/// `text` in at most `limit` columns, with `…` at its end if it is cut.
pub(super) fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    if split(text, limit).1.is_empty() {
        return Cow::Borrowed(text);
    }
    match limit.checked_sub(1) {
        Some(room) => Cow::Owned(format!("{}…", split(text, room).0)),
        None => Cow::Borrowed(""),
    }
}

/// `text` in lines of at most `limit` columns; a line holds at least one character, and there is at least one line.
pub(super) fn wrap(text: &str, limit: usize) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    loop {
        let (mut line, mut after) = split(rest, limit);
        if line.is_empty() {
            let first = rest.graphemes(true).next().map_or(0, str::len);
            (line, after) = rest.split_at(first);
        }
        lines.push(line);
        if after.is_empty() {
            return lines;
        }
        rest = after;
    }
}

/// `text` with what would steer a terminal as symbols, in at most `limit` columns.
pub(super) fn clean(text: &str, limit: Option<usize>) -> String {
    // What comes after the limit is not looked at: a value may be megabytes. One column more tells that there is more.
    let head = limit.map_or(text, |limit| split(text, limit.saturating_add(1)).0);
    let head: String = head.chars().map(visible).collect();
    match limit {
        Some(limit) => cut(&head, limit).into_owned(),
        None => head,
    }
}

/// Columns of a line of a message that are shown: what is in it may be somebody else's data.
const MESSAGE_WIDTH: usize = 4000;

/// A message to people: as [`clean`] has it, line by line, those behind the first with two spaces before them.
pub(super) fn message(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| clean(line.trim_end(), Some(MESSAGE_WIDTH))).collect();
    lines.join("\n  ")
}

/// What would steer a terminal, or the direction or the lines of text, as a symbol.
pub(super) fn visible(char: char) -> char {
    match char {
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(char)).unwrap_or('\u{fffd}'),
        '\x7f' => '␡',
        '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        // XML, and so SVG, has no place for the last two.
        char if char.is_control() || matches!(char, '\u{fffe}' | '\u{ffff}') => '\u{fffd}',
        char => char,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_cut_where_characters_end() {
        let check = |text: &str, limit, expected: &str| assert_eq!(cut(text, limit), expected, "{text} in {limit}");
        check("abcdef", 6, "abcdef");
        check("abcdef", 5, "abcd…");
        check("abcdef", 1, "…");
        check("abcdef", 0, "");
        check("", 0, "");
        check("日本語", 6, "日本語");
        check("日本語", 5, "日本…");
        check("日本語", 4, "日…");
        check("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…");
        check("👩‍👩‍👧👩‍👩‍👧", 4, "👩‍👩‍👧👩‍👩‍👧");
        check("👩‍👩‍👧👩‍👩‍👧", 3, "👩‍👩‍👧…");
    }

    #[test]
    fn texts_are_wrapped() {
        assert_eq!(wrap("abcde", 2), ["ab", "cd", "e"]);
        assert_eq!(wrap("日本", 3), ["日", "本"]);
        assert_eq!(wrap("日本", 1), ["日", "本"]);
        assert_eq!(wrap("", 3), [""]);
    }

    #[test]
    fn nothing_steers_a_terminal() {
        assert_eq!(clean("a\tb\nc\r\n", None), "a␉b␊c␍␊");
        assert_eq!(clean("\x1b[2J\u{9b}\x7f\u{202e}", None), "␛[2J\u{fffd}␡\u{fffd}");
        assert_eq!(clean("\r\n\r\n\r\n", Some(4)), "␍␊␍…");
    }

    proptest! {
        #[test]
        fn a_limit_is_kept_and_no_more_is_lost(text in "\\PC*|.*|[👩‍👧🇩🇪e\u{301}日لا ]*", limit in 1..20_usize) {
            let shown = clean(&text, Some(limit));
            prop_assert!(width(&shown) <= limit && shown.width() <= limit);
            let whole = clean(&text, None);
            prop_assert_eq!(width(&whole) <= limit, whole == shown);
            prop_assert_eq!(wrap(&whole, limit).concat(), whole);
        }
    }
}
