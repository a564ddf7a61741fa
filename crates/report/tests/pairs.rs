//! For every finding the smallest change of its capture that must silence it, and the packets that its filter shows.
//!
//! The second part needs tshark.

mod tshark;
mod wire;

use std::collections::HashMap;

use etherparse::PacketBuilder;
use nightcap_report::{Finding, FindingKind};
use strum::VariantArray;
use wire::stories::{complaints, ended, half_open, knocks, lost_zone, silent_pool, stuck, unheard};
use wire::{
    DATABASE, HEADERS, Host, MILLI, NAME_SERVER, SECOND, SERVER, Segment, Wire, client, client_hello, dns, segment,
    server_hello, tls_record,
};

/// A finding, and how it goes away.
struct Pair {
    kind: FindingKind,
    /// In which of its forms, where it has several.
    form: &'static str,
    told: Wire,
    /// The same but for a packet or two.
    silent: Wire,
    /// How many packets Wireshark shows of the first one.
    shows: usize,
}

/// More than so many packets are no small change.
const MOST_CHANGES: usize = 6;

fn pair(kind: FindingKind, form: &'static str, [told, silent]: [Wire; 2], shows: usize) -> Pair {
    Pair { kind, form, told, silent, shows }
}

fn pairs() -> Vec<Pair> {
    use FindingKind::*;
    let stay = || tls_connection(&[(true, server_hello()), (false, tls_record(23, &[5; 100]))]);
    let untrusted = || tls_connection(&[(true, server_hello()), (false, tls_record(23, &[5; 19]))]);
    let alert = || tls_connection(&[(true, vec![21, 3, 3, 0, 2, 2, 40])]);
    let plain = || tls_connection(&[(true, b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())]);
    let mute = || tls_connection(&[]);
    let part = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\na part";
    vec![
        pair(NothingCaptured, "", [0, 1].map(questions), 0),
        pair(SynFlood, "", [200, 199].map(flood), 200),
        pair(PortScan, "", [15, 14].map(knocks), 17),
        pair(HostSweep, "", [15, 14].map(sweep), 15),
        pair(DnsFailing, "errors", [5, 4].map(name_errors), 5),
        pair(DnsFailing, "names", [20, 19].map(unknown_names), 20),
        pair(DnsFailing, "zone", [10, 9].map(lost_zone), 10),
        pair(PacketsTooBig, "swallowed", [0, 1].map(|acknowledged| stuck(1_460, acknowledged, true)), 6),
        pair(PacketsTooBig, "complaints", [3, 2].map(|times| ending(complaints(times, SECOND))), 3),
        pair(RetransmissionStorm, "from", [30, 29].map(|lost| lossy(lost, true)), 30),
        pair(RetransmissionStorm, "to", [30, 29].map(|lost| lossy(lost, false)), 30),
        pair(DnsSlow, "slow", [3, 2].map(slow_names), 3),
        pair(DnsSlow, "silent", [3, 2].map(silent_names), 3),
        pair(RefusedService, "", [3, 2].map(refused), 3),
        pair(RefusedService, "pool", [4, 3].map(refused_pool), 4),
        pair(RefusedService, "IPv6", [3, 2].map(refused_v6), 3),
        pair(SilentService, "", [3, 2].map(silent), 6),
        pair(SilentService, "pool", [silent_pool(2), without_last(&silent_pool(2), 2)].map(ending), 8),
        pair(HalfOpenService, "", [0, 1].map(half_open), 6),
        pair(HalfOpenService, "few", [3, 2].map(unheard), 6),
        pair(
            TlsFailing,
            "alerts",
            [[alert(), alert(), alert()], [alert(), alert(), stay()]].map(|all| tls(SERVER, &all)),
            3,
        ),
        pair(TlsFailing, "mute", [[mute(), mute(), mute()], [mute(), mute(), stay()]].map(|all| tls(SERVER, &all)), 3),
        pair(
            TlsFailing,
            "plain",
            [[plain(), plain(), plain()], [plain(), plain(), stay()]].map(|all| tls(Host(SERVER.0, 8_080), &all)),
            3,
        ),
        pair(
            TlsFailing,
            "untrusted",
            [[untrusted(), untrusted(), untrusted()], [untrusted(), untrusted(), stay()]].map(|all| tls(SERVER, &all)),
            3,
        ),
        pair(ZeroWindow, "service", [500, 499].map(|millis| full(millis, true, 0)), 2),
        pair(ZeroWindow, "client", [500, 499].map(|millis| full(millis, false, 0)), 2),
        pair(ZeroWindow, "small client", [500, 499].map(|millis| full(millis, false, 25)), 2),
        pair(ConnectionsReset, "server", ["R", "FA"].map(|last| ended(last, part)), 6),
        pair(ConnectionsReset, "clients", [5, 4].map(gone_clients), 5),
        pair(IdleConnectionsDie, "reset", [5_000, 4_999].map(reset_after), 4),
        pair(IdleConnectionsDie, "lost", [3, 2].map(lost_after_pause), 6),
        pair(ConnectionsStall, "again", [0, 1].map(|acknowledged| stuck(290, acknowledged, true)), 6),
        pair(ConnectionsStall, "missing", [3, 2].map(never_came), 3),
        pair(HttpFailing, "", [5, 4].map(|errors| requests(10, |number| (number < errors, MILLI, MILLI))), 5),
        pair(HttpThrottled, "", [5, 4].map(|throttled| statuses(10, throttled, "429")), 5),
        pair(HttpNotFound, "", [20, 19].map(|missing| statuses(20, missing, "404")), 20),
        pair(SlowService, "", [5, 4].map(|slow| requests(5, |n| (false, SECOND + u64::from(n < slow), MILLI))), 5),
        pair(FarService, "", [5, 4].map(|far| requests(5, |n| (false, MILLI, 200 * MILLI + u64::from(n < far)))), 30),
        pair(PingsUnanswered, "none", [0, 1].map(|answered| pings(5, answered)), 5),
        pair(PingsUnanswered, "few", [4, 3].map(|count| pings(count, 0)), 4),
        pair(CapturedOneWay, "", [3, 2].map(one_way), 12),
        pair(CapturedTwice, "segments", [20, 19].map(segments_twice), 20),
        pair(CapturedTwice, "datagrams", [20, 19].map(datagrams_twice), 2),
        pair(Burst, "", [500, 499].map(burst), 500),
        pair(DominantTalker, "", [160, 159].map(talker), 160),
    ]
}

// ---------------------------------------------------------------------------------------------------------------------
// Captures
// ---------------------------------------------------------------------------------------------------------------------

/// What the first packets of a capture would be without its last ones.
fn without_last(wire: &Wire, packets: usize) -> Wire {
    let all: Vec<&[u8]> = wire.records().collect();
    Wire([&wire.0[..24], &all[..all.len() - packets].concat()].concat())
}

fn questions(number: u16) -> Wire {
    let mut wire = Wire::new();
    (0..number).for_each(|id| wire.question(u64::from(id), id));
    wire
}

/// A packet long after all others, so that nothing is still waited for.
fn end(wire: &mut Wire, at: u64) {
    wire.question(at, 9_000);
    wire.answer(at + MILLI, 9_000, 0);
}

fn ending(mut wire: Wire) -> Wire {
    end(&mut wire, 9 * SECOND);
    wire
}

/// Pings of a host, the last of which are answered.
fn pings(count: u16, answered: u16) -> Wire {
    let mut wire = Wire::new();
    for number in 0..count {
        wire.ping(u64::from(number) * SECOND, number, number >= count - answered);
    }
    ending(wire)
}

fn flood(clients: u32) -> Wire {
    let mut wire = Wire::new();
    (0..clients).for_each(|number| {
        let from = Host([11, 0, (number >> 8) as u8, number as u8], 5_000);
        wire.tcp(u64::from(number) * 10 * MILLI, from, SERVER, &segment("S", 1, 0));
    });
    end(&mut wire, 9 * SECOND);
    wire
}

fn sweep(hosts: u8) -> Wire {
    let mut wire = Wire::new();
    (0..hosts).for_each(|number| {
        let to = Host([10, 0, 7, number], 22);
        wire.tcp(u64::from(number) * 10 * MILLI, Host([10, 0, 0, 99], 50_000), to, &segment("S", 1, 0));
    });
    end(&mut wire, 9 * SECOND);
    wire
}

fn name_errors(errors: u16) -> Wire {
    let mut wire = Wire::new();
    (0..20).for_each(|id| wire.lookup(u64::from(id) * SECOND, id, "shop.example", if id < errors { 2 } else { 0 }));
    wire
}

fn unknown_names(unknown: u16) -> Wire {
    let mut wire = Wire::new();
    (0..24).for_each(|id| wire.lookup(u64::from(id) * SECOND, id, "shop.example", if id < unknown { 3 } else { 0 }));
    wire
}

/// A service, or its client, sends a number of segments again.
fn lossy(lost: u32, is_from_service: bool) -> Wire {
    let mut wire = Wire::new();
    let (from, to, numbers) =
        if is_from_service { (DATABASE, client(1), (500, 100)) } else { (client(1), DATABASE, (100, 500)) };
    wire.handshake(0, client(1), DATABASE);
    for place in 0..200 {
        let at = SECOND + u64::from(place) * 20 * MILLI;
        let numbers = (numbers.0 + place * 1_000, numbers.1);
        wire.data(at, from, to, numbers, &[3; 1_000]);
        if place < lost {
            wire.data(at + 10 * MILLI, from, to, numbers, &[3; 1_000]);
        }
    }
    wire.tcp(6 * SECOND, to, from, &segment("A", numbers.1, numbers.0 + 200_000));
    wire
}

fn slow_names(slow: u16) -> Wire {
    let mut wire = Wire::new();
    for id in 0..10 {
        let at = u64::from(id) * SECOND;
        wire.question(at, id);
        wire.answer(at + 500 * MILLI + u64::from(id < slow), id, 0);
    }
    wire
}

fn silent_names(silent: u16) -> Wire {
    let mut wire = Wire::new();
    for id in 0..10 {
        wire.question(u64::from(id) * SECOND, id);
        if id >= silent {
            wire.answer(u64::from(id) * SECOND + MILLI, id, 0);
        }
    }
    wire
}

fn refuse(wire: &mut Wire, at: u64, from: Host, by: Host) {
    wire.tcp(at, from, by, &segment("S", 1, 0));
    wire.tcp(at + MILLI, by, from, &segment("RA", 0, 2));
}

/// Besides, the service breaks a connection off that it had answered.
fn refused(times: u64) -> Wire {
    let mut wire = Wire::new();
    wire.handshake(0, client(9), DATABASE);
    wire.tcp(SECOND, DATABASE, client(9), &segment("R", 500, 0));
    (0..times).for_each(|number| refuse(&mut wire, SECOND * (number + 2), client(number), DATABASE));
    wire
}

/// Of several back ends each refuses a connection or two.
fn refused_pool(times: u64) -> Wire {
    let mut wire = Wire::new();
    (0..times).for_each(|number| {
        refuse(&mut wire, SECOND * number, client(number), Host([10, 0, 2, (number % 2) as u8], 8_080));
    });
    end(&mut wire, 9 * SECOND);
    wire
}

fn refused_v6(times: u64) -> Wire {
    let mut wire = Wire::new();
    let [client, server] = [[0xfd; 16], [0xfc; 16]];
    for number in 0..times {
        let port = 40_000 + number as u16;
        let [mut syn, mut rst] = [vec![], vec![]];
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv6(client, server, 64).tcp(port, 443, 1, 8_000);
        builder.syn().write(&mut syn, &[]).unwrap();
        let builder = PacketBuilder::ethernet2([4; 6], [2; 6]).ipv6(server, client, 64).tcp(443, port, 0, 0);
        builder.rst().ack(2).write(&mut rst, &[]).unwrap();
        wire.packet(number * SECOND, &syn);
        wire.packet(number * SECOND + MILLI, &rst);
    }
    end(&mut wire, 9 * SECOND);
    wire
}

fn silent(times: u64) -> Wire {
    let mut wire = Wire::new();
    wire.exchange(0, client(9), DATABASE, 3);
    for number in 0..times {
        for again in [0, 1] {
            wire.tcp(SECOND * (number * 3 + again + 1), client(number), DATABASE, &segment("S", 99, 0));
        }
    }
    wire
}

/// What is said on a connection after a client's hello: by the server or by the client.
type Said = Vec<(bool, Vec<u8>)>;

fn tls_connection(said: &[(bool, Vec<u8>)]) -> Said {
    said.to_vec()
}

fn tls(server: Host, connections: &[Said]) -> Wire {
    let mut wire = Wire::new();
    let hello = client_hello();
    for (number, said) in (0..).zip(connections) {
        let (at, from) = (number * 100 * MILLI, client(number));
        let [mut of_client, mut of_server] = [100 + hello.len() as u32, 500];
        wire.handshake(at, from, server);
        wire.data(at + 3 * MILLI, from, server, (100, 500), &hello);
        wire.tcp(at + 4 * MILLI, server, from, &segment("A", 500, of_client));
        for (is_by_server, bytes) in said {
            match is_by_server {
                true => wire.data(at + 5 * MILLI, server, from, (of_server, of_client), bytes),
                false => wire.data(at + 6 * MILLI, from, server, (of_client, of_server), bytes),
            }
            *(if *is_by_server { &mut of_server } else { &mut of_client }) += bytes.len() as u32;
        }
        wire.close(at + 4 * SECOND, from, server, (of_client, of_server));
    }
    wire
}

/// A receiver says that it is full, and says so again when it is asked. There are others, who have more to say.
fn full(millis: u64, is_service: bool, others: u64) -> Wire {
    let mut wire = Wire::new();
    (10..10 + others).for_each(|number| wire.exchange(number * MILLI, client(number), DATABASE, 20));
    let (full, other, numbers) =
        if is_service { (DATABASE, client(1), (500, 100)) } else { (client(1), DATABASE, (100, 500)) };
    wire.handshake(SECOND, client(1), DATABASE);
    wire.data(SECOND + 10 * MILLI, other, full, (numbers.1, numbers.0), &[1; 500]);
    for at in [11, 11 + millis] {
        let full_segment = Segment { window: 0, ..segment("A", numbers.0, numbers.1 + 500) };
        wire.tcp(SECOND + at * MILLI, full, other, &full_segment);
    }
    wire
}

/// Clients reset connections while the service sends to them, but for some that have heard enough.
fn gone_clients(gone: u64) -> Wire {
    let mut wire = Wire::new();
    for number in 0..5 {
        let (at, from) = (number * 100 * MILLI, client(number));
        wire.handshake(at, from, DATABASE);
        wire.data(at + 3 * MILLI, from, DATABASE, (100, 500), &[1; 100]);
        (0..4).for_each(|place| wire.data(at + 4 * MILLI, DATABASE, from, (500 + place * 1_000, 200), &[2; 1_000]));
        if number >= gone {
            wire.tcp(at + 5 * MILLI, from, DATABASE, &segment("A", 200, 4_500));
        }
        wire.tcp(at + 6 * MILLI, from, DATABASE, &segment("R", 200, 0));
    }
    wire
}

/// Two connections on which both sides have spoken.
fn spoken(wire: &mut Wire) {
    for number in 0..2 {
        let at = number * 100 * MILLI;
        wire.handshake(at, client(number), DATABASE);
        wire.data(at + 3 * MILLI, client(number), DATABASE, (100, 500), &[1; 100]);
        wire.data(at + 4 * MILLI, DATABASE, client(number), (500, 200), &[2; 100]);
    }
}

/// What a client sends next is answered by a reset; the second one's after so many milliseconds.
fn reset_after(millis: u64) -> Wire {
    let mut wire = Wire::new();
    spoken(&mut wire);
    for (number, millis) in [(0, 5_000), (1, millis)] {
        let at = number * 100 * MILLI + 4 * MILLI + millis * MILLI;
        wire.data(at, client(number), DATABASE, (200, 600), &[3; 50]);
        wire.tcp(at + MILLI, DATABASE, client(number), &segment("R", 600, 0));
    }
    wire
}

/// What a client sends after a pause is lost three times; of the second one so often.
fn lost_after_pause(times: u64) -> Wire {
    let mut wire = Wire::new();
    spoken(&mut wire);
    for (number, times) in [(0, 3), (1, times)] {
        for again in 0..times {
            let at = number * 100 * MILLI + 30 * SECOND + again * again * 300 * MILLI;
            wire.data(at, client(number), DATABASE, (200, 600), &[3; 50]);
        }
    }
    wire
}

/// Clients acknowledge what is before a gap, however much comes after it.
fn never_came(gaps: u64) -> Wire {
    let mut wire = Wire::new();
    for number in 0..3 {
        let (at, from) = (number * 100 * MILLI, client(number));
        wire.handshake(at, from, DATABASE);
        wire.data(at + 3 * MILLI, DATABASE, from, (500, 100), &[2; 100]);
        wire.tcp(at + 4 * MILLI, from, DATABASE, &segment("A", 100, 600));
        let place = if number < gaps { 700 } else { 600 };
        wire.data(at + 5 * MILLI, DATABASE, from, (place, 100), &[2; 100]);
        wire.tcp(at + 6 * MILLI, from, DATABASE, &segment("A", 100, if number < gaps { 600 } else { 700 }));
    }
    end(&mut wire, 9 * SECOND);
    wire
}

/// Requests over HTTP: whether each is answered by an error, after how long, on a path of which length.
fn requests(count: u64, of: impl Fn(u64) -> (bool, u64, u64)) -> Wire {
    answered(count, "503", of)
}

/// Requests, the first of which are answered with a status and the others with 200.
fn statuses(count: u64, so_many: u64, status: &str) -> Wire {
    answered(count, status, |number| (number < so_many, MILLI, MILLI))
}

/// Requests of which some are answered with a status, after so long, on a path of that length.
fn answered(count: u64, status: &str, of: impl Fn(u64) -> (bool, u64, u64)) -> Wire {
    let mut wire = Wire::new();
    for number in 0..count {
        let (is_such, after, way) = of(number);
        let (at, from) = (number * 3 * SECOND, client(number));
        wire.tcp(at, from, DATABASE, &segment("S", 99, 0));
        wire.tcp(at + way, DATABASE, from, &segment("SA", 499, 100));
        wire.tcp(at + way, from, DATABASE, &segment("A", 100, 500));
        wire.data(at + way, from, DATABASE, (100, 500), b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
        let status = if is_such { status } else { "200" };
        let answer = format!("HTTP/1.1 {status} \r\ncontent-length: 0\r\n\r\n");
        wire.data(at + way + after, DATABASE, from, (500, 138), answer.as_bytes());
        wire.close(at + way + after + MILLI, from, DATABASE, (138, 500 + answer.len() as u32));
    }
    wire
}

/// What servers say, but for the last packets without what they are told.
fn one_way(connections: u64) -> Wire {
    let mut wire = Wire::new();
    for number in 0..connections {
        for place in 0..4 {
            let at = number * 100 * MILLI + u64::from(place) * MILLI;
            wire.data(at, SERVER, client(number), (500 + place * 100, 100 + place * 50), &[2; 100]);
        }
    }
    end(&mut wire, 9 * SECOND);
    wire
}

/// Data to a service, of which so many packets are there twice.
fn segments_twice(copies: u32) -> Wire {
    let mut wire = Wire::new();
    wire.handshake(0, client(1), DATABASE);
    for place in 0..100 {
        let at = SECOND + u64::from(place) * 10 * MILLI;
        let begin = wire.0.len();
        wire.data(at, client(1), DATABASE, (100 + place * 100, 500), &[1; 100]);
        if place < copies {
            let packet = wire.0[begin + 16..].to_vec();
            wire.forward(at + 40, &packet);
        }
    }
    wire.tcp(3 * SECOND, DATABASE, client(1), &segment("A", 500, 10_100));
    wire
}

/// The same of questions to a name server.
fn datagrams_twice(copies: u16) -> Wire {
    let mut wire = Wire::new();
    for id in 0..100 {
        let at = u64::from(id) * 10 * MILLI;
        let begin = wire.0.len();
        wire.udp(at, client(id.into()), NAME_SERVER, &dns(id, 0x0100));
        if id < copies {
            let packet = wire.0[begin + 16..].to_vec();
            wire.forward(at + 40, &packet);
        }
        wire.answer(at + MILLI, id, 0);
    }
    wire
}

/// Beside a datagram in every other second, so many in one.
fn burst(datagrams: u64) -> Wire {
    let mut wire = Wire::new();
    let send = |wire: &mut Wire, at: u64| wire.udp(at, client(3), Host(SERVER.0, 514), &[6; 20]);
    (0..20).filter(|second| *second != 10).for_each(|second| send(&mut wire, second * SECOND));
    (0..datagrams).for_each(|number| send(&mut wire, 10 * SECOND + number * MILLI));
    wire
}

/// So many large packets, and a few of others.
fn talker(packets: u32) -> Wire {
    let mut wire = Wire::new();
    wire.exchange(0, client(1), SERVER, 3);
    wire.exchange(SECOND, client(2), SERVER, 3);
    for number in 0..packets {
        let mut packet = Vec::new();
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(SERVER.0, [10, 0, 0, 200], 64).udp(9_000, 9_000);
        builder.write(&mut packet, &[7; 8]).unwrap();
        wire.long_packet(2 * SECOND + u64::from(number) * 50 * MILLI, &packet, 62_500);
    }
    wire
}

// ---------------------------------------------------------------------------------------------------------------------
// Tests
// ---------------------------------------------------------------------------------------------------------------------

fn found(wire: &Wire, kind: FindingKind) -> Option<Finding> {
    wire.report().findings.into_iter().find(|finding| finding.kind == kind)
}

/// Packets, with their times, that were added or taken away; one that was changed counts once.
fn changes(one: &Wire, other: &Wire) -> usize {
    let mut times: HashMap<&[u8], i32> = HashMap::new();
    one.records().for_each(|record| *times.entry(record).or_default() += 1);
    other.records().for_each(|record| *times.entry(record).or_default() -= 1);
    let sum = |sign: i32| times.values().map(|times| (times * sign).max(0) as usize).sum::<usize>();
    sum(1).max(sum(-1))
}

#[test]
fn every_kind_of_finding_has_a_pair() {
    let pairs = pairs();
    let without = FindingKind::VARIANTS.iter().filter(|kind| pairs.iter().all(|pair| pair.kind != **kind));
    assert_eq!(without.collect::<Vec<_>>(), Vec::<&FindingKind>::new());
}

#[test]
fn every_finding_is_silenced_by_the_smallest_change() {
    for Pair { kind, form, told, silent, .. } in pairs() {
        let finding = found(&told, kind).unwrap_or_else(|| panic!("{kind:?} {form}: {:#?}", told.report().findings));
        let changes = changes(&told, &silent);
        assert!((1..=MOST_CHANGES).contains(&changes), "{kind:?} {form}: {changes} packets differ");
        let left = found(&silent, kind);
        assert!(left.is_none(), "{kind:?} {form} is told of the other one, too: {left:#?}\n{finding:#?}");
    }
}

/// TLS and HTTP are nothing but payload, and a zone is told by its names.
fn needs_payload(pair: &Pair) -> bool {
    let is_payload = matches!(
        pair.kind,
        FindingKind::TlsFailing | FindingKind::HttpFailing | FindingKind::HttpThrottled | FindingKind::HttpNotFound
    );
    is_payload || pair.form == "zone"
}

#[test]
fn headers_alone_tell_all_but_what_is_said_in_payload() {
    // IPv6 has a longer header.
    let of_v4 = pairs().into_iter().filter(|pair| pair.form != "IPv6");
    for pair in of_v4 {
        let Pair { kind, form, told, silent, .. } = &pair;
        let is_told = found(&told.cut(HEADERS), *kind).is_some();
        assert_eq!(is_told, !needs_payload(&pair), "{kind:?} {form}");
        assert!(found(&silent.cut(HEADERS), *kind).is_none(), "{kind:?} {form}");
    }
}

#[test]
fn every_finding_has_a_filter_that_shows_its_packets() {
    if !tshark::is_there() {
        return;
    }
    let mut wrong = Vec::new();
    for Pair { kind, form, told, shows, .. } in pairs() {
        let finding = found(&told, kind).unwrap();
        let Some(filter) = finding.filter else {
            assert_eq!((kind, told.records().count()), (FindingKind::NothingCaptured, 0));
            continue;
        };
        let file = tshark::file(&format!("{kind:?}{form}"), &told.0);
        let [once, twice] = tshark::shown(&file, &filter);
        let packets = told.records().count();
        if twice != shows || !(1..packets).contains(&once) || twice >= packets {
            wrong.push(format!("{kind:?} {form}: {filter} shows {once} and {twice} of {packets}, not {shows}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
