//! Long-running operations: where a client polls, and what it is told there
//! (azure-resource-manager-rpc async-api-reference; azure-docs async-operations).

use std::collections::HashMap;
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::answer::{self, Answer, ArmError};
use crate::arm::Call;
use crate::azure::Azure;
use crate::fault::Effect;
use crate::token::later;
use crate::world::same;

#[derive(Debug, Default)]
pub(crate) struct Operations {
    by_id: HashMap<String, Operation>,
}

#[derive(Debug)]
struct Operation {
    subscription: String,
    ends: Timestamp,
    ending: Ending,
    result: OperationResult,
    status_query: String,
    result_query: String,
}

/// How an operation ends.
#[derive(Debug, Clone, Default)]
pub(crate) enum Ending {
    #[default]
    Succeeds,
    Fails(String, String),
    Canceled,
}

/// What the operation's `Location` gives once it has succeeded.
#[derive(Debug, Clone)]
pub(crate) enum OperationResult {
    Empty(StatusCode),
    Body(Value),
}

/// What a fault decided for the operation, or the capture, that a request starts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fate {
    pub(crate) takes: Option<Duration>,
    pub(crate) ending: Ending,
    pub(crate) never_starts: bool,
    pub(crate) capture_errors: Vec<String>,
}

impl Fate {
    pub(crate) fn of(effect: &Effect) -> Fate {
        let mut fate = Fate::default();
        match effect {
            Effect::SlowOperation(takes) => fate.takes = Some(*takes),
            Effect::FailedOperation { code, message } => fate.ending = Ending::Fails(code.clone(), message.clone()),
            Effect::CanceledOperation => fate.ending = Ending::Canceled,
            Effect::NeverStarts => fate.never_starts = true,
            Effect::CaptureError(errors) => fate.capture_errors = errors.clone(),
            _ => {}
        }
        fate
    }
}

/// An operation that has just begun.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) ends: Timestamp,
    pub(crate) succeeds: bool,
    /// For `Azure-AsyncOperation`.
    pub(crate) status_url: String,
    /// For `Location`.
    pub(crate) result_url: String,
}

impl Azure {
    /// Begins an operation that usually takes so long. Its id is the id of the request that began it.
    pub(crate) fn begin(
        &mut self,
        call: &Call,
        fate: &Fate,
        region: &str,
        usually: Duration,
        result: OperationResult,
    ) -> Begun {
        let ends = later(call.now, fate.takes.unwrap_or(usually));
        let operation = Operation {
            subscription: call.path.subscription.clone(),
            ends,
            ending: fate.ending.clone(),
            result,
            status_query: self.signed_query(&call.version),
            result_query: self.signed_query(&call.version),
        };
        let url = |kind: &str, query: &str| {
            format!(
                "{}/subscriptions/{}/providers/Microsoft.Network/locations/{region}/{kind}/{}?{query}",
                self.world.urls.arm, call.path.subscription, call.request_id
            )
        };
        let begun = Begun {
            ends,
            succeeds: matches!(operation.ending, Ending::Succeeds),
            status_url: url("operations", &operation.status_query),
            result_url: url("operationResults", &operation.result_query),
        };
        self.operations.by_id.insert(call.request_id.clone(), operation);
        begun
    }

    /// Since 2025 these queries carry an expiry, a certificate, a signature and a hash: about 3 KB in all.
    fn signed_query(&mut self, version: &str) -> String {
        let ticks = 638_000_000_000_000_000 + self.identifiers.number() % 10_000_000_000_000_000;
        let (certificate, signature) = (self.identifiers.opaque(2556), self.identifiers.opaque(342));
        let hash = self.identifiers.opaque(43);
        format!("api-version={version}&t={ticks}&c={certificate}&s={signature}&h={hash}")
    }

    /// `GET …/operations/{id}`: always 200, whatever became of the operation.
    pub(crate) fn operation_status(&self, call: &Call) -> Result<Answer, ArmError> {
        let operation = self.operation(call, |operation| &operation.status_query)?;
        let body = match &operation.ending {
            _ if call.now < operation.ends => json!({ "status": "InProgress" }),
            // Recordings of 2017 have the status alone, those of 2025 an empty object beside it.
            Ending::Succeeds if call.version.as_str() < "2020" => json!({ "status": "Succeeded" }),
            Ending::Succeeds => json!({ "status": "Succeeded", "properties": {} }),
            Ending::Fails(code, message) => json!({ "status": "Failed", "error": failure(code, message) }),
            Ending::Canceled => json!({ "status": "Canceled", "error": cancellation() }),
        };
        let mut answer = answer::json(StatusCode::OK, &body);
        if call.now < operation.ends {
            answer::set(&mut answer, "retry-after", &self.world.timing.retry_after.to_string());
        }
        Ok(answer)
    }

    /// `GET …/operationResults/{id}`: 202 while it runs, then what the operation gave.
    pub(crate) fn operation_result(&self, call: &Call) -> Result<Answer, ArmError> {
        let operation = self.operation(call, |operation| &operation.result_query)?;
        let here = format!("{}{}", self.world.urls.arm, answer::path_and_query(call.request));
        if call.now < operation.ends {
            let mut answer = answer::empty(StatusCode::ACCEPTED);
            answer::set(&mut answer, "location", &here);
            answer::set(&mut answer, "retry-after", &self.world.timing.retry_after.to_string());
            return Ok(answer);
        }
        let mut answer = match (&operation.ending, &operation.result) {
            (Ending::Succeeds, OperationResult::Empty(status)) => answer::empty(*status),
            (Ending::Succeeds, OperationResult::Body(body)) => answer::json(StatusCode::OK, body),
            (Ending::Fails(code, message), _) => {
                answer::json(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "error": failure(code, message) }))
            }
            (Ending::Canceled, _) => answer::json(StatusCode::CONFLICT, &json!({ "error": cancellation() })),
        };
        answer::set(&mut answer, "location", &here);
        Ok(answer)
    }

    /// The operation that a URL names, when the URL's query is the one that was handed out, to the letter.
    fn operation(&self, call: &Call, query: fn(&Operation) -> &String) -> Result<&Operation, ArmError> {
        let id = call.path.rest.last().map(|id| id.to_lowercase()).unwrap_or_default();
        self.operations
            .by_id
            .get(&id)
            .filter(|operation| same(&operation.subscription, &call.path.subscription))
            .filter(|operation| call.request.uri().query() == Some(query(operation)))
            .ok_or_else(|| {
                ArmError::not_found("OperationNotFound", format!("The operation '{id}' could not be found."))
            })
    }
}

fn failure(code: &str, message: &str) -> Value {
    let message = if message.is_empty() { "An error occurred." } else { message };
    json!({ "code": code, "message": message, "details": [] })
}

fn cancellation() -> Value {
    json!({
        "code": "Canceled",
        "message": "Operation was canceled.",
        "details": [{
            "code": "CanceledAndSupersededDueToAnotherOperation",
            "message": "Operation was superseded by another operation.",
        }],
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::testing::{Play, code, header, json};
    use crate::{Effect, Fault, World};

    #[test]
    fn an_operation_is_followed_at_a_long_url_kept_to_the_letter() {
        let mut play = Play::new(World::sample);
        let created = play.create("pc1");
        let url = header(&created, "azure-asyncoperation");
        assert!((3000..4096).contains(&url.len()), "{} characters", url.len());
        assert_eq!(json(&play.arm("GET", &url, ""))["status"], "InProgress");
        let (short, _) = url.split_once("&h=").unwrap();
        for altered in [short.to_owned(), url.replace("&t=", "&T="), format!("{url}&x=1")] {
            assert_eq!(play.arm("GET", &altered, "").status(), 404);
        }
        play.pass(4);
        assert_eq!(json(&play.arm("GET", &url, ""))["status"], "Succeeded");
    }

    #[test]
    fn an_operation_can_be_slow_fail_or_be_canceled() {
        let cases = [
            (Effect::SlowOperation(Duration::from_secs(60)), "InProgress", "Updating"),
            (Effect::FailedOperation { code: "Broken".into(), message: String::new() }, "Failed", "Failed"),
            (Effect::CanceledOperation, "Canceled", "Canceled"),
        ];
        for (effect, status, state) in cases {
            let mut play = Play::new(World::sample);
            play.azure.add_fault(Fault::new(effect).method(http::Method::PUT));
            let url = header(&play.create("pc1"), "azure-asyncoperation");
            play.pass(5);
            let operation = play.arm("GET", &url, "");
            assert_eq!((operation.status().as_u16(), &json(&operation)["status"]), (200, &status.into()));
            assert_eq!(json(&operation).get("error").is_some(), status != "InProgress");
            assert_eq!(json(&play.arm("GET", &play.capture("pc1"), ""))["properties"]["provisioningState"], state);
        }
    }

    #[test]
    fn a_result_is_awaited_at_location() {
        let mut play = Play::new(World::sample);
        play.start("pc1");
        let location = header(&play.arm("DELETE", &play.capture("pc1"), ""), "location");
        let waiting = play.arm("GET", &location, "");
        assert_eq!((waiting.status().as_u16(), header(&waiting, "location")), (202, location.clone()));
        play.pass(8);
        assert_eq!(play.arm("GET", &location, "").status(), 204);
    }

    #[test]
    fn an_operation_is_not_found_elsewhere() {
        let mut play = Play::new(World::sample);
        play.azure.world_mut().subscriptions.push("other".into());
        let url = header(&play.create("pc1"), "azure-asyncoperation").replacen(crate::SUBSCRIPTION, "other", 1);
        assert_eq!(code(&play.arm("GET", &url, "")), "OperationNotFound");
    }
}
