//! What other people do by hand: they make captures, stop them and delete them.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::arm::packet_capture::storage_path::storage_path;
use crate::azure::Azure;
use crate::capture::lifecycle::{Capture, CaptureState, PendingOperation, ProvisioningState};
use crate::capture::properties::{CaptureProperties, StorageLocation};
use crate::resource_id::{normalized_region, same};
use crate::time::later;

impl Azure {
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
        let world = &self.state.world;
        let watcher = world.watcher(watcher_id);
        let region = watcher.map(|watcher| normalized_region(&watcher.location)).unwrap_or_default();
        let account = world.storage_accounts.iter().find(|account| normalized_region(&account.location) == region);
        let storage_id = account.map(|account| account.id.clone());
        let storage_location = StorageLocation { storage_id, ..StorageLocation::default() };
        let created = match state {
            CaptureState::Running => now,
            CaptureState::Finished | CaptureState::Failed => now.checked_sub(time_limit).unwrap_or(Timestamp::MIN),
        };
        let ran = state != CaptureState::Failed;
        // Many may be put there at one moment, and each needs a path of its own.
        let number = u64::try_from(self.state.captures.len()).unwrap_or_default();
        let named = later(created, Duration::from_millis(number));
        let storage_path = storage_path(&mut self.state, &storage_location, target, named);
        self.state.captures.push(Capture {
            id: format!("{watcher_id}/packetCaptures/{name}"),
            watcher: watcher_id.into(),
            region,
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
            files: if ran && !storage_path.is_empty() { vec![storage_path.clone()] } else { Vec::new() },
            instances: Vec::new(),
            storage_path,
            created,
            settled: created,
            started: ran.then_some(created),
            ended: ran.then(|| later(created, time_limit)),
            stop_reason: ran.then(|| "TimeExceeded".into()),
            errors: Vec::new(),
            deleted_at: None,
            settles_as: if ran { ProvisioningState::Succeeded } else { ProvisioningState::Failed },
            operation: None,
            shown_instead: Map::new(),
            etag: self.state.identifiers.guid(),
        });
    }

    /// From now on answers show these members of the `properties` of the capture with this id instead of what they are:
    /// nulls, or members that this simulator does not have. Tells whether the capture is there.
    pub fn show_capture_as(&mut self, id: &str, properties: Map<String, Value>) -> bool {
        let capture = self.state.captures.iter_mut().rev().find(|capture| same(&capture.id, id));
        let Some(capture) = capture else { return false };
        capture.shown_instead = properties;
        true
    }

    /// Somebody stops the capture with this id in the portal. Tells whether Azure lets them.
    pub fn stop_by_hand(&mut self, now: Timestamp, id: &str) -> bool {
        let until = later(now, self.state.world.timing.stop);
        let Some(capture) = self.idle_capture(now, id) else { return false };
        capture.operation = Some(PendingOperation::Stop { until });
        capture.end(until, "Manual");
        true
    }

    /// Somebody deletes the capture with this id in the portal. Tells whether Azure lets them.
    pub fn delete_by_hand(&mut self, now: Timestamp, id: &str) -> bool {
        let until = later(now, self.state.world.timing.delete);
        let Some(capture) = self.idle_capture(now, id) else { return false };
        capture.operation = Some(PendingOperation::Delete { until });
        capture.end(until, "Deleted");
        capture.deleted_at = Some(until);
        true
    }

    fn idle_capture(&mut self, now: Timestamp, id: &str) -> Option<&mut Capture> {
        let mut captures = self.state.captures.iter_mut().rev();
        captures.find(|capture| same(&capture.id, id) && capture.exists(now)).filter(|capture| !capture.is_busy(now))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json as value;

    use super::*;
    use crate::World;
    use crate::testing::{Client, captures, json, sample_vm};

    #[test]
    fn somebody_may_stop_or_delete_a_capture_by_hand() {
        let mut client = Client::new(World::sample);
        client.create("pc1");
        let id = client.azure.captures()[0].id.clone();
        assert!(!client.azure.stop_by_hand(client.now, &id), "it is being created");
        client.pass(4);
        assert!(client.azure.stop_by_hand(client.now, &id.to_uppercase()));
        assert!(!client.azure.delete_by_hand(client.now, &id), "it is being stopped");
        client.pass(3);
        assert_eq!(json(&client.status("pc1"))["stopReason"], "Manual");
        assert!(client.azure.delete_by_hand(client.now, &id));
        client.pass(8);
        assert_eq!(client.arm("GET", &client.capture("pc1"), "").status(), 404);
        assert!(!client.azure.delete_by_hand(client.now, &id), "it is gone");
    }

    #[test]
    fn captures_of_others_can_be_there_before() {
        let mut client = Client::new(World::sample);
        let watcher = client.azure.world().watchers[0].id.clone();
        let minute = Duration::from_secs(60);
        for (name, state) in
            [("old", CaptureState::Finished), ("now", CaptureState::Running), ("bad", CaptureState::Failed)]
        {
            client.azure.add_capture(client.now, &watcher, name, &sample_vm(), minute, state);
        }
        let list = json(&client.arm("GET", &captures(""), ""));
        let states: Vec<&Value> =
            list["value"].as_array().unwrap().iter().map(|one| &one["properties"]["provisioningState"]).collect();
        assert_eq!(states, ["Succeeded", "Succeeded", "Failed"]);
        assert_eq!(client.azure.running_on(client.now, &sample_vm().to_uppercase()).len(), 1);
        assert_eq!(json(&client.status("old"))["stopReason"], "TimeExceeded");
        assert_eq!(json(&client.status("now"))["packetCaptureStatus"], "Running");
    }

    #[test]
    fn captures_of_others_may_be_shown_with_nulls_and_as_ring_buffers() {
        let mut client = Client::new(World::sample);
        let watcher = client.azure.world().watchers[0].id.clone();
        let limit = Duration::from_secs(18_000);
        for number in 0..10 {
            let name = format!("ticket-{number}");
            client.azure.add_capture(client.now, &watcher, &name, &sample_vm(), limit, CaptureState::Finished);
        }
        let ring = value!({
            "continuousCapture": true,
            "totalBytesPerSession": null,
            "timeLimitInSeconds": null,
            "storageLocation": { "localPath": "/var/captures/ring.cap" },
            "captureSettings": { "fileCount": 10, "fileSizeInBytes": 104_857_600, "sessionTimeLimitInSeconds": 86_400 },
        });
        let id = format!("{watcher}/packetCaptures/TICKET-7");
        assert!(client.azure.show_capture_as(&id, ring.as_object().unwrap().clone()));
        assert!(!client.azure.show_capture_as(&format!("{id}0"), Map::new()));

        let list = json(&client.arm("GET", &captures(""), ""));
        assert_eq!(list["value"].as_array().unwrap().len(), 10);
        let shown = &list["value"][7]["properties"];
        for (member, value) in ring.as_object().unwrap() {
            assert_eq!(shown.get(member), Some(value), "{member}");
        }
        assert_eq!((&shown["provisioningState"], &shown["target"]), (&value!("Succeeded"), &value!(sample_vm())));
        for number in 0..10 {
            assert_eq!(json(&client.status(&format!("ticket-{number}")))["stopReason"], "TimeExceeded");
        }
        assert_eq!(client.create("one-more").status(), 201, "none of them takes a session");
    }
}
