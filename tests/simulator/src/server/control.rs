//! The simulator's own endpoints, on the sink's origin below `/simulator/`.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::answer::{self, Answer};
use crate::azure::Azure;
use crate::fault::Fault;

/// Answers a control request; `None` when it is none. Control requests appear in no transcript, and no fault
/// strikes them.
pub(crate) fn answer(azure: &mut Azure, now: Timestamp, request: &Request<Bytes>) -> Option<Answer> {
    let name = request.uri().path().strip_prefix("/simulator/")?;
    let answer = match (request.method(), name) {
        (&Method::GET, "transcript") => shown(json!(azure.transcript())),
        (&Method::GET, "captures") => shown(captures(azure, now)),
        (&Method::GET, "messages") => shown(json!(azure.messages())),
        (&Method::GET, "faults") => shown(json!(azure.faults())),
        (&Method::POST, "faults") => add_faults(azure, request.body()),
        (&Method::DELETE, "faults") => {
            azure.clear_faults();
            answer::empty(StatusCode::NO_CONTENT)
        }
        (&Method::POST, "expire-tokens") => {
            azure.expire_tokens();
            answer::empty(StatusCode::NO_CONTENT)
        }
        _ => answer::empty(StatusCode::NOT_FOUND),
    };
    Some(answer)
}

fn shown(value: Value) -> Answer {
    answer::json(StatusCode::OK, &value)
}

fn captures(azure: &Azure, now: Timestamp) -> Value {
    let captures = azure.captures().into_iter().map(|capture| {
        let mut shown = json!(capture);
        shown["now"] = json!({
            "exists": capture.exists(now),
            "provisioningState": capture.provisioning_state(now),
            "packetCaptureStatus": capture.status(now),
        });
        shown
    });
    captures.collect()
}

/// Takes one fault or an array of faults.
fn add_faults(azure: &mut Azure, body: &[u8]) -> Answer {
    let faults = serde_json::from_slice::<Value>(body).and_then(|value| match value {
        Value::Array(_) => serde_json::from_value::<Vec<Fault>>(value),
        one => serde_json::from_value(one).map(|fault| vec![fault]),
    });
    match faults {
        Ok(faults) => {
            faults.into_iter().for_each(|fault| azure.add_fault(fault));
            answer::empty(StatusCode::NO_CONTENT)
        }
        Err(error) => answer::json(StatusCode::BAD_REQUEST, &json!({ "error": error.to_string() })),
    }
}
