//! Services whose connections do not come about: refused, not answered, or answered in vain.

use std::cmp::Reverse;

use crate::clients::SWEPT_HOSTS;
use crate::detect::direction::is_one_way;
use crate::detect::filter::{SYN, UNANSWERED, UNUSED, from_services, to_services};
use crate::detect::flood::is_flooded;
use crate::detect::services::{called, name, opened, same_with, services};
use crate::detect::words::{ratio, when};
use crate::finding::{Finding, FindingKind, Severity};
use crate::measure::{count_of, number};
use crate::moment::TimeRange;
use crate::report::Report;
use crate::service::{Scanned, Service};

/// Failures of a service below this number are clients that came at a wrong moment, such as during a restart.
const FAILED_CONNECTIONS: u64 = 3;

/// Failures of several services at one port of which each has fewer: one of them is chance, all of them are not.
const FAILED_CONNECTIONS_OF_POOL: u64 = 4;

/// A service of which more than this share of connections fails is not one that is merely busy.
const FAILED_SHARE: f64 = 0.2;

const NEXT_OF_EXHAUSTED: &str = "Look at the SNAT ports of the NAT gateway or load balancer (used ones, and failed connections), and \
                                 whether programs use connections again.";

/// The most services that are named in a sentence.
const NAMED: usize = 3;

/// How a service fails: what it did to so many of its connections.
struct Failure {
    kind: FindingKind,
    count: fn(&Service) -> u64,
    /// When those connections were opened.
    during: fn(&Service) -> Option<TimeRange>,
    before: &'static str,
    after: &'static str,
    why: &'static str,
    /// Whether a few failures at each of several services are told.
    is_of_pools: bool,
    /// Whether its failures are so by themselves, however many others there are.
    is_certain: fn(&Service) -> bool,
    /// Whether it is about what was not seen.
    is_about_answers: bool,
    next: &'static str,
    /// What shows them, of services at one port.
    filter: fn(&[&Service]) -> String,
}

/// Connections that were opened by those who want something.
fn wanted(service: &Service) -> u64 {
    let scanned = service.scanned.refused.saturating_add(service.scanned.unanswered);
    opened(&service.connections).saturating_sub(scanned)
}

fn sum(services: &[&Service], count: fn(&Service) -> u64) -> u64 {
    services.iter().map(|service| count(service)).fold(0, u64::saturating_add)
}

/// Services of which too many connections end in a way, the worst first.
fn failing(report: &Report, count: fn(&Service) -> u64, is_certain: fn(&Service) -> bool) -> Vec<&Service> {
    let fails = |service: &&Service| {
        let is_frequent = ratio(count(service), wanted(service)) > FAILED_SHARE;
        count(service) > 0 && (is_frequent || is_certain(service)) && !is_flooded(report, service)
    };
    let mut failing: Vec<&Service> = services(report).filter(fails).collect();
    failing.sort_by_key(|service| (Reverse(count(service)), service.address, service.port));
    failing
}

fn failing_service(report: &Report, failure: &Failure) -> Option<Finding> {
    if failure.is_about_answers && is_one_way(report) {
        return None;
    }
    let failing = failing(report, failure.count, failure.is_certain);
    let (alone, few): (Vec<&Service>, Vec<&Service>) =
        failing.into_iter().partition(|service| (failure.count)(service) >= FAILED_CONNECTIONS);
    match alone.first() {
        Some(worst) => Some(told(failure, &[*worst], alone.len().saturating_sub(1))),
        None if failure.is_of_pools => Some(told(failure, &pool(failure, &few)?, 0)),
        None => None,
    }
}

/// Services at one port that fail seldom each, and often together.
fn pool<'a>(failure: &Failure, few: &[&'a Service]) -> Option<Vec<&'a Service>> {
    let pool_of = |port: u16| few.iter().copied().filter(|one| one.port == port).collect::<Vec<_>>();
    let pools = few.iter().map(|one| pool_of(one.port));
    let worst = pools.max_by_key(|pool| (sum(pool, failure.count), pool.first().map(|one| Reverse(one.port))))?;
    let is_few = (2..SWEPT_HOSTS).contains(&(worst.len() as u64));
    (is_few && sum(&worst, failure.count) >= FAILED_CONNECTIONS_OF_POOL).then_some(worst)
}

fn told(failure: &Failure, services: &[&Service], others: usize) -> Finding {
    let range = during(failure, services);
    let (lost, all) = (sum(services, failure.count), sum(services, wanted));
    let answered = sum(services, |service| service.connections.completed);
    let who = listed(services, called);
    let exhausted = exhausted(failure, services);
    let sentence = format!(
        "{who} {} {} of {}{}{}{}{}.{}",
        failure.before,
        number(lost),
        count_of(all, "connection", "connections"),
        failure.after,
        when(range),
        failure.why,
        exhausted,
        same_with(others as u64),
    );
    let next = if exhausted.is_empty() { failure.next } else { NEXT_OF_EXHAUSTED };
    let severity = if answered == 0 { Severity::Critical } else { Severity::Warning };
    let known = services.first().and_then(|first| first.names.text());
    Finding::new(failure.kind, severity, sentence, next)
        .shown_by((failure.filter)(services))
        .with("service", listed(services, name))
        .with_some("knownAs", known.as_deref())
        .with("connections", all)
        .with("failed", lost)
        .with("answered", sum(services, |service| service.connections.answered))
        .with("share", ratio(lost, all))
        .with("services", services.len().saturating_add(others) as u64)
        .during(range)
}

/// From the first failure to the last one; nothing where some of them are not told, for a client looks around.
fn during(failure: &Failure, services: &[&Service]) -> Option<TimeRange> {
    let is_scanned = services.iter().any(|service| service.scanned != Scanned::default());
    let ranges = services.iter().filter_map(|service| (failure.during)(service)).filter(|_| !is_scanned);
    ranges.reduce(|all, one| TimeRange { from: all.from.min(one.from), to: all.to.max(one.to) })
}

fn listed(services: &[&Service], name: fn(&Service) -> String) -> String {
    let mut names: Vec<String> = services.iter().take(NAMED).map(|service| name(service)).collect();
    let more = services.len().saturating_sub(NAMED) as u64;
    if more > 0 {
        names.push(count_of(more, "other", "others"));
    }
    match names.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

/// Connections came about up to a time, and none from then on, while those that there were went on.
fn exhausted(failure: &Failure, services: &[&Service]) -> String {
    let [service] = services else { return String::new() };
    let opening = &service.opening;
    let is_since = opening.last_answered.zip(opening.first_unanswered).is_some_and(|(last, first)| last < first);
    let answered = service.connections.answered;
    if failure.kind != FindingKind::SilentService || !is_since || answered < FAILED_CONNECTIONS {
        return String::new();
    }
    let open = match service.opening.still_open {
        0 => String::new(),
        open => format!(", of which {} are still open", number(open)),
    };
    format!(
        ", all of them after the {} that were answered{open}: either it has stopped answering, or the ports for ways out (SNAT) \
         have run out",
        number(answered),
    )
}

pub fn refused_service(report: &Report) -> Option<Finding> {
    let failure = Failure {
        kind: FindingKind::RefusedService,
        count: |service| service.connections.refused.saturating_sub(service.scanned.refused),
        during: |service| service.during.refused,
        before: "refused",
        after: "",
        why: "",
        is_of_pools: true,
        is_certain: |_| false,
        is_about_answers: false,
        next: "Look on that machine whether the program is running and listens on that port.",
        filter: |services| format!("{} && tcp.flags.reset == 1 && {UNANSWERED}", from_services(services)),
    };
    failing_service(report, &failure)
}

pub fn silent_service(report: &Report) -> Option<Finding> {
    let failure = Failure {
        kind: FindingKind::SilentService,
        count: |service| service.connections.unanswered.saturating_sub(service.scanned.unanswered),
        during: |service| service.during.unanswered,
        before: "left",
        after: " unanswered",
        why: "",
        is_of_pools: true,
        is_certain: |_| false,
        is_about_answers: true,
        next: "Look whether a network security group, a firewall or a route on the way there drops what is sent, and whether \
               SNAT ports are left.",
        filter: |services| format!("{} && {SYN} && {UNANSWERED}", to_services(services)),
    };
    failing_service(report, &failure)
}

pub fn half_open_service(report: &Report) -> Option<Finding> {
    let failure = Failure {
        kind: FindingKind::HalfOpenService,
        count: |service| service.connections.abandoned,
        during: |service| service.during.abandoned,
        before: "answered, and never heard from the client again on",
        after: "",
        why: ": its answers (SYN/ACK) get lost on the way back, or the clients' next packets on the way there",
        is_of_pools: false,
        is_certain: |service| service.connections.unheard >= FAILED_CONNECTIONS,
        is_about_answers: true,
        next: "Look whether the route back is the one that clients come by (route tables, firewalls, load balancers), and \
               whether one of them drops answers.",
        filter: |services| format!("{} && tcp.flags.syn == 1 && {UNUSED}", from_services(services)),
    };
    failing_service(report, &failure)
}
