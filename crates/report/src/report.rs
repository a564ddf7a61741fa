//! What a report says: of the file, of its packets, and of each protocol.

use serde::Serialize;

use crate::dns::Dns;
use crate::file::Fault;
use crate::finding::Finding;
use crate::http::Http;
use crate::icmp::Icmp;
use crate::moment::Moment;
use crate::protocols::Protocols;
use crate::series::Series;
use crate::talkers::{Conversation, Endpoint, Port};
use crate::tcp::Tcp;
use crate::tls::Tls;
use crate::top::Top;

/// The version of the report's form. Members may be added to it; one that changes its meaning makes a new version.
pub const VERSION: u32 = 1;

/// What a capture file says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`VERSION`].
    pub version: u32,
    /// The file itself.
    pub file: CaptureFile,
    /// Its packets.
    pub packets: Packets,
    /// Packets by protocol.
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
    /// TCP.
    pub tcp: Tcp,
    /// DNS.
    pub dns: Dns,
    /// TLS.
    pub tls: Tls,
    /// HTTP/1.
    pub http: Http,
    /// ICMP.
    pub icmp: Icmp,
    /// What stands out, the most telling first.
    pub findings: Vec<Finding>,
    /// What looked as it should, a sentence each.
    pub normal: Vec<String>,
}

/// A capture file.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CaptureFile {
    /// `pcap`, `pcap-ns`, `pcap-modified` or `pcapng`; nothing for a file that is none of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Bytes in records that were read, and in headers.
    pub bytes_read: u64,
    /// Whether all of it was read.
    pub is_complete: bool,
    /// Why not all of it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<FileFault>,
    /// Sections of pcapng; one for pcap.
    pub sections: u64,
    /// Interfaces of all sections; one for pcap.
    pub interfaces: u64,
    /// Blocks of pcapng that hold neither a packet nor an interface: names, statistics, comments.
    pub skipped_blocks: u64,
    /// Packets by their link type.
    pub link_types: Vec<LinkType>,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileFault {
    /// A word for programs; see `FaultKind::word`.
    pub reason: String,
    /// Where the record begins that could not be read.
    pub at: u64,
    /// A sentence for people.
    pub message: String,
}

impl From<Fault> for FileFault {
    fn from(fault: Fault) -> Self {
        Self { reason: fault.kind.word().to_owned(), at: fault.at, message: fault.to_string() }
    }
}

/// Packets of a link type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LinkType {
    /// Its number (tcpdump.org, "Link-layer header types").
    pub number: u16,
    /// Its name, or `other`.
    pub name: String,
    /// How many.
    pub packets: u64,
}

/// Packets of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Packets {
    /// How many.
    pub count: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Their bytes in the file.
    pub captured_bytes: u64,
    /// How many were longer on the wire than in the file.
    pub cut: u64,
    /// How many are of a link type that nightcap cannot read; they are in no count but those above, and in the series.
    pub not_read: u64,
    /// The earliest time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_time: Option<Moment>,
    /// The latest time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_time: Option<Moment>,
    /// From the earliest to the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<f64>,
    /// How many have no time.
    pub without_time: u64,
    /// How many are earlier than the one before them in the file.
    pub out_of_time_order: u64,
}
