//! Sessions of many keys: the intervals that events, each with its gap behind it, make together.
//!
//! Events come in any order. They are gathered, sorted, and merged into the sessions so far whenever there are as many of
//! them as of sessions, so each takes part in few mergers and memory grows with the sessions, not with the events.

/// Fewer events than these are not worth a merger.
const GATHERED: usize = 1 << 18;

/// How many events are looked up side by side: each search waits for memory at every step, and so they wait together.
const LANES: usize = 16;

/// An event: the number of its key, and its time.
type Event = (u32, i64);

/// A session: the number of its key, its first event, and its last.
type Session = (u32, i64, i64);

/// Sessions that grow.
#[derive(Debug)]
pub(super) struct Intervals {
    gap: i64,
    /// By key, then time; those of one key are a gap or more apart.
    sessions: Vec<Session>,
    gathered: Vec<Event>,
}

/// Sessions that are complete.
#[derive(Debug)]
pub(super) struct Complete {
    gap: i64,
    /// The first and the last event of each session, by key, then time.
    firsts: Vec<i64>,
    lasts: Vec<i64>,
    /// Where the sessions of each key begin; one more at the end.
    begins: Vec<usize>,
}

impl Intervals {
    /// Events less than `gap` apart are of one session.
    pub(super) fn new(gap: i64) -> Self {
        Self { gap, sessions: Vec::new(), gathered: Vec::new() }
    }

    pub(super) fn add(&mut self, key: u32, at: i64) {
        self.gathered.push((key, at));
        if self.gathered.len() >= GATHERED.max(self.sessions.len()) {
            self.merge();
        }
    }

    /// Memory taken, in bytes; also what a merger takes, which makes all sessions anew.
    pub(super) fn size(&self) -> usize {
        2 * self.sessions.capacity() * size_of::<Session>() + self.gathered.capacity() * size_of::<Event>()
    }

    /// All sessions of `keys` keys.
    pub(super) fn complete(mut self, keys: usize) -> Complete {
        self.merge();
        let mut begins = Vec::with_capacity(keys + 1);
        let mut at = 0;
        for key in 0..=keys {
            while self.sessions.get(at).is_some_and(|session| (session.0 as usize) < key) {
                at += 1;
            }
            begins.push(at);
        }
        let firsts = self.sessions.iter().map(|session| session.1).collect();
        let lasts = self.sessions.iter().map(|session| session.2).collect();
        Complete { gap: self.gap, firsts, lasts, begins }
    }

    fn merge(&mut self) {
        self.gathered.sort_unstable();
        let mut merged: Vec<Session> = Vec::with_capacity(self.sessions.len());
        let mut sessions = std::mem::take(&mut self.sessions).into_iter().peekable();
        let mut events = self.gathered.drain(..).map(|(key, at)| (key, at, at)).peekable();
        loop {
            let next = match (sessions.peek(), events.peek()) {
                (Some(session), Some(event)) if event < session => events.next(),
                (None, _) => events.next(),
                _ => sessions.next(),
            };
            let Some((key, first, last)) = next else { break };
            match merged.last_mut() {
                Some(before) if before.0 == key && is_within(before.2, self.gap, first) => {
                    before.2 = before.2.max(last)
                }
                _ => merged.push((key, first, last)),
            }
        }
        drop(events);
        self.sessions = merged;
    }
}

/// Whether an event, not before the first of a session whose last is at `last`, is of that session.
fn is_within(last: i64, gap: i64, at: i64) -> bool {
    at <= last || at.checked_sub(last).is_some_and(|since| since < gap)
}

impl Complete {
    /// The first and the last event of the sessions that events belong to: `of(keys[i], times[i])` is the `i`th. All of
    /// them were added.
    pub(super) fn of<'a>(&'a self, keys: &'a [u32], times: &'a [i64]) -> impl Iterator<Item = (i64, i64)> + 'a {
        let lanes = keys.chunks(LANES).zip(times.chunks(LANES));
        let found = lanes.flat_map(|(keys, times)| self.search(keys, times).into_iter().take(keys.len()));
        found.map(|session| (self.firsts[session], self.lasts[session]))
    }

    /// Where the sessions of at most `LANES` events are: the last of their key that begins at the event or before.
    fn search(&self, keys: &[u32], times: &[i64]) -> [usize; LANES] {
        let (mut begins, mut lengths) = ([0; LANES], [0; LANES]);
        for ((begin, length), key) in begins.iter_mut().zip(&mut lengths).zip(keys) {
            *begin = self.begins[*key as usize];
            *length = self.begins[*key as usize + 1] - *begin;
        }
        while lengths.iter().any(|length| *length > 1) {
            for ((begin, length), at) in begins.iter_mut().zip(&mut lengths).zip(times) {
                let half = *length / 2;
                let upper = *begin + half;
                *begin = if self.firsts[upper] <= *at { upper } else { *begin };
                *length -= half;
            }
        }
        begins
    }

    /// The end of a session, exclusive; `None` beyond what timestamps can hold.
    pub(super) fn end(&self, last: i64) -> Option<i64> {
        last.checked_add(self.gap)
    }

    /// Memory taken, in bytes.
    pub(super) fn size(&self) -> usize {
        (self.firsts.capacity() + self.lasts.capacity()) * size_of::<i64>()
            + self.begins.capacity() * size_of::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The sessions of all events, one merger for every `every` of them.
    fn sessions(events: &[Event], gap: i64, every: usize) -> Complete {
        let mut intervals = Intervals::new(gap);
        for (at, event) in events.iter().enumerate() {
            intervals.add(event.0, event.1);
            if at % every == 0 {
                intervals.merge();
            }
        }
        let keys = events.iter().map(|event| event.0 as usize + 1).max().unwrap_or(0);
        intervals.complete(keys)
    }

    fn all(found: &Complete) -> Vec<Session> {
        let keys = found.begins.windows(2).enumerate().flat_map(|(key, of)| vec![key as u32; of[1] - of[0]]);
        keys.zip(&found.firsts).zip(&found.lasts).map(|((key, first), last)| (key, *first, *last)).collect()
    }

    #[test]
    fn a_gap_ends_a_session() {
        let found = sessions(&[(0, 10), (0, 14), (0, 19), (1, 15), (0, 4)], 5, 100);
        assert_eq!(all(&found), [(0, 4, 4), (0, 10, 14), (0, 19, 19), (1, 15, 15)]);
        let of: Vec<_> = found.of(&[0, 0, 1], &[14, 19, 15]).collect();
        assert_eq!(of, [(10, 14), (19, 19), (15, 15)]);
    }

    #[test]
    fn a_late_event_joins_two_sessions() {
        let found = sessions(&[(0, 0), (0, 8), (0, 4), (0, 4)], 5, 1);
        assert_eq!(all(&found), [(0, 0, 8)]);
    }

    #[test]
    fn the_ends_of_time_are_far_apart() {
        let found = sessions(&[(0, i64::MIN), (0, i64::MAX)], i64::MAX, 1);
        assert_eq!(all(&found).len(), 2);
        assert_eq!(found.end(i64::MAX), None);
    }

    proptest! {
        /// Against the plainest way: all events of a key in order, one after the other.
        #[test]
        fn any_order_and_any_mergers_give_the_same(events in prop::collection::vec((0u32..4, -200i64..200), 0..200), gap in 1i64..30, every in 1usize..50) {
            let found = sessions(&events, gap, every);
            let mut sorted = events.clone();
            sorted.sort_unstable();
            let mut expected: Vec<Session> = Vec::new();
            for (key, at) in sorted {
                match expected.last_mut() {
                    Some((same, _, last)) if *same == key && at - *last < gap => *last = at,
                    _ => expected.push((key, at, at)),
                }
            }
            prop_assert_eq!(&all(&found), &expected);
            let (keys, times): (Vec<u32>, Vec<i64>) = events.into_iter().unzip();
            let of: Vec<_> = found.of(&keys, &times).collect();
            prop_assert_eq!(of.len(), keys.len());
            for ((key, at), (first, last)) in keys.into_iter().zip(times).zip(of) {
                prop_assert!(first <= at && at <= last && expected.contains(&(key, first, last)));
            }
        }
    }
}
