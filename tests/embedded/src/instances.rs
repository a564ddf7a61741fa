//! Instances and the requests that share them, with the limits of the real hosts.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Sleep;
use wasmtime::component::GuestTaskId;
use wasmtime::error::Context as _;
use wasmtime::{Result, Store, StoreContextMut};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, ProxyPre, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};

use crate::component::Wasi;
use crate::guest::{Guest, Guests};
use crate::options::Reuse;
use crate::pool::Pool;
use crate::record::Record;

pub(crate) struct Instances {
    pub guests: Guests,
    pub component: ProxyPre<Guest>,
    pub pool: Pool,
}

impl HandlerState for Instances {
    type StoreData = Guest;
    type WorkerExpiration = IdleTimeout;
    type WorkerState = Limits;

    async fn instantiate(&self) -> Result<Instance<Guest, IdleTimeout, Limits>> {
        let place = self.pool.take().context("the pool of instances is full")?;
        let mut store = self.guests.store()?;
        let proxy = self.component.instantiate_async(&mut store).await?;
        self.guests.record.instance_begins();
        let reuse = match self.guests.options.build.wasi() {
            // One request an instance is how WASI 0.2 works.
            Wasi::V02 => Reuse { concurrent: 1, total: 1, ..self.guests.options.reuse },
            Wasi::V03 => self.guests.options.reuse,
        };
        Ok(Instance {
            store,
            proxy,
            view: Guest::http,
            expiration: IdleTimeout::new(reuse.idle),
            state: Limits { reuse, record: self.guests.record.clone(), _place: place },
        })
    }
}

/// Ends an instance that has had no work for a while. Neither host ends one that works.
pub(crate) struct IdleTimeout {
    idle: Duration,
    sleep: Pin<Box<Sleep>>,
}

impl IdleTimeout {
    fn new(idle: Duration) -> Self {
        IdleTimeout { idle, sleep: Box::pin(tokio::time::sleep(idle)) }
    }
}

impl WorkerExpiration for IdleTimeout {
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>, status: WorkerStatus, since: Instant) -> Poll<()> {
        if status != WorkerStatus::Idle {
            return Poll::Pending;
        }
        let deadline = tokio::time::Instant::from_std(since + self.idle);
        if self.sleep.deadline() != deadline {
            self.sleep.as_mut().reset(deadline);
        }
        self.sleep.as_mut().poll(context)
    }
}

/// How many requests one instance takes.
pub(crate) struct Limits {
    reuse: Reuse,
    record: Arc<Record>,
    _place: OwnedSemaphorePermit,
}

impl WorkerState for Limits {
    type StoreData = Guest;
    type RequestData = oneshot::Sender<()>;

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        if total >= self.reuse.total {
            ShouldAccept::Never
        } else if concurrent >= self.reuse.concurrent {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        mut store: StoreContextMut<'_, Guest>,
        request: oneshot::Sender<()>,
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        store.data_mut().requests.push(request);
        Box::pin(std::future::pending())
    }

    fn drop(&self, store: Store<Guest>, result: Result<()>) {
        if let Err(error) = result {
            self.record.trap(format!("{error:#}"));
        }
        // After the trap is written down, for it ends the wait of the requests in `Guest::requests`.
        drop(store);
        self.record.instance_ends();
    }
}
