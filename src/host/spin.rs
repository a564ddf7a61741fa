//! Spin: settings are variables, and the store is the default key-value store.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use spin_sdk::key_value::Store;
use spin_sdk::variables;

use super::{Host, NoAnswer, SettingsUnreadable, StoreError, Task, wasip3};
use crate::timestamp::Timestamp;

/// The runtime of `spin up`, SpinKube and Fermyon.
#[derive(Clone, Copy, Debug)]
pub struct Runtime;

impl Host for Runtime {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, NoAnswer> {
        wasip3::send(request).await
    }

    fn now(&self) -> Timestamp {
        wasip3::now()
    }

    fn monotonic(&self) -> Duration {
        wasip3::monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        wasip3::sleep(duration).await;
    }

    fn random(&self) -> [u8; 16] {
        wasip3::random()
    }

    async fn setting(&self, name: &'static str) -> Result<Option<String>, SettingsUnreadable> {
        match variables::get(name).await {
            Ok(value) => Ok(Some(value)),
            Err(variables::Error::Undefined(_)) => Ok(None),
            // A provider's own words may quote what it was asked for, so only the setting's name is told.
            Err(_) => Err(SettingsUnreadable(format!("the variable {name} could not be read from its provider"))),
        }
    }

    async fn load(&self, key: String) -> Result<Option<Vec<u8>>, StoreError> {
        let store = Store::open_default().await.map_err(failed)?;
        store.get(key).await.map_err(failed)
    }

    async fn save(&self, key: String, value: Vec<u8>) -> Result<(), StoreError> {
        let store = Store::open_default().await.map_err(failed)?;
        store.set(key, value).await.map_err(failed)
    }

    async fn spawn(&self, task: Task) {
        wasip3::spawn(task).await;
    }

    fn log(&self, line: &str) {
        wasip3::log(line);
    }
}

fn failed(error: spin_sdk::key_value::Error) -> StoreError {
    StoreError(format!("key-value store: {error}"))
}
