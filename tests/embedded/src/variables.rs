//! `spin:variables`, from what the manifest gives the component.

use wasmtime::Result;
use wasmtime::component::{Accessor, HasData};

use crate::bindings::wasi02::fermyon::spin::variables as wasi02;
use crate::bindings::wasi03::spin::variables::variables as wasi03;
use crate::manifest::{Application, valid_name};

pub(crate) struct Variables;

impl HasData for Variables {
    type Data<'a> = &'a Application;
}

impl wasi02::Host for &Application {
    async fn get(&mut self, name: String) -> Result<std::result::Result<String, wasi02::Error>> {
        Ok(match value(self, &name) {
            Ok(value) => Ok(value),
            Err(Missing::InvalidName) => Err(wasi02::Error::InvalidName(name)),
            Err(Missing::Undefined) => Err(wasi02::Error::Undefined(format!("no variable {name:?}"))),
        })
    }
}

impl wasi03::Host for &Application {}

impl<T> wasi03::HostWithStore<T> for Variables {
    async fn get(store: &Accessor<T, Self>, name: String) -> Result<std::result::Result<String, wasi03::Error>> {
        let value = store.with(|mut store| value(store.get(), &name));
        Ok(match value {
            Ok(value) => Ok(value),
            Err(Missing::InvalidName) => Err(wasi03::Error::InvalidName(name)),
            Err(Missing::Undefined) => Err(wasi03::Error::Undefined(format!("no variable {name:?}"))),
        })
    }
}

enum Missing {
    InvalidName,
    Undefined,
}

fn value(application: &Application, name: &str) -> std::result::Result<String, Missing> {
    if !valid_name(name) {
        return Err(Missing::InvalidName);
    }
    application.variables.get(name).cloned().ok_or(Missing::Undefined)
}
