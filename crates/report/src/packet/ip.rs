//! IP, and what it carries: lengths on the wire, fragments, and the transport.

use etherparse::err::Layer;
use etherparse::{
    EtherType, IpAuthHeaderSlice, IpNumber, Ipv6ExtensionsSlice, Ipv6FragmentHeaderSlice, Ipv6RawExtHeaderSlice,
    LaxIpPayloadSlice, LaxIpv4Slice, LaxIpv6Slice, LaxLinkExtSlice, LaxNetSlice, LaxSlicedPacket, TransportSlice,
    UdpSlice, ip_number,
};

use crate::bytes::be16;
use crate::packet::address::Address;
use crate::packet::layers::{Datagram, Fragment, Frame, Ip, Network, Transport, Vlans};
use crate::packet::segment::Segment;

/// Bytes of Ethernet's header.
const ETHERNET: usize = 14;

/// Reads a frame up to the transport's header, and keeps the VLAN tags that it passes. `missing` is how many bytes there were
/// on the wire behind those of the frame.
pub(super) fn network<'a>(frame: Frame<'a>, missing: usize, vlans: &mut Vlans) -> Network<'a> {
    let (before_ip, bytes) = match frame {
        Frame::Ethernet(bytes) => (ETHERNET, bytes),
        Frame::EtherType(_, bytes) | Frame::Ip(bytes) => (0, bytes),
    };
    let sliced = match frame {
        Frame::Ethernet(bytes) => LaxSlicedPacket::from_ethernet(bytes).ok(),
        Frame::EtherType(ether_type, bytes) => Some(LaxSlicedPacket::from_ether_type(EtherType(ether_type), bytes)),
        Frame::Ip(bytes) => LaxSlicedPacket::from_ip(bytes).ok(),
    };
    let Some(LaxSlicedPacket { link_exts, net, transport, stop_err, .. }) = sliced else { return Network::Other };
    let before_ip = link_exts.iter().fold(before_ip, |before, extension| before.saturating_add(extension.header_len()));
    for extension in &link_exts {
        if let LaxLinkExtSlice::Vlan(vlan) = extension {
            vlans.push(vlan.vlan_identifier().value());
        }
    }
    match net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            let behind = bytes.get(before_ip..).and_then(|ip_bytes| ip_bytes.get(ip.header().slice().len()..));
            Network::Ip(ipv4(&ip, transport, missing, behind.unwrap_or_default()))
        }
        Some(LaxNetSlice::Ipv6(ip)) => Network::Ip(ipv6(&ip, transport, missing)),
        Some(LaxNetSlice::Arp(arp)) => Network::Arp(Some(arp)),
        None if stop_err.is_some_and(|(_, layer)| layer == Layer::Arp) => Network::Arp(None),
        None => Network::Other,
    }
}

/// `behind` are all bytes behind the header, whatever length it tells.
fn ipv4<'a>(ip: &LaxIpv4Slice<'a>, transport: Option<TransportSlice<'a>>, missing: usize, behind: &'a [u8]) -> Ip<'a> {
    let header = ip.header();
    let authentication = ip.extensions().auth.map_or(0, |header| header.slice().len());
    let headers = header.slice().len().saturating_add(authentication);
    let offset = header.fragments_offset().value();
    let payload = ip.payload();
    let length = wire_length(payload, header.total_len().into(), headers, missing);
    let fragment = Fragment::new(header.is_fragmenting_payload(), offset);
    // No TCP fits behind a header that says it is all there is: the length was left for the network card to fill in.
    let has_no_length = usize::from(header.total_len()) == header.slice().len() && payload.ip_number == ip_number::TCP;
    let transport = match has_no_length {
        true => Transport::tcp(behind, behind.len().saturating_add(missing)),
        false => Transport::new(transport, payload, fragment, length),
    };
    Ip {
        is_v6: false,
        source: Address::v4(header.source()),
        destination: Address::v4(header.destination()),
        protocol: payload.ip_number.0,
        identification: header.identification(),
        ttl: header.ttl(),
        fragment,
        transport,
        payload: payload.payload,
    }
}

fn ipv6<'a>(ip: &LaxIpv6Slice<'a>, transport: Option<TransportSlice<'a>>, missing: usize) -> Ip<'a> {
    let header = ip.header();
    let extensions = ip.extensions();
    let payload = ip.payload();
    let length = wire_length(payload, header.payload_length().into(), extensions.slice().len(), missing);
    let is_fragment = extensions.is_fragmenting_payload();
    let offset = if is_fragment { fragment_offset(extensions) } else { None };
    let fragment = Fragment::new(is_fragment, offset.unwrap_or_default());
    Ip {
        is_v6: true,
        source: Address::v6(header.source()),
        destination: Address::v6(header.destination()),
        protocol: payload.ip_number.0,
        identification: 0,
        ttl: header.hop_limit(),
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
/// machine was still to cut into segments itself has a length of 0 there, and only the record knows.
fn wire_length(payload: &LaxIpPayloadSlice<'_>, length: usize, headers: usize, missing: usize) -> usize {
    match length {
        0 => payload.payload.len().saturating_add(missing),
        _ if payload.incomplete => length.saturating_sub(headers),
        _ => payload.payload.len(),
    }
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
            (_, ip_number::TCP) if fragment != Fragment::Later => Self::tcp(bytes, length),
            (Some(TransportSlice::Udp(udp)), _) => Self::udp(&udp),
            (Some(TransportSlice::Icmpv4(icmp)), _) => Self::Icmp(icmp),
            (Some(TransportSlice::Icmpv6(icmp)), _) => Self::Icmpv6(icmp),
            (None, ip_number::UDP) if fragment == Fragment::First => {
                UdpSlice::from_slice_lax(bytes).map_or(Self::Unread, |udp| Self::udp(&udp))
            }
            _ => Self::Unread,
        }
    }

    fn tcp(bytes: &'a [u8], length: usize) -> Self {
        Segment::read(bytes, length).map_or(Self::Unread, Self::Tcp)
    }

    fn udp(udp: &UdpSlice<'a>) -> Self {
        let (source_port, destination_port) = (udp.source_port(), udp.destination_port());
        let is_cut = udp.slice().len() < usize::from(udp.length());
        Self::Udp(Datagram { source_port, destination_port, payload: udp.payload(), is_cut })
    }
}

/// What an ICMP error quotes of the packet that it is about (RFC 792; RFC 4443, 2.4).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quoted {
    pub source: Address,
    pub destination: Address,
    pub protocol: u8,
    /// Of source and destination, for TCP and UDP.
    pub ports: Option<[u16; 2]>,
}

pub(crate) fn quoted(payload: &[u8]) -> Option<Quoted> {
    let mut vlans = Vlans::default();
    let Network::Ip(ip) = network(Frame::Ip(payload), 0, &mut vlans) else { return None };
    let has_ports = matches!(IpNumber(ip.protocol), ip_number::TCP | ip_number::UDP);
    // Eight bytes of the transport are quoted at least, which is too little for a TCP header.
    let ports = be16(ip.payload, 0).zip(be16(ip.payload, 2)).filter(|_| has_ports && ip.fragment != Fragment::Later);
    let ports = ports.map(<[u16; 2]>::from);
    Some(Quoted { source: ip.source, destination: ip.destination, protocol: ip.protocol, ports })
}
