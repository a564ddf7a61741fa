//! The page on a capture: what is known of it, and what its file says. Pure.

mod chart;
pub mod html;

use crate::alert::Summary;
use crate::record::CaptureRecord;
use crate::report::Report;
use html::{Facts, Page};

/// The page on a capture that is over and was made for an alert.
pub fn page(record: &CaptureRecord, alert: Option<&Summary>, report: &Report) -> String {
    let machine = record.machine().name();
    let file = record.files.first();
    let facts = Facts {
        rule: alert.map(|alert| alert.rule.as_str()),
        severity: alert.and_then(|alert| alert.severity.as_deref()),
        condition: alert.map(|alert| alert.condition.as_str()),
        fired_at: alert.and_then(|alert| alert.fired_at),
        began_at: record.began_at,
        ended_at: record.end.as_ref().and_then(|end| end.at),
        end: record.end.as_ref().map(|end| end.message.as_str()),
        storage_path: file.map(|file| file.url.as_str()),
        size: file.and_then(|file| file.bytes),
    };
    Page { machine: &machine, facts, report }.render()
}
