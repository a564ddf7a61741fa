//! The page on a capture: what is known of it, and what its file says. Pure.

mod chart;
pub mod html;

use crate::alert::Summary;
use crate::azure::cloud;
use crate::outcome::CaptureRef;
use crate::record::CaptureRecord;
use crate::report::Report;
use crate::settings::Settings;
use html::{Facts, Page};

/// The page on a capture that is over and was made for an alert.
pub fn page(record: &CaptureRecord, alert: Option<&Summary>, report: &Report, settings: &Settings) -> String {
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
        links: links(record, settings),
    };
    Page { machine: &machine, facts, report }.render()
}

/// Links that lead somewhere from a page that was saved: without a public address nightcap's own do not.
fn links(record: &CaptureRecord, settings: &Settings) -> Vec<(&'static str, String)> {
    let mut links = vec![("Machine in Azure", cloud::portal(&settings.arm, &record.machine().resource().to_string()))];
    let CaptureRecord { subscription, region, name, .. } = record;
    let own = CaptureRef::new(&settings.public_url, subscription, region, name, None).links.this;
    if own.starts_with("http") {
        links.push(("Capture file", format!("{own}/file")));
        links.push(("Record", own));
    }
    links
}
