//! One line of a terminal, put together from pieces with and without a style. It is never wider than the terminal,
//! whatever is put into it.

use anstyle::Style;

use super::layout::Layout;
use super::text::{split, width};

/// For the names of columns.
pub(super) const NAME: Style = Style::new().bold();
/// For what is beside the values.
pub(super) const DIM: Style = Style::new().dimmed();

/// A line that is not ended yet.
pub(super) struct Line {
    text: String,
    /// Columns that are left.
    room: usize,
    colour: bool,
}

impl Line {
    /// An empty line.
    pub(super) fn new(layout: &Layout) -> Self {
        Self { text: String::new(), room: layout.width.unwrap_or(usize::MAX), colour: layout.colour }
    }

    /// Adds `text`, as far as there is room.
    pub(super) fn put(&mut self, text: &str) -> &mut Self {
        let (head, rest) = split(text, self.room);
        // Behind what is left out nothing follows, also nothing that would fit.
        self.room = if rest.is_empty() { self.room - width(head) } else { 0 };
        self.text.push_str(head);
        self
    }

    /// Adds `text` in `style`, where colours are shown.
    pub(super) fn styled(&mut self, style: Style, text: &str) -> &mut Self {
        if !self.colour || text.is_empty() {
            return self.put(text);
        }
        self.text.push_str(&style.render().to_string());
        self.put(text);
        self.text.push_str(&style.render_reset().to_string());
        self
    }

    /// Adds `count` times `char`, which is one column wide.
    pub(super) fn repeat(&mut self, char: char, count: usize) -> &mut Self {
        self.text.extend(std::iter::repeat_n(char, count.min(self.room)));
        self.room = self.room.saturating_sub(count);
        self
    }

    /// Appends the line and its end to `out`.
    pub(super) fn end(&self, out: &mut String) {
        out.push_str(&self.text);
        out.push('\n');
    }
}
