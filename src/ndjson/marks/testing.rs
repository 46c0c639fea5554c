//! Bits held to what they mean, and kernels to their twin.

use super::*;

/// Holds the bits of a text to what they mean.
pub(crate) fn check(text: &[u8]) {
    let mut marks = Marks::default();
    marks.read(text);
    for from in 0..=text.len() {
        let run = |ends: fn(u8) -> bool| text[from..].iter().take_while(|byte| !ends(**byte)).count();
        let stop = from + run(|byte| byte < 0x20 || matches!(byte, b'"' | b'\\'));
        assert_eq!(marks.stops().first(from), stop, "{} from {from}", text.escape_ascii());
        let limit = from % 3;
        let ends = (from..text.len()).filter(|at| text[*at] == b'\n').map(|at| at as u32 + 1).take(limit);
        let mut found = Vec::new();
        marks.lines(from, limit, &mut found);
        assert_eq!(found, ends.collect::<Vec<_>>(), "{} from {from}", text.escape_ascii());
    }
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
