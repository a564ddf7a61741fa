//! Clients that look for what is there.

use crate::called::address_called;
use crate::clients::SCANNED_PORTS;
use crate::detect::filter::{SYN, UNANSWERED, from_address};
use crate::detect::intervals::peak;
use crate::detect::words::when;
use crate::finding::{Finding, FindingKind, Severity};
use crate::measure::{count_of, number};
use crate::port_names::port_name;
use crate::report::Report;

/// A port scan, or a sweep over hosts.
pub fn scan(report: &Report) -> Option<Finding> {
    let scanners = report.tcp.clients.iter().filter(|client| client.is_scanner());
    let client = scanners.max_by_key(|client| client.failed)?;
    let (kind, or_else) = match client.ports {
        SCANNED_PORTS.. => (FindingKind::PortScan, ""),
        // From here that looks the same.
        _ => (FindingKind::HostSweep, "; or its way out is blocked, by a firewall, a route or a lack of SNAT ports"),
    };
    let at_least = |known: u64| if known >= 64 { "64 or more".to_owned() } else { number(known) };
    let on = match client.only_host {
        Some(host) => address_called(host, &client.only_host_names),
        None => format!("{} addresses", at_least(client.hosts)),
    };
    let what = match client.only_port {
        Some(port) => {
            let usual = port_name(port).map(|name| format!(" ({name})")).unwrap_or_default();
            format!("for port {port}{usual} on {on}")
        }
        None => format!("for open ports on {on}"),
    };
    let range = peak(&report.series, &report.series.syn);
    let sentence = format!(
        "{} seems to be looking {what}: {} of its {} failed{}{or_else}.",
        address_called(client.address, &client.names),
        number(client.failed),
        count_of(client.connections, "connection", "connections"),
        when(range),
    );
    let next = format!("Find out whose {} is, and whether it should be let in at all.", client.address);
    let finding = Finding::new(kind, Severity::Warning, sentence, next)
        .shown_by(format!("{} && {SYN} && {UNANSWERED}", from_address(client.address)))
        .with("client", client.address.to_string())
        .with_some("knownAs", client.names.text().as_deref())
        .with("connections", client.connections)
        .with("failed", client.failed)
        .with("hosts", client.hosts)
        .with("ports", client.ports);
    Some(finding.during(range))
}
