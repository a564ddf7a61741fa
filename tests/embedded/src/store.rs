//! A key-value store as Spin's components see it: the limits of keys and values, over one of the stores that Spin has.

use anyhow::ensure;

use crate::key_stream::KeyStream;
#[cfg(feature = "redis")]
use crate::redis::Redis;
use crate::sqlite::Sqlite;

const MAX_KEY: usize = 256;
const MAX_VALUE: usize = 1_000_000;

/// An open store.
#[derive(Clone)]
pub enum Store {
    Sqlite(Sqlite),
    #[cfg(feature = "redis")]
    Redis(Redis),
}

impl Store {
    pub(crate) async fn get(&self, key: &str) -> anyhow::Result<Option<Vec<u8>>> {
        check_key(key)?;
        match self {
            Store::Sqlite(sqlite) => sqlite.get(key),
            #[cfg(feature = "redis")]
            Store::Redis(redis) => redis.get(key).await,
        }
    }

    pub(crate) async fn exists(&self, key: &str) -> anyhow::Result<bool> {
        check_key(key)?;
        match self {
            Store::Sqlite(sqlite) => sqlite.exists(key),
            #[cfg(feature = "redis")]
            Store::Redis(redis) => redis.exists(key).await,
        }
    }

    pub(crate) async fn set(&self, key: String, value: Vec<u8>) -> anyhow::Result<()> {
        check_key(&key)?;
        ensure!(value.len() <= MAX_VALUE, "a value has at most {MAX_VALUE} bytes");
        match self {
            Store::Sqlite(sqlite) => sqlite.set(key, value),
            #[cfg(feature = "redis")]
            Store::Redis(redis) => redis.set(key, value).await,
        }
    }

    pub(crate) async fn delete(&self, key: &str) -> anyhow::Result<()> {
        check_key(key)?;
        match self {
            Store::Sqlite(sqlite) => sqlite.delete(key),
            #[cfg(feature = "redis")]
            Store::Redis(redis) => redis.delete(key).await,
        }
    }

    /// All keys at once, as on WASI 0.2.
    pub(crate) async fn keys(&self) -> anyhow::Result<Vec<String>> {
        match self {
            Store::Sqlite(sqlite) => sqlite.keys(),
            #[cfg(feature = "redis")]
            Store::Redis(redis) => redis.keys().await,
        }
    }

    /// One key after the other, as on WASI 0.3.
    pub(crate) fn stream_keys(&self) -> KeyStream {
        match self {
            Store::Sqlite(sqlite) => sqlite.stream_keys(),
            #[cfg(feature = "redis")]
            Store::Redis(redis) => redis.stream_keys(),
        }
    }
}

fn check_key(key: &str) -> anyhow::Result<()> {
    ensure!(key.len() <= MAX_KEY, "a key has at most {MAX_KEY} bytes");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::State;

    #[tokio::test(flavor = "multi_thread")]
    async fn sizes_are_limited_as_in_spin() {
        let store = Store::Sqlite(Sqlite::new(State::default()));
        assert!(store.set("k".repeat(256), vec![0; MAX_VALUE]).await.is_ok());
        assert!(store.set("k".repeat(257), vec![]).await.is_err());
        assert!(store.set("k".to_owned(), vec![0; MAX_VALUE + 1]).await.is_err());
    }
}
