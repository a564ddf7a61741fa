//! What a capture file holds: an ordinary time on a machine, and in its middle a burst of TCP segments to a
//! database that no longer keeps up. Classic pcap, little-endian, microseconds, Ethernet.

use std::net::Ipv4Addr;

use etherparse::PacketBuilder;
use jiff::Timestamp;

use crate::filter::{Ends, PacketFilter, Transport};
use crate::identifier::scramble;

const MACHINE_MAC: [u8; 6] = [0x00, 0x0d, 0x3a, 0x10, 0x20, 0x30];
const GATEWAY_MAC: [u8; 6] = [0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc];
const RESOLVER: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);
const DATABASE: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 20);
const OPERATOR: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 23);
const SITES: [(&str, Ipv4Addr); 4] = [
    ("api.contoso.example", Ipv4Addr::new(203, 0, 113, 10)),
    ("packages.contoso.example", Ipv4Addr::new(203, 0, 113, 21)),
    ("telemetry.contoso.example", Ipv4Addr::new(203, 0, 113, 34)),
    ("www.contoso.example", Ipv4Addr::new(198, 51, 100, 80)),
];
const SEGMENT_BYTES: usize = 1200;

/// What is to be recorded, and how.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) started: Timestamp,
    pub(crate) ended: Timestamp,
    pub(crate) machine: Ipv4Addr,
    /// 0 keeps packets whole.
    pub(crate) bytes_per_packet: i64,
    /// The file gets no longer than this; 0 for no limit.
    pub(crate) total_bytes: i64,
    pub(crate) filters: Vec<PacketFilter>,
    /// How much traffic there is, in percent of the usual.
    pub(crate) percent: u32,
    pub(crate) seed: u64,
}

/// The file of a recording.
pub(crate) fn record(recording: &Recording) -> Vec<u8> {
    let mut scene = Scene::new(recording);
    if scene.length > 0 {
        scene.browse();
        scene.administer();
        scene.burst();
    }
    let mut packets = scene.packets;
    packets.retain(|packet| {
        recording.filters.is_empty() || recording.filters.iter().any(|filter| filter.keeps(&packet.ends))
    });
    packets.sort_by_key(|packet| packet.at);
    file(recording, &packets)
}

fn file(recording: &Recording, packets: &[Packet]) -> Vec<u8> {
    let snap = u32::try_from(recording.bytes_per_packet).ok().filter(|bytes| *bytes > 0).unwrap_or(262_144);
    let limit = usize::try_from(recording.total_bytes).ok().filter(|bytes| *bytes > 0).unwrap_or(usize::MAX);
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4_u32.to_le_bytes());
    file.extend(2_u16.to_le_bytes());
    file.extend(4_u16.to_le_bytes());
    // Time zone and accuracy, which nobody fills in.
    file.extend([0; 8]);
    file.extend(snap.to_le_bytes());
    // LINKTYPE_ETHERNET
    file.extend(1_u32.to_le_bytes());
    for packet in packets {
        let kept = packet.bytes.len().min(snap as usize);
        if file.len() + 16 + kept > limit {
            break;
        }
        let at = recording.started.as_microsecond().max(0).unsigned_abs() + packet.at;
        let header = [at / 1_000_000, at % 1_000_000, kept as u64, packet.bytes.len() as u64];
        header.iter().for_each(|field| file.extend((*field as u32).to_le_bytes()));
        file.extend(&packet.bytes[..kept]);
    }
    file
}

struct Packet {
    /// Microseconds since the recording began.
    at: u64,
    bytes: Vec<u8>,
    ends: Ends,
}

struct Scene {
    machine: Ipv4Addr,
    /// Microseconds.
    length: u64,
    percent: u64,
    dice: u64,
    next_port: u16,
    packets: Vec<Packet>,
}

/// A TCP connection of the machine, as far as it has got.
struct Connection {
    local_port: u16,
    remote: (Ipv4Addr, u16),
    local_seq: u32,
    remote_seq: u32,
    /// Microseconds since the recording began.
    clock: u64,
    /// Microseconds for one way.
    way: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Flag {
    Syn,
    Ack,
    Data,
    Fin,
    Rst,
}

impl Scene {
    fn new(recording: &Recording) -> Scene {
        let length = recording.ended.as_microsecond().saturating_sub(recording.started.as_microsecond());
        Scene {
            machine: recording.machine,
            length: u64::try_from(length).unwrap_or_default(),
            percent: u64::from(recording.percent),
            dice: scramble(recording.seed),
            next_port: 49_152,
            packets: Vec::new(),
        }
    }

    /// HTTPS now and then, each after a DNS question.
    fn browse(&mut self) {
        let visits = self.some((self.length / 2_000_000).clamp(2, 90));
        for visit in 0..visits {
            let begins = self.length * visit / visits + self.roll(self.length / visits / 2 + 1);
            let (name, address) = SITES[self.roll(SITES.len() as u64) as usize];
            let answered = self.resolve(begins, name, address);
            self.fetch(answered, name, address);
        }
    }

    fn resolve(&mut self, at: u64, name: &str, address: Ipv4Addr) -> u64 {
        let (port, id) = (self.port(), self.roll(65_536) as u16);
        let mut question = dns_header(id, 0x0100, 0);
        question.extend(dns_question(name));
        let mut reply = dns_header(id, 0x8180, 1);
        reply.extend(dns_question(name));
        // A pointer to the question's name, A, IN, a minute to live, four bytes.
        reply.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        reply.extend(address.octets());
        let answered = at + self.way(1500);
        self.udp(at, port, (RESOLVER, 53), true, &question);
        self.udp(answered, port, (RESOLVER, 53), false, &reply);
        answered
    }

    fn fetch(&mut self, at: u64, name: &str, address: Ipv4Addr) {
        let mut connection = self.connection(at, (address, 443), 9_000);
        self.open(&mut connection);
        let hello = client_hello(name, &self.noise(32));
        self.say(&mut connection, true, &hello);
        let hello = server_hello(&self.noise(32));
        self.say(&mut connection, false, &hello);
        for turn in 0..2 + self.roll(3) {
            let request = self.application_data(180);
            self.say(&mut connection, true, &request);
            for _ in 0..1 + self.roll(3) {
                let part = self.application_data(900 + turn as usize * 100);
                self.say(&mut connection, false, &part);
            }
        }
        self.close(&mut connection);
    }

    /// A shell that was open before the recording began.
    fn administer(&mut self) {
        let keys = self.some((self.length / 400_000).clamp(4, 400));
        let mut connection = self.connection(0, (OPERATOR, 51_234), 14_000);
        connection.local_port = 22;
        for key in 0..keys {
            connection.clock = connection.clock.max(self.length * key / keys);
            let (typed, shown) = (self.noise(36), self.noise(36 + (key as usize % 5) * 40));
            self.say(&mut connection, false, &typed);
            self.say(&mut connection, true, &shown);
        }
    }

    /// The story: hundreds of connections to the database within seconds, some refused, some unanswered, some
    /// answered late.
    fn burst(&mut self) {
        let connections = self.some(280);
        let begins = self.length * 45 / 100;
        let lasts = (self.length / 5).min(10_000_000);
        for number in 0..connections {
            let at = begins + lasts * number / connections;
            let mut connection = self.connection(at, (DATABASE, 1433), 400);
            match number % 8 {
                0 | 4 => self.be_refused(&mut connection),
                6 => self.be_ignored(&mut connection),
                _ => self.insert_rows(&mut connection, number),
            }
        }
    }

    fn be_refused(&mut self, connection: &mut Connection) {
        for _ in 0..2 {
            self.tcp(connection, true, Flag::Syn, &[]);
            connection.clock += connection.way;
            // The refusal acknowledges the SYN, which is then sent again with the same number.
            connection.local_seq = connection.local_seq.wrapping_add(1);
            self.tcp(connection, false, Flag::Rst, &[]);
            connection.local_seq = connection.local_seq.wrapping_sub(1);
            connection.clock += self.way(500_000);
        }
    }

    fn be_ignored(&mut self, connection: &mut Connection) {
        for wait in [1_000_000, 2_000_000, 0] {
            self.tcp(connection, true, Flag::Syn, &[]);
            connection.clock += self.way(wait);
        }
    }

    fn insert_rows(&mut self, connection: &mut Connection, number: u64) {
        self.open(connection);
        for segment in 0..3 {
            let rows = self.noise(SEGMENT_BYTES);
            self.tcp(connection, true, Flag::Data, &rows);
            if number % 5 == segment {
                // Nobody acknowledges it, so it is sent again.
                connection.clock += self.way(200_000);
                self.tcp(connection, true, Flag::Data, &rows);
            }
            connection.local_seq = connection.local_seq.wrapping_add(rows.len() as u32);
            connection.clock += connection.way;
            self.tcp(connection, false, Flag::Ack, &[]);
        }
        if number % 6 == 1 {
            self.tcp(connection, false, Flag::Rst, &[]);
        } else {
            self.close(connection);
        }
    }

    fn open(&mut self, connection: &mut Connection) {
        self.tcp(connection, true, Flag::Syn, &[]);
        connection.local_seq = connection.local_seq.wrapping_add(1);
        connection.clock += connection.way;
        self.tcp(connection, false, Flag::Syn, &[]);
        connection.remote_seq = connection.remote_seq.wrapping_add(1);
        connection.clock += connection.way;
        self.tcp(connection, true, Flag::Ack, &[]);
    }

    fn say(&mut self, connection: &mut Connection, outward: bool, payload: &[u8]) {
        self.tcp(connection, outward, Flag::Data, payload);
        let said = if outward { &mut connection.local_seq } else { &mut connection.remote_seq };
        *said = said.wrapping_add(payload.len() as u32);
        connection.clock += connection.way;
        self.tcp(connection, !outward, Flag::Ack, &[]);
        connection.clock += connection.way;
    }

    fn close(&mut self, connection: &mut Connection) {
        self.tcp(connection, true, Flag::Fin, &[]);
        connection.local_seq = connection.local_seq.wrapping_add(1);
        connection.clock += connection.way;
        self.tcp(connection, false, Flag::Fin, &[]);
        connection.remote_seq = connection.remote_seq.wrapping_add(1);
        connection.clock += connection.way;
        self.tcp(connection, true, Flag::Ack, &[]);
    }

    fn connection(&mut self, at: u64, remote: (Ipv4Addr, u16), way: u64) -> Connection {
        Connection {
            local_port: self.port(),
            remote,
            local_seq: self.roll(1 << 32) as u32,
            remote_seq: self.roll(1 << 32) as u32,
            clock: at,
            way: self.way(way).max(1),
        }
    }

    fn tcp(&mut self, connection: &Connection, outward: bool, flag: Flag, payload: &[u8]) {
        let local = (self.machine, connection.local_port);
        let ends = Ends { transport: Transport::Tcp, local, remote: connection.remote };
        let (seq, ack) = match outward {
            true => (connection.local_seq, connection.remote_seq),
            false => (connection.remote_seq, connection.local_seq),
        };
        let (from, to, ports) = addresses(&ends, outward);
        let step = PacketBuilder::ethernet2(from.0, to.0).ipv4(from.1, to.1, 64).tcp(ports.0, ports.1, seq, 64_240);
        let step = match flag {
            Flag::Syn if outward => step.syn(),
            Flag::Syn => step.syn().ack(ack),
            Flag::Ack => step.ack(ack),
            Flag::Data => step.psh().ack(ack),
            Flag::Fin => step.fin().ack(ack),
            Flag::Rst => step.rst().ack(ack),
        };
        let mut bytes = Vec::with_capacity(step.size(payload.len()));
        if step.write(&mut bytes, payload).is_ok() {
            self.keep(connection.clock, bytes, ends);
        }
    }

    fn udp(&mut self, at: u64, local_port: u16, remote: (Ipv4Addr, u16), outward: bool, payload: &[u8]) {
        let ends = Ends { transport: Transport::Udp, local: (self.machine, local_port), remote };
        let (from, to, ports) = addresses(&ends, outward);
        let step = PacketBuilder::ethernet2(from.0, to.0).ipv4(from.1, to.1, 64).udp(ports.0, ports.1);
        let mut bytes = Vec::with_capacity(step.size(payload.len()));
        if step.write(&mut bytes, payload).is_ok() {
            self.keep(at, bytes, ends);
        }
    }

    /// Packets after the end were not recorded.
    fn keep(&mut self, at: u64, bytes: Vec<u8>, ends: Ends) {
        if at < self.length {
            self.packets.push(Packet { at, bytes, ends });
        }
    }

    /// So many, as the recording's volume has it.
    fn some(&self, usual: u64) -> u64 {
        (usual * self.percent / 100).max(1)
    }

    /// A time on the way, which shrinks in recordings that are too short for the story.
    fn way(&self, usual: u64) -> u64 {
        usual.min(self.length / 50)
    }

    fn port(&mut self) -> u16 {
        let port = self.next_port;
        self.next_port = if port == u16::MAX { 49_152 } else { port + 1 };
        port
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.dice = scramble(self.dice);
        self.dice % sides.max(1)
    }

    fn noise(&mut self, length: usize) -> Vec<u8> {
        let mut noise = Vec::with_capacity(length + 8);
        while noise.len() < length {
            let word = self.roll(u64::MAX);
            noise.extend(word.to_le_bytes());
        }
        noise.truncate(length);
        noise
    }

    /// A TLS record of encrypted data.
    fn application_data(&mut self, length: usize) -> Vec<u8> {
        let content = self.noise(length);
        with_length(&[23, 3, 3], 2, &content)
    }
}

type Host = ([u8; 6], [u8; 4]);

fn addresses(ends: &Ends, outward: bool) -> (Host, Host, (u16, u16)) {
    let machine = (MACHINE_MAC, ends.local.0.octets());
    let other = (GATEWAY_MAC, ends.remote.0.octets());
    if outward {
        (machine, other, (ends.local.1, ends.remote.1))
    } else {
        (other, machine, (ends.remote.1, ends.local.1))
    }
}

fn dns_header(id: u16, flags: u16, answers: u16) -> Vec<u8> {
    [id, flags, 1, answers, 0, 0].iter().flat_map(|field| field.to_be_bytes()).collect()
}

fn dns_question(name: &str) -> Vec<u8> {
    let mut question: Vec<u8> = Vec::new();
    for label in name.split('.') {
        question.push(label.len() as u8);
        question.extend(label.as_bytes());
    }
    // The root, A, IN.
    question.extend([0, 0, 1, 0, 1]);
    question
}

/// A TLS 1.3 ClientHello (RFC 8446, 4.1.2) that names its server (RFC 6066, 3).
fn client_hello(name: &str, random: &[u8]) -> Vec<u8> {
    let host = with_length(&[0], 2, name.as_bytes());
    let server_name = with_length(&[0, 0], 2, &with_length(&[], 2, &host));
    let versions = [0, 43, 0, 3, 2, 3, 4];
    let mut hello = vec![3, 3];
    hello.extend(random);
    hello.push(0);
    hello.extend(with_length(&[], 2, &[0x13, 0x01, 0x13, 0x02, 0xc0, 0x2f]));
    hello.extend([1, 0]);
    hello.extend(with_length(&[], 2, &[&server_name[..], &versions[..]].concat()));
    with_length(&[22, 3, 1], 2, &with_length(&[1], 3, &hello))
}

/// A TLS 1.3 ServerHello (RFC 8446, 4.1.3).
fn server_hello(random: &[u8]) -> Vec<u8> {
    let mut hello = vec![3, 3];
    hello.extend(random);
    hello.extend([0, 0x13, 0x01, 0]);
    hello.extend(with_length(&[], 2, &[0, 43, 0, 2, 3, 4]));
    with_length(&[22, 3, 3], 2, &with_length(&[2], 3, &hello))
}

/// A head, the content's length in so many bytes, and the content.
fn with_length(head: &[u8], width: usize, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u64).to_be_bytes();
    [head, &length[8 - width..], content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture_request::CaptureFilter;
    use etherparse::{NetSlice, SlicedPacket, TransportSlice};

    fn recording(seconds: i64) -> Recording {
        let started: Timestamp = "2026-11-20T02:00:00.25Z".parse().unwrap();
        Recording {
            started,
            ended: Timestamp::from_microsecond(started.as_microsecond() + seconds * 1_000_000).unwrap(),
            machine: Ipv4Addr::new(10, 0, 0, 4),
            bytes_per_packet: 0,
            total_bytes: 0,
            filters: Vec::new(),
            percent: 100,
            seed: 7,
        }
    }

    struct Record {
        at: u64,
        original: usize,
        bytes: Vec<u8>,
    }

    fn records(file: &[u8]) -> Vec<Record> {
        let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        assert_eq!(&file[..4], [0xd4, 0xc3, 0xb2, 0xa1], "little-endian, microseconds");
        assert_eq!((word(4), word(20)), (0x0004_0002, 1), "version 2.4, Ethernet");
        let (mut records, mut at) = (Vec::new(), 24);
        while at < file.len() {
            let kept = word(at + 8) as usize;
            assert!(word(at + 4) < 1_000_000);
            records.push(Record {
                at: u64::from(word(at)) * 1_000_000 + u64::from(word(at + 4)),
                original: word(at + 12) as usize,
                bytes: file[at + 16..at + 16 + kept].to_vec(),
            });
            at += 16 + kept;
        }
        records
    }

    #[test]
    fn every_packet_is_whole_has_right_checksums_and_lies_in_the_recording() {
        let recording = recording(60);
        let records = records(&record(&recording));
        let window = recording.started.as_microsecond() as u64..recording.ended.as_microsecond() as u64;
        assert!(records.is_sorted_by_key(|record| record.at));
        for record in &records {
            assert!(window.contains(&record.at));
            assert_eq!(record.bytes.len(), record.original);
            let packet = SlicedPacket::from_ethernet(&record.bytes).unwrap();
            let Some(NetSlice::Ipv4(ip)) = packet.net else { panic!("not IPv4") };
            let ip_header = ip.header().to_header();
            assert_eq!(ip_header.header_checksum, ip_header.calc_header_checksum());
            match packet.transport.unwrap() {
                TransportSlice::Tcp(tcp) => {
                    let sum = tcp.to_header().calc_checksum_ipv4(&ip_header, tcp.payload()).unwrap();
                    assert_eq!(sum, tcp.checksum());
                }
                TransportSlice::Udp(udp) => {
                    let sum = udp.to_header().calc_checksum_ipv4(&ip_header, udp.payload()).unwrap();
                    assert_eq!(sum, udp.checksum());
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_middle_shows_a_burst_with_refusals_and_repeats() {
        let recording = recording(60);
        let records = records(&record(&recording));
        let second = |record: &Record| (record.at - recording.started.as_microsecond() as u64) / 1_000_000;
        let sent = |from: u64, to: u64| {
            let in_time = records.iter().filter(|record| (from..to).contains(&second(record)));
            in_time.filter(|record| record.bytes[26..30] == [10, 0, 0, 4]).count()
        };
        assert!(sent(27, 37) > 5 * sent(10, 20), "{} against {}", sent(27, 37), sent(10, 20));
        let flags = |wanted: u8| records.iter().filter(|one| one.bytes[23] == 6 && one.bytes[47] & wanted != 0).count();
        assert!(flags(0x02) > 300 && flags(0x04) > 100, "SYN {} RST {}", flags(0x02), flags(0x04));
    }

    #[test]
    fn files_are_of_a_reasonable_size_and_repeatable() {
        for seconds in [1, 60, 18_000] {
            let file = record(&recording(seconds));
            assert!((400_000..3_000_000).contains(&file.len()), "{seconds} s: {}", file.len());
            assert_eq!(file, record(&recording(seconds)));
        }
        assert_eq!(record(&recording(0)).len(), 24, "nothing was captured in no time");
        assert_ne!(record(&recording(60)), record(&Recording { seed: 8, ..recording(60) }));
    }

    #[test]
    fn packets_are_cut_and_the_file_is_limited_as_asked() {
        let cut = record(&Recording { bytes_per_packet: 34, ..recording(60) });
        assert!(records(&cut).iter().all(|record| record.bytes.len() == 34 && record.original > 34));
        let limited = record(&Recording { total_bytes: 10_000, ..recording(60) });
        assert!((8_000..=10_000).contains(&limited.len()), "{}", limited.len());
        records(&limited);
    }

    #[test]
    fn only_what_a_filter_matches_is_kept() {
        let filter =
            CaptureFilter { protocol: Some("UDP".into()), remote_port: Some("53".into()), ..CaptureFilter::default() };
        let filters = vec![PacketFilter::read(&filter).unwrap()];
        let records = records(&record(&Recording { filters, ..recording(60) }));
        assert!(!records.is_empty() && records.iter().all(|record| record.bytes[23] == 17));
    }
}
