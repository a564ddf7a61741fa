//! What a capture's files say, as it is kept.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_with::skip_serializing_none;

use crate::report::{Comparison, Report};
use crate::timestamp::Timestamp;

/// What a capture's file says, as it is written down: for programs, and as people are shown it.
#[derive(Clone, Debug, Serialize)]
pub struct KeptReport {
    /// When the file was read.
    pub at: Timestamp,
    pub report: Told,
    /// The same as a page.
    pub page: String,
}

/// A report with what is known beside it.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    #[serde(flatten)]
    pub report: Report,
    /// Of several files each, the worst first. The report is that on the first one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<InstanceReport>,
    /// The same machine before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<BeforeAndAfter>,
}

/// How a capture differs from an earlier one of the same machine.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BeforeAndAfter {
    /// The name of the earlier one.
    pub capture: String,
    pub began_at: Timestamp,
    /// Whether nothing but what is for information was found in it.
    pub was_quiet: bool,
    #[serde(flatten)]
    pub comparison: Comparison,
}

impl BeforeAndAfter {
    /// Which capture it is compared with: `2026-11-19 02:13:41 UTC, the last capture without a finding`.
    pub fn with(&self) -> String {
        let which = if self.was_quiet { "the last capture without a finding" } else { "the last capture" };
        format!("{}, {which}", self.began_at.plain())
    }

    /// What is telling, in a sentence; nothing when nothing is.
    pub fn sentence(&self) -> Option<String> {
        Some(format!("Compared with {}: {}.", self.with(), self.comparison.words()?))
    }
}

/// What one of several files says, in short.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceReport {
    /// Its place in the capture's list of files, from 1.
    pub number: usize,
    /// The instance of the scale set.
    pub name: String,
    pub packets: u64,
    /// On the wire.
    pub bytes: u64,
    /// Critical findings.
    pub criticals: usize,
    pub warnings: usize,
    /// The sentence of the worst finding.
    pub worst: Option<String>,
    /// Whether all of the file was read.
    pub is_complete: bool,
    /// Why it could not be read.
    pub problem: Option<String>,
}

impl InstanceReport {
    /// One of which nothing is known yet.
    pub fn new(number: usize, name: &str) -> Self {
        let name = name.to_owned();
        Self {
            number,
            name,
            packets: 0,
            bytes: 0,
            criticals: 0,
            warnings: 0,
            worst: None,
            is_complete: false,
            problem: None,
        }
    }
}

/// A report as it is shown: as it stands, for nobody here needs to understand it any more.
#[derive(Debug, Deserialize)]
pub struct ShownReport {
    pub report: Box<RawValue>,
    pub page: String,
}
