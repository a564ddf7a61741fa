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
mod bytes;
pub mod clients;
mod connection;
mod detect;
pub mod dns;
mod file;
pub mod finding;
mod flow_key;
mod flows;
pub mod histogram;
pub mod http;
pub mod icmp;
mod lines;
pub mod measure;
pub mod moment;
pub mod names;
mod packet;
pub mod protocols;
mod report;
pub mod series;
mod statistics;
pub mod talkers;
pub mod tcp;
mod tcp_analysis;
pub mod text;
pub mod tls;
pub mod top;

pub use analysis::Analysis;
pub use report::{CaptureFile, FileFault, LinkType, Packets, Report};
