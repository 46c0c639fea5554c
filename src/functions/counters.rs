//! How often which value comes, in bounded memory: Space-Saving, with its evictions in batches.
//!
//! While there is room, every value has its counter, and counts are exact. When there is none, the counters of the less
//! frequent half go, and the largest count among them is remembered as the floor: a value without a counter has come no
//! more often. So one that comes anew begins there, and its count may be too large by the floor, never too small.
//!
//! It knows nothing of types: a value is bytes that compare as the values do.
//!
//! **Source**: Metwally et al., *Efficient computation of frequent and top-k elements in data streams*, ICDT 2005;
//! Anderson et al., *A high-performance algorithm for identifying frequent items in data streams*, IMC 2017 (batches);
//! Agarwal et al., *Mergeable summaries*, PODS 2012 (that both are one, and what merging keeps). The crate `topk` has the
//! same but for batches; its summaries cannot leave the thread they were made on without `serde`, and take their whole
//! memory at once, for each group.

use datafusion::common::HashMap;

/// How many values have a counter at most. A count is exact as long as no more different ones have come.
pub(super) const CAPACITY: usize = 2 * KEPT;

/// How many counters stay when there are too many. The floor is at most the number of all rows divided by this: each time
/// it grows, so many counters and one more lose as much of what they have counted above the floor.
pub(super) const KEPT: usize = 4096;

/// The counters of one group of rows.
#[derive(Debug, Default)]
pub(super) struct Counters {
    counts: HashMap<Box<[u8]>, i64>,
    /// No value without a counter has come more often.
    floor: i64,
    /// Of all values that have a counter.
    value_bytes: usize,
}

impl Counters {
    /// A value has come once more.
    pub(super) fn add(&mut self, value: &[u8]) {
        match self.counts.get_mut(value) {
            Some(count) => *count += 1,
            None => {
                if self.counts.len() >= CAPACITY {
                    self.shrink();
                }
                self.insert(value, self.floor + 1);
            }
        }
    }

    /// Takes over what another has counted: its values and their counts, and its floor.
    pub(super) fn merge<'a>(&mut self, others: impl Iterator<Item = (&'a [u8], i64)>, floor: i64) {
        let own_floor = self.floor;
        // There they may have come as often as this, unless they stand among the others.
        self.counts.values_mut().for_each(|count| *count += floor);
        for (value, count) in others {
            match self.counts.get_mut(value) {
                Some(own) => *own += count - floor,
                None => self.insert(value, own_floor + count),
            }
        }
        self.floor += floor;
        if self.counts.len() > CAPACITY {
            self.shrink();
        }
    }

    /// The `k` most frequent values with their counts, the most frequent first; of those that come equally often, the
    /// smallest first.
    pub(super) fn top(&self, k: usize) -> Vec<(&[u8], i64)> {
        let mut entries: Vec<(&[u8], i64)> = self.iter().collect();
        let order = |a: &(&[u8], i64), b: &(&[u8], i64)| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0));
        if entries.len() > k {
            entries.select_nth_unstable_by(k, order);
            entries.truncate(k);
        }
        entries.sort_unstable_by(order);
        entries
    }

    /// The values that have a counter, in no order, and their counts.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], i64)> {
        self.counts.iter().map(|(value, count)| (&**value, *count))
    }

    /// How many values have a counter.
    pub(super) fn len(&self) -> usize {
        self.counts.len()
    }

    /// Bytes of those values.
    pub(super) fn value_bytes(&self) -> usize {
        self.value_bytes
    }

    /// By how much a count may be too large.
    pub(super) fn floor(&self) -> i64 {
        self.floor
    }

    /// Bytes on the heap.
    pub(super) fn size(&self) -> usize {
        self.value_bytes + self.counts.capacity() * (size_of::<(Box<[u8]>, i64)>() + 1)
    }

    fn insert(&mut self, value: &[u8], count: i64) {
        self.value_bytes += value.len();
        self.counts.insert(value.into(), count);
    }

    /// Leaves the counters of the most frequent values.
    fn shrink(&mut self) {
        let mut entries: Vec<(Box<[u8]>, i64)> = self.counts.drain().collect();
        entries.select_nth_unstable_by(KEPT, |a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        self.floor = entries[KEPT].1;
        entries.truncate(KEPT);
        self.value_bytes = entries.iter().map(|(value, _)| value.len()).sum();
        self.counts.extend(entries);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn counted(values: &[u32]) -> Counters {
        let mut counters = Counters::default();
        values.iter().for_each(|value| counters.add(&value.to_be_bytes()));
        counters
    }

    fn exact(values: &[u32]) -> BTreeMap<u32, i64> {
        let mut exact = BTreeMap::new();
        values.iter().for_each(|value| *exact.entry(*value).or_insert(0) += 1);
        exact
    }

    /// No count is too small, none by more than the floor too large, and the floor is within its bound.
    fn check(counters: &Counters, values: &[u32]) {
        let exact = exact(values);
        assert!(counters.counts.len() <= CAPACITY);
        assert!(counters.floor <= i64::try_from(values.len() / KEPT).unwrap(), "{}", counters.floor);
        for (value, count) in counters.iter() {
            let number = u32::from_be_bytes(value.try_into().unwrap());
            let truth = exact[&number];
            assert!((truth..=truth + counters.floor).contains(&count), "{number}: {truth} is counted as {count}");
        }
        for (number, truth) in &exact {
            let is_counted = counters.counts.contains_key(&number.to_be_bytes()[..]);
            assert!(is_counted || *truth <= counters.floor, "{number} came {truth} times and is gone");
        }
        let bytes: usize = counters.counts.keys().map(|value| value.len()).sum();
        assert_eq!(counters.value_bytes, bytes);
    }

    #[test]
    fn few_values_are_counted_exactly() {
        let values: Vec<u32> = (0..CAPACITY as u32).chain([7, 7, 9, 9, 5]).collect();
        let counters = counted(&values);
        assert_eq!(counters.floor(), 0);
        let top: Vec<_> = counters.top(4).into_iter().map(|(value, count)| (value[3], count)).collect();
        assert_eq!(top, [(7, 3), (9, 3), (5, 2), (0, 1)]);
    }

    #[test]
    fn many_values_stay_within_the_bound() {
        // Every fourth row is one of ten values; the others come once or twice.
        let values: Vec<u32> =
            (0..200_000).map(|row| if row % 4 == 0 { row / 4 % 10 } else { row % 120_000 + 10 }).collect();
        let counters = counted(&values);
        check(&counters, &values);
        assert!(counters.floor() > 0);
        let top: Vec<u8> = counters.top(10).into_iter().map(|(value, _)| value[3]).collect();
        assert!(top.iter().all(|value| *value < 10), "{top:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn merging_stays_within_the_bound(
            parts in prop::collection::vec((1u32..40_000, 0u32..30_000, 1usize..40_000), 1..6),
        ) {
            let parts: Vec<Vec<u32>> = parts
                .into_iter()
                .map(|(modulus, start, rows)| (0..rows as u32).map(|row| start + row * row % modulus).collect())
                .collect();
            let mut merged = Counters::default();
            for part in &parts {
                let other = counted(part);
                merged.merge(other.iter(), other.floor());
            }
            check(&merged, &parts.concat());
        }
    }
}
