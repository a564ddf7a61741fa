//! `spin:variables`, from what the manifest gives the component.

use wasmtime::Result;
use wasmtime::component::{Accessor, HasData};

use crate::bindings::spin::variables::variables::{Error, Host, HostWithStore};
use crate::manifest::{Application, valid_name};

pub(crate) struct Variables;

impl HasData for Variables {
    type Data<'a> = &'a Application;
}

impl Host for &Application {}

impl<T> HostWithStore<T> for Variables {
    async fn get(store: &Accessor<T, Self>, name: String) -> Result<std::result::Result<String, Error>> {
        if !valid_name(&name) {
            return Ok(Err(Error::InvalidName(name)));
        }
        let value = store.with(|mut store| store.get().variables.get(&name).cloned());
        Ok(value.ok_or_else(|| Error::Undefined(format!("no variable {name:?}"))))
    }
}
