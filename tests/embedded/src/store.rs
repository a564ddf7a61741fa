//! A key-value store as Spin has it: the limits of its keys and values, over a [`State`].

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use anyhow::{anyhow, ensure};

use crate::record::Record;
use crate::state::State;

const MAX_KEY: usize = 256;
const MAX_VALUE: usize = 1_000_000;

/// An open store.
pub struct Store {
    state: State,
    record: Arc<Record>,
}

/// The keys of a store, as far as they could be listed, and whether those are all.
pub(crate) struct Listing {
    pub keys: Vec<String>,
    pub outcome: anyhow::Result<()>,
}

impl Store {
    pub(crate) fn new(state: State, record: Arc<Record>) -> Self {
        Store { state, record }
    }

    pub(crate) fn get(&self, key: &str) -> anyhow::Result<Option<Vec<u8>>> {
        self.record.step(format!("read {key}"));
        check_key(key)?;
        self.check_readable()?;
        Ok(self.state.with_values(|values| values.get(key).cloned()))
    }

    pub(crate) fn exists(&self, key: &str) -> anyhow::Result<bool> {
        check_key(key)?;
        self.check_readable()?;
        Ok(self.state.with_values(|values| values.contains_key(key)))
    }

    pub(crate) fn keys(&self) -> Listing {
        if let Err(error) = self.check_readable() {
            return Listing { keys: Vec::new(), outcome: Err(error) };
        }
        let mut keys: Vec<String> = self.state.with_values(|values| values.keys().cloned().collect());
        if self.state.lists_like_redis() {
            keys = scan(keys);
        }
        if self.state.has_unreadable_key() {
            keys.truncate(keys.len() / 2);
            return Listing { keys, outcome: Err(anyhow!("a key is no UTF-8")) };
        }
        Listing { keys, outcome: Ok(()) }
    }

    pub(crate) fn set(&self, key: String, value: Vec<u8>) -> anyhow::Result<()> {
        self.record.step(format!("write {key}"));
        check_key(&key)?;
        ensure!(value.len() <= MAX_VALUE, "a value has at most {MAX_VALUE} bytes");
        self.check_writable()?;
        self.state.with_values(|values| values.insert(key, value));
        Ok(())
    }

    pub(crate) fn delete(&self, key: &str) -> anyhow::Result<()> {
        self.record.step(format!("delete {key}"));
        check_key(key)?;
        self.check_writable()?;
        self.state.with_values(|values| values.remove(key));
        Ok(())
    }

    fn check_readable(&self) -> anyhow::Result<()> {
        ensure!(!self.state.reads_fail(), "the store cannot be read");
        Ok(())
    }

    fn check_writable(&self) -> anyhow::Result<()> {
        ensure!(!self.state.writes_fail(), "the store cannot be written");
        Ok(())
    }
}

/// Keys as Redis' SCAN gives them: by their hashes, and some once more, long after they came first.
fn scan(mut keys: Vec<String>) -> Vec<String> {
    keys.sort_by_cached_key(hash);
    let again: Vec<String> = keys.iter().step_by(5).cloned().collect();
    keys.extend(again);
    keys
}

fn hash(key: &String) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

fn check_key(key: &str) -> anyhow::Result<()> {
    ensure!(key.len() <= MAX_KEY, "a key has at most {MAX_KEY} bytes");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(state: &State) -> Store {
        Store::new(state.clone(), Arc::default())
    }

    #[test]
    fn sizes_are_limited_as_in_spin() {
        let store = store(&State::default());
        assert!(store.set("k".repeat(256), vec![0; MAX_VALUE]).is_ok());
        assert!(store.set("k".repeat(257), vec![]).is_err());
        assert!(store.set("k".to_owned(), vec![0; MAX_VALUE + 1]).is_err());
    }

    #[test]
    fn failures_are_switched_on_and_off() {
        let state = State::default();
        let store = store(&state);
        state.fail_writes(true);
        assert!(store.set("k".to_owned(), b"v".to_vec()).is_err());
        state.fail_writes(false);
        assert!(store.set("k".to_owned(), b"v".to_vec()).is_ok());
        state.fail_reads(true);
        assert!(store.keys().outcome.is_err());
        assert_eq!(state.get("k").unwrap(), b"v");
    }

    #[test]
    fn redis_lists_some_keys_twice_and_those_of_others_too() {
        let state = State::default();
        let store = store(&state);
        for number in 0..20 {
            store.set(format!("alert:{number:02}"), vec![]).unwrap();
        }
        state.put("target:somebody-else", "{}");
        assert!(store.keys().keys.is_sorted());
        state.list_like_redis(true);
        let listing = store.keys();
        assert!(listing.outcome.is_ok());
        assert_eq!((listing.keys.len(), listing.keys.is_sorted()), (26, false));
        assert!(listing.keys.contains(&"target:somebody-else".to_owned()));
        let different: std::collections::BTreeSet<String> = listing.keys.into_iter().collect();
        assert_eq!(different.len(), 21);
        state.list_like_redis(false);
        assert_eq!(store.keys().keys.len(), 21);
    }

    #[test]
    fn a_key_that_is_no_text_breaks_a_listing_off() {
        let state = State::default();
        let store = store(&state);
        for number in 0..10 {
            state.put(&format!("alert:{number}"), "{}");
        }
        state.hold_unreadable_key(true);
        let listing = store.keys();
        assert_eq!((listing.keys.len(), listing.outcome.is_err()), (5, true));
        assert!(store.get("alert:9").unwrap().is_some(), "all else works");
        state.hold_unreadable_key(false);
        assert!(store.keys().outcome.is_ok());
    }
}
