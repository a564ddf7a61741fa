//! A table of what waits for something, out of which those that have waited longest can be taken.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use foldhash::fast::RandomState;

/// What waits, by key and by age: nothing that is done here looks at more than a few entries, however many there are.
#[derive(Clone, Debug)]
pub(crate) struct Waiting<K, V> {
    entries: HashMap<K, (Age, V), RandomState>,
    by_age: BTreeMap<Age, K>,
    begun: u64,
}

/// Since when, and the place among those that wait since then.
type Age = (i64, u64);

impl<K, V> Default for Waiting<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::default(), by_age: BTreeMap::new(), begun: 0 }
    }
}

impl<K: Hash + Eq + Clone, V> Waiting<K, V> {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn contains(&self, key: &K) -> bool {
        self.entries.contains_key(key)
    }

    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|(_, value)| value)
    }

    /// Adds what is not there yet.
    pub fn insert(&mut self, key: K, since: i64, value: V) {
        self.begun = self.begun.saturating_add(1);
        let age = (since, self.begun);
        self.by_age.insert(age, key.clone());
        self.entries.insert(key, (age, value));
    }

    /// Takes one out, and tells since when it has waited.
    pub fn remove(&mut self, key: &K) -> Option<(i64, V)> {
        let (age, value) = self.entries.remove(key)?;
        self.by_age.remove(&age);
        Some((age.0, value))
    }

    /// Takes out the one that has waited longest, if it has waited since this time or longer.
    pub fn remove_oldest(&mut self, since: i64) -> Option<(K, i64, V)> {
        let oldest = self.by_age.first_entry().filter(|oldest| oldest.key().0 <= since)?;
        let key = oldest.remove();
        let (age, value) = self.entries.remove(&key)?;
        Some((key, age.0, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_come_first_whatever_the_order_and_those_that_were_answered_never() {
        let mut waiting = Waiting::default();
        for (key, since) in [("late", 9), ("first", 3), ("answered", 1), ("second", 3)] {
            waiting.insert(key, since, ());
        }
        assert_eq!(waiting.remove(&"answered"), Some((1, ())));
        assert_eq!(waiting.remove(&"answered"), None);
        assert_eq!(waiting.remove_oldest(2), None);
        let mut oldest = || waiting.remove_oldest(8).map(|(key, since, ())| (key, since));
        assert_eq!([oldest(), oldest(), oldest()], [Some(("first", 3)), Some(("second", 3)), None]);
        assert!(waiting.contains(&"late") && waiting.len() == 1 && waiting.by_age.len() == 1);
    }
}
