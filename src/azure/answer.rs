//! What an answer of Azure says, good or bad.

use bytes::Bytes;
use http::Response;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::{AzureError, Detail, Step};
use super::retry;
use crate::json::explained;

/// The JSON object of a good answer.
pub fn read<T: DeserializeOwned>(step: Step, answer: &Response<Bytes>) -> Result<T, AzureError> {
    let object: Map<String, Value> = serde_json::from_slice(answer.body()).map_err(|error| unreadable(step, error))?;
    // What serde says may quote the answer.
    T::deserialize(Value::Object(object)).map_err(|error| unreadable(step, explained(error)))
}

/// An answer that is not what it should be.
pub fn unreadable(step: Step, detail: impl ToString) -> AzureError {
    AzureError::Unreadable { step, detail: detail.to_string() }
}

/// An answer with an error status.
pub fn refused(step: Step, answer: &Response<Bytes>) -> AzureError {
    let Detail { code, message } = Detail::of_answer(answer);
    let retry_after = retry::retry_after(answer.headers());
    AzureError::Refused { step, status: answer.status(), code, message, retry_after }
}
