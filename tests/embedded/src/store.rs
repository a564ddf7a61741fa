//! A key-value store as Spin has it: the limits of its keys and values, over a [`State`].

use anyhow::ensure;

use crate::state::State;

const MAX_KEY: usize = 256;
const MAX_VALUE: usize = 1_000_000;

/// An open store.
pub struct Store(State);

impl Store {
    pub(crate) fn new(state: State) -> Self {
        Store(state)
    }

    pub(crate) fn get(&self, key: &str) -> anyhow::Result<Option<Vec<u8>>> {
        check_key(key)?;
        self.check_readable()?;
        Ok(self.0.with_values(|values| values.get(key).cloned()))
    }

    pub(crate) fn exists(&self, key: &str) -> anyhow::Result<bool> {
        check_key(key)?;
        self.check_readable()?;
        Ok(self.0.with_values(|values| values.contains_key(key)))
    }

    pub(crate) fn keys(&self) -> anyhow::Result<Vec<String>> {
        self.check_readable()?;
        Ok(self.0.with_values(|values| values.keys().cloned().collect()))
    }

    pub(crate) fn set(&self, key: String, value: Vec<u8>) -> anyhow::Result<()> {
        check_key(&key)?;
        ensure!(value.len() <= MAX_VALUE, "a value has at most {MAX_VALUE} bytes");
        self.check_writable()?;
        self.0.with_values(|values| values.insert(key, value));
        Ok(())
    }

    pub(crate) fn delete(&self, key: &str) -> anyhow::Result<()> {
        check_key(key)?;
        self.check_writable()?;
        self.0.with_values(|values| values.remove(key));
        Ok(())
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

fn check_key(key: &str) -> anyhow::Result<()> {
    ensure!(key.len() <= MAX_KEY, "a key has at most {MAX_KEY} bytes");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_limited_as_in_spin() {
        let store = Store::new(State::default());
        assert!(store.set("k".repeat(256), vec![0; MAX_VALUE]).is_ok());
        assert!(store.set("k".repeat(257), vec![]).is_err());
        assert!(store.set("k".to_owned(), vec![0; MAX_VALUE + 1]).is_err());
    }

    #[test]
    fn failures_are_switched_on_and_off() {
        let state = State::default();
        let store = Store::new(state.clone());
        state.fail_writes(true);
        assert!(store.set("k".to_owned(), b"v".to_vec()).is_err());
        state.fail_writes(false);
        assert!(store.set("k".to_owned(), b"v".to_vec()).is_ok());
        state.fail_reads(true);
        assert!(store.keys().is_err());
        assert_eq!(state.get("k").unwrap(), b"v");
    }
}
