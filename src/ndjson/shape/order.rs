//! The order of keys in which lines are led together: that of the lines that keys were learned from, or of all turns that are known.
//!
//! It knows nothing of lines.

use super::turn::Turn;
use super::{ROOT, Shapes};

impl Shapes {
    /// Gives a key without one its place in the order, behind the key that was met before it.
    pub(super) fn rank(&mut self, key: u32, before: u32) {
        if self.keys[key as usize].rank > 0 {
            return;
        }
        let rank = self.keys[before as usize].rank as usize + 1;
        self.order.insert(rank, key);
        self.number_from(rank);
    }

    /// Tells keys their ranks, from one rank on.
    fn number_from(&mut self, rank: usize) {
        for (rank, key) in self.order.iter().enumerate().skip(rank) {
            self.keys[*key as usize].rank = rank as u32;
        }
    }

    /// Whether a turn meets keys in their order only: then no key is met twice in one object. With the next element of an array
    /// the order begins anew behind the array's key, and all that stands in the array stays behind that.
    pub(super) fn goes_forward(&self, from: u32, turn: &Turn) -> bool {
        let rank = |key: u32| self.keys[key as usize].rank;
        let mut last = rank(turn.again.unwrap_or(from));
        turn.keys().map(rank).all(|rank| std::mem::replace(&mut last, rank) < rank)
    }

    /// Has keys stand in an order in which turns go forward, all of them if there is such an order: the one in which a search in
    /// depth along the turns leaves them, backwards.
    /// False if no turn is new since that was done last.
    pub(super) fn reorder(&mut self) -> bool {
        if std::mem::replace(&mut self.ordered, self.changes) == self.changes {
            return false;
        }
        let mut is_met = vec![false; self.keys.len()];
        let mut left = Vec::with_capacity(self.order.len());
        // Of each key on the way how many of those behind it were looked at.
        let mut way = vec![(ROOT, 0)];
        is_met[ROOT as usize] = true;
        let behind = self.behind();
        while let Some((key, looked_at)) = way.last_mut() {
            match behind[*key as usize].get(*looked_at) {
                Some(next) => {
                    *looked_at += 1;
                    if !std::mem::replace(&mut is_met[*next as usize], true) {
                        way.push((*next, 0));
                    }
                }
                None => left.extend(way.pop().map(|(key, _)| key)),
            }
        }
        left.reverse();
        self.order = left;
        // Those that no turn leads to any more get one again with the turn.
        self.keys.iter_mut().for_each(|key| key.rank = 0);
        self.number_from(0);
        true
    }

    /// By key: the keys that come right behind it on some turn.
    fn behind(&self) -> Vec<Vec<u32>> {
        let mut behind = vec![Vec::new(); self.keys.len()];
        for (from, key) in self.keys.iter().enumerate() {
            for turn in &key.turns {
                let mut last = turn.again.map_or(from, |key| key as usize);
                for next in turn.keys() {
                    behind[std::mem::replace(&mut last, next as usize)].push(next);
                }
            }
        }
        behind
    }
}
