//! One packet capture's life, as a plan in time: what it is at any moment follows from the moment.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::capture::properties::CaptureProperties;

/// A capture that was once asked for. It stays in the ledger after it was deleted.
///
/// Times are known as soon as they follow from what was asked, so they may lie ahead: a capture of 60 seconds has
/// its `ended` from the beginning, until a stop or a delete brings it forward.
#[derive(Debug, Clone, Serialize)]
pub struct Capture {
    pub id: String,
    /// Resource Manager id of its network watcher.
    pub watcher: String,
    /// The watcher's region.
    pub region: String,
    pub name: String,
    /// Resource Manager id of the machine or scale set, as requested.
    pub target: String,
    /// What was asked for, with the defaults filled in.
    pub properties: CaptureProperties,
    /// Where the file will be, as answers tell it; empty when it stays on the machine.
    pub storage_path: String,
    /// URLs of the blobs that it leaves: one for a machine, one for each instance of a scale set.
    pub files: Vec<String>,
    /// The instances that the files are of, in the same order; none when it is a machine's.
    #[serde(skip)]
    pub(crate) instances: Vec<String>,
    /// When it was asked for.
    pub created: Timestamp,
    /// When the operation that creates it ends, well or badly.
    pub settled: Timestamp,
    /// When the first packet could be captured.
    pub started: Option<Timestamp>,
    /// When the session ends.
    pub ended: Option<Timestamp>,
    /// Why it ends: `TimeExceeded`, `Manual`, `BytesExceeded`, `Deleted`.
    pub stop_reason: Option<String>,
    /// `packetCaptureError` values, seen from its start on.
    pub errors: Vec<String>,
    /// When the resource is gone.
    pub deleted_at: Option<Timestamp>,
    /// Its provisioning state once settled.
    #[serde(rename = "outcome")]
    pub(crate) settles_as: ProvisioningState,
    /// The last operation on it after its creation.
    #[serde(skip)]
    pub(crate) operation: Option<PendingOperation>,
    /// Members of `properties` that answers show instead of what they are.
    #[serde(skip)]
    pub(crate) shown_instead: Map<String, Value>,
    /// Changes with every change of the resource.
    #[serde(skip)]
    pub(crate) etag: String,
}

/// An operation on an existing capture: others are refused until it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PendingOperation {
    Stop { until: Timestamp },
    Delete { until: Timestamp },
}

/// `provisioningState`: what became of the resource, which says nothing about the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum ProvisioningState {
    Updating,
    Deleting,
    Succeeded,
    Failed,
    Canceled,
}

/// In which state a capture is put there before the first request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptureState {
    /// Started now, and runs for its time limit.
    Running,
    /// Ran for its time limit, until now.
    Finished,
    /// Could not be started.
    Failed,
}

/// `packetCaptureStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum CaptureStatus {
    NotStarted,
    Running,
    Stopped,
    Error,
}

impl Capture {
    /// Whether the resource is there: asked for and not gone.
    pub fn exists(&self, now: Timestamp) -> bool {
        self.created <= now && self.deleted_at.is_none_or(|gone| now < gone)
    }

    /// Whether packets are being captured.
    pub fn is_running(&self, now: Timestamp) -> bool {
        self.started.is_some_and(|started| started <= now) && self.ended.is_none_or(|ended| now < ended)
    }

    /// Whether it takes one of the watcher's parallel sessions: from the request to the end.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.exists(now) && !self.could_not_be_created(now) && self.ended.is_none_or(|ended| now < ended)
    }

    pub(crate) fn provisioning_state(&self, now: Timestamp) -> ProvisioningState {
        match self.operation {
            _ if now < self.settled => ProvisioningState::Updating,
            Some(PendingOperation::Delete { until }) if now < until => ProvisioningState::Deleting,
            _ => self.settles_as,
        }
    }

    /// `packetCaptureStatus`: what the session does.
    pub fn status(&self, now: Timestamp) -> CaptureStatus {
        let has_started = self.started.is_some_and(|started| started <= now);
        if self.could_not_be_created(now) || (has_started && !self.errors.is_empty()) {
            CaptureStatus::Error
        } else if !has_started {
            CaptureStatus::NotStarted
        } else if self.is_running(now) {
            CaptureStatus::Running
        } else {
            CaptureStatus::Stopped
        }
    }

    /// Whether an operation on the resource is in flight.
    pub(crate) fn is_busy(&self, now: Timestamp) -> bool {
        let pending = self.operation.is_some_and(|operation| now < operation.until());
        now < self.settled || pending
    }

    fn could_not_be_created(&self, now: Timestamp) -> bool {
        self.settles_as != ProvisioningState::Succeeded && self.settled <= now
    }

    /// Ends the session, unless it ends before by itself.
    pub(crate) fn end(&mut self, at: Timestamp, reason: &str) {
        let begun = self.started.is_some_and(|started| started <= at);
        if begun && self.ended.is_none_or(|ended| at < ended) {
            self.ended = Some(at);
            self.stop_reason = Some(reason.into());
        }
    }

    /// The resource, as Resource Manager shows it.
    pub(crate) fn resource(&self, now: Timestamp) -> Value {
        let mut properties = json!(self.properties);
        properties["provisioningState"] = json!(self.provisioning_state(now));
        properties["storageLocation"]["storagePath"] = json!(self.storage_path);
        for (member, value) in &self.shown_instead {
            properties[member] = value.clone();
        }
        json!({ "name": self.name, "id": self.id, "etag": self.etag(now), "properties": properties })
    }

    /// The resource's version: its own as long as it is being made, and another afterwards.
    pub(crate) fn etag(&self, now: Timestamp) -> String {
        let first = if self.is_busy(now) { '0' } else { '1' };
        format!("W/\"{first}{}\"", self.etag.get(1..).unwrap_or_default())
    }

    /// The answer of `queryStatus`.
    pub(crate) fn status_body(&self, now: Timestamp) -> Value {
        let status = self.status(now);
        let mut body = json!({ "name": self.name, "id": self.id, "packetCaptureStatus": status });
        body["packetCaptureError"] = match status {
            CaptureStatus::Error if self.errors.is_empty() => json!(["CaptureFailed"]),
            CaptureStatus::Error => json!(self.errors),
            _ => json!([]),
        };
        if let Some(started) = self.started.filter(|started| *started <= now) {
            body["captureStartTime"] = json!(started.strftime("%Y-%m-%dT%H:%M:%S%.7fZ").to_string());
        }
        if let (CaptureStatus::Stopped, Some(reason)) = (status, &self.stop_reason) {
            body["stopReason"] = json!(reason);
        }
        body
    }
}

impl PendingOperation {
    fn until(self) -> Timestamp {
        match self {
            PendingOperation::Stop { until } | PendingOperation::Delete { until } => until,
        }
    }
}
