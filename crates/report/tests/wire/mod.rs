//! Makes captures, packet by packet.

// Not every test needs all of it.
#![allow(dead_code)]

pub mod stories;

use etherparse::PacketBuilder;
use nightcap_report::{Analysis, Evidence, Finding, FindingKind, Moment, Report, Severity};

/// 2026-11-20T02:13:00Z.
pub const START: u64 = 1_795_140_780;

pub const SECOND: u64 = 1_000_000;
pub const MILLI: u64 = 1_000;

/// What `packet_bytes` is to be where headers are to be kept and nothing else.
pub const HEADERS: usize = 54;

pub const DATABASE: Host = Host([10, 0, 1, 9], 5432);
pub const SERVER: Host = Host([10, 0, 1, 4], 443);
pub const NAME_SERVER: Host = Host([168, 63, 129, 16], 53);

#[derive(Clone, Copy)]
pub struct Host(pub [u8; 4], pub u16);

pub fn client(number: u64) -> Host {
    Host([10, 0, 0, (number % 20 + 1) as u8], 20_000 + (number % 40_000) as u16)
}

/// A capture file that is being made. Times are in microseconds.
pub struct Wire(pub Vec<u8>);

/// A segment of TCP.
pub struct Segment<'a> {
    pub flags: &'a str,
    pub seq: u32,
    pub ack: u32,
    pub window: u16,
    pub payload: &'a [u8],
}

pub fn segment(flags: &str, seq: u32, ack: u32) -> Segment<'_> {
    Segment { flags, seq, ack, window: 8_000, payload: &[] }
}

impl Wire {
    pub fn new() -> Self {
        let mut bytes = 0xa1b2_3c4d_u32.to_le_bytes().to_vec();
        bytes.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(65_535_u32.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
        Self(bytes)
    }

    pub fn packet(&mut self, at: u64, packet: &[u8]) {
        self.long_packet(at, packet, packet.len() as u64);
    }

    /// A packet that had so many bytes on the wire.
    pub fn long_packet(&mut self, at: u64, packet: &[u8], length: u64) {
        for field in [START + at / SECOND, at % SECOND * 1_000, packet.len() as u64, length] {
            self.0.extend((field as u32).to_le_bytes());
        }
        self.0.extend(packet);
    }

    /// Each packet with the header that it has in the file.
    pub fn records(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.0[24..];
        std::iter::from_fn(move || {
            let length = 16 + u32::from_le_bytes(rest.get(8..12)?.try_into().unwrap()) as usize;
            let (record, others) = rest.split_at(length);
            rest = others;
            Some(record)
        })
    }

    /// The same with so many bytes kept of each packet.
    pub fn cut(&self, bytes: usize) -> Self {
        let mut wire = Self(self.0[..24].to_vec());
        for record in self.records() {
            let packet = &record[16..];
            let kept = packet.len().min(bytes);
            wire.0.extend([&record[..8], &(kept as u32).to_le_bytes(), &record[12..16], &packet[..kept]].concat());
        }
        wire
    }

    pub fn tcp(&mut self, at: u64, from: Host, to: Host, segment: &Segment<'_>) {
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

    pub fn data(&mut self, at: u64, from: Host, to: Host, (seq, ack): (u32, u32), payload: &[u8]) {
        self.tcp(at, from, to, &Segment { payload, ..segment("A", seq, ack) });
    }

    pub fn handshake(&mut self, at: u64, from: Host, to: Host) {
        self.tcp(at, from, to, &segment("S", 99, 0));
        self.tcp(at + MILLI, to, from, &segment("SA", 499, 100));
        self.tcp(at + 2 * MILLI, from, to, &segment("A", 100, 500));
    }

    /// A connection with a question and an answer of so many segments.
    pub fn exchange(&mut self, at: u64, from: Host, to: Host, segments: u32) {
        self.handshake(at, from, to);
        self.data(at + 3 * MILLI, from, to, (100, 500), &[1; 100]);
        for number in 0..segments {
            let later = at + 5 * MILLI + u64::from(number) * 100;
            self.data(later, to, from, (500 + number * 1_000, 200), &[2; 1_000]);
        }
        self.tcp(at + 400 * MILLI, from, to, &segment("FA", 200, 500 + segments * 1_000));
        self.tcp(at + 401 * MILLI, to, from, &segment("FA", 500 + segments * 1_000, 201));
    }

    pub fn udp(&mut self, at: u64, from: Host, to: Host, payload: &[u8]) {
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(from.0, to.0, 64).udp(from.1, to.1);
        let mut packet = Vec::new();
        builder.write(&mut packet, payload).unwrap();
        self.packet(at, &packet);
    }

    pub fn question(&mut self, at: u64, id: u16) {
        self.udp(at, client(id.into()), NAME_SERVER, &dns(id, 0x0100));
    }

    pub fn answer(&mut self, at: u64, id: u16, code: u16) {
        self.udp(at, NAME_SERVER, client(id.into()), &dns(id, 0x8180 | code));
    }

    /// The same packet once more, as a router passes it on.
    pub fn forward(&mut self, at: u64, packet: &[u8]) {
        let mut passed_on = packet.to_vec();
        passed_on[22] -= 1;
        self.packet(at, &passed_on);
    }

    /// A question and its answer about a name.
    pub fn lookup(&mut self, at: u64, id: u16, name: &str, code: u16) {
        self.udp(at, client(id.into()), NAME_SERVER, &dns_about(id, 0x0100, name));
        self.udp(at + MILLI, NAME_SERVER, client(id.into()), &dns_about(id, 0x8180 | code, name));
    }

    /// Both sides end it.
    pub fn close(&mut self, at: u64, from: Host, to: Host, (seq, ack): (u32, u32)) {
        self.tcp(at, from, to, &segment("FA", seq, ack));
        self.tcp(at + MILLI, to, from, &segment("FA", ack, seq + 1));
    }

    /// A router says that a packet to a host is too big for the next link, which takes 1,400 bytes.
    pub fn too_big(&mut self, at: u64, about: Host) {
        let mut quoted = Vec::new();
        PacketBuilder::ipv4(SERVER.0, about.0, 60).tcp(SERVER.1, about.1, 1, 1).write(&mut quoted, &[0; 8]).unwrap();
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4([10, 0, 1, 1], SERVER.0, 64);
        let builder = builder.icmpv4_raw(3, 4, [0, 0, 0x05, 0x78]);
        let mut packet = Vec::new();
        builder.write(&mut packet, &quoted).unwrap();
        self.packet(at, &packet);
    }

    /// A ping, and its answer if there is one.
    pub fn ping(&mut self, at: u64, number: u16, is_answered: bool) {
        let ethernet = || PacketBuilder::ethernet2([2; 6], [4; 6]);
        let request = ethernet().ipv4(SERVER.0, DATABASE.0, 64).icmpv4_echo_request(7, number);
        let mut packet = Vec::new();
        request.write(&mut packet, &[7; 56]).unwrap();
        self.packet(at, &packet);
        if is_answered {
            let reply = ethernet().ipv4(DATABASE.0, SERVER.0, 64).icmpv4_echo_reply(7, number);
            let mut packet = Vec::new();
            reply.write(&mut packet, &[7; 56]).unwrap();
            self.packet(at + MILLI, &packet);
        }
    }

    /// Half a minute in which all is as it should be: connections, names and a few things that are lost.
    pub fn ordinary() -> Self {
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

    pub fn report(&self) -> Report {
        let mut analysis = Analysis::default();
        analysis.push(&self.0);
        let report = analysis.finish();
        assert_eq!(report.file.fault, None);
        report
    }

    pub fn kinds(&self) -> Vec<FindingKind> {
        self.report().findings.iter().map(|finding| finding.kind).collect()
    }

    /// Whether nothing is found that anybody would be woken for.
    pub fn is_quiet(&self) -> bool {
        self.report().findings.iter().all(|finding| finding.severity == Severity::Info)
    }

    /// Whether a sentence of what looked normal begins so.
    pub fn praises(&self, beginning: &str) -> bool {
        self.report().normal.iter().any(|sentence| sentence.starts_with(beginning))
    }

    /// The finding of this kind, which has to be the first one.
    pub fn first(&self, kind: FindingKind) -> Finding {
        let report = self.report();
        let first = report.findings.first().cloned();
        let first = first.unwrap_or_else(|| panic!("nothing found, normal is {:?}", report.normal));
        assert_eq!(first.kind, kind, "{:#?}", report.findings);
        assert_eq!(first.filter.is_some(), kind != FindingKind::NothingCaptured, "{first:#?}");
        assert!(first.next_step.ends_with('.'), "{first:#?}");
        first
    }
}

pub fn dns(id: u16, flags: u16) -> Vec<u8> {
    let mut message = Vec::new();
    [id, flags, 1, 0, 0, 0].iter().for_each(|field| message.extend(field.to_be_bytes()));
    message.extend(b"\x04shop\x07example\0\0\x01\0\x01");
    message
}

/// The same about another name.
pub fn dns_about(id: u16, flags: u16, name: &str) -> Vec<u8> {
    let mut message = dns(id, flags)[..12].to_vec();
    for label in name.split('.') {
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    message.extend([0, 0, 1, 0, 1]);
    message
}

/// A ServerHello of TLS 1.2 without extensions, which does not matter here.
pub fn server_hello() -> Vec<u8> {
    let body = [&[3, 3][..], &[9; 32], &[0, 0x13, 1, 0]].concat();
    tls_record(22, &[&[2, 0, 0, body.len() as u8][..], &body].concat())
}

pub fn tls_record(kind: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = (content.len() as u16).to_be_bytes();
    [&[kind, 3, 3, high, low][..], content].concat()
}

/// A ClientHello without extensions (RFC 8446, 4.1.2).
pub fn client_hello() -> Vec<u8> {
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
    let length = hello.len() as u8;
    let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(hello);
    record
}

/// The same with the name of the server that is asked for (RFC 6066, 3).
pub fn client_hello_for(name: &str) -> Vec<u8> {
    let list = [&[0][..], &(name.len() as u16).to_be_bytes(), name.as_bytes()].concat();
    let list = [&(list.len() as u16).to_be_bytes()[..], &list].concat();
    let extensions = [&[0, 0][..], &(list.len() as u16).to_be_bytes(), &list].concat();
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    let length = hello.len() as u16;
    let mut record = vec![22, 3, 1];
    record.extend((length + 4).to_be_bytes());
    record.extend([1, 0]);
    record.extend(length.to_be_bytes());
    record.extend(hello);
    record
}

pub fn counts<const N: usize>(finding: &Finding, names: [&str; N]) -> [u64; N] {
    names.map(|name| match finding.evidence.get(name) {
        Some(Evidence::Count(count)) => *count,
        other => panic!("{name} is {other:?} in {finding:#?}"),
    })
}

/// From when to when, counted from the file's beginning.
pub fn during(finding: &Finding) -> (u64, u64) {
    let since = |moment: Option<Moment>| moment.unwrap().0 as u64 / 1_000 - START * SECOND;
    (since(finding.from), since(finding.to))
}

pub fn text(finding: &Finding, name: &str) -> String {
    match finding.evidence.get(name) {
        Some(Evidence::Text(text)) => text.clone(),
        other => panic!("{name} is {other:?} in {finding:#?}"),
    }
}
