//! Tables in the markup of pages: GitHub's Markdown, and HTML. Values are as people see them in a table, whole, with line
//! breaks where they have some.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::cell::Cells;
use super::layout::Layout;
use super::rows::Look;
use super::text::visible;
use crate::error::Result;

const LINE_BREAK: &str = "<br>";

/// A table of Markdown.
pub(super) struct Markdown {
    cells: Cells,
    null: String,
    /// Names and the line under them, until they are shown.
    head: String,
}

impl Markdown {
    pub(super) fn new(schema: &SchemaRef, layout: &Layout) -> Self {
        let cells = Cells::new(schema);
        let mut head = String::new();
        let mut rule = String::new();
        for heading in cells.headings() {
            head.push_str("| ");
            markdown(&heading.name, &mut head);
            head.push(' ');
            rule.push_str(if heading.is_right { "|--:" } else { "|---" });
        }
        if !head.is_empty() {
            head = format!("{head}|\n{rule}|\n");
        }
        Self { cells, null: layout.null.clone(), head }
    }
}

impl Look for Markdown {
    fn push(&mut self, batch: &RecordBatch) -> Result<String> {
        let mut text = std::mem::take(&mut self.head);
        let last = batch.num_columns();
        self.cells.for_each(batch, |column, value| {
            text.push_str("| ");
            markdown(value.unwrap_or(&self.null), &mut text);
            text.push_str(if column + 1 == last { " |\n" } else { " " });
        })?;
        Ok(text)
    }

    fn finish(&mut self) -> Result<String> {
        Ok(std::mem::take(&mut self.head))
    }
}

/// Appends `value` so that nothing in it is markup.
fn markdown(value: &str, out: &mut String) {
    let mut is_in_word = false;
    for char in value.chars() {
        match char {
            '\n' => out.push_str(LINE_BREAK),
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            // Within a word it is no markup, and most names have some.
            '_' if is_in_word => out.push(char),
            '|' | '\\' | '*' | '`' | '_' | '~' | '[' | ']' => out.extend(['\\', char]),
            char => out.push(visible(char)),
        }
        is_in_word = char.is_alphanumeric();
    }
}

/// A table of HTML.
pub(super) struct Html {
    cells: Cells,
    null: String,
    /// The names, until they are shown.
    head: String,
}

impl Html {
    pub(super) fn new(schema: &SchemaRef, layout: &Layout) -> Self {
        let cells = Cells::new(schema);
        let mut head = "<table>\n<thead>\n<tr>".to_owned();
        for heading in cells.headings() {
            head.push_str("<th>");
            html(&heading.name, &mut head);
            head.push_str("</th>");
        }
        head.push_str("</tr>\n</thead>\n<tbody>\n");
        Self { cells, null: layout.null.clone(), head }
    }
}

impl Look for Html {
    fn push(&mut self, batch: &RecordBatch) -> Result<String> {
        let mut text = std::mem::take(&mut self.head);
        let last = batch.num_columns();
        self.cells.for_each(batch, |column, value| {
            text.push_str(if column == 0 { "<tr>" } else { "" });
            text.push_str(if value.is_none() { "<td class=\"null\">" } else { "<td>" });
            html(value.unwrap_or(&self.null), &mut text);
            text.push_str(if column + 1 == last { "</td></tr>\n" } else { "</td>" });
        })?;
        Ok(text)
    }

    fn finish(&mut self) -> Result<String> {
        Ok(std::mem::take(&mut self.head) + "</tbody>\n</table>\n")
    }
}

/// Appends `value` so that nothing in it is markup, in an attribute neither.
fn html(value: &str, out: &mut String) {
    for char in value.chars() {
        match char {
            '\n' => out.push_str(LINE_BREAK),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' => out.push(char),
            char => out.push(visible(char)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::mode::Mode;
    use super::super::testing::{batch, integers, shown, texts};
    use super::*;

    fn rows() -> RecordBatch {
        batch([("page_id", texts([Some("<a|b>&\nc_d *_e_*\x1b"), None])), ("n|n", integers([1, 2]))])
    }

    fn check(mode: Mode, rows: &RecordBatch, expected: &str) {
        assert_eq!(shown(mode, Layout::default(), std::slice::from_ref(rows)).unwrap(), expected);
    }

    #[test]
    fn nothing_in_a_value_is_markdown() {
        let head = "| page_id | n\\|n |\n|---|--:|\n";
        let first = "| &lt;a\\|b>&amp;<br>c_d \\*\\_e_\\*␛ | 1 |\n";
        check(Mode::Markdown, &rows(), &format!("{head}{first}| NULL | 2 |\n"));
        check(Mode::Markdown, &rows().slice(0, 0), head);
    }

    #[test]
    fn nothing_in_a_value_is_html() {
        let head = "<table>\n<thead>\n<tr><th>page_id</th><th>n|n</th></tr>\n</thead>\n<tbody>\n";
        let first = "<tr><td>&lt;a|b&gt;&amp;<br>c_d *_e_*␛</td><td>1</td></tr>\n";
        let foot = "</tbody>\n</table>\n";
        let second = "<tr><td class=\"null\">NULL</td><td>2</td></tr>\n";
        check(Mode::Html, &rows(), &format!("{head}{first}{second}{foot}"));
        check(Mode::Html, &rows().slice(0, 0), &format!("{head}{foot}"));
    }
}
