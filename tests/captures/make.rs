//! Makes packets and files.

use std::net::{IpAddr, SocketAddr};

use etherparse::{IpHeaders, IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header, PacketBuilder, TcpHeader};

/// Numbers that look like chance and are always the same.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number ("splitmix64").
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub fn byte(&mut self) -> u8 {
        self.next() as u8
    }
}

/// A capture file: pcap, little-endian, nanoseconds.
#[derive(Clone)]
pub struct File {
    bytes: Vec<u8>,
}

impl File {
    pub fn new(link_type: u32) -> Self {
        let mut bytes = Vec::new();
        bytes.extend(0xa1b2_3c4d_u32.to_le_bytes());
        bytes.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(65_535_u32.to_le_bytes());
        bytes.extend(link_type.to_le_bytes());
        Self { bytes }
    }

    pub fn ethernet() -> Self {
        Self::new(1)
    }

    /// Adds a packet at a time in milliseconds.
    pub fn at(&mut self, millis: u64, packet: &[u8]) -> &mut Self {
        self.cut_at(millis, packet, packet.len())
    }

    /// Adds a packet of which only so many bytes were kept.
    pub fn cut_at(&mut self, millis: u64, packet: &[u8], kept: usize) -> &mut Self {
        let head = [millis / 1000, millis % 1000 * 1_000_000, kept as u64, packet.len() as u64];
        head.iter().for_each(|field| self.bytes.extend((*field as u32).to_le_bytes()));
        self.bytes.extend(&packet[..kept]);
        self
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Flags of a TCP segment.
pub const SYN: &str = "S";
pub const SYN_ACK: &str = "SA";
pub const ACK: &str = "A";
pub const FIN: &str = "FA";
pub const RST: &str = "RA";

/// A TCP segment in IP and Ethernet.
pub struct Segment {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub flags: &'static str,
    pub seq: u32,
    pub ack: u32,
    pub window: u16,
    pub payload: Vec<u8>,
}

impl Segment {
    pub fn frame(&self) -> Vec<u8> {
        let mut header = TcpHeader::new(self.from.port(), self.to.port(), self.seq, self.window);
        header.acknowledgment_number = self.ack;
        header.syn = self.flags.contains('S');
        header.ack = self.flags.contains('A');
        header.fin = self.flags.contains('F');
        header.rst = self.flags.contains('R');
        let mut bytes = Vec::new();
        header.write(&mut bytes).unwrap();
        bytes.extend(&self.payload);
        ethernet(&ip(self.from.ip(), self.to.ip(), 6, &bytes))
    }
}

/// A TCP connection that goes as it should, unless told otherwise: client and server take turns.
pub struct Connection {
    pub client: SocketAddr,
    pub server: SocketAddr,
    pub client_seq: u32,
    pub server_seq: u32,
    pub window: u16,
}

impl Connection {
    pub fn new(client: &str, server: &str) -> Self {
        Self {
            client: client.parse().unwrap(),
            server: server.parse().unwrap(),
            client_seq: 1000,
            server_seq: u32::MAX - 100,
            window: 500,
        }
    }

    /// A segment of the client, which moves on by what is in it.
    pub fn client(&mut self, flags: &'static str, payload: &[u8]) -> Vec<u8> {
        let frame = self.client_again(flags, payload);
        self.client_seq = self.client_seq.wrapping_add(length(flags, payload));
        frame
    }

    /// The same, which does not.
    pub fn client_again(&self, flags: &'static str, payload: &[u8]) -> Vec<u8> {
        let (from, to) = (self.client, self.server);
        let ack = if flags == SYN { 0 } else { self.server_seq };
        Segment { from, to, flags, seq: self.client_seq, ack, window: self.window, payload: payload.to_vec() }.frame()
    }

    pub fn server(&mut self, flags: &'static str, payload: &[u8]) -> Vec<u8> {
        let frame = self.server_again(flags, payload);
        self.server_seq = self.server_seq.wrapping_add(length(flags, payload));
        frame
    }

    pub fn server_again(&self, flags: &'static str, payload: &[u8]) -> Vec<u8> {
        let (from, to) = (self.server, self.client);
        let (seq, ack) = (self.server_seq, self.client_seq);
        Segment { from, to, flags, seq, ack, window: self.window, payload: payload.to_vec() }.frame()
    }

    /// The handshake, with so many milliseconds for a way.
    pub fn open(&mut self, file: &mut File, millis: u64, way: u64) {
        let syn = self.client(SYN, b"");
        let syn_ack = self.server(SYN_ACK, b"");
        let ack = self.client(ACK, b"");
        file.at(millis, &syn).at(millis + way, &syn_ack).at(millis + 2 * way, &ack);
    }
}

fn length(flags: &str, payload: &[u8]) -> u32 {
    payload.len() as u32 + u32::from(flags.contains(['S', 'F']))
}

pub fn ethernet(packet: &[u8]) -> Vec<u8> {
    let ether_type = if packet[0] >> 4 == 4 { [8, 0] } else { [0x86, 0xdd] };
    [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2], &ether_type[..], packet].concat()
}

/// An IP packet of either version.
pub fn ip(from: IpAddr, to: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let length = payload.len() as u16;
            let header = Ipv4Header::new(length, 64, IpNumber(protocol), from.octets(), to.octets()).unwrap();
            IpHeaders::Ipv4(header, Default::default()).write(&mut bytes).unwrap();
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let header = Ipv6Header {
                traffic_class: 0,
                flow_label: Ipv6FlowLabel::ZERO,
                payload_length: payload.len() as u16,
                next_header: IpNumber(protocol),
                hop_limit: 64,
                source: from.octets(),
                destination: to.octets(),
            };
            header.write(&mut bytes).unwrap();
        }
        _ => panic!("addresses of two versions"),
    }
    bytes.extend(payload);
    bytes
}

/// A UDP datagram, header and all.
pub fn udp_payload(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let fields = [source, destination, payload.len() as u16 + 8, 0];
    [fields.iter().flat_map(|field| field.to_be_bytes()).collect(), payload.to_vec()].concat()
}

/// A UDP datagram in IP and Ethernet.
pub fn udp(from: &str, to: &str, payload: &[u8]) -> Vec<u8> {
    let (from, to): (SocketAddr, SocketAddr) = (from.parse().unwrap(), to.parse().unwrap());
    ethernet(&ip(from.ip(), to.ip(), 17, &udp_payload(from.port(), to.port(), payload)))
}

/// A DNS message with one question.
pub fn dns(id: u16, is_response: bool, code: u8, name: &str) -> Vec<u8> {
    let flags = if is_response { 0x8180 | u16::from(code) } else { 0x0100 };
    let mut message: Vec<u8> = [id, flags, 1, 0, 0, 0].iter().flat_map(|field| field.to_be_bytes()).collect();
    for label in name.split('.') {
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    message.extend([0, 0, 1, 0, 1]);
    message
}

fn with_length(width: usize, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u64).to_be_bytes();
    [&length[8 - width..], content].concat()
}

/// A ClientHello that names its server, with so many bytes of padding before the name.
pub fn client_hello(name: &[u8], padding: usize) -> Vec<u8> {
    let host = [vec![0], with_length(2, name)].concat();
    let server_name = [vec![0, 0], with_length(2, &with_length(2, &host))].concat();
    let pad = [vec![0, 21], with_length(2, &vec![0; padding])].concat();
    let extensions = with_length(2, &[pad, server_name].concat());
    let body = [vec![3, 3], vec![7; 32], vec![0], with_length(2, &[0x13, 1]), vec![1, 0], extensions].concat();
    record(22, &[vec![1], with_length(3, &body)].concat())
}

/// A ServerHello that chooses a version, by the extension when it is 1.3.
pub fn server_hello(version: u16) -> Vec<u8> {
    let chosen = [vec![0, 43, 0, 2], version.to_be_bytes().to_vec()].concat();
    let extensions = if version == 0x0304 { with_length(2, &chosen) } else { vec![] };
    let legacy = version.min(0x0303).to_be_bytes().to_vec();
    let body = [legacy, vec![9; 32], vec![0], vec![0x13, 1, 0], extensions].concat();
    record(22, &[vec![2], with_length(3, &body)].concat())
}

/// A TLS record.
pub fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    [vec![kind, 3, 3], with_length(2, content)].concat()
}

/// A little file of each kind of traffic.
pub fn one_of_each() -> Vec<(String, Vec<u8>)> {
    let mut web = File::ethernet();
    let mut connection = Connection::new("10.0.0.4:50000", "203.0.113.9:443");
    connection.open(&mut web, 0, 10);
    let hello = client_hello(b"www.contoso.example", 1500);
    let (begin, end) = hello.split_at(700);
    web.at(30, &connection.client(ACK, begin)).at(31, &connection.client(ACK, end));
    web.at(40, &connection.server(ACK, &server_hello(0x0304)));
    let mut plain = Connection::new("[2001:db8::1]:50001", "[2001:db8::2]:8080");
    plain.open(&mut web, 50, 1);
    web.at(60, &plain.client(ACK, b"GET / HTTP/1.1\r\nHost: contoso.example\r\n\r\n"));
    web.at(70, &plain.server(ACK, b"HTTP/1.1 404 Not Found\r\n\r\n"));
    web.at(71, &plain.server_again(ACK, b"HTTP/1.1 404 Not Found\r\n\r\n"));
    web.at(80, &plain.client(FIN, b"")).at(90, &plain.server(RST, b""));

    let mut names = File::ethernet();
    names.at(0, &udp("10.0.0.4:40000", "168.63.129.16:53", &dns(1, false, 0, "a.example")));
    names.at(20, &udp("168.63.129.16:53", "10.0.0.4:40000", &dns(1, true, 3, "a.example")));
    let error = [&[3, 4, 0, 0, 0, 0, 5, 0], &ip_of(&udp("10.0.0.4:9", "192.0.2.1:7", b"12345678"))[..]].concat();
    names.at(30, &ethernet(&ip("10.0.0.1".parse().unwrap(), "10.0.0.4".parse().unwrap(), 1, &error)));

    let inner = web_frame();
    let vxlan = [&[8, 0, 0, 0, 0, 0, 9, 0], &inner[..]].concat();
    let mut tunnels = File::ethernet();
    tunnels.at(0, &udp("10.0.0.4:1111", "10.0.0.5:4789", &vxlan));
    let gre = [&[0, 0, 0x65, 0x58], &inner[..]].concat();
    tunnels.at(1, &ethernet(&ip("10.0.0.4".parse().unwrap(), "10.0.0.5".parse().unwrap(), 47, &gre)));
    let files = [("web", web), ("names", names), ("tunnels", tunnels)];
    files.into_iter().map(|(name, file)| (name.to_owned(), file.bytes().to_vec())).collect()
}

/// An Ethernet frame with a bit of TCP in it.
pub fn web_frame() -> Vec<u8> {
    let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4([192, 168, 0, 1], [192, 168, 0, 2], 64);
    let builder = builder.tcp(1234, 80, 1, 100);
    let mut frame = Vec::new();
    builder.write(&mut frame, b"payload").unwrap();
    frame
}

/// The IP packet in a frame.
pub fn ip_of(frame: &[u8]) -> Vec<u8> {
    frame[14..].to_vec()
}
