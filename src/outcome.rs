//! How an alert ends for a target: started, joined, skipped, failed, or still being worked on.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::azure::region::Region;

/// The five ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A capture was started for this alert.
    Started,
    /// A capture on the target already runs; the alert was added to it.
    Joined,
    /// Nothing was to be done.
    Skipped,
    /// Something was to be done and could not be.
    Failed,
    /// Work goes on after the answer.
    Accepted,
}

impl Kind {
    /// The word in answers, records and logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Joined => "joined",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Accepted => "accepted",
        }
    }
}

/// How an alert ended for one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The target's resource id, or `null` when the alert is about no machine.
    pub target: Option<String>,
    /// Which of the five ways.
    pub outcome: Kind,
    /// Why, for machines: `snake_case`.
    pub reason: String,
    /// Why, for people: a sentence or two.
    pub message: String,
    /// The capture, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<CaptureRef>,
    /// With `dry_run`, the requests that would have been sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<Value>,
    /// Whether the same alert may end better later.
    #[serde(skip)]
    pub repeat_helps: bool,
}

/// Where a capture is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CaptureRef {
    /// Subscription of watcher and machine.
    pub subscription: String,
    /// Their region.
    pub region: Region,
    /// The capture's name.
    pub name: String,
    /// The address that the file will have, as far as Azure told it.
    pub storage_path: Option<String>,
    /// Where to read on.
    pub links: Links,
}

/// Where to read on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// The capture's record.
    #[serde(rename = "self")]
    pub this: String,
}

impl Outcome {
    /// An outcome without a capture.
    pub fn new(kind: Kind, reason: &str, message: impl Into<String>) -> Self {
        Self {
            target: None,
            outcome: kind,
            reason: reason.to_owned(),
            message: message.into(),
            capture: None,
            requests: vec![],
            repeat_helps: false,
        }
    }

    /// The same outcome for a target.
    pub fn for_target(self, target: &crate::alert::target::Target) -> Self {
        Self { target: Some(target.id().to_string()), ..self }
    }
}

impl CaptureRef {
    /// A reference with its links.
    pub fn new(
        public_url: &str,
        subscription: &str,
        region: &Region,
        name: &str,
        storage_path: Option<String>,
    ) -> Self {
        Self {
            subscription: subscription.to_owned(),
            region: region.clone(),
            name: name.to_owned(),
            storage_path,
            links: Links { this: format!("{public_url}/api/captures/{subscription}/{region}/{name}") },
        }
    }
}
