//! Where strings and lines end in a text: a bit per byte for what ends a string, for the starts of escapes, and for newlines.
//!
//! With them the end of a string or a line is found by counting zeros instead of looking at bytes, whatever escapes are in it. The
//! bits are made 64 bytes at a time by the widest kernel that the processor has, which sees on the way whether all is ASCII; each
//! kernel is held to its portable twin by a property test and a fuzzer. It does not know what is a string.

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod escaped;
#[cfg(any(test, feature = "internals", not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod portable;
#[cfg(any(test, feature = "internals"))]
pub(super) mod testing;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
use aarch64 as simd;
use escaped::Escaped;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
use portable as simd;
#[cfg(target_arch = "x86_64")]
use x86_64 as simd;

/// Bytes that a kernel looks at together, and the bytes of their bits.
const CHUNK: usize = 64;
const BITS: usize = CHUNK / 8;

/// Chunks of which a word tells whether they have a newline.
const GROUP: usize = 64;

/// The bits of 64 bytes, the first byte's lowest.
#[derive(Debug, Clone, Copy)]
struct Word {
    /// Quotes and control bytes.
    stops: u64,
    backslashes: u64,
    newlines: u64,
}

/// The bits of a text, those of eight bytes in a byte.
#[derive(Debug, Default, PartialEq, Eq)]
struct Bits {
    /// Control bytes and the quotes that are not escaped: a string ends there. Around an escape that is none, the starts of escapes.
    stops: Vec<u8>,
    newlines: Vec<u8>,
    /// Chunks that have a newline, the first one's bit lowest.
    ends: Vec<u64>,
    /// The backslashes that escapes begin with.
    escapes: Vec<u8>,
    /// Whether there is any.
    has_escapes: bool,
    /// What the last chunk has left over for the next.
    escaped: Escaped,
}

/// A kernel: makes the bits of a text's whole chunks, and puts them from that of a chunk on, for which there is room. What it is called for
/// next stands behind that. True only if it has looked at each byte of them and all are ASCII: unchecked text is made of that.
type Kernel = fn(usize, &[u8], &mut Bits) -> bool;

impl Bits {
    /// Has room for as many chunks of another text.
    fn make_room(&mut self, chunks: usize) {
        (self.has_escapes, self.escaped) = (false, Escaped::default());
        for bits in [&mut self.stops, &mut self.newlines, &mut self.escapes] {
            bits.resize(chunks * BITS, 0);
        }
        self.ends.resize(chunks.div_ceil(GROUP), 0);
    }

    /// Puts what `word` makes of each chunk of `text` in its place, from that of chunk `first` on. It is asked once for each
    /// chunk: where there is no room for one, it panics. Where there are backslashes, `within` is asked for the
    /// places of the bytes from the one up to the other.
    #[inline(always)]
    fn fill(
        &mut self,
        first: usize,
        text: &[u8],
        mut word: impl FnMut(&[u8; CHUNK]) -> Word,
        within: impl Fn(&[u8; CHUNK], u8, u8) -> u64,
    ) {
        let chunks: &[[u8; CHUNK]] = text.as_chunks().0;
        for (first, group) in (first..).step_by(GROUP).zip(chunks.chunks(GROUP)) {
            let places = first..first + group.len();
            let stops = &mut self.stops.as_chunks_mut().0[places.clone()];
            let newlines = &mut self.newlines.as_chunks_mut().0[places.clone()];
            let escapes = &mut self.escapes.as_chunks_mut().0[places];
            let words = stops.iter_mut().zip(newlines).zip(escapes.iter_mut());
            for (chunk, ((stops, newlines), escapes)) in group.iter().zip(words) {
                let word = word(chunk);
                *stops = word.stops.to_le_bytes();
                *newlines = word.newlines.to_le_bytes();
                *escapes = word.backslashes.to_le_bytes();
            }
            let have_backslashes = which_have_any(escapes, u64::MAX);
            if have_backslashes != 0 || self.escaped.is_open() {
                self.has_escapes = true;
                // To ask only those that are reached into would wait for what the chunk before is found to be.
                let may_reach_on = which_have_any(escapes, Escaped::MAY_REACH_ON);
                self.pass_escapes(first, group, have_backslashes | may_reach_on << 1, &within);
            }
        }
        self.gather_ends(first / GROUP);
    }

    /// Looks closer at the chunks of `which`, of at most a group, the first of which is number `first`: those with backslashes, and those
    /// into which these may reach. To ask of each on the way whether it is one of them would be guessed wrong too often.
    #[inline(always)]
    fn pass_escapes(
        &mut self,
        first: usize,
        chunks: &[[u8; CHUNK]],
        which: u64,
        within: impl Fn(&[u8; CHUNK], u8, u8) -> u64,
    ) {
        let stops = &mut self.stops.as_chunks_mut().0[..first + chunks.len()];
        let escapes = &mut self.escapes.as_chunks_mut().0[..first + chunks.len()];
        let mut escaped = self.escaped;
        let mut left = (which | u64::from(escaped.is_open())) & u64::MAX >> (GROUP - chunks.len());
        while left != 0 {
            let at = left.trailing_zeros() as usize;
            left &= left - 1;
            let place = first + at;
            let found = escaped.pass(u64::from_le_bytes(escapes[place]), |low, high| within(&chunks[at], low, high));
            stops[place] = (u64::from_le_bytes(stops[place]) & !found.quotes).to_le_bytes();
            escapes[place] = found.starts.to_le_bytes();
            if found.faults != 0 {
                // The escape that has a fault is among them. Which it is does not matter: whoever comes to one of them looks closer.
                let [before, here] = found.near_faults();
                stops[place] = (u64::from_le_bytes(stops[place]) | (found.starts & here)).to_le_bytes();
                if let Some(place) = place.checked_sub(1) {
                    let starts = u64::from_le_bytes(escapes[place]);
                    stops[place] = (u64::from_le_bytes(stops[place]) | (starts & before)).to_le_bytes();
                }
            }
        }
        self.escaped = escaped;
    }

    fn has_escape(&self, from: usize, to: usize) -> bool {
        let mut at = from;
        while at < to {
            // The word may begin in the middle of a byte.
            let window = word_at(&self.escapes, at / 8) >> (at % 8);
            let bits = CHUNK - at % 8;
            let behind = if to - at < bits { u64::MAX << (to - at) } else { 0 };
            if window & !behind != 0 {
                return true;
            }
            at += bits;
        }
        false
    }

    /// Puts which chunks have a newline, from a group on.
    #[inline(always)]
    fn gather_ends(&mut self, first: usize) {
        let groups = self.newlines.as_chunks::<BITS>().0.chunks(GROUP).skip(first);
        for (ends, chunks) in self.ends.iter_mut().skip(first).zip(groups) {
            *ends = which_have_any(chunks, u64::MAX);
        }
    }
}

/// Of at most a group of chunks a bit for each that has any bits of a mask, the first one's lowest.
#[inline(always)]
fn which_have_any(chunks: &[[u8; BITS]], mask: u64) -> u64 {
    let has_any = |chunk: &[u8; BITS]| u64::from(u64::from_le_bytes(*chunk) & mask != 0);
    let gathered =
        |chunks: &[[u8; BITS]]| chunks.iter().enumerate().fold(0, |which, (at, chunk)| which | has_any(chunk) << at);
    // Of a known length, it is a few vector instructions.
    chunks.first_chunk::<GROUP>().map_or_else(|| gathered(chunks), |chunks| gathered(chunks))
}

/// The bits of one text.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    bits: Bits,
}

impl Marks {
    /// Makes the bits of `text`, in place of those that were there. Gives the text if it was seen to be ASCII.
    pub(crate) fn read<'a>(&mut self, text: &'a [u8]) -> Option<&'a str> {
        self.read_by(simd::kernel(), text)
    }

    #[expect(unsafe_code, reason = "text that a kernel saw to be ASCII; a property test holds each kernel to it")]
    fn read_by<'a>(&mut self, kernel: Kernel, text: &'a [u8]) -> Option<&'a str> {
        let (whole, rest) = text.as_chunks::<CHUNK>();
        // The rest, and chunks that are behind the end whatever the text's length: two words are looked at together.
        self.bits.make_room(whole.len() + 3);
        let whole_is_ascii = kernel(0, text, &mut self.bits);
        // Zeros behind the end are control bytes: every string ends there at the latest.
        let mut padded = [0; 3 * CHUNK];
        padded[..rest.len()].copy_from_slice(rest);
        let rest_is_ascii = kernel(whole.len(), &padded, &mut self.bits);
        // SAFETY: ASCII is UTF-8, and the kernel has looked at the whole chunks of the text, and at the rest in chunks of its own.
        (whole_is_ascii && rest_is_ascii).then(|| unsafe { str::from_utf8_unchecked(text) })
    }

    /// Where strings end.
    #[inline(always)]
    pub(crate) fn stops(&self) -> Stops<'_> {
        Stops(&self.bits.stops)
    }

    /// Whether there are escapes in the text.
    #[inline(always)]
    pub(crate) fn have_escapes(&self) -> bool {
        self.bits.has_escapes
    }

    /// Whether one begins at or behind `from`, before `to`; both are within the text.
    #[inline(always)]
    pub(crate) fn have_escape(&self, from: usize, to: usize) -> bool {
        self.bits.has_escapes && self.bits.has_escape(from, to)
    }

    /// Puts the places right behind newlines behind `ends`, from `from` on, of at most `limit` of them.
    pub(crate) fn lines(&self, from: usize, limit: usize, ends: &mut Vec<u32>) {
        let first = from / CHUNK;
        let mut left = limit;
        for chunk in self.chunks_with_ends(first) {
            let mut bits = word_at(&self.bits.newlines, chunk * BITS);
            if chunk == first {
                bits &= u64::MAX << (from % CHUNK);
            }
            while bits != 0 {
                if left == 0 {
                    return;
                }
                left -= 1;
                ends.push((chunk * CHUNK) as u32 + bits.trailing_zeros() + 1);
                bits &= bits - 1;
            }
        }
    }

    /// Numbers of the chunks that have a newline, from chunk `first` on. Chunk by chunk it would have to be guessed for each
    /// whether it has one.
    fn chunks_with_ends(&self, first: usize) -> impl Iterator<Item = usize> {
        let groups = self.bits.ends.iter().enumerate().skip(first / GROUP);
        groups.flat_map(move |(group, ends)| {
            let hidden = if group == first / GROUP { first % GROUP } else { 0 };
            let mut ends = ends & (u64::MAX << hidden);
            std::iter::from_fn(move || {
                let chunk = (ends != 0).then(|| group * GROUP + ends.trailing_zeros() as usize);
                ends &= ends.wrapping_sub(1);
                chunk
            })
        })
    }
}

/// Where the strings of a text end: at a quote; or not rightly, at a control byte or an escape that is none. Also at an escape at
/// most eight bytes from one that is none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stops<'a>(&'a [u8]);

impl Stops<'_> {
    /// Place of the first at or behind `from`; the text's length at the earliest if there is none. `from` may be the
    /// text's length.
    #[inline(always)]
    pub(crate) fn first(self, from: usize) -> usize {
        // The word may begin in the middle of a byte.
        let byte = from / 8;
        let window = word_at(self.0, byte) >> (from % 8);
        if window != 0 { from + window.trailing_zeros() as usize } else { far(self.0, byte + BITS) }
    }
}

#[inline(always)]
fn word_at(bits: &[u8], byte: usize) -> u64 {
    u64::from_le_bytes(bits[byte..byte + BITS].try_into().expect("it has as many bytes"))
}

/// The first bit from a byte on; the last bytes have all bits.
///
/// In which of two words it stands decides over no jump: that was guessed wrong for every fourth user agent.
#[inline(always)]
fn far(bits: &[u8], mut byte: usize) -> usize {
    loop {
        let words = &bits[byte..byte + 2 * BITS];
        let (first, second) = (word_at(words, 0), word_at(words, BITS));
        if first | second != 0 {
            let behind = if first == 0 { second.trailing_zeros() } else { 0 };
            return byte * 8 + (first.trailing_zeros() + behind) as usize;
        }
        byte += 2 * BITS;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::testing::{check, check_kernels, check_stops};
    use super::{CHUNK, GROUP, Marks};

    #[test]
    fn strings_end_where_they_end() {
        check(b"");
        check(b"\"");
        check(b"12345");
        check(&[b'x'; 64]);
        check(&[b'7'; 200]);
        check(br#"{"a":"x\"y","b":-12.5e3}"#);
        check(&[&[b'x'; 63], b"\"".as_slice(), &[b'0'; 65], b"\\\x1f\x20\x7f\x80\xff"].concat());
    }

    #[test]
    fn escapes_are_judged_wherever_they_stand_in_chunks() {
        let escapes: [&[u8]; 16] = [
            br#"\""#,
            br"\\",
            br#"\\\""#,
            br"\/\b\f\n\r\t",
            br"\u00e9",
            br"\uD83d\uDe00",
            br"\ud83d\ud83d\ude00",
            br"\ud83dxxxxx\ude00",
            br"\ude00",
            br"\u12g4",
            br#"\u12""#,
            br"\x",
            b"\\\n",
            br"\udc00\ud800",
            br"\udbff\udfff",
            br"\\u12",
        ];
        for before in 0..70 {
            for (first, second) in escapes.iter().zip(escapes.iter().cycle().skip(before)) {
                let plain = "x".repeat(before);
                check(&[plain.as_bytes(), first, b"\"", &plain.as_bytes()[before / 2..], second].concat());
            }
        }
        for length in 0..140 {
            check(&[b"\"", br"\".repeat(length).as_slice(), b"\" \""].concat());
        }
    }

    #[test]
    fn each_byte_is_judged_alike_by_every_kernel() {
        check(&(0..=255).collect::<Vec<u8>>());
        check_kernels(&(0..=255).collect::<Vec<u8>>());
    }

    #[test]
    fn each_byte_is_judged_at_each_place_of_an_escape() {
        for escape in [br"\n".as_slice(), br"\u00e9", br"\ud83d\ude00", br"\uDBFF\uDC00", br"\udabc", br"\udfab"] {
            for place in 1..escape.len() {
                for byte in 0..=255 {
                    let mut escape = escape.to_vec();
                    escape[place] = byte;
                    let text =
                        [b"\"some text: ", escape.as_slice(), b", and more of it, so that no other is near\""].concat();
                    check(&text);
                    check_kernels(&text);
                }
            }
        }
    }

    #[test]
    fn escapes_are_judged_from_group_to_group() {
        let text = br#"{"a":"one \"or\" two \\ \ud83d\ude00"}"#.repeat(3 * CHUNK * GROUP / 40);
        let check = |text: &[u8]| {
            let mut marks = Marks::default();
            marks.read(text);
            check_stops(&marks, text);
        };
        check(&text);
        // A fault is one wherever it stands near the end of a group.
        for at in CHUNK * GROUP - 20..CHUNK * GROUP + 20 {
            let mut text = text.clone();
            text[at] = b'?';
            check(&text);
        }
    }

    proptest! {
        #[test]
        fn lines_end_where_they_end_in_long_texts_too(
            length in prop_oneof![4090..4200_usize, 8190..8300_usize, 0..13_000_usize],
            ends in proptest::collection::vec(any::<proptest::sample::Index>(), 0..12),
            from in any::<proptest::sample::Index>(),
            limit in 0..14_usize,
        ) {
            let mut text = vec![b'x'; length];
            ends.iter().filter(|_| length > 0).for_each(|at| *at.get_mut(&mut text) = b'\n');
            // What was there before is longer, and has them everywhere.
            let mut marks = Marks::default();
            marks.read(&[b'\n'; 14_000]);
            marks.read(&text);
            let from = from.index(length + 1);
            let mut found = Vec::new();
            marks.lines(from, limit, &mut found);
            let expected = (from..length).filter(|at| text[*at] == b'\n').map(|at| at as u32 + 1).take(limit);
            prop_assert_eq!(found, expected.collect::<Vec<_>>());
        }

        #[test]
        fn kernels_are_their_portable_twin(text in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..1000),
            // All of it ASCII, or all but a byte.
            proptest::collection::vec(0..0x80_u8, 0..1000),
            "[\"\\\\ubn0fd8c x]{0,300}".prop_map(String::into_bytes),
            (proptest::collection::vec(0..0x80_u8, 1..1000), any::<proptest::sample::Index>(), 0x80..=0xff_u8)
                .prop_map(|(mut text, at, byte)| { *at.get_mut(&mut text) = byte; text }),
        ]) {
            check_kernels(&text);
        }

        #[test]
        fn strings_of_any_text_end_where_they_end(text in proptest::collection::vec(
            prop_oneof![3 => Just(b'x'), 3 => b'0'..=b'9', 1 => Just(b'"'), 1 => Just(b'\n'), 1 => any::<u8>()], 0..300,
        )) {
            check(&text);
        }

        #[test]
        fn one_fault_is_found_among_many_escapes(
            escapes in proptest::collection::vec(proptest::sample::select(
                vec!["x", "\\n", "\\\"", "\\\\", "\\u00e9", "\\uD83D\\uDE00", "\\udbff\\udc00", "plain text", "\"", ",", "\"\n{\"a\":\""],
            ), 1..60),
            at in any::<proptest::sample::Index>(), byte in any::<u8>(),
        ) {
            let mut text = escapes.concat().into_bytes();
            check(&text);
            *at.get_mut(&mut text) = byte;
            check(&text);
            check_kernels(&text);
        }

        #[test]
        fn escapes_are_judged_in_any_text(parts in proptest::collection::vec(prop_oneof![
            4 => Just("\\"), 2 => Just("\\ud83d"), 2 => Just("\\ude00"), 2 => Just("\\u00e"), 1 => Just("u"), 1 => Just("\""), 1 => Just("9"), 1 => Just("x"),
            1 => Just("any text of some length"), 1 => Just("\n"),
        ], 0..60)) {
            check(parts.concat().as_bytes());
        }
    }
}
