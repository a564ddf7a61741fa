//! The sections of the page, a file for each subject.

mod capture;
mod comparison;
mod conversations;
mod dns;
mod file;
mod findings;
mod http;
mod icmp;
mod instances;
mod protocols;
mod quic;
mod services;
mod talkers;
mod tcp;
mod tls;

pub use capture::{Facts, capture};
pub use comparison::comparison;
pub use conversations::conversations;
pub use dns::dns;
pub use file::file;
pub use findings::{findings, headline, normal};
pub use http::http;
pub use icmp::icmp;
pub use instances::{Instances, instances};
pub use protocols::protocols;
pub use quic::quic;
pub use services::services;
pub use talkers::talkers;
pub use tcp::tcp;
pub use tls::tls;
