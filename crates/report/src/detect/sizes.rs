//! Packets that are too big for a link on their way, whether somebody says so or not.

use crate::called::address_called;
use crate::detect::filter::{from_service, sent_again, to_service};
use crate::detect::services::{called, same_with, worst};
use crate::detect::words::when;
use crate::finding::{Finding, FindingKind, Severity};
use crate::measure::{count_of, number};
use crate::report::Report;
use crate::service::Service;

/// A path is found out with one complaint for each connection or so.
const TOO_BIG: u64 = 3;

/// Connections that are stuck with a large segment: one or two may have lost it by chance, or their client.
const STUCK: u64 = 3;

const NEXT: &str = "Let senders use smaller segments: lower the MTU of the machine's interface, or clamp the MSS on the gateway; \
                    and let ICMP \"fragmentation needed\" through.";

pub fn packets_too_big(report: &Report) -> Option<Finding> {
    swallowed(report).or_else(|| complained(report))
}

/// Nobody says so.
fn swallowed(report: &Report) -> Option<Finding> {
    let stuck = |service: &Service| service.sizes.stuck.saturating_mul((service.sizes.stuck >= STUCK).into());
    let worst = worst(report, stuck)?;
    let target = worst.service;
    let sizes = &target.sizes;
    let is_from_server = sizes.stuck_from_server.saturating_mul(2) >= sizes.stuck;
    let name = called(target);
    let sentence = format!(
        "Full-sized segments {way} {name} are never acknowledged, while small packets pass: on {} segments of {} bytes or more were \
         sent again and again{}. Most likely a link on the way takes less (its MTU), and no router says so.{}",
        count_of(sizes.stuck, "connection", "connections"),
        number(sizes.smallest_stuck.into()),
        match sizes.largest_acknowledged_when_stuck {
            0 => String::new(),
            largest => format!(", and none of more than {} arrived", number(largest.into())),
        },
        same_with(worst.others),
        way = if is_from_server { "from" } else { "to" },
    );
    let length = sizes.smallest_stuck;
    let way = if is_from_server { from_service(target) } else { to_service(target) };
    let filter = format!("{way} && tcp.len >= {length} && {}", sent_again(report));
    let finding = Finding::new(FindingKind::PacketsTooBig, Severity::Critical, sentence, NEXT)
        .shown_by(filter)
        .with("stuckConnections", sizes.stuck)
        .with("smallestStuck", u64::from(length))
        .with("largestAcknowledged", u64::from(sizes.largest_acknowledged_when_stuck));
    Some(worst.is_of(finding))
}

/// Routers say so.
fn complained(report: &Report) -> Option<Finding> {
    let icmp = &report.icmp;
    if icmp.too_big < TOO_BIG {
        return None;
    }
    let destination = icmp.too_big_destinations.names.first();
    let towards = destination
        .map(|to| format!(", mostly on the way to {}", address_called(to.address, &to.names)))
        .unwrap_or_default();
    let limit = icmp.smallest_mtu.map(|mtu| format!("; the next link takes {mtu} bytes")).unwrap_or_default();
    let sentence = format!(
        "Routers complained {}{} of packets that are too big to be passed on{towards}{limit}.",
        count_of(icmp.too_big, "time", "times"),
        when(icmp.too_big_during),
    );
    // Once for each destination is how a sender finds out.
    let severity = if icmp.too_big_unheeded > 0 { Severity::Warning } else { Severity::Info };
    let mut finding = Finding::new(FindingKind::PacketsTooBig, severity, sentence, NEXT)
        .shown_by("(icmp.type == 3 && icmp.code == 4) || icmpv6.type == 2")
        .with("complaints", icmp.too_big)
        .with("unheeded", icmp.too_big_unheeded);
    if let Some(mtu) = icmp.smallest_mtu {
        finding = finding.with("smallestMtu", u64::from(mtu));
    }
    if let Some(destination) = destination {
        finding = finding.with("destination", destination.address.to_string());
    }
    Some(finding.during(icmp.too_big_during))
}
