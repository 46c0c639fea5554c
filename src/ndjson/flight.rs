//! Some lines of a block, read together: most of them as predicted, the others one by one by the careful reader.
//!
//! What is counted and found is what it would be if each line were read after the one before it. It knows nothing of
//! files or columns.

use super::careful::Careful;
use super::framing::line_at;
use super::rows::Rows;
use super::shape::Text;
use crate::error::Result;

/// How many lines are read together: enough to share work, and few enough that their bytes stay in a first-level cache.
const LINES: usize = 128;

/// How often lines that were not predicted are tried again after one of them was learned.
const RETRIES: usize = 4;

/// Lines of one block.
#[derive(Clone, Copy)]
pub(super) struct Lines<'a> {
    /// What they are read by.
    pub(super) text: Text<'a>,
    /// The same as it stands in the file.
    pub(super) raw: &'a [u8],
    /// Of the block's first byte.
    pub(super) offset: u64,
}

/// Room that is used again.
#[derive(Debug, Default)]
pub(super) struct Flight {
    ends: Vec<u32>,
    /// Rows of lines that were not predicted.
    fallen: Vec<u32>,
    retried: Vec<u32>,
    /// Rows of lines that are none.
    dropped: Vec<u32>,
}

impl Flight {
    /// Reads some of `lines` from `at` on, where one starts, into `rows`; where the next one starts.
    ///
    /// **Errors**: those of [`Careful::line`].
    pub(super) fn read(
        &mut self,
        lines: Lines<'_>,
        at: usize,
        careful: &mut Careful,
        rows: &mut Rows,
    ) -> Result<usize> {
        let mut next = rows.len();
        self.frame(lines, at, rows);
        careful.shapes.lead(lines.text, next as u32..rows.len() as u32, rows, &mut self.fallen);
        let (mut looked_at, mut retries) = (0, 0);
        self.dropped.clear();
        while let Some(row) = self.fallen.get(looked_at).copied() {
            looked_at += 1;
            careful.count_predicted(row as usize - next);
            next = row as usize + 1;
            let lessons = careful.shapes.lessons();
            rows.blank(row as usize);
            let start = rows.starts()[row as usize] as usize;
            let (line, end) = line_at(lines.raw, start, lines.offset, careful.settings.max_line_bytes);
            if !careful.line(&line, &lines.raw[start..end], start, rows, row as usize)? {
                self.dropped.push(row);
            }
            if careful.ended {
                rows.truncate(next);
                rows.drop(&self.dropped);
                return Ok(end);
            }
            if lessons != careful.shapes.lessons() && retries < RETRIES {
                retries += 1;
                self.retried.clear();
                self.retried.extend_from_slice(&self.fallen[looked_at..]);
                self.retried.iter().for_each(|row| rows.blank(*row as usize));
                careful.shapes.lead(lines.text, self.retried.iter().copied(), rows, &mut self.fallen);
                looked_at = 0;
            }
        }
        careful.count_predicted(rows.len() - next);
        rows.drop(&self.dropped);
        Ok(self.ends.last().map_or(lines.raw.len(), |end| *end as usize))
    }

    /// Begins a row of each line.
    fn frame(&mut self, lines: Lines<'_>, at: usize, rows: &mut Rows) {
        self.ends.clear();
        lines.text.marks.lines(at, LINES, &mut self.ends);
        let last = self.ends.last().map_or(at, |end| *end as usize);
        if self.ends.len() < LINES && last < lines.raw.len() {
            // The last line of a file may lack its newline.
            self.ends.push(lines.raw.len() as u32);
        }
        let starts = std::iter::once(at as u32).chain(self.ends.iter().copied());
        rows.begin(starts.take(self.ends.len()));
    }
}
