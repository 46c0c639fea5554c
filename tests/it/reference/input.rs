//! Files that a program may find: good lines of several shapes, drifted, damaged and blank ones, and bytes of any kind.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use tempfile::TempDir;

use super::plain::{Rule, Settings};
use crate::contract::mill::gzip;

/// What some columns are declared to be.
const DECLARED: &[(&str, Rule)] =
    &[("n", Rule::Bigint), ("w", Rule::Struct(&[("x", Rule::Double), ("m", Rule::List(&Rule::Bigint))]))];

/// An input, how it is cut, and how it is read.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) bytes: Bytes,
    pub(super) cuts: Vec<Index>,
    pub(super) packings: [Packing; 4],
    pub(super) settings: Settings,
    pub(super) threads: usize,
    pub(super) range_bytes: u64,
}

/// Bytes that a failing test shows as text.
#[derive(Clone)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// Files in a folder, and what is in them.
pub(super) struct Kept {
    pub(super) folder: TempDir,
    pub(super) files: Vec<(String, Vec<u8>)>,
}

impl Kept {
    pub(super) fn of(files: &[(Vec<u8>, Packing)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("inputs")).unwrap();
        let keep = |(number, (bytes, packing)): (usize, &(Vec<u8>, Packing))| {
            let (extension, packed) = match packing {
                Packing::Plain => ("out", bytes.clone()),
                Packing::Gzip => ("out.gz", gzip(bytes)),
                Packing::Zstd => ("out.zst", zstd::encode_all(bytes.as_slice(), 0).unwrap()),
            };
            let name = format!("inputs/{number}.{extension}");
            std::fs::write(folder.path().join(&name), packed).unwrap();
            (name, bytes.clone())
        };
        let files = files.iter().enumerate().map(keep).collect();
        Self { folder, files }
    }
}

/// The same bytes as several files, cut at ends of lines.
pub(super) fn cut(bytes: &[u8], cuts: &[Index], packings: &[Packing; 4]) -> Vec<(Vec<u8>, Packing)> {
    let ends: Vec<usize> = (1..=bytes.len()).filter(|at| bytes[at - 1] == b'\n').collect();
    let mut places: Vec<usize> = cuts.iter().filter(|_| !ends.is_empty()).map(|cut| *cut.get(&ends)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    let part = |(number, place): (usize, &[usize])| (bytes[place[0]..place[1]].to_vec(), packings[number % 4]);
    places.windows(2).enumerate().map(part).collect()
}

pub(super) fn given() -> impl Strategy<Value = Given> {
    let packing = || select(vec![Packing::Plain, Packing::Plain, Packing::Gzip, Packing::Zstd]);
    (
        (proptest::collection::vec(line(), 0..40), any::<bool>(), select(vec![&b""[..], b"\xef\xbb\xbf"])),
        proptest::collection::vec(any::<Index>(), 0..4),
        [packing(), packing(), packing(), packing()],
        (
            any::<bool>(),
            select(vec![2_usize, 3, 4, 128, 128, 128]),
            select(vec![12_usize, 40, 90, 1 << 20, 1 << 20, 1 << 20]),
            any::<bool>(),
        ),
        1..=4_usize,
        prop_oneof![1..4_u64, 4..100_u64],
    )
        .prop_map(|((lines, ended, mark), cuts, packings, settings, threads, range_bytes)| {
            let mut bytes = [mark, &lines.concat()].concat();
            if !ended && bytes.last() == Some(&b'\n') {
                bytes.pop();
            }
            let (empty_as_null, max_depth, max_line_bytes, declared) = settings;
            let declared = if declared { DECLARED } else { &[] };
            let settings = Settings { declared, empty_as_null, max_depth, max_line_bytes };
            Given { bytes: Bytes(bytes), cuts, packings, settings, threads, range_bytes }
        })
}

/// A line with its end; random bytes may make it several.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let content = prop_oneof![
        12 => object(3).prop_map(String::into_bytes),
        3 => (object(3), damage()).prop_map(|(object, damage)| damage.inflict(object.into_bytes())),
        1 => select(vec!["", " ", "\t \r", "\u{a0}"]).prop_map(|blank| blank.as_bytes().to_vec()),
        1 => any_value(2).prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..20),
        1 => "[\\[\\]{}\",:0-9eE+.tfn\\\\u d-]{0,16}".prop_map(String::into_bytes),
    ];
    (content, select(vec![&b"\n"[..], b"\n", b"\r\n"])).prop_map(|(content, end)| [&content, end].concat())
}

#[derive(Debug, Clone)]
enum Damage {
    Cut(Index),
    Delete(Index),
    Insert(Index, Vec<u8>),
    Replace(Index, u8),
    Repeat(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let pieces: Vec<&[u8]> = vec![
        b"\\ud800", b"\\", b"\"", b"\xff", b"\xc3", b"\0", b"\x01", b",", b"]", b"}", b"[", b"{", b"-", b"1", b" ",
        b".",
    ];
    prop_oneof![
        3 => any::<Index>().prop_map(Damage::Cut),
        1 => any::<Index>().prop_map(Damage::Delete),
        3 => (any::<Index>(), select(pieces)).prop_map(|(at, piece)| Damage::Insert(at, piece.to_vec())),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Replace(at, byte)),
        1 => any::<Index>().prop_map(Damage::Repeat),
    ]
}

impl Damage {
    /// `line` is not empty.
    fn inflict(self, mut line: Vec<u8>) -> Vec<u8> {
        let count = line.len();
        match self {
            Self::Cut(at) => line.truncate(at.index(count)),
            Self::Delete(at) => drop(line.remove(at.index(count))),
            Self::Insert(at, bytes) => drop(line.splice(at.index(count)..at.index(count), bytes)),
            Self::Replace(at, byte) => line[at.index(count)] = byte,
            Self::Repeat(at) => line.extend_from_within(at.index(count)..),
        }
        line
    }
}

/// An object whose keys mostly have values of their own kind.
fn object(depth: u32) -> BoxedStrategy<String> {
    let any = move || any_value(depth.min(1));
    let flat = prop_oneof![
        4 => member("a", integer()),
        3 => member("b", prop_oneof![3 => number(), 1 => Just("\"\"".to_owned())].boxed()),
        2 => member("u", select(vec!["0", "18446744073709551615", "9223372036854775808", "-1"]).prop_map(str::to_owned).boxed()),
        3 => member("s", text()),
        1 => member("t", select(vec!["true", "false", "null"]).prop_map(str::to_owned).boxed()),
        2 => member("n", prop_oneof![4 => integer(), 1 => any()].boxed()),
        1 => member("A", any()),
        1 => member("\\u0061", integer()),
        1 => member("", any()),
        1 => member("q\\\"\\n", integer()),
        1 => "[a-z]{1,2}".prop_flat_map(move |key| member_named(key, any())),
    ];
    let inner = match depth {
        0 => flat.boxed(),
        _ => prop_oneof![
            6 => flat,
            1 => member("l", array(integer())),
            1 => member("m", array(object(depth - 1))),
            2 => member("o", object(depth - 1)),
            2 => member("w", prop_oneof![4 => declared_struct(), 1 => any_value(1)].boxed()),
            1 => member("c", any_value(depth - 1)),
        ]
        .boxed(),
    };
    (proptest::collection::vec(inner, 0..6), spaces())
        .prop_map(|(members, space)| format!("{{{space}{}}}", members.join(&format!(",{space}"))))
        .boxed()
}

fn declared_struct() -> BoxedStrategy<String> {
    let member = prop_oneof![
        3 => member("x", number()),
        1 => member("x", any_value(0)),
        2 => member("m", array(integer())),
        1 => member("other", any_value(0)),
    ];
    proptest::collection::vec(member, 0..3).prop_map(|members| format!("{{{}}}", members.join(","))).boxed()
}

fn member(key: &'static str, value: BoxedStrategy<String>) -> BoxedStrategy<String> {
    member_named(key.to_owned(), value)
}

fn member_named(key: String, value: BoxedStrategy<String>) -> BoxedStrategy<String> {
    (value, spaces()).prop_map(move |(value, space)| format!("\"{key}\"{space}:{space}{value}")).boxed()
}

fn spaces() -> impl Strategy<Value = &'static str> {
    select(vec!["", "", "", " ", "\t", "\r"])
}

fn array(item: BoxedStrategy<String>) -> BoxedStrategy<String> {
    (proptest::collection::vec(item, 0..4), spaces())
        .prop_map(|(items, space)| format!("[{space}{}]", items.join(&format!("{space},"))))
        .boxed()
}

fn integer() -> BoxedStrategy<String> {
    prop_oneof![
        6 => any::<i16>().prop_map(|n| n.to_string()),
        1 => any::<i64>().prop_map(|n| n.to_string()),
        1 => Just("null".to_owned()),
    ]
    .boxed()
}

fn number() -> BoxedStrategy<String> {
    let odd = [
        "-0",
        "-0.0",
        "0.10",
        "1e5",
        "1E-7",
        "-1.5e+3",
        "1e400",
        "1e-400",
        "9007199254740992",
        "-9007199254740993",
        "9223372036854775807",
        "18446744073709551616",
        "-9223372036854775809",
        "99999999999999999999999999999999999999",
        "100000000000000000000000000000000000000",
        "123456789.123456789123456789",
    ];
    prop_oneof![
        4 => any::<i16>().prop_map(|n| n.to_string()),
        3 => any::<f32>().prop_filter("JSON has no such number", |n| n.is_finite()).prop_map(|n| n.to_string()),
        2 => select(odd.to_vec()).prop_map(str::to_owned),
    ]
    .boxed()
}

fn text() -> BoxedStrategy<String> {
    let odd = [
        r#""""#,
        r#""null""#,
        r#""12""#,
        r#""1.50""#,
        r#""\u0031""#,
        r#""é\u00e9\n\"\\\/""#,
        r#""\ud83d\ude00""#,
        r#""\u0000""#,
        r#""{\"a\":[1,2]}""#,
        r#""a longer text, so that views of it do not fit inline""#,
    ];
    prop_oneof![
        select(odd.to_vec()).prop_map(str::to_owned),
        "[a-zäöü ,:{}\\[\\]]{0,6}".prop_map(|s| format!("\"{s}\""))
    ]
    .boxed()
}

fn any_value(depth: u32) -> BoxedStrategy<String> {
    let scalar = prop_oneof![number(), text(), select(vec!["null", "true", "false"]).prop_map(str::to_owned)].boxed();
    match depth {
        0 => scalar,
        _ => prop_oneof![4 => scalar, 1 => array(any_value(depth - 1)), 1 => object(depth - 1)].boxed(),
    }
}
