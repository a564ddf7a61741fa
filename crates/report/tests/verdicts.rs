//! Each judgement in the smallest capture that brings it about, and in one that differs by as little as must silence it.

mod wire;

use nightcap_report::{Analysis, Evidence, Finding, FindingKind, Report, Severity};
use wire::stories::{complaints, ended, half_open, knocks, lost_zone, silent_pool, stuck, unheard};
use wire::{
    DATABASE, HEADERS, Host, MILLI, SECOND, SERVER, Segment, Wire, client, client_hello, counts, segment, server_hello,
    text, tls_record,
};

fn has(wire: &Wire, kind: FindingKind) -> bool {
    wire.kinds().contains(&kind)
}

fn number(finding: &Finding, name: &str) -> f64 {
    match finding.evidence.get(name) {
        Some(Evidence::Number(number)) => *number,
        other => panic!("{name} is {other:?} in {finding:#?}"),
    }
}

fn read(file: &[u8]) -> Report {
    let mut analysis = Analysis::default();
    analysis.push(file);
    analysis.finish()
}

// ---------------------------------------------------------------------------------------------------------------------
// Connections that do not come about
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn answers_that_never_get_back_are_told_and_praised_by_nobody() {
    let wire = half_open(0);
    let finding = wire.first(FindingKind::HalfOpenService);
    assert_eq!((finding.severity, counts(&finding, ["connections", "failed"])), (Severity::Critical, [3, 3]));
    assert!(
        finding
            .sentence
            .starts_with("10.0.1.9:5432 (PostgreSQL) answered, and never heard from the client again on 3 of 3")
    );
    assert!(!wire.praises("Connections were answered"));
    assert_eq!(half_open(1).kinds(), []);
}

#[test]
fn clients_that_ask_again_after_the_answer_have_not_heard_it_however_few_they_are() {
    let finding = unheard(3).first(FindingKind::HalfOpenService);
    assert_eq!((finding.severity, counts(&finding, ["connections", "failed"])), (Severity::Warning, [43, 3]));
    assert_eq!(unheard(2).kinds(), []);
}

#[test]
fn a_client_that_breaks_off_at_once_has_heard_the_answer() {
    let mut wire = half_open(0);
    wire.tcp(3 * SECOND, client(0), DATABASE, &segment("R", 100, 0));
    assert_eq!(wire.kinds(), []);
    assert_eq!(wire.report().tcp.connections.aborted, 1);
}

#[test]
fn the_failures_of_a_scanner_are_not_those_of_a_service() {
    let wire = knocks(15);
    let finding = wire.first(FindingKind::PortScan);
    assert_eq!(counts(&finding, ["failed", "ports"]), [17, 15]);
    assert!(!has(&wire, FindingKind::RefusedService));
    assert_eq!(knocks(14).kinds(), [FindingKind::RefusedService], "one port less is no scan");

    // A client that wants something is refused at the same port.
    let mut wire = knocks(15);
    for number in 0..3 {
        wire.tcp(2 * SECOND, client(number), Host(SERVER.0, 2_222), &segment("S", 1, 0));
        wire.tcp(2 * SECOND + MILLI, Host(SERVER.0, 2_222), client(number), &segment("RA", 0, 2));
    }
    let finding = wire.first(FindingKind::RefusedService);
    assert_eq!(counts(&finding, ["connections", "failed"]), [3, 3]);
}

#[test]
fn a_few_back_ends_that_are_silent_together_are_told() {
    let finding = silent_pool(2).first(FindingKind::SilentService);
    assert_eq!(counts(&finding, ["connections", "failed", "services"]), [4, 4, 2]);
    assert!(
        finding
            .sentence
            .starts_with("10.0.2.0:8080 (HTTP) and 10.0.2.1:8080 (HTTP) left 4 of 4 connections unanswered"),
        "{finding:?}"
    );
    assert_eq!(silent_pool(1).kinds(), [], "one of them with two failures is chance");
}

#[test]
fn connections_that_fail_once_a_client_has_many_are_told_as_that() {
    let exhausted = |is_answered_later: bool| {
        let mut wire = Wire::new();
        (0..5).for_each(|number| wire.handshake(number * 10 * MILLI, client(number), DATABASE));
        for number in 10..15 {
            for again in [1, 2] {
                wire.tcp(again * SECOND + number * MILLI, client(number), DATABASE, &segment("S", 1, 0));
            }
        }
        if is_answered_later {
            wire.handshake(3 * SECOND, client(20), DATABASE);
        }
        wire.first(FindingKind::SilentService).sentence
    };
    assert!(exhausted(false).contains("all of them after the 5 that were answered, of which 5 are still open"));
    assert!(!exhausted(true).contains("all of them"), "one that came about later had a port");
}

#[test]
fn a_syn_of_which_the_options_were_cut_counts() {
    let mut wire = Wire::new();
    for number in 0..3 {
        let at = number * 100 * MILLI;
        let mut file = Wire::new();
        file.tcp(at, client(number), DATABASE, &segment("S", 1, 0));
        // The header says that there are 20 bytes of options behind it.
        let mut packet = file.0[40..].to_vec();
        packet[14 + 3] += 20;
        packet[14 + 20 + 12] = 0xa0;
        wire.packet(at, &packet);
        wire.tcp(at + MILLI, DATABASE, client(number), &segment("RA", 0, 2));
    }
    assert_eq!(counts(&wire.first(FindingKind::RefusedService), ["failed"]), [3]);
}

// ---------------------------------------------------------------------------------------------------------------------
// Data that does not arrive
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn full_sized_segments_that_are_swallowed_are_told() {
    let wire = stuck(1_460, 0, true);
    let finding = wire.first(FindingKind::PacketsTooBig);
    assert_eq!(finding.severity, Severity::Critical);
    assert_eq!(counts(&finding, ["stuckConnections", "smallestStuck", "largestAcknowledged"]), [3, 1_460, 300]);
    assert!(
        finding.sentence.starts_with("Full-sized segments from 10.0.1.9:5432 (PostgreSQL) are never acknowledged"),
        "{finding:?}"
    );
    for praise in ["Packets fitted", "Connections were answered", "Little had to be sent again"] {
        assert!(!wire.praises(praise), "{praise}");
    }
    assert!(!has(&stuck(1_460, 1, true), FindingKind::PacketsTooBig), "two are chance");
    assert_eq!(stuck(1_460, 0, false).kinds(), [FindingKind::ConnectionsStall], "perhaps the clients are gone");
    assert!(stuck(1_460, 3, true).praises("Packets fitted"));
}

#[test]
fn small_segments_that_are_never_acknowledged_are_told_as_connections_that_stand_still() {
    let finding = stuck(290, 0, true).first(FindingKind::ConnectionsStall);
    assert_eq!(counts(&finding, ["stalled", "fromService"]), [3, 3]);
    assert_eq!(stuck(290, 1, true).kinds(), []);
}

#[test]
fn a_router_that_complains_in_vain_is_a_warning_and_one_that_is_heeded_is_not() {
    let severity = |wire: Wire| wire.report().findings.first().map(|finding| finding.severity);
    assert_eq!(severity(complaints(3, SECOND / 2)), Some(Severity::Warning));
    assert_eq!(severity(complaints(3, SECOND / 2 - MILLI)), Some(Severity::Info));
    assert_eq!(severity(complaints(2, SECOND)), None);
}

#[test]
fn what_is_sent_again_since_a_router_asks_for_smaller_segments_is_no_loss() {
    let resized = |is_asked: bool, at: u64| {
        let mut wire = Wire::new();
        let to = client(5);
        wire.handshake(0, to, SERVER);
        (0..40).for_each(|place| wire.data(10 * MILLI, SERVER, to, (500 + place * 1_400, 100), &[1; 1_400]));
        if is_asked {
            wire.too_big(20 * MILLI, to);
        }
        (0..56).for_each(|place| wire.data(at, SERVER, to, (500 + place * 1_000, 100), &[1; 1_000]));
        wire
    };
    assert!(!has(&resized(true, 30 * MILLI), FindingKind::RetransmissionStorm));
    assert!(has(&resized(false, 30 * MILLI), FindingKind::RetransmissionStorm));

    // What it says of the packet was cut: it is about one that its receiver has sent of late.
    let cut = |at| has(&resized(true, at).cut(HEADERS), FindingKind::RetransmissionStorm);
    assert!(!cut(20 * MILLI + SECOND - 1) && cut(20 * MILLI + SECOND));
}

/// Every tenth of 400 segments comes after the one behind it, on a path with a handshake of 2 ms.
fn late(by: u64) -> Wire {
    let mut wire = Wire::new();
    let from = client(1);
    wire.handshake(0, from, SERVER);
    for place in 0..400 {
        let at = SECOND + u64::from(place) * 10 * MILLI;
        let at = if place % 10 == 3 { at + 10 * MILLI + by } else { at };
        wire.data(at, from, SERVER, (100 + place * 1_000, 500), &[1; 1_000]);
    }
    sorted(wire)
}

/// The same packets in the order of their times.
fn sorted(wire: Wire) -> Wire {
    let time = |record: &[u8]| [0, 4].map(|at| u32::from_le_bytes(record[at..at + 4].try_into().unwrap()));
    let mut records: Vec<_> = wire.records().map(|record| (time(record), record.to_vec())).collect();
    records.sort_by_key(|(time, _)| *time);
    let records = records.into_iter().flat_map(|(_, record)| record);
    Wire(wire.0[..24].iter().copied().chain(records).collect())
}

#[test]
fn a_gap_that_is_filled_within_half_a_round_trip_was_overtaken_and_later_it_was_lost() {
    let wire = late(900);
    assert_eq!(wire.kinds(), []);
    assert_eq!((wire.report().tcp.delivered.sent_again, wire.report().tcp.delivered.overtaken), (0, 40));
    let finding = late(1_100).first(FindingKind::RetransmissionStorm);
    assert_eq!(counts(&finding, ["sentAgain", "sentByService", "sentToService"]), [40, 0, 40]);
    assert!(finding.sentence.ends_with("on the way to it."), "{finding:?}");
}

#[test]
fn what_is_too_much_to_be_praised_may_be_too_little_to_be_told() {
    let lost = |segments: u32| {
        let mut wire = Wire::ordinary();
        let from = client(90);
        wire.handshake(32 * SECOND, from, DATABASE);
        for place in 0..100 {
            let at = 33 * SECOND + u64::from(place) * 10 * MILLI;
            wire.data(at, from, DATABASE, (100 + place * 100, 500), &[1; 100]);
            if place < segments {
                wire.data(at + 5 * MILLI, from, DATABASE, (100 + place * 100, 500), &[1; 100]);
            }
        }
        wire.praises("Little had to be sent again")
    };
    assert!(lost(4) && !lost(5));
}

/// A receiver says that it is full, and says so again when it is asked.
fn full(millis: u64) -> Wire {
    let mut wire = Wire::new();
    let (from, full) = (client(1), Host([10, 0, 1, 8], 9_000));
    wire.handshake(0, from, full);
    wire.data(10 * MILLI, from, full, (100, 500), &[1; 500]);
    for at in [11, 11 + millis] {
        wire.tcp(at * MILLI, full, from, &Segment { window: 0, ..segment("A", 500, 600) });
    }
    wire
}

#[test]
fn windows_are_judged_by_how_long_they_are_shut() {
    let finding = full(500).first(FindingKind::ZeroWindow);
    assert_eq!((text(&finding, "receiver").as_str(), number(&finding, "longestSeconds")), ("10.0.1.8:9000", 0.5));
    assert_eq!(full(499).kinds(), []);

    // However often, if it is for a moment.
    let mut wire = Wire::new();
    wire.handshake(0, client(1), DATABASE);
    for time in 0..100 {
        for (later, window) in [(0, 0), (30, 0), (60, 500)] {
            let at = SECOND + time * 10 * MILLI + later;
            wire.tcp(at, DATABASE, client(1), &Segment { window, ..segment("A", 500, 100) });
        }
    }
    assert_eq!(wire.kinds(), []);
}

// ---------------------------------------------------------------------------------------------------------------------
// Packets that are there twice
// ---------------------------------------------------------------------------------------------------------------------

/// An exchange of which each packet of the server is seen again: after so many microseconds, and passed on by a router or not.
fn twice(after: u64, is_forwarded: bool) -> Wire {
    let mut once = Wire::new();
    (0..10).for_each(|number| once.exchange(number * SECOND, client(number), SERVER, 20));
    let mut wire = Wire::new();
    for record in once.records() {
        let field = |at: usize| u64::from(u32::from_le_bytes(record[at..at + 4].try_into().unwrap()));
        let at = (field(0) - wire::START) * SECOND + field(4) / 1_000;
        let packet = &record[16..];
        wire.packet(at, packet);
        match is_forwarded {
            true => wire.forward(at + after, packet),
            false => wire.packet(at + after, packet),
        }
    }
    sorted(wire)
}

#[test]
fn packets_that_are_captured_twice_are_told_and_not_judged() {
    for is_forwarded in [true, false] {
        let wire = twice(40, is_forwarded);
        let finding = wire.first(FindingKind::CapturedTwice);
        assert_eq!(finding.severity, Severity::Info);
        assert_eq!(finding.sentence.contains("this machine forwards them"), is_forwarded, "{finding:?}");
        assert!(wire.praises("Little had to be sent again: none of 210"), "{:?}", wire.report().normal);
        let report = wire.report();
        assert!(report.tcp.retransmissions > 200, "as Wireshark counts them: {}", report.tcp.retransmissions);
    }
    assert!(has(&twice(5 * MILLI, false), FindingKind::RetransmissionStorm), "after a round trip they were sent again");
}

#[test]
fn a_capture_of_one_direction_misses_nothing() {
    let both = Wire::ordinary();
    let is_from_server = |packet: &[u8]| packet[23] == 6 && packet[26..30] == SERVER.0 || packet[23] == 17;
    let is_question = |packet: &[u8]| packet[23] == 17 && packet[36..38] == [0, 53];
    let mut wire = Wire::new();
    for record in both.records() {
        let packet = &record[16..];
        if is_from_server(packet) && (packet[23] != 17 || is_question(packet)) {
            wire.0.extend(record);
        }
    }
    let finding = wire.first(FindingKind::CapturedOneWay);
    assert_eq!(counts(&finding, ["oneWay"]), [60]);
    assert!(wire.is_quiet(), "{:?}", wire.report().findings);
}

/// Everything that comes to a machine is lost: that is no capture of one direction.
#[test]
fn a_machine_that_hears_nobody_is_not_taken_for_a_capture_of_one_direction() {
    let mut wire = Wire::new();
    for number in 0..4 {
        for again in [0, 1, 3] {
            let at = number * 10 * MILLI + again * SECOND;
            wire.data(at, client(number), SERVER, (100, 500), &[1; 100]);
            wire.tcp(at, client(number + 10), DATABASE, &segment("S", 99, 0));
        }
        wire.question(number * MILLI, number as u16);
    }
    wire.data(9 * SECOND, client(0), SERVER, (100, 500), &[1; 100]);
    assert_eq!(wire.kinds(), [FindingKind::DnsSlow, FindingKind::SilentService]);
}

// ---------------------------------------------------------------------------------------------------------------------
// Connections that end as they should not
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn connections_that_are_reset_in_mid_stream_are_told_with_who_does_it() {
    let part = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\na part";
    let finding = ended("R", part).first(FindingKind::ConnectionsReset);
    assert_eq!((finding.severity, text(&finding, "by").as_str()), (Severity::Critical, "server"));
    assert_eq!(counts(&finding, ["reset", "connections"]), [3, 3]);
    assert_eq!(ended("FA", part).kinds(), [], "one of them has ended before");
    let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nall of";
    assert_eq!(ended("R", whole).kinds(), [], "the answer was whole");
}

/// Two connections on which a client sends after a pause, and what it hears.
fn paused(pause: u64, answers: bool, sends: u64, flags: &str) -> Wire {
    let mut wire = Wire::new();
    for number in 0..2 {
        let at = number * 100 * MILLI;
        wire.handshake(at, client(number), DATABASE);
        wire.data(at + 3 * MILLI, client(number), DATABASE, (100, 500), &[1; 100]);
        wire.data(at + 4 * MILLI, DATABASE, client(number), (500, 200), &[2; 100]);
        wire.tcp(at + 5 * MILLI, client(number), DATABASE, &segment("A", 200, 600));
        let at = at + 5 * MILLI + pause;
        (0..sends).for_each(|time| {
            wire.data(at + time * time * 300 * MILLI, client(number), DATABASE, (200, 600), &[3; 50]);
        });
        if answers {
            wire.tcp(at + sends * SECOND, DATABASE, client(number), &segment(flags, 600, 250));
        }
    }
    wire
}

#[test]
fn connections_that_die_in_a_pause_are_told_with_its_length() {
    let finding = paused(5 * SECOND, true, 1, "R").first(FindingKind::IdleConnectionsDie);
    assert_eq!((counts(&finding, ["reset", "lost"]), number(&finding, "shortestPauseSeconds")), ([2, 0], 5.0));
    assert!(finding.sentence.contains("pause of 5 s or longer was answered by a reset"), "{finding:?}");
    assert_eq!(paused(5 * SECOND - MILLI, true, 1, "R").kinds(), [], "nobody forgets a connection as soon");
    assert_eq!(paused(5 * SECOND, true, 1, "A").kinds(), []);

    let finding = paused(30 * SECOND, false, 3, "").first(FindingKind::IdleConnectionsDie);
    assert_eq!((counts(&finding, ["reset", "lost"]), number(&finding, "shortestPauseSeconds")), ([0, 2], 30.0));
    assert_eq!(paused(30 * SECOND, false, 2, "").kinds(), [], "twice may be chance");
    assert_eq!(paused(30 * SECOND, true, 3, "A").kinds(), [], "it was answered in the end");
}

// ---------------------------------------------------------------------------------------------------------------------
// Services that answer badly or late
// ---------------------------------------------------------------------------------------------------------------------

/// Requests that are answered with a status, after so long, on a path of that length.
fn answered(count: u64, errors: u64, after: u64, way: u64) -> Wire {
    let mut wire = Wire::new();
    answered_by(&mut wire, DATABASE, (count, errors), after, way);
    wire
}

fn answered_by(wire: &mut Wire, server: Host, (count, errors): (u64, u64), after: u64, way: u64) {
    for number in 0..count {
        let at = number * 3 * SECOND;
        wire.tcp(at, client(number), server, &segment("S", 99, 0));
        wire.tcp(at + way, server, client(number), &segment("SA", 499, 100));
        wire.tcp(at + way, client(number), server, &segment("A", 100, 500));
        wire.data(at + way, client(number), server, (100, 500), b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
        let status = if number < errors { "503 Service Unavailable" } else { "200 OK" };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        wire.data(at + way + after, server, client(number), (500, 137), answer.as_bytes());
        let end = 500 + answer.len() as u32;
        wire.close(at + way + after + MILLI, client(number), server, (137, end));
    }
}

#[test]
fn errors_of_an_application_are_told_as_such() {
    let finding = answered(10, 5, MILLI, MILLI).first(FindingKind::HttpFailing);
    assert_eq!(finding.severity, Severity::Critical);
    assert_eq!(counts(&finding, ["errors", "answers", "status"]), [5, 10, 503]);
    assert!(finding.sentence.starts_with(
        "10.0.1.9:5432 (shop.example, HTTP) answered 5 of 10 HTTP requests with a server error (50 %), such as 503"
    ));
    assert_eq!(answered(10, 4, MILLI, MILLI).kinds(), []);
}

#[test]
fn other_services_that_fare_alike_are_counted() {
    let mut wire = answered(10, 5, MILLI, MILLI);
    for (port, errors) in [(8080, 5), (9090, 5), (9091, 4)] {
        answered_by(&mut wire, Host(SERVER.0, port), (10, errors), MILLI, MILLI);
    }
    let finding = wire.first(FindingKind::HttpFailing);
    assert!(finding.sentence.ends_with(" It is the same with 2 other services."), "{}", finding.sentence);
    assert_eq!(counts(&finding, ["errors", "services"]), [5, 3]);
    let alone = answered(10, 5, MILLI, MILLI).first(FindingKind::HttpFailing);
    assert!(alone.sentence.ends_with("or what it needs."), "{}", alone.sentence);
    assert_eq!(counts(&alone, ["errors", "services"]), [5, 1]);
}

#[test]
fn one_sentence_tells_that_others_refuse_too() {
    let mut wire = Wire::new();
    for port in [5432, 6379] {
        for number in 0..3 {
            wire.tcp(number * SECOND, client(number), Host(SERVER.0, port), &segment("S", 99, 0));
            wire.tcp(number * SECOND + MILLI, Host(SERVER.0, port), client(number), &segment("RA", 0, 100));
        }
    }
    let finding = wire.first(FindingKind::RefusedService);
    assert!(finding.sentence.ends_with(" UTC. It is the same with 1 other service."), "{}", finding.sentence);
    assert_eq!(counts(&finding, ["failed", "services"]), [3, 2]);
}

#[test]
fn slow_because_far_is_told_from_slow_because_of_the_server() {
    let slow = answered(5, 0, SECOND + MILLI, MILLI);
    let finding = slow.first(FindingKind::SlowService);
    assert_eq!((finding.severity, counts(&finding, ["slow", "answers"])), (Severity::Info, [5, 5]));
    assert_eq!(answered(5, 0, SECOND, MILLI).kinds(), []);

    let far = answered(5, 0, MILLI, 201 * MILLI);
    let finding = far.first(FindingKind::FarService);
    assert_eq!((finding.severity, counts(&finding, ["far", "roundTrips"])), (Severity::Info, [5, 5]));
    assert_eq!(answered(5, 0, MILLI, 200 * MILLI).kinds(), []);
}

/// Three TLS clients, and what comes after their hellos: of the last one something else.
fn hellos(server: &[u8], after: &[&[u8]], of_last: &[&[u8]]) -> Wire {
    let mut wire = Wire::new();
    let hello = client_hello();
    for number in 0..3 {
        let at = number * 100 * MILLI;
        let (mut seq, ack) = (100 + hello.len() as u32, 500 + server.len() as u32);
        wire.handshake(at, client(number), SERVER);
        wire.data(at + 3 * MILLI, client(number), SERVER, (100, 500), &hello);
        wire.tcp(at + 4 * MILLI, SERVER, client(number), &segment("A", 500, seq));
        if !server.is_empty() {
            wire.data(at + 5 * MILLI, SERVER, client(number), (500, seq), server);
        }
        for record in if number == 2 { of_last } else { after } {
            wire.data(at + 10 * MILLI, client(number), SERVER, (seq, ack), record);
            seq += record.len() as u32;
        }
        wire.close(at + 4 * SECOND, client(number), SERVER, (seq, ack));
    }
    wire
}

#[test]
fn a_tls_server_that_is_mute_is_named() {
    let wire = hellos(b"", &[], &[]);
    let finding = wire.first(FindingKind::TlsFailing);
    assert_eq!(counts(&finding, ["handshakes", "failed", "unanswered"]), [3, 3, 3]);
    assert!(
        finding.sentence.starts_with("3 of 3 TLS handshakes with 10.0.1.4:443 (HTTPS) failed (100 %)"),
        "{finding:?}"
    );
    assert!(finding.sentence.ends_with("did not answer the client's hello."), "{finding:?}");
    assert!(!wire.praises("TLS handshakes went on"));

    let plain = hellos(b"HTTP/1.1 400 Bad Request\r\n\r\n", &[], &[]);
    assert!(plain.first(FindingKind::TlsFailing).sentence.ends_with("does not speak TLS on that port."));

    let request = tls_record(23, &[5; 100]);
    let answered = hellos(&server_hello(), &[&request], &[&request]);
    assert_eq!(answered.kinds(), []);
    assert!(answered.praises("TLS handshakes went on: 3 of 3"), "{:?}", answered.report().normal);
}

/// In TLS 1.3 the end of a handshake and an alert are encrypted, and their lengths tell them.
#[test]
fn tls_clients_that_close_without_a_word_are_told() {
    let (finished, alert) = (tls_record(23, &[5; 69]), tls_record(23, &[5; 19]));
    let request = tls_record(23, &[5; 100]);
    let closed = hellos(&server_hello(), &[&finished, &alert], &[&finished, &alert]);
    let finding = closed.first(FindingKind::TlsFailing);
    assert_eq!(counts(&finding, ["handshakes", "failed", "closedAtOnce"]), [3, 3, 3]);
    assert!(!closed.praises("TLS handshakes went on"));
    let asked = hellos(&server_hello(), &[&finished, &alert], &[&finished, &request]);
    assert_eq!(asked.kinds(), [], "one of them has asked for something");
}

// ---------------------------------------------------------------------------------------------------------------------
// Names
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn four_in_five_names_that_do_not_exist_are_not_told_and_more_are() {
    let unknown = |of: u16| {
        let mut wire = Wire::new();
        (0..of).for_each(|id| wire.lookup(u64::from(id) * SECOND, id, "shop.example", if id < 20 { 3 } else { 0 }));
        wire.kinds()
    };
    assert_eq!(unknown(25), []);
    assert_eq!(unknown(24), [FindingKind::DnsFailing]);
}

#[test]
fn a_search_list_at_work_is_no_failure() {
    let found = |code: u16| {
        let mut wire = Wire::new();
        for id in 0..30 {
            let at = u64::from(id) * SECOND;
            for (number, suffix) in
                [".prod.svc.cluster.local", ".svc.cluster.local", ".cluster.local", ".corp.example", ""]
                    .iter()
                    .enumerate()
            {
                let name = format!("api.partner.example{suffix}");
                let is_last = suffix.is_empty();
                let number = number as u64;
                wire.lookup(at + number * 10 * MILLI, id, &name, if is_last { code } else { 3 });
            }
        }
        wire.kinds()
    };
    assert_eq!(found(0), []);
    assert_eq!(found(3), [FindingKind::DnsFailing], "the name itself is missing, too");
}

#[test]
fn a_zone_that_is_lost_beside_names_that_are_found_is_told() {
    let finding = lost_zone(10).first(FindingKind::DnsFailing);
    assert_eq!(
        (text(&finding, "zone").as_str(), counts(&finding, ["names", "unknownNames"])),
        ("corp.example", [2, 10])
    );
    assert!(finding.sentence.contains("168.63.129.16") && finding.sentence.contains("db.corp.example"), "{finding:?}");
    assert_eq!(lost_zone(9).kinds(), []);
}

#[test]
fn names_that_were_cut_are_judged_by_the_header() {
    let mut wire = Wire::new();
    for id in 0..30 {
        let begin = wire.0.len();
        wire.lookup(u64::from(id) * SECOND, id, "a-name-that-is-longer-than.shop.example", 3);
        // Of each packet 68 bytes were kept.
        let packets = wire.0.split_off(begin);
        let second = 16 + u32::from_le_bytes(packets[8..12].try_into().unwrap()) as usize;
        for packet in [&packets[..second], &packets[second..]] {
            wire.0.extend([&packet[..8], &68_u32.to_le_bytes(), &packet[12..16 + 68]].concat());
        }
    }
    let report = wire.report();
    assert_eq!((report.dns.queries, report.dns.answered.count, report.dns.malformed), (30, 30, 0));
    assert!(wire.first(FindingKind::DnsFailing).sentence.starts_with("30 of 30 answers from name servers"));
}

#[test]
fn a_question_that_is_asked_again_and_again_is_one_that_is_not_answered() {
    let mut wire = Wire::new();
    for id in 0..3 {
        [0, 2, 4].iter().for_each(|second| wire.question((u64::from(id) + second) * SECOND, id));
    }
    wire.exchange(20 * SECOND, client(9), SERVER, 1);
    let finding = wire.first(FindingKind::DnsSlow);
    assert_eq!(
        (finding.severity, counts(&finding, ["queries", "repeated", "unanswered"])),
        (Severity::Critical, [3, 6, 3])
    );
    assert!(finding.sentence.starts_with("Of 3 questions to name servers 3 got no answer within five seconds"));
}

// ---------------------------------------------------------------------------------------------------------------------
// Clocks and lengths
// ---------------------------------------------------------------------------------------------------------------------

/// Connections that are refused and others that go well, one of either a second.
fn some_refused(seconds: u64) -> Wire {
    let mut wire = Wire::new();
    for number in 0..seconds {
        let at = number * SECOND;
        wire.exchange(at, client(100 + number), SERVER, 1);
        wire.tcp(at + SECOND / 2, client(number), DATABASE, &segment("S", 99, 0));
        wire.tcp(at + SECOND / 2 + MILLI, DATABASE, client(number), &segment("RA", 0, 100));
    }
    wire
}

#[test]
fn a_clock_that_is_set_while_a_capture_runs_changes_nothing_else() {
    let wire = some_refused(8);
    let (before, all) = (wire.first(FindingKind::RefusedService), wire.records().count());
    for jump in [-31_536_000_i64, -3_600, 6 * 3_600, 31_536_000] {
        for from in [all / 4, 3 * all / 4] {
            let mut file = wire.0[..24].to_vec();
            for (place, record) in wire.records().enumerate() {
                let seconds = i64::from(u32::from_le_bytes(record[..4].try_into().unwrap()));
                let seconds = if place < from { seconds } else { seconds + jump };
                file.extend([&u32::try_from(seconds).unwrap().to_le_bytes(), &record[4..]].concat());
            }
            let report = read(&file);
            let is_most = from < all / 2;
            assert_eq!(report.packets.odd_times, all.min(if is_most { from } else { all - from }) as u64);
            let seconds = report.packets.duration_seconds.unwrap();
            assert!((4.0..7.0).contains(&seconds), "{seconds} with {jump} from {from}");
            let [finding] = report.findings.as_slice() else { panic!("{:#?}", report.findings) };
            assert_eq!((finding.kind, &finding.evidence), (before.kind, &before.evidence));
            let moved = finding.from.unwrap().seconds_since(before.from.unwrap());
            let expected = if is_most { jump as f64 } else { 0.0 };
            assert!((moved - expected).abs() < 2.0, "{moved} with {jump} from {from}");
            assert!(!report.baseline().is_enough());
        }
    }
}

#[test]
fn a_time_that_is_wrong_by_years_is_counted_and_left_out() {
    let ordinary = Wire::ordinary();
    for seconds in [0_u32, u32::MAX] {
        let mut wire = Wire(ordinary.0.clone());
        let at = wire.0.len();
        wire.udp(SECOND, client(1), Host([10, 0, 1, 4], 514), b"x");
        wire.0[at..at + 4].copy_from_slice(&seconds.to_le_bytes());
        let odd = wire.0.split_off(at);
        // In the middle of the others.
        let place = 24 + 16 + u32::from_le_bytes(wire.0[32..36].try_into().unwrap()) as usize;
        let file = [&wire.0[..place], &odd, &wire.0[place..]].concat();
        let (report, before) = (read(&file), ordinary.report());
        assert_eq!((report.packets.odd_times, before.packets.odd_times), (1, 0));
        assert_eq!(report.packets.count, before.packets.count + 1);
        assert_eq!(
            (report.packets.duration_seconds, &report.series),
            (before.packets.duration_seconds, &before.series)
        );
        assert_eq!(report.findings, []);
        assert!(report.lines()[0].ends_with(" 1 packet has a time far from the others."), "{:?}", report.lines());
    }
}

#[test]
fn a_length_that_was_left_to_the_network_card_comes_from_the_record() {
    for length in [0_u16, 20] {
        let mut wire = Wire::new();
        let from = client(1);
        wire.handshake(0, from, SERVER);
        for place in 0..50 {
            let at = wire.0.len();
            let later = SECOND + u64::from(place) * MILLI;
            wire.data(later, from, SERVER, (100 + place * 30_000, 500), &[1; 30_000]);
            // Of what was on the wire 128 bytes were kept, and the IP header tells no length.
            wire.0.truncate(at + 16 + 128);
            wire.0[at + 8..at + 12].copy_from_slice(&128_u32.to_le_bytes());
            wire.0[at + 16 + 14 + 2..at + 16 + 14 + 4].copy_from_slice(&length.to_be_bytes());
        }
        let tcp = wire.report().tcp;
        assert_eq!((tcp.lost_segments, tcp.delivered.segments, tcp.delivered.sent_again), (0, 50, 0), "{length}");
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// What is told
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn findings_that_there_is_no_room_for_are_counted() {
    let mut report = answered(10, 5, MILLI, MILLI).report();
    let alike = |severity| Finding { severity, ..report.findings[0].clone() };
    report.findings = [Severity::Critical, Severity::Critical, Severity::Critical, Severity::Warning, Severity::Info]
        .map(alike)
        .into();
    let last = |report: &Report| report.lines().pop().unwrap();
    assert!(last(&report).ends_with(" The report has 2 more findings, 1 of them critical."), "{}", last(&report));
    report.findings.drain(2..4);
    assert!(!last(&report).contains("more finding"), "information can wait: {}", last(&report));
}

#[test]
fn of_what_is_equally_bad_that_which_concerns_most_is_told_first() {
    let with_silent = |silent: u64| {
        let mut wire = Wire::new();
        for number in 0..4 {
            wire.tcp(number * MILLI, client(number), DATABASE, &segment("S", 99, 0));
            wire.tcp(number * MILLI + 100, DATABASE, client(number), &segment("RA", 0, 100));
        }
        for number in 0..silent {
            wire.tcp(SECOND + number * MILLI, client(number), Host([10, 0, 1, 8], 6379), &segment("S", 99, 0));
        }
        wire.exchange(20 * SECOND, client(9), SERVER, 1);
        wire.kinds()
    };
    let (refused, silent) = (FindingKind::RefusedService, FindingKind::SilentService);
    assert_eq!(with_silent(3), [refused, silent]);
    assert_eq!(with_silent(4), [refused, silent], "equal");
    assert_eq!(with_silent(5), [silent, refused]);
}

#[test]
fn the_first_line_says_the_worst_thing_and_the_next_step() {
    let wire = answered(10, 5, MILLI, MILLI);
    let report = wire.report();
    let finding = &report.findings[0];
    assert_eq!(report.lines()[0], format!("{} {}", finding.sentence, finding.next_step));
    assert!(finding.next_step.ends_with('.') && finding.next_step.len() < 200, "{}", finding.next_step);
    assert!(report.lines()[2].starts_with("70 packets, "), "{:?}", report.lines());
    assert_eq!(
        finding.filter.as_deref(),
        Some("ip.src == 10.0.1.9 && tcp.srcport == 5432 && tcp.payload matches \"^HTTP/1[.][01] [5-9]\"")
    );
}

#[test]
fn a_name_is_told_where_it_stands_out() {
    let failing = |name: fn(u16) -> String| {
        let mut wire = Wire::new();
        (0..30_u16).for_each(|id| wire.lookup(u64::from(id) * SECOND, id, &name(id), 2));
        wire.first(FindingKind::DnsFailing).sentence
    };
    let each = failing(|id| format!("name{id}.example"));
    assert!(each.ends_with(", mostly SERVFAIL."), "{each}");
    let one = failing(|_| "one.example".to_owned());
    assert!(one.ends_with(", mostly SERVFAIL, most often for one.example."), "{one}");
}

#[test]
fn a_file_that_is_no_capture_is_not_explained_by_filters() {
    let report = read(b"<!doctype html><html><body>Sign in</body></html>");
    assert_eq!(
        report.findings[0].next_step,
        "Look at what stands at the file's address: it may be a page that asks to sign in, or an error."
    );
}

#[test]
fn the_line_on_most_bytes_tells_small_shares() {
    let line = |wire: &Wire| wire.report().lines().into_iter().find(|line| line.starts_with("Most bytes: ")).unwrap();
    let mut many = Wire::new();
    for number in 0..250_u8 {
        many.udp(u64::from(number) * MILLI, Host([10, 0, 7, number], 3_000), Host([10, 0, 8, number], 514), &[6; 20]);
    }
    assert!(line(&many).ends_with(", under 1 % of all."), "{}", line(&many));
}
