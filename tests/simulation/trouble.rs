//! Which request is which, and what can go wrong with it.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use nightcap_simulator::{Effect, Service};

use crate::chance::Chance;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    Token,
    Machine,
    Watchers,
    List,
    Get,
    Put,
    Delete,
    Stop,
    Status,
    Operation,
    File,
    Sink,
}

pub const ASKS: [Ask; 12] = [
    Ask::Token,
    Ask::Machine,
    Ask::Watchers,
    Ask::List,
    Ask::Get,
    Ask::Put,
    Ask::Delete,
    Ask::Stop,
    Ask::Status,
    Ask::Operation,
    Ask::File,
    Ask::Sink,
];

/// A sort of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Busy,
    Broken,
    Refused,
    CutBefore,
    CutAfter,
    CutMidBody,
    Slow,
    Hang,
    Html,
    Empty,
    Truncated,
    ExpiredToken,
    SlowOperation,
    FailedOperation,
    CanceledOperation,
    NeverStarts,
    CaptureError,
    MissingHeader,
    Smuggled,
}

pub const KINDS: [Kind; 19] = [
    Kind::Busy,
    Kind::Broken,
    Kind::Refused,
    Kind::CutBefore,
    Kind::CutAfter,
    Kind::CutMidBody,
    Kind::Slow,
    Kind::Hang,
    Kind::Html,
    Kind::Empty,
    Kind::Truncated,
    Kind::ExpiredToken,
    Kind::SlowOperation,
    Kind::FailedOperation,
    Kind::CanceledOperation,
    Kind::NeverStarts,
    Kind::CaptureError,
    Kind::MissingHeader,
    Kind::Smuggled,
];

impl Ask {
    pub fn of(service: Service, request: &Request<Bytes>) -> Self {
        let path = request.uri().path();
        let ends = |with: &str| path.to_ascii_lowercase().ends_with(&with.to_ascii_lowercase());
        match (service, request.method()) {
            (Service::Entra | Service::Identity, _) => Self::Token,
            (Service::Blob, _) => Self::File,
            (Service::Sink, _) => Self::Sink,
            (Service::Arm, &Method::PUT) => Self::Put,
            (Service::Arm, &Method::DELETE) => Self::Delete,
            (Service::Arm, _) if ends("/stop") => Self::Stop,
            (Service::Arm, _) if ends("/queryStatus") => Self::Status,
            (Service::Arm, _) if ends("/networkWatchers") => Self::Watchers,
            (Service::Arm, _) if ends("/packetCaptures") => Self::List,
            (Service::Arm, _) if path.contains("/packetCaptures/") => Self::Get,
            (Service::Arm, _) if path.contains("/locations/") => Self::Operation,
            (Service::Arm, _) => Self::Machine,
        }
    }

    /// What the moment of such a request is called.
    pub fn moment(self) -> &'static str {
        match self {
            Self::Token => "send token",
            Self::Machine => "send machine",
            Self::Watchers => "send watchers",
            Self::List => "send list",
            Self::Get => "send get",
            Self::Put => "send put",
            Self::Delete => "send delete",
            Self::Stop => "send stop",
            Self::Status => "send status",
            Self::Operation => "send operation",
            Self::File => "send file",
            Self::Sink => "send sink",
        }
    }
}

impl Kind {
    /// What this trouble does to such a request, if it fits. Nothing lies: what says that something was done, or that
    /// it is not there, is true, for no client can see through that.
    pub fn effect(self, ask: Ask, chance: &mut Chance) -> Option<Effect> {
        let begins_operation = matches!(ask, Ask::Put | Ask::Delete | Ask::Stop);
        let read_only = !begins_operation && ask != Ask::Sink;
        Some(match self {
            Self::Busy => {
                let wait = *chance.pick(&[None, Some(1), Some(7), Some(30)]);
                status(*chance.pick(&[429, 503]), "TooManyRequests", wait)
            }
            Self::Broken => status(*chance.pick(&[408, 500, 502, 504]), "InternalServerError", None),
            Self::Refused => match *chance.pick(&[400, 403, 404, 409]) {
                404 if ask == Ask::Delete => return None,
                404 if matches!(ask, Ask::Get | Ask::Status | Ask::Stop) => {
                    status(404, if chance.percent(50) { "" } else { "SubscriptionNotFound" }, None)
                }
                404 => status(404, "ResourceNotFound", None),
                409 => status(409, "OperationNotAllowed", None),
                403 => status(403, "AuthorizationFailed", None),
                other => status(other, "InvalidRequestFormat", None),
            },
            Self::CutBefore => Effect::CutBefore,
            Self::CutAfter => Effect::CutAfter,
            Self::CutMidBody => Effect::CutMidBody,
            Self::Slow => Effect::Delay(Duration::from_millis(chance.between(300, 14_000))),
            Self::Hang => Effect::Hang,
            Self::Html => Effect::Html { status: if read_only { *chance.pick(&[200, 502]) } else { 502 } },
            // With an empty answer of 200 Azure tells that an operation has ended.
            Self::Empty if ask == Ask::Operation => Effect::Empty { status: *chance.pick(&[500, 504]) },
            Self::Empty => Effect::Empty { status: if read_only { *chance.pick(&[200, 500, 504]) } else { 504 } },
            Self::Truncated => Effect::Truncated,
            Self::ExpiredToken if !matches!(ask, Ask::Token | Ask::Sink) => Effect::ExpiredToken,
            Self::SlowOperation if begins_operation => {
                Effect::SlowOperation(Duration::from_secs(*chance.pick(&[20, 60, 200, 600])))
            }
            Self::FailedOperation if begins_operation => {
                Effect::FailedOperation { code: "InternalServerError".to_owned(), message: "An error.".to_owned() }
            }
            Self::CanceledOperation if begins_operation => Effect::CanceledOperation,
            Self::NeverStarts if ask == Ask::Put => Effect::NeverStarts,
            Self::CaptureError if ask == Ask::Put => {
                Effect::CaptureError(vec![chance.pick(&["AgentStopped", "StorageFailed"]).to_string()])
            }
            Self::MissingHeader if ask != Ask::Sink => {
                let names = ["Azure-AsyncOperation", "Location", "Retry-After", "Date"];
                Effect::WithoutHeader(chance.pick(&names).to_string())
            }
            Self::Smuggled if ask != Ask::Sink => Effect::SmuggleHost("https://evil.example".to_owned()),
            _ => return None,
        })
    }
}

fn status(status: u16, code: &str, retry_after: Option<u64>) -> Effect {
    Effect::Status { status, code: code.to_owned(), message: "As told.".to_owned(), retry_after }
}
