//! Spin's default store: one connection to SQLite for the whole host, behind a lock. Whoever waits for the lock keeps its
//! thread. A listing on WASI 0.3 holds the lock until the last key has gone into a channel of four.

use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::ensure;
use tokio::task::{block_in_place, spawn_blocking};

use crate::key_stream::{KeyStream, key_stream};
use crate::state::State;

/// The lock is that of the [`State`].
#[derive(Clone)]
pub struct Sqlite(State);

impl Sqlite {
    pub(crate) fn new(state: State) -> Self {
        Sqlite(state)
    }

    pub(crate) fn get(&self, key: &str) -> anyhow::Result<Option<Vec<u8>>> {
        self.check_readable()?;
        Ok(block_in_place(|| self.0.with_values(|values| values.get(key).cloned())))
    }

    pub(crate) fn exists(&self, key: &str) -> anyhow::Result<bool> {
        self.check_readable()?;
        Ok(block_in_place(|| self.0.with_values(|values| values.contains_key(key))))
    }

    pub(crate) fn set(&self, key: String, value: Vec<u8>) -> anyhow::Result<()> {
        self.check_writable()?;
        block_in_place(|| self.0.with_values(|values| values.insert(key, value)));
        Ok(())
    }

    pub(crate) fn delete(&self, key: &str) -> anyhow::Result<()> {
        self.check_writable()?;
        block_in_place(|| self.0.with_values(|values| values.remove(key)));
        Ok(())
    }

    pub(crate) fn keys(&self) -> anyhow::Result<Vec<String>> {
        let mut keys = Vec::new();
        block_in_place(|| {
            self.for_each_key(|key| {
                keys.push(key);
                Ok(())
            })
        })?;
        Ok(keys)
    }

    pub(crate) fn stream_keys(&self) -> KeyStream {
        let (sink, stream) = key_stream();
        let sqlite = self.clone();
        spawn_blocking(move || {
            let listed = sqlite.for_each_key(|key| Ok(sink.keys.blocking_send(key)?));
            let _ = sink.outcome.send(listed);
        });
        stream
    }

    /// Holds the lock until the last key is taken.
    fn for_each_key(&self, mut take: impl FnMut(String) -> anyhow::Result<()>) -> anyhow::Result<()> {
        self.check_readable()?;
        self.0.with_values(|values| {
            let mut keys: Vec<String> = values.keys().cloned().collect();
            if self.0.lists_like_redis() {
                keys = scan(keys);
            }
            let breaks_off = self.0.has_unreadable_key();
            let readable = if breaks_off { keys.len() / 2 } else { keys.len() };
            keys.into_iter().take(readable).try_for_each(&mut take)?;
            ensure!(!breaks_off, "a key is no UTF-8");
            Ok(())
        })
    }

    fn check_readable(&self) -> anyhow::Result<()> {
        ensure!(!self.0.reads_fail(), "the store cannot be read");
        Ok(())
    }

    fn check_writable(&self) -> anyhow::Result<()> {
        ensure!(!self.0.writes_fail(), "the store cannot be written");
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn failures_are_switched_on_and_off() {
        let state = State::default();
        let store = Sqlite::new(state.clone());
        state.fail_writes(true);
        assert!(store.set("k".to_owned(), b"v".to_vec()).is_err());
        state.fail_writes(false);
        assert!(store.set("k".to_owned(), b"v".to_vec()).is_ok());
        state.fail_reads(true);
        assert!(store.keys().is_err());
        assert_eq!(state.get("k").unwrap(), b"v");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn redis_lists_some_keys_twice_and_those_of_others_too() {
        let state = State::default();
        let store = Sqlite::new(state.clone());
        for number in 0..20 {
            store.set(format!("alert:{number:02}"), vec![]).unwrap();
        }
        state.put("target:somebody-else", "{}");
        assert!(store.keys().unwrap().is_sorted());
        state.list_like_redis(true);
        let keys = store.keys().unwrap();
        assert_eq!((keys.len(), keys.is_sorted()), (26, false));
        assert!(keys.contains(&"target:somebody-else".to_owned()));
        assert_eq!(keys.into_iter().collect::<BTreeSet<_>>().len(), 21);
        state.list_like_redis(false);
        assert_eq!(store.keys().unwrap().len(), 21);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_key_that_is_no_text_breaks_a_listing_off() {
        let state = State::default();
        let store = Sqlite::new(state.clone());
        for number in 0..10 {
            state.put(&format!("alert:{number}"), "{}");
        }
        state.hold_unreadable_key(true);
        assert!(store.keys().is_err());
        let mut stream = store.stream_keys();
        let mut came = 0;
        while stream.keys.recv().await.is_some() {
            came += 1;
        }
        assert_eq!((came, stream.outcome.await.unwrap().is_err()), (5, true));
        assert!(store.get("alert:9").unwrap().is_some(), "all else works");
        state.hold_unreadable_key(false);
        assert!(store.keys().is_ok());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_lock_is_held_until_the_last_key_is_on_its_way() {
        let state = State::default();
        let store = Sqlite::new(state.clone());
        for number in 0..10 {
            state.put(&format!("alert:{number}"), "{}");
        }
        let mut stream = store.stream_keys();
        assert_eq!(stream.keys.recv().await.unwrap(), "alert:0");
        let other = store.clone();
        let mut asks = tokio::spawn(async move { other.get("alert:0").unwrap() });
        for number in 1..5 {
            assert!(!asks.is_finished());
            assert_eq!(stream.keys.recv().await.unwrap(), format!("alert:{number}"));
        }
        drop(stream);
        assert!((&mut asks).await.unwrap().is_some(), "who reads no more gives the lock up");
    }
}
