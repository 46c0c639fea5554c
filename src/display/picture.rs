//! The lines around a place in a text, with a caret under it.
//!
//! A text is shown as far as a terminal is wide, and what would steer a terminal is shown as a symbol: an excerpt may
//! be a line of somebody else's data. It knows nothing of what is wrong at the place.

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode,
    SourceSpan, SpanContents,
};

use super::text::{clean, visible};
use crate::error::Excerpt;

/// Characters of a line that are shown: with the line numbers and a label, what most terminals hold.
const WIDTH: usize = 100;
/// Characters before the place that are shown of a longer line.
const BEFORE: usize = 60;

/// The picture, which ends with a line break.
pub(super) fn draw(excerpt: &Excerpt) -> String {
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode())
        .with_context_lines(1)
        .with_wrap_lines(false)
        .without_syntax_highlighting();
    if handler.render_report(&mut text, &Shown::of(excerpt)).is_err() {
        // The place is told in words where it cannot be drawn.
        let (line, column) = excerpt.line_and_column();
        return format!("  in {}, line {line}, column {column}\n", clean(&excerpt.name, None));
    }
    // The first line is the handler's own heading, which is empty here.
    text.split_once('\n').map_or(String::new(), |(_, drawn)| drawn.lines().fold(String::new(), trimmed))
}

fn trimmed(mut text: String, line: &str) -> String {
    text.push_str(line.trim_end());
    text.push('\n');
    text
}

/// As much of an excerpt as is shown, under the line and column that its place really has.
#[derive(Debug)]
struct Shown {
    name: String,
    label: String,
    text: String,
    span: SourceSpan,
    /// Of the first line of `text`; 0-based, as are the next two.
    first_line: usize,
    line: usize,
    column: usize,
}

impl Shown {
    fn of(excerpt: &Excerpt) -> Self {
        let (text, span) = (excerpt.text.as_str(), &excerpt.span);
        let start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
        let end = text[span.start..].find('\n').map_or(text.len(), |length| span.start + length);
        let before = text[..start].lines().next_back();
        let after = text[end..].strip_prefix('\n').and_then(|rest| rest.lines().next());
        let place = text[start..span.start].chars().count();
        let from = first_shown(&[before.unwrap_or_default(), &text[start..end], after.unwrap_or_default()], place);

        let mut shown = before.map_or_else(String::new, |line| window(line, from) + "\n");
        let at = shown.len() + window(&text[start..span.start], from).len();
        shown.push_str(&window(&text[start..end], from));
        let marked = text[span.start..span.end.min(end)].chars().count().min(from + WIDTH - place);
        let length: usize = shown[at..].chars().take(marked).map(char::len_utf8).sum();
        if at == shown.len() {
            // There must be something to stand over the caret.
            shown.push(' ');
        }
        if let Some(line) = after {
            shown.push('\n');
            shown.push_str(&window(line, from));
        }
        let (line, column) = excerpt.line_and_column();
        Self {
            name: clean(&excerpt.name, None),
            label: clean(&excerpt.label, None),
            text: shown,
            span: (at, length.max(1)).into(),
            first_line: line - 1 - usize::from(before.is_some()),
            line: line - 1,
            column: column - 1,
        }
    }
}

/// The first character that is shown of each line: of all the same, so that what stands under each other stays there.
fn first_shown(lines: &[&str], place: usize) -> usize {
    let fits = lines.iter().all(|line| line.chars().take(WIDTH + 1).count() <= WIDTH);
    if fits { 0 } else { place.saturating_sub(BEFORE) }
}

/// The part of a line that starts at the character `from`.
fn window(line: &str, from: usize) -> String {
    let mut chars = line.chars();
    let skipped = chars.by_ref().take(from).count();
    let mut text = String::new();
    for (at, char) in chars.by_ref().take(WIDTH).enumerate() {
        text.push(match char {
            _ if at == 0 && skipped > 0 => '…',
            // The handler aligns what stands behind a tab.
            '\t' => char,
            char => visible(char),
        });
    }
    if chars.next().is_some() {
        text.push('…');
    }
    text
}

impl std::fmt::Display for Shown {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Shown {}

impl Diagnostic for Shown {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = (!self.label.is_empty()).then(|| self.label.clone());
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(label, self.span))))
    }
}

impl SourceCode for Shown {
    fn read_span<'b>(
        &'b self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'b> + 'b>, MietteError> {
        let contents = self.text.as_str().read_span(span, before, after)?;
        // Without lines around it, it is asked for the place to name.
        let (line, column) =
            if before == 0 { (self.line, self.column) } else { (self.first_line + contents.line(), contents.column()) };
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.to_owned(),
            contents.data(),
            *contents.span(),
            line,
            column,
            contents.line_count(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, span: std::ops::Range<usize>, expected: &str) {
        let excerpt = Excerpt {
            name: "q.sql".into(),
            text: text.into(),
            first_line: 3,
            first_column: 0,
            span,
            label: String::new(),
        };
        let drawn = anstream::adapter::strip_str(&draw(&excerpt)).to_string();
        assert_eq!(drawn.trim_end(), expected.trim_start_matches('\n'), "\n{drawn}");
    }

    #[test]
    fn the_place_has_a_caret() {
        check(
            "SELECT 'ä',\n  b\nFROM c\nWHERE d",
            15..16,
            "
   ╭─[q.sql:4:3]
 3 │ SELECT 'ä',
 4 │   b
   ·   ─
 5 │ FROM c
   ╰────",
        );
    }

    #[test]
    fn the_end_has_a_caret_too() {
        let expected = "
   ╭─[q.sql:3:7]
 3 │ SELECT
   ·       ─
   ╰────";
        check("SELECT", 6..6, expected);
        check("", 0..0, "   ╭─[q.sql:3:1]\n 3 │\n   · ─\n   ╰────");
    }

    #[test]
    fn a_span_of_several_lines_is_marked_in_its_first() {
        check("a bb\nccc", 2..8, "   ╭─[q.sql:3:3]\n 3 │ a bb\n   ·   ──\n 4 │ ccc\n   ╰────");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = format!("{}x{}", "a".repeat(200), "b".repeat(200));
        let row = format!("…{}x{}…", "a".repeat(BEFORE - 1), "b".repeat(WIDTH - BEFORE - 1));
        let caret = " ".repeat(BEFORE);
        check(&text, 200..201, &format!("   ╭─[q.sql:3:201]\n 3 │ {row}\n   · {caret}─\n   ╰────"));
        // What is marked ends where the line is cut.
        let carets = "─".repeat(WIDTH - BEFORE);
        check(&text, 200..400, &format!("   ╭─[q.sql:3:201]\n 3 │ {row}\n   · {caret}{carets}\n   ╰────"));
    }

    #[test]
    fn what_steers_a_terminal_is_shown_as_a_symbol() {
        check("\x1b[2J\u{9b}x", 4..6, "   ╭─[q.sql:3:5]\n 3 │ ␛[2J\u{fffd}x\n   ·     ─\n   ╰────");
    }
}
