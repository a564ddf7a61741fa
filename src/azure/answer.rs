//! What an answer of Azure says, good or bad.

use bytes::Bytes;
use http::Response;
use serde_json::Value;

use super::error::{AzureError, Detail, Step};
use super::retry;

/// The JSON of a good answer.
pub fn read(step: Step, answer: &Response<Bytes>) -> Result<Value, AzureError> {
    let value: Value = serde_json::from_slice(answer.body()).map_err(|error| unreadable(step, error))?;
    if value.is_object() { Ok(value) } else { Err(unreadable(step, "not a JSON object")) }
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
