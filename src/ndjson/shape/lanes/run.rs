//! The loops of the hot path: many lines over one turn and the value behind it, if that is of one kind.
//!
//! What a loop does not take is left for a closer look, so it may leave whatever is rare. Each is compiled for x86-64 with
//! SSE2, with AVX2 and with AVX-512, for 64-bit ARM with NEON, and for any other processor. They know nothing of keys.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(any(test, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod portable;
mod values;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use std::cell::Cell;
use std::marker::PhantomData;

use arrow::datatypes::TimeUnit;

use super::super::super::bounds::Bounds;
use super::super::super::class::Class;
use super::super::super::rows::Span;
use super::super::super::tape::Kind;
use super::super::Text;
use super::super::turn::{Tail, Turn};
use super::super::value::Value;
use super::Lane;
#[cfg(target_arch = "aarch64")]
use aarch64 as simd;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
use portable as simd;
use values::{
    Blanks, Booleans, Digits, Elements, Exact, Fractions, Integers, Nothing, Strings, Timestamps, Values, ahead,
};
#[cfg(target_arch = "x86_64")]
use x86_64 as simd;

/// What lines are taken over.
pub(super) struct Run<'a> {
    pub(super) text: Text<'a>,
    /// Of a long one lines stand behind its head.
    pub(super) turn: &'a Turn,
    /// Classes that values may be of; what is likely is among them.
    pub(super) known: Class,
    /// Classes that elements of arrays may be of.
    pub(super) items: Class,
    /// Of a time column: what its values are taken in by.
    pub(super) bounds: Option<&'a Cell<Bounds>>,
}

/// Room that is used again.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) odd: Odd,
    /// Lines that one loop has left to the next.
    pub(super) left: Vec<Lane>,
    /// Stands in for the column of a value that nobody reads.
    pub(super) spans: Vec<Span>,
}

/// Lines that no loop has taken.
#[derive(Debug, Default)]
pub(super) struct Odd {
    pub(super) lanes: Vec<Lane>,
    /// Where they stood among the lines of the loop.
    places: Vec<u32>,
}

/// What a loop takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likely {
    /// A string other than `""`.
    String,
    /// A timestamp of the unit, of the forms that a quick look knows.
    Timestamp(TimeUnit),
    /// A number of few digits.
    Number,
    Boolean,
    /// `null`, or `""`.
    Blank,
    /// An array of strings as above, or of nothing.
    Strings,
    /// An array of numbers as above, or of nothing.
    Numbers,
    /// The end of the line.
    Nothing,
}

/// Takes lines over what is likely, and moves those that have something else to `odd`. The places of values go into
/// `column` by row, unless that is empty.
///
/// That an integer ends is not looked at: if it goes on, then with what no turn begins with.
pub(super) fn take(likely: Likely, run: &Run<'_>, lanes: &mut Vec<Lane>, odd: &mut Odd, column: &mut [Span]) {
    take_by(simd::kernel(), likely, run, lanes, odd, column);
}

fn take_by(kernel: Kernel, likely: Likely, run: &Run<'_>, lanes: &mut Vec<Lane>, odd: &mut Odd, column: &mut [Span]) {
    if odd.places.len() < lanes.len() {
        odd.places.resize(lanes.len(), 0);
    }
    let left = kernel(likely, run, lanes, &mut odd.places, column);
    if left > 0 {
        odd.leave(lanes, left);
    }
    if likely == Likely::String && !column.is_empty() && run.text.marks.have_escapes() {
        tell_escaped(run.text, lanes, column);
    }
}

/// Tells of strings that were taken whether they have escapes.
fn tell_escaped(text: Text<'_>, lanes: &[Lane], column: &mut [Span]) {
    for lane in lanes {
        let span = &mut column[lane.row as usize];
        // Neither quote is one.
        if text.marks.have_escape(span.start as usize, span.end as usize) {
            span.kind = Kind::Escaped;
        }
    }
}

impl Odd {
    /// Moves the lines at the first `left` places here.
    fn leave(&mut self, lanes: &mut Vec<Lane>, left: usize) {
        let places = &self.places[..left];
        let mut kept = places[0] as usize;
        for (number, place) in places.iter().enumerate() {
            let from = *place as usize;
            let to = places.get(number + 1).map_or(lanes.len(), |next| *next as usize);
            self.lanes.push(lanes[from]);
            // They are few where lines of several kinds come to a key: too few to call for a copy.
            for place in from + 1..to {
                lanes[kept] = lanes[place];
                kept += 1;
            }
        }
        lanes.truncate(kept);
    }
}

/// The number at `at`, if it is one of those that a loop takes where these classes are known. Of its class only the kind counts: it is one
/// of these.
#[inline(always)]
pub(in super::super) fn number(text: &[u8], at: usize, known: Class) -> Value {
    let Some(ahead) = ahead(text, at) else { return Value::NONE };
    let exact = Exact { above: known.has(Class::ABOVE_2_53) };
    let mut numbers = Fractions { exact, negative: known.has(Class::NEGATIVE), digits: PhantomData::<simd::Always> };
    let value = numbers.read(text, at, ahead, 0);
    value.only_if(known.has(Class::NUMBER) & (value.kind() == Kind::Integer || known.has(Class::FRACTION)))
}

/// Moves to `others` lines that do not go on with the bytes of the turn.
pub(super) fn part(text: Text<'_>, turn: &Turn, lanes: &mut Vec<Lane>, others: &mut Vec<Lane>) {
    part_by(simd::parting(), text, turn, lanes, others);
}

fn part_by(parting: Parting, text: Text<'_>, turn: &Turn, lanes: &mut Vec<Lane>, others: &mut Vec<Lane>) {
    let left = others.len();
    others.resize(left + lanes.len(), Lane::default());
    let taken = parting(text.bytes, turn, lanes, &mut others[left..]);
    others.truncate(left + lanes.len() - taken);
    lanes.truncate(taken);
}

/// Puts lines that go on with the bytes of the turn first, and the others to where there is as much room: how many go on.
type Parting = fn(text: &[u8], turn: &Turn, lanes: &mut [Lane], others: &mut [Lane]) -> usize;

// The loops would guess wrong at each line that does not go on, and copy the lines behind it; here nothing depends on what they have.
#[inline(always)]
fn part_each(text: &[u8], turn: &Turn, lanes: &mut [Lane], others: &mut [Lane]) -> usize {
    let (mut taken, mut left) = (0, 0);
    for place in 0..lanes.len() {
        let lane = lanes[place];
        let stands = usize::from(turn.stands_at(text, lane.at as usize));
        (lanes[taken], others[left]) = (lane, lane);
        taken += stands;
        left += 1 - stands;
    }
    taken
}

/// The loops: they move lines behind their values, and tell the places, in order, of those that they do not take: how
/// many. For places there must be as much room as there are lines.
type Kernel = fn(Likely, &Run<'_>, lanes: &mut [Lane], places: &mut [u32], column: &mut [Span]) -> usize;

// Closures would not be compiled for the same processor as the loop.
#[inline(always)]
fn by_kind<D: Digits>(
    likely: Likely,
    run: &Run<'_>,
    lanes: &mut [Lane],
    places: &mut [u32],
    column: &mut [Span],
) -> usize {
    let turn = run.turn;
    let is_array = matches!(likely, Likely::Strings | Likely::Numbers);
    // Of the values, or of the elements of those that are arrays.
    let known = if is_array { run.items } else { run.known };
    let exact = Exact { above: known.has(Class::ABOVE_2_53) };
    let (negative, digits) = (known.has(Class::NEGATIVE), PhantomData::<D>);
    let strings = Strings { stops: run.text.marks.stops() };
    match likely {
        Likely::String => each(strings, &turn.quoted, run, lanes, places, column),
        Likely::Timestamp(unit) => {
            let mut taken = run.bounds.map(Cell::get).unwrap_or_default();
            let left = each(Timestamps { unit, taken: &mut taken }, &turn.quoted, run, lanes, places, column);
            if let Some(bounds) = run.bounds {
                bounds.set(taken);
            }
            left
        }
        Likely::Number if known.has(Class::FRACTION) => {
            each(Fractions { exact, negative, digits }, &turn.tail, run, lanes, places, column)
        }
        Likely::Number if negative => {
            each(Integers::<true, D> { exact, digits }, &turn.tail, run, lanes, places, column)
        }
        Likely::Number => each(Integers::<false, D> { exact, digits }, &turn.tail, run, lanes, places, column),
        Likely::Strings => each(Elements { element: strings, quoted: true }, &turn.tail, run, lanes, places, column),
        Likely::Numbers if known.has(Class::FRACTION) => {
            let element = Fractions { exact, negative, digits };
            each(Elements { element, quoted: false }, &turn.tail, run, lanes, places, column)
        }
        Likely::Numbers if negative => {
            let element = Integers::<true, D> { exact, digits };
            each(Elements { element, quoted: false }, &turn.tail, run, lanes, places, column)
        }
        Likely::Numbers => {
            let element = Integers::<false, D> { exact, digits };
            each(Elements { element, quoted: false }, &turn.tail, run, lanes, places, column)
        }
        Likely::Boolean => each(Booleans, &turn.tail, run, lanes, places, column),
        Likely::Blank => each(Blanks { empty: known.has(Class::EMPTY) }, &turn.tail, run, lanes, places, column),
        Likely::Nothing => each(Nothing, &turn.tail, run, lanes, places, column),
    }
}

#[inline(always)]
fn each<V: Values>(
    values: V,
    tail: &Tail,
    run: &Run<'_>,
    lanes: &mut [Lane],
    places: &mut [u32],
    column: &mut [Span],
) -> usize {
    match column.is_empty() {
        true => each_of::<V, false>(values, *tail, run, lanes, places, column),
        false => each_of::<V, true>(values, *tail, run, lanes, places, column),
    }
}

#[inline(always)]
fn each_of<V: Values, const WANTED: bool>(
    mut values: V,
    tail: Tail,
    run: &Run<'_>,
    lanes: &mut [Lane],
    places: &mut [u32],
    column: &mut [Span],
) -> usize {
    let text = run.text.bytes;
    let (length, to_value) = (tail.len(), run.turn.tail.len());
    let places = &mut places[..lanes.len()];
    let mut left = 0;
    for (place, lane) in lanes.iter_mut().enumerate() {
        let at = lane.at as usize;
        let value = match ahead(text, at) {
            Some(ahead) if tail.stands_in(ahead.first_chunk().expect("it is shorter")) => {
                values.read(text, at + length, ahead, length)
            }
            _ => Value::NONE,
        };
        if value.is_none() {
            places[left] = place as u32;
            left += 1;
            continue;
        }
        if WANTED && let Some(span) = column.get_mut(lane.row as usize) {
            *span = Span { start: (at + to_value) as u32, end: value.end as u32, kind: value.kind() };
        }
        lane.at = value.end as u32;
    }
    left
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::super::instant;
    use super::super::super::super::marks::Marks;
    use super::super::super::super::tape::{ROOT, Tape};
    use super::portable::Scalar;
    use super::*;

    const LITERAL: &str = ",\"k\":";

    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => "-?[0-9]{0,20}(\\.[0-9]{0,33})?([eE][-+]?[0-9]{0,4})?[+x]?",
            1 => "90071992547409[89][0-9]",
            4 => "\"[ -!#-Z]{0,90}\"",
            2 => "\"[ -~é\n]{0,9}\"?",
            2 => "\"([a-z ]|\\\\[\"\\\\n]|\\\\u00e9){0,40}\"",
            2 => "\"2024-0[1-5]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,7})?Z?\"",
            3 => "\\[(-?[0-9]{1,4}(\\.[0-9]{1,3})?(e-?[0-9]{0,3})?(, ?|\\])){0,5}\\]?",
            3 => "\\[(\"([ -!#-Z]|\\\\[n\"]){0,5}\"(, ?|\\])){0,5}\\]?",
            2 => prop_oneof![Just("true"), Just("false"), Just("null"), Just("\"\""), Just("nul"), Just("{}"), Just("tru"), Just("")].prop_map(str::to_owned),
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

    /// A line at each of these places.
    fn lanes_at(starts: &[usize]) -> Vec<Lane> {
        (0..).zip(starts).map(|(row, at)| Lane { row, at: *at as u32 }).collect()
    }

    /// Where lines are afterwards: those that were taken with their values' places, and the others.
    fn taken(kernel: Kernel, likely: Likely, run: &Run<'_>, starts: &[usize]) -> (Vec<(u32, u32, Span)>, Vec<u32>) {
        let (mut lanes, mut odd, mut column) = (lanes_at(starts), Odd::default(), vec![Span::ABSENT; starts.len()]);
        take_by(kernel, likely, run, &mut lanes, &mut odd, &mut column);
        let rows = |lanes: &[Lane]| lanes.iter().map(|lane| lane.row).collect::<Vec<_>>();
        let mut unread = lanes_at(starts);
        take_by(kernel, likely, run, &mut unread, &mut Odd::default(), &mut []);
        assert_eq!(rows(&unread), rows(&lanes), "whether values are wanted makes no difference");
        (lanes.iter().map(|lane| (lane.row, lane.at, column[lane.row as usize])).collect(), rows(&odd.lanes))
    }

    /// Where the array at `start` ends, if there is one and its elements are of these classes.
    fn array(text: Text<'_>, start: usize, items: Class) -> Option<usize> {
        let mut tape = Tape::default();
        let length = text.bytes[start..].iter().position(|byte| *byte == b']')? + 1;
        let array = &text.bytes[start..start + length];
        tape.parse_value(array, 2).ok()?;
        let is_known = |item| Class::of(tape.node(item), array).within(items);
        (tape.node(ROOT).kind == Kind::Array && tape.children(ROOT).all(is_known)).then_some(start + length)
    }

    proptest! {
        #[test]
        fn digits_end_where_their_twin_says(window in proptest::array::uniform32(prop_oneof![3 => b'0'..=b'9', 1 => any::<u8>()])) {
            let expected = Scalar::others(&window);
            for others in simd::others() {
                prop_assert_eq!(others(&window), expected);
            }
        }

        #[test]
        fn a_number_that_is_taken_is_what_a_closer_look_finds(
            number in prop_oneof![
                4 => "-?[0-9]{0,20}(\\.[0-9]{0,20})?([eE][-+]?[0-9]{0,4})?[.x ]?",
                1 => "-?900719925474099[0-9]{1,2}",
                1 => "-?[0-9]{1,18}\\.[0-9]{9,16}(e-?[0-9]{1,3})?",
                1 => "-?0{0,2}",
            ],
            known in any::<u16>(), behind in 0..100_usize,
        ) {
            let text = format!("{number}{}", &",\"k\":1".repeat(20)[..behind]);
            let mut marks = Marks::default();
            marks.read(text.as_bytes());
            let known = Class::from_bits(known) | Class::PRESENT;
            let value = super::number(text.as_bytes(), 0, known);
            if !value.is_none() {
                let looked_at = Text { bytes: text.as_bytes(), marks: &marks }.value(0);
                let goes_on = matches!(text.as_bytes().get(value.end), Some(b'.' | b'e' | b'E'));
                prop_assert!(goes_on || (value.end, value.kind()) == (looked_at.end, looked_at.kind()), "{text}");
                prop_assert!(goes_on || looked_at.class().within(known), "{text}");
            }
        }

        #[test]
        fn lines_part_by_whether_they_go_on(
            (text, starts) in text(), one in any::<proptest::sample::Index>(), length in 0..80_usize,
        ) {
            let mut marks = Marks::default();
            marks.read(text.as_bytes());
            let text = Text { bytes: text.as_bytes(), marks: &marks };
            // The turn of one of them; more than a window of it has a head.
            let bytes = starts.get(one.index(starts.len().max(1))).map_or(&b""[..], |start| &text.bytes[*start..]);
            let turn = Turn::new(&bytes[..length.min(bytes.len())], 0, false, &[], None).unwrap();
            let all = lanes_at(&starts);
            let places = |lanes: &[Lane]| lanes.iter().map(|lane| (lane.row, lane.at)).collect::<Vec<_>>();
            let (go_on, others): (Vec<Lane>, Vec<Lane>) =
                all.iter().partition(|lane| turn.stands_at(text.bytes, lane.at as usize));
            for parting in simd::partings().into_iter().chain([portable::parting()]) {
                let (mut lanes, mut left) = (all.clone(), all.clone());
                part_by(parting, text, &turn, &mut lanes, &mut left);
                prop_assert_eq!(places(&lanes), places(&go_on));
                prop_assert_eq!(places(&left), [places(&all), places(&others)].concat());
            }
        }

        #[test]
        fn loops_take_what_is_likely_and_all_alike((text, starts) in text(), known in any::<u16>(), items in any::<u16>()) {
            let mut marks = Marks::default();
            marks.read(text.as_bytes());
            let turn = Turn::new(LITERAL.as_bytes(), 0, false, &[], None).unwrap();
            let text = Text { bytes: text.as_bytes(), marks: &marks };
            for (likely, class) in [
                (Likely::String, Class::STRING),
                (Likely::Timestamp(TimeUnit::Millisecond), Class::STRING),
                (Likely::Number, Class::NUMBER),
                (Likely::Boolean, Class::BOOLEAN),
                (Likely::Blank, Class::default()),
                (Likely::Strings, Class::ARRAY),
                (Likely::Numbers, Class::ARRAY),
                (Likely::Nothing, Class::default()),
            ] {
                let known = Class::from_bits(known) | class | Class::PRESENT;
                let of_items = if likely == Likely::Strings { Class::STRING } else { Class::NUMBER };
                let items = Class::from_bits(items) | of_items | Class::PRESENT;
                let run = Run { text, turn: &turn, known, items, bounds: None };
                let (lanes, odd) = taken(portable::kernel(), likely, &run, &starts);
                for kernel in simd::kernels() {
                    prop_assert_eq!(taken(kernel, likely, &run, &starts), (lanes.clone(), odd.clone()));
                }
                prop_assert_eq!(lanes.len() + odd.len(), starts.len());
                for (row, end, span) in lanes {
                    let at = starts[row as usize];
                    prop_assert!(turn.fits(text.bytes, at));
                    let start = at + LITERAL.len();
                    prop_assert_eq!(span.start as usize, start);
                    if class == Class::ARRAY {
                        prop_assert_eq!((span.end, span.kind), (end, Kind::Array));
                        prop_assert_eq!(Some(end as usize), array(text, start, items));
                        continue;
                    }
                    let value = text.value(start);
                    if likely == Likely::Nothing {
                        prop_assert_eq!(end as usize, start);
                        continue;
                    }
                    let goes_on = matches!(text.bytes.get(end as usize), Some(b'.' | b'e' | b'E'));
                    if goes_on && (value.is_none() || !value.class().within(run.known)) {
                        prop_assert_eq!(span.kind, Kind::Integer);
                        continue;
                    }
                    prop_assert_eq!((end as usize, span.end, span.kind), (value.end, end, value.kind()));
                    prop_assert!(value.class().within(run.known));
                    let is_empty = value.class().has(Class::EMPTY);
                    prop_assert!(!is_empty || likely == Likely::Blank);
                    prop_assert!(likely != Likely::Blank || is_empty || value.kind() == Kind::Null);
                    if let Likely::Timestamp(unit) = likely {
                        prop_assert!(instant::timestamp(&text.bytes[start + 1..value.end - 1], unit).is_ok());
                    }
                }
            }
        }
    }
}
