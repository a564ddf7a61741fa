//! Where a client follows a long-running operation, and what it is told there
//! (azure-resource-manager-rpc async-api-reference; azure-docs async-operations).

use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::answer::{self, Answer};
use crate::arm::call::Call;
use crate::error::ArmError;
use crate::identifier::Identifiers;
use crate::operation::{Operation, OperationFault, OperationResult, TerminalStatus};
use crate::resource_id::same;
use crate::state::State;
use crate::time::later;

/// An operation that has just been started.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) ends: Timestamp,
    pub(crate) succeeds: bool,
    /// For `Azure-AsyncOperation`.
    pub(crate) status_url: String,
    /// For `Location`.
    pub(crate) result_url: String,
}

/// Starts an operation that usually takes so long. Its id is the id of the request that started it.
pub(crate) fn start(
    state: &mut State,
    call: &Call,
    fault: &OperationFault,
    region: &str,
    usual_duration: Duration,
    result: OperationResult,
) -> Started {
    let ends = later(call.now, fault.duration.unwrap_or(usual_duration));
    let operation = Operation {
        subscription: call.path.subscription.clone(),
        ends,
        terminal_status: fault.terminal_status.clone(),
        result,
        status_query: signed_query(&mut state.identifiers, &call.version),
        result_query: signed_query(&mut state.identifiers, &call.version),
    };
    let provider = match call.path.provider.as_deref() {
        Some("microsoft.compute") => "Microsoft.Compute",
        _ => "Microsoft.Network",
    };
    let url = |kind: &str, query: &str| {
        format!(
            "{}/subscriptions/{}/providers/{provider}/locations/{region}/{kind}/{}?{query}",
            state.world.urls.arm, call.path.subscription, call.request_id
        )
    };
    let started = Started {
        ends,
        succeeds: matches!(operation.terminal_status, TerminalStatus::Succeeded),
        status_url: url("operations", &operation.status_query),
        result_url: url("operationResults", &operation.result_query),
    };
    state.operations.insert(call.request_id.clone(), operation);
    started
}

/// Since 2025 these queries carry an expiry, a certificate, a signature and a hash: about 3 KB in all.
fn signed_query(identifiers: &mut Identifiers, version: &str) -> String {
    let ticks = 638_000_000_000_000_000 + identifiers.number() % 10_000_000_000_000_000;
    let (certificate, signature) = (identifiers.opaque(2556), identifiers.opaque(342));
    let hash = identifiers.opaque(43);
    format!("api-version={version}&t={ticks}&c={certificate}&s={signature}&h={hash}")
}

/// `GET …/operations/{id}`: always 200, whatever became of the operation.
pub(crate) fn get_status(state: &State, call: &Call) -> Result<Answer, ArmError> {
    let operation = find(state, call, |operation| &operation.status_query)?;
    let body = match &operation.terminal_status {
        _ if call.now < operation.ends => json!({ "status": "InProgress" }),
        // Recordings of 2017 have the status alone, those of 2025 an empty object beside it.
        TerminalStatus::Succeeded if call.version.as_str() < "2020" => json!({ "status": "Succeeded" }),
        TerminalStatus::Succeeded => json!({ "status": "Succeeded", "properties": {} }),
        TerminalStatus::Failed { code, message } => json!({ "status": "Failed", "error": failure(code, message) }),
        TerminalStatus::Canceled => json!({ "status": "Canceled", "error": cancellation() }),
    };
    let mut answer = answer::json(StatusCode::OK, &body);
    if call.now < operation.ends {
        answer::set(&mut answer, "retry-after", &state.world.timing.retry_after.to_string());
    }
    Ok(answer)
}

/// `GET …/operationResults/{id}`: 202 while it runs, then what the operation gave.
pub(crate) fn get_result(state: &State, call: &Call) -> Result<Answer, ArmError> {
    let operation = find(state, call, |operation| &operation.result_query)?;
    let here = format!("{}{}", state.world.urls.arm, answer::path_and_query(call.request));
    if call.now < operation.ends {
        let mut answer = answer::empty(StatusCode::ACCEPTED);
        answer::set(&mut answer, "location", &here);
        answer::set(&mut answer, "retry-after", &state.world.timing.retry_after.to_string());
        return Ok(answer);
    }
    let mut answer = match (&operation.terminal_status, &operation.result) {
        (TerminalStatus::Succeeded, OperationResult::Empty(status)) => answer::empty(*status),
        (TerminalStatus::Succeeded, OperationResult::Body(body)) => answer::json(StatusCode::OK, body),
        (TerminalStatus::Failed { code, message }, _) => {
            answer::json(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "error": failure(code, message) }))
        }
        (TerminalStatus::Canceled, _) => answer::json(StatusCode::CONFLICT, &json!({ "error": cancellation() })),
    };
    answer::set(&mut answer, "location", &here);
    Ok(answer)
}

/// The operation that a URL names, when the URL's query is the one that was handed out, to the letter.
fn find<'a>(state: &'a State, call: &Call, query: fn(&Operation) -> &String) -> Result<&'a Operation, ArmError> {
    let id = call.path.rest.last().map(|id| id.to_lowercase()).unwrap_or_default();
    state
        .operations
        .get(&id)
        .filter(|operation| same(&operation.subscription, &call.path.subscription))
        .filter(|operation| call.request.uri().query() == Some(query(operation)))
        .ok_or_else(|| ArmError::not_found("OperationNotFound", format!("The operation '{id}' could not be found.")))
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

    use crate::testing::{Client, code, header, json};
    use crate::{Effect, Fault, World};

    #[test]
    fn an_operation_is_followed_at_a_long_url_kept_to_the_letter() {
        let mut client = Client::new(World::sample);
        let created = client.create("pc1");
        let url = header(&created, "azure-asyncoperation");
        assert!((3000..4096).contains(&url.len()), "{} characters", url.len());
        assert_eq!(json(&client.arm("GET", &url, ""))["status"], "InProgress");
        let (short, _) = url.split_once("&h=").unwrap();
        for altered in [short.to_owned(), url.replace("&t=", "&T="), format!("{url}&x=1")] {
            assert_eq!(client.arm("GET", &altered, "").status(), 404);
        }
        client.pass(4);
        assert_eq!(json(&client.arm("GET", &url, ""))["status"], "Succeeded");
    }

    #[test]
    fn an_operation_can_be_slow_fail_or_be_canceled() {
        let cases = [
            (Effect::SlowOperation(Duration::from_secs(60)), "InProgress", "Updating"),
            (Effect::FailedOperation { code: "Broken".into(), message: String::new() }, "Failed", "Failed"),
            (Effect::CanceledOperation, "Canceled", "Canceled"),
        ];
        for (effect, status, state) in cases {
            let mut client = Client::new(World::sample);
            client.azure.add_fault(Fault::new(effect).method(http::Method::PUT));
            let url = header(&client.create("pc1"), "azure-asyncoperation");
            client.pass(5);
            let operation = client.arm("GET", &url, "");
            assert_eq!((operation.status().as_u16(), &json(&operation)["status"]), (200, &status.into()));
            assert_eq!(json(&operation).get("error").is_some(), status != "InProgress");
            assert_eq!(json(&client.arm("GET", &client.capture("pc1"), ""))["properties"]["provisioningState"], state);
        }
    }

    #[test]
    fn a_result_is_awaited_at_location() {
        let mut client = Client::new(World::sample);
        client.start("pc1");
        let location = header(&client.arm("DELETE", &client.capture("pc1"), ""), "location");
        let waiting = client.arm("GET", &location, "");
        assert_eq!((waiting.status().as_u16(), header(&waiting, "location")), (202, location.clone()));
        client.pass(8);
        assert_eq!(client.arm("GET", &location, "").status(), 204);
    }

    #[test]
    fn an_operation_is_not_found_elsewhere() {
        let mut client = Client::new(World::sample);
        client.azure.world_mut().subscriptions.push("other".into());
        let url = header(&client.create("pc1"), "azure-asyncoperation").replacen(crate::SUBSCRIPTION, "other", 1);
        assert_eq!(code(&client.arm("GET", &url, "")), "OperationNotFound");
    }
}
