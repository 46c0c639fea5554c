//! How many bytes of event lines pass each part of the reader per second on one core:
//! `cargo bench --features internals --bench reading`.

use std::sync::LazyLock;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use tidemill::generate::{Atlas, Generator, Settings};
use tidemill::ndjson::internals::{Bitmaps, decode, frame, validate};

fn main() {
    divan::main();
}

const EVENTS: usize = 40_000;

/// What the decoder's sample has: some blocks.
const SAMPLE_BYTES: usize = 2 << 20;

/// Generated visits: more than a second-level cache holds, and less than the last one.
static VISITS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let settings = Settings { seed: 1, ..Settings::default() };
    let mut generator = Generator::try_new(&settings, &Atlas::Cities).expect("the settings are valid");
    let mut lines = Vec::new();
    for _ in 0..EVENTS {
        generator.next_line(1_709_251_200_000, &mut lines).expect("the instant is in range");
    }
    lines
});

/// Lines of three kinds that interleave, with objects in objects, escapes and text that is not ASCII.
static NESTED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let kinds = [
        r#"{"did":"did:plc:3lervp4xmfje4qlzn5xhap7j","time_us":1725911162329308,"kind":"commit","commit":{"rev":"3l6utio7vpyuz","operation":"create","record":{"$type":"app.post","text":"caf\u00e9 \"au lait\" ☕","langs":["en","fr"]}}}"#,
        r#"{"did":"did:plc:r3rdwvkyy2l6nf7nxwezne3n","time_us":1725911162329345,"kind":"account","account":{"active":false,"seq":1409753013,"time":"2024-09-09T19:46:42.767Z"}}"#,
        r#"{"did":"did:plc:xkpu3lawpbxmpxls5uioas5s","time_us":1725911162329382,"kind":"identity","identity":{"handle":"tide.example","seq":1409753015}}"#,
    ];
    (0..EVENTS).flat_map(|line| [kinds[line * 7 / 3 % 3].as_bytes(), b"\n"].concat()).collect()
});

/// Lines with long keys, and many values that are null or empty.
static SPARSE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let values = |line: usize| {
        let agent = ["null", r#""Mozilla/5.0 (X11; Linux x86_64)""#, r#""""#][line * 7 / 3 % 3];
        let size = ["null", "1024", "null", "73"][line * 5 / 2 % 4];
        format!(
            r#"{{"request.headers.user-agent.original":{agent},"response.body.size_in_bytes_on_the_wire":{size},"error":null}}"#
        )
    };
    (0..EVENTS).flat_map(|line| [values(line).as_bytes(), b"\n"].concat()).collect()
});

fn bytes(bencher: Bencher, text: &[u8], work: impl FnMut()) {
    bencher.counter(BytesCount::new(text.len())).bench_local(work);
}

#[divan::bench]
fn framer(bencher: Bencher) {
    bytes(bencher, &VISITS, || _ = black_box(frame(&VISITS)));
}

#[divan::bench]
fn bitmaps(bencher: Bencher) {
    let mut bitmaps = Bitmaps::default();
    bytes(bencher, &VISITS, || bitmaps.make(black_box(&VISITS)));
}

/// Framer, bitmaps, UTF-8 and the whole grammar.
#[divan::bench]
fn validator(bencher: Bencher) {
    bytes(bencher, &VISITS, || assert_eq!(validate(&VISITS), EVENTS));
}

#[divan::bench]
fn validator_of_nested(bencher: Bencher) {
    bytes(bencher, &NESTED, || assert_eq!(validate(&NESTED), EVENTS));
}

#[divan::bench]
fn validator_of_sparse(bencher: Bencher) {
    bytes(bencher, &SPARSE, || assert_eq!(validate(&SPARSE), EVENTS));
}

/// The same, and some columns.
#[divan::bench(args = [&["opted_into_marketing"][..], &["ip", "id", "lat", "lng", "age_bracket"], &["user_agent"]])]
fn decoder(bencher: Bencher, names: &[&str]) {
    let sample =
        SAMPLE_BYTES + VISITS[SAMPLE_BYTES..].iter().position(|byte| *byte == b'\n').expect("it has lines") + 1;
    bytes(bencher, &VISITS, || _ = black_box(decode(&VISITS, sample, names)));
}
