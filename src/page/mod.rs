//! The page on a capture: what is known of it, and what its file says. Pure.

mod axis;
mod bars;
mod document;
mod list;
mod plot;
mod sections;
mod table;
mod words;

use nightcap_report::Report;

use crate::alert::Summary;
use crate::azure::blob::largest;
use crate::notify::Links;
use crate::notify::compose::links_about;
use crate::records::capture::CaptureRecord;
use crate::settings::Settings;

pub use document::Page;
pub use sections::Facts;

/// The page on a capture that is over and was made for an alert.
pub fn page(record: &CaptureRecord, alert: Option<&Summary>, report: &Report, settings: &Settings) -> String {
    let machine = record.machine().name();
    let file = largest(&record.files);
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

fn links(record: &CaptureRecord, settings: &Settings) -> Vec<(&'static str, String)> {
    let Links { portal, record: own, .. } = links_about(record, &settings.notify);
    let file = own.as_ref().map(|own| format!("{own}/file"));
    let links = [("Machine in Azure", portal), ("Capture file", file), ("Record", own)];
    links.into_iter().filter_map(|(what, address)| Some((what, address?))).collect()
}
