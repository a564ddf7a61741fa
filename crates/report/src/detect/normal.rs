//! What looked as it should: that is an answer too.

use crate::detect::connections::opened;
use crate::detect::intervals::Intervals;
use crate::detect::traffic::{BURST_FACTOR, INTERVALS_NEEDED};
use crate::detect::transport::{RETRANSMISSION_SHARE, repeated_data};
use crate::detect::words::{percent, ratio};
use crate::finding::{Finding, FindingKind};
use crate::histogram::Durations;
use crate::measure::{count_of, number, seconds_long};
use crate::report::Report;

/// What went well less often than this is not praised, even where it is too little to be a finding.
const WELL_SHARE: f64 = 0.9;

/// A sentence on one subject, when it looked as it should.
type Say = fn(&Report) -> Option<String>;

/// What looked as it should, a sentence each, given what did not.
pub fn normal(report: &Report, findings: &[Finding]) -> Vec<String> {
    let is_free_of = |kinds: &[FindingKind]| !findings.iter().any(|finding| kinds.contains(&finding.kind));
    let says: [(&[FindingKind], Say); 7] = [
        (
            &[
                FindingKind::SynFlood,
                FindingKind::PortScan,
                FindingKind::HostSweep,
                FindingKind::RefusedService,
                FindingKind::SilentService,
            ],
            connections,
        ),
        (&[FindingKind::RetransmissionStorm], retransmissions),
        (&[FindingKind::ZeroWindow], windows),
        (&[FindingKind::DnsFailing, FindingKind::DnsSlow], dns),
        (&[FindingKind::TlsFailing], tls),
        (&[FindingKind::PacketsTooBig], sizes),
        (&[FindingKind::Burst], rate),
    ];
    says.iter().filter(|(kinds, _)| is_free_of(kinds)).filter_map(|(_, say)| say(report)).collect()
}

fn connections(report: &Report) -> Option<String> {
    let tcp = &report.tcp;
    let (answered, all) = (tcp.connections.answered, opened(&tcp.connections));
    let typically = typically(&tcp.handshake);
    is_well(answered, all)
        .then(|| format!("Connections were answered: {} of {}{typically}.", number(answered), number(all)))
}

fn retransmissions(report: &Report) -> Option<String> {
    let (repeated, all) = (repeated_data(&report.tcp), report.tcp.segments);
    let segments = count_of(all, "TCP segment", "TCP segments");
    let is_little = all > 0 && ratio(repeated, all) < RETRANSMISSION_SHARE;
    is_little.then(|| format!("Little had to be sent again: {} of {segments}.", percent(repeated, all)))
}

fn windows(report: &Report) -> Option<String> {
    let tcp = &report.tcp;
    (tcp.segments > 0 && tcp.zero_windows == 0).then(|| "Receivers kept up: none had a full buffer.".to_owned())
}

fn dns(report: &Report) -> Option<String> {
    let dns = &report.dns;
    let answered = dns.answered.count;
    let typically = typically(&dns.answered);
    let queries = count_of(dns.queries, "question", "questions");
    is_well(answered, dns.queries)
        .then(|| format!("Name servers answered: {} of {queries}{typically}.", number(answered)))
}

fn tls(report: &Report) -> Option<String> {
    let tls = &report.tls;
    let (begun, answered) = (tls.client_hellos, tls.server_hellos);
    is_well(answered, begun)
        .then(|| format!("TLS handshakes went on: {} of {} were answered.", number(answered), number(begun)))
}

fn sizes(report: &Report) -> Option<String> {
    let is_none = report.packets.count > report.packets.not_read && report.icmp.too_big == 0;
    is_none.then(|| "Packets fitted: no router complained that one was too big.".to_owned())
}

fn rate(report: &Report) -> Option<String> {
    let intervals = Intervals::new(&report.series, &report.series.packets)?;
    let factor = ratio(intervals.most(), intervals.median());
    let is_even = intervals.counts.len() >= INTERVALS_NEEDED && (1.0..BURST_FACTOR).contains(&factor);
    is_even.then(|| format!("Traffic was even: at most {factor:.1} times what is usual in this file."))
}

fn typically(durations: &Durations) -> String {
    match durations.count {
        0 => String::new(),
        _ => format!(", typically within {}", seconds_long(durations.median_seconds)),
    }
}

fn is_well(good: u64, all: u64) -> bool {
    ratio(good, all) >= WELL_SHARE
}
