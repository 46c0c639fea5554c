//! Lines over one turn and the value behind it.
//!
//! Lines are taken over it by the loops of `run`, one kind of value at a time, as some of them have it; what is left is looked at
//! line by line. It knows nothing of how the lines came there.

use arrow::datatypes::TimeUnit;

use super::super::super::class::Class;
use super::super::super::layout::Reading;
use super::super::super::rows::Span;
use super::super::due::Due;
use super::super::turn::Turn;
use super::super::value::Value;
use super::super::{Check, UNWANTED};
use super::run::{self, Likely, Odd, Run, Scratch};
use super::{Fate, Lane};

/// Lines that are rather looked at one by one than by a loop of their own: to call one costs about as much as to look at one line.
/// Of so many and one more the kind is asked, one here and one there.
pub(super) const FEW: usize = 3;

/// Loops that the lines of a turn were led over.
#[derive(Debug, Default)]
struct Tried {
    text: bool,
    number: bool,
    boolean: bool,
    blank: bool,
    strings: bool,
    numbers: bool,
}

impl Tried {
    /// The mark of a loop.
    fn of(&mut self, likely: Likely) -> &mut bool {
        match likely {
            Likely::String | Likely::Timestamp(_) => &mut self.text,
            Likely::Number => &mut self.number,
            Likely::Boolean => &mut self.boolean,
            Likely::Strings => &mut self.strings,
            Likely::Numbers => &mut self.numbers,
            Likely::Blank | Likely::Nothing => &mut self.blank,
        }
    }
}

/// A turn, and the key whose value is due then.
pub(super) struct Step<'a> {
    pub(super) turn: &'a Turn,
    pub(super) due: Due<'a>,
}

impl Step<'_> {
    /// Takes lines over the turn and their values. Moved to `others` are those that do not take the turn.
    pub(super) fn values(&self, lanes: &mut Vec<Lane>, others: &mut Vec<Lane>, fate: &mut Fate<'_>) {
        let mut scratch = std::mem::take(fate.scratch);
        let mut tried = Tried::default();
        match self.likely(lanes, &mut tried) {
            Some(likely) => self.take(likely, lanes, &mut scratch, fate),
            None => scratch.odd.lanes.append(lanes),
        }
        while scratch.odd.lanes.len() > FEW
            && let Some(likely) = self.likely(&scratch.odd.lanes, &mut tried)
        {
            let mut left = std::mem::take(&mut scratch.left);
            std::mem::swap(&mut left, &mut scratch.odd.lanes);
            self.take(likely, &mut left, &mut scratch, fate);
            lanes.append(&mut left);
            scratch.left = left;
        }
        for lane in scratch.odd.lanes.drain(..) {
            if !self.turn.fits(self.due.text.bytes, lane.at as usize) {
                others.push(lane);
                continue;
            }
            let start = lane.at as usize + self.turn.len();
            match self.due.value(start, lane.row, fate.rows, fate.empty) {
                Some(at) => lanes.push(Lane { at, ..lane }),
                None => fate.fallen.push(lane.row),
            }
        }
        *fate.scratch = scratch;
    }

    /// Takes lines over what is likely; the others are odd.
    fn take(&self, likely: Likely, lanes: &mut Vec<Lane>, scratch: &mut Scratch, fate: &mut Fate<'_>) {
        let Scratch { odd, spans, .. } = scratch;
        // Timestamps are checked where they are found. Null is a value of any type, and `""` is known only if it was accepted here.
        let is_sure = matches!(likely, Likely::Timestamp(_) | Likely::Blank);
        let is_checked = !is_sure && !self.due.key.check.asks_nothing();
        let column = match self.due.key.wanted {
            UNWANTED if is_checked => {
                spans.resize(fate.rows.len(), Span::ABSENT);
                spans.as_mut_slice()
            }
            UNWANTED => &mut [],
            wanted => fate.rows.column_mut(wanted),
        };
        let (text, turn, known, bounds) =
            (self.due.text, self.turn, self.due.key.known, self.due.key.bounds.as_deref());
        let items = self.due.items().map_or(Class::default(), |item| item.key.known);
        self.run(likely, &Run { text, turn, known, items, bounds }, lanes, odd, column);
        if is_checked && !self.surely_fit(lanes, column) {
            lanes.retain(|lane| self.check(column[lane.row as usize], lane.row, fate.fallen));
        }
        if likely == Likely::Blank {
            let has_empty = |lane: &&Lane| text.bytes[lane.at as usize - 1] == b'"';
            let empty = lanes.iter().filter(has_empty).map(|lane| (lane.row, turn.to));
            fate.empty.extend(empty);
        }
    }

    /// As [`run::take`], from behind the head of a long turn on.
    fn run(&self, likely: Likely, run: &Run<'_>, lanes: &mut Vec<Lane>, odd: &mut Odd, column: &mut [Span]) {
        let head = &self.turn.head;
        if head.is_empty() {
            return run::take(likely, run, lanes, odd, column);
        }
        lanes.retain_mut(|lane| {
            let stands = self.due.text.bytes[lane.at as usize..].starts_with(head);
            if stands {
                lane.at += head.len() as u32;
            } else {
                odd.lanes.push(*lane);
            }
            stands
        });
        let before = odd.lanes.len();
        run::take(likely, run, lanes, odd, column);
        // Whoever looks closer looks at the whole turn.
        odd.lanes[before..].iter_mut().for_each(|lane| lane.at -= head.len() as u32);
    }

    /// What is likely there and was not tried, as some of the lines have it, and is tried now; `None` where all have to be looked at.
    /// Blanks are tried last: they stand among others more often than others among them. The first lines alone would not do: those
    /// that came by another way stand together.
    fn likely(&self, lanes: &[Lane], tried: &mut Tried) -> Option<Likely> {
        let mut blank = None;
        let stride = (lanes.len() / (FEW + 1)).max(1);
        for lane in lanes.iter().step_by(stride).take(FEW + 1) {
            match self.kind(*lane) {
                Some(kind) if *tried.of(kind) => {}
                Some(Likely::Blank) => blank = Some(Likely::Blank),
                Some(kind) => {
                    *tried.of(kind) = true;
                    return Some(kind);
                }
                None => {}
            }
        }
        tried.blank |= blank.is_some();
        blank
    }

    /// Which loop would take a line, as far as the first bytes of its value tell.
    fn kind(&self, lane: Lane) -> Option<Likely> {
        let at = lane.at as usize;
        let value = self.due.text.bytes.get(at + self.turn.len()..)?;
        let (likely, class) = match value {
            [b'"', b'"', ..] => (Likely::Blank, Class::EMPTY),
            [b'"', ..] => (self.timestamp().map_or(Likely::String, Likely::Timestamp), Class::STRING),
            [b'-' | b'0'..=b'9', ..] => (Likely::Number, Class::NUMBER),
            [b't' | b'f', ..] => (Likely::Boolean, Class::BOOLEAN),
            [b'n', ..] => (Likely::Blank, Class::PRESENT),
            [b'[', first, ..] => (self.elements(*first)?, Class::ARRAY),
            _ => return None,
        };
        (self.due.key.known.has(class) && self.turn.fits(self.due.text.bytes, at)).then_some(likely)
    }

    /// Which loop would take an array, as far as the first byte of its elements tells.
    fn elements(&self, first: u8) -> Option<Likely> {
        let item = self.due.items().map(|item| item.key).filter(|item| item.check.asks_nothing())?;
        let (strings, numbers) = (item.known.has(Class::STRING), item.known.has(Class::NUMBER));
        match first {
            b'"' | b']' if strings => Some(Likely::Strings),
            b'-' | b'0'..=b'9' | b']' if numbers => Some(Likely::Numbers),
            _ => None,
        }
    }

    /// Of a column that is declared to be timestamps their unit.
    fn timestamp(&self) -> Option<TimeUnit> {
        let Check::Scalar(reading) = &self.due.key.check else { return None };
        let Reading::Timestamp { unit, .. } = **reading else { return None };
        Some(unit)
    }

    /// Whether the values that a loop found are of the declared type, as far as a quick look tells.
    fn surely_fit(&self, lanes: &[Lane], column: &[Span]) -> bool {
        let Check::Scalar(reading) = &self.due.key.check else { return false };
        let value = |span: Span| &self.due.text.bytes[span.start as usize..span.end as usize];
        let mut spans = lanes.iter().map(|lane| column[lane.row as usize]);
        spans.all(|span| reading.surely_fits(span.kind, Class::default(), value(span)))
    }

    /// Whether a value that a loop found is one of the declared type; else the line falls.
    fn check(&self, span: Span, row: u32, fallen: &mut Vec<u32>) -> bool {
        let value = Value::new(span.end as usize, span.kind, Class::PRESENT);
        let is_allowed = self.due.allows(value, span.start as usize);
        if !is_allowed {
            fallen.push(row);
        }
        is_allowed
    }
}
