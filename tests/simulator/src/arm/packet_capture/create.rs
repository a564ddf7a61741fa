//! The PUT of a packet capture: what is checked, and what is started
//! (azure-rest-api-specs networkWatcher.json; status codes and headers as in the session recordings of
//! azure-sdk-for-net's PacketCaptureTests).

use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::Map;

use crate::answer::{self, Answer};
use crate::arm::call::Call;
use crate::arm::operation;
use crate::arm::packet_capture::lookup::{check_not_busy, find_capture, watcher_of};
use crate::arm::packet_capture::storage_path::{files, storage_path};
use crate::arm::packet_capture::target::{self, Target, unknown_reference};
use crate::capture::lifecycle::{Capture, ProvisioningState};
use crate::capture::properties::{CaptureProperties, StorageLocation, given};
use crate::capture::request;
use crate::error::ArmError;
use crate::operation::{OperationFault, OperationResult, TerminalStatus};
use crate::resource_id::{name_of, normalized_region, same};
use crate::state::State;
use crate::time::later;
use crate::world::resources::Watcher;

pub(crate) fn create(state: &mut State, call: &Call) -> Result<Answer, ArmError> {
    let watcher = watcher_of(state, call)?;
    let name = call.path.rest.last().cloned().unwrap_or_default();
    check_name(&name)?;
    check_media_type(call)?;
    let properties = request::read(call.request.body(), &call.version)?;
    check_name_is_free(state, call, &watcher, &name)?;
    let target = target::find(&state.world, &properties)?;
    target.check(call, &watcher)?;
    request::check_local_path(&properties.storage_location, target.os)?;
    check_storage(state, &properties.storage_location)?;
    check_session_limit(state, call.now, &watcher)?;
    Ok(start(state, call, watcher, name, properties, target))
}

/// There is no update: a name is taken until its capture is gone. The service's words for that are not
/// published; that it is an error is (Azure/azure-cli issue 7748).
fn check_name_is_free(state: &State, call: &Call, watcher: &Watcher, name: &str) -> Result<(), ArmError> {
    let Some(index) = find_capture(state, call.now, watcher, name) else { return Ok(()) };
    check_not_busy(state, call, index)?;
    Err(ArmError::new(StatusCode::CONFLICT, "Conflict", "A packet capture with this name already exists."))
}

fn check_storage(state: &State, location: &StorageLocation) -> Result<(), ArmError> {
    let Some(id) = given(&location.storage_id) else { return Ok(()) };
    let member = "properties.storageLocation.storageId";
    if !id.to_lowercase().starts_with("/subscriptions/") {
        return Err(ArmError::invalid(member, "the value is not a resource id"));
    }
    let account = state.world.storage_account(id).ok_or_else(|| unknown_reference(id, member))?;
    let endpoint = format!("{}/", state.world.urls.blob_account(name_of(&account.id)));
    match given(&location.storage_path) {
        Some(path) if !path.starts_with(&endpoint) || path.len() == endpoint.len() => {
            let member = "properties.storageLocation.storagePath";
            Err(ArmError::invalid(member, "the value is not the URL of a blob or container of the storage account"))
        }
        _ => Ok(()),
    }
}

fn check_session_limit(state: &State, now: Timestamp, watcher: &Watcher) -> Result<(), ArmError> {
    let in_watcher = state.captures.iter().filter(|capture| same(&capture.watcher, &watcher.id));
    if in_watcher.filter(|capture| capture.is_active(now)).count() < state.world.session_limit {
        return Ok(());
    }
    let message = format!(
        "Cannot create more than {} packet captures for this subscription in this region.",
        state.world.session_limit
    );
    Err(ArmError::new(StatusCode::CONFLICT, "PacketCaptureLimitReached", message))
}

fn start(
    state: &mut State,
    call: &Call,
    watcher: Watcher,
    name: String,
    properties: CaptureProperties,
    target: Target,
) -> Answer {
    let mut fault = OperationFault::of(call.effect);
    let account = given(&properties.storage_location.storage_id).and_then(|id| state.world.storage_account(id));
    if account.is_some_and(|account| normalized_region(&account.location) != normalized_region(&target.location)) {
        fault.terminal_status = storage_is_elsewhere();
    }
    if account.is_some_and(|account| !account.shared_key_access) {
        fault.capture_errors.push("StorageFailed".into());
    }
    let region = normalized_region(&watcher.location);
    let takes = state.world.timing.create;
    let operation = operation::start(state, call, &fault, &region, takes, OperationResult::Empty(StatusCode::OK));
    let started = (operation.succeeds && !fault.never_starts).then_some(operation.ends);
    let (session, reason) = match fault.capture_errors[..] {
        [] => session(state, &properties),
        _ => (Duration::ZERO, "Error"),
    };
    let storage_path = storage_path(state, &properties.storage_location, &target.id, call.now);
    let capture = Capture {
        id: format!("{}/packetCaptures/{name}", watcher.id),
        watcher: watcher.id,
        region,
        name,
        target: properties.target.clone(),
        properties,
        files: files(state.world.scale_set_files, &storage_path, &target),
        instances: target.instances.unwrap_or_default(),
        storage_path,
        created: call.now,
        settled: operation.ends,
        started,
        ended: started.map(|started| later(started, session)),
        stop_reason: started.map(|_| reason.into()),
        errors: fault.capture_errors,
        deleted_at: None,
        settles_as: match fault.terminal_status {
            TerminalStatus::Succeeded => ProvisioningState::Succeeded,
            TerminalStatus::Failed { .. } => ProvisioningState::Failed,
            TerminalStatus::Canceled => ProvisioningState::Canceled,
        },
        operation: None,
        shown_instead: Map::new(),
        etag: state.identifiers.guid(),
    };
    let mut answer = answer::json(StatusCode::CREATED, &capture.resource(call.now));
    state.captures.push(capture);
    answer::set(&mut answer, "azure-asyncoperation", &operation.status_url);
    answer::set(&mut answer, "retry-after", &state.world.timing.retry_after.to_string());
    answer
}

/// How long a session lasts by itself, and what ends it. The words for the byte limit are not published.
fn session(state: &State, properties: &CaptureProperties) -> (Duration, &'static str) {
    let settings = properties.capture_settings.as_ref().filter(|_| properties.continuous_capture.is_some());
    let seconds = match settings {
        Some(settings) => settings.session_time_limit_in_seconds,
        None => properties.time_limit_in_seconds,
    };
    let by_time = Duration::from_secs(positive(seconds));
    let bytes = positive(properties.total_bytes_per_session);
    let by_bytes = state
        .world
        .session_bytes_per_second
        .filter(|rate| *rate > 0 && bytes > 0)
        .map(|rate| Duration::from_millis(bytes.saturating_mul(1000) / rate));
    match by_bytes {
        Some(by_bytes) if by_bytes < by_time => (by_bytes, "BytesExceeded"),
        _ => (by_time, "TimeExceeded"),
    }
}

/// The service's words for this are not published.
fn storage_is_elsewhere() -> TerminalStatus {
    let message = "The storage account is not in the same region as the target of the packet capture.";
    TerminalStatus::Failed { code: "StorageAccountNotInTargetRegion".into(), message: message.into() }
}

fn check_name(name: &str) -> Result<(), ArmError> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if (1..=80).contains(&name.len()) && name.chars().all(is_plain) {
        return Ok(());
    }
    let message = format!("Resource name '{name}' is invalid: up to 80 letters, digits, '-', '_' and '.' are allowed.");
    Err(ArmError::bad_request("InvalidResourceName", message))
}

fn check_media_type(call: &Call) -> Result<(), ArmError> {
    let media_type = answer::header(call.request, "content-type").unwrap_or("<null>");
    if media_type.split(';').next().is_some_and(|essence| same(essence.trim(), "application/json")) {
        return Ok(());
    }
    let message =
        format!("The content media type '{media_type}' is not supported. Only 'application/json' is supported.");
    Err(ArmError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message))
}

fn positive(number: Option<i64>) -> u64 {
    number.and_then(|number| u64::try_from(number).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json as value};

    use crate::testing::{Client, capture_body, captures, code, header, json, sample_account, sample_vm};
    use crate::{Effect, Fault, SUBSCRIPTION, World};

    fn refused(world: impl FnOnce(&mut World), body: &Value) -> (u16, String) {
        let mut client = Client::new(World::sample);
        world(client.azure.world_mut());
        let answer = client.arm("PUT", &client.capture("pc1"), &body.to_string());
        (answer.status().as_u16(), code(&answer))
    }

    fn machine(group: &str, name: &str) -> String {
        format!(
            "/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines/{name}"
        )
    }

    #[test]
    fn a_created_capture_is_followed_by_its_operation_and_never_by_location() {
        let mut client = Client::new(World::sample);
        let created = client.create("pc1");
        assert_eq!(created.status(), 201);
        assert_eq!(header(&created, "retry-after"), "10");
        assert!(created.headers().contains_key("azure-asyncoperation") && !created.headers().contains_key("location"));
        let body = json(&created);
        assert_eq!(body["properties"]["provisioningState"], "Updating");
        assert_eq!(body["properties"]["totalBytesPerSession"], 1_073_741_824);
        assert_eq!(body["properties"]["filters"], value!([]));
        assert_eq!(
            body["properties"]["storageLocation"]["storagePath"],
            format!(
                "https://contosoexamplergdiag374.blob.core.windows.net/network-watcher-logs/subscriptions/\
                 {SUBSCRIPTION}/resourcegroups/test-rg/providers/microsoft.compute/virtualmachines/test-vm/2026/11/20/\
                 packetcapture_02_00_00_077.cap"
            )
        );
        client.pass(4);
        let got = client.arm("GET", &client.capture("PC1"), "");
        assert_eq!(json(&got)["properties"]["provisioningState"], "Succeeded");
        assert_eq!(header(&got, "etag"), json(&got)["etag"].as_str().unwrap());
        assert_ne!(json(&got)["etag"], body["etag"]);
    }

    #[test]
    fn a_capture_that_stays_on_the_machine_has_an_empty_storage_path() {
        let mut client = Client::new(World::sample);
        let body = value!({ "properties": { "target": sample_vm(), "storageLocation": { "filePath": "C:\\x.cap" } } });
        let created = json(&client.arm("PUT", &client.capture("pc1"), &body.to_string()));
        let location = &created["properties"]["storageLocation"];
        assert_eq!((&location["storagePath"], location.get("storageId")), (&value!(""), None));
    }

    #[test]
    fn a_session_may_end_by_bytes() {
        let mut client = Client::new(World::sample);
        client.azure.world_mut().session_bytes_per_second = Some(100_000_000);
        client.start("pc1");
        client.pass(11);
        assert_eq!(json(&client.status("pc1"))["stopReason"], "BytesExceeded");
    }

    #[test]
    fn a_failed_capture_keeps_its_name() {
        let mut client = Client::new(World::sample);
        let fault = Effect::FailedOperation { code: "InternalServerError".into(), message: String::new() };
        client.azure.add_fault(Fault::new(fault).method(http::Method::PUT).times(1));
        client.start("pc1");
        let list = json(&client.arm("GET", &captures(""), ""));
        assert_eq!(list["value"][0]["properties"]["provisioningState"], "Failed");
        assert_eq!(client.create("pc1").status(), 409);
        assert_eq!(client.azure.captures()[0].started, None);
    }

    #[test]
    fn a_capture_may_never_start_or_end_in_error() {
        let mut client = Client::new(World::sample);
        client.azure.add_fault(Fault::new(Effect::NeverStarts).path("/pc1"));
        client.azure.add_fault(Fault::new(Effect::CaptureError(vec!["AgentStopped".into()])).path("/pc2"));
        client.create("pc1");
        client.start("pc2");
        client.pass(100);
        assert_eq!(json(&client.status("pc1"))["packetCaptureStatus"], "NotStarted");
        let error = json(&client.status("pc2"));
        assert_eq!(
            (&error["packetCaptureStatus"], &error["packetCaptureError"]),
            (&value!("Error"), &value!(["AgentStopped"]))
        );
    }

    #[test]
    fn what_cannot_be_captured_is_refused() {
        let target = |id: String| {
            let mut body = capture_body(60);
            body["properties"]["target"] = value!(id);
            refused(|_| {}, &body)
        };
        assert_eq!(target(machine("test-RG", "nobody")), (400, "InvalidResourceReference".into()));
        assert_eq!(target(machine("example-rg", "example-vm")), (400, "InvalidRequestFormat".into()), "other region");
        assert_eq!(target(machine("test-RG", "no-agent")), (400, "NetworkWatcherVmExtensionNotInstalled".into()));
        assert_eq!(target(format!("/{}", sample_vm())), (400, "InvalidResourceReference".into()), "double slash");
        let set = World::sample(crate::Urls::public()).scale_sets[0].id.clone();
        assert_eq!(target(format!("{set}/virtualMachines/0")), (400, "UnsupportedTargetResourceId".into()));
        assert_eq!(target(machine("pipelinealertrg", "WCUS-r2-gen2")).0, 201, "regions are compared without spaces");

        let mut body = capture_body(60);
        body["properties"]["storageLocation"]["storageId"] = value!(sample_account() + "x");
        assert_eq!(refused(|_| {}, &body), (400, "InvalidResourceReference".into()));
        body["properties"]["storageLocation"]["storageId"] = value!("https://x.blob.core.windows.net");
        assert_eq!(refused(|_| {}, &body), (400, "InvalidRequestFormat".into()));
        assert_eq!(
            refused(|world| world.session_limit = 0, &capture_body(60)),
            (409, "PacketCaptureLimitReached".into())
        );

        let mut client = Client::new(World::sample);
        let url = captures("/pc1").replace("_westcentralus", "_nowhere");
        assert_eq!(code(&client.arm("PUT", &url, &capture_body(60).to_string())), "ParentResourceNotFound");
        assert_eq!(code(&client.arm("PUT", &captures("/a%20b"), &capture_body(60).to_string())), "InvalidResourceName");
    }

    #[test]
    fn storage_in_another_region_fails_the_operation() {
        let mut client = Client::new(World::sample);
        let mut body = capture_body(60);
        let account = &client.azure.world().storage_accounts[1].id;
        body["properties"]["storageLocation"]["storageId"] = value!(account);
        let created = client.arm("PUT", &client.capture("pc1"), &body.to_string());
        assert_eq!(created.status(), 201);
        client.pass(4);
        let operation = json(&client.arm("GET", &header(&created, "azure-asyncoperation"), ""));
        assert_eq!(operation["error"]["code"], "StorageAccountNotInTargetRegion");
    }

    #[test]
    fn the_session_limit_counts_sessions_and_not_captures() {
        let mut client = Client::new(World::sample);
        client.azure.world_mut().session_limit = 1;
        client.start("pc1");
        assert_eq!(client.create("pc2").status(), 409);
        client.pass(60);
        assert_eq!(client.create("pc2").status(), 201);
    }

    #[test]
    fn a_scale_set_leaves_a_file_for_each_captured_instance() {
        let mut client = Client::new(World::sample);
        let set = client.azure.world().scale_sets[0].id.clone();
        let account = client.azure.world().storage_accounts[1].id.clone();
        let mut body = value!({ "properties": {
            "target": set,
            "targetType": "AzureVMSS",
            "scope": { "include": [], "exclude": ["1"] },
            "storageLocation": { "storageId": account },
        } });
        let url = captures("/pc1").replace("_westcentralus", "_eastus");
        assert_eq!(client.arm("PUT", &url, &body.to_string()).status(), 201);
        assert_eq!(client.azure.captures()[0].files.len(), 2);
        body["properties"]["scope"]["include"] = value!(["7"]);
        let unknown = client.arm("PUT", &url.replace("pc1", "pc2"), &body.to_string());
        assert_eq!(unknown.status(), 400);
    }
}
