//! No packet may cost more because of what came before it. For each table the worst packets that we can think of, once when
//! the table is empty and once when it is full: the second time must not take much longer.

use std::time::{Duration, Instant};

use nightcap_report::{Analysis, Report};

/// How much longer packets may take when a table is full. Moving to larger memory, and an eviction now and then, are in it;
/// a table that is searched through for each packet takes far longer.
const MOST: f64 = 10.0;

/// Each measurement is repeated, and the shortest time counts: others have the machine as well.
const ROUNDS: usize = 3;

const MICRO: u64 = 1_000;
const SECOND: u64 = 1_000_000_000;

/// Packets of raw IP, with their times.
#[derive(Default)]
struct Packets(Vec<u8>);

impl Packets {
    fn ip(&mut self, at: u64, protocol: u8, from: [u8; 4], to: [u8; 4], payload: &[u8]) {
        let length = payload.len() + 20;
        let record = [at / SECOND, at % SECOND, length as u64, length as u64];
        record.iter().for_each(|field| self.0.extend((*field as u32).to_le_bytes()));
        self.0.extend([0x45, 0]);
        self.0.extend((length as u16).to_be_bytes());
        self.0.extend([0, 0, 0, 0, 64, protocol, 0, 0]);
        self.0.extend(from);
        self.0.extend(to);
        self.0.extend(payload);
    }

    fn udp(&mut self, at: u64, from: Host, to: Host, payload: &[u8]) {
        let fields = [from.1, to.1, payload.len() as u16 + 8, 0];
        let datagram = [fields.map(u16::to_be_bytes).concat(), payload.to_vec()].concat();
        self.ip(at, 17, from.0, to.0, &datagram);
    }

    fn tcp(&mut self, at: u64, from: Host, to: Host, flags: u8, seq: u32, payload: &[u8]) {
        let ports = [from.1, to.1].map(u16::to_be_bytes).concat();
        let numbers = [seq, 1].map(u32::to_be_bytes).concat();
        let segment = [&ports[..], &numbers, &[0x50, flags, 1, 0, 0, 0, 0, 0], payload].concat();
        self.ip(at, 6, from.0, to.0, &segment);
    }
}

#[derive(Clone, Copy)]
struct Host([u8; 4], u16);

const SERVER: Host = Host([192, 0, 2, 1], 443);
const NAME_SERVER: Host = Host([192, 0, 2, 1], 53);

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// One of many clients.
fn client(number: u32) -> Host {
    let [_, high, middle, low] = number.to_be_bytes();
    Host([10, high, middle, low], 40_000)
}

fn question(number: u32) -> Vec<u8> {
    let id = number as u16;
    let name = format!("{number:06}");
    let mut message = [id, 0x0100, 1, 0, 0, 0].map(u16::to_be_bytes).concat();
    message.push(6);
    message.extend(name.as_bytes());
    message.extend(b"\x07example\0\0\x01\0\x01");
    message
}

fn begin() -> Analysis {
    let mut analysis = Analysis::default();
    analysis.push(&[0xa1b2_3c4d_u32.to_le_bytes().to_vec(), vec![2, 0, 4, 0], vec![0; 8]].concat());
    analysis.push(&[65_535_u32, 101].map(u32::to_le_bytes).concat());
    analysis
}

/// How long packets take after others.
fn time(before: &Packets, packets: &Packets) -> Duration {
    let rounds = (0..ROUNDS).map(|_| {
        let mut analysis = begin();
        analysis.push(&before.0);
        let began = Instant::now();
        analysis.push(&packets.0);
        let took = began.elapsed();
        assert_eq!(analysis.fault(), None);
        took
    });
    rounds.min().unwrap()
}

/// A machine that is busy with something else just then may spoil one comparison, but not all of them.
const COMPARISONS: usize = 5;

fn assert_constant(before: &Packets, packets: &Packets) {
    let ratio = || time(before, packets).as_secs_f64() / time(&Packets::default(), packets).as_secs_f64();
    let ratios: Vec<f64> = (0..COMPARISONS).map(|_| ratio()).take_while(|ratio| *ratio >= MOST).collect();
    assert!(ratios.len() < COMPARISONS, "when full they take {ratios:.1?} times as long");
}

fn many(count: std::ops::Range<u32>, mut add: impl FnMut(&mut Packets, u32)) -> Packets {
    let mut packets = Packets::default();
    count.for_each(|number| add(&mut packets, number));
    packets
}

fn ask(packets: &mut Packets, at: u64, number: u32) {
    packets.udp(at, client(number), NAME_SERVER, &question(number));
}

#[test]
fn questions_that_find_no_room_are_not_looked_for_one_by_one() {
    let pending = many(0..8_192, |packets, number| ask(packets, u64::from(number), number));
    let further = many(8_192..12_288, |packets, number| ask(packets, u64::from(number), number));
    assert_constant(&pending, &further);
}

#[test]
fn questions_of_which_one_gets_old_with_each_further_one_are_not_looked_for_one_by_one() {
    let at = |number: u32| u64::from(number) * MICRO;
    let pending = many(0..8_192, |packets, number| ask(packets, at(number), number));
    let further = many(8_192..12_288, |packets, number| ask(packets, 5 * SECOND + at(number - 8_192), number));
    assert_constant(&pending, &further);
}

#[test]
fn names_and_name_servers_without_number_are_evicted_many_at_once() {
    let ask = |packets: &mut Packets, number: u32| {
        let server = Host(client(number).0, 53);
        packets.udp(number.into(), SERVER, server, &question(number));
    };
    assert_constant(&many(0..8_000, ask), &many(8_000..12_000, ask));
}

#[test]
fn conversations_without_number_are_evicted_many_at_once() {
    let knock = |packets: &mut Packets, number: u32| {
        let server = Host(client(number * 7).0, (number % 60_000) as u16 + 1);
        packets.tcp(u64::from(number) * MICRO, client(number), server, SYN, 1, b"");
    };
    assert_constant(&many(0..60_000, knock), &many(60_000..90_000, knock));
}

#[test]
fn a_connection_that_begins_again_and_again_costs_what_it_costs_once() {
    let begin_again =
        |packets: &mut Packets, number: u32| packets.tcp(number.into(), client(1), SERVER, SYN, number, b"");
    assert_constant(&many(0..5_000, begin_again), &many(5_000..10_000, begin_again));
}

#[test]
fn gaps_without_number_are_not_looked_for_one_by_one() {
    let skip =
        |packets: &mut Packets, number: u32| packets.tcp(number.into(), client(1), SERVER, ACK, number * 20, b"data");
    assert_constant(&many(0..5_000, skip), &many(5_000..10_000, skip));
}

#[test]
fn times_that_agree_with_none_before_are_not_kept_without_number() {
    let year = 365 * 86_400 * SECOND;
    let knock = |packets: &mut Packets, number: u32| {
        packets.tcp(u64::from(number % 100) * year, client(1), SERVER, ACK, 1, b"");
    };
    assert_constant(&many(0..5_000, knock), &many(5_000..10_000, knock));
}

#[test]
fn services_without_number_are_evicted_many_at_once() {
    let knock = |packets: &mut Packets, number: u32| {
        let server = Host(client(number).0, 443);
        packets.tcp(number.into(), SERVER, server, SYN, 1, b"");
        packets.tcp(number.into(), server, SERVER, 0x14, 1, b"");
    };
    assert_constant(&many(0..60_000, knock), &many(60_000..90_000, knock));
}

#[test]
fn messages_that_are_never_whole_are_evicted_one_by_one() {
    let begin_hello = |packets: &mut Packets, number: u32| {
        packets.tcp(number.into(), client(number), SERVER, ACK, 1, &[22, 3, 1, 1, 0, 1]);
    };
    assert_constant(&many(0..256, begin_hello), &many(256..4_000, begin_hello));
}

/// An opening packet of QUIC, for which keys are made and of which nothing comes out.
fn opening(number: u32) -> Vec<u8> {
    let [a, b, c, d] = number.to_be_bytes();
    let header = [0xc0, 0, 0, 0, 1, 8, a, b, c, d, 1, 2, 3, 4, 0, 0, 0x44, 0xb0];
    [&header[..], &[9; 1_200]].concat()
}

#[test]
fn openings_of_quic_that_are_never_whole_are_evicted_one_by_one() {
    let open = |packets: &mut Packets, number: u32| {
        packets.udp(number.into(), client(number), SERVER, &opening(number));
    };
    assert_constant(&many(0..256, open), &many(256..2_000, open));
}

#[test]
fn one_that_opens_again_and_again_is_not_read_again_and_again() {
    let open = |packets: &mut Packets, number: u32| packets.udp(number.into(), client(1), SERVER, &opening(number));
    assert_constant(&many(0..256, open), &many(256..2_000, open));
}

/// All that is said in a segment is read, which must not take longer than if it were said in segments of its own.
#[test]
fn many_messages_in_a_segment_cost_what_they_cost_apart() {
    let messages: [&[u8]; 3] =
        [&[21, 3, 3, 0, 2, 1, 90], &[22, 3, 3, 0, 4, 1, 0, 0, 0], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"];
    for message in messages {
        let mut together = Packets::default();
        together.tcp(0, client(1), SERVER, ACK, 1, &message.repeat(1_000));
        let apart = many(0..1_000, |packets, number| {
            packets.tcp(0, client(1), SERVER, ACK, 1 + number * message.len() as u32, message);
        });
        let ratio =
            || time(&Packets::default(), &together).as_secs_f64() / time(&Packets::default(), &apart).as_secs_f64();
        let ratios: Vec<f64> = (0..COMPARISONS).map(|_| ratio()).take_while(|ratio| *ratio >= MOST).collect();
        assert!(ratios.len() < COMPARISONS, "together they take {ratios:.1?} times as long");
    }
}

/// Segments of a byte each, once with nothing before them, and once as the name of a header that does not end.
#[test]
fn a_head_is_not_read_again_with_each_byte_that_is_added() {
    let begun = [&b"GET / HTTP/1.1\r\n"[..], &[b'x'; 15_000]].concat();
    let mut head = Packets::default();
    head.tcp(0, client(1), SERVER, ACK, 1, &begun);
    let further = many(0..1_000, |packets, number| {
        packets.tcp(1_000, client(1), SERVER, ACK, 1 + begun.len() as u32 + number, b"x");
    });
    assert_constant(&head, &further);
}

/// A hello in records of a byte each, of which the last byte is still to come, and the same in one record.
#[test]
fn a_hello_in_many_records_is_not_put_together_again_with_each_segment() {
    let record = |content: &[u8]| [&[22, 3, 1], &(content.len() as u16).to_be_bytes()[..], content].concat();
    let hello = [&[1, 0, 0x3f, 0xf0][..], &[7; 2_496]].concat();
    let begun = [record(&hello), hello.chunks(1).flat_map(record).collect()];
    let [in_one, in_many] = begun.map(|begun| {
        let mut packets = Packets::default();
        packets.tcp(0, client(1), SERVER, ACK, 1, &begun[..begun.len() - 1]);
        let next = begun.len() as u32;
        let further = many(0..1_000, |packets, number| {
            packets.tcp(1_000, client(1), SERVER, ACK, next + number, &[22]);
        });
        (packets, further)
    });
    let ratio = || time(&in_many.0, &in_many.1).as_secs_f64() / time(&in_one.0, &in_one.1).as_secs_f64();
    let ratios: Vec<f64> = (0..COMPARISONS).map(|_| ratio()).take_while(|ratio| *ratio >= MOST).collect();
    assert!(ratios.len() < COMPARISONS, "in many records they take {ratios:.1?} times as long");
}

#[test]
fn complaints_about_destinations_without_number_are_evicted_many_at_once() {
    let complain = |packets: &mut Packets, number: u32| {
        let mut quoted = Packets::default();
        quoted.udp(0, SERVER, client(number), b"");
        packets.ip(number.into(), 1, [10, 0, 0, 1], SERVER.0, &[&[3, 4, 0, 0, 0, 0, 5, 0], &quoted.0[16..]].concat());
    };
    assert_constant(&many(0..4_000, complain), &many(4_000..8_000, complain));
}

#[test]
fn pings_of_hosts_without_number_are_not_looked_for_one_by_one() {
    let ping = |packets: &mut Packets, number: u32| {
        let request = [&[8, 0, 0, 0, 0, 7][..], &(number as u16).to_be_bytes()].concat();
        // Some get old, and some find no room.
        let at = u64::from(number) * if number.is_multiple_of(2) { MICRO } else { 500 * MICRO };
        packets.ip(at, 1, SERVER.0, client(number).0, &request);
    };
    assert_constant(&many(0..20_000, ping), &many(20_000..24_000, ping));
}

#[test]
fn times_in_any_order_cost_what_they_cost_in_order() {
    let knock = |packets: &mut Packets, at: u64| packets.tcp(at, client(1), SERVER, ACK, 1, b"");
    let in_order = many(0..5_000, |packets, number| knock(packets, u64::from(number)));
    let wild = many(0..5_000, |packets, number| {
        knock(packets, u64::from(number.wrapping_mul(2_654_435_761)) * SECOND / 2);
    });
    let ratio = time(&Packets::default(), &wild).as_secs_f64() / time(&Packets::default(), &in_order).as_secs_f64();
    assert!(ratio < MOST, "{ratio:.1} times as long");
}

/// What a server may choose at will must not make the report longer than can be kept.
#[test]
fn versions_and_link_types_without_number_do_not_make_a_long_report() {
    let mut analysis = begin();
    for version in 0..20_000_u16 {
        let body = [&[3, 3][..], &[9; 32], &[0, 0x13, 1, 0, 0, 6, 0, 43, 0, 2], &version.to_be_bytes()].concat();
        let hello = [&[22, 3, 3, 0, 50, 2, 0, 0, 46][..], &body].concat();
        let mut packets = Packets::default();
        packets.tcp(version.into(), SERVER, client(version.into()), ACK, 1, &hello);
        analysis.push(&packets.0);
    }
    let report = analysis.finish();
    assert_eq!(report.tls.server_hellos, 20_000);
    assert_eq!(report.tls.versions.values().sum::<u64>(), 20_000);
    assert_short(&report);

    let mut analysis = Analysis::default();
    analysis.push(&block(0x0a0d_0d0a, &[0x1a2b_3c4d, 1, u32::MAX, u32::MAX]));
    for link_type in 0..4_000_u32 {
        analysis.push(&block(1, &[link_type + 1_000, 0]));
        analysis.push(&block(6, &[link_type, 0, 0, 0, 0]));
    }
    let report = analysis.finish();
    assert_eq!((report.packets.count, report.packets.not_read, report.file.fault.as_ref()), (4_000, 4_000, None));
    assert_eq!(report.file.link_types.len(), 64);
    assert_short(&report);
}

fn block(block_type: u32, body: &[u32]) -> Vec<u8> {
    let length = body.len() as u32 * 4 + 12;
    [&[block_type, length], body, &[length]].concat().iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn assert_short(report: &Report) {
    let length = serde_json::to_string(report).unwrap().len();
    assert!(length < 20_000, "{length} bytes");
}
