//! Who talked, with whom, and about what: endpoints, conversations and ports.

use std::net::IpAddr;

use etherparse::{IpNumber, ip_number};
use serde::Serialize;

use crate::flow_key::{FlowKey, Peer, Side};
use crate::flows::Flow;
use crate::host_names::KnownAs;
use crate::moment::seconds;
use crate::packet::Address;
use crate::port_names::port_name;
use crate::service::Service;
use crate::top::{Tally, Top, Weighed, Weight};

/// The most of each that are kept; beyond that see [`Top::exact`].
const MAX_KEPT: usize = 14_000;

/// The most services that are kept; of each much is known.
const MAX_SERVICES: usize = 7_000;

const SIDES: [Side; 2] = [Side::Low, Side::High];

/// An address, as the outermost IP header has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// Of the machine, or of the tunnel's end.
    pub address: IpAddr,
    /// What it is called.
    #[serde(skip_serializing_if = "KnownAs::is_empty")]
    pub names: KnownAs,
    /// Packets from and to it; one to itself counts once.
    pub packets: u64,
    /// Bytes from and to it.
    pub bytes: u64,
    /// Packets from it.
    pub packets_sent: u64,
    /// Bytes from it.
    pub bytes_sent: u64,
}

/// What two addresses and ports say to each other; those within a tunnel, when there is one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    /// `tcp`, `udp`, `icmp`, `icmpv6`, or the number of another protocol.
    pub protocol: String,
    /// Who opened the connection, or was the first to send.
    pub source: IpAddr,
    /// What the source is called.
    #[serde(skip_serializing_if = "KnownAs::is_empty")]
    pub source_names: KnownAs,
    /// The source's port; 0 for protocols without ports, and for later fragments.
    pub source_port: u16,
    /// The other one.
    pub destination: IpAddr,
    /// What the destination is called.
    #[serde(skip_serializing_if = "KnownAs::is_empty")]
    pub destination_names: KnownAs,
    /// The other one's port.
    pub destination_port: u16,
    /// What the other one's port is mostly used for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_port_name: Option<&'static str>,
    /// Packets both ways.
    pub packets: u64,
    /// Bytes both ways.
    pub bytes: u64,
    /// Packets from the source.
    pub packets_sent: u64,
    /// Bytes from the source.
    pub bytes_sent: u64,
    /// TCP segments of either that were sent again, as Wireshark counts them.
    pub retransmissions: u64,
    /// TCP resets of either.
    pub resets: u64,
    /// How often either said that it can take no more.
    pub zero_windows: u64,
    /// The longest time that the source would take no more while somebody waited.
    pub longest_shut_seconds_of_source: f64,
}

/// The port of a service: the one that a SYN goes to, else the lower one of the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Port {
    /// `tcp` or `udp`.
    pub protocol: String,
    /// The server's.
    pub port: u16,
    /// What is mostly at a port of this number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'static str>,
    /// Packets from and to it.
    pub packets: u64,
    /// Bytes from and to it.
    pub bytes: u64,
    /// How many conversations there were with it.
    pub conversations: u64,
}

#[derive(Clone, Debug, Default)]
struct EndpointCounts {
    all: Weight,
    sent: Weight,
}

impl Weighed for EndpointCounts {
    fn weight(&self) -> Weight {
        self.all
    }
}

#[derive(Clone, Debug, Default)]
struct ConversationCounts {
    source: Side,
    sent: [Weight; 2],
    retransmissions: u64,
    resets: u64,
    zero_windows: u64,
    longest_shut_of_source: i64,
}

impl Weighed for ConversationCounts {
    fn weight(&self) -> Weight {
        let [mut both, other] = self.sent;
        both.add(other);
        both
    }
}

#[derive(Clone, Debug, Default)]
struct PortCounts {
    all: Weight,
    conversations: u64,
}

impl Weighed for PortCounts {
    fn weight(&self) -> Weight {
        self.all
    }
}

/// Talkers as they are counted: mostly when a conversation ends, for that is seldom.
#[derive(Clone, Debug)]
pub(crate) struct Talkers {
    endpoints: Tally<Address, EndpointCounts>,
    conversations: Tally<FlowKey, ConversationCounts>,
    ports: Tally<(u8, u16), PortCounts>,
    services: Tally<Peer, Service>,
}

impl Default for Talkers {
    fn default() -> Self {
        Self {
            endpoints: Tally::new(MAX_KEPT),
            conversations: Tally::new(MAX_KEPT),
            ports: Tally::new(MAX_KEPT),
            services: Tally::new(MAX_SERVICES),
        }
    }
}

/// What the talkers say in the report.
pub(crate) struct TalkersReport {
    pub endpoints: Top<Endpoint>,
    pub conversations: Top<Conversation>,
    pub ports: Top<Port>,
    pub services: Top<Service>,
    /// Those with the most trouble, most first.
    pub troubled: Vec<Service>,
}

impl Talkers {
    /// Counts packets between two addresses.
    pub fn count_endpoints(&mut self, source: Address, destination: Address, weight: Weight) {
        if weight.packets == 0 {
            return;
        }
        let sender = self.endpoints.entry(source);
        sender.all.add(weight);
        sender.sent.add(weight);
        if source != destination {
            self.endpoints.entry(destination).all.add(weight);
        }
    }

    /// Counts a conversation that has ended, or whose end nobody waits for. `end` is when.
    pub fn count_flow(&mut self, key: &FlowKey, flow: &Flow, end: i64) {
        let connection = flow.tcp.as_deref();
        let source = connection.and_then(|connection| connection.client()).unwrap_or(flow.begun_by);
        if !key.is_tunnelled {
            // What is in tunnels has been counted under the outermost addresses.
            let [low, high] = key.peers().map(|peer| peer.address);
            self.count_endpoints(low, high, flow.sent_by(Side::Low));
            self.count_endpoints(high, low, flow.sent_by(Side::High));
        }
        let mut both = flow.sent_by(Side::Low);
        both.add(flow.sent_by(Side::High));

        let counts = self.conversations.entry(*key);
        if counts.weight().packets == 0 {
            counts.source = source;
        }
        counts.sent.iter_mut().zip(flow.sent).for_each(|(counted, sent)| counted.add(sent));
        if let Some(tcp) = connection {
            let sum = |of: [u64; 2]| of.into_iter().fold(0, u64::saturating_add);
            let retransmissions = sum(SIDES.map(|side| tcp.retransmissions(side)));
            counts.retransmissions = counts.retransmissions.saturating_add(retransmissions);
            counts.resets = counts.resets.saturating_add(sum(SIDES.map(|side| tcp.resets(side))));
            counts.zero_windows = counts.zero_windows.saturating_add(sum(SIDES.map(|side| tcp.zero_windows(side))));
            counts.longest_shut_of_source = counts.longest_shut_of_source.max(tcp.longest_shut(counts.source));
        }

        let service = service(key, connection.and_then(|connection| connection.client()));
        let Some((server, server_side)) = service else { return };
        let port = self.ports.entry((key.protocol, server.port));
        port.all.add(both);
        port.conversations = port.conversations.saturating_add(1);
        if let Some(tcp) = connection {
            let service = self.services.entry_or(server, || Service::new(server));
            service.count(key, flow, tcp, server_side, end);
        }
    }

    /// Counts how long a service took to answer.
    pub fn count_answer(&mut self, server: Peer, took: i64) {
        self.services.entry_or(server, || Service::new(server)).answers.count(took);
    }

    /// Remembers the name that a client has asked a service for in TLS.
    pub fn note_server_name(&mut self, server: Peer, name: String) {
        self.services.entry_or(server, || Service::new(server)).server_name = Some(name);
    }

    /// `scanners` are clients whose failures are their own.
    pub fn report(&mut self, scanners: &[IpAddr]) -> TalkersReport {
        self.services.for_each(|service| service.note_scanners(scanners));

        let endpoints = self.endpoints.report(|address, counts| Endpoint {
            address: address.to_ip(),
            names: KnownAs::default(),
            packets: counts.all.packets,
            bytes: counts.all.bytes,
            packets_sent: counts.sent.packets,
            bytes_sent: counts.sent.bytes,
        });
        let ports = self.ports.report(|(protocol, port), counts| Port {
            protocol: protocol_name(*protocol),
            port: *port,
            name: port_name(*port),
            packets: counts.all.packets,
            bytes: counts.all.bytes,
            conversations: counts.conversations,
        });
        let services = self.services.report(|_, service| service.clone());
        let conversations = self.conversations.report(conversation);
        let troubled = self.services.largest(&Service::badness).into_iter().filter(|service| service.badness() > 0);
        let troubled = troubled.cloned().collect();
        TalkersReport { endpoints, conversations, ports, services, troubled }
    }
}

fn conversation(key: &FlowKey, counts: &ConversationCounts) -> Conversation {
    let (source, destination) = (key.peer(counts.source), key.peer(counts.source.other()));
    let sent = counts.source.of(counts.sent);
    let both = counts.weight();
    Conversation {
        protocol: protocol_name(key.protocol),
        source: source.address.to_ip(),
        source_names: KnownAs::default(),
        source_port: source.port,
        destination: destination.address.to_ip(),
        destination_names: KnownAs::default(),
        destination_port: destination.port,
        destination_port_name: port_name(destination.port),
        packets: both.packets,
        bytes: both.bytes,
        packets_sent: sent.packets,
        bytes_sent: sent.bytes,
        retransmissions: counts.retransmissions,
        resets: counts.resets,
        zero_windows: counts.zero_windows,
        longest_shut_seconds_of_source: seconds(counts.longest_shut_of_source),
    }
}

/// The side of a conversation that serves, of those with ports.
fn service(key: &FlowKey, client: Option<Side>) -> Option<(Peer, Side)> {
    let [low, high] = key.peers();
    if low.port == 0 && high.port == 0 {
        return None;
    }
    let server = match client {
        Some(client) => client.other(),
        None if high.port < low.port => Side::High,
        None => Side::Low,
    };
    Some((key.peer(server), server))
}

fn protocol_name(protocol: u8) -> String {
    match IpNumber(protocol) {
        ip_number::TCP => "tcp".to_owned(),
        ip_number::UDP => "udp".to_owned(),
        ip_number::ICMP => "icmp".to_owned(),
        ip_number::IPV6_ICMP => "icmpv6".to_owned(),
        _ => protocol.to_string(),
    }
}
