//! Spin on WASI 0.3: settings are variables, and the store is the default key-value store.

use spin_sdk::key_value::{self, Store};
use spin_sdk::variables;

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
    let store = Store::open_default().await.map_err(failed)?;
    let mut all = store.get_keys().await;
    let mut wanted = Vec::new();
    while let Some(key) = all.next().await {
        if key.starts_with(&prefix) {
            wanted.push(key);
        }
    }
    all.result().await.map_err(failed)?;
    Ok(wanted)
}

fn failed(error: key_value::Error) -> StoreError {
    StoreError(format!("key-value store: {error}"))
}
