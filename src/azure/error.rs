//! What can go wrong between nightcap and Azure.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Deserialize;

use super::action::Action;
use super::identity::Identity;
use super::{lenient, retry};
use crate::text::clean;

/// A request to Azure that did not do its work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AzureError {
    /// There was no token. The code is `AADSTSnnnnn`, or a word for the error.
    #[error("no token for {identity}: {code}")]
    NoToken {
        /// Who asked for it.
        identity: Identity,
        code: String,
        /// Whether asking again later may help.
        transient: bool,
    },
    /// No answer at all, in all attempts.
    #[error("no answer to {}: {detail}", action.name())]
    Unreachable { action: Action, detail: String },
    /// An answer with an error status.
    #[error("{} was answered {status} {code}", action.name())]
    Refused {
        action: Action,
        status: StatusCode,
        /// Azure's stable code, empty when the answer had none.
        code: String,
        /// Azure's localised sentence, cleaned and shortened.
        message: String,
        /// How long Azure asked to wait.
        retry_after: Option<Duration>,
    },
    /// A good status with a body that is not what it should be.
    #[error("the answer to {} is unreadable: {detail}", action.name())]
    Unreadable { action: Action, detail: String },
    /// Azure accepted the work and then failed at it.
    #[error("the operation of {} failed: {code}", action.name())]
    OperationFailed {
        /// The request that began the operation.
        action: Action,
        code: String,
        /// Azure's localised sentence, cleaned and shortened.
        message: String,
    },
    /// An answer told nightcap to go on at a place that is not Azure's.
    #[error("the answer to {} pointed to a foreign address", action.name())]
    ForeignUrl { action: Action },
    /// An operation did not end within the time that there is.
    #[error("{} ran out of time", action.name())]
    OutOfTime { action: Action },
}

impl AzureError {
    /// The HTTP status of the refusal, if there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(status.as_u16()),
            _ => None,
        }
    }

    /// Azure's stable code, if there is one.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused { code, .. } | Self::OperationFailed { code, .. } | Self::NoToken { code, .. } => code,
            _ => "",
        }
    }

    /// How long Azure asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether Azure has not looked at the request, because there were too many. The same status also tells that
    /// another operation is at work on the resource, which is another matter.
    pub fn is_throttling(&self) -> bool {
        self.status() == Some(429) && self.code() != "RetryableErrorDueToAnotherOperation"
    }

    /// Whether the request may have been carried out although no good answer came.
    pub fn leaves_doubt(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Unreadable { .. } => true,
            Self::Refused { status, .. } => status.is_server_error() || *status == StatusCode::REQUEST_TIMEOUT,
            _ => false,
        }
    }

    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::OutOfTime { .. } => true,
            Self::NoToken { transient, .. } => *transient,
            Self::Refused { status, .. } => retry::is_transient(*status),
            Self::Unreadable { .. } | Self::OperationFailed { .. } | Self::ForeignUrl { .. } => false,
        }
    }
}

/// Code and sentence of an error, made fit for logs and sentences. Both are empty when an answer says nothing readable, for
/// gateways answer HTML or nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Detail {
    #[serde(deserialize_with = "lenient::or_default")]
    pub code: String,
    #[serde(deserialize_with = "lenient::or_default")]
    pub message: String,
}

/// A body with an error in it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    #[serde(deserialize_with = "lenient::or_default")]
    error: Detail,
}

impl Detail {
    /// What an answer says of the error. Blob storage puts its code into a header, for an answer to HEAD has no body.
    pub fn of_answer(answer: &Response<Bytes>) -> Self {
        let code = answer.headers().get("x-ms-error-code").and_then(|code| code.to_str().ok());
        match code {
            Some(code) => Self { code: clean(code, 80), message: String::new() },
            None => Self::in_body(answer.body()),
        }
    }

    fn in_body(body: &[u8]) -> Self {
        serde_json::from_slice::<ErrorBody>(body).unwrap_or_default().error.cleaned()
    }

    /// The same, fit for logs and sentences.
    pub fn cleaned(self) -> Self {
        Self { code: clean(&self.code, 80), message: clean(&self.message, 300) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_bodies_of_every_kind_are_survived() {
        let detail =
            Detail::in_body(br#"{"error":{"code":"AuthorizationFailed","message":"no\r\nright","details":[]}}"#);
        assert_eq!((detail.code.as_str(), detail.message.as_str()), ("AuthorizationFailed", "no right"));
        for body in [
            &b""[..],
            b"<html>",
            b"[]",
            b"{}",
            br#"{"error":"x"}"#,
            br#"{"error":{"code":[]}}"#,
            br#"{"error":null}"#,
            b"\xff\xfe",
        ] {
            assert_eq!(Detail::in_body(body).code, "", "{body:?}");
        }
    }
}
