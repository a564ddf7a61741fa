//! Notices for tests: one as they are, one of next to nothing, and those that somebody made to do harm.

use crate::alert::{Reading, Summary};
use crate::azure::blob::File;
use crate::notify::notice::{Captured, Event, Links, Notice};
use crate::timestamp::Timestamp;

pub const TARGET: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/prod/providers/\
                          Microsoft.Compute/virtualMachines/web-01";
pub const FILE: &str = "https://captures.blob.core.windows.net/network-watcher-logs/subscriptions/\
                        00000000-0000-0000-0000-000000000000/resourcegroups/prod/providers/microsoft.compute/\
                        virtualmachines/web-01/2026/11/20/packetcapture_02_13_44_123.cap";
pub const PORTAL: &str = "https://portal.azure.com/#@/resource/subscriptions/00000000-0000-0000-0000-000000000000/\
                          resourceGroups/prod/providers/Microsoft.Compute/virtualMachines/web-01";
/// What the file says first, with its next step, and what shows it.
pub const FOUND: &str =
    "10.0.0.7:5432 refused 12 of 12 connections. Look on that machine whether the program is running.";
pub const FILTER: &str = "ip.src == 10.0.0.7 && tcp.srcport == 5432 && tcp.flags.reset == 1";
pub const RECORD: &str = "https://nightcap.example/api/captures/00000000-0000-0000-0000-000000000000/westeurope/\
                          nightcap_web-01_20261120T0210Z_1f0c9a2b";
pub const PAGE: &str = "https://nightcap.example/captures/00000000-0000-0000-0000-000000000000/westeurope/\
                          nightcap_web-01_20261120T0210Z_1f0c9a2b";

pub fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub fn ordinary() -> Notice {
    let reading = Reading {
        metric: "Percentage CPU".to_owned(),
        operator: Some("GreaterThan".to_owned()),
        threshold: Some("80".to_owned()),
        value: Some("93.2".to_owned()),
    };
    Notice {
        id: "b1946ac92492d2347c6235b4d2611184".to_owned(),
        event: Event::Finished,
        at: at("2026-11-20T02:15:44Z"),
        machine: "web-01".to_owned(),
        target: Some(TARGET.to_owned()),
        reason: "time_limit".to_owned(),
        message: "The capture ran for 60 seconds, its time limit.".to_owned(),
        alert: Some(Summary {
            id: "/subscriptions/0/providers/Microsoft.AlertsManagement/alerts/1".to_owned(),
            rule: "CPU high <prod> & test".to_owned(),
            condition: "Fired".to_owned(),
            severity: Some("Sev1".to_owned()),
            fired_at: Some(at("2026-11-20T02:13:41Z")),
            reading: Some(reading),
            by_hand: false,
        }),
        others: vec![other("2", "Disk queue"), other("3", "Disk queue")],
        others_count: 3,
        capture: Some(Captured {
            subscription: "00000000-0000-0000-0000-000000000000".to_owned(),
            region: "westeurope".to_owned(),
            name: "nightcap_web-01_20261120T0210Z_1f0c9a2b".to_owned(),
            began_at: Some(at("2026-11-20T02:13:44Z")),
            ended_at: Some(at("2026-11-20T02:14:45Z")),
            files: vec![File { url: FILE.to_owned(), bytes: Some(4_500_000) }],
            leading_file: None,
            file_problem: None,
            report: vec![FOUND.to_owned(), "8,123 packets, 947.0 KiB in 8 s.".to_owned()],
            filters: vec![FILTER.to_owned()],
        }),
        links: Links {
            portal: Some(PORTAL.to_owned()),
            page: Some(PAGE.to_owned()),
            record: Some(RECORD.to_owned()),
            report: Some(format!("{RECORD}/report")),
        },
    }
}

pub fn other(id: &str, rule: &str) -> Summary {
    Summary {
        id: id.to_owned(),
        rule: rule.to_owned(),
        condition: "Fired".to_owned(),
        severity: None,
        fired_at: None,
        reading: None,
        by_hand: false,
    }
}

pub fn minimal() -> Notice {
    Notice {
        id: "1".to_owned(),
        event: Event::Skipped,
        at: at("2026-11-20T02:15:44Z"),
        machine: String::new(),
        target: None,
        reason: String::new(),
        message: String::new(),
        alert: None,
        others: vec![],
        others_count: 0,
        capture: None,
        links: Links::default(),
    }
}

/// As many alerts as a record lists, each of the size that Azure's have.
pub fn storm() -> Notice {
    let id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/prod/providers/\
              Microsoft.AlertsManagement/alerts/";
    let others = (0..200).map(|n| Summary {
        severity: Some("Sev2".to_owned()),
        fired_at: Some(at("2026-11-20T02:13:59Z")),
        reading: ordinary().alert.unwrap().reading,
        ..other(&format!("{id}{n:036}"), &format!("Requests per second on the front end, rule {n}"))
    });
    Notice { others: others.collect(), others_count: 200, ..ordinary() }
}

/// Every text that there is made of one that means harm, and as many of everything as it takes to be too large.
pub fn hostile() -> Vec<Notice> {
    let texts = [
        "\"\\",
        "&",
        "<>&",
        "{",
        "😀",
        "﷽",
        "\0\u{1b}[2J\u{7f}\u{85}",
        "\u{202e}\u{2066}\u{200f}\u{61c}\u{ffff}\u{2028}\r\n",
        "{{DATE(2026-11-20T02:13:41Z,SHORT)}}",
        "**b** _i_ ~s~ `c` [x](http://evil.example) ![x](http://evil.example/x.png) # h\n> q\n- l :x: ",
        "<at>everyone</at> <!channel> <!here> <@U1> <#C1> <http://evil.example|Record> @channel &lt;!channel&gt; ",
        "x",
    ];
    let long = |text: &str| text.repeat(100_000 / text.len());
    texts.into_iter().flat_map(|text| [made_of(text, text), made_of(&long(text), text)]).collect()
}

fn made_of(text: &str, piece: &str) -> Notice {
    let text = || text.to_owned();
    let reading = Reading { metric: text(), operator: Some(text()), threshold: Some(text()), value: Some(text()) };
    let alert = Summary {
        id: text(),
        rule: text(),
        condition: text(),
        severity: Some(text()),
        fired_at: Some(at("2026-11-20T02:13:41Z")),
        reading: Some(reading),
        by_hand: false,
    };
    // Different, so that none of them passes for another.
    let piece = piece.repeat(700 / piece.len());
    let others = (0..200).map(|n| Summary { severity: Some(piece.clone()), ..other(&piece, &format!("{n}{piece}")) });
    let files = (0..200).map(|n| File { url: format!("https://evil.example/{n}/{piece}"), bytes: Some(u64::MAX) });
    Notice {
        id: text(),
        event: Event::Failed,
        at: at("2026-11-20T02:15:44Z"),
        machine: text(),
        target: Some(text()),
        reason: text(),
        message: text(),
        others: others.collect(),
        others_count: usize::MAX,
        alert: Some(alert),
        capture: Some(Captured {
            subscription: text(),
            region: text(),
            name: text(),
            began_at: Some(Timestamp::from_unix_millis(0)),
            ended_at: Some(at("9999-12-31T23:59:59Z")),
            files: files.collect(),
            leading_file: None,
            file_problem: Some(text()),
            report: vec![text(); 5],
            filters: vec![piece.chars().take(260).collect(); 5],
        }),
        links: Links {
            portal: Some(format!("https://evil.example/{piece}")),
            page: Some(format!("http://evil.example/{piece}")),
            record: Some(format!("http://evil.example/?{piece}")),
            report: Some(format!("http://evil.example/{piece}")),
        },
    }
}

/// One line, and nothing in it that cannot be seen.
pub fn check_line(text: &str) {
    let steers =
        |c: char| c.is_control() || "\u{2028}\u{2029}\u{61c}\u{200e}\u{200f}\u{feff}\u{ffff}".contains(c) || is_bidi(c);
    assert!(!text.contains(steers), "{text:?}");
}

fn is_bidi(c: char) -> bool {
    ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c)
}

/// An address in the web that stays one in any markup.
pub fn check_url(url: &str) {
    let uri: http::Uri = url.parse().unwrap();
    assert!(["http", "https"].contains(&uri.scheme_str().unwrap()), "{url}");
    assert!(!uri.host().unwrap().is_empty(), "{url}");
    assert!(!url.contains(|c: char| !c.is_ascii_graphic() || "\"<>\\`{}|^".contains(c)), "{url}");
}
