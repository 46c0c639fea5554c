//! How much data passes per second on one core: `cargo bench`.

mod writers;

fn main() {
    divan::main();
}

mod generate {
    use divan::Bencher;
    use divan::counter::{BytesCount, ItemsCount};
    use tidemill::generate::{Atlas, Dials, Generator, Rate, Settings};

    const EVENTS_PER_WRITE: u64 = 512;

    fn events(bencher: Bencher, dials: Dials) {
        let settings =
            Settings { seed: 1, max_lag: std::time::Duration::from_secs(86_400), dials, ..Settings::default() };
        let mut generator = Generator::try_new(&settings, &Atlas::Cities).expect("the settings are valid");
        let mut lines = Vec::new();
        let mut write = move || {
            lines.clear();
            for _ in 0..EVENTS_PER_WRITE {
                generator.next_line(1_709_251_200_000, &mut lines).expect("the instant is in range");
            }
            lines.len()
        };
        let bytes_per_write = (0..100).map(|_| write()).sum::<usize>() / 100;
        bencher.counter(BytesCount::new(bytes_per_write)).counter(ItemsCount::new(EVENTS_PER_WRITE)).bench_local(write);
    }

    #[divan::bench]
    fn clean(bencher: Bencher) {
        events(bencher, Dials::default());
    }

    /// One line in a hundred goes wrong in each way.
    #[divan::bench]
    fn with_faults(bencher: Bencher) {
        let rate = Rate::try_new(0.01).expect("a rate lies from 0 to 1");
        events(bencher, Dials { malformed: rate, duplicate: rate, late: rate, drift: rate });
    }
}
