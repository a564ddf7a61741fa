//! `fermyon:spin/key-value`, as the component calls it on WASI 0.2, over a [`Store`].

use wasmtime::Result;
use wasmtime::component::Resource;

use crate::bindings::wasi02::fermyon::spin::key_value::{Error, Host, HostStore};
use crate::key_value::KeyValue;
use crate::store::Store;

type Answer<T> = std::result::Result<T, Error>;

impl KeyValue<'_> {
    fn with_store<R>(
        &self,
        store: &Resource<Store>,
        call: impl FnOnce(&Store) -> anyhow::Result<R>,
    ) -> Result<Answer<R>> {
        let answer = call(self.table.get(store)?);
        Ok(answer.map_err(|error| Error::Other(error.to_string())))
    }
}

impl Host for KeyValue<'_> {}

impl HostStore for KeyValue<'_> {
    async fn open(&mut self, label: String) -> Result<Answer<Resource<Store>>> {
        if !self.labels.contains(&label) {
            return Ok(Err(Error::AccessDenied));
        }
        Ok(Ok(self.table.push(Store::new(self.state.clone(), self.record.clone()))?))
    }

    async fn get(&mut self, store: Resource<Store>, key: String) -> Result<Answer<Option<Vec<u8>>>> {
        self.with_store(&store, |it| it.get(&key))
    }

    async fn set(&mut self, store: Resource<Store>, key: String, value: Vec<u8>) -> Result<Answer<()>> {
        self.with_store(&store, |it| it.set(key, value))
    }

    async fn delete(&mut self, store: Resource<Store>, key: String) -> Result<Answer<()>> {
        self.with_store(&store, |it| it.delete(&key))
    }

    async fn exists(&mut self, store: Resource<Store>, key: String) -> Result<Answer<bool>> {
        self.with_store(&store, |it| it.exists(&key))
    }

    async fn get_keys(&mut self, store: Resource<Store>) -> Result<Answer<Vec<String>>> {
        self.with_store(&store, |it| {
            let listing = it.keys();
            listing.outcome.map(|()| listing.keys)
        })
    }

    async fn drop(&mut self, store: Resource<Store>) -> Result<()> {
        self.table.delete(store)?;
        Ok(())
    }
}
