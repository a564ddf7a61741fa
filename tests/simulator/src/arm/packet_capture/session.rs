//! What is done with a capture that is there: get, list, delete, stop, queryStatus
//! (azure-rest-api-specs networkWatcher.json; status codes and headers as in the session recordings of
//! azure-sdk-for-net's PacketCaptureTests).

use http::StatusCode;
use serde_json::json;

use crate::answer::{self, Answer};
use crate::arm::call::Call;
use crate::arm::operation::{self, Started};
use crate::arm::packet_capture::lookup::{capture_of, check_not_busy, watcher_of};
use crate::arm::page::page;
use crate::capture::lifecycle::PendingOperation;
use crate::error::ArmError;
use crate::fault::Effect;
use crate::operation::{OperationFault, OperationResult};
use crate::resource_id::{normalized_region, same};
use crate::state::State;

pub(crate) fn get(state: &State, call: &Call) -> Result<Answer, ArmError> {
    let capture = &state.captures[capture_of(state, call)?];
    let mut answer = answer::json(StatusCode::OK, &capture.resource(call.now));
    answer::set(&mut answer, "etag", &capture.etag(call.now));
    Ok(answer)
}

pub(crate) fn list(state: &State, call: &Call) -> Result<Answer, ArmError> {
    let watcher = watcher_of(state, call)?;
    let captures = state.captures.iter().filter(|capture| same(&capture.watcher, &watcher.id));
    let there = captures.filter(|capture| capture.exists(call.now));
    let resources = there.map(|capture| capture.resource(call.now)).collect();
    Ok(page(state, call, resources, state.world.captures_per_page))
}

pub(crate) fn delete(state: &mut State, call: &Call) -> Result<Answer, ArmError> {
    let watcher = watcher_of(state, call)?;
    let Ok(index) = capture_of(state, call) else {
        return Ok(answer::empty(StatusCode::NO_CONTENT));
    };
    check_not_busy(state, call, index)?;
    let takes = state.world.timing.delete;
    let gone = OperationResult::Empty(StatusCode::NO_CONTENT);
    let started = operation::start(
        state,
        call,
        &OperationFault::of(call.effect),
        &normalized_region(&watcher.location),
        takes,
        gone,
    );
    let capture = &mut state.captures[index];
    capture.operation = Some(PendingOperation::Delete { until: started.ends });
    if started.succeeds {
        capture.end(started.ends, "Deleted");
        capture.deleted_at = Some(started.ends);
    }
    Ok(accepted(state, &started))
}

pub(crate) fn stop(state: &mut State, call: &Call) -> Result<Answer, ArmError> {
    let watcher = watcher_of(state, call)?;
    let index = capture_of(state, call)?;
    check_not_busy(state, call, index)?;
    let takes = state.world.timing.stop;
    let stopped = OperationResult::Empty(StatusCode::OK);
    let started = operation::start(
        state,
        call,
        &OperationFault::of(call.effect),
        &normalized_region(&watcher.location),
        takes,
        stopped,
    );
    let capture = &mut state.captures[index];
    capture.operation = Some(PendingOperation::Stop { until: started.ends });
    if started.succeeds {
        capture.end(started.ends, "Manual");
    }
    Ok(accepted(state, &started))
}

/// While the session runs, the status stands in a 202; a client that only follows `Location` misses it.
pub(crate) fn query_status(state: &mut State, call: &Call) -> Result<Answer, ArmError> {
    let watcher = watcher_of(state, call)?;
    let capture = &state.captures[capture_of(state, call)?];
    let is_running = capture.is_running(call.now);
    let mut status = capture.status_body(call.now);
    match call.effect {
        Some(Effect::StatusWhileRunning(other)) if is_running => return Ok(answer::json(StatusCode::OK, other)),
        Some(Effect::StopReason(_)) if is_running => status["stopReason"] = json!(""),
        Some(Effect::StopReason(reason)) if status.get("stopReason").is_some() => status["stopReason"] = json!(reason),
        _ => {}
    }
    if !is_running {
        return Ok(answer::json(StatusCode::OK, &status));
    }
    let takes = state.world.timing.status;
    let told = OperationResult::Body(status.clone());
    let fault = OperationFault::of(call.effect);
    let started = operation::start(state, call, &fault, &normalized_region(&watcher.location), takes, told);
    let mut answer = if state.world.empty_status_202 {
        answer::empty(StatusCode::ACCEPTED)
    } else {
        answer::json(StatusCode::ACCEPTED, &status)
    };
    answer::set(&mut answer, "location", &started.result_url);
    answer::set(&mut answer, "retry-after", &state.world.timing.retry_after.to_string());
    Ok(answer)
}

fn accepted(state: &State, started: &Started) -> Answer {
    let mut answer = answer::empty(StatusCode::ACCEPTED);
    answer::set(&mut answer, "location", &started.result_url);
    answer::set(&mut answer, "azure-asyncoperation", &started.status_url);
    answer::set(&mut answer, "retry-after", &state.world.timing.retry_after.to_string());
    answer
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json as value};

    use crate::testing::{Client, capture_body, captures, code, header, json};
    use crate::{Effect, Fault, World};

    #[test]
    fn the_status_tells_the_life_of_a_session() {
        let mut client = Client::new(World::sample);
        client.create("pc1");
        let before = client.status("pc1");
        assert_eq!((before.status().as_u16(), &json(&before)["packetCaptureStatus"]), (200, &value!("NotStarted")));
        assert_eq!(json(&before).get("captureStartTime"), None);

        client.pass(4);
        let running = client.status("pc1");
        assert_eq!(running.status(), 202, "with the status in its body");
        assert_eq!(json(&running)["packetCaptureStatus"], "Running");
        assert_eq!(json(&running)["captureStartTime"], "2026-11-20T02:00:04.0770000Z");
        assert_eq!(json(&running).get("stopReason"), None);
        assert!(running.headers().contains_key("location"));

        client.pass(60);
        let ended = client.status("pc1");
        assert_eq!((ended.status().as_u16(), &json(&ended)["stopReason"]), (200, &value!("TimeExceeded")));
        let get = client.arm("GET", &captures("/pc1/queryStatus"), "");
        assert_eq!(get.status(), 405, "it is a POST");
    }

    #[test]
    fn the_status_may_only_be_at_location() {
        let mut client = Client::new(World::sample);
        client.azure.world_mut().empty_status_202 = true;
        client.start("pc1");
        let accepted = client.status("pc1");
        assert_eq!((accepted.status().as_u16(), accepted.body().len()), (202, 0));
        let location = header(&accepted, "location");
        assert_eq!(client.arm("GET", &location, "").status(), 202);
        client.pass(3);
        assert_eq!(json(&client.arm("GET", &location, ""))["packetCaptureStatus"], "Running");
    }

    #[test]
    fn a_stopped_session_ended_by_hand() {
        let mut client = Client::new(World::sample);
        client.start("pc1");
        let stopping = client.arm("POST", &captures("/pc1/stop"), "");
        assert_eq!((stopping.status().as_u16(), stopping.body().len()), (202, 0));
        assert!(
            ["location", "azure-asyncoperation", "retry-after"].iter().all(|one| stopping.headers().contains_key(*one))
        );
        assert_eq!(json(&client.status("pc1"))["packetCaptureStatus"], "Running", "until the operation ends");
        client.pass(3);
        assert_eq!(json(&client.status("pc1"))["stopReason"], "Manual");
        assert!(client.azure.running_captures(client.now).is_empty());
    }

    #[test]
    fn a_name_is_taken_until_its_capture_is_gone() {
        let mut client = Client::new(World::sample);
        client.create("pc1");
        let busy = client.create("pc1");
        assert_eq!((busy.status().as_u16(), code(&busy)), (429, "RetryableErrorDueToAnotherOperation".into()));
        client.pass(4);
        let taken = client.create("PC1");
        assert_eq!((taken.status().as_u16(), code(&taken)), (409, "Conflict".into()));

        let deleting = client.arm("DELETE", &client.capture("pc1"), "");
        assert_eq!((deleting.status().as_u16(), deleting.body().len()), (202, 0));
        assert_eq!(json(&client.arm("GET", &client.capture("pc1"), ""))["properties"]["provisioningState"], "Deleting");
        assert_eq!(client.create("pc1").status(), 429, "the delete is not over");
        client.pass(8);
        assert_eq!(client.arm("GET", &client.capture("pc1"), "").status(), 404);
        assert_eq!(client.create("pc1").status(), 201);
        assert_eq!(client.arm("DELETE", &client.capture("pc2"), "").status(), 204, "nothing to do");

        let ledger = client.azure.captures();
        assert_eq!(ledger.len(), 2);
        assert_eq!((ledger[0].deleted_at, ledger[0].stop_reason.as_deref()), (Some(client.now), Some("Deleted")));
    }

    fn status_fault(client: &mut Client, effect: Effect) {
        client.azure.add_fault(Fault::new(effect).method(http::Method::POST).path("/queryStatus"));
    }

    #[test]
    fn the_status_may_say_nothing_until_the_session_has_ended() {
        let nulls = value!({ "name": "pc1", "packetCaptureStatus": null, "packetCaptureError": null });
        for silent in [value!({}), nulls] {
            let mut client = Client::new(World::sample);
            status_fault(&mut client, Effect::StatusWhileRunning(silent.clone()));
            client.create("pc1");
            assert_eq!(json(&client.status("pc1"))["packetCaptureStatus"], "NotStarted");
            client.pass(4);
            for _ in 0..3 {
                let running = client.status("pc1");
                assert_eq!((running.status().as_u16(), json(&running)), (200, silent.clone()));
                assert!(!running.headers().contains_key("location"));
            }
            client.pass(60);
            assert_eq!(json(&client.status("pc1"))["stopReason"], "TimeExceeded");
        }
    }

    #[test]
    fn a_session_that_was_full_may_be_told_as_one_that_ran_for_its_time_or_without_a_reason() {
        for reason in ["", "TimeExceeded"] {
            let mut client = Client::new(World::sample);
            client.azure.world_mut().session_bytes_per_second = Some(5_000);
            status_fault(&mut client, Effect::StopReason(reason.into()));
            let mut body = capture_body(600);
            body["properties"]["totalBytesPerSession"] = value!(450_000);
            client.arm("PUT", &client.capture("pc1"), &body.to_string());
            client.pass(4);
            let running = json(&client.status("pc1"));
            assert_eq!((&running["packetCaptureStatus"], &running["stopReason"]), (&value!("Running"), &value!("")));
            client.pass(600);
            let ended = json(&client.status("pc1"));
            assert_eq!(
                (&ended["packetCaptureStatus"], &ended["stopReason"]),
                (&value!("Stopped"), &Value::from(reason))
            );

            let capture = client.azure.captures().remove(0);
            assert_eq!(capture.ended.unwrap().duration_since(capture.started.unwrap()).as_secs(), 90);
            assert_eq!(capture.stop_reason.as_deref(), Some("BytesExceeded"), "as the ledger knows");
            let file = client.blob("HEAD", &capture.storage_path, &[]);
            let length: u64 = header(&file, "content-length").parse().unwrap();
            assert!((448_000..=450_000).contains(&length), "{length}");
        }
    }
}
