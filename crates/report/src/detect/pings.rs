//! Hosts that answer no ping.

use crate::called::address_called;
use crate::detect::direction::is_one_way;
use crate::detect::filter::to_address;
use crate::finding::{Finding, FindingKind, Severity};
use crate::measure::count_of;
use crate::report::Report;

/// Somebody who looks whether a host is there sends four pings or more.
const PINGS: u64 = 4;

pub fn pings_unanswered(report: &Report) -> Option<Finding> {
    let host = report.icmp.silent_to_pings.first().filter(|host| host.times >= PINGS && !is_one_way(report))?;
    let others = report.icmp.silent_to_pings.iter().skip(1).filter(|host| host.times >= PINGS).count() as u64;
    let same = match others {
        0 => String::new(),
        _ => format!(" It is the same with {}.", count_of(others, "other host", "other hosts")),
    };
    let sentence = format!(
        "{} answered none of {}: it is not there, they get lost on the way there or back, or it answers none at all, as many \
         machines and firewalls do.{same}",
        address_called(host.address, &host.names),
        count_of(host.times, "ping", "pings"),
    );
    let next = "Try a port that the host serves, and look whether it or a network security group lets ICMP pass.";
    let echo_request = if host.address.is_ipv4() { "icmp.type == 8" } else { "icmpv6.type == 128" };
    let finding = Finding::new(FindingKind::PingsUnanswered, Severity::Info, sentence, next)
        .shown_by(format!("{} && {echo_request}", to_address(host.address)))
        .with("pings", host.times)
        .with("host", host.address.to_string())
        .with_some("hostKnownAs", host.names.text().as_deref());
    Some(finding)
}
