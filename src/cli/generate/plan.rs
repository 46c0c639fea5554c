//! What the arguments of `tidemill generate` mean, checked before anything is created.
//!
//! It writes nothing; it reads the geographic database if one is named.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use uuid::Uuid;

use super::{Args, Source};
use crate::clock;
use crate::error::{Error, Result};
use crate::generate::{Atlas, Dials, Generator, GeoDb, Settings};

pub(super) struct Plan {
    pub(super) settings: Settings,
    pub(super) atlas: Atlas,
    pub(super) instants: Instants,
    pub(super) target: Target,
    /// `None` is endless.
    pub(super) num_events: Option<u64>,
    /// The pause after each write.
    pub(super) delay: Duration,
    pub(super) events_per_write: u64,
    /// Nobody chose the seed, so the report tells it.
    pub(super) seed_is_drawn: bool,
}

pub(super) enum Target {
    Stdout,
    File(PathBuf),
    /// A new file in the project's `inputs/`.
    Inputs,
}

/// The instants of the events, before their lag.
pub(super) enum Instants {
    /// One for all.
    Fixed(i64),
    /// The first one, and the step from each to the next.
    Paced { start_ms: i64, step: Duration },
    /// When it is written.
    Clock,
}

/// Events between two looks at the signals, some 200 KB: large enough for the disk, and less than a millisecond.
const EVENTS_PER_BATCH: u64 = 512;

impl Plan {
    pub(super) fn try_new(args: &Args) -> Result<Self> {
        let is_batch = args.source == Source::Batch;
        if is_batch && args.delay.is_some() {
            return Err(Error::request("`--delay-seconds` is for streams, and a batch has no pauses")
                .with_hint("add `--source streaming`"));
        }
        let delay = args.delay.unwrap_or_default();
        let dials = Dials {
            malformed: args.malformed_rate,
            duplicate: args.duplicate_rate,
            late: args.late_rate,
            drift: args.drift_rate,
        };
        let seed = args.seed.unwrap_or_else(draw_seed);
        Ok(Self {
            settings: Settings { seed, num_users: args.num_users, max_lag: args.max_lag, dials },
            atlas: args.geo_db.as_deref().map_or(Ok(Atlas::Cities), open_database)?,
            instants: match (args.start, is_batch) {
                (start, true) => Instants::Fixed(start.unwrap_or_else(clock::now).timestamp_millis()),
                (Some(start), false) => Instants::Paced { start_ms: start.timestamp_millis(), step: delay },
                (None, false) => Instants::Clock,
            },
            target: match &args.output {
                Some(path) if path == Path::new("-") => Target::Stdout,
                Some(path) => Target::File(path.clone()),
                None if is_batch => Target::Inputs,
                None => Target::Stdout,
            },
            num_events: args.num_events,
            delay,
            events_per_write: if is_batch { EVENTS_PER_BATCH } else { 1 },
            seed_is_drawn: args.seed.is_none(),
        })
    }

    /// **Errors**: [`Error::Request`] if the first or the last event cannot be dated.
    pub(super) fn check_instants(&self, generator: &Generator) -> Result<()> {
        let last = self.num_events.unwrap_or(0).saturating_sub(1);
        generator.check_range(self.instants.base_ms(0))?;
        generator.check_range(self.instants.base_ms(last))
    }
}

impl Instants {
    /// Epoch milliseconds of event `number`, counted from 0.
    pub(super) fn base_ms(&self, number: u64) -> i64 {
        match self {
            Self::Fixed(instant_ms) => *instant_ms,
            Self::Paced { start_ms, step } => {
                let passed_ms = u128::from(number).saturating_mul(step.as_nanos()) / 1_000_000;
                start_ms.saturating_add(i64::try_from(passed_ms).unwrap_or(i64::MAX))
            }
            Self::Clock => clock::now().timestamp_millis(),
        }
    }
}

fn draw_seed() -> u64 {
    let (high, low) = Uuid::new_v4().as_u64_pair();
    high ^ low
}

fn open_database(path: &Path) -> Result<Atlas> {
    let bytes = std::fs::read(path).map_err(|source| Error::unreadable(path, source))?;
    GeoDb::try_new(path.display().to_string(), bytes).map(Atlas::Database)
}

/// Seconds with any fraction, zero or more.
pub(super) fn parse_seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.trim().parse().unwrap_or(f64::NAN);
    Duration::try_from_secs_f64(seconds).map_err(|_| "it takes a number of seconds, zero or more")
}

/// RFC 3339, or ISO 8601 without zone, which is UTC, or a date, which is its midnight.
pub(super) fn parse_instant(text: &str) -> Result<DateTime<Utc>, &'static str> {
    const LOCAL_FORMS: [&str; 4] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let text = text.trim();
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Ok(instant.to_utc());
    }
    if let Some(instant) = LOCAL_FORMS.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()) {
        return Ok(instant.and_utc());
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .map(|date| date.and_time(NaiveTime::MIN).and_utc())
        .map_err(|_| "it takes an instant as 2024-03-01T05:51:22Z, 2024-03-01T05:51 or 2024-03-01")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Typed {
        #[command(flatten)]
        args: Args,
    }

    fn plan(typed: &str) -> Result<Plan, String> {
        let words = std::iter::once("generate").chain(typed.split_whitespace());
        let typed = <Typed as clap::Parser>::try_parse_from(words).map_err(|error| error.to_string())?;
        Plan::try_new(&typed.args).map_err(|error| error.chain())
    }

    #[test]
    fn instants_come_in_several_forms() {
        let check =
            |text, ms: Option<i64>| assert_eq!(parse_instant(text).ok().map(|i| i.timestamp_millis()), ms, "{text}");
        check("2024-03-01T05:51:22.083Z", Some(1_709_272_282_083));
        check("2024-03-01T06:51:22.083+01:00", Some(1_709_272_282_083));
        check("2024-03-01 05:51:22.083", Some(1_709_272_282_083));
        check("2024-03-01T05:51:22", Some(1_709_272_282_000));
        check("2024-03-01T05:51", Some(1_709_272_260_000));
        check("2024-03-01", Some(1_709_251_200_000));
        check("1969-12-31", Some(-86_400_000));
        check("2024-02-30", None);
        check("01.03.2024", None);
        check("now", None);
        check("", None);
    }

    #[test]
    fn seconds_are_not_negative() {
        let check = |text, seconds: Option<f64>| {
            assert_eq!(parse_seconds(text).ok().map(|s| s.as_secs_f64()), seconds, "{text}")
        };
        check("0", Some(0.0));
        check("0.25", Some(0.25));
        check("86400", Some(86_400.0));
        check("-1", None);
        check("1e300", None);
        check("NaN", None);
        check("1h", None);
    }

    #[test]
    fn underscores_and_hyphens_are_the_same() {
        for typed in [
            "-u 7 -e 9 -l 2",
            "--num-users 7 --num-events 9 --max-lag-seconds 2",
            "--num_users 7 --num_events 9 --max_lag_seconds 2",
        ] {
            let plan = plan(typed).unwrap();
            assert_eq!((plan.settings.num_users, plan.num_events), (7, Some(9)));
            assert_eq!(plan.settings.max_lag, Duration::from_secs(2));
        }
        let dials =
            plan("--malformed_rate 0.1 --duplicate_rate 0.2 --late_rate 0.3 --drift_rate 0.4").unwrap().settings.dials;
        assert_eq!(
            dials,
            plan("--malformed-rate 0.1 --duplicate-rate 0.2 --late-rate 0.3 --drift-rate 0.4").unwrap().settings.dials
        );
        assert_eq!(plan("-s streaming --delay_seconds 0.5").unwrap().delay, Duration::from_millis(500));
    }

    #[test]
    fn defaults_are_an_endless_batch_into_inputs() {
        let plan = plan("").unwrap();
        assert_eq!((plan.settings.num_users, plan.settings.max_lag, plan.num_events), (50, Duration::ZERO, None));
        assert!(matches!((plan.target, plan.instants), (Target::Inputs, Instants::Fixed(_))));
    }

    #[test]
    fn a_stream_goes_to_standard_output_and_is_dated_by_the_clock_or_by_its_delay() {
        assert!(matches!(plan("-s streaming").unwrap().target, Target::Stdout));
        assert!(matches!(plan("-s streaming -o a.out").unwrap().target, Target::File(_)));
        assert!(matches!(plan("-o -").unwrap().target, Target::Stdout));
        assert!(matches!(plan("-s streaming -d 1").unwrap().instants, Instants::Clock));
        let paced = plan("-s streaming -d 0.0005 --start 1970-01-01").unwrap().instants;
        assert_eq!((paced.base_ms(0), paced.base_ms(3), paced.base_ms(10)), (0, 1, 5));
    }

    #[test]
    fn wrong_values_are_explained() {
        let check = |typed: &str, part: &str| {
            let message = plan(typed).err().unwrap_or_else(|| panic!("`{typed}` is taken"));
            assert!(message.contains(part), "{typed}: {message}");
        };
        check("-d 1", "`--delay-seconds` is for streams");
        check("--malformed-rate 1.5", "a rate is a number from 0 (never) to 1 (always)");
        check("--drift-rate -0.1", "a rate is a number from 0 (never) to 1 (always)");
        check("-l -5", "it takes a number of seconds, zero or more");
        check("--start tomorrow", "it takes an instant as");
        check("-u -1", "invalid value '-1'");
        check("-s kafka", "[possible values: batch, streaming]");
        check("--geo-db no/such.mmdb", "cannot read `no/such.mmdb`: ");
        check("--geo-db Cargo.toml", "`Cargo.toml` is not a geographic database");
    }

    #[test]
    fn instants_that_cannot_be_dated_are_refused_before_anything_is_written() {
        let check = |typed, valid| {
            let plan = plan(typed).unwrap();
            let generator = Generator::try_new(&plan.settings, &plan.atlas).unwrap();
            assert_eq!(plan.check_instants(&generator).is_ok(), valid, "{typed}");
        };
        check("--start 9999-12-31 -l 86399", true);
        check("--start 9999-12-31 -l 86400", false);
        check("--start 0001-01-01", false);
        check("-l 1e18", false);
        check("-s streaming --start 2024-03-01 -d 1e9 -e 2", true);
        check("-s streaming --start 2024-03-01 -d 1e9 -e 18446744073709551615", false);
        check("--start 2024-03-01 -e 0", true);
    }
}
