//! Spin on WASI 0.3: settings are variables, and the store is the default key-value store.
//!
//! Keys are read by the interface of WASI 0.2, which Spin offers as well: all of them at once, in a call that blocks the
//! instance. That of WASI 0.3 hands over one after the other, and the store on SQLite holds a lock until the last one is taken.
//! Another request of the instance that asks the store meanwhile waits for that lock with the thread that both run on, and
//! nobody takes the next key any more.

use std::fmt::Display;

use spin_sdk::key_value::Store;
use spin_sdk::variables;
use spin_sdk_wasi02::key_value::Store as StoreOfWasi02;

use super::{SettingsUnreadable, StoreError};

/// Whether it has one shows when it is used.
pub fn has_store() -> bool {
    true
}

pub async fn setting(name: &'static str) -> Result<Option<String>, SettingsUnreadable> {
    match variables::get(name).await {
        Ok(value) => Ok(Some(value)),
        Err(variables::Error::Undefined(_)) => Ok(None),
        // A provider's own words may quote what it was asked for, so only the setting's name is told.
        Err(_) => Err(SettingsUnreadable(format!("the variable {name} could not be read from its provider"))),
    }
}

pub async fn load(key: String) -> Result<Option<Vec<u8>>, StoreError> {
    let store = Store::open_default().await.map_err(failed)?;
    store.get(key).await.map_err(failed)
}

pub async fn save(key: String, value: Vec<u8>) -> Result<(), StoreError> {
    let store = Store::open_default().await.map_err(failed)?;
    store.set(key, value).await.map_err(failed)
}

pub async fn delete(key: String) -> Result<(), StoreError> {
    let store = Store::open_default().await.map_err(failed)?;
    store.delete(key).await.map_err(failed)
}

pub async fn keys(prefix: String) -> Result<Vec<String>, StoreError> {
    let store = StoreOfWasi02::open_default().map_err(failed)?;
    let mut keys = store.get_keys().map_err(failed)?;
    keys.retain(|key| key.starts_with(&prefix));
    Ok(keys)
}

fn failed(error: impl Display) -> StoreError {
    StoreError(format!("key-value store: {error}"))
}
