//! Incidents that were staged, and captures of users: what must be found first, and what must not be said.
//!
//! Needs `NIGHTCAP_ORACLES` to be set to a folder that holds `incidents`, `captures` and `reports`.

mod tshark;
mod wire;

use std::fs;
use std::path::{Path, PathBuf};

use fancy_regex::Regex;
use nightcap_report::{Analysis, Evidence, Finding, FindingKind, Report, Severity};
use serde_json::{Value, json};
use wire::{HEADERS, Wire};

/// How a file begins that can be cut here.
const PCAP: [u8; 4] = 0xa1b2_c3d4_u32.to_le_bytes();

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("NIGHTCAP_ORACLES").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: NIGHTCAP_ORACLES is not set to the folder that holds incidents");
    }
    folder
}

fn bytes(file: &Path) -> Vec<u8> {
    fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn report(capture: &[u8]) -> Report {
    let mut analysis = Analysis::default();
    analysis.push(capture);
    analysis.finish()
}

fn read(file: &Path) -> Report {
    report(&bytes(file))
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn matches(pattern: &str, text: &str) -> bool {
    Regex::new(pattern).unwrap().is_match(text).unwrap()
}

/// What is wrong in a report of a capture whose story is known. The members of a story are explained beside the incidents.
fn wrongs(story: &Value, report: &Report) -> Vec<String> {
    let findings = serde_json::to_value(&report.findings).unwrap();
    let findings = findings.as_array().unwrap();
    let kind = |finding: &Value| finding["kind"].as_str().unwrap().to_owned();
    let mut wrongs = Vec::new();
    if let Some(first) = findings.first() {
        let sentence = first["sentence"].as_str().unwrap();
        let is_of_kind = texts(&story["first"]).contains(&kind(first).as_str());
        let is_said = story["orFirstSays"].as_str().is_some_and(|pattern| matches(pattern, sentence));
        if story["quiet"] == false {
            if !is_of_kind && !is_said {
                wrongs.push(format!("first is {}: {sentence}", kind(first)));
            }
            let names = texts(&story["named"]);
            if !names.is_empty() && !names.iter().any(|name| sentence.contains(name)) {
                wrongs.push(format!("nobody of {names:?} is named: {sentence}"));
            }
            let missing = texts(&story["says"]).into_iter().filter(|pattern| !matches(pattern, sentence));
            wrongs.extend(missing.map(|pattern| format!("does not say {pattern}: {sentence}")));
            let said = texts(&story["saysNot"]).into_iter().filter(|pattern| matches(pattern, sentence));
            wrongs.extend(said.map(|pattern| format!("says {pattern}: {sentence}")));
        }
    } else if story["quiet"] == false {
        wrongs.push("nothing is found".to_owned());
    }
    for finding in findings {
        let is_alarm = finding["severity"] != "info";
        let is_false = texts(&story["mustNot"]).contains(&kind(finding).as_str());
        let is_allowed = texts(&story["may"]).contains(&kind(finding).as_str());
        if is_false || (story["quiet"] == true && is_alarm && !is_allowed) {
            wrongs.push(format!("{} is false: {}", kind(finding), finding["sentence"].as_str().unwrap()));
        }
    }
    for sentence in &report.normal {
        if texts(&story["falsePraise"]).iter().any(|beginning| sentence.starts_with(beginning)) {
            wrongs.push(format!("false praise: {sentence}"));
        }
    }
    wrongs
}

/// What users' captures show.
fn users_captures() -> Vec<(&'static str, Value)> {
    let flood = || {
        json!({
            "quiet": false, "first": ["syn_flood"], "mustNot": ["port_scan", "host_sweep", "silent_service"],
            "falsePraise": ["Connections were answered", "Traffic was even"],
        })
    };
    let ordinary = || json!({ "quiet": true });
    vec![
        (
            "02-answers-that-never-arrive/dozen.pcap",
            json!({
                "quiet": false, "first": ["half_open_service"], "named": ["10.100.0.4:1433"],
                "mustNot": ["syn_flood", "retransmission_storm"], "falsePraise": ["Connections were answered"],
            }),
        ),
        ("04-nva-sees-each-packet-twice/control-once.pcap", ordinary()),
        ("04-nva-sees-each-packet-twice/nva.pcap", ordinary()),
        ("07-clock-outlier-hides-syn-flood/control.pcap", flood()),
        ("07-clock-outlier-hides-syn-flood/one-packet-in-1970.pcap", flood()),
        ("07-clock-outlier-hides-syn-flood/one-packet-in-2106.pcap", flood()),
        (
            "08-mtu-black-hole/black-hole.pcap",
            json!({
                "quiet": false, "first": ["packets_too_big"], "named": ["10.70.0.4:443"], "says": ["[Ff]ull-sized"],
                "falsePraise": [
                    "Packets fitted", "TLS handshakes went on", "Connections were answered", "Little had to be sent again"
                ],
            }),
        ),
        ("09-vxlan-other-ports/control-4789.pcap", flood()),
        ("09-vxlan-other-ports/linux-8472.pcap", flood()),
        ("10-ndots-exactly-80-percent/ndots.pcap", ordinary()),
        ("16-truncated-tso-segments/control-not-cut.pcap", ordinary()),
        ("16-truncated-tso-segments/tso-cut-128.pcap", ordinary()),
        ("17-zero-filled-tail/tail-of-512.pcap", flood()),
        ("18-exact-duplicates-sll2/outbound-twice-ethernet.pcap", ordinary()),
        ("23-netmon-cap/windows-agent.cap", ordinary()),
    ]
}

/// Name, file and story of each capture.
fn stories(folder: &Path) -> Vec<(String, PathBuf, Value)> {
    let truth: Value = serde_json::from_slice(&fs::read(folder.join("incidents/truth.json")).unwrap()).unwrap();
    let staged = truth.as_object().unwrap().iter();
    let mut stories: Vec<(String, PathBuf, Value)> = staged
        .map(|(name, story)| {
            (name.clone(), folder.join("incidents").join(story["file"].as_str().unwrap()), story.clone())
        })
        .collect();
    let of_users = users_captures().into_iter();
    stories.extend(of_users.map(|(name, story)| (name.to_owned(), folder.join("reports").join(name), story)));
    stories
}

#[test]
fn incidents_are_told_as_what_they_are() {
    let Some(folder) = folder() else { return };
    let stories = stories(&folder);
    let mut wrong = 0;
    for (name, file, story) in &stories {
        let report = read(file);
        let wrongs = wrongs(story, &report);
        println!("{} {name}", if wrongs.is_empty() { "right" } else { "WRONG" });
        wrongs.iter().for_each(|wrong| println!("      {wrong}"));
        if std::env::var_os("NIGHTCAP_SHOW").is_some() {
            report
                .findings
                .iter()
                .for_each(|one| println!("      {:?} {:?}: {}", one.severity, one.kind, one.sentence));
            report.normal.iter().for_each(|sentence| println!("      + {sentence}"));
        }
        wrong += usize::from(!wrongs.is_empty());
    }
    assert_eq!(wrong, 0, "of {} stories", stories.len());
}

/// What `packet_bytes` is documented to cost: findings that are read from payload, and what is in a tunnel.
#[test]
fn files_of_headers_tell_the_same_but_for_what_is_in_payload() {
    let Some(folder) = folder() else { return };
    let in_payload = ["http_", "tls", "09-vxlan"];
    for (name, file, story) in stories(&folder) {
        let whole = bytes(&file);
        if !whole.starts_with(&PCAP) {
            continue;
        }
        let report = report(&Wire(whole).cut(HEADERS).0);
        if in_payload.iter().any(|beginning| name.starts_with(beginning)) {
            assert_eq!(report.findings, [], "{name}");
        } else {
            assert_eq!(wrongs(&story, &report), [""; 0], "{name}");
        }
    }
}

/// How many packets a finding is about at least; of others Wireshark counts otherwise.
fn counted(finding: &Finding) -> u64 {
    let name = match finding.kind {
        FindingKind::SynFlood => "neverCompleted",
        FindingKind::PortScan | FindingKind::HostSweep => "failed",
        FindingKind::RefusedService | FindingKind::SilentService | FindingKind::HalfOpenService => "failed",
        FindingKind::HttpFailing => "errors",
        FindingKind::HttpThrottled => "throttled",
        FindingKind::HttpNotFound => "notFound",
        FindingKind::TlsFailing => "failed",
        FindingKind::ZeroWindow => "ofReceiver",
        FindingKind::ConnectionsReset => "reset",
        FindingKind::IdleConnectionsDie => "connections",
        FindingKind::CapturedTwice => "copies",
        _ => return 1,
    };
    match finding.evidence.get(name) {
        Some(Evidence::Count(count)) => *count,
        other => panic!("{name} is {other:?} in {finding:#?}"),
    }
}

#[test]
fn filters_show_the_packets_of_incidents() {
    let Some(folder) = folder() else { return };
    if !tshark::is_there() {
        return;
    }
    let mut wrong = Vec::new();
    for (name, file, _) in stories(&folder) {
        let report = read(&file);
        for finding in &report.findings {
            let filter = finding.filter.as_deref().unwrap();
            let [once, twice] = tshark::shown(&file, filter);
            let few = twice.min(once);
            println!("{name}: {:?} {once} {twice} of {}, {filter}", finding.kind, report.packets.count);
            if (few as u64) < counted(finding) || few == 0 || once.max(twice) as u64 >= report.packets.count {
                wrong.push(format!("{name}: {filter} shows {once} and {twice}: {}", finding.sentence));
            }
        }
        // Wireshark judges no segment whose options are cut, so where that happens other filters have to do.
        let whole = bytes(&file);
        if !whole.starts_with(&PCAP) {
            continue;
        }
        let cut = Wire(whole).cut(HEADERS);
        let file = tshark::file("cut", &cut.0);
        for finding in self::report(&cut.0).findings {
            let filter = finding.filter.unwrap();
            if report.findings.iter().all(|whole| whole.filter.as_ref() != Some(&filter)) {
                let [once, twice] = tshark::shown(&file, &filter);
                println!("{name}, headers: {:?} {once} {twice} of {}, {filter}", finding.kind, report.packets.count);
                if once == 0 || twice == 0 || once.max(twice) as u64 >= report.packets.count {
                    wrong.push(format!("{name}, headers: {filter} shows {once} and {twice}: {}", finding.sentence));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// What is alarming in published captures: a scan is one, and nonsense need not make sense.
const ALARMING: [(&str, &str); 2] = [("synscan.pcap", "port_scan"), ("fuzzed-be.pcap", "dns_slow")];

#[test]
fn published_captures_raise_no_other_alarm() {
    let Some(folder) = folder() else { return };
    let index: Value = serde_json::from_slice(&fs::read(folder.join("captures/index.json")).unwrap()).unwrap();
    let mut alarms = Vec::new();
    for capture in index["captures"].as_array().unwrap() {
        let name = capture["file"].as_str().unwrap();
        let report = read(&folder.join("captures").join(name));
        let of_file = report.findings.iter().filter(|finding| finding.severity != Severity::Info);
        alarms.extend(of_file.map(|finding| (name.to_owned(), json!(finding.kind), finding.sentence.clone())));
    }
    let is_known = |name: &str, kind: &Value| ALARMING.iter().any(|known| *known == (name, kind.as_str().unwrap()));
    alarms.retain(|(name, kind, _)| !is_known(name, kind));
    assert_eq!(alarms, []);
}

#[test]
fn users_captures_are_counted_as_they_are() {
    let Some(folder) = folder() else { return };
    let folder = folder.join("reports");
    for file in ["control-not-cut.pcap", "tso-cut-128.pcap"] {
        let report = read(&folder.join("16-truncated-tso-segments").join(file));
        assert_eq!(report.tcp.lost_segments, 0, "{file}");
    }
    let windows = read(&folder.join("23-netmon-cap/windows-agent.cap"));
    assert_eq!((windows.packets.count, windows.tcp.connections.answered, windows.file.is_complete), (3, 1, true));
    let flood = ["control.pcap", "one-packet-in-1970.pcap", "one-packet-in-2106.pcap"];
    let flood = flood.map(|file| folder.join("07-clock-outlier-hides-syn-flood").join(file));
    for file in flood.iter().chain([&folder.join("17-zero-filled-tail/tail-of-512.pcap")]) {
        let packets = read(file).packets;
        let seconds = packets.duration_seconds.unwrap();
        assert!((11.0..13.0).contains(&seconds), "{}: {packets:?}", file.display());
        assert!((3_600..=3_601).contains(&packets.count), "{}: {packets:?}", file.display());
    }
}
