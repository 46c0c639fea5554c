//! Numbers in settings: whole numbers within bounds, and sizes such as `"16MiB"`. It knows no setting.

use std::fmt;
use std::ops::RangeInclusive;

use serde::de::{Deserializer, Unexpected, Visitor};

/// Bytes per unit; decimal units are of 1,000, binary ones of 1,024.
const UNITS: [(&str, usize); 9] = [
    ("b", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
];

/// The bytes that a text such as `16MiB`, `2 GB` or `1048576` means; case does not count. `None` if it is no size, or
/// larger than memory can be: `2G` is none, for it is 1,000 or 1,024 by whom one asks.
fn parse_bytes(text: &str) -> Option<usize> {
    let text = text.trim();
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: usize = digits.parse().ok()?;
    let unit = unit.trim_start().to_ascii_lowercase();
    let (_, bytes) = UNITS.iter().find(|(name, _)| *name == unit || (unit.is_empty() && *name == "b"))?;
    number.checked_mul(*bytes)
}

/// A whole number within `bounds`.
pub fn whole<'de, D: Deserializer<'de>>(bounds: RangeInclusive<usize>, from: D) -> Result<usize, D::Error> {
    from.deserialize_any(Number { bounds, is_size: false })
}

/// A size within `bounds`: a number of bytes, or a text with a unit.
pub fn size<'de, D: Deserializer<'de>>(bounds: RangeInclusive<usize>, from: D) -> Result<usize, D::Error> {
    from.deserialize_any(Number { bounds, is_size: true })
}

/// How many outputs are kept.
pub fn outputs<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    whole(0..=1000, from)
}

struct Number {
    bounds: RangeInclusive<usize>,
    is_size: bool,
}

impl Number {
    fn within<E: serde::de::Error>(self, number: Option<usize>, written: Unexpected<'_>) -> Result<usize, E> {
        number.filter(|number| self.bounds.contains(number)).ok_or_else(|| E::invalid_value(written, &self))
    }
}

impl<'de> Visitor<'de> for Number {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (least, most) = (*self.bounds.start(), *self.bounds.end());
        if self.is_size {
            write!(f, "a size from \"{}\" to \"{}\"", Size(least), Size(most))
        } else {
            write!(f, "a whole number from {least} to {most}")
        }
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<usize, E> {
        self.within(usize::try_from(number).ok(), Unexpected::Signed(number))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<usize, E> {
        self.within(usize::try_from(number).ok(), Unexpected::Unsigned(number))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<usize, E> {
        if !self.is_size {
            return Err(E::invalid_type(Unexpected::Str(text), &self));
        }
        self.within(parse_bytes(text), Unexpected::Str(text))
    }
}

/// Bytes, shown in the largest binary unit that divides them.
struct Size(usize);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = match self.0 {
            bytes if bytes > 0 && bytes % (1 << 40) == 0 => (bytes >> 40, "TiB"),
            bytes if bytes > 0 && bytes % (1 << 30) == 0 => (bytes >> 30, "GiB"),
            bytes if bytes > 0 && bytes % (1 << 20) == 0 => (bytes >> 20, "MiB"),
            bytes => (bytes, "B"),
        };
        write!(f, "{number}{unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<usize>) {
        assert_eq!(parse_bytes(text), expected, "{text}");
    }

    #[test]
    fn sizes_have_units() {
        check("1048576", Some(1 << 20));
        check("16MiB", Some(16 << 20));
        check(" 2 gb ", Some(2_000_000_000));
        check("7B", Some(7));
        check("1TiB", Some(1 << 40));
        check("0", Some(0));
    }

    #[test]
    fn what_is_ambiguous_or_too_large_is_none() {
        for text in ["", "MiB", "2G", "1.5GiB", "-1", "+1", "1_000", "1e3", "16 M iB", "99999999999TiB", "１MiB", "2é"]
        {
            check(text, None);
        }
    }
}
