//! What Spin offers its components beyond WASI.

use std::sync::Arc;

use anyhow::ensure;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use wasmtime_wasi_http::WasiBody;

use crate::component::workspace;
use crate::manifest::Application;
use crate::options::Options;
#[cfg(feature = "redis")]
use crate::redis::Redis;
use crate::sqlite::Sqlite;
use crate::store::Store;

/// Keeps connections for later requests, and sets no option of TCP. So what is small and has something sent before it waits for
/// an acknowledgement of that (Nagle's algorithm), which the other side delays.
pub(crate) type SpinClient = Client<HttpConnector, WasiBody>;

/// What all instances of a host share.
#[derive(Clone)]
pub(crate) struct Spin {
    pub application: Arc<Application>,
    pub client: SpinClient,
    pub store: Store,
}

impl Spin {
    pub fn new(options: &Options) -> anyhow::Result<Self> {
        ensure!(!options.state.is_none(), "Spin has a store");
        let application = Application::read(&workspace().join("spin.toml"), &options.settings)?;
        let client = Client::builder(TokioExecutor::new()).build_http();
        Ok(Spin { application: Arc::new(application), client, store: store(options) })
    }
}

fn store(options: &Options) -> Store {
    #[cfg(feature = "redis")]
    if let Some(url) = &options.redis {
        return Store::Redis(Redis::new(url.clone()));
    }
    Store::Sqlite(Sqlite::new(options.state.clone()))
}
