//! The page on a capture: what is known of it, and what its file says. Pure.

mod axis;
mod bars;
mod document;
pub mod list;
mod plot;
mod sections;
mod table;
pub mod words;

use nightcap_report::Report;

use crate::alert::Summary;
use crate::notify::Links;
use crate::notify::compose::links_about;
use crate::records::capture::CaptureRecord;
use crate::records::report::{BeforeAndAfter, InstanceReport};
use crate::settings::Settings;

pub use document::Page;
pub use sections::{Facts, Instances};

/// What a page shows of a capture's files.
pub struct Shown<'a> {
    /// The name of the machine, or of the instance of a scale set.
    pub machine: &'a str,
    /// The number of its file, where there are several.
    pub number: Option<usize>,
    /// All instances, the worst first, on the page on that one.
    pub instances: &'a [InstanceReport],
    pub comparison: Option<&'a BeforeAndAfter>,
    pub report: &'a Report,
}

/// The page on a capture that is over and was made for an alert.
pub fn page(record: &CaptureRecord, alert: Option<&Summary>, shown: &Shown<'_>, settings: &Settings) -> String {
    let file = match shown.number {
        Some(number) => number.checked_sub(1).and_then(|index| record.files.get(index)),
        None => record.leading_file(),
    };
    let Links { portal, page, record: own, .. } = links_about(record, &settings.notify);
    let address = |what: &str| own.as_ref().map(|own| format!("{own}/{what}"));
    let one_file = shown.number.map_or_else(|| "file".to_owned(), |number| format!("file?number={number}"));
    let is_one_of_several = shown.number.is_some() && shown.instances.is_empty();
    let overview = is_one_of_several.then(|| address("report").unwrap_or_else(|| "report".to_owned()));
    let links = [
        ("All instances", overview),
        ("Machine in Azure", portal),
        ("Capture file", address(&one_file)),
        ("Record", page),
    ];
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
        links: links.into_iter().filter_map(|(what, address)| Some((what, address?))).collect(),
    };
    let [report_address, file_address] = ["report", "file"].map(address);
    let instances = Instances {
        all: shown.instances,
        report: report_address.unwrap_or_default(),
        file: file_address.unwrap_or_else(|| "file".to_owned()),
    };
    Page { machine: shown.machine, facts, instances, comparison: shown.comparison, report: shown.report }.render()
}
