//! The loops of the hot path: many lines over one literal and the value behind it, if that is what is most likely there.
//!
//! What a loop does not take is left for a closer look, so it may leave whatever is rare. Each is compiled again for
//! processors that have AVX2, and for those that have AVX-512. They know nothing of keys.

#[cfg(target_arch = "x86_64")]
mod x86_64;

use std::cell::Cell;

use super::super::super::class::Class;
use super::super::super::marks::Marks;
use super::super::super::rows::Span;
use super::super::super::tape::Kind;
use super::super::Text;
use super::super::turn::{Turn, WINDOW};
use super::super::value::Value;
use super::Lane;

/// Bytes from where a line stands on that are looked at without asking whether the text has them: the literal, and a
/// number of the longest kind that is taken.
const AHEAD: usize = 128;

/// Digits that are taken before and behind a point: what 64 bits hold for sure, and more decimals than doubles are
/// written with.
const DIGITS: usize = 18;
const DECIMALS: usize = 30;

const _: () = assert!(WINDOW + 1 + DIGITS + 1 + DECIMALS < AHEAD && DIGITS + 1 + DECIMALS < Marks::WINDOW);

/// The largest integer up to which doubles hold all of them, 2^53.
const EXACT: [u8; 16] = *b"9007199254740992";

/// What lines are taken over.
pub(super) struct Run<'a> {
    pub(super) text: Text<'a>,
    /// Not a long one.
    pub(super) turn: &'a Turn,
    /// Classes that values may be of; what is likely is among them.
    pub(super) known: Class,
}

/// Room that is used again.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Lines that a loop left.
    pub(super) odd: Vec<Lane>,
    /// Stands in for the column of a value that nobody reads.
    pub(super) spans: Vec<Span>,
}

/// What is most likely there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likely {
    /// A string without escapes, other than `""`.
    String,
    /// A number of few digits without exponent.
    Number,
    Boolean,
    /// The end of the line.
    Nothing,
}

/// The loops: they move lines behind their values, and those that they do not take to `odd`. The places of values go
/// into `column` by row, unless that is empty.
type Kernel = fn(Likely, &Run<'_>, lanes: &mut Vec<Lane>, odd: &mut Vec<Lane>, column: &mut [Span]);

/// The loops for this processor.
pub(super) fn kernel() -> Kernel {
    #[cfg(target_arch = "x86_64")]
    if let Some(kernel) = x86_64::kernel() {
        return kernel;
    }
    portable
}

fn portable(likely: Likely, run: &Run<'_>, lanes: &mut Vec<Lane>, odd: &mut Vec<Lane>, column: &mut [Span]) {
    by_kind(likely, run, lanes, odd, column);
}

// Closures would not be compiled for the same processor as the loop.
#[inline(always)]
fn by_kind(likely: Likely, run: &Run<'_>, lanes: &mut Vec<Lane>, odd: &mut Vec<Lane>, column: &mut [Span]) {
    match likely {
        Likely::String => each::<Strings>(run, lanes, odd, column),
        Likely::Number => each::<Numbers>(run, lanes, odd, column),
        Likely::Boolean => each::<Booleans>(run, lanes, odd, column),
        Likely::Nothing => each::<Nothing>(run, lanes, odd, column),
    }
}

/// How one kind of value is read.
trait Values {
    /// The value that starts at `start` of the text, which is at `at` of the bytes ahead. Of its class only the kind counts:
    /// it is one of those that are known.
    fn read(run: &Run<'_>, start: usize, ahead: &[u8; AHEAD], at: usize) -> Value;
}

struct Strings;

impl Values for Strings {
    #[inline(always)]
    fn read(run: &Run<'_>, start: usize, ahead: &[u8; AHEAD], at: usize) -> Value {
        let stop = run.text.marks.stop(start + 1);
        let is_plain = ahead[at] == b'"' && run.text.bytes.get(stop) == Some(&b'"') && stop > start + 1;
        if is_plain { Value::new(stop + 1, Kind::Plain, Class::STRING) } else { Value::NONE }
    }
}

struct Numbers;

impl Values for Numbers {
    #[inline(always)]
    fn read(run: &Run<'_>, start: usize, ahead: &[u8; AHEAD], at: usize) -> Value {
        let text = run.text;
        // All that is looked at is ahead: to say so keeps the compiler from asking.
        let byte = |at: usize| ahead[at % AHEAD];
        let negative = byte(at) == b'-';
        let (first, at) = (start + usize::from(negative), at + usize::from(negative));
        let others = text.marks.others(first);
        let digits = others.trailing_zeros() as usize;
        let begins_with_zero = byte(at) == b'0';
        if digits == 0 || digits > DIGITS || (begins_with_zero && digits > 1) {
            return Value::NONE;
        }
        let mut value = Value::new(first + digits, Kind::Integer, Class::NUMBER);
        let mut behind = byte(at + digits);
        if behind == b'.' {
            let decimals = (others >> (digits + 1)).trailing_zeros() as usize;
            if decimals == 0 || decimals > DECIMALS || !run.known.has(Class::FRACTION) {
                return Value::NONE;
            }
            value = Value::new(first + digits + 1 + decimals, Kind::Fraction, Class::NUMBER);
            behind = byte(at + digits + 1 + decimals);
        } else if negative & !begins_with_zero && !run.known.has(Class::NEGATIVE) {
            return Value::NONE;
        } else if digits > Class::EXACT_DIGITS && !run.known.has(Class::ABOVE_2_53) {
            let is_exact = digits == EXACT.len() && text.bytes[first..first + EXACT.len()] <= EXACT[..];
            if !is_exact {
                return Value::NONE;
            }
        }
        value.only_if(behind | 0x20 != b'e')
    }
}

struct Booleans;

impl Values for Booleans {
    #[inline(always)]
    fn read(run: &Run<'_>, start: usize, _: &[u8; AHEAD], _: usize) -> Value {
        run.text.boolean(start)
    }
}

struct Nothing;

impl Values for Nothing {
    #[inline(always)]
    fn read(_: &Run<'_>, start: usize, _: &[u8; AHEAD], _: usize) -> Value {
        Value::new(start, Kind::Null, Class::default())
    }
}

#[inline(always)]
fn each<V: Values>(run: &Run<'_>, lanes: &mut Vec<Lane>, odd: &mut Vec<Lane>, column: &mut [Span]) {
    let (text, literal) = (run.text.bytes, run.turn.literal);
    let length = literal.len().min(WINDOW);
    let mut kept = 0;
    let cells = Cell::from_mut(lanes.as_mut_slice()).as_slice_of_cells();
    for cell in cells {
        let lane = cell.get();
        let at = lane.at as usize;
        let start = at + length;
        let ahead = text.get(at..at + AHEAD).and_then(|ahead| ahead.first_chunk::<AHEAD>());
        let value = match ahead {
            Some(ahead) if literal.stands_in(ahead.first_chunk().expect("it is shorter")) => {
                V::read(run, start, ahead, length)
            }
            _ => Value::NONE,
        };
        if value.is_none() {
            odd.push(lane);
            continue;
        }
        if let Some(span) = column.get_mut(lane.row as usize) {
            *span = Span { start: start as u32, end: value.end as u32, kind: value.kind() };
        }
        cells[kept].set(Lane { row: lane.row, at: value.end as u32 });
        kept += 1;
    }
    lanes.truncate(kept);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LITERAL: &str = ",\"k\":";

    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => "-?[0-9]{0,20}(\\.[0-9]{0,33})?[eE+x]?",
            1 => "90071992547409[89][0-9]",
            4 => "\"[ -!#-Z]{0,90}\"",
            2 => "\"[ -~é\n]{0,9}\"?",
            2 => prop_oneof![Just("true"), Just("false"), Just("null"), Just("{}"), Just("tru"), Just("")].prop_map(str::to_owned),
        ]
    }

    /// Lines over the literal, or over something else, and a value each; and where they start.
    fn text() -> impl Strategy<Value = (String, Vec<usize>)> {
        let item = (prop_oneof![8 => Just(LITERAL), 1 => Just(",\"l\":"), 1 => Just("")], value());
        proptest::collection::vec(item, 0..60)
            .prop_map(|items| {
                let mut text = String::from("{");
                let starts = items.into_iter().map(|(literal, value)| {
                    let start = text.len();
                    text.extend([literal, &value, ","]);
                    start
                });
                (starts.collect(), text)
            })
            .prop_map(|(starts, text): (Vec<usize>, String)| (text, starts))
    }

    fn kernels() -> Vec<Kernel> {
        #[cfg(target_arch = "x86_64")]
        return x86_64::kernels();
        #[cfg(not(target_arch = "x86_64"))]
        vec![kernel()]
    }

    /// Where lines are afterwards: those that were taken with their values' places, and the others.
    fn taken(kernel: Kernel, likely: Likely, run: &Run<'_>, starts: &[usize]) -> (Vec<(u32, u32, Span)>, Vec<u32>) {
        let lanes = starts.iter().enumerate().map(|(row, at)| Lane { row: row as u32, at: *at as u32 });
        let (mut lanes, mut odd, mut column) = (lanes.collect(), Vec::new(), vec![Span::ABSENT; starts.len()]);
        kernel(likely, run, &mut lanes, &mut odd, &mut column);
        let taken = lanes.iter().map(|lane| (lane.row, lane.at, column[lane.row as usize])).collect();
        (taken, odd.iter().map(|lane| lane.row).collect())
    }

    proptest! {
        #[test]
        fn loops_take_what_is_likely_and_all_alike((text, starts) in text(), known in any::<u16>()) {
            let mut marks = Marks::default();
            marks.read(text.as_bytes());
            let turn = Turn::new(LITERAL.as_bytes(), 0, &[]).unwrap();
            let text = Text { bytes: text.as_bytes(), marks: &marks };
            for (likely, class) in [
                (Likely::String, Class::STRING),
                (Likely::Number, Class::NUMBER),
                (Likely::Boolean, Class::BOOLEAN),
                (Likely::Nothing, Class::default()),
            ] {
                let run = Run { text, turn: &turn, known: Class::from_bits(known) | class | Class::PRESENT };
                let (lanes, odd) = taken(portable, likely, &run, &starts);
                for kernel in kernels() {
                    prop_assert_eq!(taken(kernel, likely, &run, &starts), (lanes.clone(), odd.clone()));
                }
                prop_assert_eq!(lanes.len() + odd.len(), starts.len());
                for (row, end, span) in lanes {
                    let at = starts[row as usize];
                    prop_assert!(turn.fits(text.bytes, at));
                    let start = at + LITERAL.len();
                    let value = text.value(start);
                    prop_assert_eq!(span.start as usize, start);
                    if likely == Likely::Nothing {
                        prop_assert_eq!(end as usize, start);
                        continue;
                    }
                    prop_assert_eq!((end as usize, span.end, span.kind), (value.end, end, value.kind()));
                    prop_assert!(value.class().within(run.known) && !value.class().has(Class::EMPTY));
                }
            }
        }
    }
}
