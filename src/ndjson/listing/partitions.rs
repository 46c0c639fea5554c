//! Columns that folders name: `date=2024-05-01/hour=7/events.out`, as Hive lays tables out.
//!
//! **Source**: Hive's `FileUtils.escapePathName` (`%` and two hex digits) and `hive.exec.default.partition.name`.

use crate::error::{Error, Result};

/// Hive's name for the folder of rows whose value is NULL.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The columns that the folders of the path `shown` name, in its order.
pub(super) fn of(shown: &str) -> Result<Vec<(String, Option<String>)>> {
    let mut columns: Vec<(String, Option<String>)> = Vec::new();
    let folders = shown.rsplit_once('/').map_or("", |(folders, _)| folders);
    for folder in folders.split('/') {
        let Some((name, value)) = folder.split_once('=').filter(|(name, _)| !name.is_empty()) else { continue };
        let name = decode(name, shown)?;
        let value = if value == NULL { None } else { Some(decode(value, shown)?) };
        if columns.iter().any(|(earlier, _)| *earlier == name) {
            return Err(Error::input(format!("two folders of `{shown}` name the column `{name}`"))
                .with_hint("rename one, or set `hive_partitions = false` for the source"));
        }
        columns.push((name, value));
    }
    Ok(columns)
}

/// `text` with each `%41` replaced by its byte; a `%` that two hex digits do not follow stands for itself.
fn decode(text: &str, shown: &str) -> Result<String> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes.get(at..at + 3).and_then(escaped);
        decoded.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    String::from_utf8(decoded).map_err(|_| {
        Error::input(format!("`{text}` in `{shown}` decodes to bytes that are not UTF-8"))
            .with_hint("rename the folder, or set `hive_partitions = false` for the source")
    })
}

fn escaped(three: &[u8]) -> Option<u8> {
    let [b'%', high, low] = three else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(shown: &str, expected: &[(&str, Option<&str>)]) {
        let expected: Vec<_> = expected.iter().map(|(k, v)| (k.to_string(), v.map(str::to_owned))).collect();
        assert_eq!(of(shown).unwrap(), expected, "{shown}");
    }

    #[test]
    fn folders_name_columns_and_files_do_not() {
        check("inputs/date=2024-05-01/hour=7/a.out", &[("date", Some("2024-05-01")), ("hour", Some("7"))]);
        check("inputs/x=y.out", &[]);
        check("x=y.out", &[]);
        check("/data/x=/=y/a=b=c/1.out", &[("x", Some("")), ("a", Some("b=c"))]);
        check("x=__HIVE_DEFAULT_PARTITION__/1.out", &[("x", None)]);
    }

    #[test]
    fn percent_signs_are_decoded() {
        check("a%20b=%2Fx%c3%A9/1.out", &[("a b", Some("/xé"))]);
        check("a=100%/b=%zz%4/1.out", &[("a", Some("100%")), ("b", Some("%zz%4"))]);
        check("a=%/1.out", &[("a", Some("%"))]);
        check("a=é%é/1.out", &[("a", Some("é%é"))]);
    }

    #[test]
    fn what_cannot_be_a_column_is_refused() {
        let twice = of("x=1/y=2/%78=3/a.out").unwrap_err();
        assert_eq!(twice.chain(), "two folders of `x=1/y=2/%78=3/a.out` name the column `x`");
        let bytes = of("x=%ff/a.out").unwrap_err();
        assert_eq!(bytes.chain(), "`%ff` in `x=%ff/a.out` decodes to bytes that are not UTF-8");
        assert_eq!((twice.kind(), bytes.kind()), ("input", "input"));
    }
}
