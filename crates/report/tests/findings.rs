//! Each finding in a capture that is made for it, and none in one that is as it should be.

use std::net::Ipv4Addr;

use etherparse::PacketBuilder;
use nightcap_report::{Analysis, Evidence, Finding, FindingKind, Moment, Report, Severity};

/// 2026-11-20T02:13:00Z.
const START: u64 = 1_795_140_780;

const SECOND: u64 = 1_000_000;
const MILLI: u64 = 1_000;

const SERVER: Host = Host([10, 0, 1, 4], 443);
const NAME_SERVER: Host = Host([168, 63, 129, 16], 53);

#[derive(Clone, Copy)]
struct Host([u8; 4], u16);

fn client(number: u64) -> Host {
    Host([10, 0, 0, (number % 20 + 1) as u8], 20_000 + (number % 40_000) as u16)
}

/// A capture file that is being made. Times are in microseconds.
struct Wire(Vec<u8>);

/// A segment of TCP.
struct Segment<'a> {
    flags: &'a str,
    seq: u32,
    ack: u32,
    window: u16,
    payload: &'a [u8],
}

fn segment(flags: &str, seq: u32, ack: u32) -> Segment<'_> {
    Segment { flags, seq, ack, window: 8_000, payload: &[] }
}

impl Wire {
    fn new() -> Self {
        let mut bytes = 0xa1b2_3c4d_u32.to_le_bytes().to_vec();
        bytes.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(65_535_u32.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
        Self(bytes)
    }

    fn packet(&mut self, at: u64, packet: &[u8]) {
        let length = packet.len() as u64;
        for field in [START + at / SECOND, at % SECOND * 1_000, length, length] {
            self.0.extend((field as u32).to_le_bytes());
        }
        self.0.extend(packet);
    }

    fn tcp(&mut self, at: u64, from: Host, to: Host, segment: &Segment<'_>) {
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(from.0, to.0, 64);
        let mut builder = builder.tcp(from.1, to.1, segment.seq, segment.window);
        for flag in segment.flags.chars() {
            builder = match flag {
                'S' => builder.syn(),
                'F' => builder.fin(),
                'R' => builder.rst(),
                _ => builder.ack(segment.ack),
            };
        }
        let mut packet = Vec::new();
        builder.write(&mut packet, segment.payload).unwrap();
        self.packet(at, &packet);
    }

    fn data(&mut self, at: u64, from: Host, to: Host, (seq, ack): (u32, u32), payload: &[u8]) {
        self.tcp(at, from, to, &Segment { payload, ..segment("A", seq, ack) });
    }

    fn handshake(&mut self, at: u64, from: Host, to: Host) {
        self.tcp(at, from, to, &segment("S", 99, 0));
        self.tcp(at + MILLI, to, from, &segment("SA", 499, 100));
        self.tcp(at + 2 * MILLI, from, to, &segment("A", 100, 500));
    }

    /// A connection with a question and an answer of so many segments.
    fn exchange(&mut self, at: u64, from: Host, to: Host, segments: u32) {
        self.handshake(at, from, to);
        self.data(at + 3 * MILLI, from, to, (100, 500), &[1; 100]);
        for number in 0..segments {
            let later = at + 5 * MILLI + u64::from(number) * 100;
            self.data(later, to, from, (500 + number * 1_000, 200), &[2; 1_000]);
        }
        self.tcp(at + 400 * MILLI, from, to, &segment("FA", 200, 500 + segments * 1_000));
        self.tcp(at + 401 * MILLI, to, from, &segment("FA", 500 + segments * 1_000, 201));
    }

    fn udp(&mut self, at: u64, from: Host, to: Host, payload: &[u8]) {
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(from.0, to.0, 64).udp(from.1, to.1);
        let mut packet = Vec::new();
        builder.write(&mut packet, payload).unwrap();
        self.packet(at, &packet);
    }

    fn question(&mut self, at: u64, id: u16) {
        self.udp(at, client(id.into()), NAME_SERVER, &dns(id, 0x0100));
    }

    fn answer(&mut self, at: u64, id: u16, code: u16) {
        self.udp(at, NAME_SERVER, client(id.into()), &dns(id, 0x8180 | code));
    }

    /// A router says that a packet to a host is too big for the next link, which takes 1,400 bytes.
    fn too_big(&mut self, at: u64, about: Host) {
        let mut quoted = Vec::new();
        PacketBuilder::ipv4(SERVER.0, about.0, 60).tcp(SERVER.1, about.1, 1, 1).write(&mut quoted, &[0; 8]).unwrap();
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4([10, 0, 1, 1], SERVER.0, 64);
        let builder = builder.icmpv4_raw(3, 4, [0, 0, 0x05, 0x78]);
        let mut packet = Vec::new();
        builder.write(&mut packet, &quoted).unwrap();
        self.packet(at, &packet);
    }

    /// Half a minute in which all is as it should be: connections, names and a few things that are lost.
    fn ordinary() -> Self {
        let mut wire = Self::new();
        for number in 0..60 {
            let at = number * SECOND / 2;
            let id = number as u16;
            wire.question(at, id);
            wire.answer(at + 2 * MILLI, id, if number % 5 == 0 { 3 } else { 0 });
            wire.exchange(at + 5 * MILLI, client(number), SERVER, 8 + (number % 7) as u32);
            if number % 20 == 7 {
                // The last segment is lost once.
                wire.data(at + 300 * MILLI, SERVER, client(number), (500 + 7 * 1_000, 200), &[2; 1_000]);
            }
        }
        wire.tcp(30 * SECOND, client(70), Host([10, 0, 9, 9], 80), &segment("S", 1, 0));
        wire.tcp(30 * SECOND + MILLI, Host([10, 0, 9, 9], 80), client(70), &segment("RA", 0, 2));
        wire.too_big(31 * SECOND, client(0));
        wire
    }

    fn report(&self) -> Report {
        let mut analysis = Analysis::default();
        analysis.push(&self.0);
        let report = analysis.finish();
        assert_eq!(report.file.fault, None);
        report
    }

    /// The finding of this kind, which has to be the first one.
    fn first(&self, kind: FindingKind) -> Finding {
        let report = self.report();
        let first = report.findings.first().cloned();
        let first = first.unwrap_or_else(|| panic!("nothing found, normal is {:?}", report.normal));
        assert_eq!(first.kind, kind, "{:#?}", report.findings);
        first
    }
}

fn dns(id: u16, flags: u16) -> Vec<u8> {
    let mut message = Vec::new();
    [id, flags, 1, 0, 0, 0].iter().for_each(|field| message.extend(field.to_be_bytes()));
    message.extend(b"\x04shop\x07example\0\0\x01\0\x01");
    message
}

/// A ClientHello without extensions (RFC 8446, 4.1.2).
fn client_hello() -> Vec<u8> {
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
    let length = hello.len() as u8;
    let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(hello);
    record
}

fn counts<const N: usize>(finding: &Finding, names: [&str; N]) -> [u64; N] {
    names.map(|name| match finding.evidence.get(name) {
        Some(Evidence::Count(count)) => *count,
        other => panic!("{name} is {other:?} in {finding:#?}"),
    })
}

/// From when to when, counted from the file's beginning.
fn during(finding: &Finding) -> (u64, u64) {
    let since = |moment: Option<Moment>| moment.unwrap().0 as u64 / 1_000 - START * SECOND;
    (since(finding.from), since(finding.to))
}

fn text(finding: &Finding, name: &str) -> String {
    match finding.evidence.get(name) {
        Some(Evidence::Text(text)) => text.clone(),
        other => panic!("{name} is {other:?} in {finding:#?}"),
    }
}

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
        "10.0.1.4:443 is being flooded with connection attempts: 3,000 of 3,060 were never completed, at up to 1,000 SYNs \
         per second between 02:13:40 and 02:13:43 UTC."
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
    assert!(finding.sentence.contains("for port 22 on 64 or more addresses"), "{}", finding.sentence);

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
    assert!(finding.sentence.starts_with("10.0.1.5:5432 refused 12 of 12 connections"), "{}", finding.sentence);

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
    assert!(finding.sentence.starts_with("10.0.1.6:1433 left 40 of 40 connections unanswered"), "{}", finding.sentence);
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
            .contains("10.0.1.7:8080 suffers most, with 50 (20 % of the data on that way), on the way from it"),
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
        "Name server 168.63.129.16 answered 20 of 80 questions with an error (25 %) at 02:13:32 UTC, \
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
    assert!(finding.sentence.len() < 240 && finding.sentence.ends_with("xxx…."), "{}", finding.sentence);
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
         slowest after 2 s) between 02:13:32 and 02:13:34 UTC, mostly of 168.63.129.16."
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
        "6 of 6 TLS handshakes with 10.0.1.4:443 failed (100 %) at 02:13:32 UTC; the reason given most often is unknown_ca."
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
