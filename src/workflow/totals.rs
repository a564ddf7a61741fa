//! What `/metrics` has counted so far: sums over the records of alerts, captures and messages that are over, each once.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::notify::outbox::Delivered;
use crate::records::alert::AlertRecord;
use crate::records::capture::CaptureRecord;
use crate::records::reason::RecordedReason;
use crate::tally::{Counts, add};

/// The upper ends of the histogram's buckets in milliseconds.
pub const BUCKETS: [u64; 10] = [100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 120_000];

/// How many digits of a digest stand for a record.
pub const MARK: usize = 12;

/// How many records are known as counted, at most. While more are kept, those beyond are not counted: a value of the store is
/// bounded, and nothing must be counted twice.
const MOST_COUNTED: usize = 40_000;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// The first digits of the digest of each record's key that is counted and still kept.
    #[serde(with = "packed")]
    counted: HashSet<String>,
    /// By schema and outcome: `common started`.
    pub alerts: BTreeMap<String, u64>,
    /// By outcome and reason: `failed agent_missing`.
    pub reasons: BTreeMap<String, u64>,
    /// By how they ended.
    pub captures: BTreeMap<String, u64>,
    pub counts: Counts,
    pub put: Histogram,
    pub messages_sent: u64,
    pub messages_given_up: u64,
    pub reports_read: u64,
    pub reports_failed: u64,
    pub read_bytes: u64,
    pub read_ms: u64,
}

/// How long it took from an alert to its `PUT`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Histogram {
    /// How many are in each bucket and not in the one before, by its upper end in milliseconds.
    buckets: BTreeMap<u64, u64>,
    pub count: u64,
    pub sum_ms: u64,
}

impl Totals {
    /// Of what is counted only what is still kept has to be known.
    pub fn retain(&mut self, kept: &HashSet<String>) {
        self.counted.retain(|mark| kept.contains(mark));
    }

    pub fn has_counted(&self, mark: &str) -> bool {
        self.counted.contains(mark)
    }

    pub fn has_room(&self) -> bool {
        self.counted.len() < MOST_COUNTED
    }

    pub fn mark_counted(&mut self, mark: String) {
        self.counted.insert(mark);
    }

    pub fn add_alert(&mut self, record: &AlertRecord) {
        for outcome in &record.outcomes {
            let word = outcome.outcome.word();
            add(&mut self.alerts, &format!("{} {word}", record.schema.word()), 1);
            let reason = match &outcome.reason {
                RecordedReason::Known(reason) => reason.word(),
                RecordedReason::Other(_) => "other",
            };
            add(&mut self.reasons, &format!("{word} {reason}"), 1);
        }
        self.counts.add(&record.counts);
    }

    pub fn add_capture(&mut self, record: &CaptureRecord) {
        if let Some(end) = &record.end {
            add(&mut self.captures, end.reason.word(), 1);
        }
        if let Some(waited) = record.put_after_ms {
            self.put.add(waited);
        }
        self.reports_read = self.reports_read.saturating_add(u64::from(!record.report.is_empty()));
        self.reports_failed = self.reports_failed.saturating_add(u64::from(record.report_problem.is_some()));
        self.read_bytes = self.read_bytes.saturating_add(record.read_bytes);
        self.read_ms = self.read_ms.saturating_add(record.read_ms);
        self.counts.add(&record.counts);
    }

    pub fn add_message(&mut self, delivered: &Delivered) {
        let count = if delivered.acknowledged { &mut self.messages_sent } else { &mut self.messages_given_up };
        *count = count.saturating_add(1);
    }
}

impl Histogram {
    fn add(&mut self, ms: u64) {
        let bucket = BUCKETS.into_iter().find(|end| ms <= *end).unwrap_or(u64::MAX);
        let in_bucket = self.buckets.entry(bucket).or_default();
        *in_bucket = in_bucket.saturating_add(1);
        self.count = self.count.saturating_add(1);
        self.sum_ms = self.sum_ms.saturating_add(ms);
    }

    /// How many took no longer than this.
    pub fn up_to(&self, ms: u64) -> u64 {
        self.buckets.range(..=ms).map(|(_, count)| *count).sum()
    }
}

/// One text in place of thousands, for the value is read and written as a whole.
mod packed {
    use super::*;

    pub fn serialize<S: serde::Serializer>(marks: &HashSet<String>, serializer: S) -> Result<S::Ok, S::Error> {
        let mut marks: Vec<&str> = marks.iter().map(String::as_str).collect();
        marks.sort_unstable();
        serializer.serialize_str(&marks.concat())
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<HashSet<String>, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(text.as_bytes().chunks_exact(MARK).map(|mark| String::from_utf8_lossy(mark).into_owned()).collect())
    }
}
