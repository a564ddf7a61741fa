//! What looked as it should: that is an answer too.

use crate::delivery::DeliveryCounts;
use crate::detect::intervals::Intervals;
use crate::detect::services::{opened, services};
use crate::detect::traffic::INTERVALS_NEEDED;
use crate::detect::transport::SENT_AGAIN_SHARE;
use crate::detect::words::{percent, ratio};
use crate::finding::{Finding, FindingKind};
use crate::histogram::Durations;
use crate::measure::{count_of, number, seconds_long};
use crate::report::Report;
use crate::service::Service;
use crate::tls_counts::TlsCounts;

/// What went well less often than this is not praised, even where it is too little to be a finding.
const WELL_SHARE: f64 = 0.9;

/// One or two that went well may have been the only ones that did.
const WELL_NEEDED: u64 = 3;

/// A network of a cloud that is well has to send far less again.
const LITTLE_SHARE: f64 = 0.01;

/// So many segments of one service that were lost are too many to speak well of all.
const LOST: u64 = 5;

/// Of fewer segments with data a share says nothing: three of a hundred would not show.
const SEGMENTS_NEEDED: u64 = 34;

/// Traffic that is never more than so many times what is usual is even.
const EVEN_FACTOR: f64 = 3.0;

/// A sentence on one subject, when it looked as it should.
type Say = fn(&Report) -> Option<String>;

/// Findings that say that connections do not come about, or do not go on.
const CONNECTIONS: [FindingKind; 10] = [
    FindingKind::SynFlood,
    FindingKind::PortScan,
    FindingKind::HostSweep,
    FindingKind::RefusedService,
    FindingKind::SilentService,
    FindingKind::HalfOpenService,
    FindingKind::PacketsTooBig,
    FindingKind::ConnectionsReset,
    FindingKind::IdleConnectionsDie,
    FindingKind::ConnectionsStall,
];

/// Findings that say that data does not arrive.
const DATA: [FindingKind; 3] =
    [FindingKind::RetransmissionStorm, FindingKind::PacketsTooBig, FindingKind::ConnectionsStall];

/// Findings that say that there is more traffic than there should be.
const TRAFFIC: [FindingKind; 5] = [
    FindingKind::SynFlood,
    FindingKind::PortScan,
    FindingKind::HostSweep,
    FindingKind::Burst,
    FindingKind::DominantTalker,
];

/// What looked as it should, a sentence each, given what did not.
pub fn normal(report: &Report, findings: &[Finding]) -> Vec<String> {
    let is_free_of = |kinds: &[FindingKind]| !findings.iter().any(|finding| kinds.contains(&finding.kind));
    let says: [(&[FindingKind], Say); 7] = [
        (&CONNECTIONS, connections),
        (&DATA, retransmissions),
        (&[FindingKind::ZeroWindow], windows),
        (&[FindingKind::DnsFailing, FindingKind::DnsSlow], dns),
        (&[FindingKind::TlsFailing, FindingKind::ConnectionsReset], tls),
        (&[FindingKind::PacketsTooBig], sizes),
        (&TRAFFIC, rate),
    ];
    says.iter().filter(|(kinds, _)| is_free_of(kinds)).filter_map(|(_, say)| say(report)).collect()
}

/// Handshakes that were completed, and data that was acknowledged.
fn connections(report: &Report) -> Option<String> {
    let tcp = &report.tcp;
    let (completed, all) = (tcp.connections.completed, opened(&tcp.connections));
    let typically = typically(&tcp.handshake);
    is_well(completed, all)
        .then(|| format!("Connections were answered: {} of {}{typically}.", number(completed), number(all)))
}

fn retransmissions(report: &Report) -> Option<String> {
    let DeliveryCounts { segments, sent_again, .. } = report.tcp.delivered;
    let is_much = |way: &DeliveryCounts| way.lost() >= LOST && ratio(way.lost(), way.segments) >= SENT_AGAIN_SHARE;
    let suffers = |service: &Service| [service.delivered_from, service.delivered_to].iter().any(is_much);
    let is_little = segments >= SEGMENTS_NEEDED && ratio(sent_again, segments) < LITTLE_SHARE;
    let is_little = is_little && !services(report).any(suffers);
    let of = count_of(segments, "TCP segment with data", "TCP segments with data");
    is_little.then(|| format!("Little had to be sent again: {} of {of}.", percent(sent_again, segments)))
}

fn windows(report: &Report) -> Option<String> {
    let tcp = &report.tcp;
    let is_known = tcp.delivered.segments >= SEGMENTS_NEEDED;
    (is_known && tcp.zero_windows == 0).then(|| "Receivers kept up: none had a full buffer.".to_owned())
}

fn dns(report: &Report) -> Option<String> {
    let dns = &report.dns;
    let answered = dns.answered.count;
    let asked = dns.queries.saturating_sub(dns.repeated);
    let typically = typically(&dns.answered);
    let questions = count_of(asked, "question", "questions");
    is_well(answered, asked).then(|| format!("Name servers answered: {} of {questions}{typically}.", number(answered)))
}

/// Handshakes after which the client sent data, so that it was content with them.
fn tls(report: &Report) -> Option<String> {
    let TlsCounts { begun, finished, .. } = report.tls.handshakes;
    is_well(finished, begun)
        .then(|| format!("TLS handshakes went on: {} of {} were followed by data.", number(finished), number(begun)))
}

/// Segments that only fit a link of the usual size, and that arrived.
fn sizes(report: &Report) -> Option<String> {
    let acknowledged = report.tcp.large_acknowledged;
    let is_stuck = services(report).any(|service| service.sizes.stuck > 0);
    let is_well = acknowledged >= WELL_NEEDED && !is_stuck && report.icmp.too_big == 0;
    is_well.then(|| {
        let connections = count_of(acknowledged, "connection", "connections");
        format!(
            "Packets fitted: full-sized segments were acknowledged on {connections}, and no router complained of one."
        )
    })
}

fn rate(report: &Report) -> Option<String> {
    let intervals = Intervals::new(&report.series, &report.series.packets)?;
    let factor = ratio(intervals.most(), intervals.median());
    let is_even = intervals.counts.len() >= INTERVALS_NEEDED && (1.0..EVEN_FACTOR).contains(&factor);
    is_even.then(|| format!("Traffic was even: at most {factor:.1} times what is usual in this file."))
}

fn typically(durations: &Durations) -> String {
    match durations.count {
        0 => String::new(),
        _ => format!(", typically within {}", seconds_long(durations.median_seconds)),
    }
}

fn is_well(good: u64, all: u64) -> bool {
    good >= WELL_NEEDED && ratio(good, all) >= WELL_SHARE
}
