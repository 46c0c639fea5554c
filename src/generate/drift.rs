//! Lines of a program that was changed since: valid JSON, with a key more or a value of another type.
//!
//! What a reader makes of them is the reader's affair. Lines that are no JSON are `damage`'s.

use super::dice::Dice;
use super::line::value_of;

const NEW_KEYS: [&str; 8] = [
    r#""referrer":"https://www.example.org/""#,
    r#""session_id":"5f0c9a4e-72d1""#,
    r#""schema_version":2"#,
    r#""duration_ms":12.5"#,
    r#""is_bot":false"#,
    r#""campaign":null"#,
    r#""tags":["sea","tide"]"#,
    r#""device":{"kind":"phone","dpr":2}"#,
];

/// A value's JSON text as that of a value of another type.
type Retype = fn(&str) -> String;

const RETYPES: [(&str, Retype); 10] = [
    ("file_size_bytes", quoted),
    ("file_size_bytes", |bytes| format!("{bytes}.5")),
    ("http_response", quoted),
    ("http_response", |_| "null".into()),
    ("lat", |lat| if lat == "\"\"" { "null".into() } else { quoted(lat) }),
    ("opted_into_marketing", |yes| if yes == "true" { "\"yes\"".into() } else { "\"no\"".into() }),
    ("opted_into_marketing", |yes| u8::from(yes == "true").to_string()),
    ("id", |id| id.trim_matches('"').into()),
    ("age_bracket", |bracket| format!("[{bracket}]")),
    ("event_ts", quoted),
];

/// Changes `line`, an event without its newline, in one of many ways.
pub(super) fn apply(line: &mut Vec<u8>, dice: &mut Dice) {
    if dice.below(2) == 0 {
        add_key(line, dice);
    } else {
        let (key, retype) = dice.pick(&RETYPES);
        let value = value_of(line, key);
        let changed = retype(&String::from_utf8_lossy(&line[value.clone()]));
        line.splice(value, changed.into_bytes());
    }
}

/// The new key comes first or last.
fn add_key(line: &mut Vec<u8>, dice: &mut Dice) {
    let pair = dice.pick(&NEW_KEYS);
    if dice.below(2) == 0 {
        line.splice(1..1, format!("{pair},").into_bytes());
    } else {
        let brace = line.len() - 1;
        line.splice(brace..brace, format!(",{pair}").into_bytes());
    }
}

fn quoted(number: &str) -> String {
    format!("\"{number}\"")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Map, Value};

    use super::super::dice::Stream;
    use super::*;

    const EVENT: &str = r#"{"ip":"1.2.3.4","id":"-5","lat":1.5000,"lng":2.0000,"user_agent":"x","age_bracket":"55+","opted_into_marketing":true,"http_request":"GET home.html HTTP/1.0","http_response":200,"file_size_bytes":312,"event_datetime":"2024-03-01T00:00:00.000","event_ts":5}"#;

    #[test]
    fn one_key_is_new_or_one_value_has_another_type() {
        let clean: Map<String, Value> = serde_json::from_str(EVENT).unwrap();
        let mut dice = Dice::new(1, Stream::Faults);
        let mut seen = BTreeMap::new();
        for _ in 0..2_000 {
            let mut line = EVENT.as_bytes().to_vec();
            apply(&mut line, &mut dice);
            let event: Map<String, Value> = serde_json::from_slice(&line).unwrap();
            let changed: Vec<_> = event.iter().filter(|(key, value)| clean.get(*key) != Some(value)).collect();
            let [(key, value)] = changed[..] else { panic!("{}", String::from_utf8_lossy(&line)) };
            assert!(clean.keys().all(|key| event.contains_key(key)));
            *seen.entry(format!("{key}={value}")).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), NEW_KEYS.len() + RETYPES.len(), "{seen:#?}");
        assert!(seen.values().all(|count| *count > 50), "{seen:#?}");
    }

    #[test]
    fn a_coordinate_that_was_not_found_becomes_null() {
        let retype = RETYPES.iter().find(|(key, _)| *key == "lat").unwrap().1;
        assert_eq!(retype("\"\""), "null");
        assert_eq!(retype("1.5000"), "\"1.5000\"");
    }
}
