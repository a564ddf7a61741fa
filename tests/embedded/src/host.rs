//! A running host.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use wasmtime::Engine;
use wasmtime_wasi_http::handler::ProxyPre;
use wasmtime_wasi_http::{p2, p3};

use crate::compile::compile;
use crate::component::{Wasi, component};
use crate::guest::Guests;
use crate::instances::Instances;
use crate::options::Options;
use crate::pool::Pool;
use crate::record::Record;
use crate::server::serve;
use crate::spin::Spin;

/// A host with the component in it, listening. Dropping it ends it, without waiting for the end.
pub struct Host {
    address: SocketAddr,
    record: Arc<Record>,
    engine: Engine,
    process: Process,
}

impl Host {
    /// Builds the component if needed and serves it.
    pub async fn start(options: Options) -> anyhow::Result<Host> {
        let process = Process::new()?;
        let record = Arc::new(Record::default());
        let listen = options.listen;
        let instances = {
            let record = record.clone();
            process.runtime().spawn_blocking(move || prepare(options, record)).await??
        };
        let engine = instances.guests.engine.clone();
        let address = listen.unwrap_or((Ipv4Addr::LOCALHOST, 0).into());
        let listener = process
            .runtime()
            .spawn(TcpListener::bind(address))
            .await?
            .with_context(|| format!("cannot listen on {address}"))?;
        let address = listener.local_addr()?;
        process.runtime().spawn(serve(listener, instances));
        Ok(Host { address, record, engine, process })
    }

    /// Where it listens, as in `http://127.0.0.1:4711`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What the component wrote to standard output and standard error, line by line.
    pub fn logs(&self) -> Vec<String> {
        self.record.logs()
    }

    /// Calls `f` with every line that the component writes from now on. `f` must not call `on_log`.
    pub fn on_log(&self, f: impl Fn(&str) + Send + Sync + 'static) {
        self.record.on_log(Box::new(f));
    }

    /// What the component asked for, in order: requests as `METHOD path`, and of Spin's store as `read`, `write` or `delete`
    /// and the key, or as `list keys`.
    pub fn steps(&self) -> Vec<String> {
        self.record.steps()
    }

    /// How many instances there are.
    pub fn instances(&self) -> usize {
        self.record.instances()
    }

    /// How many there were at most at one time.
    pub fn most_instances(&self) -> usize {
        self.record.most_instances()
    }

    /// Why instances died, one text for each that did not end in peace.
    pub fn traps(&self) -> Vec<String> {
        self.record.traps()
    }

    /// Every request that the component sent, as `METHOD scheme://authority`, with ` refused` behind
    /// when the allow-list has no such place.
    pub fn outbound(&self) -> Vec<String> {
        self.record.outbound()
    }

    /// The most linear memory that any instance has had, in bytes.
    pub fn peak_memory(&self) -> u64 {
        self.record.peak_memory()
    }

    /// Ends all instances and whatever they still do, at once and wherever they are. When this returns,
    /// nothing runs any more and the port is free.
    pub async fn kill(mut self) {
        self.interrupt();
        self.process.end().await;
    }

    /// Stops the instances that are computing; all others stop when the process does.
    fn interrupt(&self) {
        self.record.kill();
        self.engine.increment_epoch();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.interrupt();
    }
}

/// Builds, checks and compiles everything that a start can fail on.
fn prepare(options: Options, record: Arc<Record>) -> anyhow::Result<Instances> {
    let path = component(options.build)?;
    let spin = match options.build.is_for_spin() {
        true => Some(Spin::new(&options)?),
        false => None,
    };
    let pool = Pool::new(spin.is_some(), &std::fs::read(&path)?)?;
    let component = compile(&path)?;
    let guests = Guests { engine: component.engine().clone(), options, spin, record };
    let linked = guests.linker()?.instantiate_pre(&component)?;
    let component = match guests.options.build.wasi() {
        Wasi::V02 => ProxyPre::P2(p2::bindings::ProxyPre::new(linked)?),
        Wasi::V03 => ProxyPre::P3(p3::bindings::ServicePre::new(linked)?),
    };
    Ok(Instances { component, guests, pool })
}

/// Stands for the operating system's process: everything that a host does runs in here, so that all of
/// it can be ended without asking any of it.
struct Process(Option<Runtime>);

impl Process {
    fn new() -> anyhow::Result<Self> {
        let runtime =
            Builder::new_multi_thread().worker_threads(2).thread_name("nightcap-host").enable_all().build()?;
        Ok(Process(Some(runtime)))
    }

    fn runtime(&self) -> &Runtime {
        self.0.as_ref().expect("it has not ended yet")
    }

    async fn end(&mut self) {
        let Some(runtime) = self.0.take() else { return };
        let (done, ended) = oneshot::channel();
        // A runtime may not be awaited from within another, and a test has one.
        std::thread::spawn(move || {
            runtime.shutdown_timeout(Duration::from_secs(10));
            let _ = done.send(());
        });
        let _ = ended.await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
