//! Spin on WASI 0.2: settings are variables, and the store is the default key-value store. Both block, and so does the
//! instance, which serves one request.

use spin_sdk_wasi02::key_value::{self, Store};
use spin_sdk_wasi02::variables;

use super::{SettingsUnreadable, StoreError};

/// Whether it has one shows when it is used.
pub fn has_store() -> bool {
    true
}

/// Spin itself refuses variables that the manifest does not have.
pub fn given_settings() -> Vec<String> {
    Vec::new()
}

pub async fn setting(name: &'static str) -> Result<Option<String>, SettingsUnreadable> {
    match variables::get(name) {
        Ok(value) => Ok(Some(value)),
        Err(variables::Error::Undefined(_)) => Ok(None),
        // A provider's own words may quote what it was asked for, so only the setting's name is told.
        Err(_) => Err(SettingsUnreadable(format!("the variable {name} could not be read from its provider"))),
    }
}

pub async fn load(key: String) -> Result<Option<Vec<u8>>, StoreError> {
    store()?.get(&key).map_err(failed)
}

pub async fn save(key: String, value: Vec<u8>) -> Result<(), StoreError> {
    store()?.set(&key, &value).map_err(failed)
}

pub async fn delete(key: String) -> Result<(), StoreError> {
    store()?.delete(&key).map_err(failed)
}

pub async fn keys(prefix: String) -> Result<Vec<String>, StoreError> {
    let mut keys = store()?.get_keys().map_err(failed)?;
    keys.retain(|key| key.starts_with(&prefix));
    Ok(keys)
}

fn store() -> Result<Store, StoreError> {
    Store::open_default().map_err(failed)
}

fn failed(error: key_value::Error) -> StoreError {
    StoreError(format!("key-value store: {error}"))
}
