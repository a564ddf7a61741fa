//! Tunnels: what a packet carries that is a packet itself.

use etherparse::{IpNumber, ip_number};

use crate::bytes::be16;
use crate::packet::layers::{Fragment, Frame, Network, Transport, Tunnel};

/// UDP ports by which tunnels are told (RFC 7348, 5; RFC 8926, 3.3).
const VXLAN_PORT: u16 = 4789;
const GENEVE_PORT: u16 = 6081;

/// "Transparent Ethernet Bridging": what follows is an Ethernet frame.
const ETHER_TYPE_ETHERNET: u16 = 0x6558;

impl<'a> Network<'a> {
    /// What a tunnel carries.
    pub(super) fn tunnelled(&self) -> Option<(Tunnel, Frame<'a>)> {
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
