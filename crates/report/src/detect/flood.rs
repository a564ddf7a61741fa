//! Connections that are begun so that a service has no room for others.

use crate::connection::Connections;
use crate::detect::filter::{SYN, UNUSED, to_service};
use crate::detect::intervals::Intervals;
use crate::detect::services::{about, called, opened, services};
use crate::detect::words::{ratio, when};
use crate::finding::{Finding, FindingKind, Severity};
use crate::measure::number;
use crate::report::Report;
use crate::service::Service;

/// A flood opens at least so many connections that come to nothing: fewer fill nobody's queue of half-open ones, which
/// holds hundreds on the smallest machines.
const FLOOD_CONNECTIONS: u64 = 200;

/// A flood has so many SYNs in a second at least. Clients of a service that has died try again more slowly.
const FLOOD_SYNS_PER_SECOND: f64 = 50.0;

/// In a flood at least this share of the connections to a service comes to nothing; when real clients are busy it is the
/// other way round.
const FLOOD_SHARE: f64 = 0.8;

/// Those that nobody went on with. What is still waiting counts too: in a flood most are when the capture ends. A spoofed
/// address may be somebody's, who answers by RST.
fn abandoned(connections: &Connections) -> u64 {
    let Connections { half_open, aborted, unanswered, pending, .. } = *connections;
    [half_open, aborted, unanswered, pending].into_iter().fold(0, u64::saturating_add)
}

pub fn is_flooded(report: &Report, service: &Service) -> bool {
    let connections = &service.connections;
    let all = opened(connections).saturating_add(connections.pending);
    let abandoned = abandoned(connections);
    let intervals = Intervals::new(&report.series, &report.series.syn);
    abandoned >= FLOOD_CONNECTIONS
        && ratio(abandoned, all) >= FLOOD_SHARE
        && intervals.is_some_and(|intervals| intervals.most_per_second() >= FLOOD_SYNS_PER_SECOND)
}

pub fn syn_flood(report: &Report) -> Option<Finding> {
    let flooded = services(report).filter(|service| is_flooded(report, service));
    let target = flooded.max_by_key(|service| abandoned(&service.connections))?;
    let intervals = Intervals::new(&report.series, &report.series.syn)?;
    let abandoned = abandoned(&target.connections);
    let all = opened(&target.connections).saturating_add(target.connections.pending);
    let name = called(target);
    let rate = intervals.most_per_second();
    let range = intervals.peak();
    let sentence = format!(
        "{name} is being flooded with connection attempts: {} of {} were never completed; the file has up to {} SYNs per \
         second{}.",
        number(abandoned),
        number(all),
        number(rate as u64),
        when(range),
    );
    let next =
        "Look whether Azure DDoS Protection reports an attack on that address, and limit who may reach the port.";
    let finding = Finding::new(FindingKind::SynFlood, Severity::Critical, sentence, next)
        .shown_by(format!("{} && {SYN} && {UNUSED}", to_service(target)))
        .with("attempts", all)
        .with("neverCompleted", abandoned)
        .with("synsPerSecond", rate)
        .with("addresses", report.endpoints.count);
    Some(about(finding, target).during(range))
}
