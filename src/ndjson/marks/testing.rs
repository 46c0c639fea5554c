//! Bits held to what they mean, and kernels to their twin.

use std::collections::BTreeMap;

use super::*;

/// Holds the bits of a text to what they mean, and what is asked from each of its bytes on to them.
pub(crate) fn check(text: &[u8]) {
    let mut marks = Marks::default();
    // What was there before is longer, and has escapes everywhere.
    marks.read(&br"\u00e9".repeat(text.len() / 6 + 40));
    marks.read(text);
    let stops = check_stops(&marks, text);
    let escapes = escapes(text);
    for from in 0..=text.len() {
        let stop = stops[stops.partition_point(|stop| *stop < from)..].first().copied().unwrap_or(text.len());
        assert_eq!(marks.stops().first(from), stop, "{} from {from}", text.escape_ascii());
        let to = stop.max(from + (text.len() - from) / 2);
        let expected = escapes.range(from..to).next().is_some();
        assert_eq!(marks.have_escape(from, to), expected, "{} from {from} to {to}", text.escape_ascii());
        let limit = from % 3;
        let ends = (from..text.len()).filter(|at| text[*at] == b'\n').map(|at| at as u32 + 1).take(limit);
        let mut found = Vec::new();
        marks.lines(from, limit, &mut found);
        assert_eq!(found, ends.collect::<Vec<_>>(), "{} from {from}", text.escape_ascii());
    }
}

/// Holds the stops and escapes of a text to what they mean; where the stops are.
pub(crate) fn check_stops(marks: &Marks, text: &[u8]) -> Vec<usize> {
    let escapes = escapes(text);
    assert_eq!(marks.have_escapes(), !escapes.is_empty(), "{}", text.escape_ascii());
    let is_escaped = |at: usize| at > 0 && escapes.contains_key(&(at - 1));
    let next = |from: usize| Some(marks.stops().first(from)).filter(|stop| *stop < text.len());
    let stops: Vec<usize> = std::iter::successors(next(0), |stop| next(stop + 1)).collect();
    for at in 0..text.len() {
        let has_escape = escapes.contains_key(&at);
        assert_eq!(marks.have_escape(at, at + 1), has_escape, "{} at {at}", text.escape_ascii());
        let is_fault = escapes.get(&at) == Some(&false);
        let ends = text[at] < 0x20 || (text[at] == b'"' && !is_escaped(at)) || is_fault;
        // Also at an escape near one that is none.
        let may_end = has_escape && escapes.range(at.saturating_sub(8)..at + 9).any(|(_, is_whole)| !is_whole);
        let is_stop = stops.binary_search(&at).is_ok();
        assert!(is_stop == ends || is_stop && may_end, "{} at {at}", text.escape_ascii());
    }
    stops
}

/// Where escapes start, and whether each is whole: surrogates with their other half, as far as its first two digits tell.
fn escapes(text: &[u8]) -> BTreeMap<usize, bool> {
    let mut escapes = BTreeMap::new();
    let is_lead =
        |at: usize| matches!(text[at..], [b'\\', b'u', b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B', ..]);
    let is_trail = |at: usize| matches!(text[at..], [b'\\', b'u', b'd' | b'D', b'c'..=b'f' | b'C'..=b'F', ..]);
    let mut at = 0;
    while at < text.len() {
        if text[at] != b'\\' {
            at += 1;
            continue;
        }
        let is_whole = match text[at + 1..] {
            [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => true,
            [b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(u8::is_ascii_hexdigit) => {
                let follows_lead = at >= 6 && escapes.contains_key(&(at - 6)) && is_lead(at - 6);
                (!is_lead(at) || is_trail(at + 6)) && is_trail(at) == follows_lead
            }
            _ => false,
        };
        escapes.insert(at, is_whole);
        at += 2;
    }
    escapes
}

/// Holds each kernel that this processor has to its twin.
pub(crate) fn check_kernels(text: &[u8]) {
    let (expected, _) = marked(portable::kernel(), text);
    for (name, kernel) in simd::kernels() {
        let (bits, ascii) = marked(kernel, text);
        assert!(bits == expected, "{name}: {}", text.escape_ascii());
        let expected = text.is_ascii().then_some(text);
        assert_eq!(ascii.map(str::as_bytes), expected, "{name}: {}", text.escape_ascii());
    }
}

fn marked(kernel: Kernel, text: &[u8]) -> (Bits, Option<&str>) {
    let mut marks = Marks::default();
    let ascii = marks.read_by(kernel, text);
    (marks.bits, ascii)
}
