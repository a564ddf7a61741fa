//! `spin:key-value`, as the component calls it on WASI 0.3, over a [`Store`].

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::mpsc;
use wasmtime::component::{
    Accessor, Destination, FutureReader, HasData, Resource, ResourceTable, StreamProducer, StreamReader, StreamResult,
};
use wasmtime::{Result, StoreContextMut};

use crate::bindings::wasi03::spin::key_value::key_value::{Error, Host, HostStore, HostStoreWithStore};
use crate::key_stream::KeyStream;
use crate::record::Record;
use crate::store::Store;

/// What the interface sees of an instance.
pub(crate) struct KeyValue<'a> {
    pub store: &'a Store,
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

fn opened<T>(accessor: &Accessor<T, HasKeyValue>, store: &Resource<Store>) -> Result<Store> {
    accessor.with(|mut access| Ok(access.get().table.get(store)?.clone()))
}

fn note<T>(accessor: &Accessor<T, HasKeyValue>, verb: &str, key: &str) {
    accessor.with(|mut access| access.get().record.step(format!("{verb} {key}")));
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
            Ok(Ok(host.table.push(host.store.clone())?))
        })
    }

    async fn get(accessor: &Accessor<T, Self>, store: Resource<Store>, key: String) -> Result<Answer<Option<Vec<u8>>>> {
        note(accessor, "read", &key);
        Ok(opened(accessor, &store)?.get(&key).await.map_err(other))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
        value: Vec<u8>,
    ) -> Result<Answer<()>> {
        note(accessor, "write", &key);
        Ok(opened(accessor, &store)?.set(key, value).await.map_err(other))
    }

    async fn delete(accessor: &Accessor<T, Self>, store: Resource<Store>, key: String) -> Result<Answer<()>> {
        note(accessor, "delete", &key);
        Ok(opened(accessor, &store)?.delete(&key).await.map_err(other))
    }

    async fn exists(accessor: &Accessor<T, Self>, store: Resource<Store>, key: String) -> Result<Answer<bool>> {
        Ok(opened(accessor, &store)?.exists(&key).await.map_err(other))
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
    ) -> Result<(StreamReader<String>, FutureReader<Answer<()>>)> {
        note(accessor, "list", "keys");
        let KeyStream { keys, outcome } = opened(accessor, &store)?.stream_keys();
        accessor.with(|mut access| {
            let keys = StreamReader::new(&mut access, Keys(keys))?;
            let outcome = FutureReader::new(&mut access, async { wasmtime::error::Ok(outcome.await?.map_err(other)) })?;
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

/// Keys on their way to the component, one at a time.
struct Keys(mpsc::Receiver<String>);

impl<D> StreamProducer<D> for Keys {
    type Item = String;
    type Buffer = Option<String>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        _: StoreContextMut<'a, D>,
        mut destination: Destination<'a, String, Option<String>>,
        finish: bool,
    ) -> Poll<Result<StreamResult>> {
        match self.0.poll_recv(context) {
            Poll::Ready(Some(key)) => {
                destination.set_buffer(Some(key));
                Poll::Ready(Ok(StreamResult::Completed))
            }
            Poll::Ready(None) => Poll::Ready(Ok(StreamResult::Dropped)),
            Poll::Pending if finish => Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => Poll::Pending,
        }
    }
}
