//! What reports say of published captures that Wireshark's `editcap` has written in another format.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nightcap::report::{CaptureFile, Report};
use serde_json::json;

use crate::oracles::{self, facts};
use crate::read;

/// The formats, in how many captures can be written, and what they cannot carry.
const FORMATS: [(&str, usize); 5] = [
    ("nsecpcap", 16), // Packets without a time.
    ("pcapng", 17),   // Packets without a time, which `editcap` writes with one that is none.
    ("modpcap", 16),  // Nanoseconds.
    ("netmon2", 12),  // Nanoseconds, and link types that Network Monitor does not have.
    ("netmon1", 12),  // Microseconds, times 49 days after the first, and the same link types.
];

/// What is of the file rather than of its packets, or of the exactness of its clock.
const OF_THE_FILE: [&str; 4] = ["interfaces", "is whole", "times", "without time"];

/// Marks of Wireshark that depend on how exact the clock is.
const OF_THE_CLOCK: [(&str, &str); 2] =
    [("retransmissions", "tcp.analysis.retransmission"), ("out of order", "tcp.analysis.out_of_order")];

fn run(tool: &str, args: &[&str]) -> Output {
    // Network Monitor tells times by the clock on the wall.
    Command::new(tool).env("TZ", "UTC").args(args).output().unwrap()
}

/// Writes a capture in another format; nothing when that cannot carry it.
fn convert(from: &Path, format: &str, folder: &Path) -> Option<PathBuf> {
    let to = folder.join(format!("{}.{format}", from.file_name().unwrap().display()));
    let output = run("editcap", &["-F", format, &from.display().to_string(), &to.display().to_string()]);
    let said = String::from_utf8_lossy(&output.stderr);
    let is_carried = output.status.success();
    assert!(is_carried || said.contains("can't be written") || said.contains("can't be saved"), "{said}");
    is_carried.then_some(to)
}

/// How many packets tshark gives a mark.
fn marked(file: &Path, mark: &str) -> usize {
    let output = run("tshark", &["-r", &file.display().to_string(), "-Y", mark]);
    String::from_utf8_lossy(&output.stdout).lines().count()
}

fn report(file: &Path) -> Report {
    read(&fs::read(file).unwrap())
}

/// The same but for what is said of the file itself.
fn without_file(report: Report) -> Report {
    let link_types = report.file.link_types;
    Report { file: CaptureFile { link_types, ..read(b"").file }, ..report }
}

#[test]
fn a_capture_in_another_format_has_the_same_report() {
    if ["editcap", "tshark"].iter().any(|tool| Command::new(tool).arg("--version").output().is_err()) {
        println!("skipped: tshark and editcap are not there");
        return;
    }
    let captures = oracles::captures();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("conversions");
    fs::create_dir_all(&folder).unwrap();
    for (format, most) in FORMATS {
        let mut converted = 0;
        for (capture, file) in &captures {
            let Some(copy) = convert(file, format, &folder) else { continue };
            let of_copy = report(&copy);
            assert_eq!(of_copy.file.fault, None, "{}", copy.display());
            for (before, after) in facts(capture, &report(file)).into_iter().zip(facts(capture, &of_copy)) {
                let is_told = OF_THE_FILE.contains(&&*after.what) || before.report == after.report;
                let mark = OF_THE_CLOCK.iter().find(|(what, _)| *what == after.what);
                let is_tshark_of_one_mind = || mark.is_some_and(|(_, mark)| json!(marked(&copy, mark)) == after.report);
                assert!(is_told || is_tshark_of_one_mind(), "{} of {}: {}", after.what, copy.display(), after.report);
            }
            // The very packets that Wireshark reads from it, times and all. Only pcapng has packets without one.
            if let Some(as_wireshark_reads_it) = convert(&copy, "nsecpcap", &folder) {
                let is_same = without_file(of_copy) == without_file(report(&as_wireshark_reads_it));
                assert!(is_same, "{}", copy.display());
            }
            converted += 1;
        }
        assert!(captures.is_empty() || converted == most, "{converted} captures as {format}");
    }
    fs::remove_dir_all(&folder).unwrap();
}
