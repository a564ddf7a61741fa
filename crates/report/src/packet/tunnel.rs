//! Tunnels: what a packet carries that is a packet itself.

use etherparse::{IpNumber, ip_number};

use crate::bytes::be16;
use crate::packet::layers::{Fragment, Frame, Network, Transport, Tunnel};

/// UDP ports by which tunnels are told (RFC 7348, 5; RFC 8926, 3.3). VXLAN is on others as well: Linux has 8472, and Azure's
/// Gateway Load Balancer 10800 and 10801, unless it is told otherwise.
const VXLAN_PORT: u16 = 4789;
const GENEVE_PORT: u16 = 6081;

/// "Transparent Ethernet Bridging": what follows is an Ethernet frame.
const ETHER_TYPE_ETHERNET: u16 = 0x6558;

impl<'a> Network<'a> {
    /// What a tunnel carries.
    pub(super) fn tunnelled(&self) -> Option<(Tunnel, Frame<'a>)> {
        let Self::Ip(ip) = self else { return None };
        match &ip.transport {
            Transport::Udp(udp) if udp.destination_port == GENEVE_PORT => geneve(udp.payload),
            Transport::Udp(udp) => vxlan(udp.payload, udp.destination_port),
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
fn vxlan(payload: &[u8], port: u16) -> Option<(Tunnel, Frame<'_>)> {
    let has_identifier = payload.first()? & 0x08 != 0;
    let is_vxlan = has_identifier && (port == VXLAN_PORT || has_form_of_vxlan(payload));
    is_vxlan.then_some((Tunnel::Vxlan, Frame::Ethernet(payload.get(8..)?)))
}

/// Whether all that is fixed in the header is as it must be, and a frame with a header of IP or ARP follows: more than 60 bits
/// that anything else would have to have by chance.
fn has_form_of_vxlan(payload: &[u8]) -> bool {
    let [0x08, 0, 0, 0, _, _, _, 0, frame @ ..] = payload else { return false };
    let mut rest = frame.get(12..).unwrap_or_default();
    while let [0x81, 0, _, _, inner @ ..] | [0x88, 0xa8, _, _, inner @ ..] = rest {
        rest = inner;
    }
    matches!(rest, [0x08, 0, 0x45..=0x4f, ..] | [0x86, 0xdd, 0x60..=0x6f, ..] | [0x08, 0x06, 0, 1, 0x08, 0, ..])
}

/// Version and length of the options in one byte, and eight bytes before the options (RFC 8926, 3.4).
fn geneve(payload: &[u8]) -> Option<(Tunnel, Frame<'_>)> {
    let first = *payload.first()?;
    let options = usize::from(first & 0x3f).saturating_mul(4);
    let inner = payload.get(options.saturating_add(8)..)?;
    (first >> 6 == 0).then_some((Tunnel::Geneve, by_ether_type(be16(payload, 2)?, inner)))
}

/// Flags say which of three optional fields there are (RFC 2890, 2); NVGRE is GRE with a key and Ethernet (RFC 7637, 3.2).
/// Version 1 is that of PPTP (RFC 2637, 4.1), which
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
