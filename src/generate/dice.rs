//! Random numbers that are the same for the same seed on every machine and with every release.
//!
//! It scales ChaCha8's stream itself, because `rand` may change how its ranges are drawn. What is drawn is not
//! its concern.

use std::fmt;
use std::str::FromStr;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::error::{Error, Result};

/// How often something happens: from 0, never, to 1, always.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd)]
pub struct Rate(f64);

impl Rate {
    /// **Errors**: [`Error::Request`] if `value` is not a number from 0 to 1.
    pub fn try_new(value: f64) -> Result<Self> {
        match (0.0..=1.0).contains(&value) {
            true => Ok(Self(value)),
            false => Err(Error::request(format!("`{value}` is not a rate, a number from 0 (never) to 1 (always)"))),
        }
    }
}

impl FromStr for Rate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::try_new(text.trim().parse().unwrap_or(f64::NAN))
            .map_err(|_| Error::request("a rate is a number from 0 (never) to 1 (always)"))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Independent sequences from one seed: how much one of them draws does not shift the others.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stream {
    Users = 0,
    Events = 1,
    Faults = 2,
}

pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    pub(super) fn new(seed: u64, stream: Stream) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream as u64);
        Self(rng)
    }

    /// A number in `0..n`, and 0 if `n` is. The bias of the multiplication, `n` in 2^64, is far below what could be seen.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        let wide = u128::from(self.0.next_u64()) * u128::from(n);
        (wide >> 64) as u64
    }

    pub(super) fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }

    /// Draws nothing for a rate of 0, which is what most dials stand at.
    pub(super) fn hits(&mut self, rate: Rate) -> bool {
        /// The step between the fractions of 53 bits that a double holds.
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        rate.0 > 0.0 && ((self.0.next_u64() >> 11) as f64 * STEP) < rate.0
    }

    /// For what takes a generator of its own.
    pub(super) fn rng(&mut self) -> &mut ChaCha8Rng {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_below_their_bound_and_reach_it() {
        let mut dice = Dice::new(1, Stream::Events);
        let mut seen = [false; 7];
        for _ in 0..1_000 {
            seen[dice.index(7)] = true;
        }
        assert_eq!(seen, [true; 7]);
        assert_eq!(dice.below(0), 0);
        assert_eq!(dice.below(1), 0);
    }

    #[test]
    fn streams_of_one_seed_differ() {
        let draw = |stream| Dice::new(1, stream).below(u64::MAX);
        assert_ne!(draw(Stream::Users), draw(Stream::Events));
        assert_ne!(draw(Stream::Events), draw(Stream::Faults));
    }

    #[test]
    fn rates_are_numbers_from_0_to_1() {
        let check = |text: &str, valid| assert_eq!(text.parse::<Rate>().is_ok(), valid, "{text}");
        check("0", true);
        check("0.001", true);
        check("1e-3", true);
        check("1", true);
        check("1.01", false);
        check("-0.1", false);
        check("NaN", false);
        check("inf", false);
        check("1%", false);
        check("", false);
    }

    #[test]
    fn the_ends_of_a_rate_are_never_and_always() {
        let mut dice = Dice::new(1, Stream::Faults);
        assert!((0..10_000).all(|_| !dice.hits(Rate(0.0)) && dice.hits(Rate(1.0))));
    }
}
