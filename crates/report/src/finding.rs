//! A finding: what stands out in a capture, as a sentence for people and as numbers for programs.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_with::skip_serializing_none;
use strum::{IntoStaticStr, VariantArray};

use crate::moment::{Moment, TimeRange};

/// Something that stands out in a capture.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What it is, in a word for programs.
    pub kind: FindingKind,
    /// Findings are told in its order.
    pub severity: Severity,
    /// One sentence: what, who, how much and when.
    pub sentence: String,
    /// What a person would look at next, in one sentence.
    pub next_step: String,
    /// A display filter of Wireshark that shows the packets behind it.
    pub filter: Option<String>,
    /// The numbers and names behind the sentence.
    pub evidence: BTreeMap<String, Evidence>,
    /// When it begins, of what is in the series as finely as that tells; nothing when packets have no time.
    pub from: Option<Moment>,
    /// When it ends.
    pub to: Option<Moment>,
}

/// Kinds of findings. Of two that are equally bad the one that comes first here tells more: it may be the cause of the
/// other one. Of some the number of connections decides before that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, VariantArray)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
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
    /// Packets are too big for a link on their way.
    PacketsTooBig,
    /// Much has to be sent again.
    RetransmissionStorm,
    /// Name servers answer late, or not at all.
    DnsSlow,
    /// A service refuses connections.
    RefusedService,
    /// A service does not answer when connections are opened.
    SilentService,
    /// A service answers connections, and nobody goes on with them.
    HalfOpenService,
    /// TLS handshakes fail.
    TlsFailing,
    /// A receiver cannot take any more.
    ZeroWindow,
    /// Connections are reset in mid-stream.
    ConnectionsReset,
    /// Connections die while nothing is said on them.
    IdleConnectionsDie,
    /// What is sent on connections is never acknowledged.
    ConnectionsStall,
    /// A service answers HTTP requests with errors of its own.
    HttpFailing,
    /// A service answers that it is asked too often.
    HttpThrottled,
    /// A service has nothing where clients ask.
    HttpNotFound,
    /// A service takes long to answer, and the way there does not.
    SlowService,
    /// The way to a service is long.
    FarService,
    /// A host answers no ping.
    PingsUnanswered,
    /// The file holds one direction only.
    CapturedOneWay,
    /// Packets are in the file twice.
    CapturedTwice,
    /// There is far more traffic at one time than is usual in the file.
    Burst,
    /// One address has most of the traffic.
    DominantTalker,
}

impl FindingKind {
    /// The first of the kinds that tell as much: of these the finding that is about most connections is told first.
    fn first_alike(self) -> Self {
        match self {
            Self::SilentService | Self::HalfOpenService | Self::TlsFailing => Self::RefusedService,
            Self::IdleConnectionsDie | Self::ConnectionsStall => Self::ConnectionsReset,
            other => other,
        }
    }
}

/// Where a finding belongs among others; the worst is the least.
pub(crate) type Place = (Severity, FindingKind, Reverse<u64>, FindingKind);

/// How bad a finding is, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, Serialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Severity {
    /// Users notice it.
    Critical,
    /// Some users notice it, or will before long.
    Warning,
    /// It may explain something, and may be as it should.
    Info,
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
    /// `next_step` is what a person would look at next.
    pub(crate) fn new(kind: FindingKind, severity: Severity, sentence: String, next_step: impl Into<String>) -> Self {
        let next_step = next_step.into();
        Self { kind, severity, sentence, next_step, filter: None, evidence: BTreeMap::new(), from: None, to: None }
    }

    /// Where it belongs among others.
    pub(crate) fn place(&self) -> Place {
        (self.severity, self.kind.first_alike(), Reverse(self.connections()), self.kind)
    }

    /// How many connections it is about; 0 where something else is counted.
    fn connections(&self) -> u64 {
        let name = match self.kind {
            FindingKind::RefusedService
            | FindingKind::SilentService
            | FindingKind::HalfOpenService
            | FindingKind::TlsFailing => "failed",
            FindingKind::ConnectionsReset => "reset",
            FindingKind::IdleConnectionsDie => "connections",
            FindingKind::ConnectionsStall => "stalled",
            _ => return 0,
        };
        match self.evidence.get(name) {
            Some(Evidence::Count(count)) => *count,
            _ => 0,
        }
    }

    /// The display filter that shows the packets behind it.
    pub(crate) fn shown_by(mut self, filter: impl Into<String>) -> Self {
        self.filter = Some(filter.into());
        self
    }

    pub(crate) fn with(mut self, name: &str, evidence: impl Into<Evidence>) -> Self {
        self.evidence.insert(name.to_owned(), evidence.into());
        self
    }

    pub(crate) fn with_some(self, name: &str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.with(name, text.to_owned()),
            None => self,
        }
    }

    pub(crate) fn during(mut self, range: Option<TimeRange>) -> Self {
        self.from = range.map(|range| range.from);
        self.to = range.map(|range| range.to);
        self
    }
}
