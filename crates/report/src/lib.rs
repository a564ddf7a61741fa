//! What a capture file says, so that people need not read it: counts, series, talkers. Pure, and in bounded memory
//! whatever the file holds.
//!
//! Bytes go one way: `file` takes the file apart into packets, `packet` takes a packet apart into layers, `statistics`
//! counts what is in them, with a file for each subject, and `detect` finds in the counts what stands out. Use [`Analysis`]
//! for all of it.

// A trap ends every request of the instance, so nothing here may panic on what came from outside.
#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unwrap_used
    )
)]

mod analysis;
mod application;
mod baseline;
mod bytes;
pub mod calendar;
mod called;
mod clients;
mod clock;
mod comparison;
mod connection;
mod copies;
mod delivery;
mod detect;
mod dns;
mod ending;
mod exchange;
mod file;
mod finding;
mod flow_key;
mod flows;
mod histogram;
mod host_names;
mod http;
mod icmp;
mod lines;
pub mod measure;
mod moment;
mod names;
mod naming;
mod packet;
mod pings;
mod port_names;
mod protocols;
mod quic;
mod quic_initial;
mod rank;
mod report;
mod search_list;
mod sequence;
mod series;
mod service;
mod shrinking;
mod statistics;
mod steady;
mod talkers;
mod tcp;
mod tcp_analysis;
pub mod text;
mod tls;
mod tls_counts;
mod tls_handshake;
mod top;
mod waiting;
mod window;

pub use analysis::Analysis;
pub use baseline::Baseline;
pub use comparison::{Change, ChangeKind, Comparison, Measure, MeasureKind};
pub use delivery::DeliveryCounts;
pub use dns::{DnsName, DnsServer};
pub use finding::{Evidence, Finding, FindingKind, Severity};
pub use histogram::Durations;
pub use host_names::KnownAs;
pub use icmp::Destination;
pub use lines::more_findings;
pub use moment::Moment;
pub use names::Named;
pub use protocols::Transports;
pub use rank::Rank;
pub use report::{CaptureFile, CopiedPacket, FileFault, LinkType, Packets, Report};
pub use search_list::LostZone;
pub use series::Series;
pub use service::{Answers, Endings, HttpCounts, Scanned, Service, Sizes};
pub use talkers::{Conversation, Endpoint, Port};
pub use tls_counts::TlsCounts;
pub use top::{Names, Top, Weight};
