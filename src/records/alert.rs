//! What is remembered of an alert.

use serde::{Deserialize, Serialize};

use crate::alert::{Alert, Schema, Summary};
use crate::azure::target::Target;
use crate::records::outcome::{Kind, Outcome};
use crate::records::target::TargetMemory;
use crate::tally::Counts;
use crate::timestamp::Timestamp;

/// An alert that was accepted, and how it ended for each of its targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AlertRecord {
    /// See [`FORM`](crate::records::form::FORM).
    #[serde(default)]
    pub form: u32,
    /// The alert's key, which is also the last part of the record's address.
    pub key: String,
    pub alert: Summary,
    pub received_at: Timestamp,
    /// Whether nothing remains to be done.
    pub finished: bool,
    /// The payload's schema.
    #[serde(default)]
    pub schema: Schema,
    /// What whoever worked on it has counted.
    #[serde(default, skip_serializing_if = "Counts::is_empty")]
    pub counts: Counts,
    /// One for each target; `accepted` while it is worked on.
    pub outcomes: Vec<Outcome>,
    /// The whole notification as long as something remains to be done, for whoever has to go on with it.
    #[cfg_attr(test, schema(value_type = Option<Object>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification: Option<Alert>,
}

/// An alert that a capture serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnCapture {
    pub alert: Summary,
    /// When it fired, or else when it was received.
    pub at: Timestamp,
}

/// How an alert ended for a target after all, when a capture had been started for it at first. Whoever watches that capture
/// writes this, and never the alert's own record, which somebody else may be writing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    pub at: Timestamp,
    /// The name of the capture that had been started.
    pub capture: String,
    pub storage_path: Option<String>,
    pub outcome: Outcome,
}

/// That an alert is over for a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// Since when.
    pub at: Timestamp,
}

impl AlertRecord {
    /// How the alert ended for a target.
    pub fn outcome_for(&self, target: &Target) -> Option<&Outcome> {
        self.outcomes.iter().find(|outcome| outcome.is_for(target))
    }

    /// Whether the alert has led to a capture for each of these targets.
    pub fn led_to_captures(&self, targets: &[Target]) -> bool {
        !targets.is_empty() && targets.iter().all(|target| self.with_capture(target).is_some())
    }

    /// The outcome of the same notification when it is delivered again, if it led to a capture. Anything else is
    /// worked on again.
    pub fn repeated(&self, target: &Target, memory: &TargetMemory, now: Timestamp) -> Option<Outcome> {
        let earlier = self.with_capture(target)?;
        let may_run = memory.captured_until.is_some_and(|until| now < until);
        let repeated = if may_run { Outcome::same_alert() } else { Outcome::duplicate() };
        Some(Outcome { capture: earlier.capture.clone(), ..repeated })
    }

    fn with_capture(&self, target: &Target) -> Option<&Outcome> {
        self.outcome_for(target).filter(|outcome| matches!(outcome.outcome, Kind::Started | Kind::Joined))
    }
}

impl Revision {
    /// Whether an outcome is the one that is revised. The same alert may have started another capture since.
    pub fn is_of(&self, outcome: &Outcome) -> bool {
        let Some(capture) = &outcome.capture else { return false };
        let is_same_file = match (&self.storage_path, &capture.storage_path) {
            (Some(own), Some(theirs)) => own == theirs,
            _ => true,
        };
        self.capture.eq_ignore_ascii_case(&capture.name) && is_same_file
    }
}
