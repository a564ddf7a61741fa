//! The packet captures of a network watcher: create, get, list, delete, stop, queryStatus
//! (azure-rest-api-specs networkWatcher.json; status codes and headers as in the session recordings of
//! azure-sdk-for-net's PacketCaptureTests).

use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;

use crate::answer::{self, Answer, ArmError};
use crate::arm::{Call, resource_not_found};
use crate::azure::Azure;
use crate::capture::{Capture, CaptureState, Hold};
use crate::capture_request::{self, CaptureProperties, StorageLocation, given, invalid};
use crate::capture_target::{Target, unknown_reference};
use crate::operation::{Begun, Ending, OperationResult};
use crate::token::later;
use crate::world::{Watcher, name_of, region, same};

const CONTAINER: &str = "network-watcher-logs";

impl Azure {
    /// Every capture ever asked for, oldest first.
    pub fn captures(&self) -> Vec<Capture> {
        self.captures.clone()
    }

    /// The captures whose packets are being captured at this moment.
    pub fn running_captures(&self, now: Timestamp) -> Vec<Capture> {
        self.captures.iter().filter(|capture| capture.is_running(now)).cloned().collect()
    }

    /// The captures of one machine or scale set that are being captured at this moment.
    pub fn running_on(&self, now: Timestamp, target: &str) -> Vec<Capture> {
        let running = self.captures.iter().filter(|capture| capture.is_running(now));
        running.filter(|capture| same(&capture.target, target)).cloned().collect()
    }

    /// Puts a capture there that somebody else made, stored in an account of the watcher's region if there is one.
    pub fn add_capture(
        &mut self,
        now: Timestamp,
        watcher_id: &str,
        name: &str,
        target: &str,
        time_limit: Duration,
        state: CaptureState,
    ) {
        let location = self.world.watcher(watcher_id).map(|watcher| region(&watcher.location)).unwrap_or_default();
        let account = self.world.storage_accounts.iter().find(|account| region(&account.location) == location);
        let storage_location =
            StorageLocation { storage_id: account.map(|account| account.id.clone()), ..StorageLocation::default() };
        let begun = match state {
            CaptureState::Running => now,
            CaptureState::Finished | CaptureState::Failed => now.checked_sub(time_limit).unwrap_or(Timestamp::MIN),
        };
        let ran = state != CaptureState::Failed;
        // Many may be put there at one moment, and each needs a path of its own.
        let number = u64::try_from(self.captures.len()).unwrap_or_default();
        let named = later(begun, Duration::from_millis(number));
        let storage_path = self.storage_path(&storage_location, target, named);
        self.captures.push(Capture {
            id: format!("{watcher_id}/packetCaptures/{name}"),
            watcher: watcher_id.into(),
            region: location,
            name: name.into(),
            target: target.into(),
            properties: CaptureProperties {
                target: target.into(),
                storage_location,
                bytes_to_capture_per_packet: Some(0),
                total_bytes_per_session: Some(1_073_741_824),
                time_limit_in_seconds: i64::try_from(time_limit.as_secs()).ok(),
                filters: Some(Vec::new()),
                ..CaptureProperties::default()
            },
            files: if storage_path.is_empty() || !ran { Vec::new() } else { vec![storage_path.clone()] },
            storage_path,
            created: begun,
            settled: begun,
            started: ran.then_some(begun),
            ended: ran.then(|| later(begun, time_limit)),
            stop_reason: ran.then(|| "TimeExceeded".into()),
            errors: Vec::new(),
            deleted_at: None,
            outcome: if ran { "Succeeded" } else { "Failed" },
            held: None,
            etag: self.identifiers.guid(),
        });
    }

    /// Somebody stops the capture with this id in the portal. Tells whether Azure lets them.
    pub fn stop_by_hand(&mut self, now: Timestamp, id: &str) -> bool {
        let until = later(now, self.world.timing.stop);
        let Some(capture) = self.idle_capture(now, id) else { return false };
        capture.held = Some(Hold { deleting: false, until });
        capture.end(until, "Manual");
        true
    }

    /// Somebody deletes the capture with this id in the portal. Tells whether Azure lets them.
    pub fn delete_by_hand(&mut self, now: Timestamp, id: &str) -> bool {
        let until = later(now, self.world.timing.delete);
        let Some(capture) = self.idle_capture(now, id) else { return false };
        capture.held = Some(Hold { deleting: true, until });
        capture.end(until, "Deleted");
        capture.deleted_at = Some(until);
        true
    }

    fn idle_capture(&mut self, now: Timestamp, id: &str) -> Option<&mut Capture> {
        let mut there = self.captures.iter_mut().rev().filter(|capture| same(&capture.id, id) && capture.exists(now));
        there.next().filter(|capture| !capture.is_busy(now))
    }

    pub(crate) fn create_capture(&mut self, call: &Call) -> Result<Answer, ArmError> {
        let watcher = self.watcher_of(call)?;
        let name = call.path.rest.last().cloned().unwrap_or_default();
        check_name(&name)?;
        check_media_type(call)?;
        let properties = capture_request::read(call.request.body(), &call.version)?;
        self.check_name_is_free(call, &watcher, &name)?;
        let target = self.capture_target(&properties)?;
        target.check(call, &watcher)?;
        capture_request::check_local_path(&properties.storage_location, target.os)?;
        self.check_storage(&properties.storage_location)?;
        self.check_session_limit(call.now, &watcher)?;
        Ok(self.start_capture(call, watcher, name, properties, target))
    }

    pub(crate) fn get_capture(&self, call: &Call) -> Result<Answer, ArmError> {
        let capture = &self.captures[self.capture_of(call)?];
        let mut answer = answer::json(StatusCode::OK, &capture.resource(call.now));
        answer::set(&mut answer, "etag", &capture.etag(call.now));
        Ok(answer)
    }

    pub(crate) fn list_captures(&self, call: &Call) -> Result<Answer, ArmError> {
        let watcher = self.watcher_of(call)?;
        let captures = self.captures.iter().filter(|capture| same(&capture.watcher, &watcher.id));
        let there = captures.filter(|capture| capture.exists(call.now));
        let resources = there.map(|capture| capture.resource(call.now)).collect();
        Ok(self.page(call, resources, self.world.captures_per_page))
    }

    pub(crate) fn delete_capture(&mut self, call: &Call) -> Result<Answer, ArmError> {
        let watcher = self.watcher_of(call)?;
        let Ok(index) = self.capture_of(call) else {
            return Ok(answer::empty(StatusCode::NO_CONTENT));
        };
        self.check_not_busy(call, index)?;
        let takes = self.world.timing.delete;
        let gone = OperationResult::Empty(StatusCode::NO_CONTENT);
        let begun = self.begin(call, &call.fate, &region(&watcher.location), takes, gone);
        let capture = &mut self.captures[index];
        capture.held = Some(Hold { deleting: true, until: begun.ends });
        if begun.succeeds {
            capture.end(begun.ends, "Deleted");
            capture.deleted_at = Some(begun.ends);
        }
        Ok(self.accepted(&begun))
    }

    pub(crate) fn stop_capture(&mut self, call: &Call) -> Result<Answer, ArmError> {
        let watcher = self.watcher_of(call)?;
        let index = self.capture_of(call)?;
        self.check_not_busy(call, index)?;
        let takes = self.world.timing.stop;
        let stopped = OperationResult::Empty(StatusCode::OK);
        let begun = self.begin(call, &call.fate, &region(&watcher.location), takes, stopped);
        let capture = &mut self.captures[index];
        capture.held = Some(Hold { deleting: false, until: begun.ends });
        if begun.succeeds {
            capture.end(begun.ends, "Manual");
        }
        Ok(self.accepted(&begun))
    }

    /// While the session runs, the status stands in a 202; a client that only follows `Location` misses it.
    pub(crate) fn query_capture_status(&mut self, call: &Call) -> Result<Answer, ArmError> {
        let watcher = self.watcher_of(call)?;
        let capture = &self.captures[self.capture_of(call)?];
        let status = capture.status_body(call.now);
        if !capture.is_running(call.now) {
            return Ok(answer::json(StatusCode::OK, &status));
        }
        let takes = self.world.timing.status;
        let begun =
            self.begin(call, &call.fate, &region(&watcher.location), takes, OperationResult::Body(status.clone()));
        let mut answer = if self.world.empty_status_202 {
            answer::empty(StatusCode::ACCEPTED)
        } else {
            answer::json(StatusCode::ACCEPTED, &status)
        };
        answer::set(&mut answer, "location", &begun.result_url);
        answer::set(&mut answer, "retry-after", &self.world.timing.retry_after.to_string());
        Ok(answer)
    }

    fn watcher_of(&self, call: &Call) -> Result<Watcher, ArmError> {
        self.world.watcher(&call.path.id(2)).cloned().ok_or_else(|| {
            let message = format!(
                "Can not perform requested operation on nested resource. Parent resource '{}' not found.",
                call.path.rest.get(1).map(String::as_str).unwrap_or_default()
            );
            ArmError::not_found("ParentResourceNotFound", message)
        })
    }

    /// Where in the ledger the capture is that the call's path names.
    fn capture_of(&self, call: &Call) -> Result<usize, ArmError> {
        let watcher = self.watcher_of(call)?;
        let name = call.path.rest.get(3).map(String::as_str).unwrap_or_default();
        self.find_capture(call.now, &watcher, name).ok_or_else(|| resource_not_found(call))
    }

    fn find_capture(&self, now: Timestamp, watcher: &Watcher, name: &str) -> Option<usize> {
        let is_it =
            |capture: &Capture| same(&capture.name, name) && same(&capture.watcher, &watcher.id) && capture.exists(now);
        self.captures.iter().rposition(is_it)
    }

    fn check_not_busy(&self, call: &Call, index: usize) -> Result<(), ArmError> {
        let capture = &self.captures[index];
        if !capture.is_busy(call.now) {
            return Ok(());
        }
        let message = format!(
            "Operation on resource {} is being blocked by another operation. The operation is retryable.",
            capture.id
        );
        Err(ArmError::new(StatusCode::TOO_MANY_REQUESTS, "RetryableErrorDueToAnotherOperation", message)
            .retry_after(self.world.timing.retry_after))
    }

    /// There is no update: a name is taken until its capture is gone. The service's words for that are not
    /// published; that it is an error is (Azure/azure-cli issue 7748).
    fn check_name_is_free(&self, call: &Call, watcher: &Watcher, name: &str) -> Result<(), ArmError> {
        let Some(index) = self.find_capture(call.now, watcher, name) else { return Ok(()) };
        self.check_not_busy(call, index)?;
        Err(ArmError::new(StatusCode::CONFLICT, "Conflict", "A packet capture with this name already exists."))
    }

    fn check_storage(&self, location: &StorageLocation) -> Result<(), ArmError> {
        let Some(id) = given(&location.storage_id) else { return Ok(()) };
        let member = "properties.storageLocation.storageId";
        if !id.to_lowercase().starts_with("/subscriptions/") {
            return Err(invalid(member, "the value is not a resource id"));
        }
        let account = self.world.storage_account(id).ok_or_else(|| unknown_reference(id, member))?;
        let endpoint = format!("{}/", self.world.urls.blob_account(name_of(&account.id)));
        match given(&location.storage_path) {
            Some(path) if !path.starts_with(&endpoint) || path.len() == endpoint.len() => {
                let member = "properties.storageLocation.storagePath";
                Err(invalid(member, "the value is not the URL of a blob or container of the storage account"))
            }
            _ => Ok(()),
        }
    }

    fn check_session_limit(&self, now: Timestamp, watcher: &Watcher) -> Result<(), ArmError> {
        let in_watcher = self.captures.iter().filter(|capture| same(&capture.watcher, &watcher.id));
        if in_watcher.filter(|capture| capture.is_active(now)).count() < self.world.session_limit {
            return Ok(());
        }
        let message = format!(
            "Cannot create more than {} packet captures for this subscription in this region.",
            self.world.session_limit
        );
        Err(ArmError::new(StatusCode::CONFLICT, "PacketCaptureLimitReached", message))
    }

    fn start_capture(
        &mut self,
        call: &Call,
        watcher: Watcher,
        name: String,
        properties: CaptureProperties,
        target: Target,
    ) -> Answer {
        let mut fate = call.fate.clone();
        let account = given(&properties.storage_location.storage_id).and_then(|id| self.world.storage_account(id));
        if account.is_some_and(|account| region(&account.location) != region(&target.location)) {
            fate.ending = storage_is_elsewhere();
        }
        if account.is_some_and(|account| !account.shared_key_access) {
            fate.capture_errors.push("StorageFailed".into());
        }
        let takes = self.world.timing.create;
        let begun = self.begin(call, &fate, &region(&watcher.location), takes, OperationResult::Empty(StatusCode::OK));
        let started = (begun.succeeds && !fate.never_starts).then_some(begun.ends);
        let (session, reason) = match fate.capture_errors[..] {
            [] => self.session(&properties),
            _ => (Duration::ZERO, "Error"),
        };
        let storage_path = self.storage_path(&properties.storage_location, &target.id, call.now);
        let capture = Capture {
            id: format!("{}/packetCaptures/{name}", watcher.id),
            watcher: watcher.id,
            region: region(&watcher.location),
            name,
            target: properties.target.clone(),
            properties,
            files: files(&storage_path, target.instances.as_deref()),
            storage_path,
            created: call.now,
            settled: begun.ends,
            started,
            ended: started.map(|started| later(started, session)),
            stop_reason: started.map(|_| reason.into()),
            errors: fate.capture_errors,
            deleted_at: None,
            outcome: match fate.ending {
                Ending::Succeeds => "Succeeded",
                Ending::Fails(..) => "Failed",
                Ending::Canceled => "Canceled",
            },
            held: None,
            etag: self.identifiers.guid(),
        };
        let mut answer = answer::json(StatusCode::CREATED, &capture.resource(call.now));
        self.captures.push(capture);
        answer::set(&mut answer, "azure-asyncoperation", &begun.status_url);
        answer::set(&mut answer, "retry-after", &self.world.timing.retry_after.to_string());
        answer
    }

    /// How long a session lasts by itself, and what ends it. The words for the byte limit are not published.
    fn session(&self, properties: &CaptureProperties) -> (Duration, &'static str) {
        let settings = properties.capture_settings.as_ref().filter(|_| properties.continuous_capture.is_some());
        let seconds = match settings {
            Some(settings) => settings.session_time_limit_in_seconds,
            None => properties.time_limit_in_seconds,
        };
        let by_time = Duration::from_secs(positive(seconds));
        let bytes = positive(properties.total_bytes_per_session);
        let by_bytes = self
            .world
            .session_bytes_per_second
            .filter(|rate| *rate > 0 && bytes > 0)
            .map(|rate| Duration::from_millis(bytes.saturating_mul(1000) / rate));
        match by_bytes {
            Some(by_bytes) if by_bytes < by_time => (by_bytes, "BytesExceeded"),
            _ => (by_time, "TimeExceeded"),
        }
    }

    /// Where the file will be: where the request says, or in the service's own container, by the machine's id in
    /// lower case and the time of the request (azure-docs, packet-capture-manage).
    fn storage_path(&mut self, location: &StorageLocation, target: &str, created: Timestamp) -> String {
        let Some(storage_id) = given(&location.storage_id) else { return String::new() };
        let container = match given(&location.storage_path) {
            Some(path) if path.to_lowercase().ends_with(".cap") => return path.into(),
            Some(container) => container.trim_end_matches('/').to_owned(),
            None => format!("{}/{CONTAINER}", self.world.urls.blob_account(&name_of(storage_id).to_lowercase())),
        };
        let target = target.to_lowercase();
        let mut moment = created;
        loop {
            let path = format!("{container}{target}/{}", moment.strftime("%Y/%m/%d/packetcapture_%H_%M_%S_%3f.cap"));
            if self.storage_paths.insert(path.clone()) {
                return path;
            }
            moment = later(moment, Duration::from_millis(1));
        }
    }

    fn accepted(&self, begun: &Begun) -> Answer {
        let mut answer = answer::empty(StatusCode::ACCEPTED);
        answer::set(&mut answer, "location", &begun.result_url);
        answer::set(&mut answer, "azure-asyncoperation", &begun.status_url);
        answer::set(&mut answer, "retry-after", &self.world.timing.retry_after.to_string());
        answer
    }
}

/// One blob for a machine, one for each instance of a scale set. How the service names the latter is not published;
/// it tells only one path, and clients are to list blobs by prefix.
fn files(storage_path: &str, instances: Option<&[String]>) -> Vec<String> {
    match instances {
        _ if storage_path.is_empty() => Vec::new(),
        None => vec![storage_path.into()],
        Some(instances) => {
            let stem = storage_path.trim_end_matches(".cap");
            instances.iter().map(|instance| format!("{stem}_{instance}.cap")).collect()
        }
    }
}

/// The service's words for this are not published.
fn storage_is_elsewhere() -> Ending {
    let message = "The storage account is not in the same region as the target of the packet capture.";
    Ending::Fails("StorageAccountNotInTargetRegion".into(), message.into())
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

    use super::*;
    use crate::testing::{Play, capture_body, captures, code, header, json, sample_account, sample_vm};
    use crate::{Effect, Fault, SUBSCRIPTION, World};

    fn refused(world: impl FnOnce(&mut World), body: &Value) -> (u16, String) {
        let mut play = Play::new(World::sample);
        world(play.azure.world_mut());
        let answer = play.arm("PUT", &play.capture("pc1"), &body.to_string());
        (answer.status().as_u16(), code(&answer))
    }

    fn machine(group: &str, name: &str) -> String {
        format!(
            "/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines/{name}"
        )
    }

    #[test]
    fn a_created_capture_is_followed_by_its_operation_and_never_by_location() {
        let mut play = Play::new(World::sample);
        let created = play.create("pc1");
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
        play.pass(4);
        let got = play.arm("GET", &play.capture("PC1"), "");
        assert_eq!(json(&got)["properties"]["provisioningState"], "Succeeded");
        assert_eq!(header(&got, "etag"), json(&got)["etag"].as_str().unwrap());
        assert_ne!(json(&got)["etag"], body["etag"]);
    }

    #[test]
    fn a_capture_that_stays_on_the_machine_has_an_empty_storage_path() {
        let mut play = Play::new(World::sample);
        let body = value!({ "properties": { "target": sample_vm(), "storageLocation": { "filePath": "C:\\x.cap" } } });
        let created = json(&play.arm("PUT", &play.capture("pc1"), &body.to_string()));
        let location = &created["properties"]["storageLocation"];
        assert_eq!((&location["storagePath"], location.get("storageId")), (&value!(""), None));
    }

    #[test]
    fn the_status_tells_the_life_of_a_session() {
        let mut play = Play::new(World::sample);
        play.create("pc1");
        let before = play.status("pc1");
        assert_eq!((before.status().as_u16(), &json(&before)["packetCaptureStatus"]), (200, &value!("NotStarted")));
        assert_eq!(json(&before).get("captureStartTime"), None);

        play.pass(4);
        let running = play.status("pc1");
        assert_eq!(running.status(), 202, "with the status in its body");
        assert_eq!(json(&running)["packetCaptureStatus"], "Running");
        assert_eq!(json(&running)["captureStartTime"], "2026-11-20T02:00:04.0770000Z");
        assert_eq!(json(&running).get("stopReason"), None);
        assert!(running.headers().contains_key("location"));

        play.pass(60);
        let ended = play.status("pc1");
        assert_eq!((ended.status().as_u16(), &json(&ended)["stopReason"]), (200, &value!("TimeExceeded")));
        let get = play.arm("GET", &captures("/pc1/queryStatus"), "");
        assert_eq!(get.status(), 405, "it is a POST");
    }

    #[test]
    fn the_status_may_only_be_at_location() {
        let mut play = Play::new(World::sample);
        play.azure.world_mut().empty_status_202 = true;
        play.start("pc1");
        let accepted = play.status("pc1");
        assert_eq!((accepted.status().as_u16(), accepted.body().len()), (202, 0));
        let location = header(&accepted, "location");
        assert_eq!(play.arm("GET", &location, "").status(), 202);
        play.pass(3);
        assert_eq!(json(&play.arm("GET", &location, ""))["packetCaptureStatus"], "Running");
    }

    #[test]
    fn a_stopped_session_ended_by_hand() {
        let mut play = Play::new(World::sample);
        play.start("pc1");
        let stopping = play.arm("POST", &captures("/pc1/stop"), "");
        assert_eq!((stopping.status().as_u16(), stopping.body().len()), (202, 0));
        assert!(
            ["location", "azure-asyncoperation", "retry-after"].iter().all(|one| stopping.headers().contains_key(*one))
        );
        assert_eq!(json(&play.status("pc1"))["packetCaptureStatus"], "Running", "until the operation ends");
        play.pass(3);
        assert_eq!(json(&play.status("pc1"))["stopReason"], "Manual");
        assert!(play.azure.running_captures(play.now).is_empty());
    }

    #[test]
    fn somebody_may_stop_or_delete_a_capture_by_hand() {
        let mut play = Play::new(World::sample);
        play.create("pc1");
        let id = play.azure.captures()[0].id.clone();
        assert!(!play.azure.stop_by_hand(play.now, &id), "it is being created");
        play.pass(4);
        assert!(play.azure.stop_by_hand(play.now, &id.to_uppercase()));
        assert!(!play.azure.delete_by_hand(play.now, &id), "it is being stopped");
        play.pass(3);
        assert_eq!(json(&play.status("pc1"))["stopReason"], "Manual");
        assert!(play.azure.delete_by_hand(play.now, &id));
        play.pass(8);
        assert_eq!(play.arm("GET", &play.capture("pc1"), "").status(), 404);
        assert!(!play.azure.delete_by_hand(play.now, &id), "it is gone");
    }

    #[test]
    fn a_session_may_end_by_bytes() {
        let mut play = Play::new(World::sample);
        play.azure.world_mut().session_bytes_per_second = Some(100_000_000);
        play.start("pc1");
        play.pass(11);
        assert_eq!(json(&play.status("pc1"))["stopReason"], "BytesExceeded");
    }

    #[test]
    fn a_name_is_taken_until_its_capture_is_gone() {
        let mut play = Play::new(World::sample);
        play.create("pc1");
        let busy = play.create("pc1");
        assert_eq!((busy.status().as_u16(), code(&busy)), (429, "RetryableErrorDueToAnotherOperation".into()));
        play.pass(4);
        let taken = play.create("PC1");
        assert_eq!((taken.status().as_u16(), code(&taken)), (409, "Conflict".into()));

        let deleting = play.arm("DELETE", &play.capture("pc1"), "");
        assert_eq!((deleting.status().as_u16(), deleting.body().len()), (202, 0));
        assert_eq!(json(&play.arm("GET", &play.capture("pc1"), ""))["properties"]["provisioningState"], "Deleting");
        assert_eq!(play.create("pc1").status(), 429, "the delete is not over");
        play.pass(8);
        assert_eq!(play.arm("GET", &play.capture("pc1"), "").status(), 404);
        assert_eq!(play.create("pc1").status(), 201);
        assert_eq!(play.arm("DELETE", &play.capture("pc2"), "").status(), 204, "nothing to do");

        let ledger = play.azure.captures();
        assert_eq!(ledger.len(), 2);
        assert_eq!((ledger[0].deleted_at, ledger[0].stop_reason.as_deref()), (Some(play.now), Some("Deleted")));
    }

    #[test]
    fn a_failed_capture_keeps_its_name() {
        let mut play = Play::new(World::sample);
        let fault = Effect::FailedOperation { code: "InternalServerError".into(), message: String::new() };
        play.azure.add_fault(Fault::new(fault).method(http::Method::PUT).times(1));
        play.start("pc1");
        let list = json(&play.arm("GET", &captures(""), ""));
        assert_eq!(list["value"][0]["properties"]["provisioningState"], "Failed");
        assert_eq!(play.create("pc1").status(), 409);
        assert_eq!(play.azure.captures()[0].started, None);
    }

    #[test]
    fn a_capture_may_never_start_or_end_in_error() {
        let mut play = Play::new(World::sample);
        play.azure.add_fault(Fault::new(Effect::NeverStarts).path("/pc1"));
        play.azure.add_fault(Fault::new(Effect::CaptureError(vec!["AgentStopped".into()])).path("/pc2"));
        play.create("pc1");
        play.start("pc2");
        play.pass(100);
        assert_eq!(json(&play.status("pc1"))["packetCaptureStatus"], "NotStarted");
        let error = json(&play.status("pc2"));
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

        let mut play = Play::new(World::sample);
        let url = captures("/pc1").replace("_westcentralus", "_nowhere");
        assert_eq!(code(&play.arm("PUT", &url, &capture_body(60).to_string())), "ParentResourceNotFound");
        assert_eq!(code(&play.arm("PUT", &captures("/a%20b"), &capture_body(60).to_string())), "InvalidResourceName");
    }

    #[test]
    fn storage_in_another_region_fails_the_operation() {
        let mut play = Play::new(World::sample);
        let mut body = capture_body(60);
        let account = &play.azure.world().storage_accounts[1].id;
        body["properties"]["storageLocation"]["storageId"] = value!(account);
        let created = play.arm("PUT", &play.capture("pc1"), &body.to_string());
        assert_eq!(created.status(), 201);
        play.pass(4);
        let operation = json(&play.arm("GET", &header(&created, "azure-asyncoperation"), ""));
        assert_eq!(operation["error"]["code"], "StorageAccountNotInTargetRegion");
    }

    #[test]
    fn the_session_limit_counts_sessions_and_not_captures() {
        let mut play = Play::new(World::sample);
        play.azure.world_mut().session_limit = 1;
        play.start("pc1");
        assert_eq!(play.create("pc2").status(), 409);
        play.pass(60);
        assert_eq!(play.create("pc2").status(), 201);
    }

    #[test]
    fn a_scale_set_leaves_a_file_for_each_captured_instance() {
        let mut play = Play::new(World::sample);
        let set = play.azure.world().scale_sets[0].id.clone();
        let account = play.azure.world().storage_accounts[1].id.clone();
        let mut body = value!({ "properties": {
            "target": set,
            "targetType": "AzureVMSS",
            "scope": { "include": [], "exclude": ["1"] },
            "storageLocation": { "storageId": account },
        } });
        let url = captures("/pc1").replace("_westcentralus", "_eastus");
        assert_eq!(play.arm("PUT", &url, &body.to_string()).status(), 201);
        assert_eq!(play.azure.captures()[0].files.len(), 2);
        body["properties"]["scope"]["include"] = value!(["7"]);
        let unknown = play.arm("PUT", &url.replace("pc1", "pc2"), &body.to_string());
        assert_eq!(unknown.status(), 400);
    }

    #[test]
    fn captures_of_others_can_be_there_before() {
        let mut play = Play::new(World::sample);
        let watcher = play.azure.world().watchers[0].id.clone();
        let minute = Duration::from_secs(60);
        for (name, state) in
            [("old", CaptureState::Finished), ("now", CaptureState::Running), ("bad", CaptureState::Failed)]
        {
            play.azure.add_capture(play.now, &watcher, name, &sample_vm(), minute, state);
        }
        let list = json(&play.arm("GET", &captures(""), ""));
        let states: Vec<&Value> =
            list["value"].as_array().unwrap().iter().map(|one| &one["properties"]["provisioningState"]).collect();
        assert_eq!(states, ["Succeeded", "Succeeded", "Failed"]);
        assert_eq!(play.azure.running_on(play.now, &sample_vm().to_uppercase()).len(), 1);
        assert_eq!(json(&play.status("old"))["stopReason"], "TimeExceeded");
        assert_eq!(json(&play.status("now"))["packetCaptureStatus"], "Running");
    }
}
