//! What a report says: of the file, of its packets, and of each protocol.

use std::net::IpAddr;

use serde::Serialize;
use serde_with::skip_serializing_none;

use crate::dns::Dns;
use crate::file::Fault;
use crate::finding::Finding;
use crate::http::Http;
use crate::icmp::Icmp;
use crate::moment::Moment;
use crate::protocols::Protocols;
use crate::quic::Quic;
use crate::series::Series;
use crate::talkers::{Conversation, Endpoint, Port};
use crate::tcp::Tcp;
use crate::tls::Tls;
use crate::top::Top;

/// See [`Report::version`].
pub(crate) const VERSION: u32 = 1;

/// What a capture file says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Of this form: 1. Members may be added to a version; one that changes its meaning makes a new one.
    pub version: u32,
    /// Its format, how much of it was read, and what is wrong with it.
    pub file: CaptureFile,
    /// How many there are, how long, and from when to when.
    pub packets: Packets,
    /// Whether names were left out: those of hosts, zones and servers that DNS, TLS, QUIC and HTTP tell.
    pub names_left_out: bool,
    /// Packets by transport, tunnel and VLAN.
    pub protocols: Protocols,
    /// What happened when.
    pub series: Series,
    /// Addresses, those of the outermost IP headers.
    pub endpoints: Top<Endpoint>,
    /// Conversations, those within tunnels.
    pub conversations: Top<Conversation>,
    /// How many conversations had to be forgotten while the file was read, because more than 50,000 were open. One that
    /// went on is counted as another one from there.
    pub forgotten_conversations: u64,
    /// Ports of services, those within tunnels.
    pub ports: Top<Port>,
    /// Connections, services, clients, and how segments fared.
    pub tcp: Tcp,
    /// Questions and answers, names and name servers.
    pub dns: Dns,
    /// Handshakes, versions, alerts and names of servers.
    pub tls: Tls,
    /// Connections, versions and names of servers.
    pub quic: Quic,
    /// Requests and answers without encryption.
    pub http: Http,
    /// What routers and hosts complain of.
    pub icmp: Icmp,
    /// What stands out, the most telling first.
    pub findings: Vec<Finding>,
    /// What looked as it should, a sentence each.
    pub normal: Vec<String>,
}

/// A capture file, and how far it could be read.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CaptureFile {
    /// `pcap`, `pcap-ns`, `pcap-modified`, `pcapng`, `netmon1` or `netmon2`; nothing for a file that is none of them.
    pub format: Option<String>,
    /// Bytes in records that were read, and in headers.
    pub bytes_read: u64,
    /// Whether all of it was read.
    pub is_complete: bool,
    /// How many bytes it has, where reading stopped before its end.
    pub length: Option<u64>,
    /// Why not all of it could be read.
    pub fault: Option<FileFault>,
    /// Sections of pcapng; one for others.
    pub sections: u64,
    /// Interfaces of all sections; one for others than pcapng.
    pub interfaces: u64,
    /// Blocks of pcapng that hold neither a packet nor an interface: names, statistics, comments; frames of Network Monitor
    /// that were on no wire.
    pub skipped_blocks: u64,
    /// Packets by their link type; those of the first 64 in the file.
    pub link_types: Vec<LinkType>,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileFault {
    /// A word for programs, such as `cut_short` or `unknown_format`.
    pub reason: String,
    /// Where the record begins that could not be read.
    pub at: u64,
    /// A sentence for people.
    pub message: String,
}

impl From<Fault> for FileFault {
    fn from(fault: Fault) -> Self {
        let reason: &str = fault.kind.into();
        Self { reason: reason.to_owned(), at: fault.at, message: fault.to_string() }
    }
}

/// How many packets are of a link type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LinkType {
    /// Its number (tcpdump.org, "Link-layer header types").
    pub number: u16,
    /// Its name, or `other`.
    pub name: String,
    /// Whether they can be read or not.
    pub packets: u64,
}

/// Packets of a file.
#[skip_serializing_none]
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Packets {
    /// Those of all link types.
    pub count: u64,
    /// On the wire.
    pub bytes: u64,
    /// In the file.
    pub captured_bytes: u64,
    /// How many were longer on the wire than in the file.
    pub cut: u64,
    /// How many are of a link type that nightcap cannot read; they are in no count but those above, and in the series.
    pub not_read: u64,
    /// Not of the first packet in the file but of the earliest one.
    pub first_time: Option<Moment>,
    /// Not of the last packet in the file but of the latest one.
    pub last_time: Option<Moment>,
    /// From `first_time` to `last_time`.
    pub duration_seconds: Option<f64>,
    /// Those of simple packet blocks of pcapng.
    pub without_time: u64,
    /// How many are earlier than the one before them in the file.
    pub out_of_time_order: u64,
    /// How many have a time that is far from those of most packets, or is none: a clock was wrong, or was set while the capture
    /// ran. They are in no series and in no duration.
    pub odd_times: u64,
    /// How many are in the file twice, since they were captured twice or came twice. TCP and DNS are judged without them.
    pub copies: u64,
    /// Those of them that have passed a router in between: this machine forwards.
    pub forwarded: u64,
    /// The first packet that is in the file twice.
    pub copied: Option<CopiedPacket>,
}

/// A packet of TCP or UDP of which there is a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CopiedPacket {
    /// Its transport, as the IP header has it (IANA, "Protocol Numbers").
    pub protocol: u8,
    /// Who sent it.
    pub source: IpAddr,
    /// From this port.
    pub source_port: u16,
    /// To whom.
    pub destination: IpAddr,
    /// To this port.
    pub destination_port: u16,
    /// The number that its sender gave it in the IP header; 0 for none.
    pub identification: u16,
}
