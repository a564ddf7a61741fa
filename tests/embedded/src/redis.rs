//! Spin's store over Redis, with the commands that Spin gives it: a database that other people may use, too.

use std::sync::Arc;

use ::redis::aio::ConnectionManager;
use ::redis::{AsyncCommands, Client, cmd};
use tokio::sync::{OnceCell, mpsc};

use crate::key_stream::{KeyStream, key_stream};

/// A database of Redis, to which a host has one connection.
#[derive(Clone)]
pub struct Redis {
    url: String,
    connection: Arc<OnceCell<ConnectionManager>>,
}

impl Redis {
    /// `url` is of the form `redis://host:port/database`.
    pub(crate) fn new(url: String) -> Self {
        Redis { url, connection: Arc::default() }
    }

    pub(crate) async fn get(&self, key: &str) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(self.connection().await?.get(key).await?)
    }

    pub(crate) async fn exists(&self, key: &str) -> anyhow::Result<bool> {
        Ok(self.connection().await?.exists(key).await?)
    }

    pub(crate) async fn set(&self, key: String, value: Vec<u8>) -> anyhow::Result<()> {
        Ok(self.connection().await?.set(key, value).await?)
    }

    pub(crate) async fn delete(&self, key: &str) -> anyhow::Result<()> {
        Ok(self.connection().await?.del(key).await?)
    }

    pub(crate) async fn keys(&self) -> anyhow::Result<Vec<String>> {
        let mut stream = self.stream_keys();
        let mut keys = Vec::new();
        while let Some(key) = stream.keys.recv().await {
            keys.push(key);
        }
        stream.outcome.await??;
        Ok(keys)
    }

    pub(crate) fn stream_keys(&self) -> KeyStream {
        let (sink, stream) = key_stream();
        let redis = self.clone();
        tokio::spawn(async move {
            let scanned = redis.scan(sink.keys).await;
            let _ = sink.outcome.send(scanned);
        });
        stream
    }

    /// The keys of the whole database. One may come more than once, and one that is no UTF-8 breaks the scan off.
    async fn scan(&self, keys: mpsc::Sender<String>) -> anyhow::Result<()> {
        let mut connection = self.connection().await?;
        let mut cursor = 0_u64;
        loop {
            let (next, page): (u64, Vec<String>) = cmd("SCAN").arg(cursor).query_async(&mut connection).await?;
            for key in page {
                keys.send(key).await?;
            }
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }

    /// The connection, which finds its way back by itself when the server was gone.
    async fn connection(&self) -> anyhow::Result<ConnectionManager> {
        let connect = async || Client::open(self.url.as_str())?.get_connection_manager().await;
        Ok(self.connection.get_or_try_init(connect).await?.clone())
    }
}
