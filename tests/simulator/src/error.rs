//! What Resource Manager says when it refuses: its error envelope (azure-resource-manager-rpc, common API details).

use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};
use serde_json::{Value, json};

use crate::answer::{self, Answer};

#[derive(Debug, Clone)]
pub(crate) struct ArmError {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) target: Option<String>,
    pub(crate) retry_after: Option<u64>,
}

impl ArmError {
    pub(crate) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> ArmError {
        ArmError { status, code: code.into(), message: message.into(), target: None, retry_after: None }
    }

    pub(crate) fn bad_request(code: &str, message: impl Into<String>) -> ArmError {
        ArmError::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// A refusal of a member's value.
    pub(crate) fn invalid(member: &str, message: &str) -> ArmError {
        let message = format!("Cannot parse the request: {member}: {message}.");
        ArmError::bad_request("InvalidRequestFormat", message).on(member)
    }

    pub(crate) fn not_found(code: &str, message: impl Into<String>) -> ArmError {
        ArmError::new(StatusCode::NOT_FOUND, code, message)
    }

    pub(crate) fn on(mut self, target: impl Into<String>) -> ArmError {
        self.target = Some(target.into());
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> ArmError {
        self.retry_after = Some(seconds);
        self
    }

    /// The error object, as it also stands in failed operations.
    pub(crate) fn object(&self) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(target) = &self.target {
            error["target"] = json!(target);
        }
        error
    }

    pub(crate) fn into_answer(self) -> Answer {
        let mut answer = answer::json(self.status, &json!({ "error": self.object() }));
        if let Some(seconds) = self.retry_after {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }
}
