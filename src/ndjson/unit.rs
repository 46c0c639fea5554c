//! One range of one file, gone through: its lines framed, accepted or rejected, and what they hold observed.
//!
//! Surveys, scans and the table of rejects all read by it, so they cannot differ. Most lines go along the turns that
//! were learned of lines before (`shape`); the others go to the careful reader (`careful`), whose word is final. It
//! knows nothing of threads, columns or the engine.

#[cfg(any(test, feature = "internals"))]
pub(super) mod testing;

use std::io::Read;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::careful::{Careful, Found, Kept};
use super::flight::{Flight, Lines};
use super::framing::{Block, Blocks, TAIL_BYTES};
use super::listing::InputFile;
use super::marks::Marks;
use super::rows::{Rows, Wanted, most_bytes};
use super::shape::Text;
use super::{Settings, input};
use crate::error::{Error, Result};

/// Values of rows that are held at once, whatever the block: rows of many columns are handed on sooner.
const HELD_SPANS: usize = 1 << 20;

/// The parts that read lines, with what they have learned; used for one range after another.
pub(crate) struct Worker {
    careful: Careful,
    marks: Marks,
    flight: Flight,
    rows: Rows,
    /// Stands in for a block in which some lines are no UTF-8.
    mended: Vec<u8>,
    /// Room for blocks.
    buffer: Vec<u8>,
}

impl Worker {
    /// For lines by `settings`, of which the values of `wanted` are wanted, and the rejects if `keeps_rejects`.
    pub(crate) fn new(settings: &Arc<Settings>, wanted: Wanted, keeps_rejects: bool) -> Self {
        let rows = Rows::new(wanted.width());
        let flight = Flight::new(most_bytes(wanted.element_leaves()));
        let careful = Careful::new(settings, wanted, keeps_rejects);
        let (mended, buffer) = (Vec::new(), Vec::new());
        Self { careful, marks: Marks::default(), flight, rows, mended, buffer }
    }
}

/// Some rows of a block.
pub(crate) struct Gathered<'a> {
    /// Of the block's first byte.
    pub(crate) offset: u64,
    /// The block; of its lines, those are blanked out that are no UTF-8.
    pub(crate) text: &'a str,
    pub(crate) rows: &'a Rows,
    /// Length of the lines that these rows were found in.
    pub(crate) bytes: usize,
}

/// A range on its way.
pub(crate) struct Unit<R> {
    worker: Worker,
    blocks: Blocks<R>,
    file: InputFile,
    /// Where in the block that was read last the next line starts; `None` if there is none.
    at: Option<usize>,
}

impl Unit<Box<dyn Read + Send>> {
    /// Opens a range of `file`, which is that number `index` of its source.
    ///
    /// **Errors**: those of [`input::open`].
    pub(crate) fn open(worker: Worker, file: &InputFile, index: u32, range: Range<u64>) -> Result<Self> {
        let first = Blocks::<std::io::Empty>::first_byte(&range);
        let reader = input::open(file, first..range.end.saturating_add(TAIL_BYTES))?;
        Ok(Self::new(worker, reader, file, index, range))
    }
}

impl<R: Read> Unit<R> {
    /// `reader` must yield the file's bytes from [`Blocks::first_byte`] of the range on.
    pub(crate) fn new(mut worker: Worker, reader: R, file: &InputFile, index: u32, range: Range<u64>) -> Self {
        worker.careful.start_range(file, index, &range);
        let buffer = std::mem::take(&mut worker.buffer);
        let blocks = Blocks::new(reader, range, worker.careful.settings.max_line_bytes, buffer);
        Self { worker, blocks, file: file.clone(), at: None }
    }

    /// Goes through some more lines, and gives the rows among them; `None` behind the last.
    ///
    /// **Errors**: those of the reader; `Input` for a file that is no JSON lines at all; `Data` where there are more keys
    /// than `max_columns`.
    pub(crate) fn next(&mut self) -> Result<Option<Gathered<'_>>> {
        let begins = self.at.is_none();
        if begins && !self.read_block()? {
            return Ok(None);
        }
        let begun = Instant::now();
        let (offset, bytes) = self.blocks.current();
        let Worker { careful, marks, flight, rows, mended, .. } = &mut self.worker;
        let ascii = if begins { marks.read(bytes) } else { None };
        let text = match ascii.map_or_else(|| simdutf8::basic::from_utf8(bytes), Ok) {
            Ok(text) => text,
            Err(_) => {
                let text = mend(bytes, mended)?;
                if begins {
                    marks.read(text.as_bytes());
                }
                text
            }
        };
        rows.clear();
        let lines = Lines { text: Text { bytes: text.as_bytes(), marks }, raw: bytes, offset };
        let at = self.at.unwrap_or_default();
        let mut next = at;
        let most = flight.most_bytes();
        while next < bytes.len() && rows.held() < HELD_SPANS && next - at < most && !careful.ended {
            next = flight.read(lines, next, careful, rows)?;
        }
        self.at = (next < bytes.len() && !careful.ended).then_some(next);
        if self.at.is_none() {
            careful.has_read(offset + bytes.len() as u64);
        }
        careful.found.parsing += begun.elapsed();
        Ok(Some(Gathered { offset, text, rows, bytes: next - at }))
    }

    /// What was rejected since the last call, for a worker that keeps it.
    pub(crate) fn take_rejects(&mut self) -> Vec<Kept> {
        std::mem::take(&mut self.worker.careful.rejects)
    }

    /// What was found so far.
    pub(crate) fn found(&self) -> &Found {
        &self.worker.careful.found
    }

    /// What the range holds, once its end was reached, and the worker.
    ///
    /// **Errors**: `Input`, if the file is no longer what was listed.
    pub(crate) fn finish(mut self) -> Result<(Worker, Found)> {
        input::check_unchanged(&self.file)?;
        let found = self.worker.careful.finish_range();
        self.worker.buffer = self.blocks.into_buffer();
        Ok((self.worker, found))
    }

    /// Reads the next block of lines. False behind the last.
    fn read_block(&mut self) -> Result<bool> {
        while !self.worker.careful.ended {
            let begun = Instant::now();
            let block = self.blocks.next().map_err(|error| input::failure(error, &self.file))?;
            self.worker.careful.found.reading += begun.elapsed();
            match block {
                None => break,
                Some(Block::Lines) => return Ok(true),
                Some(Block::TooLong(line)) => {
                    // It is no row, so it is put nowhere.
                    let Worker { careful, rows, .. } = &mut self.worker;
                    careful.line(&line, &[], 0, rows, 0)?;
                }
            }
        }
        Ok(false)
    }
}

/// The block with each line that is no UTF-8 made one of control bytes: no such line is ever predicted.
fn mend<'a>(bytes: &[u8], mended: &'a mut Vec<u8>) -> Result<&'a str> {
    mended.clear();
    mended.extend_from_slice(bytes);
    let mut from = 0;
    while let Err(error) = simdutf8::compat::from_utf8(&mended[from..]) {
        let fault = from + error.valid_up_to();
        let start = memchr::memrchr(b'\n', &mended[..fault]).map_or(0, |newline| newline + 1);
        let end = memchr::memchr(b'\n', &mended[fault..]).map_or(mended.len(), |length| fault + length);
        mended[start..end].fill(0x01);
        from = end;
    }
    simdutf8::basic::from_utf8(mended).map_err(|error| Error::internal("a mended block is no text").with_source(error))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::testing::{self, LONG, LONG_DOUBLE, read, read_carefully, worker};

    fn value() -> impl Strategy<Value = String> {
        let simple = prop_oneof![
            Just("null"),
            Just("true"),
            Just("false"),
            Just("0"),
            Just("-0"),
            Just("-7"),
            Just("12.5"),
            Just("1e3"),
            Just("1e400"),
            Just("9007199254740993"),
            Just("123456789012345678901"),
            Just("\"\""),
            Just("\"x\""),
            Just("\"1.5\""),
            Just("\"é\""),
            Just(r#""a\"\\\n""#),
            Just(r#""\ud83d\ude00""#),
            Just(r#""2024-03-01""#),
            Just("{}"),
            Just("[]"),
            Just("[1,\"\"]"),
            Just("[1, -2]"),
            Just("[\"x\",\"y\"]"),
            Just(r#"["x\"","\u00e9"]"#),
            Just("[true]"),
            Just("[[1]]"),
            Just("[{\"z\":1}]"),
            Just("[{\"z\":1},{\"z\":2,\"y\":\"\"},{\"y\":\"x\"},{}]"),
            Just("[{\"z\":1},{\"z\":1,\"z\":1}]"),
            Just("[{\"y\":[{\"z\":\"\"},{\"z\":[2,\"\"]}],\"z\":[[1,2],[],[\"\"]]},\"\",null]"),
            Just("[{\"z\":{\"y\":[[3]]}}, {\"z\":{\"y\":[[3], [4,5]], \"x\":1}}]"),
            Just("[[1,2],[3,4],[],[[1]]]"),
            Just("[{\"z\":1},[2],3]"),
            Just("[1,{\"z\":1}]"),
            Just("[{\"z\":1},]"),
            Just("[{\"z\":1}"),
            Just("[{\"t\":\"2024-03-01\"},{\"t\":null,\"x\":\"\"}]"),
            Just("[{\"t\":\"2024-03-01\"},{\"t\":\"x\"}]"),
            Just("{\"x\":1}"),
            Just("{\"p\":{\"y\":\"\"}}"),
            Just("{\"attributes.http.request.headers.user-agent\":\"x\"}"),
            Just("{\"x\":\"\",\"p\":{\"y\":2}}"),
            Just("{ \"x\" : 3 }"),
            // And what is none.
            Just("01"),
            Just("\"\\ud800\""),
            Just("[1,]"),
            Just("nul"),
            Just("\"\u{1}\""),
            Just("{\"x\":1,}"),
            Just("[[[[[[[1]]]]]]]"),
        ];
        simple.prop_map(str::to_owned)
    }

    const TIMES: [&str; 11] = [
        "\"2024-03-01T05:51:22.083\"",
        "\"2024-02-29T23:59:59.999\"",
        "\"2023-12-31T00:00:00Z\"",
        "\"2025-04-30T12:00:00.5\"",
        "\"2024-04-31T12:00:00.500\"",
        "\"2024-03-01 05:51\"",
        "\"2024-03-01T05:51:22.083Z\"",
        "\"2024-03-01T05:51:22.083+02:00\"",
        "\"2024-03-01T05:51:22.083000\"",
        "1709272282083",
        "null",
    ];

    const LISTS: [&str; 5] = [
        r#"[{"t":"2024-03-01","z":[1,2]},{"t":null,"z":[]},{"x":"","t":"2024-03-02"}]"#,
        r#"[{"t":"2024-03-01","z":[1,""]},{},null]"#,
        r#"[{"t":"2024-03-01"},{"t":"x"}]"#,
        r#"[{"z":[1,2]},{"z":[[1]]}]"#,
        "[]",
    ];

    /// Lines of few shapes: sets of keys, separators and ends that come again and again.
    fn line() -> impl Strategy<Value = Vec<u8>> {
        let keys = prop_oneof![
            4 => Just(vec!["a", "b", "c"]), 2 => Just(vec!["a", "o", "b"]), 2 => Just(vec!["o", "a"]),
            1 => Just(vec!["c", "a", "d"]), 2 => Just(vec!["a", "t", "b"]), 2 => Just(vec!["a", "e", "b"]),
            1 => Just(vec!["a", LONG, "b"]), 2 => Just(vec!["a", "l", "b"]), 2 => Just(vec!["a", "j", "b"]), 1 => Just(vec![LONG_DOUBLE, "o", LONG]),
            1 => Just(vec!["", "a"]), 1 => Just(vec!["a", "a"]), 1 => Just(vec!["o", "a", "o"]), 1 => Just(vec![]),
        ];
        let dressed = prop_oneof![5 => Just(("{", ",", ":", "}\n")), 1 => Just(("{ ", ", ", ": ", " }\r\n"))];
        (keys, proptest::collection::vec(value(), 3), dressed, any::<(u8, u8, u8)>()).prop_map(
            |(keys, values, (open, comma, colon, close), (kind, at, byte))| {
                let value = |key: &str, value: &String| match key {
                    "t" | "e" if kind < 230 => TIMES[at as usize % TIMES.len()].to_owned(),
                    "l" if kind < 230 => LISTS[at as usize % LISTS.len()].to_owned(),
                    _ => value.clone(),
                };
                let pair = |(key, any)| format!("\"{key}\"{colon}{}", value(key, any));
                let pairs: Vec<String> = keys.iter().copied().zip(&values).map(pair).collect();
                let mut line = format!("{open}{}{close}", pairs.join(comma)).into_bytes();
                let at = at as usize % line.len();
                match kind {
                    0..=7 => line[at] = byte,
                    8..=11 => line.truncate(at),
                    12 => line.splice(at..at, [b' '; 210]).for_each(drop),
                    13 => line = b" \t\n".to_vec(),
                    _ => {}
                }
                line
            },
        )
    }

    /// Lines with arrays of objects and arrays, some of whose values are `""` or of another kind.
    fn lines_of_arrays() -> impl Strategy<Value = Vec<u8>> {
        let leaf = prop_oneof![
            6 => Just("1"), 6 => Just("\"x\""), 2 => Just("\"\""), 2 => Just("null"), 1 => Just("{}"), 1 => Just("[]"), 1 => Just("[1,\"\"]"),
        ];
        let value = leaf.prop_map(str::to_owned).prop_recursive(4, 24, 4, |value| {
            let object = |keys: &'static [&'static str]| {
                proptest::collection::vec(value.clone(), keys.len()).prop_map(move |values| {
                    let pairs = keys.iter().zip(values).map(|(key, value)| format!("\"{key}\":{value}"));
                    format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
                })
            };
            let element = prop_oneof![
                4 => object(&["x"]), 4 => object(&["x", "y"]), 2 => object(&["y"]), 1 => object(&["y", "x"]), 1 => object(&["x", "x"]),
                2 => value.clone(),
            ];
            let array = |values: Vec<String>| format!("[{}]", values.join(","));
            prop_oneof![3 => proptest::collection::vec(element, 1..5).prop_map(array), 1 => object(&["x", "p"])]
        });
        let line = (value.clone(), prop_oneof![Just("c"), Just("j")], value)
            .prop_map(|(a, key, b)| format!("{{\"a\":{a},\"{key}\":{b}}}\n"));
        // Each line comes again and again, so that what was learned of it is followed.
        (proptest::collection::vec(line, 1..6), proptest::collection::vec(any::<proptest::sample::Index>(), 0..60))
            .prop_map(|(lines, order)| {
                order.iter().map(|index| index.get(&lines).as_str()).collect::<String>().into_bytes()
            })
    }

    /// Lines of one shape: most values of a key are of two kinds, and often one of them is `null` or `""`.
    fn lines_of_kinds() -> impl Strategy<Value = Vec<u8>> {
        const LINES: usize = 40;
        const KEYS: [&str; 6] = ["a", "b", "t", "e", LONG, LONG_DOUBLE];
        const VALUES: [&str; 11] = [
            "null",
            "\"\"",
            "1",
            "-2.5",
            "\"x\"",
            "\"1.5\"",
            "true",
            "nul",
            "{}",
            "\"2024-03-01T05:51:22.083\"",
            "1709272282083",
        ];
        let column = || {
            (0..VALUES.len(), prop_oneof![2 => 0..2_usize, 1 => 0..VALUES.len()]).prop_flat_map(|(one, other)| {
                let value = prop_oneof![6 => Just(VALUES[one]), 5 => Just(VALUES[other]), 1 => proptest::sample::select(&VALUES)];
                proptest::collection::vec(value, LINES)
            })
        };
        proptest::collection::vec(column(), KEYS.len()).prop_map(|columns| {
            let pairs =
                |row: usize| KEYS.iter().zip(&columns).map(move |(key, values)| format!("\"{key}\":{}", values[row]));
            let lines = (0..LINES).map(|row| format!("{{{}}}\n", pairs(row).collect::<Vec<_>>().join(",")));
            lines.collect::<String>().into_bytes()
        })
    }

    /// How many lines went as predicted, of a text that is read as the careful reader reads it.
    fn predicted(text: &str) -> u64 {
        let (told, _, predicted) = read(text.as_bytes(), worker());
        assert_eq!(told, read_carefully(text.as_bytes()));
        predicted
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn what_is_predicted_is_what_the_careful_reader_reads(lines in proptest::collection::vec(line(), 0..60)) {
            testing::check(&lines.concat());
        }

        #[test]
        fn values_of_some_kinds_are_what_the_careful_reader_reads(lines in lines_of_kinds()) {
            testing::check(&lines);
        }

        #[test]
        fn elements_of_arrays_are_what_the_careful_reader_reads(lines in lines_of_arrays()) {
            testing::check(&lines);
        }
    }

    /// Objects in arrays in objects.
    fn nested(lines: usize) -> String {
        let element = |number: usize| match number % 3 {
            0 => r#"{"x":1,"y":[{"z":"a"},{"z":""}]}"#,
            1 => r#"{"y":[],"p":{"q":[[1,2],[3]]}}"#,
            _ => r#"{"k":[{"x":1},{"x":2}],"r":[[[1,2],[3,4]],[[5,6],[7]]]}"#,
        };
        let line = |row: usize| {
            let elements: Vec<_> = (0..row % 5).map(element).collect();
            format!("{{\"a\":[{}],\"o\":{{\"x\":{row}}},\"b\":1.5}}\n", elements.join(","))
        };
        (0..lines).map(line).collect()
    }

    #[test]
    fn arrays_of_objects_are_predicted() {
        let predicted = predicted(&nested(400));
        assert!(predicted > 340, "{predicted}");
    }

    #[test]
    fn what_was_learned_is_enough_to_walk_by() {
        let text = nested(400);
        let (_, mut worker, _) = read(text.as_bytes(), worker());
        worker.careful.shapes.walk_always();
        let (told, _, predicted) = read(text.as_bytes(), worker);
        assert_eq!(told, read_carefully(text.as_bytes()));
        assert!(predicted > 385, "{predicted}");
    }

    #[test]
    fn keys_in_any_order_are_predicted() {
        let line = |row: usize| {
            let keys = (1..=8).map(|step| (row + step * (row % 37 + 1)) % 41);
            let name =
                |key: usize| if key.is_multiple_of(5) { format!("k.of.many.bytes.{key}") } else { format!("k{key}") };
            let pairs: Vec<_> = keys.map(|key| format!("\"{}\":{row}", name(key))).collect();
            format!("{{\"a\":{row},\"o\":{{{}}}}}\n", pairs.join(","))
        };
        let text: String = (0..4000).map(line).collect();
        let (told, worker, predicted) = read(text.as_bytes(), worker());
        assert_eq!(told, read_carefully(text.as_bytes()));
        assert!(predicted > 3500, "{predicted}");
        assert!(worker.careful.shapes.are_walked(), "no turns lead through");
    }

    #[test]
    fn elements_that_were_not_seen_are_left_to_the_careful_reader() {
        for other in ["[true]", "[]", "[null]", "[{\"x\":1}]", "[1]"] {
            for (unseen, rest) in [("[\"x\"]", 30), ("[-1.5]", 30), ("[[]]", 3)] {
                let lines = [other.to_owned()].into_iter().chain(std::iter::repeat_n("[]".to_owned(), 10));
                let lines = lines.chain([unseen.to_owned()]).chain(std::iter::repeat_n("[]".to_owned(), rest));
                let text: String = lines.map(|value| format!("{{\"a\":{value}}}\n")).collect();
                testing::check(text.as_bytes());
            }
        }
    }

    #[test]
    fn keys_that_come_and_go_have_an_order() {
        let line = |row: usize| {
            let pairs =
                (0..12).filter(|key| (row * 2654435761) >> (key + 8) & 1 == 0).map(|key| format!("\"k{key}\":{row}"));
            format!("{{{}}}\n", pairs.collect::<Vec<_>>().join(","))
        };
        let text: String = (0..4000).map(line).collect();
        let (told, worker, predicted) = read(text.as_bytes(), worker());
        assert_eq!(told, read_carefully(text.as_bytes()));
        assert!(predicted > 3500, "{predicted}");
        assert!(!worker.careful.shapes.are_walked(), "all lines are led together in the end");
    }

    #[test]
    fn lines_are_learned_again_after_many_that_taught_nothing() {
        let data =
            |row: usize| format!("{{\"a\":{{\"k{}\":1,\"k{}\":2}}}}\n", row * 7919 % 1009, 2000 + row * 31 % 997);
        let usual = |row: usize| {
            format!("{{\"a\":1,\"b\":{row},\"c\":[{{\"x\":\"\"}}],\"d\":null,\"{LONG}\":\"{}\"}}\n", "x".repeat(80))
        };
        let text: String = (0..3000).map(data).chain((0..100).map(usual)).collect();
        let (_, mut used, _) = read(text.as_bytes(), worker());
        // In many ranges, as large files are read.
        let text: String = (0..1000).map(usual).collect();
        let mut ranges = 0;
        assert!(used.careful.shapes.are_walked());
        while used.careful.shapes.are_walked() {
            let (told, worker, predicted) = read(text.as_bytes(), used);
            assert_eq!(told, read_carefully(text.as_bytes()));
            assert!(predicted > 900, "{predicted}");
            (used, ranges) = (worker, ranges + 1);
            assert!(ranges < 30, "lines are walked for ever");
        }
    }

    #[test]
    fn halves_of_a_surrogate_pair_in_two_lines_are_none() {
        for before in 0..70 {
            let plain = "x".repeat(before);
            for half in [r"\ud", r"\ud8", r"\ud83d"] {
                testing::check(format!("{{\"a\":\"{plain}{half}\n{{\"\\udc00\":1}}\n").as_bytes());
                testing::check(format!("{{\"a\":\"{plain}{half}\"\"\\udc00\":1}}\n").as_bytes());
            }
        }
    }

    #[test]
    fn numbers_with_an_exponent_are_predicted() {
        let text = "{\"a\":1.25,\"b\":3.1e-05}\n{\"a\":-7e3,\"b\":2}\n".repeat(20);
        let (told, _, predicted) = read(text.as_bytes(), worker());
        assert_eq!(told.rows.len(), 40);
        assert!(predicted >= 36, "{predicted}");
    }

    #[test]
    fn blanks_and_long_keys_are_predicted() {
        let line = |row: usize| {
            let value = |number: usize, usual| [usual, "null", "\"\"", usual][(row * 7 / 2 + number) % 4];
            format!(
                "{{\"a\":{},\"{LONG}\":{},\"{LONG_DOUBLE}\":{},\"o\":{{\"{LONG}\":null}}}}\n",
                value(0, "1"),
                value(1, "\"x\""),
                value(2, "-2.5")
            )
        };
        let text: String = (0..400).map(line).collect();
        let predicted = predicted(&text);
        assert!(predicted > 380, "{predicted}");
    }

    #[test]
    fn lines_like_those_before_are_predicted() {
        let text = r#"{"a":1,"o":{"x":"y","p":{"y":[1,2]}},"b":""}"#.to_owned() + "\n";
        let text = text.repeat(10) + &"{\"b\":2}\n".repeat(5);
        let (told, _, predicted) = read(text.as_bytes(), worker());
        assert_eq!((told.rows.len(), predicted), (15, 13));
        assert_eq!(told, read_carefully(text.as_bytes()));
    }
}
