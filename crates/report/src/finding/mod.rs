//! What in a report tells why somebody was woken, in sentences for people; and what looked as it should.
//!
//! Each subject has a file whose functions look at one kind of trouble. They judge by thresholds, which are constants
//! with their reasons, and say nothing rather than something that is true of every capture.

mod connections;
mod names;
mod normal;
mod steps;
#[cfg(test)]
mod tests;
mod traffic;
mod transport;
mod words;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::Report;
use crate::moment::{Moment, Stretch};

pub use normal::normal;

/// The most findings: more than this are not read at night, and what comes last mostly follows from what comes first.
pub const MOST: usize = 5;

/// Something that stands out in a capture.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence: what, who, how much and when.
    pub sentence: String,
    /// The numbers and names behind the sentence.
    pub evidence: BTreeMap<String, Evidence>,
    /// When it begins, of what is in the series as finely as that tells; nothing when packets have no time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Moment>,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Moment>,
}

/// Kinds of findings. Of two that are equally bad the one that comes first here tells more: it may be the cause of the
/// other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The file holds no packets.
    NothingCaptured,
    /// Many connections are begun at once that nobody means to use.
    SynFlood,
    /// A client looks for open ports.
    PortScan,
    /// A client looks for hosts that have a port open.
    HostSweep,
    /// Name servers answer with errors.
    DnsFailing,
    /// Name servers answer late, or not at all.
    DnsSlow,
    /// A service refuses connections.
    RefusedService,
    /// A service does not answer when connections are opened.
    SilentService,
    /// TLS handshakes fail.
    TlsFailing,
    /// Packets are too big for a link on their way.
    PacketsTooBig,
    /// Much has to be sent again.
    RetransmissionStorm,
    /// A receiver cannot take any more.
    ZeroWindow,
    /// There is far more traffic at one time than is usual in the file.
    Burst,
    /// One address has most of the traffic.
    DominantTalker,
}

/// How bad a finding is, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Users notice it.
    Critical,
    /// Some users notice it, or will before long.
    Warning,
    /// It may explain something, and may be as it should.
    Info,
}

impl Severity {
    /// The word in reports and pages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// A number or a name behind a finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Evidence {
    /// So many of what its name says.
    Count(u64),
    /// A share between 0 and 1, a rate or a duration in seconds, as its name says.
    Number(f64),
    /// An address, a name or a word.
    Text(String),
}

impl From<u64> for Evidence {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<f64> for Evidence {
    fn from(number: f64) -> Self {
        // JSON has no other numbers.
        Self::Number(if number.is_finite() { number } else { 0.0 })
    }
}

impl From<String> for Evidence {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl Finding {
    fn new(kind: Kind, severity: Severity, sentence: String) -> Self {
        Self { kind, severity, sentence, evidence: BTreeMap::new(), from: None, to: None }
    }

    fn with(mut self, name: &str, evidence: impl Into<Evidence>) -> Self {
        self.evidence.insert(name.to_owned(), evidence.into());
        self
    }

    fn during(mut self, stretch: Option<Stretch>) -> Self {
        self.from = stretch.map(|stretch| stretch.from);
        self.to = stretch.map(|stretch| stretch.to);
        self
    }
}

/// What stands out in a capture, the most telling first; at most [`MOST`], one of a kind.
pub fn findings(report: &Report) -> Vec<Finding> {
    let looks: [fn(&Report) -> Option<Finding>; 13] = [
        traffic::nothing_captured,
        connections::syn_flood,
        connections::scan,
        connections::refused_service,
        connections::silent_service,
        names::dns_failing,
        names::dns_slow,
        names::tls_failing,
        transport::packets_too_big,
        transport::retransmission_storm,
        transport::zero_window,
        traffic::burst,
        traffic::dominant_talker,
    ];
    let mut found: Vec<Finding> = looks.iter().filter_map(|look| look(report)).collect();
    found.sort_by_key(|finding| (finding.severity, finding.kind));
    found.truncate(MOST);
    found
}
