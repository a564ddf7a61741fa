//! Who did most, when there may be too many to keep all.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};

/// How many are shown of each kind.
const SHOWN: usize = 20;

/// Those who did most of something.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Top<T> {
    /// Those with the most bytes, most first.
    pub by_bytes: Vec<T>,
    /// Those with the most packets, most first.
    pub by_packets: Vec<T>,
    /// How many there are, shown or not. When not exact: how often one was met that was not known or not known any more.
    pub count: u64,
    /// Whether all were kept to the end. If not, small ones were forgotten now and then, and counts of others may lack
    /// what was before they grew, up to `most_missing`.
    pub exact: bool,
    /// The most bytes and packets that a count can lack.
    pub most_missing: Weight,
}

impl<T> Top<T> {
    /// Each row; one that is among the largest in both ways comes twice.
    pub(crate) fn rows_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.by_bytes.iter_mut().chain(&mut self.by_packets)
    }
}

impl<T> Default for Top<T> {
    /// Of nothing, and that is all there is.
    fn default() -> Self {
        Self { by_bytes: Vec::new(), by_packets: Vec::new(), count: 0, exact: true, most_missing: Weight::default() }
    }
}

/// How big one is, in bytes and packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weight {
    /// On the wire.
    pub bytes: u64,
    /// Whole ones and those that were cut.
    pub packets: u64,
}

impl Weight {
    /// Adds packets.
    pub fn add(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.packets = self.packets.saturating_add(other.packets);
    }
}

/// Something that is counted and has a size.
pub(crate) trait Weighed {
    fn weight(&self) -> Weight;
}

impl Weighed for Weight {
    fn weight(&self) -> Weight {
        *self
    }
}

/// Counts for each of many keys, in bounded memory. Exact up to a number of keys; beyond that the smaller half or more is
/// evicted at once ("lossy counting", Manku and Motwani, 2002), so that a count costs little on average.
#[derive(Clone, Debug)]
pub(crate) struct Tally<K, V> {
    counts: HashMap<K, V, RandomState>,
    limit: usize,
    forgotten: u64,
    most_missing: Weight,
}

impl<K: Hash + Eq + Ord + Clone, V: Weighed> Tally<K, V> {
    pub fn new(limit: usize) -> Self {
        Self { counts: HashMap::default(), limit, forgotten: 0, most_missing: Weight::default() }
    }

    /// The count of a key, which begins with nothing.
    pub fn entry(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.entry_or(key, V::default)
    }

    /// The count of a key, and with what it begins.
    pub fn entry_or(&mut self, key: K, new: impl FnOnce() -> V) -> &mut V {
        if self.counts.len() >= self.limit && !self.counts.contains_key(&key) {
            self.evict_small();
        }
        self.counts.entry(key).or_insert_with(new)
    }

    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.counts.get_mut(key)
    }

    /// Keeps a quarter by bytes and a quarter by packets.
    fn evict_small(&mut self) {
        let threshold = |of: fn(Weight) -> u64| {
            let mut sizes: Vec<u64> = self.counts.values().map(|count| of(count.weight())).collect();
            let place = sizes.len().saturating_mul(3) / 4;
            if place < sizes.len() { *sizes.select_nth_unstable(place).1 } else { 0 }
        };
        let small = Weight { bytes: threshold(|weight| weight.bytes), packets: threshold(|weight| weight.packets) };
        let before = self.counts.len();
        self.counts.retain(|_, count| {
            let weight = count.weight();
            weight.bytes > small.bytes || weight.packets > small.packets
        });
        self.forgotten = self.forgotten.saturating_add(before.saturating_sub(self.counts.len()) as u64);
        self.most_missing.add(small);
    }

    /// What is kept of a key.
    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.counts.get(key)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.counts.iter()
    }

    /// All that are kept.
    pub fn for_each(&mut self, change: impl FnMut(&mut V)) {
        self.counts.values_mut().for_each(change);
    }

    /// Those that are largest in something else than bytes and packets.
    pub fn largest(&self, size: &dyn Fn(&V) -> u64) -> Vec<&V> {
        self.shown(size).into_iter().map(|(_, count)| count).collect()
    }

    /// Those that are shown of them, the largest first, and equal ones by key, so that one file always gives one report. There are
    /// few, so each finds its place among them, and nothing is sorted: to sort is a lot of code for each type of key.
    fn shown(&self, size: &dyn Fn(&V) -> u64) -> Vec<(&K, &V)> {
        let mut shown: Vec<(&K, &V)> = Vec::new();
        for (key, count) in &self.counts {
            let own = size(count);
            let is_before = |(other_key, other): &(&K, &V)| {
                let other = size(other);
                other > own || (other == own && *other_key < key)
            };
            let place = shown.partition_point(is_before);
            if place < SHOWN {
                shown.truncate(SHOWN.saturating_sub(1));
                shown.insert(place, (key, count));
            }
        }
        shown
    }

    pub fn report<T>(&self, mut show: impl FnMut(&K, &V) -> T) -> Top<T> {
        let mut largest =
            |of: &dyn Fn(&V) -> u64| self.shown(of).into_iter().map(|(key, count)| show(key, count)).collect();
        Top {
            by_bytes: largest(&|count| count.weight().bytes),
            by_packets: largest(&|count| count.weight().packets),
            count: self.forgotten.saturating_add(self.counts.len() as u64),
            exact: self.forgotten == 0,
            most_missing: self.most_missing,
        }
    }
}

/// Names and how often they were met.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Names<T> {
    /// The most frequent ones, most frequent first.
    pub names: Vec<T>,
    /// How many names there are, shown or not; see [`Top::count`].
    pub count: u64,
    /// Whether all were kept to the end; see [`Top::exact`].
    pub exact: bool,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Top::default().into()
    }
}

impl<T> From<Top<T>> for Names<T> {
    fn from(top: Top<T>) -> Self {
        Self { names: top.by_packets, count: top.count, exact: top.exact }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(bytes: u64, packets: u64) -> Weight {
        Weight { bytes, packets }
    }

    #[test]
    fn few_are_counted_exactly() {
        let mut tally: Tally<u32, Weight> = Tally::new(100);
        for round in 0..10_u64 {
            (0..100_u32).for_each(|key| tally.entry(key).add(weight(u64::from(key) * round, 1)));
        }
        let top = tally.report(|key, count| (*key, count.bytes));
        assert_eq!(top.by_bytes[..3], [(99, 4455), (98, 4410), (97, 4365)]);
        assert_eq!(top.by_packets[..3], [(0, 0), (1, 45), (2, 90)], "equal ones by key");
        assert_eq!((top.by_bytes.len(), top.count, top.exact), (SHOWN, 100, true));
        assert_eq!(top.most_missing, Weight::default());
    }

    #[test]
    fn of_many_the_largest_are_right_within_what_is_told() {
        let mut tally: Tally<u32, Weight> = Tally::new(1000);
        let mut sizes = vec![0_u64; 100_000];
        for turn in 0..1_000_000_u32 {
            // Twenty large ones among many small ones.
            let key = if turn % 4 == 0 { turn / 4 % 20 } else { turn.wrapping_mul(2_654_435_761) % 100_000 };
            sizes[key as usize] += 60;
            tally.entry(key).add(weight(60, 1));
            assert!(tally.counts.len() <= 1000);
        }
        let top = tally.report(|key, count| (*key, count.bytes));
        assert!(!top.exact && top.count > 1000);
        for (key, bytes) in &top.by_bytes {
            assert!(*key < 20, "{key} is a small one");
            let size = sizes[*key as usize];
            assert!(*bytes <= size && size - bytes <= top.most_missing.bytes, "{bytes} of {size}: {top:?}");
        }
    }

    #[test]
    fn those_with_many_small_packets_are_kept_beside_those_with_many_bytes() {
        let mut tally: Tally<u32, Weight> = Tally::new(8);
        tally.entry(1).add(weight(1_000_000, 1));
        tally.entry(2).add(weight(100, 1_000));
        (10..200).for_each(|key| tally.entry(key).add(weight(500, 2)));
        let top = tally.report(|key, _| *key);
        assert_eq!((top.by_bytes[0], top.by_packets[0]), (1, 2));
    }
}
