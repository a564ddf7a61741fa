//! What nightcap remembers: readable JSON under keys within the limits of Spin's store (256 bytes a key, 1 MB a value;
//! on Azure Cosmos DB no slash, backslash, question mark or hash in a key).

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::alert::Summary;
use crate::alert::target::Target;
use crate::azure::compute::Machine;
use crate::azure::packet_capture::PacketCapture;
use crate::azure::region::Region;
use crate::azure::resource_id::ResourceId;
use crate::digest::digest;
use crate::host::{Host, StoreError};
use crate::locate::Place;
use crate::outcome::{Kind, Outcome};
use crate::plan::Start;
use crate::plan::parameters::Parameters;
use crate::timestamp::Timestamp;

/// The most alerts that a capture's record lists; a storm of them must not outgrow a value.
const MOST_ALERTS: usize = 200;

/// An alert that was accepted, and how it ended for each of its targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertRecord {
    /// The alert's key, which is also the last part of the record's address.
    pub key: String,
    /// What fired.
    pub alert: Summary,
    /// When it came in.
    pub received_at: Timestamp,
    /// Whether nothing remains to be done.
    pub finished: bool,
    /// One for each target; `accepted` while it is worked on.
    pub outcomes: Vec<Outcome>,
}

/// One capture that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CaptureRecord {
    /// Subscription of watcher and machine.
    pub subscription: String,
    /// Their region.
    pub region: Region,
    /// The capture's name.
    pub name: String,
    /// The machine.
    pub target: Target,
    /// The watcher.
    pub watcher: ResourceId,
    /// What it was told to do.
    pub parameters: Parameters,
    /// The address that the file will have, as far as Azure told it.
    pub storage_path: Option<String>,
    /// Where it stands.
    pub phase: Phase,
    /// The alerts that it was started for or that joined it, first one first.
    pub alerts: Vec<Summary>,
    /// What was done, in order.
    pub steps: Vec<Step>,
}

/// Where a capture stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Azure was asked for it and is at work.
    Creating,
    /// Azure says that it has begun.
    Running,
    /// It was stopped.
    Stopped,
    /// Azure could not begin it.
    Failed,
}

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// What, for machines.
    pub step: String,
    /// What, for people.
    pub detail: String,
}

/// What is remembered of a machine, so that the next alert need not ask.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TargetMemory {
    /// Region, system and agent; only kept for machines that can capture.
    pub machine: Option<Machine>,
    /// When its last capture is over at the latest.
    pub captured_until: Option<Timestamp>,
}

impl AlertRecord {
    /// The outcome of the same notification when it is delivered again, if it led to a capture. Anything else is
    /// worked on again.
    pub fn repeated(&self, target: &Target, memory: &TargetMemory, now: Timestamp) -> Option<Outcome> {
        let same = |outcome: &&Outcome| outcome.target.as_deref().and_then(Target::parse).as_ref() == Some(target);
        let earlier = self.outcomes.iter().find(same)?;
        if !matches!(earlier.outcome, Kind::Started | Kind::Joined) {
            return None;
        }
        let may_run = memory.captured_until.is_some_and(|until| now < until);
        let repeated = if may_run { Outcome::same_alert() } else { Outcome::duplicate() };
        Some(Outcome { capture: earlier.capture.clone(), ..repeated })
    }
}

impl TargetMemory {
    /// What there is to remember after a capture was asked for.
    pub fn new(start: &Start, place: &Place, now: Timestamp) -> Self {
        let limit = Duration::from_secs(u64::from(start.parameters.capture_seconds));
        Self { machine: place.machine.clone(), captured_until: Some(now.after(limit)) }
    }
}

impl CaptureRecord {
    /// A record of a capture that Azure was asked for on behalf of an alert.
    pub fn new(start: &Start, place: &Place, capture: &PacketCapture, alert: Summary) -> Self {
        Self {
            subscription: place.subscription.clone(),
            region: place.region.clone(),
            name: capture.name.clone(),
            target: start.target.clone(),
            watcher: place.watcher.clone(),
            parameters: start.parameters.clone(),
            storage_path: capture.storage_path.clone(),
            phase: Phase::Creating,
            alerts: vec![alert],
            steps: vec![],
        }
    }

    /// Where this record lies.
    pub fn key(&self) -> String {
        capture_key(&self.subscription, &self.region, &self.name)
    }

    /// Adds an alert unless it is there.
    pub fn add_alert(&mut self, alert: Summary) {
        if !self.alerts.contains(&alert) && self.alerts.len() < MOST_ALERTS {
            self.alerts.push(alert);
        }
    }

    /// Notes what was done.
    pub fn note(&mut self, at: Timestamp, step: &str, detail: impl Into<String>) {
        self.steps.push(Step { at, step: step.to_owned(), detail: detail.into() });
    }
}

/// Where an alert's record lies.
pub fn alert_key(key: &str) -> String {
    format!("alert:{key}")
}

/// Where a capture's record lies.
pub fn capture_key(subscription: &str, region: &Region, name: &str) -> String {
    format!("capture:{}:{region}:{name}", subscription.to_ascii_lowercase())
}

/// Where the memory of a machine lies. Ids may be longer than a key, so it is their digest.
pub fn target_key(target: &Target) -> String {
    format!("target:{}", digest(&target.id().key(), 16))
}

/// Where a region's watcher is remembered, if it is not the conventional one.
pub fn watcher_key(subscription: &str, region: &Region) -> String {
    format!("watcher:{}:{region}", subscription.to_ascii_lowercase())
}

/// Reads what lies under a key. Something that cannot be read is an error, not an absence.
pub async fn load<T: DeserializeOwned>(host: &impl Host, key: &str) -> Result<Option<T>, StoreError> {
    let Some(bytes) = host.load(key.to_owned()).await? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| StoreError(format!("{key} is not readable: {error}")))
}

/// Writes under a key.
pub async fn save<T: Serialize + Sync>(host: &impl Host, key: &str, value: &T) -> Result<(), StoreError> {
    let bytes = serde_json::to_vec(value).map_err(|error| StoreError(format!("{key} cannot be written: {error}")))?;
    host.save(key.to_owned(), bytes).await
}
