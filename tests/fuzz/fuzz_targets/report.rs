//! Any bytes as a capture file: reader, accounting, findings, JSON, page and lines.
//!
//! Besides not to panic and not to hang, the report must be the same however the file is cut into pieces, must stay within
//! its bounds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nightcap::report::{Analysis, Report};
use nightcap::{Facts, Instances, Page};

/// What may be kept under one key, with some room for quotes in the page.
const LONGEST: usize = 900_000;

fuzz_target!(|input: &[u8]| {
    let Some((size, file)) = input.split_first() else { return };
    let report = read(file, file.len().max(1));
    let size = usize::from(*size).max(1);
    assert_eq!(read(file, size), report, "in pieces of {size} bytes");
    assert!(report.file.bytes_read <= file.len() as u64);
    assert!(report.packets.count <= file.len() as u64 / 8, "a record of a file has a header");

    let json = serde_json::to_string(&report).expect("JSON");
    let (facts, instances) = (Facts::default(), Instances::default());
    let page = Page { machine: "machine", facts, instances, comparison: None, report: &report }.render();
    assert!(json.len() + page.len() < LONGEST);
    assert!(!page.contains("<script"));
    assert!(report.lines().iter().all(|line| !line.chars().any(char::is_control)));
});

fn read(file: &[u8], size: usize) -> Report {
    let mut analysis = Analysis::default();
    file.chunks(size).for_each(|piece| analysis.push(piece));
    analysis.finish()
}
