//! Texts as JSON strings.
//!
//! Nearly all texts need no escapes. Whether one does is found out eight bytes at a time, which the compiler turns into
//! vectors where it is worth it; the few that do are left to `serde_json`.

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

    proptest! {
        #[test]
        fn it_is_what_serde_json_writes(text in ".*", plain in "[ -~é]*") {
            check(&text);
            check(&plain);
        }
    }
}
