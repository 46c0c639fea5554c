//! A block per row, a line per column: `name │ value`. A long value goes on in the next lines, whole.

use super::cell::{Cell, Heading};
use super::layout::Layout;
use super::line::{DIM, Line, NAME};
use super::text::{cut, width, wrap};

const BETWEEN: &str = " │ ";
const BETWEEN_WIDTH: usize = 3;

/// The block of the row with that `number`, 1-based.
pub(super) fn block(headings: &[Heading], number: usize, row: &[Cell], layout: &Layout, out: &mut String) {
    let names = headings.iter().map(|heading| width(&heading.name)).max().unwrap_or_default();
    let room = layout.width.map_or(usize::MAX, |room| room.saturating_sub(BETWEEN_WIDTH));
    // Values have at least half of the room.
    let names = names.min((room / 2).max(1));
    let room = room.saturating_sub(names).max(1);
    let widest = row.iter().map(|cell| cell.width).max().unwrap_or_default().min(room);
    title(number, names + BETWEEN_WIDTH + widest, layout, out);
    for (heading, cell) in headings.iter().zip(row) {
        for (at, part) in wrap(&cell.text, room).into_iter().enumerate() {
            let name = if at == 0 { cut(&heading.name, names) } else { "".into() };
            let mut line = Line::new(layout);
            line.styled(NAME, &name).repeat(' ', names.saturating_sub(width(&name)));
            // A line does not end in spaces.
            line.put(if part.is_empty() { BETWEEN.trim_end() } else { BETWEEN });
            line.styled(cell.style(), part).end(out);
        }
    }
}

/// A line of at least `least` columns, as far as the terminal is wide.
fn title(number: usize, least: usize, layout: &Layout, out: &mut String) {
    let title = format!("─[ row {number} ]─");
    let more = least.saturating_sub(width(&title));
    Line::new(layout).styled(DIM, &title).styled(DIM, &"─".repeat(more)).end(out);
}

#[cfg(test)]
mod tests {
    use super::super::layout::Expanded;
    use super::super::mode::Mode;
    use super::super::testing::{batch, integers, shown, texts};
    use super::*;

    fn check(mode: Mode, layout: Layout, expected: &str) {
        let rows = batch([
            ("page", texts([Some("/documentation/installation"), None, Some("")])),
            ("number_of_views", integers([6017, 12, 3])),
        ]);
        let text = shown(mode, layout, &[rows]).unwrap();
        assert_eq!(text, expected.trim_start_matches('\n'), "\n{text}");
    }

    const WIDE: &str = "
─[ row 1 ]───────────────────────────────────
page            │ /documentation/installation
number_of_views │ 6017
─[ row 2 ]────────────
page            │ NULL
number_of_views │ 12
─[ row 3 ]─────────
page            │
number_of_views │ 3
";

    #[test]
    fn a_row_is_a_block() {
        check(Mode::Expanded, Layout::default(), WIDE);
        check(Mode::Table, Layout { expanded: Expanded::On, ..Layout::default() }, WIDE);
    }

    #[test]
    fn long_values_go_on_in_the_next_line() {
        check(
            Mode::Expanded,
            Layout { width: Some(25), max_rows: Some(1), ..Layout::default() },
            "
─[ row 1 ]───────────────
page        │ /documentat
            │ ion/install
            │ ation
number_of_… │ 6017
",
        );
    }

    #[test]
    fn a_table_that_is_too_wide_becomes_blocks_by_itself() {
        let at = |width, expanded| Layout { width: Some(width), expanded, ..Layout::default() };
        let is_table = |layout| {
            let rows = batch([("a", texts([Some("some text that is long")])), ("number", integers([6017]))]);
            shown(Mode::Table, layout, &[rows]).unwrap().starts_with('┌')
        };
        assert!(is_table(at(25, Expanded::Auto)));
        assert!(!is_table(at(24, Expanded::Auto)));
        assert!(is_table(at(24, Expanded::Off)));
        assert!(!is_table(at(200, Expanded::On)));
    }
}
