//! Values in the host's store, as JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::host::{Host, StoreError};

/// Reads what lies under a key. Something that cannot be read is an error, not an absence.
pub async fn load<T: DeserializeOwned>(host: &impl Host, key: &str) -> Result<Option<T>, StoreError> {
    let Some(bytes) = host.load(key.to_owned()).await? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| StoreError(format!("{key} is not readable: {error}")))
}

pub async fn save<T: Serialize + Sync>(host: &impl Host, key: &str, value: &T) -> Result<(), StoreError> {
    let bytes = serde_json::to_vec(value).map_err(|error| StoreError(format!("{key} cannot be written: {error}")))?;
    host.save(key.to_owned(), bytes).await
}
