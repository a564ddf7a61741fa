//! Takes a packet apart: from its link layer over tunnels to the innermost transport.
//!
//! `etherparse` reads headers of IP and of what is in it. What is ours: the link layers and tunnels that it does not know,
//! lengths on the wire of packets that were cut, and the first fragment of a datagram, which tells its transport.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::err::Layer;
use etherparse::{
    ArpPacketSlice, EtherType, Icmpv4Slice, Icmpv6Slice, IpAuthHeaderSlice, IpNumber, Ipv6ExtensionsSlice,
    Ipv6FragmentHeaderSlice, Ipv6RawExtHeaderSlice, LaxIpPayloadSlice, LaxIpv4Slice, LaxIpv6Slice, LaxLinkExtSlice,
    LaxNetSlice, LaxSlicedPacket, TcpSlice, TransportSlice, UdpSlice, ip_number,
};

use crate::bytes::{be16, be32};
use crate::reader::Record;

/// How many tunnels within each other are looked into. More are made by nobody but attackers.
const MAX_TUNNELS: usize = 4;

/// UDP ports by which tunnels are told (RFC 7348, 5; RFC 8926, 3.3).
const VXLAN_PORT: u16 = 4789;
const GENEVE_PORT: u16 = 6081;

/// "Transparent Ethernet Bridging": what follows is an Ethernet frame.
const ETHER_TYPE_ETHERNET: u16 = 0x6558;

/// An address of either version; those of IPv4 are mapped into IPv6 (RFC 4291, 2.5.5.2). Two numbers, for they are hashed
/// and compared for every packet, and one of 128 bits would have to be aligned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    high: u64,
    low: u64,
}

impl From<Ipv4Addr> for Address {
    fn from(address: Ipv4Addr) -> Self {
        Self::v4(address.octets())
    }
}

impl Address {
    fn v4(octets: [u8; 4]) -> Self {
        Self { high: 0, low: 0xffff_0000_0000 | u64::from(u32::from_be_bytes(octets)) }
    }

    fn v6(octets: [u8; 16]) -> Self {
        let bits = u128::from_be_bytes(octets);
        Self { high: (bits >> 64) as u64, low: bits as u64 }
    }

    /// The address as texts and JSON have it.
    pub fn to_ip(self) -> IpAddr {
        Ipv6Addr::from_bits(u128::from(self.high) << 64 | u128::from(self.low)).to_canonical()
    }
}

/// A packet with its layers.
#[derive(Debug)]
pub struct Packet<'a> {
    /// VLAN tags of all layers, outermost first.
    pub vlans: Vlans,
    /// What the machine's network carried.
    pub outer: Network<'a>,
    /// What is in the innermost tunnel, when there is one.
    pub tunnelled: Option<Network<'a>>,
    /// The tunnels, outermost first.
    pub tunnels: [Option<Tunnel>; MAX_TUNNELS],
}

impl<'a> Packet<'a> {
    /// What programs talked in.
    pub fn inner(&self) -> &Network<'a> {
        self.tunnelled.as_ref().unwrap_or(&self.outer)
    }
}

/// Identifiers of VLANs, outermost first; more than four are counted but not kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vlans {
    ids: [u16; 4],
    count: usize,
}

impl Vlans {
    fn push(&mut self, id: u16) {
        if let Some(place) = self.ids.get_mut(self.count) {
            *place = id;
            self.count = self.count.saturating_add(1);
        }
    }

    /// The identifiers.
    pub fn ids(&self) -> &[u16] {
        self.ids.get(..self.count).unwrap_or_default()
    }
}

/// Ways to carry packets in packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tunnel {
    /// RFC 7348.
    Vxlan,
    /// RFC 8926.
    Geneve,
    /// RFC 2784 and RFC 2890.
    Gre,
    /// RFC 2003, RFC 4213 and RFC 2473.
    IpInIp,
}

/// The network layer and what is in it.
#[derive(Debug)]
pub enum Network<'a> {
    /// Neither ARP nor IP, or too damaged to be read.
    Other,
    /// Who has an address (RFC 826); nothing for a message too damaged to be read.
    Arp(Option<ArpPacketSlice<'a>>),
    /// IP of either version.
    Ip(Ip<'a>),
}

/// An IP packet.
#[derive(Debug)]
pub struct Ip<'a> {
    /// Whether it is IPv6.
    pub is_v6: bool,
    /// Where it comes from.
    pub source: Address,
    /// Where it goes.
    pub destination: Address,
    /// The protocol within, behind any extension headers.
    pub protocol: u8,
    /// Which part of a datagram it is.
    pub fragment: Fragment,
    /// What the protocol says.
    pub transport: Transport<'a>,
    /// What is in it.
    payload: &'a [u8],
}

/// Which part of a datagram a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fragment {
    /// All of it.
    Whole,
    /// Its beginning, with the transport's header.
    First,
    /// What comes later, which does not say what it is part of.
    Later,
}

/// The transport layer.
#[derive(Debug)]
pub enum Transport<'a> {
    /// TCP.
    Tcp(Segment<'a>),
    /// UDP.
    Udp(Datagram<'a>),
    /// ICMP of IPv4.
    Icmp(Icmpv4Slice<'a>),
    /// ICMP of IPv6.
    Icmpv6(Icmpv6Slice<'a>),
    /// Another one, a later fragment, or one whose header is cut or damaged.
    Unread,
}

/// A TCP segment.
#[derive(Debug)]
pub struct Segment<'a> {
    /// Its header and what was kept of its payload.
    pub tcp: TcpSlice<'a>,
    /// Bytes of payload that were on the wire.
    pub length: u32,
}

/// A UDP datagram.
#[derive(Debug)]
pub struct Datagram<'a> {
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// What was kept of its payload.
    pub payload: &'a [u8],
}

/// Bytes that begin with a known header.
enum Frame<'a> {
    Ethernet(&'a [u8]),
    EtherType(u16, &'a [u8]),
    Ip(&'a [u8]),
}

/// Takes a record apart; nothing for a link type that nightcap does not know.
pub fn dissect<'a>(record: &Record<'a>) -> Option<Packet<'a>> {
    let frame = link(record)?;
    let mut vlans = Vlans::default();
    let outer = network(frame, &mut vlans);
    let mut packet = Packet { vlans, outer, tunnelled: None, tunnels: [None; MAX_TUNNELS] };
    for place in 0..MAX_TUNNELS {
        let Some((tunnel, frame)) = packet.inner().tunnelled() else { break };
        let network = network(frame, &mut packet.vlans);
        packet.tunnelled = Some(network);
        packet.tunnels.iter_mut().skip(place).take(1).for_each(|kept| *kept = Some(tunnel));
    }
    Some(packet)
}

/// A link type's name, for those that people meet.
pub fn link_type_name(link_type: u16) -> &'static str {
    match link_type {
        0 => "null",
        1 => "ethernet",
        12 | 14 | 101 => "raw-ip",
        105 => "ieee802.11",
        108 => "loop",
        113 => "linux-sll",
        127 => "ieee802.11-radiotap",
        228 => "ipv4",
        229 => "ipv6",
        239 => "nflog",
        276 => "linux-sll2",
        _ => "other",
    }
}

/// Finds the first header that is the same for all link types (tcpdump.org, "Link-layer header types").
fn link<'a>(record: &Record<'a>) -> Option<Frame<'a>> {
    let bytes = record.bytes;
    let after = |header: usize| bytes.get(header..).unwrap_or_default();
    match record.link_type {
        1 => Some(Frame::Ethernet(bytes)),
        12 | 14 | 101 | 228 | 229 => Some(Frame::Ip(bytes)),
        // The address family, in the byte order of the machine that captured or in that of the network.
        0 | 108 => match be32(bytes, 0).map(|family| family.min(family.swap_bytes())) {
            // IPv6's number is another one on Linux, Windows, NetBSD and OpenBSD, FreeBSD, and macOS.
            Some(2 | 10 | 23 | 24 | 28 | 30) => Some(Frame::Ip(after(4))),
            _ => Some(Frame::EtherType(0, after(4))),
        },
        // The protocol is the last field of one header and the first of the other.
        113 => Some(Frame::EtherType(be16(bytes, 14).unwrap_or_default(), after(16))),
        276 => Some(Frame::EtherType(be16(bytes, 0).unwrap_or_default(), after(20))),
        _ => None,
    }
}

fn network<'a>(frame: Frame<'a>, vlans: &mut Vlans) -> Network<'a> {
    let sliced = match frame {
        Frame::Ethernet(bytes) => LaxSlicedPacket::from_ethernet(bytes).ok(),
        Frame::EtherType(ether_type, bytes) => Some(LaxSlicedPacket::from_ether_type(EtherType(ether_type), bytes)),
        Frame::Ip(bytes) => LaxSlicedPacket::from_ip(bytes).ok(),
    };
    let Some(LaxSlicedPacket { link_exts, net, transport, stop_err, .. }) = sliced else { return Network::Other };
    for extension in &link_exts {
        if let LaxLinkExtSlice::Vlan(vlan) = extension {
            vlans.push(vlan.vlan_identifier().value());
        }
    }
    match net {
        Some(LaxNetSlice::Ipv4(ip)) => Network::Ip(ipv4(&ip, transport)),
        Some(LaxNetSlice::Ipv6(ip)) => Network::Ip(ipv6(&ip, transport)),
        Some(LaxNetSlice::Arp(arp)) => Network::Arp(Some(arp)),
        None if stop_err.is_some_and(|(_, layer)| layer == Layer::Arp) => Network::Arp(None),
        None => Network::Other,
    }
}

fn ipv4<'a>(ip: &LaxIpv4Slice<'a>, transport: Option<TransportSlice<'a>>) -> Ip<'a> {
    let header = ip.header();
    let authentication = ip.extensions().auth.map_or(0, |header| header.slice().len());
    let headers = header.slice().len().saturating_add(authentication);
    let offset = header.fragments_offset().value();
    let payload = ip.payload();
    let length = wire_length(payload, header.total_len().into(), headers);
    let fragment = Fragment::new(header.is_fragmenting_payload(), offset);
    Ip {
        is_v6: false,
        source: Address::v4(header.source()),
        destination: Address::v4(header.destination()),
        protocol: payload.ip_number.0,
        fragment,
        transport: Transport::new(transport, payload, fragment, length),
        payload: payload.payload,
    }
}

fn ipv6<'a>(ip: &LaxIpv6Slice<'a>, transport: Option<TransportSlice<'a>>) -> Ip<'a> {
    let header = ip.header();
    let extensions = ip.extensions();
    let payload = ip.payload();
    let length = wire_length(payload, header.payload_length().into(), extensions.slice().len());
    let is_fragment = extensions.is_fragmenting_payload();
    let offset = if is_fragment { fragment_offset(extensions) } else { None };
    let fragment = Fragment::new(is_fragment, offset.unwrap_or_default());
    Ip {
        is_v6: true,
        source: Address::v6(header.source()),
        destination: Address::v6(header.destination()),
        protocol: payload.ip_number.0,
        fragment,
        transport: Transport::new(transport, payload, fragment, length),
        payload: payload.payload,
    }
}

/// Where a fragment of IPv6 belongs. `etherparse` has an iterator for these headers, but it trusts the last one to be the last,
/// and where the next one was cut it reads on beyond the packet's end.
fn fragment_offset(extensions: &Ipv6ExtensionsSlice<'_>) -> Option<u16> {
    let mut kind = extensions.first_header()?;
    let mut rest = extensions.slice();
    loop {
        let (next, length) = match kind {
            ip_number::IPV6_FRAG => {
                return Ipv6FragmentHeaderSlice::from_slice(rest).ok().map(|header| header.fragment_offset().value());
            }
            ip_number::AUTH => {
                let header = IpAuthHeaderSlice::from_slice(rest).ok()?;
                (header.next_header(), header.slice().len())
            }
            ip_number::IPV6_HOP_BY_HOP | ip_number::IPV6_ROUTE | ip_number::IPV6_DEST_OPTIONS => {
                let header = Ipv6RawExtHeaderSlice::from_slice(rest).ok()?;
                (header.next_header(), header.slice().len())
            }
            _ => return None,
        };
        kind = next;
        rest = rest.get(length..)?;
    }
}

/// Bytes behind these headers that were on the wire. Of a packet that was cut only its header knows; a packet that the
/// machine was still to cut into segments itself has no length there.
fn wire_length(payload: &LaxIpPayloadSlice<'_>, length: usize, headers: usize) -> usize {
    if payload.incomplete { length.saturating_sub(headers) } else { payload.payload.len() }
}

impl Fragment {
    fn new(is_fragment: bool, offset: u16) -> Self {
        match (is_fragment, offset) {
            (false, _) => Self::Whole,
            (true, 0) => Self::First,
            (true, _) => Self::Later,
        }
    }
}

impl<'a> Transport<'a> {
    fn new(
        read: Option<TransportSlice<'a>>,
        payload: &LaxIpPayloadSlice<'a>,
        fragment: Fragment,
        length: usize,
    ) -> Self {
        let bytes = payload.payload;
        match (read, payload.ip_number) {
            (Some(TransportSlice::Tcp(tcp)), _) => Self::tcp(tcp, length),
            (Some(TransportSlice::Udp(udp)), _) => Self::udp(&udp),
            (Some(TransportSlice::Icmpv4(icmp)), _) => Self::Icmp(icmp),
            (Some(TransportSlice::Icmpv6(icmp)), _) => Self::Icmpv6(icmp),
            (None, ip_number::TCP) if fragment == Fragment::First => {
                TcpSlice::from_slice(bytes).map_or(Self::Unread, |tcp| Self::tcp(tcp, length))
            }
            (None, ip_number::UDP) if fragment == Fragment::First => {
                UdpSlice::from_slice_lax(bytes).map_or(Self::Unread, |udp| Self::udp(&udp))
            }
            _ => Self::Unread,
        }
    }

    fn tcp(tcp: TcpSlice<'a>, length: usize) -> Self {
        let length = u32::try_from(length.saturating_sub(tcp.header_len())).unwrap_or(u32::MAX);
        Self::Tcp(Segment { tcp, length })
    }

    fn udp(udp: &UdpSlice<'a>) -> Self {
        let (source_port, destination_port) = (udp.source_port(), udp.destination_port());
        Self::Udp(Datagram { source_port, destination_port, payload: udp.payload() })
    }
}

impl<'a> Network<'a> {
    /// What a tunnel carries.
    fn tunnelled(&self) -> Option<(Tunnel, Frame<'a>)> {
        let Self::Ip(ip) = self else { return None };
        match &ip.transport {
            Transport::Udp(udp) if udp.destination_port == VXLAN_PORT => vxlan(udp.payload),
            Transport::Udp(udp) if udp.destination_port == GENEVE_PORT => geneve(udp.payload),
            Transport::Unread if ip.fragment != Fragment::Later => match IpNumber(ip.protocol) {
                ip_number::GRE => gre(ip.payload),
                ip_number::IPV4 | ip_number::IPV6 => Some((Tunnel::IpInIp, Frame::Ip(ip.payload))),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Eight bytes of header, of which one bit says that there is an identifier (RFC 7348, 5).
fn vxlan(payload: &[u8]) -> Option<(Tunnel, Frame<'_>)> {
    let has_identifier = payload.first()? & 0x08 != 0;
    has_identifier.then_some((Tunnel::Vxlan, Frame::Ethernet(payload.get(8..)?)))
}

/// Version and length of the options in one byte, and eight bytes before the options (RFC 8926, 3.4).
fn geneve(payload: &[u8]) -> Option<(Tunnel, Frame<'_>)> {
    let first = *payload.first()?;
    let options = usize::from(first & 0x3f).saturating_mul(4);
    let inner = payload.get(options.saturating_add(8)..)?;
    (first >> 6 == 0).then_some((Tunnel::Geneve, by_ether_type(be16(payload, 2)?, inner)))
}

/// Flags say which of three optional fields there are (RFC 2890, 2). Version 1 is that of PPTP (RFC 2637, 4.1), which
/// carries PPP.
fn gre(payload: &[u8]) -> Option<(Tunnel, Frame<'_>)> {
    let flags = be16(payload, 0)?;
    let optional = [0x8000, 0x2000, 0x1000].iter().filter(|flag| flags & **flag != 0).count();
    let inner = payload.get(optional.saturating_mul(4).saturating_add(4)..)?;
    (flags & 0x0007 == 0).then_some((Tunnel::Gre, by_ether_type(be16(payload, 2)?, inner)))
}

fn by_ether_type(ether_type: u16, bytes: &[u8]) -> Frame<'_> {
    match ether_type {
        ETHER_TYPE_ETHERNET => Frame::Ethernet(bytes),
        other => Frame::EtherType(other, bytes),
    }
}

/// What an ICMP error quotes: where the packet that it is about was going, and to which port (RFC 792; RFC 4443, 2.4).
pub fn quoted(payload: &[u8]) -> Option<(Address, Option<u16>)> {
    let mut vlans = Vlans::default();
    let Network::Ip(ip) = network(Frame::Ip(payload), &mut vlans) else { return None };
    let has_ports = matches!(IpNumber(ip.protocol), ip_number::TCP | ip_number::UDP);
    // Eight bytes of the transport are quoted at least, which is too little for a TCP header.
    let port = be32(ip.payload, 0).filter(|_| has_ports && ip.fragment != Fragment::Later);
    Some((ip.destination, port.and_then(|ports| u16::try_from(ports & 0xffff).ok())))
}
