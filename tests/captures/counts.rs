//! What a report says of files that are made here.

use std::net::IpAddr;

use nightcap::report::{Analysis, Report};

use crate::make::{
    ACK, Connection, FIN, File, RST, SYN, SYN_ACK, client_hello, dns, ethernet, ip, ip_of, record, server_hello, udp,
    udp_payload, web_frame,
};
use crate::read;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn one(link_type: u32, packet: &[u8]) -> Report {
    read(File::new(link_type).at(0, packet).bytes())
}

// ---------------------------------------------------------------------------------------------------------------------
// Layers
// ---------------------------------------------------------------------------------------------------------------------

/// Every way to carry one and the same TCP segment must come to the same conversation.
#[test]
fn every_link_type_and_tunnel_is_looked_into() {
    let frame = web_frame();
    let packet = ip_of(&frame);
    let tagged = |tags: &[u8]| [&frame[..12], tags, &frame[12..]].concat();
    let (from, to) = (address("10.9.0.1"), address("10.9.0.2"));
    let (from6, to6) = (address("fd00::1"), address("fd00::2"));
    let sll = |protocol: [u8; 2]| [&[0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0], &protocol[..], &packet].concat();
    let sll2 = [&[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0], &packet[..]].concat();
    let gre = |head: &[u8], inner: &[u8]| ethernet(&ip(from, to, 47, &[head, inner].concat()));
    let vxlan = [&[8, 0, 0, 0, 0, 0, 9, 0], &frame[..]].concat();
    let geneve = |head: &[u8], inner: &[u8]| udp("10.9.0.1:5000", "10.9.0.2:6081", &[head, inner].concat());
    let nested =
        udp("10.9.0.1:5000", "10.9.0.2:4789", &[&[8, 0, 0, 0, 0, 0, 9, 0], &gre(&[0, 0, 8, 0], &packet)[..]].concat());
    let cases: Vec<(&str, u32, Vec<u8>)> = vec![
        ("Ethernet", 1, frame.clone()),
        ("VLAN", 1, tagged(&[0x81, 0, 0, 5])),
        ("QinQ", 1, tagged(&[0x88, 0xa8, 0, 7, 0x81, 0, 0, 5])),
        ("raw", 101, packet.clone()),
        ("raw, BSD", 12, packet.clone()),
        ("raw, OpenBSD", 14, packet.clone()),
        ("IPv4", 228, packet.clone()),
        ("Linux cooked", 113, sll([8, 0])),
        ("Linux cooked 2", 276, sll2),
        ("null, little-endian", 0, [&[2, 0, 0, 0], &packet[..]].concat()),
        ("null, big-endian", 0, [&[0, 0, 0, 2], &packet[..]].concat()),
        ("loop", 108, [&[0, 0, 0, 2], &packet[..]].concat()),
        ("VXLAN", 1, udp("10.9.0.1:5000", "10.9.0.2:4789", &vxlan)),
        ("VXLAN on Linux", 1, udp("10.9.0.1:5000", "10.9.0.2:8472", &vxlan)),
        ("VXLAN on Azure", 1, udp("10.9.0.1:5000", "10.9.0.2:10801", &vxlan)),
        (
            "VXLAN on Azure with VLAN",
            1,
            udp("10.9.0.1:5000", "10.9.0.2:65330", &[&vxlan[..8], &tagged(&[0x81, 0, 0, 5])].concat()),
        ),
        ("Geneve with Ethernet", 1, geneve(&[0, 0, 0x65, 0x58, 0, 0, 1, 0], &frame)),
        ("Geneve with IPv4 and options", 1, geneve(&[1, 0, 8, 0, 0, 0, 1, 0, 9, 9, 9, 9], &packet)),
        ("GRE", 1, gre(&[0, 0, 8, 0], &packet)),
        ("GRE with key and number", 1, gre(&[0x30, 0, 8, 0, 0, 0, 0, 1, 0, 0, 0, 2], &packet)),
        ("GRE with Ethernet", 1, gre(&[0, 0, 0x65, 0x58], &frame)),
        ("NVGRE", 1, gre(&[0x20, 0, 0x65, 0x58, 0, 0x17, 0x70, 9], &frame)),
        ("IPv4 in IPv4", 1, ethernet(&ip(from, to, 4, &packet))),
        ("IPv4 in IPv6", 1, ethernet(&ip(from6, to6, 4, &packet))),
        ("GRE in VXLAN", 1, nested),
    ];
    for (name, link_type, packet) in cases {
        let report = one(link_type, &packet);
        let talk = &report.conversations.by_bytes;
        assert_eq!(talk.len(), 1, "{name}");
        let ends = (talk[0].source, talk[0].source_port, talk[0].destination, talk[0].destination_port);
        assert_eq!(ends, (address("192.168.0.1"), 1234, address("192.168.0.2"), 80), "{name}");
        assert_eq!(
            (report.tcp.segments, report.protocols.inner.tcp, talk[0].bytes),
            (1, 1, packet.len() as u64),
            "{name}"
        );
        let has_tunnel = ["VXLAN", "Geneve", "GRE", " in "].iter().any(|tunnel| name.contains(tunnel));
        let endpoint = report.endpoints.by_bytes[0].address;
        assert_eq!(endpoint != address("192.168.0.1"), has_tunnel, "{name}: {endpoint}");
        assert_eq!(report.protocols.outer.tcp, u64::from(!has_tunnel), "{name}");
    }
}

/// Each byte that VXLAN must have there is one without which it is not looked for on a port that is not its own.
#[test]
fn what_is_not_surely_vxlan_is_none_on_other_ports() {
    let vxlan = [&[8, 0, 0, 0, 0, 0, 9, 0], &web_frame()[..]].concat();
    let tunnelled = |port: u16, payload: &[u8]| {
        one(1, &udp("10.9.0.1:5000", &format!("10.9.0.2:{port}"), payload)).protocols.layers.vxlan
    };
    assert_eq!(tunnelled(10_800, &vxlan), 1);
    for place in [0, 1, 2, 3, 7, 20, 21, 22] {
        let mut bent = vxlan.clone();
        bent[place] ^= 0x40;
        assert_eq!(tunnelled(10_800, &bent), 0, "{place}");
    }
    let mut reserved = vxlan.clone();
    reserved[3] = 1;
    assert_eq!((tunnelled(10_800, &reserved), tunnelled(4_789, &reserved)), (0, 1), "its own port is enough");
}

#[test]
fn layers_are_counted() {
    let frame = web_frame();
    let mut file = File::ethernet();
    file.at(0, &[&frame[..12], &[0x88, 0xa8, 0, 7, 0x81, 0, 0, 5], &frame[12..]].concat());
    file.at(1, &udp("10.9.0.1:5000", "10.9.0.2:4789", &[&[8, 0, 0, 0, 0, 0, 9, 0], &frame[..]].concat()));
    file.at(2, &udp("10.9.0.1:5000", "10.9.0.2:4789", b"a datagram"));
    let arp = |operation: u8, sender: [u8; 4], target: [u8; 4]| {
        let head = [&[0xff; 6][..], &[2; 6], &[8, 6, 0, 1, 8, 0, 6, 4, 0, operation]].concat();
        [&head[..], &[2; 6], &sender, &[0; 6], &target].concat()
    };
    file.at(3, &arp(1, [10, 0, 0, 1], [10, 0, 0, 2])).at(4, &arp(2, [10, 0, 0, 2], [10, 0, 0, 1]));
    file.at(5, &arp(1, [10, 0, 0, 3], [10, 0, 0, 3]));
    // ARP of other networks has its addresses elsewhere.
    file.at(6, &[&[0xff; 12][..], &[8, 6, 0, 32, 8, 0, 20, 4, 0, 1], &[0; 48]].concat());
    file.at(7, &[&[0xff; 12][..], &[8, 6, 0, 1]].concat());
    let protocols = read(file.bytes()).protocols;
    let (outer, inner, layers, heard) = (protocols.outer, protocols.inner, protocols.layers, protocols.arp);
    assert_eq!((outer.tcp, outer.udp, outer.arp), (1, 2, 5));
    assert_eq!((inner.tcp, inner.udp, inner.arp), (2, 1, 5));
    assert_eq!((layers.vlan, layers.vxlan, layers.ipv4, layers.gre), (1, 1, 3, 0));
    assert_eq!(protocols.vlans.into_iter().collect::<Vec<_>>(), [(5, 1), (7, 1)]);
    assert_eq!((heard.requests, heard.replies, heard.announcements), (3, 1, 1));
}

#[test]
fn a_packet_counts_once_for_an_address_that_talks_to_itself() {
    let report = one(1, &udp("10.0.0.4:1", "10.0.0.4:2", b"x"));
    let endpoint = &report.endpoints.by_bytes[0];
    assert_eq!((report.endpoints.count, endpoint.packets, endpoint.packets_sent), (1, 1, 1));
}

#[test]
fn other_link_types_are_counted_and_told() {
    let report = one(127, b"wireless");
    assert_eq!((report.packets.count, report.packets.not_read, report.packets.bytes), (1, 1, 8));
    assert_eq!(
        (report.file.link_types[0].number, report.file.link_types[0].name.as_str()),
        (127, "ieee802.11-radiotap")
    );
    assert_eq!(report.series.packets, [1]);
}

#[test]
fn the_first_fragment_tells_the_transport_and_its_question() {
    let datagram = udp_payload(40_000, 53, &[dns(1, false, 0, "a.example"), vec![0; 100]].concat());
    let (from, to) = (address("10.0.0.4"), address("10.0.0.5"));
    let mut first = ip(from, to, 17, &datagram[..64]);
    first[6] = 0x20;
    let mut later = ip(from, to, 17, &datagram[64..]);
    later[7] = 8;
    let (from6, to6) = (address("fd00::1"), address("fd00::2"));
    let first6 = ip(from6, to6, 44, &[&[17, 0, 0, 1, 0, 0, 0, 9], &datagram[..64]].concat());
    let later6 = ip(from6, to6, 44, &[&[17, 0, 0, 64, 0, 0, 0, 9], &datagram[64..]].concat());
    let atomic6 = ip(from6, to6, 44, &[&[17, 0, 0, 0, 0, 0, 0, 9], &datagram[..]].concat());
    let mut file = File::ethernet();
    [first, later, first6, later6, atomic6].iter().for_each(|packet| {
        file.at(0, &ethernet(packet));
    });
    let report = read(file.bytes());
    assert_eq!((report.protocols.outer.udp, report.protocols.outer.other), (3, 2));
    assert_eq!((report.protocols.layers.ipv4_fragments, report.protocols.layers.ipv6_fragments), (2, 2));
    assert_eq!((report.dns.queries, report.dns.malformed), (3, 0));
}

#[test]
fn extension_headers_that_were_cut_are_read_to_the_cut() {
    let (from, to) = (address("fd00::1"), address("fd00::2"));
    let options = |next: u8| [next, 0, 1, 4, 0, 0, 0, 0];
    let mut file = File::ethernet();
    // Options, and options again, of which only a bit was kept, and which are 2048 bytes by their own word.
    for kept in 0..8 {
        let cut = &[17, 255, 0, 0, 0, 0, 0, 0][..kept];
        let fragment = [60, 0, 0, 64, 0, 0, 0, 9];
        file.at(0, &ethernet(&ip(from, to, 60, &[&options(60), cut].concat())));
        file.at(0, &ethernet(&ip(from, to, 60, &[&options(44), &fragment, cut].concat())));
    }
    let report = read(file.bytes());
    assert_eq!((report.packets.count, report.protocols.layers.ipv6_fragments), (16, 8));
}

#[test]
fn packets_that_are_cut_count_with_what_was_on_the_wire() {
    let mut file = File::ethernet();
    let mut connection = Connection::new("10.0.0.4:50000", "10.0.0.5:80");
    connection.open(&mut file, 0, 1);
    for at in [10, 20, 30] {
        file.cut_at(at, &connection.client(ACK, &[7; 1000]), 54);
    }
    let report = read(file.bytes());
    assert_eq!((report.packets.cut, report.packets.captured_bytes), (3, 6 * 54));
    assert_eq!(report.packets.bytes, 6 * 54 + 3000);
    assert_eq!((report.tcp.retransmissions, report.tcp.lost_segments), (0, 0));
}

/// A machine hands large segments to its network card without a length in the header of IP, also in a tunnel.
#[test]
fn segments_without_a_length_have_that_of_the_record() {
    let ends = [("10.0.0.4:50000", "10.0.0.5:80"), ("[fd00::4]:50000", "[fd00::5]:80")];
    for (ends, is_tunnelled) in ends.into_iter().flat_map(|ends| [(ends, false), (ends, true)]) {
        let mut file = File::ethernet();
        let mut connection = Connection::new(ends.0, ends.1);
        let wrapped = |frame: &[u8]| match is_tunnelled {
            true => udp("10.9.0.1:5000", "10.9.0.2:4789", &[&[8, 0, 0, 0, 0, 0, 9, 0], frame].concat()),
            false => frame.to_vec(),
        };
        for (at, flags) in [(0, SYN), (1, SYN_ACK), (2, ACK)] {
            let frame = if flags == SYN_ACK { connection.server(flags, b"") } else { connection.client(flags, b"") };
            file.at(at, &wrapped(&frame));
        }
        for at in 10..20 {
            let mut frame = connection.client(ACK, &[7; 20_000]);
            let length_at = if ends.0.starts_with('[') { 18 } else { 16 };
            frame[length_at..length_at + 2].fill(0);
            file.cut_at(at, &wrapped(&frame), 128);
        }
        let tcp = read(file.bytes()).tcp;
        let counts = (tcp.segments, tcp.delivered.segments, tcp.lost_segments, tcp.retransmissions);
        assert_eq!(counts, (13, 10, 0, 0), "{ends:?} {is_tunnelled}");
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// TCP
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn connections_are_counted_by_how_they_begin() {
    let mut file = File::ethernet();
    let mut answered = Connection::new("10.0.0.4:1001", "10.0.0.5:80");
    answered.open(&mut file, 0, 20);
    answered.server_seq = answered.server_seq.wrapping_sub(1);
    file.at(50, &answered.server(SYN_ACK, b"")).at(70, &answered.client(ACK, b""));
    let mut refused = Connection::new("10.0.0.4:1002", "10.0.0.5:81");
    file.at(100, &refused.client_again(SYN, b"")).at(101, &refused.server(RST, b""));
    file.at(600, &refused.client(SYN, b"")).at(601, &refused.server(RST, b""));
    let ignored = Connection::new("10.0.0.4:1003", "10.0.0.5:82");
    file.at(200, &ignored.client_again(SYN, b""));
    let insistent = Connection::new("10.0.0.4:1004", "10.0.0.5:82");
    file.at(4000, &insistent.client_again(SYN, b"")).at(4900, &insistent.client_again(SYN, b""));
    let one_way = &mut Connection::new("10.0.0.4:1005", "10.0.0.5:80");
    file.at(4910, &one_way.client(SYN, b"")).at(4920, &one_way.client(ACK, b"data"));
    let old = &mut Connection::new("10.0.0.4:1006", "10.0.0.5:80");
    file.at(4930, &old.server(ACK, b"data"));
    let last = Connection::new("10.0.0.4:1007", "10.0.0.5:82");
    file.at(5000, &last.client_again(SYN, b""));
    let report = read(file.bytes());
    let begun = report.tcp.connections;
    assert_eq!((begun.answered, begun.refused, begun.unanswered, begun.pending, begun.under_way), (2, 1, 2, 1, 1));
    assert_eq!((report.tcp.handshake.count, report.tcp.handshake.max_seconds), (1, 0.04));
    let service = |port: u16| report.tcp.services.by_packets.iter().find(|one| one.port == port).unwrap();
    assert_eq!((service(80).connections.answered, service(80).connections.under_way), (2, 1));
    assert_eq!((service(81).connections.refused, service(81).resets_from), (1, 2));
    assert_eq!((service(82).connections.unanswered, service(82).connections.pending), (2, 1));
}

#[test]
fn ports_that_are_used_again_make_another_connection() {
    let mut file = File::ethernet();
    let mut first = Connection::new("10.0.0.4:1001", "10.0.0.5:80");
    first.open(&mut file, 0, 1);
    file.at(10, &first.client(FIN, b"")).at(11, &first.server(FIN, b""));
    let mut second = Connection { client_seq: 77, server_seq: 88, ..Connection::new("10.0.0.4:1001", "10.0.0.5:80") };
    second.open(&mut file, 20, 1);
    let report = read(file.bytes());
    assert_eq!((report.tcp.connections.answered, report.tcp.retransmissions), (2, 0));
    assert_eq!((report.conversations.count, report.conversations.by_bytes[0].packets), (1, 8));
    assert_eq!((report.tcp.services.by_bytes[0].connections.answered, report.ports.by_bytes[0].conversations), (2, 2));
}

/// What is judged of the segments behind a handshake of 20 ms, as Wireshark judges it.
#[test]
fn segments_are_judged_as_wireshark_judges_them() {
    type Play = fn(&mut File, &mut Connection);
    /// Retransmissions, fast and spurious ones of them, out of order, duplicate ACKs, lost, zero windows, keep-alives.
    type Marks = [u64; 8];
    let cases: &[(&str, Play, Marks)] = &[
        ("nothing", |_, _| {}, [0; 8]),
        (
            "a timeout",
            |file, one| {
                file.at(100, &one.client_again(ACK, b"data")).at(300, &one.client(ACK, b"data"));
            },
            [1, 0, 0, 0, 0, 0, 0, 0],
        ),
        (
            "twice at once",
            |file, one| {
                file.at(100, &one.client_again(ACK, b"data")).at(100, &one.client(ACK, b"data"));
            },
            [1, 0, 0, 0, 0, 0, 0, 0],
        ),
        (
            "already acknowledged",
            |file, one| {
                let data = one.client_again(ACK, b"data");
                file.at(100, &data);
                one.client(ACK, b"data");
                file.at(110, &one.server(ACK, b"")).at(111, &data);
            },
            [1, 0, 1, 0, 0, 0, 0, 0],
        ),
        (
            "overtaken",
            |file, one| {
                let (first, second, third) = (one.client(ACK, b"1"), one.client(ACK, b"22"), one.client(ACK, b"3"));
                file.at(100, &first).at(101, &third).at(105, &second);
            },
            [0, 0, 0, 1, 0, 1, 0, 0],
        ),
        (
            "too late for that",
            |file, one| {
                let (first, second, third) = (one.client(ACK, b"1"), one.client(ACK, b"22"), one.client(ACK, b"3"));
                file.at(100, &first).at(101, &third).at(151, &second);
            },
            [1, 0, 0, 0, 0, 1, 0, 0],
        ),
        (
            "fast",
            |file, one| {
                let (first, second) = (one.client(ACK, b"1"), one.client_again(ACK, b"2222"));
                one.client_seq += 4;
                let third = one.client(ACK, b"3");
                file.at(100, &first);
                one.client_seq -= 5;
                let ack = one.server_again(ACK, b"");
                file.at(101, &third).at(120, &ack).at(121, &ack).at(122, &ack).at(125, &second);
            },
            [1, 1, 0, 0, 2, 1, 0, 0],
        ),
        (
            "keep-alive and its answer",
            |file, one| {
                file.at(100, &one.client(ACK, b"data")).at(110, &one.server(ACK, b""));
                one.client_seq -= 1;
                file.at(200, &one.client(ACK, b"x")).at(201, &one.server(ACK, b""));
            },
            [0, 0, 0, 0, 0, 0, 0, 1],
        ),
        (
            "a closed window, a probe, and its answer",
            |file, one| {
                one.window = 0;
                file.at(100, &one.server(ACK, b""));
                one.window = 500;
                file.at(200, &one.client_again(ACK, b"x"));
                one.window = 0;
                file.at(201, &one.server(ACK, b""));
                one.window = 500;
                file.at(300, &one.client(ACK, b"xy"));
            },
            [0, 0, 0, 0, 0, 0, 2, 0],
        ),
        (
            "a byte, and the same with what follows it",
            |file, one| {
                file.at(100, &one.client_again(ACK, b"x")).at(300, &one.client(ACK, b"xy"));
            },
            [0; 8],
        ),
        (
            "overtaken by an acknowledgement",
            |file, one| {
                let data = one.client(ACK, b"data");
                file.at(100, &one.client(ACK, b"")).at(101, &data);
            },
            [0, 0, 0, 1, 0, 1, 0, 0],
        ),
        (
            "FIN twice",
            |file, one| {
                file.at(100, &one.client_again(FIN, b"")).at(500, &one.client(FIN, b""));
            },
            [1, 0, 0, 0, 0, 0, 0, 0],
        ),
        (
            "sequence numbers that begin again",
            |file, one| {
                file.at(100, &one.server(ACK, &[1; 1000])).at(101, &one.server(ACK, &[1; 1000]));
            },
            [0; 8],
        ),
    ];
    for (name, play, expected) in cases {
        let mut file = File::ethernet();
        let mut connection = Connection::new("10.0.0.4:1001", "10.0.0.5:80");
        connection.open(&mut file, 0, 10);
        play(&mut file, &mut connection);
        let tcp = read(file.bytes()).tcp;
        let marks = [
            tcp.retransmissions,
            tcp.fast_retransmissions,
            tcp.spurious_retransmissions,
            tcp.out_of_order,
            tcp.duplicate_acks,
            tcp.lost_segments,
            tcp.zero_windows,
            tcp.keep_alives,
        ];
        assert_eq!(marks, *expected, "{name}");
        let talk = &read(file.bytes()).conversations.by_bytes[0];
        assert_eq!((talk.retransmissions, talk.zero_windows), (expected[0], expected[6]), "{name}");
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// DNS, TLS, HTTP, ICMP
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn questions_are_matched_with_their_answers() {
    const CLIENT: &str = "10.0.0.4:40000";
    const SERVER: &str = "10.0.0.5:53";
    let mut file = File::ethernet();
    let mut ask = |at, id, name| {
        file.at(at, &udp(CLIENT, SERVER, &dns(id, false, 0, name)));
    };
    ask(0, 1, "Good.example");
    ask(10, 2, "bad.example");
    ask(20, 3, "slow.example");
    ask(30, 4, "silent.example");
    ask(1030, 4, "silent.example");
    let mut answer = |at, id, code, name| {
        file.at(at, &udp(SERVER, CLIENT, &dns(id, true, code, name)));
    };
    answer(15, 1, 0, "good.example");
    answer(20, 2, 2, "bad.example");
    answer(1100, 3, 3, "slow.example");
    answer(1200, 9, 0, "nobody.asked");
    file.at(5900, &udp(CLIENT, SERVER, &dns(5, false, 0, "late.example")));
    file.at(6000, &udp(CLIENT, SERVER, b"nonsense"));
    // The capture has not ended before it began, whatever the order of its packets.
    file.at(100, &web_frame());
    let dns = read(file.bytes()).dns;
    assert_eq!((dns.queries, dns.repeated, dns.responses, dns.malformed), (6, 1, 4, 1));
    assert_eq!((dns.slow, dns.unanswered, dns.pending), (1, 1, 1));
    assert_eq!((dns.answered.count, dns.answered.max_seconds), (3, 1.08));
    let codes: Vec<(&str, u64)> = dns.codes.iter().map(|(code, count)| (code.as_str(), *count)).collect();
    assert_eq!(codes, [("NOERROR", 2), ("NXDOMAIN", 1), ("SERVFAIL", 1)]);
    let name = |name: &str| {
        let one = dns.names.names.iter().find(|one| one.name == name).unwrap();
        (one.queries, one.failed, one.unanswered)
    };
    assert_eq!((name("good.example"), name("bad.example")), ((1, 0, 0), (1, 1, 0)));
    assert_eq!((name("silent.example"), name("late.example")), ((2, 0, 1), (1, 0, 0)));
    let server = &dns.servers.by_packets[0];
    assert_eq!((server.address, server.queries, server.failed), (address("10.0.0.5"), 6, 1));
    assert_eq!((server.slow, server.unanswered), (1, 1));
}

#[test]
fn dns_over_tcp_is_read_whatever_the_segments() {
    let query = dns(1, false, 0, "a.example");
    let two = [&[0, query.len() as u8], &query[..], &[0, query.len() as u8], &query].concat();
    for size in [1, 2, 3, 10, two.len()] {
        let mut file = File::ethernet();
        let mut connection = Connection::new("10.0.0.4:1001", "10.0.0.5:53");
        connection.open(&mut file, 0, 1);
        for (number, part) in two.chunks(size).enumerate() {
            file.at(10 + number as u64, &connection.client(ACK, part));
        }
        assert_eq!(read(file.bytes()).dns.queries, 2, "{size}");
    }
}

#[test]
fn names_from_the_wire_are_short_single_lines() {
    let mut file = File::ethernet();
    let mut connection = Connection::new("10.0.0.4:1001", "10.0.0.5:443");
    connection.open(&mut file, 0, 1);
    let hostile = [b"\x1b[2Jevil\r\n\xe2\x80\xae<script>".to_vec(), vec![b'x'; 900]].concat();
    file.at(10, &connection.client(ACK, &client_hello(&hostile, 0)));
    let mut connection = Connection::new("10.0.0.4:1002", "10.0.0.5:80");
    connection.open(&mut file, 20, 1);
    let request = [&b"GET / HTTP/1.1\r\nHost: \xff\xfe"[..], &vec![b'y'; 900], b"\r\n\r\n"].concat();
    file.at(30, &connection.client(ACK, &request));
    file.at(40, &udp("10.0.0.4:9", "10.0.0.5:53", &dns(1, false, 0, "a\nb\u{202e}.example")));
    let report = read(file.bytes());
    let names =
        [&report.tls.server_names.names[0].name, &report.http.hosts.names[0].name, &report.dns.names.names[0].name];
    for name in names {
        assert!(name.len() <= 260 && !name.chars().any(|c| c.is_control() || c == '\u{202e}'), "{name:?}");
    }
    assert!(names[0].starts_with("[2jevil <script>xxx"), "{}", names[0]);
}

#[test]
fn hellos_are_put_together_from_their_segments() {
    let hello = client_hello(b"www.contoso.example", 4000);
    for size in [1, 4, 6, 500, 1400, hello.len()] {
        let mut file = File::ethernet();
        let mut connection = Connection::new("10.0.0.4:1001", "10.0.0.5:443");
        connection.open(&mut file, 0, 1);
        for (number, part) in hello.chunks(size).enumerate() {
            // Each is sent twice, which must not confuse anybody.
            let segment = connection.client(ACK, part);
            file.at(10 + 9 * number as u64, &segment).at(18 + 9 * number as u64, &segment);
        }
        let at = 100_000;
        file.at(at, &connection.server(ACK, &[server_hello(0x0304), record(23, b"secret")].concat()));
        let tls = read(file.bytes()).tls;
        assert_eq!((tls.client_hellos, tls.server_hellos, tls.unanswered), (1, 1, 0), "{size}");
        assert_eq!(
            (tls.server_names.names[0].name.as_str(), tls.server_names.names[0].times),
            ("www.contoso.example", 1)
        );
        assert_eq!(tls.versions.into_iter().collect::<Vec<_>>(), [("TLS 1.3".to_owned(), 1)]);
    }
}

/// The same message in records of so many bytes.
fn in_records(message: &[u8], size: usize) -> Vec<u8> {
    message[5..].chunks(size).flat_map(|part| record(22, part)).collect()
}

#[test]
fn hellos_are_put_together_from_their_records() {
    for (records, segments) in [(1, 700), (100, 700), (500, 90), (500, 2_000)] {
        let mut file = File::ethernet();
        let mut connection = Connection::new("10.0.0.4:1001", "10.0.0.5:443");
        connection.open(&mut file, 0, 1);
        for part in in_records(&client_hello(b"a.example", 900), records).chunks(segments) {
            file.at(10, &connection.client(ACK, part));
        }
        file.at(20, &connection.server(ACK, &[in_records(&server_hello(0x0304), 9), record(21, &[2, 80])].concat()));
        let tls = read(file.bytes()).tls;
        assert_eq!((tls.client_hellos, tls.server_names.names.len(), tls.server_hellos), (1, 1, 1), "{records}");
        assert_eq!((tls.fatal_alerts, tls.handshakes.refused), (1, 1), "{records}");
    }
}

#[test]
fn what_stands_behind_another_record_in_a_segment_is_read() {
    let mut file = File::ethernet();
    let mut connection = Connection::new("10.0.0.4:1001", "10.0.0.5:443");
    connection.open(&mut file, 0, 1);
    let again = [record(20, &[1]), client_hello(b"b.example", 0)].concat();
    file.at(10, &connection.client(ACK, &client_hello(b"a.example", 0))).at(12, &connection.client(ACK, &again));
    // Encrypted records, also one that is as long as an alert, hide nothing.
    let behind =
        [record(22, b"certificate"), record(23, &[2, 40]), record(21, &[1; 19]), record(21, &[2, 80])].concat();
    file.at(20, &connection.server(ACK, &[server_hello(0x0303), behind].concat()));
    let tls = read(file.bytes()).tls;
    let names: Vec<_> = tls.server_names.names.iter().map(|one| (one.name.as_str(), one.times)).collect();
    assert_eq!(names, [("a.example", 1), ("b.example", 1)]);
    assert_eq!((tls.client_hellos, tls.server_hellos), (2, 1));
    assert_eq!(tls.alerts.into_iter().collect::<Vec<_>>(), [("internal_error".to_owned(), 1)]);
}

#[test]
fn a_hello_that_asks_for_another_one_chooses_nothing() {
    let mut file = File::ethernet();
    let mut connection = Connection::new("10.0.0.4:1001", "10.0.0.5:443");
    connection.open(&mut file, 0, 1);
    file.at(10, &connection.client(ACK, &client_hello(b"a.example", 0)));
    let mut retry = server_hello(0x0304);
    // SHA-256 of "HelloRetryRequest", of which the beginning is enough.
    retry[11..19].copy_from_slice(&[0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11]);
    file.at(20, &connection.server(ACK, &retry));
    let tls = read(file.bytes()).tls;
    assert_eq!((tls.server_hellos, tls.unanswered, tls.versions.len()), (0, 1, 0));
}

#[test]
fn handshakes_that_fail_are_told() {
    let mut file = File::ethernet();
    let mut begin = |port: u16| {
        let mut connection = Connection::new(&format!("10.0.0.4:{port}"), "10.0.0.5:443");
        let at = u64::from(port) * 10;
        connection.open(&mut file, at, 1);
        file.at(at + 5, &connection.client(ACK, &client_hello(b"a.example", 0)));
        (connection, at)
    };
    let (mut refused, at) = begin(1);
    let (_, _) = begin(2);
    let (mut old, old_at) = begin(3);
    file.at(at + 1000, &refused.server(ACK, &record(21, &[2, 40])));
    file.at(old_at + 1000, &old.server(ACK, &server_hello(0x0302)))
        .at(old_at + 1001, &old.client(ACK, &record(21, &[1, 0])));
    let tls = read(file.bytes()).tls;
    assert_eq!((tls.client_hellos, tls.server_hellos, tls.unanswered, tls.fatal_alerts), (3, 1, 2, 1));
    assert_eq!(tls.versions.into_iter().collect::<Vec<_>>(), [("TLS 1.1".to_owned(), 1)]);
    let alerts: Vec<_> = tls.alerts.into_iter().collect();
    assert_eq!(alerts, [("close_notify".to_owned(), 1), ("handshake_failure".to_owned(), 1)]);
}

/// Two connections, of versions 1 and 2, and the hello of the first in pieces in two datagrams. Another tool has encrypted them.
#[test]
fn names_of_servers_are_read_from_quic() {
    let seed = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/corpus/report/quic");
    let quic = read(&std::fs::read(seed).unwrap()[1..]).quic;
    let names: Vec<_> = quic.server_names.names.iter().map(|one| (one.name.as_str(), one.times)).collect();
    assert_eq!(names, [("quic.example", 2)]);
    let versions: Vec<_> = quic.versions.iter().map(|(version, count)| (version.as_str(), *count)).collect();
    assert_eq!((quic.connections, quic.hellos, versions), (2, 2, vec![("1", 1), ("2", 1)]));
}

#[test]
fn requests_and_answers_are_read_also_from_several_segments() {
    let request =
        [&b"POST /upload HTTP/1.1\r\nCookie: "[..], &[b'c'; 3000], b"\r\nHost: Contoso.example:8080\r\n\r\nbody"]
            .concat();
    let mut file = File::ethernet();
    let mut connection = Connection::new("10.0.0.4:1001", "10.0.0.5:8080");
    connection.open(&mut file, 0, 1);
    for (number, part) in request.chunks(1000).enumerate() {
        file.at(10 + number as u64, &connection.client(ACK, part));
    }
    file.at(20, &connection.server(ACK, b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"));
    file.at(21, &connection.server(ACK, b"\r\n"));
    file.at(30, &connection.client(ACK, b"GET / HTTP/1.0\r\n\r\n"));
    file.at(31, &connection.server(ACK, b"HTTP/1.0 200 OK\r\n\r\n"));
    // One with a gap, one whose end never comes, and one that is cut.
    let mut gap = Connection::new("10.0.0.4:1003", "10.0.0.5:8080");
    gap.open(&mut file, 35, 1);
    file.at(38, &gap.client(ACK, b"GET /gap HTTP/1.1\r\n"));
    gap.client(ACK, b"lost");
    file.at(39, &gap.client(ACK, b"Host: elsewhere.example\r\n\r\n"));
    file.at(40, &connection.client(ACK, b"GET /half HTTP/1.1\r\nCookie: "));
    let mut cut = Connection::new("10.0.0.4:1002", "10.0.0.5:8080");
    cut.open(&mut file, 50, 1);
    file.cut_at(60, &cut.client(ACK, &request), 200);
    let http = read(file.bytes()).http;
    assert_eq!((http.requests, http.responses), (5, 2));
    let statuses: Vec<_> = http.statuses.into_iter().collect();
    assert_eq!(statuses, [("2xx".to_owned(), 1), ("5xx".to_owned(), 1)]);
    let methods: Vec<_> = http.methods.into_iter().collect();
    assert_eq!(methods, [("GET".to_owned(), 3), ("POST".to_owned(), 2)]);
    assert_eq!((http.hosts.names[0].name.as_str(), http.hosts.count), ("contoso.example:8080", 1));
}

#[test]
fn several_requests_and_answers_in_a_segment_are_read() {
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n").into_bytes();
    let post = b"POST / HTTP/1.1\r\nHost: b.example\r\nContent-Length: 20\r\n\r\nGET / is in the body";
    let asked = [ask("/1"), post.to_vec(), ask("/2"), ask("/3")].concat();
    let answered = [
        &b"HTTP/1.1 100 Continue\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n HTTP/1.1 404 is",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 900\r\n\r\n",
        b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2000\r\n\r\nbegin",
    ]
    .concat();
    for size in [1, 7, 100, 2_000] {
        let mut file = File::ethernet();
        let mut connection = Connection::new("10.0.0.4:1001", "10.0.0.5:8080");
        connection.open(&mut file, 0, 1);
        for part in asked.chunks(size) {
            file.at(10, &connection.client(ACK, part));
        }
        for part in answered.chunks(size) {
            file.at(20, &connection.server(ACK, part));
        }
        let http = read(file.bytes()).http;
        assert_eq!((http.requests, http.responses), (4, 4), "{size}");
        let hosts: Vec<_> = http.hosts.names.iter().map(|one| (one.name.as_str(), one.times)).collect();
        assert_eq!(hosts, [("a.example", 3), ("b.example", 1)], "{size}");
        let statuses: Vec<_> = http.statuses.values().copied().collect();
        assert_eq!(statuses, [1, 1, 1, 1], "{size}");
    }
}

#[test]
fn complaints_of_routers_name_what_they_are_about() {
    let (router, machine) = (address("10.0.0.1"), address("10.0.0.4"));
    let (router6, machine6) = (address("fd00::1"), address("fd00::4"));
    let lost = ip_of(&udp("10.0.0.4:9", "192.0.2.1:7", b"12345678"));
    let lost6 = ip_of(&udp("[fd00::4]:9", "[2001:db8::1]:7", b"12345678"));
    let icmp = |head: [u8; 8], quote: &[u8]| ethernet(&ip(router, machine, 1, &[&head[..], quote].concat()));
    let icmpv6 = |head: [u8; 8], quote: &[u8]| ethernet(&ip(router6, machine6, 58, &[&head[..], quote].concat()));
    let mut file = File::ethernet();
    file.at(0, &icmp([3, 3, 0, 0, 0, 0, 0, 0], &lost[..28]));
    file.at(1, &icmp([3, 4, 0, 0, 0, 0, 0x05, 0x14], &lost[..28]));
    file.at(2, &icmp([3, 4, 0, 0, 0, 0, 0, 0], &lost[..28]));
    file.at(3, &icmp([8, 0, 0, 0, 0, 1, 0, 1], b"ping")).at(4, &icmp([11, 0, 0, 0, 0, 0, 0, 0], &lost[..28]));
    file.at(5, &icmpv6([2, 0, 0, 0, 0, 0, 0x05, 0x00], &lost6)).at(6, &icmpv6([1, 4, 0, 0, 0, 0, 0, 0], &lost6));
    let icmp = read(file.bytes()).icmp;
    assert_eq!((icmp.unreachable, icmp.too_big, icmp.smallest_mtu), (2, 3, Some(1280)));
    let about: Vec<_> = icmp.too_big_destinations.names.iter().map(|one| (one.address, one.port, one.times)).collect();
    assert_eq!(about, [(address("192.0.2.1"), Some(7), 2), (address("2001:db8::1"), Some(7), 1)]);
    assert_eq!(icmp.unreachable_destinations.count, 2);
    let messages: Vec<&str> = icmp.messages.keys().map(String::as_str).collect();
    let expected = ["echo_request", "fragmentation_needed", "packet_too_big", "port_unreachable", "time_exceeded"];
    assert_eq!(messages, expected);
}

// ---------------------------------------------------------------------------------------------------------------------
// Bounds
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn a_flood_of_connections_is_counted_and_told() {
    let mut analysis = Analysis::default();
    analysis.push(File::ethernet().bytes());
    let floods = 120_000_u32;
    for number in 0..floods {
        let client =
            format!("10.{}.{}.{}:{}", number >> 16 & 255, number >> 8 & 255, number & 255, 1024 + number % 60_000);
        let mut file = File::ethernet();
        file.at(u64::from(number) / 100, &Connection::new(&client, "10.200.0.5:80").client(SYN, b""));
        analysis.push(&file.bytes()[24..]);
    }
    let mut answer = File::ethernet();
    let mut connection = Connection::new("10.201.0.1:999", "10.200.0.5:80");
    answer.at(5000, &connection.server(SYN_ACK, b""));
    analysis.push(&answer.bytes()[24..]);
    let report = analysis.finish();
    let begun = report.tcp.connections;
    assert_eq!(report.tcp.syn, u64::from(floods));
    assert_eq!(begun.unanswered + begun.pending + begun.answered, u64::from(floods) + 1);
    assert!(report.forgotten_conversations > 60_000, "{}", report.forgotten_conversations);
    assert!(!report.conversations.exact && !report.endpoints.exact);
    let victim = &report.endpoints.by_packets[0];
    assert_eq!((victim.address, victim.packets), (address("10.200.0.5"), u64::from(floods) + 1));
    let service = &report.tcp.services.by_packets[0];
    assert_eq!((service.port, service.packets, report.tcp.services.exact), (80, u64::from(floods) + 1, true));
    assert!(serde_json::to_string(&report).unwrap().len() < 60_000);
}

#[test]
fn a_file_that_is_not_read_to_its_end_says_so() {
    let mut file = File::ethernet();
    (0..10).for_each(|at| {
        file.at(at, &web_frame());
    });
    let mut analysis = Analysis::default();
    analysis.push(&file.bytes()[..300]);
    let report = analysis.stop(file.bytes().len() as u64);
    assert_eq!((report.file.is_complete, &report.file.fault, report.packets.count), (false, &None, 3));
    let totals = report.lines().swap_remove(0);
    assert!(totals.ends_with("s. Only the first 255 bytes of 794 bytes were read."), "{totals}");
    let report = read(&file.bytes()[..300]);
    assert_eq!(report.file.fault.map(|fault| fault.reason), Some("cut_short".to_owned()));
}
