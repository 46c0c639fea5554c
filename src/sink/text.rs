//! Texts as JSON strings, and how short texts are appended.
//!
//! Nearly all texts need no escapes. Whether one does is found out eight bytes at a time, which the compiler turns into
//! vectors where it is worth it; the few that do are left to `serde_json`. Most of the time that it takes to copy a short text goes
//! into its length, over which jumps are guessed wrong; so where there is room, as many bytes are copied each time, and those
//! that are too many are taken back. It knows no type but text.

use arrow::array::{ByteView, MAX_INLINE_VIEW_LEN, StringViewArray};

/// Bytes that are copied at once: of keys, addresses and identifiers there are seldom more, and two vectors take them.
const ROOM: usize = 32;

/// Appends the first `length` bytes of `room`, which has as many.
#[inline(always)]
pub(super) fn append<const N: usize>(room: &[u8; N], length: usize, out: &mut Vec<u8>) {
    debug_assert!(length <= N, "{length} of {N} bytes");
    out.extend_from_slice(room);
    out.truncate(out.len() - N + length);
}

/// A text that is appended many times.
pub(super) struct Often {
    text: Vec<u8>,
    /// It begins with the text, or that does not fit.
    room: [u8; ROOM],
}

impl From<Vec<u8>> for Often {
    fn from(text: Vec<u8>) -> Self {
        let mut room = [0; ROOM];
        if let Some(room) = room.get_mut(..text.len()) {
            room.copy_from_slice(&text);
        }
        Self { text, room }
    }
}

impl Often {
    #[inline]
    pub(super) fn append(&self, out: &mut Vec<u8>) {
        match self.text.len() {
            length @ ..=ROOM => append(&self.room, length, out),
            _ => out.extend_from_slice(&self.text),
        }
    }
}

/// Appends the text in a row of `array` in quotes.
#[inline]
pub(super) fn quote_view(array: &StringViewArray, row: usize, out: &mut Vec<u8>) {
    if !quote_short(array, row, out) {
        quote(array.value(row), out);
    }
}

/// The same for a short text without escapes. False, and nothing, if it may be none.
#[inline(always)]
fn quote_short(array: &StringViewArray, row: usize, out: &mut Vec<u8>) -> bool {
    let view = array.views()[row];
    let length = view as u32 as usize;
    if length <= MAX_INLINE_VIEW_LEN as usize {
        // Zeros are there, but for arrays that nobody has checked.
        let behind = u128::MAX << (u8::BITS as usize * length);
        let text = (view >> u32::BITS) & !behind;
        let filled = text | (behind & u128::from_le_bytes([b' '; 16]));
        if marks(filled as u64) | marks((filled >> u64::BITS) as u64) == 0 {
            let quote = u128::from(b'"');
            let quoted = quote | text << u8::BITS | quote << (u8::BITS as usize * (length + 1));
            append(&quoted.to_le_bytes(), length + 2, out);
            return true;
        }
    } else if length <= ROOM {
        let ByteView { buffer_index, offset, .. } = view.into();
        let bytes = &array.data_buffers()[buffer_index as usize][offset as usize..];
        // If those behind the text need escapes, that is looked at once more.
        if let Some(room) = bytes.first_chunk::<ROOM>().filter(|room| !needs_escapes(*room)) {
            out.push(b'"');
            append(room, length, out);
            out.push(b'"');
            return true;
        }
    }
    false
}

/// Appends `value` in quotes.
pub(super) fn quote(value: &str, out: &mut Vec<u8>) {
    if needs_escapes(value.as_bytes()) {
        return serde_json::to_writer(out, value).expect("memory takes every byte");
    }
    out.push(b'"');
    out.extend_from_slice(value.as_bytes());
    out.push(b'"');
}

/// Whether a quote, a backslash or a control character is among them.
#[inline]
fn needs_escapes(text: &[u8]) -> bool {
    // What is left of the eights is looked at together with bytes before it, which does no harm.
    let found = if let Some(last) = text.last_chunk() {
        let (words, _) = text.as_chunks();
        words.iter().fold(marks(u64::from_le_bytes(*last)), |found, word| found | marks(u64::from_le_bytes(*word)))
    } else if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        marks(u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32)
    } else {
        text.iter().fold(0, |found, byte| found | marks(u64::from(*byte) * ONES))
    };
    found != 0
}

const ONES: u64 = u64::from_le_bytes([1; 8]);

/// Not zero if a byte of `word` is to be escaped.
///
/// **Source**: S. E. Anderson, *Bit Twiddling Hacks*, "Determine if a word has a byte less than n" and "… equal to n".
/// Which bits are set says nothing: the borrow of one byte may mark the next.
fn marks(word: u64) -> u64 {
    let quote = word ^ (ONES * u64::from(b'"'));
    let backslash = word ^ (ONES * u64::from(b'\\'));
    let below = |word: u64, least: u64| word.wrapping_sub(ONES * least) & !word;
    (below(word, 0x20) | below(quote, 1) | below(backslash, 1)) & (ONES << 7)
}

#[cfg(test)]
mod tests {
    use arrow::array::StringViewBuilder;
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str) {
        let mut out = b"before".to_vec();
        quote(text, &mut out);
        assert_eq!(out, format!("before{}", serde_json::to_string(text).unwrap()).as_bytes(), "{text:?}");
        let plain = text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\');
        assert_eq!(needs_escapes(text.as_bytes()), !plain, "{text:?}");
    }

    #[test]
    fn every_byte_is_seen_wherever_it_stands() {
        for length in 0..20 {
            check(&"x".repeat(length));
            for at in 0..length {
                for char in (0..0x100).filter_map(char::from_u32).chain(['\u{2028}', '😀']) {
                    let mut text = "x".repeat(length);
                    text.replace_range(at..=at, char.encode_utf8(&mut [0; 4]));
                    check(&text);
                }
            }
        }
    }

    #[test]
    fn a_text_that_is_appended_often_may_be_of_any_length() {
        for length in 0..3 * ROOM {
            let text: Vec<u8> = (b'!'..).take(length).collect();
            let mut out = b"before".to_vec();
            let often = Often::from(text.clone());
            often.append(&mut out);
            often.append(&mut out);
            assert_eq!(out, [b"before".as_slice(), &text, &text].concat());
        }
    }

    /// All texts in one array, in buffers of 64 bytes or of one text, each of which ends right behind a text.
    fn check_views(texts: &[String]) {
        let mut builder = StringViewBuilder::new().with_fixed_block_size(64);
        texts.iter().for_each(|text| builder.append_value(text));
        let array = builder.finish();
        for (row, text) in texts.iter().enumerate() {
            let mut out = b"before".to_vec();
            quote_view(&array, row, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("before{}", serde_json::to_string(text).unwrap()));
        }
        let slice = array.slice(texts.len() / 2, texts.len() - texts.len() / 2);
        if let Some(text) = texts.get(texts.len() / 2) {
            let mut out = Vec::new();
            quote_view(&slice, 0, &mut out);
            assert_eq!(out, serde_json::to_string(text).unwrap().as_bytes());
        }
    }

    #[test]
    fn short_texts_without_escapes_take_the_short_way() {
        let texts: Vec<String> = (0..=ROOM).map(|length| "x".repeat(length)).chain(["y".repeat(ROOM)]).collect();
        let array = StringViewArray::from_iter_values(&texts);
        for (row, text) in texts.iter().enumerate() {
            let mut out = Vec::new();
            assert!(quote_short(&array, row, &mut out), "{text}");
            assert_eq!(out, format!("\"{text}\"").as_bytes());
        }
        let others = ["\"", "a text \\ with an escape", &"z".repeat(ROOM + 1)].map(str::to_owned);
        let array = StringViewArray::from_iter_values(&others);
        assert!((0..others.len()).all(|row| !quote_short(&array, row, &mut Vec::new())));
    }

    #[test]
    fn views_of_every_length_are_quoted_wherever_an_escape_stands() {
        for length in 0..2 * ROOM {
            let plain = "x".repeat(length);
            let mut texts = vec![plain.clone(); 3];
            for at in 0..length {
                for char in ['"', '\\', '\u{1f}', '\u{7f}', '\0', ' '] {
                    let mut text = plain.clone();
                    text.replace_range(at..=at, char.encode_utf8(&mut [0; 4]));
                    texts.extend([text, plain.clone()]);
                }
            }
            check_views(&texts);
        }
    }

    proptest! {
        #[test]
        fn it_is_what_serde_json_writes(text in ".*", plain in "[ -~é]*") {
            check(&text);
            check(&plain);
        }

        #[test]
        fn views_are_quoted_as_serde_json_does(texts in proptest::collection::vec(".{0,40}", 0..9)) {
            check_views(&texts);
        }
    }
}
