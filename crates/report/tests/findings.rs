//! Each finding in a capture that is made for it, and none in one that is as it should be.

mod wire;

use std::net::Ipv4Addr;

use nightcap_report::{Analysis, FindingKind, Severity};
use wire::{
    Host, MILLI, NAME_SERVER, SECOND, SERVER, START, Segment, Wire, client, client_hello, counts, dns, during, segment,
    text,
};

#[test]
fn an_ordinary_half_minute_has_no_finding_and_says_what_is_normal() {
    let report = Wire::ordinary().report();
    assert_eq!(report.findings, []);
    assert_eq!(
        report.normal,
        [
            "Connections were answered: 60 of 61, typically within 2 ms.",
            "Little had to be sent again: 0.4 % of 717 TCP segments with data.",
            "Receivers kept up: none had a full buffer.",
            "Name servers answered: 60 of 60 questions, typically within 2 ms.",
            "Traffic was even: at most 1.2 times what is usual in this file.",
        ]
    );
}

#[test]
fn a_file_without_packets_says_what_that_usually_means() {
    let finding = Wire::new().first(FindingKind::NothingCaptured);
    assert!(finding.sentence.contains("filters match no traffic"), "{}", finding.sentence);
    assert_eq!(Wire::new().report().normal, [""; 0]);

    let mut analysis = Analysis::default();
    analysis.push(b"<?xml version=\"1.0\"?><Error/>");
    let findings = analysis.finish().findings;
    assert!(findings[0].sentence.starts_with("No packet could be read from the file: "), "{findings:?}");
}

#[test]
fn a_flood_of_syns_is_told_from_a_service_that_is_down() {
    let mut wire = Wire::ordinary();
    for number in 0..3_000_u64 {
        let from = Host(Ipv4Addr::from_bits(0x0b00_0000 + number as u32 * 977).octets(), 1024 + number as u16);
        let at = 40 * SECOND + number * MILLI;
        wire.tcp(at, from, SERVER, &segment("S", 1, 0));
        if number % 2 == 0 {
            wire.tcp(at + 100, SERVER, from, &segment("SA", 1, 2));
        }
    }
    let finding = wire.first(FindingKind::SynFlood);
    assert_eq!(finding.severity, Severity::Critical);
    assert_eq!(counts(&finding, ["attempts", "neverCompleted"]), [3_060, 3_000]);
    assert_eq!(
        finding.sentence,
        "10.0.1.4:443 (HTTPS) is being flooded with connection attempts: 3,000 of 3,060 were never completed; the file has up \
         to 1,000 SYNs per second between 02:13:40 and 02:13:43 UTC."
    );
    assert_eq!(finding.from.map(|from| from.0), Some((START as i64 + 40) * 1_000_000_000));
    let others: Vec<FindingKind> = wire.report().findings.iter().map(|finding| finding.kind).collect();
    assert!(!others.contains(&FindingKind::SilentService), "a flood is told once: {others:?}");
}

#[test]
fn a_client_that_knocks_at_many_ports_scans() {
    let mut wire = Wire::ordinary();
    let scanner = Host([10, 0, 0, 99], 50_000);
    for port in 1..=40_u16 {
        let (at, to) = (32 * SECOND + u64::from(port) * 10 * MILLI, Host(SERVER.0, port));
        wire.tcp(at, scanner, to, &segment("S", 1, 0));
        wire.tcp(at + 100, to, scanner, &segment("RA", 0, 2));
    }
    let finding = wire.first(FindingKind::PortScan);
    assert_eq!(counts(&finding, ["failed", "ports", "hosts"]), [40, 40, 1]);
    assert_eq!(
        finding.sentence,
        "10.0.0.99 seems to be looking for open ports on 10.0.1.4: 40 of its 40 connections failed \
         between 02:13:32 and 02:13:33 UTC."
    );
}

#[test]
fn a_client_that_knocks_at_many_hosts_sweeps() {
    let mut wire = Wire::ordinary();
    for number in 1..=200_u8 {
        let at = 32 * SECOND + u64::from(number) * 10 * MILLI;
        wire.tcp(at, Host([10, 0, 0, 99], 50_000), Host([10, 0, 7, number], 22), &segment("S", 1, 0));
    }
    wire.question(40 * SECOND, 900);
    wire.answer(40 * SECOND + MILLI, 900, 0);
    let finding = wire.first(FindingKind::HostSweep);
    assert_eq!(counts(&finding, ["failed", "ports", "hosts"]), [200, 1, 64]);
    assert!(finding.sentence.contains("for port 22 (SSH) on 64 or more addresses"), "{}", finding.sentence);

    (0..250).for_each(|number| {
        wire.exchange(41 * SECOND + u64::from(number) * 100 * MILLI, Host([10, 0, 0, 99], 1_000 + number), SERVER, 1)
    });
    assert_eq!(wire.report().findings, [], "a client that mostly succeeds may fail at many hosts");
}

#[test]
fn a_service_that_refuses_is_named() {
    let mut wire = Wire::ordinary();
    let down = Host([10, 0, 1, 5], 5432);
    for number in 0..12 {
        let at = 32 * SECOND + number * 100 * MILLI;
        wire.tcp(at, client(number), down, &segment("S", 1, 0));
        wire.tcp(at + MILLI, down, client(number), &segment("RA", 0, 2));
    }
    let finding = wire.first(FindingKind::RefusedService);
    assert_eq!(finding.severity, Severity::Critical);
    assert_eq!(text(&finding, "service"), "10.0.1.5:5432");
    assert!(
        finding.sentence.starts_with("10.0.1.5:5432 (PostgreSQL) refused 12 of 12 connections"),
        "{}",
        finding.sentence
    );

    wire.exchange(35 * SECOND, client(90), down, 3);
    assert_eq!(wire.first(FindingKind::RefusedService).severity, Severity::Warning, "it answers some");
}

#[test]
fn a_service_that_is_silent_is_named() {
    let mut wire = Wire::ordinary();
    for number in 0..40 {
        for again in [0, 1, 3] {
            let at = 32 * SECOND + number * 10 * MILLI + again * SECOND;
            wire.tcp(at, client(number), Host([10, 0, 1, 6], 1433), &segment("S", 1, 0));
        }
    }
    let finding = wire.first(FindingKind::SilentService);
    assert_eq!(counts(&finding, ["connections", "failed", "services"]), [40, 40, 1]);
    assert!(
        finding.sentence.starts_with("10.0.1.6:1433 (SQL Server) left 40 of 40 connections unanswered"),
        "{}",
        finding.sentence
    );
    assert_eq!(wire.report().findings.len(), 1, "that SYNs were repeated is no second finding");
}

#[test]
fn data_that_is_sent_again_is_a_storm_with_a_sufferer() {
    let mut wire = Wire::ordinary();
    let (from, suffering) = (client(80), Host([10, 0, 1, 7], 8080));
    wire.handshake(32 * SECOND, from, suffering);
    for number in 0..200_u32 {
        let at = 33 * SECOND + u64::from(number) * 20 * MILLI;
        wire.data(at, suffering, from, (500 + number * 1_000, 100), &[3; 1_000]);
        if number % 4 == 0 {
            wire.data(at + 10 * MILLI, suffering, from, (500 + number * 1_000, 100), &[3; 1_000]);
        }
    }
    let finding = wire.first(FindingKind::RetransmissionStorm);
    assert_eq!(text(&finding, "service"), "10.0.1.7:8080");
    assert_eq!(counts(&finding, ["sentAgain", "sentByService", "sentToService"]), [53, 50, 0]);
    assert!(
        finding
            .sentence
            .contains("10.0.1.7:8080 (HTTP) suffers most, with 50 (20 % of the data on that way), on the way from it"),
        "{finding:#?}"
    );
    assert!(finding.sentence.contains("between 02:13:33 and 02:13:37 UTC"), "{}", finding.sentence);
}

#[test]
fn a_storm_is_found_beside_a_large_service_that_is_well() {
    let mut wire = Wire::ordinary();
    let conversations = [(Host([10, 0, 1, 8], 8081), 6_000, 100), (Host([10, 0, 1, 7], 8080), 200, 5)];
    for (server, segments, lost_each) in conversations {
        wire.handshake(SECOND, client(80), server);
        for number in 0..segments {
            let at = 2 * SECOND + u64::from(number) * (30 * SECOND / u64::from(segments));
            wire.data(at, server, client(80), (500 + number * 1_000, 100), &[3; 1_000]);
            if number % lost_each == 0 {
                wire.data(at + 4 * MILLI, server, client(80), (500 + number * 1_000, 100), &[3; 1_000]);
            }
        }
    }
    let finding = wire.first(FindingKind::RetransmissionStorm);
    assert_eq!(text(&finding, "service"), "10.0.1.7:8080", "{}", finding.sentence);
}

#[test]
fn a_receiver_that_is_full_is_named_on_either_side() {
    for is_server in [true, false] {
        let mut wire = Wire::ordinary();
        let (from, to) = (client(80), Host([10, 0, 1, 8], 9000));
        wire.handshake(32 * SECOND, from, to);
        let (full, other, numbers) = if is_server { (to, from, (500, 100)) } else { (from, to, (100, 500)) };
        for number in 0..10_u32 {
            let at = 33 * SECOND + u64::from(number) * 100 * MILLI;
            let (seq, ack) = (numbers.0, numbers.1 + number * 500);
            wire.data(at, other, full, (ack, seq), &[4; 500]);
            wire.tcp(at + MILLI, full, other, &Segment { window: 0, ..segment("A", seq, ack + 500) });
        }
        let finding = wire.first(FindingKind::ZeroWindow);
        assert_eq!(text(&finding, "receiver"), if is_server { "10.0.1.8:9000" } else { "10.0.0.1" });
        assert_eq!(counts(&finding, ["zeroWindows", "ofReceiver"]), [10, 10]);
        assert_eq!(during(&finding), (33 * SECOND + MILLI, 33 * SECOND + 901 * MILLI));
        assert!(finding.sentence.contains(" at 02:13:33 UTC that it can take no more data"), "{}", finding.sentence);
    }
}

#[test]
fn a_talker_that_has_most_of_it_is_named() {
    let mut wire = Wire::ordinary();
    for second in 0..30 {
        wire.handshake(second * SECOND, client(second), SERVER);
        for number in 0..300_u64 {
            let at = second * SECOND + number * 3 * MILLI;
            let payload = (second * 300 + number) as u32 * 1_400;
            wire.data(at, Host([10, 0, 0, 200], 4_000), SERVER, (payload + 1, 1), &[5; 1_400]);
        }
    }
    let finding = wire.first(FindingKind::DominantTalker);
    assert_eq!((finding.severity, text(&finding, "address").as_str()), (Severity::Info, "10.0.0.200"));
    assert!(finding.sentence.contains("most of it sent by it"), "{}", finding.sentence);
}

#[test]
fn a_burst_is_measured_by_what_is_usual() {
    let mut wire = Wire::ordinary();
    for number in 0..2_000 {
        wire.udp(20 * SECOND + number * 400, client(3), Host([10, 0, 1, 4], 514), &[6; 200]);
    }
    let finding = wire.first(FindingKind::Burst);
    assert_eq!(finding.severity, Severity::Info);
    assert!(finding.sentence.contains("packets per second between 02:13:20 and 02:13:21 UTC"), "{}", finding.sentence);
}

#[test]
fn name_servers_that_fail_are_told_with_the_name() {
    let mut wire = Wire::ordinary();
    for id in 100..120_u16 {
        wire.question(32 * SECOND + u64::from(id) * MILLI, id);
        wire.answer(33 * SECOND - MILLI + u64::from(id), id, 2);
    }
    let findings = wire.report().findings;
    let finding = findings.iter().find(|finding| finding.kind == FindingKind::DnsFailing).unwrap();
    assert_eq!(counts(finding, ["errors", "responses"]), [20, 80]);
    assert_eq!(
        finding.sentence,
        "Name server 168.63.129.16 (Azure platform and DNS) answered 20 of 80 questions with an error (25 %) at 02:13:32 UTC, \
         mostly SERVFAIL, most often for shop.example."
    );
}

#[test]
fn names_that_do_not_exist_are_told_when_most_do_not() {
    let mut wire = Wire::new();
    for id in 0..30_u16 {
        wire.question(u64::from(id) * SECOND, id);
        wire.answer(u64::from(id) * SECOND + MILLI, id, if id % 10 == 0 { 0 } else { 3 });
    }
    let finding = wire.first(FindingKind::DnsFailing);
    assert!(finding.sentence.starts_with("27 of 30 answers from name servers"), "{}", finding.sentence);
    assert_eq!(text(&finding, "name"), "shop.example");
    let normal = wire.report().normal;
    assert!(
        !normal.iter().any(|line| line.starts_with("Packets fitted")),
        "a file without TCP tells nothing: {normal:?}"
    );
}

#[test]
fn a_name_without_end_is_cut_in_the_sentence_and_nowhere_else() {
    let mut wire = Wire::new();
    for id in 0..30_u16 {
        let label = [&[60][..], &[b'x'; 60]].concat().repeat(3);
        let message = |flags| [&dns(id, flags)[..12], &label, &[0, 0, 1, 0, 1]].concat();
        wire.udp(u64::from(id) * SECOND, client(id.into()), NAME_SERVER, &message(0x0100));
        wire.udp(u64::from(id) * SECOND + MILLI, NAME_SERVER, client(id.into()), &message(0x8182));
    }
    let finding = wire.first(FindingKind::DnsFailing);
    assert!(finding.sentence.len() < 260 && finding.sentence.ends_with("xxx…."), "{}", finding.sentence);
    assert_eq!(text(&finding, "name").len(), 182);
}

#[test]
fn name_servers_that_are_late_or_silent_are_told() {
    let mut wire = Wire::ordinary();
    (100..110).for_each(|id| wire.question(32 * SECOND, id));
    (100..104).for_each(|id| wire.answer(34 * SECOND, id, 0));
    wire.exchange(40 * SECOND, client(80), SERVER, 3);
    let finding = wire.first(FindingKind::DnsSlow);
    assert_eq!(counts(&finding, ["queries", "slow", "unanswered"]), [70, 4, 6]);
    assert_eq!(
        finding.sentence,
        "Of 70 questions to name servers 6 got no answer within five seconds and 4 after more than half a second (the \
         slowest after 2 s) between 02:13:32 and 02:13:34 UTC, mostly of 168.63.129.16 (Azure \
         platform and DNS)."
    );
    assert_eq!(during(&finding), (32 * SECOND, 34 * SECOND));
}

#[test]
fn handshakes_that_fail_are_told_with_the_reason() {
    let mut wire = Wire::ordinary();
    for number in 80..86 {
        let at = 32 * SECOND + number * 10 * MILLI;
        wire.handshake(at, client(number), SERVER);
        wire.data(at + 3 * MILLI, client(number), SERVER, (100, 500), &client_hello());
        wire.data(at + 4 * MILLI, SERVER, client(number), (500, 100), &[21, 3, 3, 0, 2, 2, 48]);
    }
    let finding = wire.first(FindingKind::TlsFailing);
    assert_eq!(counts(&finding, ["handshakes", "failed", "fatalAlerts"]), [6, 6, 6]);
    assert_eq!(
        finding.sentence,
        "6 of 6 TLS handshakes with 10.0.1.4:443 (HTTPS) failed (100 %) at 02:13:32 UTC; the reason given most often is unknown_ca."
    );
}

#[test]
fn packets_that_are_too_big_are_told_with_the_limit() {
    let mut wire = Wire::ordinary();
    (0..5).for_each(|second| wire.too_big((32 + second) * SECOND, client(5)));
    let finding = wire.first(FindingKind::PacketsTooBig);
    assert_eq!(counts(&finding, ["complaints", "smallestMtu"]), [6, 1_400]);
    assert_eq!(during(&finding), (31 * SECOND, 36 * SECOND), "the ordinary one included");
    assert!(finding.sentence.contains("mostly on the way to 10.0.0.6; the next link takes 1400 bytes"), "{finding:?}");
}

#[test]
fn findings_are_for_programs_too() {
    let mut wire = Wire::ordinary();
    (0..5).for_each(|second| wire.too_big((32 + second) * SECOND, client(5)));
    let json = serde_json::to_value(wire.report()).unwrap();
    assert_eq!(json["findings"][0]["kind"], "packets_too_big");
    assert_eq!(json["findings"][0]["severity"], "warning");
}
