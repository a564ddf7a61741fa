//! `spin:key-value`, kept in a [`State`].

use wasmtime::Result;
use wasmtime::component::{Accessor, FutureReader, HasData, Resource, ResourceTable, StreamReader};

use crate::bindings::spin::key_value::key_value::{Error, Host, HostStore, HostStoreWithStore};
use crate::guest::Guest;
use crate::state::State;

const MAX_KEY: usize = 256;
const MAX_VALUE: usize = 1_000_000;

/// An open store.
pub struct Store(State);

pub(crate) struct KeyValue<'a> {
    pub state: &'a State,
    pub labels: &'a [String],
    pub table: &'a mut ResourceTable,
}

pub(crate) struct HasKeyValue;

impl HasData for HasKeyValue {
    type Data<'a> = KeyValue<'a>;
}

type Answer<T> = std::result::Result<T, Error>;

impl Store {
    fn read<T>(&self, key: &str, f: impl FnOnce(Option<&Vec<u8>>) -> T) -> Answer<T> {
        check_key(key)?;
        self.check_readable()?;
        Ok(self.0.with_values(|values| f(values.get(key))))
    }

    fn keys(&self) -> Answer<Vec<String>> {
        self.check_readable()?;
        Ok(self.0.with_values(|values| values.keys().cloned().collect()))
    }

    fn set(&self, key: String, value: Vec<u8>) -> Answer<()> {
        check_key(&key)?;
        if value.len() > MAX_VALUE {
            return Err(Error::Other(format!("a value has at most {MAX_VALUE} bytes")));
        }
        self.check_writable()?;
        self.0.with_values(|values| values.insert(key, value));
        Ok(())
    }

    fn delete(&self, key: &str) -> Answer<()> {
        check_key(key)?;
        self.check_writable()?;
        self.0.with_values(|values| values.remove(key));
        Ok(())
    }

    fn check_readable(&self) -> Answer<()> {
        if self.0.reads_fail() {
            return Err(Error::Other("the store cannot be read".to_owned()));
        }
        Ok(())
    }

    fn check_writable(&self) -> Answer<()> {
        if self.0.writes_fail() {
            return Err(Error::Other("the store cannot be written".to_owned()));
        }
        Ok(())
    }
}

fn check_key(key: &str) -> Answer<()> {
    if key.len() > MAX_KEY {
        return Err(Error::Other(format!("a key has at most {MAX_KEY} bytes")));
    }
    Ok(())
}

fn with_store<T>(
    accessor: &Accessor<Guest, HasKeyValue>,
    store: &Resource<Store>,
    f: impl FnOnce(&Store) -> T,
) -> Result<T> {
    accessor.with(|mut access| Ok(f(access.get().table.get(store)?)))
}

impl Host for KeyValue<'_> {}

impl HostStore for KeyValue<'_> {}

impl HostStoreWithStore<Guest> for HasKeyValue {
    async fn open(accessor: &Accessor<Guest, Self>, label: String) -> Result<Answer<Resource<Store>>> {
        accessor.with(|mut access| {
            let host = access.get();
            if !host.labels.contains(&label) {
                return Ok(Err(Error::AccessDenied));
            }
            Ok(Ok(host.table.push(Store(host.state.clone()))?))
        })
    }

    async fn get(
        accessor: &Accessor<Guest, Self>,
        store: Resource<Store>,
        key: String,
    ) -> Result<Answer<Option<Vec<u8>>>> {
        with_store(accessor, &store, |it| it.read(&key, |value| value.cloned()))
    }

    async fn set(
        accessor: &Accessor<Guest, Self>,
        store: Resource<Store>,
        key: String,
        value: Vec<u8>,
    ) -> Result<Answer<()>> {
        with_store(accessor, &store, |it| it.set(key, value))
    }

    async fn delete(accessor: &Accessor<Guest, Self>, store: Resource<Store>, key: String) -> Result<Answer<()>> {
        with_store(accessor, &store, |it| it.delete(&key))
    }

    async fn exists(accessor: &Accessor<Guest, Self>, store: Resource<Store>, key: String) -> Result<Answer<bool>> {
        with_store(accessor, &store, |it| it.read(&key, |value| value.is_some()))
    }

    async fn get_keys(
        accessor: &Accessor<Guest, Self>,
        store: Resource<Store>,
    ) -> Result<(StreamReader<String>, FutureReader<Answer<()>>)> {
        let (keys, outcome) = match with_store(accessor, &store, Store::keys)? {
            Ok(keys) => (keys, Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        };
        accessor.with(|mut access| {
            let keys = StreamReader::new(&mut access, keys)?;
            let outcome = FutureReader::new(&mut access, async { wasmtime::error::Ok(outcome) })?;
            Ok((keys, outcome))
        })
    }

    async fn drop(accessor: &Accessor<Guest, Self>, store: Resource<Store>) -> Result<()> {
        accessor.with(|mut access| {
            access.get().table.delete(store)?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_limited_as_in_spin() {
        let store = Store(State::new());
        assert!(store.set("k".repeat(256), vec![0; MAX_VALUE]).is_ok());
        assert!(store.set("k".repeat(257), vec![]).is_err());
        assert!(store.set("k".to_owned(), vec![0; MAX_VALUE + 1]).is_err());
    }

    #[test]
    fn failures_are_switched_on_and_off() {
        let state = State::new();
        let store = Store(state.clone());
        state.fail_writes(true);
        assert!(store.set("k".to_owned(), b"v".to_vec()).is_err());
        state.fail_writes(false);
        assert!(store.set("k".to_owned(), b"v".to_vec()).is_ok());
        state.fail_reads(true);
        assert!(store.keys().is_err());
        assert_eq!(state.get("k").unwrap(), b"v");
    }
}
