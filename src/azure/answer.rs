//! What an answer of Azure says, good or bad.

use bytes::Bytes;
use http::Response;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::action::Action;
use super::error::{AzureError, Detail};
use super::retry;
use crate::json::BadJson;

/// The JSON object of a good answer.
pub fn read<T: DeserializeOwned>(action: Action, answer: &Response<Bytes>) -> Result<T, AzureError> {
    let object: Map<String, Value> =
        serde_json::from_slice(answer.body()).map_err(|error| unreadable(action, error))?;
    // What serde says may quote the answer.
    T::deserialize(Value::Object(object)).map_err(|error| unreadable(action, BadJson::from(error)))
}

/// An answer that is not what it should be.
pub fn unreadable(action: Action, detail: impl ToString) -> AzureError {
    AzureError::Unreadable { action, detail: detail.to_string() }
}

/// An answer with an error status.
pub fn refused(action: Action, answer: &Response<Bytes>) -> AzureError {
    let Detail { code, message } = Detail::of_answer(answer);
    let retry_after = retry::retry_after(answer.headers());
    AzureError::Refused { action, status: answer.status(), code, message, retry_after }
}
