//! One line of JSON, checked against the whole grammar and laid out flat.
//!
//! [`Tape::parse`] decides whether a line is JSON at all; nothing after it can change that, and it does not know which
//! columns anyone reads. Values stay bytes of the line: nothing is converted here.
//!
//! Grammar: RFC 8259. Containers are kept on a stack of our own, so depth costs memory and never the call stack.

use super::reject::{Fault, Reason};

/// What a value is, as far as its bytes tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    True,
    False,
    /// A number without fraction and exponent.
    Integer,
    /// A number with a fraction, an exponent or both.
    Fraction,
    /// A string without escapes: its bytes are its text.
    Plain,
    /// A string with at least one escape.
    Escaped,
    Object,
    Array,
}

impl Kind {
    /// Each at its number.
    pub(crate) const ALL: [Self; 9] = [
        Self::Null,
        Self::True,
        Self::False,
        Self::Integer,
        Self::Fraction,
        Self::Plain,
        Self::Escaped,
        Self::Object,
        Self::Array,
    ];
}

/// A value's place in the line, quotes and brackets included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// Index of the first node after this one and all that it contains.
    pub(crate) next: u32,
}

/// The values of one line in the order of their first bytes. In an object, each value follows its key.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    nodes: Vec<Node>,
    open: Vec<u32>,
}

/// Index of the line's outermost value.
pub(crate) const ROOT: u32 = 0;

impl Tape {
    /// Checks `line` and lays it out, replacing what was there before.
    ///
    /// `line` must be UTF-8 and shorter than 4 GiB (the framer's limit). Spaces around the object are fine.
    ///
    /// **Errors**: the first fault in the line, with its place: `syntax`, `surrogate`, `depth`, and `not-object` for
    /// whole and valid values of another kind.
    pub(crate) fn parse(&mut self, line: &[u8], max_depth: usize) -> Result<(), Fault> {
        self.parse_value(line, max_depth)?;
        match self.nodes[0] {
            Node { kind: Kind::Object, .. } => Ok(()),
            Node { start, .. } => Err(Fault::new(Reason::NotObject, start as usize, "the line is no JSON object")),
        }
    }

    /// The same for a value of any kind.
    pub(crate) fn parse_value(&mut self, text: &[u8], max_depth: usize) -> Result<(), Fault> {
        self.nodes.clear();
        self.open.clear();
        Parser { tape: self, line: text, at: 0, max_depth }.line()
    }

    pub(crate) fn node(&self, index: u32) -> Node {
        self.nodes[index as usize]
    }

    /// A value as far as it was read, after a fault too; a container that was not closed ends where it starts.
    pub(crate) fn get(&self, index: u32) -> Option<Node> {
        self.nodes.get(index as usize).copied()
    }

    /// The nodes directly inside an array, or the keys directly inside an object.
    pub(crate) fn children(&self, container: u32) -> impl Iterator<Item = u32> + '_ {
        let end = self.node(container).next;
        let step = if self.node(container).kind == Kind::Object { 1 } else { 0 };
        let mut at = container + 1;
        std::iter::from_fn(move || {
            (at < end).then(|| {
                let child = at;
                at = self.node(child + step).next;
                child
            })
        })
    }
}

struct Parser<'a> {
    tape: &'a mut Tape,
    line: &'a [u8],
    at: usize,
    max_depth: usize,
}

impl Parser<'_> {
    fn line(mut self) -> Result<(), Fault> {
        loop {
            let opened = self.value()?;
            if !opened && !self.after_value()? {
                return Ok(());
            }
        }
    }

    /// Reads one value; of a container, only up to where its first value is due. True if a value is due next.
    fn value(&mut self) -> Result<bool, Fault> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.open(Kind::Object),
            Some(b'[') => self.open(Kind::Array),
            Some(b'"') => self.string().map(|()| false),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| false),
            Some(b't') => self.word(b"true", Kind::True).map(|()| false),
            Some(b'f') => self.word(b"false", Kind::False).map(|()| false),
            Some(b'n') => self.word(b"null", Kind::Null).map(|()| false),
            _ => Err(self.expected("a value")),
        }
    }

    fn open(&mut self, kind: Kind) -> Result<bool, Fault> {
        if self.tape.open.len() == self.max_depth {
            return Err(Fault::new(Reason::Depth, self.at, format!("nested deeper than {}", self.max_depth)));
        }
        self.tape.open.push(self.tape.nodes.len() as u32);
        self.push(kind, self.at, self.at);
        self.at += 1;
        self.skip_space();
        let empty = self.peek() == Some(if kind == Kind::Object { b'}' } else { b']' });
        if empty {
            self.close();
        } else if kind == Kind::Object {
            self.key("a key or `}`")?;
        }
        Ok(!empty)
    }

    /// Closes what ends here and steps over the comma. False at the end of the line.
    fn after_value(&mut self) -> Result<bool, Fault> {
        loop {
            self.skip_space();
            let Some(&container) = self.tape.open.last() else {
                return if self.at == self.line.len() { Ok(false) } else { Err(self.expected("the end of the line")) };
            };
            let object = self.tape.node(container).kind == Kind::Object;
            match (self.peek(), object) {
                (Some(b','), true) => {
                    self.at += 1;
                    self.skip_space();
                    self.key("a key")?;
                    return Ok(true);
                }
                (Some(b','), false) => {
                    self.at += 1;
                    return Ok(true);
                }
                (Some(b'}'), true) | (Some(b']'), false) => self.close(),
                (_, true) => return Err(self.expected("`,` or `}`")),
                (_, false) => return Err(self.expected("`,` or `]`")),
            }
        }
    }

    fn close(&mut self) {
        self.at += 1;
        let container = self.tape.open.pop().expect("only called while a container is open");
        let next = self.tape.nodes.len() as u32;
        let node = &mut self.tape.nodes[container as usize];
        node.end = self.at as u32;
        node.next = next;
    }

    fn key(&mut self, expected: &'static str) -> Result<(), Fault> {
        if self.peek() != Some(b'"') {
            return Err(self.expected(expected));
        }
        self.string()?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(self.expected("`:`"));
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<(), Fault> {
        let start = self.at;
        let mut kind = Kind::Plain;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    kind = Kind::Escaped;
                    self.escape()?;
                }
                Some(byte) if byte < 0x20 => {
                    return Err(Fault::new(
                        Reason::Syntax,
                        self.at,
                        format!("control byte 0x{byte:02x} inside a string must be escaped"),
                    ));
                }
                Some(_) => self.at += 1,
                None => return Err(self.expected("a closing `\"`")),
            }
        }
        self.at += 1;
        self.push(kind, start, self.at);
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Fault> {
        let start = self.at;
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => match self.hex4()? {
                0xD800..=0xDBFF => self.low_surrogate(start)?,
                0xDC00..=0xDFFF => return Err(lone_surrogate(start)),
                _ => {}
            },
            _ => return Err(self.expected("an escape (one of `\"\\/bfnrtu`)")),
        }
        Ok(())
    }

    /// The second half of a pair, right after the first.
    fn low_surrogate(&mut self, start: usize) -> Result<(), Fault> {
        for expected in [b'\\', b'u'] {
            match self.peek() {
                Some(byte) if byte == expected => self.at += 1,
                None => return Err(self.expected("the second half of a surrogate pair")),
                Some(_) => return Err(lone_surrogate(start)),
            }
        }
        self.at -= 1;
        match self.hex4()? {
            0xDC00..=0xDFFF => Ok(()),
            _ => Err(lone_surrogate(start)),
        }
    }

    /// Reads `uXXXX`; stands on the `u`.
    fn hex4(&mut self) -> Result<u32, Fault> {
        let mut value = 0;
        for _ in 0..4 {
            self.at += 1;
            match self.peek().and_then(|byte| (byte as char).to_digit(16)) {
                Some(digit) => value = value * 16 + digit,
                None => return Err(self.expected("four hexadecimal digits")),
            }
        }
        self.at += 1;
        Ok(value)
    }

    fn number(&mut self) -> Result<(), Fault> {
        let start = self.at;
        match scan_number(&self.line[start..]) {
            Ok((length, kind)) => {
                self.at += length;
                self.push(kind, start, self.at);
                Ok(())
            }
            Err((length, expected)) => {
                self.at += length;
                Err(self.expected(expected))
            }
        }
    }

    fn word(&mut self, word: &'static [u8], kind: Kind) -> Result<(), Fault> {
        let start = self.at;
        for &byte in word {
            if self.peek() != Some(byte) {
                return Err(self.expected("a value"));
            }
            self.at += 1;
        }
        self.push(kind, start, self.at);
        Ok(())
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        let next = self.tape.nodes.len() as u32 + 1;
        self.tape.nodes.push(Node { kind, start: start as u32, end: end as u32, next });
    }

    fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    fn expected(&self, what: &'static str) -> Fault {
        Fault::expected(what, self.line, self.at)
    }
}

fn lone_surrogate(at: usize) -> Fault {
    Fault::new(Reason::Surrogate, at, "half of a surrogate pair stands alone")
}

/// Length and kind of the number that `text` starts with; else how far it went and what should have come.
pub(crate) fn scan_number(text: &[u8]) -> Result<(usize, Kind), (usize, &'static str)> {
    let digits = |from: usize| text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(text.first() == Some(&b'-'));
    let mut kind = Kind::Integer;
    at += match (text.get(at), digits(at)) {
        (_, 0) => return Err((at, "a digit")),
        (Some(b'0'), _) => 1,
        (_, count) => count,
    };
    if text.get(at) == Some(&b'.') {
        kind = Kind::Fraction;
        at += 1;
        match digits(at) {
            0 => return Err((at, "a digit after the decimal point")),
            count => at += count,
        }
    }
    if let Some(b'e' | b'E') = text.get(at) {
        kind = Kind::Fraction;
        at += 1;
        at += usize::from(matches!(text.get(at), Some(b'+' | b'-')));
        match digits(at) {
            0 => return Err((at, "a digit in the exponent")),
            count => at += count,
        }
    }
    Ok((at, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Result<(), (Reason, usize)>) {
        let got = Tape::default().parse(line.as_bytes(), 128).map_err(|fault| (fault.reason, fault.at));
        assert_eq!(got, expected, "{line}");
    }

    #[test]
    fn accepts_what_the_grammar_does() {
        for line in [
            "{}",
            " { } \r",
            r#"{"a":1}"#,
            r#"{"a":-0.5e+10,"b":[],"c":{"d":[{},[1, 2 ,3]]}}"#,
            r#"{"\u00e9\n":"\ud83d\ude00","x":true,"y":false,"z":null}"#,
            "{\"a\":\"\u{7f}\"}",
        ] {
            check(line, Ok(()));
        }
    }

    #[test]
    fn rejects_with_the_place_of_the_fault() {
        check("{'a': 1}", Err((Reason::Syntax, 1)));
        check(r#"{"a":1,}"#, Err((Reason::Syntax, 7)));
        check(r#"{"a":1 "b":2}"#, Err((Reason::Syntax, 7)));
        check(r#"{"a":1}TRAILER"#, Err((Reason::Syntax, 7)));
        check(r#"{"a":NaN}"#, Err((Reason::Syntax, 5)));
        check(r#"{"a":1.}"#, Err((Reason::Syntax, 7)));
        check(r#"{"a":01}"#, Err((Reason::Syntax, 6)));
        check(r#"{"a":+1}"#, Err((Reason::Syntax, 5)));
        check(r#"{"a":[1,]}"#, Err((Reason::Syntax, 8)));
        check(r#"{"a":1]"#, Err((Reason::Syntax, 6)));
        check("{\"a\":\"\t\"}", Err((Reason::Syntax, 6)));
        check(r#"{"a":"\ud800"}"#, Err((Reason::Surrogate, 6)));
        check(r#"{"a":"\ud800x"}"#, Err((Reason::Surrogate, 6)));
        check(r#"{"a":"\udc00"}"#, Err((Reason::Surrogate, 6)));
        check(r#"{"\ud800\u0041":1}"#, Err((Reason::Surrogate, 2)));
        check(r#"{"a":"\x"}"#, Err((Reason::Syntax, 7)));
        check("[1]", Err((Reason::NotObject, 0)));
        check("[1", Err((Reason::Syntax, 2)));
        check("7", Err((Reason::NotObject, 0)));
        check("{", Err((Reason::Syntax, 1)));
        check("nul", Err((Reason::Syntax, 3)));
    }

    #[test]
    fn depth_is_a_fault_and_not_a_crash() {
        let nested = |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        check(&nested(128), Ok(()));
        check(&nested(129), Err((Reason::Depth, 5 + 127)));
        check(&"[".repeat(1_000_000), Err((Reason::Depth, 128)));
    }

    #[test]
    fn children_skip_what_is_inside_them() {
        let mut tape = Tape::default();
        tape.parse(br#"{"a":[1,{"x":2}],"b":3}"#, 128).unwrap();
        let keys: Vec<(u32, u32)> = tape.children(ROOT).map(|key| (tape.node(key).start, tape.node(key).end)).collect();
        assert_eq!(keys, [(1, 4), (17, 20)]);
        assert_eq!(tape.children(2).count(), 2);
    }
}
