//! Fake visits to a web site, one JSON object per line, from a seed.
//!
//! It turns numbers into bytes and knows nothing of files, clocks or terminals: whoever calls says at which instant
//! an event happens and keeps the lines. The same [`Settings`], [`Atlas`] and instants give the same bytes.
//!
//! ```
//! use tidemill::generate::{Atlas, Generator, Settings};
//!
//! let mut generator = Generator::try_new(&Settings { seed: 1, ..Settings::default() }, &Atlas::Cities)?;
//! let mut lines = Vec::new();
//! generator.next_line(1_709_251_200_000, &mut lines)?;
//! assert!(lines.ends_with(b",\"event_datetime\":\"2024-03-01T00:00:00.000\",\"event_ts\":1709251200000}\n"));
//! # Ok::<(), tidemill::error::Error>(())
//! ```

mod atlas;
mod cities;
mod damage;
mod dice;
mod drift;
mod instant;
mod line;
mod user;

use std::time::Duration;

pub use atlas::{Atlas, Coordinates, GeoDb};
pub use dice::Rate;

use crate::error::{Error, Result};
use dice::{Dice, Stream};

/// Most users of one run. Each is held as about 300 bytes of JSON, so this is some 300 MB.
pub const MAX_USERS: u32 = 1_000_000;

/// How far back a late event lies, at most.
const MAX_LATENESS_MS: u64 = 3_600_000;

/// What shapes the events of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Everything random comes from this.
    pub seed: u64,
    /// How many visitors there are, 1 to [`MAX_USERS`].
    pub num_users: u32,
    /// Event time lies up to this long after the instant given for the event; whole milliseconds count.
    pub max_lag: Duration,
    /// What goes wrong, and how often.
    pub dials: Dials,
}

/// How often something goes wrong with a line; all off by default.
///
/// A line is first considered for repetition, and only if it is not a repetition for the others. A line that is
/// damaged does not drift too. What the dials draw comes from a stream of its own: they change lines, but never
/// which events lie behind those that are left.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Dials {
    /// The line is none that a strict reader accepts.
    pub malformed: Rate,
    /// The line repeats the one before it, byte for byte.
    pub duplicate: Rate,
    /// The event time lies up to an hour back.
    pub late: Rate,
    /// The line has one key more, or one value of another type.
    pub drift: Rate,
}

impl Default for Settings {
    fn default() -> Self {
        Self { seed: 0, num_users: 50, max_lag: Duration::ZERO, dials: Dials::default() }
    }
}

/// An endless sequence of lines.
pub struct Generator {
    users: Vec<user::User>,
    max_lag_ms: i64,
    dials: Dials,
    events: Dice,
    faults: Dice,
    /// The line given last, with its newline; empty before the first.
    line: Vec<u8>,
}

impl Generator {
    /// Draws the users and finds each one's coordinates.
    ///
    /// **Errors**: [`Error::Request`] if the number of users is out of its range, [`Error::Input`] if the geographic
    /// database is broken.
    pub fn try_new(settings: &Settings, atlas: &Atlas) -> Result<Self> {
        let num_users = settings.num_users;
        if !(1..=MAX_USERS).contains(&num_users) {
            return Err(Error::request(format!("{num_users} users are asked for; it takes 1 to {MAX_USERS}")));
        }
        let mut dice = Dice::new(settings.seed, Stream::Users);
        let users = (0..num_users).map(|_| user::User::draw(&mut dice, atlas)).collect::<Result<_>>()?;
        Ok(Self {
            users,
            max_lag_ms: i64::try_from(settings.max_lag.as_millis()).unwrap_or(i64::MAX),
            dials: settings.dials,
            events: Dice::new(settings.seed, Stream::Events),
            faults: Dice::new(settings.seed, Stream::Faults),
            line: Vec::new(),
        })
    }

    /// How many users have coordinates.
    pub fn num_located_users(&self) -> usize {
        self.users.iter().filter(|user| user.located).count()
    }

    /// Appends one line and its newline to `out`. The event happens up to the maximum lag after `base_ms`.
    ///
    /// **Units**: epoch milliseconds, UTC. **Errors**: those of [`Generator::check_range`]; nothing is appended then.
    pub fn next_line(&mut self, base_ms: i64, out: &mut Vec<u8>) -> Result<()> {
        self.check_range(base_ms)?;
        let repeated = !self.line.is_empty() && self.faults.hits(self.dials.duplicate);
        if !repeated {
            self.draw_line(base_ms);
        }
        out.extend_from_slice(&self.line);
        Ok(())
    }

    /// Whether [`Generator::next_line`] takes `base_ms`, whatever it draws: the question before a file is created.
    ///
    /// **Errors**: [`Error::Request`] if event times could leave the years 1 to 9999.
    pub fn check_range(&self, base_ms: i64) -> Result<()> {
        let earliest = base_ms.saturating_sub(MAX_LATENESS_MS.cast_signed());
        let latest = base_ms.saturating_add(self.max_lag_ms);
        if instant::RANGE_MS.contains(&earliest) && instant::RANGE_MS.contains(&latest) {
            return Ok(());
        }
        Err(Error::request("event times would leave the years 1 to 9999")
            .with_hint("choose an earlier or later start, or a smaller lag or delay"))
    }

    fn draw_line(&mut self, base_ms: i64) {
        self.line.clear();
        let event = line::Event::draw(&mut self.events, &self.users, self.max_lag_ms);
        let lateness_ms = match self.faults.hits(self.dials.late) {
            true => 1 + self.faults.below(MAX_LATENESS_MS).cast_signed(),
            false => 0,
        };
        event.render(base_ms + event.lag_ms - lateness_ms, &mut self.line);
        if self.faults.hits(self.dials.malformed) {
            damage::apply(&mut self.line, &mut self.faults);
        } else if self.faults.hits(self.dials.drift) {
            drift::apply(&mut self.line, &mut self.faults);
        }
        self.line.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    const BASE_MS: i64 = 1_709_251_200_000;

    fn rate(value: f64) -> Rate {
        Rate::try_new(value).unwrap()
    }

    fn lines(settings: &Settings, count: usize) -> Vec<Vec<u8>> {
        let mut generator = Generator::try_new(settings, &Atlas::Cities).unwrap();
        let mut out = Vec::new();
        for _ in 0..count {
            generator.next_line(BASE_MS, &mut out).unwrap();
        }
        assert_eq!(out.pop(), Some(b'\n'));
        out.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
    }

    fn with_dials(dials: Dials) -> Settings {
        Settings { seed: 7, num_users: 20, dials, ..Settings::default() }
    }

    fn is_event_shaped(line: &[u8]) -> bool {
        let Ok(Value::Object(event)) = serde_json::from_slice(line) else { return false };
        event.keys().eq(line::KEYS)
            && ["ip", "id", "user_agent", "age_bracket", "http_request", "event_datetime"]
                .iter()
                .all(|key| event[*key].is_string())
            && (event["lat"].is_f64() && event["lng"].is_f64() || event["lat"] == "" && event["lng"] == "")
            && event["id"].as_str().unwrap().parse::<i64>().is_ok()
            && event["opted_into_marketing"].is_boolean()
            && event["http_response"] == 200
            && (100..500).contains(&event["file_size_bytes"].as_i64().unwrap_or(0))
            && event["event_ts"].is_i64()
    }

    #[test]
    fn events_have_their_keys_in_order_and_their_types() {
        let settings = Settings { seed: 3, num_users: 300, max_lag: Duration::from_secs(60), ..Settings::default() };
        for line in lines(&settings, 3_000) {
            assert!(is_event_shaped(&line), "{}", String::from_utf8_lossy(&line));
        }
    }

    #[test]
    fn both_time_columns_are_the_same_instant_within_the_lag() {
        let settings = Settings { seed: 3, max_lag: Duration::from_millis(1_500), ..Settings::default() };
        let mut seen = std::collections::BTreeSet::new();
        for line in lines(&settings, 20_000) {
            let event: Value = serde_json::from_slice(&line).unwrap();
            let instant = event["event_datetime"].as_str().unwrap().parse::<chrono::NaiveDateTime>().unwrap();
            let millis = event["event_ts"].as_i64().unwrap();
            assert_eq!(instant.and_utc().timestamp_millis(), millis);
            seen.insert(millis - BASE_MS);
        }
        assert_eq!((seen.first(), seen.last()), (Some(&0), Some(&1_500)), "both ends are reached");
    }

    #[test]
    fn dials_do_not_change_the_events_behind_them() {
        let clean = lines(&with_dials(Dials::default()), 1_000);
        let some = rate(0.2);
        let mut dialled = lines(&with_dials(Dials { duplicate: some, malformed: some, ..Dials::default() }), 1_000);
        dialled.dedup();
        assert!(dialled.len() < 900, "a fifth repeats: {}", dialled.len());
        let kept = dialled.iter().zip(&clean).filter(|(a, b)| a == b).count();
        assert!(kept * 10 > dialled.len() * 7, "four fifths are whole: {kept} of {}", dialled.len());
    }

    #[test]
    fn a_full_dial_reaches_every_line() {
        let all = rate(1.0);
        for line in lines(&with_dials(Dials { malformed: all, drift: all, ..Dials::default() }), 2_000) {
            let read: Result<serde_json::Map<_, _>, _> = serde_json::from_slice(&line);
            assert!(read.is_err(), "accepted: {}", String::from_utf8_lossy(&line));
            assert!(line.iter().any(|byte| !byte.is_ascii_whitespace()));
        }
        for line in lines(&with_dials(Dials { drift: all, ..Dials::default() }), 2_000) {
            let read: serde_json::Map<_, _> = serde_json::from_slice(&line).unwrap();
            assert!(read.len() >= 12 && !is_event_shaped(&line), "{}", String::from_utf8_lossy(&line));
        }
        let repeated = lines(&with_dials(Dials { duplicate: all, ..Dials::default() }), 100);
        assert!(repeated.iter().all(|line| *line == repeated[0]));
        for line in lines(&with_dials(Dials { late: all, ..Dials::default() }), 1_000) {
            let event: Value = serde_json::from_slice(&line).unwrap();
            assert!((BASE_MS - 3_600_000..BASE_MS).contains(&event["event_ts"].as_i64().unwrap()));
        }
    }

    #[test]
    fn a_rate_is_the_share_of_lines() {
        let dials = Dials { malformed: rate(0.01), ..Dials::default() };
        let bad = lines(&with_dials(dials), 50_000).iter().filter(|line| !is_event_shaped(line)).count();
        assert!((400..600).contains(&bad), "{bad} of 50000 at a rate of 0.01");
    }

    #[test]
    fn impossible_requests_are_refused() {
        let refuse = |settings: &Settings, base_ms| {
            let mut out = Vec::new();
            let line = Generator::try_new(settings, &Atlas::Cities).and_then(|mut g| g.next_line(base_ms, &mut out));
            assert!(out.is_empty());
            assert_eq!(line.unwrap_err().exit_code(), 2);
        };
        refuse(&Settings { num_users: 0, ..Settings::default() }, BASE_MS);
        refuse(&Settings { num_users: MAX_USERS + 1, ..Settings::default() }, BASE_MS);
        refuse(&Settings { max_lag: Duration::MAX, ..Settings::default() }, BASE_MS);
        for base_ms in [i64::MIN, i64::MAX, *instant::RANGE_MS.start(), *instant::RANGE_MS.end() + 1] {
            refuse(&Settings::default(), base_ms);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_same_seed_gives_the_same_bytes(
            seed: u64, num_users in 1..100u32, lag_ms in 0..100_000u64, rates in proptest::array::uniform4(0.0..1.0),
        ) {
            let [malformed, duplicate, late, drift] = rates.map(rate);
            let dials = Dials { malformed, duplicate, late, drift };
            let settings = Settings { seed, num_users, max_lag: Duration::from_millis(lag_ms), dials };
            prop_assert_eq!(lines(&settings, 200), lines(&settings, 200));
            let other = Settings { seed: seed.wrapping_add(1), ..settings.clone() };
            prop_assert_ne!(lines(&settings, 200), lines(&other, 200));
        }
    }
}
