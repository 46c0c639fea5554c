//! One visit as one line of JSON, and finding values in such a line again.
//!
//! It knows the exact layout that it writes (compact, keys in a fixed order) and reads no other JSON.

use std::io::Write;
use std::ops::Range;

use memchr::memmem;

use super::dice::Dice;
use super::instant;
use super::user::User;

/// The keys of an event, in the order of the file.
#[cfg(test)]
pub(super) const KEYS: [&str; 12] = [
    "ip",
    "id",
    "lat",
    "lng",
    "user_agent",
    "age_bracket",
    "opted_into_marketing",
    "http_request",
    "http_response",
    "file_size_bytes",
    "event_datetime",
    "event_ts",
];

const PAGES: [&str; 15] = [
    "home",
    "archea",
    "archaea",
    "bacteria",
    "eucharya",
    "protozoa",
    "amoebozoa",
    "chromista",
    "cryptista",
    "plantae",
    "coniferophyta",
    "fungi",
    "blastocladiomycota",
    "animalia",
    "acanthocephala",
];

/// What is drawn for one event.
pub(super) struct Event<'a> {
    user: &'a User,
    page: &'static str,
    file_size_bytes: u32,
    pub(super) lag_ms: i64,
}

impl<'a> Event<'a> {
    pub(super) fn draw(dice: &mut Dice, users: &'a [User], max_lag_ms: i64) -> Self {
        Self {
            user: &users[dice.index(users.len())],
            page: dice.pick(&PAGES),
            file_size_bytes: 100 + dice.below(400) as u32,
            lag_ms: dice.below(max_lag_ms.cast_unsigned() + 1).cast_signed(),
        }
    }

    /// Appends the line without a newline.
    pub(super) fn render(&self, instant_ms: i64, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.user.json);
        out.extend_from_slice(b",\"http_request\":\"GET ");
        out.extend_from_slice(self.page.as_bytes());
        out.extend_from_slice(b".html HTTP/1.0\",\"http_response\":200,\"file_size_bytes\":");
        instant::push_digits::<3>(self.file_size_bytes, out);
        out.extend_from_slice(b",\"event_datetime\":\"");
        instant::push(instant_ms, out);
        write!(out, "\",\"event_ts\":{instant_ms}}}").expect("memory takes what is written to it");
    }
}

/// Where the value of `key` stands in a line that [`Event::render`] wrote.
pub(super) fn value_of(line: &[u8], key: &str) -> Range<usize> {
    let label = format!("\"{key}\":");
    let start = memmem::find(line, label.as_bytes()).expect("only keys of an event are asked for") + label.len();
    let rest = &line[start..];
    let len = if rest.starts_with(b"\"") { string_len(rest) } else { scalar_len(rest) };
    start..start + len
}

fn string_len(text: &[u8]) -> usize {
    let mut escaped = false;
    for (at, byte) in text.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn scalar_len(text: &[u8]) -> usize {
    text.iter().position(|byte| matches!(byte, b',' | b'}')).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_key() {
        let line =
            br#"{"ip":"1.2.3.4","lat":"","user_agent":"a \"b\", {c}\\","opted_into_marketing":true,"event_ts":-5}"#;
        let check = |key, value: &str| assert_eq!(&line[value_of(line, key)], value.as_bytes());
        check("ip", "\"1.2.3.4\"");
        check("lat", "\"\"");
        check("user_agent", r#""a \"b\", {c}\\""#);
        check("opted_into_marketing", "true");
        check("event_ts", "-5");
    }
}
