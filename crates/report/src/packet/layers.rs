//! The layers of a packet, as far as they matter here.

use etherparse::{ArpPacketSlice, Icmpv4Slice, Icmpv6Slice};

use crate::packet::address::Address;
use crate::packet::segment::Segment;

/// How many tunnels within each other are looked into. More are made by nobody but attackers.
pub(super) const MAX_TUNNELS: usize = 4;

/// A packet with its layers.
#[derive(Debug)]
pub(crate) struct Packet<'a> {
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
pub(crate) struct Vlans {
    ids: [u16; 4],
    count: usize,
}

impl Vlans {
    pub(super) fn push(&mut self, id: u16) {
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
pub(crate) enum Tunnel {
    /// RFC 7348.
    Vxlan,
    /// RFC 8926.
    Geneve,
    /// RFC 2784 and RFC 2890, and NVGRE.
    Gre,
    /// RFC 2003, RFC 4213 and RFC 2473.
    IpInIp,
}

/// The network layer and what is in it.
#[derive(Debug)]
pub(crate) enum Network<'a> {
    /// Neither ARP nor IP, or too damaged to be read.
    Other,
    /// Who has an address (RFC 826); nothing for a message too damaged to be read.
    Arp(Option<ArpPacketSlice<'a>>),
    /// IP of either version.
    Ip(Ip<'a>),
}

/// An IP packet.
#[derive(Debug)]
pub(crate) struct Ip<'a> {
    /// Whether it is IPv6.
    pub is_v6: bool,
    /// Where it comes from.
    pub source: Address,
    /// Where it goes.
    pub destination: Address,
    /// The protocol within, behind any extension headers.
    pub protocol: u8,
    /// Which packet of its sender it is, when that counts them; 0 in IPv6.
    pub identification: u16,
    /// How many routers it may still pass.
    pub ttl: u8,
    /// Which part of a datagram it is.
    pub fragment: Fragment,
    /// What the protocol says.
    pub transport: Transport<'a>,
    /// What is in it.
    pub(super) payload: &'a [u8],
}

/// Which part of a datagram a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fragment {
    /// All of it.
    Whole,
    /// Its beginning, with the transport's header.
    First,
    /// What comes later, which does not say what it is part of.
    Later,
}

/// The transport layer.
#[derive(Debug)]
pub(crate) enum Transport<'a> {
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

/// A UDP datagram.
#[derive(Debug)]
pub(crate) struct Datagram<'a> {
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// What was kept of its payload.
    pub payload: &'a [u8],
    /// Whether there was more of it on the wire.
    pub is_cut: bool,
}

/// Bytes that begin with a known header.
pub(super) enum Frame<'a> {
    Ethernet(&'a [u8]),
    EtherType(u16, &'a [u8]),
    Ip(&'a [u8]),
}
