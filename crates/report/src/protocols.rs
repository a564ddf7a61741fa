//! Which protocols there were.

use std::collections::BTreeMap;

use etherparse::{IpNumber, ip_number};
use serde::Serialize;

use crate::bytes::be16;
use crate::packet::{Fragment, Network, Packet, Tunnel};

/// More VLANs than this cannot be told apart (IEEE 802.1Q, 9.6), so all of them can be kept.
const VLANS: usize = 4_096;

/// Packets by protocols. A packet is counted once in `outer` and once in `inner`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Protocols {
    /// By what is in the outermost IP header, behind extension headers.
    pub outer: Transports,
    /// By what is in the innermost tunnel; the same as `outer` where there is none.
    pub inner: Transports,
    /// Packets with a layer that not all have.
    pub layers: Layers,
    /// Packets by the identifier of a VLAN that they are in.
    pub vlans: BTreeMap<u16, u64>,
    pub arp: Arp,
}

/// Packets by transport. Of a datagram in fragments, the first counts under its transport, and the others as `other`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Transports {
    /// Protocol 6 (IANA, "Protocol Numbers"), also where its header was cut.
    pub tcp: u64,
    /// Protocol 17.
    pub udp: u64,
    /// Protocol 1 in IPv4.
    pub icmp: u64,
    /// Protocol 58 in IPv6.
    pub icmpv6: u64,
    /// Which is no transport, but as frequent as one.
    pub arp: u64,
    /// Anything else, and what cannot be read.
    pub other: u64,
}

/// Packets that have a layer, on whatever level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Layers {
    /// A VLAN tag or several.
    pub vlan: u64,
    /// IPv4, outermost.
    pub ipv4: u64,
    /// IPv6, outermost.
    pub ipv6: u64,
    /// Parts of IPv4 datagrams, outermost.
    pub ipv4_fragments: u64,
    /// Parts of IPv6 datagrams, outermost.
    pub ipv6_fragments: u64,
    pub vxlan: u64,
    pub geneve: u64,
    pub gre: u64,
    pub ip_in_ip: u64,
}

/// Messages of ARP (RFC 826).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Arp {
    /// Questions who has an address.
    pub requests: u64,
    pub replies: u64,
    /// Questions and answers of an address about itself (RFC 5227, 3).
    pub announcements: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Tcp,
    Udp,
    Icmp,
    Icmpv6,
    Arp,
    Other,
}

impl Protocol {
    /// By the number in the IP header, for a header that is cut is still one of TCP.
    fn of(network: &Network<'_>) -> Self {
        match network {
            Network::Arp(_) => Self::Arp,
            Network::Ip(ip) if ip.fragment != Fragment::Later => match (IpNumber(ip.protocol), ip.is_v6) {
                (ip_number::TCP, _) => Self::Tcp,
                (ip_number::UDP, _) => Self::Udp,
                (ip_number::ICMP, false) => Self::Icmp,
                (ip_number::IPV6_ICMP, true) => Self::Icmpv6,
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }
}

impl Transports {
    fn count(&mut self, protocol: Protocol) {
        let place = match protocol {
            Protocol::Tcp => &mut self.tcp,
            Protocol::Udp => &mut self.udp,
            Protocol::Icmp => &mut self.icmp,
            Protocol::Icmpv6 => &mut self.icmpv6,
            Protocol::Arp => &mut self.arp,
            Protocol::Other => &mut self.other,
        };
        *place = place.saturating_add(1);
    }
}

/// Protocols as they are counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProtocolStatistics {
    protocols: Protocols,
    /// One place for each VLAN, once there is any.
    vlans: Vec<u64>,
}

impl ProtocolStatistics {
    pub fn count(&mut self, packet: &Packet<'_>) {
        let outer = Protocol::of(&packet.outer);
        self.protocols.outer.count(outer);
        match &packet.tunnelled {
            None => self.protocols.inner.count(outer),
            Some(network) => self.protocols.inner.count(Protocol::of(network)),
        }
        if let Network::Ip(ip) = &packet.outer {
            let is_fragment = u64::from(ip.fragment != Fragment::Whole);
            let layers = &mut self.protocols.layers;
            let (packets, fragments) = match ip.is_v6 {
                false => (&mut layers.ipv4, &mut layers.ipv4_fragments),
                true => (&mut layers.ipv6, &mut layers.ipv6_fragments),
            };
            *packets = packets.saturating_add(1);
            *fragments = fragments.saturating_add(is_fragment);
        }
        if let Network::Arp(Some(arp)) = packet.inner() {
            self.count_arp(arp.slice());
        }
        if packet.tunnelled.is_some() {
            self.count_tunnels(packet);
        }
        if !packet.vlans.ids().is_empty() {
            self.count_vlans(packet.vlans.ids());
        }
    }

    /// Operation in bytes 6 and 7; of IPv4 over Ethernet, addresses from byte 14 and from byte 24.
    fn count_arp(&mut self, message: &[u8]) {
        let place = match be16(message, 6) {
            Some(1) => &mut self.protocols.arp.requests,
            Some(2) => &mut self.protocols.arp.replies,
            _ => return,
        };
        *place = place.saturating_add(1);
        let is_ipv4_over_ethernet = message.get(2..6) == Some(&[8, 0, 6, 4]);
        let is_about_itself = message.get(14..18) == message.get(24..28);
        self.protocols.arp.announcements =
            self.protocols.arp.announcements.saturating_add(u64::from(is_ipv4_over_ethernet && is_about_itself));
    }

    fn count_tunnels(&mut self, packet: &Packet<'_>) {
        let layers = &mut self.protocols.layers;
        let has = |tunnel| u64::from(packet.tunnels.contains(&Some(tunnel)));
        layers.vxlan = layers.vxlan.saturating_add(has(Tunnel::Vxlan));
        layers.geneve = layers.geneve.saturating_add(has(Tunnel::Geneve));
        layers.gre = layers.gre.saturating_add(has(Tunnel::Gre));
        layers.ip_in_ip = layers.ip_in_ip.saturating_add(has(Tunnel::IpInIp));
    }

    fn count_vlans(&mut self, ids: &[u16]) {
        self.protocols.layers.vlan = self.protocols.layers.vlan.saturating_add(1);
        self.vlans.resize(VLANS, 0);
        for id in ids {
            self.vlans.get_mut(usize::from(*id)).into_iter().for_each(|count| *count = count.saturating_add(1));
        }
    }

    pub fn report(self) -> Protocols {
        let vlans = (0..).zip(self.vlans).filter(|(_, count)| *count > 0).collect();
        Protocols { vlans, ..self.protocols }
    }
}
