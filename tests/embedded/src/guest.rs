//! What one instance of the component sees of its host.

use std::sync::Arc;

use tokio::sync::oneshot;
use wasmtime::component::{Linker, ResourceTable};
use wasmtime::{Engine, ResourceLimiter, Store, UpdateDeadline};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::bindings::{wasi02, wasi03};
use crate::component::Wasi;
use crate::key_value::{HasKeyValue, KeyValue};
use crate::log::LogStream;
use crate::options::Options;
use crate::outbound::Outbound;
use crate::record::Record;
use crate::spin::Spin;
use crate::variables::Variables;

pub(crate) struct Guest {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: Outbound,
    table: ResourceTable,
    memory: Memory,
    spin: Option<Spin>,
    /// Dropped with the instance, which tells those who wait for a request that it is gone.
    pub requests: Vec<oneshot::Sender<()>>,
}

struct Memory(Arc<Record>);

pub(crate) struct Guests {
    pub engine: Engine,
    pub options: Options,
    /// `None` where the host is not Spin.
    pub spin: Option<Spin>,
    pub record: Arc<Record>,
}

impl Guests {
    pub fn linker(&self) -> wasmtime::Result<Linker<Guest>> {
        let mut linker = Linker::<Guest>::new(&self.engine);
        // Rust's standard library speaks WASI 0.2 on this target, whatever the component does beside.
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        match self.options.build.wasi() {
            Wasi::V02 => {
                wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
                if self.spin.is_some() {
                    use wasi02::fermyon::spin::{key_value, variables};
                    variables::add_to_linker::<_, Variables>(&mut linker, |guest| &guest.spin().application)?;
                    key_value::add_to_linker::<_, HasKeyValue>(&mut linker, |guest| guest.key_value())?;
                }
            }
            Wasi::V03 => {
                wasmtime_wasi::p3::add_to_linker(&mut linker)?;
                wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
                if self.spin.is_some() {
                    use wasi03::spin::{key_value::key_value, variables::variables};
                    variables::add_to_linker::<_, Variables>(&mut linker, |guest| &guest.spin().application)?;
                    key_value::add_to_linker::<_, HasKeyValue>(&mut linker, |guest| guest.key_value())?;
                }
            }
        }
        Ok(linker)
    }

    pub fn store(&self) -> wasmtime::Result<Store<Guest>> {
        let guest = Guest {
            wasi: self.wasi()?,
            http: WasiHttpCtx::new(),
            outbound: Outbound { record: self.record.clone(), spin: self.spin.clone() },
            table: ResourceTable::new(),
            memory: Memory(self.record.clone()),
            spin: self.spin.clone(),
            requests: Vec::new(),
        };
        let mut store = Store::new(&self.engine, guest);
        store.limiter(|guest| &mut guest.memory);
        // A power cut ends even an endless loop. The epoch turns for every host of this process, so each
        // instance looks whether its own was meant.
        store.set_epoch_deadline(1);
        let record = self.record.clone();
        store.epoch_deadline_callback(move |_| match record.is_killed() {
            true => Ok(UpdateDeadline::Interrupt),
            false => Ok(UpdateDeadline::Continue(1)),
        });
        Ok(store)
    }

    fn wasi(&self) -> wasmtime::Result<WasiCtx> {
        let mut wasi = WasiCtx::builder();
        wasi.stdout(LogStream::new(&self.record));
        wasi.stderr(LogStream::new(&self.record));
        if self.spin.is_none() {
            for (name, value) in &self.options.settings {
                wasi.env(format!("NIGHTCAP_{}", name.to_uppercase()), value);
            }
            let state = &self.options.state;
            if let Some(directory) = state.directory()?
                && !state.reads_fail()
            {
                let permissions = match state.writes_fail() {
                    true => FsPerms::ReadOnly,
                    false => FsPerms::ReadWrite,
                };
                wasi.preopened_dir(directory, "/state", permissions)?;
            }
        }
        Ok(wasi.build())
    }
}

impl Guest {
    fn spin(&self) -> &Spin {
        self.spin.as_ref().expect("only the spin build is linked with Spin's interfaces")
    }

    fn key_value(&mut self) -> KeyValue<'_> {
        let spin = self.spin.as_ref().expect("only the spin build is linked with Spin's interfaces");
        let record = &self.outbound.record;
        KeyValue { store: &spin.store, record, labels: &spin.application.key_value_stores, table: &mut self.table }
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.outbound }
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        self.0.memory(desired);
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(true)
    }
}
