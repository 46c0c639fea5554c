//! Lines as they arrive from programs that died, disks that filled up and printers of Python dictionaries.
//!
//! Whatever happens to a line here, no strict reader of JSON lines accepts it, it stays one line, and it is not
//! blank. Lines that are valid and only unexpected are `drift`'s.

use super::dice::Dice;
use super::line::value_of;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Damage {
    Cut,
    SingleQuotes,
    TrailingComma,
    MissingComma,
    UnclosedString,
    Trailer,
    TwoObjects,
    BadNumber,
    ControlByte,
    Nuls,
    InvalidUtf8,
    LoneSurrogate,
    NotAnObject,
}

const ALL: [Damage; 13] = [
    Damage::Cut,
    Damage::SingleQuotes,
    Damage::TrailingComma,
    Damage::MissingComma,
    Damage::UnclosedString,
    Damage::Trailer,
    Damage::TwoObjects,
    Damage::BadNumber,
    Damage::ControlByte,
    Damage::Nuls,
    Damage::InvalidUtf8,
    Damage::LoneSurrogate,
    Damage::NotAnObject,
];

const TRAILERS: [&[u8]; 4] = [b"TRAILER", b" // end", b"}", b";"];
const BAD_NUMBERS: [&[u8]; 6] = [b"NaN", b"Infinity", b"312.", b"0312", b"+312", b"0x138"];
/// All but the newline, which would make two lines.
const CONTROL_BYTES: [&[u8]; 5] = [b"\0", b"\t", b"\r", b"\x0b", b"\x1b"];
/// A byte that never occurs, a sequence cut short, one longer than needed, a surrogate, one beyond Unicode.
const INVALID_UTF8: [&[u8]; 5] = [b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"];
const LONE_SURROGATES: [&[u8]; 3] = [b"\\ud800", b"\\uDBFF", b"\\udfff"];
const NO_OBJECTS: [&[u8]; 6] = [b"null", b"true", b"7", b"\"GET home.html HTTP/1.0\"", b"[]", b"[1,2]"];

/// Damages `line`, an event without its newline, in one of many ways.
pub(super) fn apply(line: &mut Vec<u8>, dice: &mut Dice) {
    let damage = dice.pick(&ALL);
    inflict(damage, line, dice);
}

fn inflict(damage: Damage, line: &mut Vec<u8>, dice: &mut Dice) {
    match damage {
        Damage::Cut => line.truncate(1 + dice.index(line.len() - 1)),
        Damage::SingleQuotes => line.iter_mut().filter(|byte| **byte == b'"').for_each(|byte| *byte = b'\''),
        Damage::TrailingComma => line.insert(line.len() - 1, b','),
        Damage::MissingComma => {
            let comma = value_of(line, "ip").end;
            line[comma] = b' ';
        }
        Damage::UnclosedString => {
            let quote = value_of(line, "event_datetime").end - 1;
            line.remove(quote);
        }
        Damage::Trailer => line.extend_from_slice(dice.pick(&TRAILERS)),
        Damage::TwoObjects => line.extend_from_within(..),
        Damage::BadNumber => {
            let number = value_of(line, "file_size_bytes");
            line.splice(number, dice.pick(&BAD_NUMBERS).iter().copied());
        }
        Damage::ControlByte => insert_into_text(line, dice.pick(&CONTROL_BYTES)),
        Damage::Nuls => line.fill(0),
        Damage::InvalidUtf8 => insert_into_text(line, dice.pick(&INVALID_UTF8)),
        Damage::LoneSurrogate => insert_into_text(line, dice.pick(&LONE_SURROGATES)),
        Damage::NotAnObject => *line = dice.pick(&NO_OBJECTS).to_vec(),
    }
}

/// Puts `bytes` at the start of the text of the user agent.
fn insert_into_text(line: &mut Vec<u8>, bytes: &[u8]) {
    let at = value_of(line, "user_agent").start + 1;
    line.splice(at..at, bytes.iter().copied());
}

#[cfg(test)]
mod tests {
    use super::super::atlas::Atlas;
    use super::super::dice::Stream;
    use super::super::line::Event;
    use super::super::user::User;
    use super::*;

    #[test]
    fn each_damage_is_refused_by_a_strict_reader_and_stays_one_line() {
        let mut dice = Dice::new(1, Stream::Faults);
        let users: Vec<User> = (0..50).map(|_| User::draw(&mut dice, &Atlas::Cities).unwrap()).collect();
        for damage in ALL {
            for _ in 0..200 {
                let mut line = Vec::new();
                Event::draw(&mut dice, &users, 0).render(1_709_251_200_000, &mut line);
                inflict(damage, &mut line, &mut dice);
                let shown = String::from_utf8_lossy(&line);
                let read: Result<serde_json::Map<_, _>, _> = serde_json::from_slice(&line);
                assert!(read.is_err(), "{damage:?} is accepted: {shown}");
                assert!(!line.contains(&b'\n'), "{damage:?} has a newline: {shown}");
                assert!(line.iter().any(|byte| !b" \t\r".contains(byte)), "{damage:?} is blank: {shown}");
            }
        }
    }

    #[test]
    fn damage_goes_where_it_hurts() {
        let check = |damage, wanted: &[u8]| {
            let mut line = br#"{"ip":"1.2.3.4","id":"-1","user_agent":"x","file_size_bytes":312,"event_datetime":"t","event_ts":5}"#.to_vec();
            inflict(damage, &mut line, &mut Dice::new(1, Stream::Faults));
            assert_eq!(String::from_utf8_lossy(&line), String::from_utf8_lossy(wanted));
        };
        check(
            Damage::MissingComma,
            br#"{"ip":"1.2.3.4" "id":"-1","user_agent":"x","file_size_bytes":312,"event_datetime":"t","event_ts":5}"#,
        );
        check(
            Damage::UnclosedString,
            br#"{"ip":"1.2.3.4","id":"-1","user_agent":"x","file_size_bytes":312,"event_datetime":"t,"event_ts":5}"#,
        );
        check(
            Damage::TrailingComma,
            br#"{"ip":"1.2.3.4","id":"-1","user_agent":"x","file_size_bytes":312,"event_datetime":"t","event_ts":5,}"#,
        );
        check(
            Damage::SingleQuotes,
            br#"{'ip':'1.2.3.4','id':'-1','user_agent':'x','file_size_bytes':312,'event_datetime':'t','event_ts':5}"#,
        );
    }
}
