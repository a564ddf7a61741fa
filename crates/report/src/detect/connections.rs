//! Connections that do not come about.

use std::cmp::Reverse;

use crate::clients::Client;
use crate::connection::Connections;
use crate::detect::intervals::{Intervals, peak};
use crate::detect::words::{ratio, service, when};
use crate::finding::{Finding, FindingKind, Severity};
use crate::measure::{count_of, number};
use crate::moment::TimeRange;
use crate::report::Report;
use crate::talkers::Service;

/// A flood opens at least so many connections that come to nothing: fewer fill nobody's queue of half-open ones, which
/// holds hundreds on the smallest machines.
const FLOOD_CONNECTIONS: u64 = 200;

/// A flood has so many SYNs in a second at least. Clients of a service that has died try again more slowly.
const FLOOD_SYNS_PER_SECOND: f64 = 50.0;

/// In a flood at least this share of the connections to a service comes to nothing; when real clients are busy it is the
/// other way round.
const FLOOD_SHARE: f64 = 0.8;

/// A client that fails at so many ports looks for open ones: no program has so many services, all of them down.
const SCANNED_PORTS: u64 = 15;

/// A client that fails at so many hosts looks for them: a pool of servers that is down is seldom as large, and most
/// programs give up before they have tried so many.
const SWEPT_HOSTS: u64 = 15;

/// A client of which at least this share of connections fails is not one that works, and meets some that are down.
const SCAN_SHARE: f64 = 0.5;

/// Failures of a service below this number are clients that came at a wrong moment, such as during a restart.
const FAILED_CONNECTIONS: u64 = 3;

/// A service of which more than this share of connections fails is not one that is merely busy.
const FAILED_SHARE: f64 = 0.2;

/// How many connections were opened.
pub fn opened(connections: &Connections) -> u64 {
    let Connections { answered, refused, unanswered, .. } = *connections;
    answered.saturating_add(refused).saturating_add(unanswered)
}

/// Those that nobody went on with. What is still waiting counts too: in a flood most are when the capture ends.
fn abandoned(connections: &Connections) -> u64 {
    connections.half_open.saturating_add(connections.unanswered).saturating_add(connections.pending)
}

/// Services, each once: they come by bytes and by packets.
pub fn services(report: &Report) -> impl Iterator<Item = &Service> {
    let services = &report.tcp.services;
    let is_new = |service: &&Service| {
        let is_same = |other: &Service| (other.address, other.port) == (service.address, service.port);
        !services.by_bytes.iter().any(is_same)
    };
    services.by_bytes.iter().chain(services.by_packets.iter().filter(is_new))
}

fn is_flooded(report: &Report, service: &Service) -> bool {
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
    let name = service(target.address, target.port);
    let rate = intervals.most_per_second();
    let range = intervals.peak();
    let sentence = format!(
        "{name} is being flooded with connection attempts: {} of {} were never completed, at up to {} SYNs per second{}.",
        number(abandoned),
        number(all),
        number(rate as u64),
        when(range),
    );
    let finding = Finding::new(FindingKind::SynFlood, Severity::Critical, sentence)
        .with("service", name)
        .with("attempts", all)
        .with("neverCompleted", abandoned)
        .with("synsPerSecond", rate)
        .with("addresses", report.endpoints.count);
    Some(finding.during(range))
}

fn scanners(report: &Report) -> impl Iterator<Item = &Client> {
    report.tcp.clients.iter().filter(|client| {
        let is_wide = client.ports >= SCANNED_PORTS || client.hosts >= SWEPT_HOSTS;
        is_wide && ratio(client.failed, client.connections) >= SCAN_SHARE
    })
}

/// A port scan, or a sweep over hosts.
pub fn scan(report: &Report) -> Option<Finding> {
    let client = scanners(report).max_by_key(|client| client.failed)?;
    let (kind, or_else) = match client.ports {
        SCANNED_PORTS.. => (FindingKind::PortScan, ""),
        // From here that looks the same.
        _ => (FindingKind::HostSweep, "; or its way out is blocked, by a firewall, a route or a lack of SNAT ports"),
    };
    let at_least = |known: u64| if known >= 64 { "64 or more".to_owned() } else { number(known) };
    let on = match client.only_host {
        Some(host) => host.to_string(),
        None => format!("{} addresses", at_least(client.hosts)),
    };
    let what = match client.only_port {
        Some(port) => format!("for port {port} on {on}"),
        None => format!("for open ports on {on}"),
    };
    let range = peak(&report.series, &report.series.syn);
    let sentence = format!(
        "{} seems to be looking {what}: {} of its {} failed{}{or_else}.",
        client.address,
        number(client.failed),
        count_of(client.connections, "connection", "connections"),
        when(range),
    );
    let finding = Finding::new(kind, Severity::Warning, sentence)
        .with("client", client.address.to_string())
        .with("connections", client.connections)
        .with("failed", client.failed)
        .with("hosts", client.hosts)
        .with("ports", client.ports);
    Some(finding.during(range))
}

/// Services of which too many connections end in a way.
fn failing(report: &Report, failed: fn(&Connections) -> u64) -> Vec<&Service> {
    let fails = |service: &&Service| {
        let failed = failed(&service.connections);
        let is_frequent = ratio(failed, opened(&service.connections)) > FAILED_SHARE;
        failed >= FAILED_CONNECTIONS && is_frequent && !is_flooded(report, service)
    };
    let mut failing: Vec<&Service> = services(report).filter(fails).collect();
    failing.sort_by_key(|service| (Reverse(failed(&service.connections)), service.address, service.port));
    failing
}

/// How a service fails: what it did to so many of its connections.
struct Failure {
    kind: FindingKind,
    count: fn(&Connections) -> u64,
    before: &'static str,
    after: &'static str,
}

fn failing_service(report: &Report, failure: &Failure, range: Option<TimeRange>) -> Option<Finding> {
    let failing = failing(report, failure.count);
    let (worst, others) = failing.split_first()?;
    let (lost, all) = ((failure.count)(&worst.connections), opened(&worst.connections));
    let is_down = worst.connections.answered == 0;
    let others = match others.len() as u64 {
        0 => String::new(),
        others => format!("; it is the same with {}", count_of(others, "other service", "other services")),
    };
    let name = service(worst.address, worst.port);
    let sentence = format!(
        "{name} {} {} of {}{}{}{others}.",
        failure.before,
        number(lost),
        count_of(all, "connection", "connections"),
        failure.after,
        when(range),
    );
    let severity = if is_down { Severity::Critical } else { Severity::Warning };
    let finding = Finding::new(failure.kind, severity, sentence)
        .with("service", name)
        .with("connections", all)
        .with("failed", lost)
        .with("answered", worst.connections.answered)
        .with("share", ratio(lost, all))
        .with("services", failing.len() as u64);
    Some(finding.during(range))
}

pub fn refused_service(report: &Report) -> Option<Finding> {
    let count = |connections: &Connections| connections.refused;
    let failure = Failure { kind: FindingKind::RefusedService, count, before: "refused", after: "" };
    failing_service(report, &failure, peak(&report.series, &report.series.rst))
}

pub fn silent_service(report: &Report) -> Option<Finding> {
    let count = |connections: &Connections| connections.unanswered;
    let failure = Failure { kind: FindingKind::SilentService, count, before: "left", after: " unanswered" };
    failing_service(report, &failure, peak(&report.series, &report.series.syn))
}
