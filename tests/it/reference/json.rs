//! JSON values with the text that they were written as. What is JSON is for `serde_json` to say; this takes it apart.

/// A value.
#[derive(Debug, Clone)]
pub(super) struct Json {
    /// As it stands, without spaces around it.
    pub(super) raw: String,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Null,
    Boolean,
    Number,
    Text(String),
    Array(Vec<Json>),
    /// As it stands: keys may repeat.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Takes apart `text`, which is JSON. `None` if a string in it is no text, being half of a surrogate pair.
    pub(super) fn of(text: &str) -> Option<Self> {
        let raw = text.trim_matches([' ', '\t', '\r', '\n']);
        let inner = || &raw[1..raw.len() - 1];
        let kind = match raw.as_bytes()[0] {
            b'n' => Kind::Null,
            b't' | b'f' => Kind::Boolean,
            b'"' => Kind::Text(serde_json::from_str(raw).ok()?),
            b'[' => Kind::Array(split(inner(), b',').into_iter().map(Self::of).collect::<Option<_>>()?),
            b'{' => Kind::Object(split(inner(), b',').into_iter().map(member).collect::<Option<_>>()?),
            _ => Kind::Number,
        };
        Some(Self { raw: raw.to_owned(), kind })
    }

    /// The members of an object in the order of their first appearance; the last of equal keys wins.
    pub(super) fn members(&self) -> Vec<(&str, &Json)> {
        let mut members: Vec<(&str, &Json)> = Vec::new();
        let Kind::Object(all) = &self.kind else { return members };
        for (key, value) in all {
            match members.iter_mut().find(|(known, _)| known == key) {
                Some(member) => member.1 = value,
                None => members.push((key, value)),
            }
        }
        members
    }

    pub(super) fn is_empty_text(&self) -> bool {
        matches!(&self.kind, Kind::Text(text) if text.is_empty())
    }

    /// How deep it nests; a scalar not at all.
    pub(super) fn depth(&self) -> usize {
        match &self.kind {
            Kind::Array(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Kind::Object(members) => 1 + members.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }
}

fn member(text: &str) -> Option<(String, Json)> {
    let parts = split(text, b':');
    let key = serde_json::from_str(parts[0].trim_matches([' ', '\t', '\r', '\n'])).ok()?;
    Some((key, Json::of(&text[parts[0].len() + 1..])?))
}

/// The parts of `text` between the separators that stand in no string and no bracket.
fn split(text: &str, separator: u8) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0);
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            byte if byte == separator && depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !text[start..].trim().is_empty() {
        parts.push(&text[start..]);
    }
    parts
}
