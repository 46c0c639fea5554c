//! Some lines of a block, read together: most of them as predicted, the others one by one by the careful reader.
//!
//! What is counted and found is what it would be if each line were read after the one before it. It knows nothing of
//! files or columns.

use super::careful::Careful;
use super::framing::line_at;
use super::rows::Rows;
use super::shape::Text;
use crate::error::Result;

/// How many lines are read together: with 128, the loops took 5 % longer.
const LINES: usize = 256;

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
#[derive(Debug)]
pub(super) struct Flight {
    /// Bytes behind which no other line begins.
    most_bytes: usize,
    /// Rows of lines that were not predicted.
    fallen: Vec<u32>,
    retried: Vec<u32>,
    /// Rows of lines that are none.
    dropped: Vec<u32>,
}

impl Flight {
    /// Of at least one line, and of no more once so many bytes are read.
    pub(super) fn new(most_bytes: usize) -> Self {
        Self { most_bytes, fallen: Vec::new(), retried: Vec::new(), dropped: Vec::new() }
    }

    pub(super) fn most_bytes(&self) -> usize {
        self.most_bytes
    }

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
        let end = rows.begin(|starts| frame(lines, at, self.most_bytes, starts));
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
            let (line, behind) = line_at(lines.raw, start, lines.offset, careful.settings.max_line_bytes);
            if !careful.line(&line, &lines.raw[start..behind], start, rows, row as usize)? {
                self.dropped.push(row);
            }
            if careful.ended {
                rows.truncate(next);
                rows.drop(&self.dropped);
                return Ok(behind);
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
        Ok(end)
    }
}

/// Puts where the next lines start behind `starts`, from `at` on; where the one behind them does.
fn frame(lines: Lines<'_>, at: usize, most_bytes: usize, starts: &mut Vec<u32>) -> usize {
    let before = starts.len();
    starts.push(at as u32);
    lines.text.marks.lines(at, LINES, starts);
    let within = starts[before..].partition_point(|start| (*start as usize - at) < most_bytes);
    if before + within + 1 < starts.len() {
        starts.truncate(before + within + 1);
        return starts.pop().map_or(at, |start| start as usize);
    }
    let end = starts[starts.len() - 1] as usize;
    // The last line of a file may lack its newline.
    if starts.len() - before <= LINES && end < lines.raw.len() {
        return lines.raw.len();
    }
    starts.pop();
    end
}
