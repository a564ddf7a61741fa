//! What people are told, and how it is written for the place where they read it. Pure.

mod cloudevents;
pub mod compose;
mod slack;
mod teams;

use serde::{Deserialize, Serialize};

use crate::alert::Summary;
use crate::settings::NotifyFormat;
use crate::timestamp::Timestamp;

/// One message, with everything that it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// Equal for every delivery of this message, different for any two messages.
    pub id: String,
    /// What it is about.
    pub event: Event,
    /// When it was written.
    pub at: Timestamp,
    /// The machine's name, for people; empty when the alert is about no machine.
    pub machine: String,
    /// The machine's resource id, when there is one.
    pub target: Option<String>,
    /// Why, for machines: an outcome's reason, or how the capture ended.
    pub reason: String,
    /// The same for people: one or several sentences, with a remedy where there is one.
    pub message: String,
    /// What fired; `None` only when nothing is remembered of it.
    pub alert: Option<Summary>,
    /// The other alerts on the same capture, as far as they fit.
    pub others: Vec<Summary>,
    /// How many other alerts there are, including those that are not in `others`.
    pub others_count: usize,
    /// The capture, when there is one.
    pub capture: Option<Captured>,
    /// Where to read on.
    pub links: Links,
}

/// What a message is about; the words of the setting `notify_on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// An alert has started a capture.
    Started,
    /// An alert was added to a capture that runs.
    Joined,
    /// A capture has ended as captures do: by time, by size, or because somebody stopped it.
    Finished,
    /// An alert led to no capture, or a capture ended badly or out of sight.
    Failed,
    /// Nothing was to be done for an alert.
    Skipped,
}

/// What a message tells of a capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Captured {
    /// Subscription of watcher and machine.
    pub subscription: String,
    /// Their region.
    pub region: String,
    /// The capture's name.
    pub name: String,
    /// When it began, if it did.
    pub began_at: Option<Timestamp>,
    /// When it ended, as far as that is known.
    pub ended_at: Option<Timestamp>,
    /// Its files: one for a machine, one for each instance of a scale set.
    pub files: Vec<File>,
    /// Why there is no file or why it could not be looked at, in sentences.
    pub file_problem: Option<String>,
}

/// A file that a capture left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct File {
    /// Its address in Blob storage.
    pub url: String,
    /// Its size in bytes, when it could be seen.
    pub bytes: Option<u64>,
}

/// Where to read on; absolute addresses only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Links {
    /// The machine in Azure's portal.
    pub portal: Option<String>,
    /// nightcap's own record.
    pub record: Option<String>,
}

/// A notice as the receiver takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its media type.
    pub content_type: &'static str,
    /// Its body.
    pub body: Vec<u8>,
}

impl Event {
    /// Reads the word that the setting `notify_on` has for it, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        let events = [Self::Started, Self::Joined, Self::Finished, Self::Failed, Self::Skipped];
        events.into_iter().find(|event| event.word().eq_ignore_ascii_case(word))
    }

    /// The word for it in settings, records and messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Joined => "joined",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

impl Notice {
    /// Writes the notice for its receiver.
    pub fn render(&self, format: NotifyFormat) -> Message {
        match format {
            NotifyFormat::Teams => teams::render(self),
            NotifyFormat::Slack => slack::render(self),
            NotifyFormat::CloudEvents => cloudevents::render(self),
        }
    }
}
