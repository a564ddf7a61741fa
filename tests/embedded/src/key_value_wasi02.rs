//! `fermyon:spin/key-value`, as the component calls it on WASI 0.2, over a [`Store`].

use wasmtime::Result;
use wasmtime::component::Resource;

use crate::bindings::wasi02::fermyon::spin::key_value::{Error, Host, HostStore};
use crate::key_value::KeyValue;
use crate::store::Store;

type Answer<T> = std::result::Result<T, Error>;

impl KeyValue<'_> {
    fn opened(&self, store: &Resource<Store>) -> Result<&Store> {
        Ok(self.table.get(store)?)
    }
}

fn other(error: anyhow::Error) -> Error {
    Error::Other(error.to_string())
}

impl Host for KeyValue<'_> {}

impl HostStore for KeyValue<'_> {
    async fn open(&mut self, label: String) -> Result<Answer<Resource<Store>>> {
        if !self.labels.contains(&label) {
            return Ok(Err(Error::AccessDenied));
        }
        Ok(Ok(self.table.push(self.store.clone())?))
    }

    async fn get(&mut self, store: Resource<Store>, key: String) -> Result<Answer<Option<Vec<u8>>>> {
        self.record.step(format!("read {key}"));
        Ok(self.opened(&store)?.get(&key).await.map_err(other))
    }

    async fn set(&mut self, store: Resource<Store>, key: String, value: Vec<u8>) -> Result<Answer<()>> {
        self.record.step(format!("write {key}"));
        Ok(self.opened(&store)?.set(key, value).await.map_err(other))
    }

    async fn delete(&mut self, store: Resource<Store>, key: String) -> Result<Answer<()>> {
        self.record.step(format!("delete {key}"));
        Ok(self.opened(&store)?.delete(&key).await.map_err(other))
    }

    async fn exists(&mut self, store: Resource<Store>, key: String) -> Result<Answer<bool>> {
        Ok(self.opened(&store)?.exists(&key).await.map_err(other))
    }

    async fn get_keys(&mut self, store: Resource<Store>) -> Result<Answer<Vec<String>>> {
        self.record.step("list keys".to_owned());
        Ok(self.opened(&store)?.keys().await.map_err(other))
    }

    async fn drop(&mut self, store: Resource<Store>) -> Result<()> {
        self.table.delete(store)?;
        Ok(())
    }
}
