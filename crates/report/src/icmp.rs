//! What routers and hosts complain of.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;
use serde_with::skip_serializing_none;

use crate::bytes::{be16, be32};
use crate::host_names::KnownAs;
use crate::moment::TimeRange;
use crate::packet::{Address, Quoted, quoted};
use crate::top::{Names, Tally, Weighed, Weight};

const MAX_DESTINATIONS: usize = 1_000;

/// ICMP of both versions of IP.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Icmp {
    /// Messages by what they say: `echo_request`, `port_unreachable`, `fragmentation_needed` and so on (IANA, "ICMP
    /// Parameters" and "ICMPv6 Parameters"; what both versions have has one name).
    pub messages: BTreeMap<String, u64>,
    /// Complaints that something cannot be reached, for whatever reason.
    pub unreachable: u64,
    /// Where packets were going that could not be delivered.
    pub unreachable_destinations: Names<Destination>,
    /// Complaints that a packet is too big for the next link (RFC 1191; RFC 8201).
    pub too_big: u64,
    /// Those of them about a destination that was complained of three times at least, over a second or longer: whoever sends
    /// there does not listen.
    pub too_big_unheeded: u64,
    /// The smallest size that such a complaint asks for, in bytes.
    pub smallest_mtu: Option<u32>,
    /// When such complaints came.
    pub too_big_during: Option<TimeRange>,
    /// Where packets were going that were too big.
    pub too_big_destinations: Names<Destination>,
    /// Hosts that were pinged and have answered none, and how many they have not answered; at most 10.
    pub silent_to_pings: Vec<Destination>,
}

/// Where a packet was going that somebody complained of.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Destination {
    /// Of the packet that the message quotes.
    pub address: IpAddr,
    /// What it is called.
    #[serde(skip_serializing_if = "KnownAs::is_empty")]
    pub names: KnownAs,
    /// The port, for TCP and UDP.
    pub port: Option<u16>,
    /// How often it was complained of.
    pub times: u64,
}

type Destinations = Tally<(Address, Option<u16>), Complaints>;

/// A sender that listens is complained to once, or once for each packet that was on its way meanwhile.
const UNHEEDED: u64 = 3;
const UNHEEDED_FOR: i64 = 1_000_000_000;

/// Complaints about one destination.
#[derive(Clone, Copy, Debug, Default)]
struct Complaints {
    times: u64,
    during: Option<TimeRange>,
}

impl Weighed for Complaints {
    fn weight(&self) -> Weight {
        Weight { bytes: 0, packets: self.times }
    }
}

impl Complaints {
    fn count(&mut self, now: i64) {
        self.times = self.times.saturating_add(1);
        self.during = TimeRange::with(self.during, now);
    }

    fn are_unheeded(&self) -> bool {
        let lasts = self.during.map_or(0, |during| during.to.0.saturating_sub(during.from.0));
        self.times >= UNHEEDED && lasts >= UNHEEDED_FOR
    }
}

/// A complaint that a packet is too big, and the packet, as far as it is quoted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooBig(pub Option<Quoted>);

/// ICMP as it is counted.
#[derive(Clone, Debug)]
pub(crate) struct IcmpStatistics {
    icmp: Icmp,
    messages: BTreeMap<&'static str, u64>,
    unreachable: Destinations,
    too_big: Destinations,
}

impl Default for IcmpStatistics {
    fn default() -> Self {
        Self {
            icmp: Icmp::default(),
            messages: BTreeMap::new(),
            unreachable: Tally::new(MAX_DESTINATIONS),
            too_big: Tally::new(MAX_DESTINATIONS),
        }
    }
}

fn destination(quoted: &Quoted) -> (Address, Option<u16>) {
    (quoted.destination, quoted.ports.map(|[_, port]| port))
}

impl IcmpStatistics {
    /// Counts a message of ICMP for IPv4 (RFC 792), and hands back whether it is about one that is too big. `rest` are
    /// the four bytes behind the checksum.
    pub fn icmp(&mut self, kind: u8, code: u8, rest: [u8; 4], payload: &[u8], now: i64) -> Option<TooBig> {
        let name = match (kind, code) {
            (0, _) => "echo_reply",
            (3, 0) => "net_unreachable",
            (3, 1) => "host_unreachable",
            (3, 2) => "protocol_unreachable",
            (3, 3) => "port_unreachable",
            (3, 4) => "fragmentation_needed",
            (3, 9 | 10 | 13) => "administratively_prohibited",
            (3, _) => "other_unreachable",
            (5, _) => "redirect",
            (8, _) => "echo_request",
            (11, _) => "time_exceeded",
            (12, _) => "parameter_problem",
            _ => "other",
        };
        self.count(name);
        match (kind, code) {
            (3, 4) => Some(self.too_big(be16(&rest, 2).map(u32::from), payload, now)),
            (3, _) => {
                self.unreachable(payload, now);
                None
            }
            _ => None,
        }
    }

    /// The same for IPv6 (RFC 4443; RFC 4861 for neighbours).
    pub fn icmpv6(&mut self, kind: u8, code: u8, rest: [u8; 4], payload: &[u8], now: i64) -> Option<TooBig> {
        let name = match (kind, code) {
            (1, 0) => "net_unreachable",
            (1, 1 | 5 | 6) => "administratively_prohibited",
            (1, 3) => "host_unreachable",
            (1, 4) => "port_unreachable",
            (1, _) => "other_unreachable",
            (2, _) => "packet_too_big",
            (3, _) => "time_exceeded",
            (4, _) => "parameter_problem",
            (128, _) => "echo_request",
            (129, _) => "echo_reply",
            (133, _) => "router_solicitation",
            (134, _) => "router_advertisement",
            (135, _) => "neighbor_solicitation",
            (136, _) => "neighbor_advertisement",
            (137, _) => "redirect",
            _ => "other",
        };
        self.count(name);
        match kind {
            1 => {
                self.unreachable(payload, now);
                None
            }
            2 => Some(self.too_big(be32(&rest, 0), payload, now)),
            _ => None,
        }
    }

    fn count(&mut self, name: &'static str) {
        let count = self.messages.entry(name).or_default();
        *count = count.saturating_add(1);
    }

    fn unreachable(&mut self, payload: &[u8], now: i64) {
        self.icmp.unreachable = self.icmp.unreachable.saturating_add(1);
        if let Some(quoted) = quoted(payload) {
            self.unreachable.entry(destination(&quoted)).count(now);
        }
    }

    fn too_big(&mut self, mtu: Option<u32>, payload: &[u8], now: i64) -> TooBig {
        self.icmp.too_big = self.icmp.too_big.saturating_add(1);
        self.icmp.too_big_during = TimeRange::with(self.icmp.too_big_during, now);
        // Routers from before RFC 1191 leave the field empty.
        if let Some(mtu) = mtu.filter(|mtu| *mtu > 0) {
            self.icmp.smallest_mtu = Some(self.icmp.smallest_mtu.map_or(mtu, |smallest| smallest.min(mtu)));
        }
        let quoted = quoted(payload);
        quoted.iter().for_each(|quoted| self.too_big.entry(destination(quoted)).count(now));
        TooBig(quoted)
    }

    pub fn report(self) -> Icmp {
        let destinations = |tally: &Destinations| {
            let show = |(address, port): &(Address, Option<u16>), count: &Complaints| Destination {
                address: address.to_ip(),
                names: KnownAs::default(),
                port: *port,
                times: count.times,
            };
            tally.report(show).into()
        };
        Icmp {
            messages: self.messages.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
            too_big_unheeded: self.too_big.iter().filter(|(_, one)| one.are_unheeded()).map(|(_, one)| one.times).sum(),
            unreachable_destinations: destinations(&self.unreachable),
            too_big_destinations: destinations(&self.too_big),
            ..self.icmp
        }
    }
}
