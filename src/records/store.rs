//! Values in the host's store, as JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::host::{Host, StoreError};

/// Why a value was not read, though there may be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The store fails, and may do better later.
    #[error("{0}")]
    Store(String),
    /// Something else lies there, and will lie there until somebody takes it away.
    #[error("{key} is not readable: {problem}")]
    Unreadable { key: String, problem: String },
}

impl From<StoreError> for ReadError {
    fn from(StoreError(detail): StoreError) -> Self {
        Self::Store(detail)
    }
}

/// Reads what lies under a key. Something that cannot be read is an error, not an absence.
pub async fn load<T: DeserializeOwned>(host: &impl Host, key: &str) -> Result<Option<T>, ReadError> {
    let Some(bytes) = host.load(key.to_owned()).await? else { return Ok(None) };
    let unreadable =
        |error: serde_json::Error| ReadError::Unreadable { key: key.to_owned(), problem: error.to_string() };
    serde_json::from_slice(&bytes).map(Some).map_err(unreadable)
}

pub async fn save<T: Serialize + Sync>(host: &impl Host, key: &str, value: &T) -> Result<(), StoreError> {
    let bytes = serde_json::to_vec(value).map_err(|error| StoreError(format!("{key} cannot be written: {error}")))?;
    host.save(key.to_owned(), bytes).await
}
