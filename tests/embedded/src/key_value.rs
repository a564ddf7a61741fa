//! `spin:key-value`, as the component calls it on WASI 0.3, over a [`Store`].

use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::{Accessor, FutureReader, HasData, Resource, ResourceTable, StreamReader};

use crate::bindings::wasi03::spin::key_value::key_value::{Error, Host, HostStore, HostStoreWithStore};
use crate::record::Record;
use crate::state::State;
use crate::store::{Listing, Store};

/// What the interface sees of an instance.
pub(crate) struct KeyValue<'a> {
    pub state: &'a State,
    pub record: &'a Arc<Record>,
    /// The stores that the manifest lets the component open.
    pub labels: &'a [String],
    pub table: &'a mut ResourceTable,
}

pub(crate) struct HasKeyValue;

impl HasData for HasKeyValue {
    type Data<'a> = KeyValue<'a>;
}

type Answer<T> = std::result::Result<T, Error>;

fn with_store<T, R>(
    accessor: &Accessor<T, HasKeyValue>,
    store: &Resource<Store>,
    call: impl FnOnce(&Store) -> anyhow::Result<R>,
) -> Result<Answer<R>> {
    accessor.with(|mut access| {
        let answer = call(access.get().table.get(store)?);
        Ok(answer.map_err(other))
    })
}

fn other(error: anyhow::Error) -> Error {
    Error::Other(error.to_string())
}

impl Host for KeyValue<'_> {}

impl HostStore for KeyValue<'_> {}

impl<T> HostStoreWithStore<T> for HasKeyValue {
    async fn open(accessor: &Accessor<T, Self>, label: String) -> Result<Answer<Resource<Store>>> {
        accessor.with(|mut access| {
            let host = access.get();
            if !host.labels.contains(&label) {
                return Ok(Err(Error::AccessDenied));
            }
            Ok(Ok(host.table.push(Store::new(host.state.clone(), host.record.clone()))?))
        })
    }

    async fn get(accessor: &Accessor<T, Self>, store: Resource<Store>, key: String) -> Result<Answer<Option<Vec<u8>>>> {
        with_store(accessor, &store, |it| it.get(&key))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
        value: Vec<u8>,
    ) -> Result<Answer<()>> {
        with_store(accessor, &store, |it| it.set(key, value))
    }

    async fn delete(accessor: &Accessor<T, Self>, store: Resource<Store>, key: String) -> Result<Answer<()>> {
        with_store(accessor, &store, |it| it.delete(&key))
    }

    async fn exists(accessor: &Accessor<T, Self>, store: Resource<Store>, key: String) -> Result<Answer<bool>> {
        with_store(accessor, &store, |it| it.exists(&key))
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
    ) -> Result<(StreamReader<String>, FutureReader<Answer<()>>)> {
        accessor.with(|mut access| {
            let Listing { keys, outcome } = access.get().table.get(&store)?.keys();
            let outcome = outcome.map_err(other);
            let keys = StreamReader::new(&mut access, keys)?;
            let outcome = FutureReader::new(&mut access, async { wasmtime::error::Ok(outcome) })?;
            Ok((keys, outcome))
        })
    }

    async fn drop(accessor: &Accessor<T, Self>, store: Resource<Store>) -> Result<()> {
        accessor.with(|mut access| {
            access.get().table.delete(store)?;
            Ok(())
        })
    }
}
