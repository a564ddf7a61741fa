//! What TCP suffers from on its way.

use crate::detect::connections::{opened, services};
use crate::detect::intervals::peak;
use crate::detect::words::{percent, ratio, service, when};
use crate::finding::{Finding, FindingKind, Severity};
use crate::measure::{count_of, number};
use crate::report::Report;
use crate::talkers::{Conversation, Service};
use crate::tcp::Tcp;

/// Fewer repeated segments than this may be one short stall.
const RETRANSMISSIONS: u64 = 30;

/// From 3 % on TCP is slow over any distance: its rate falls with the square root of the loss (Mathis and others, 1997),
/// and a healthy network of a cloud repeats fewer than one in a thousand.
pub const RETRANSMISSION_SHARE: f64 = 0.03;

/// One in ten: requests hang for seconds, since what is lost is lost again.
const RETRANSMISSION_SHARE_CRITICAL: f64 = 0.1;

/// A full window or two are the ordinary pause of a program that reads slowly.
const ZERO_WINDOWS: u64 = 5;

/// A path is found out with one complaint for each connection or so; more of them mean that senders do not listen.
const TOO_BIG: u64 = 3;

/// Segments sent again, without SYNs that are repeated because nobody answers them: that is another finding.
pub fn repeated_data(tcp: &Tcp) -> u64 {
    let first_syns = opened(&tcp.connections).saturating_add(tcp.connections.pending);
    tcp.retransmissions.saturating_sub(tcp.syn.saturating_sub(first_syns))
}

fn repeated_by_service(service: &Service) -> u64 {
    service.retransmissions_from.saturating_add(service.retransmissions_to)
}

fn is_reached(service: &Service) -> bool {
    let connections = &service.connections;
    connections.answered.saturating_add(connections.under_way) > connections.unanswered
}

fn is_storm(repeated: u64, of: u64) -> bool {
    repeated >= RETRANSMISSIONS && ratio(repeated, of) >= RETRANSMISSION_SHARE
}

pub fn retransmission_storm(report: &Report) -> Option<Finding> {
    let tcp = &report.tcp;
    let reached = services(report).filter(|service| is_reached(service) && repeated_by_service(service) > 0);
    // A large service repeats more than a small one that suffers, and is well all the same.
    let worst = reached.max_by_key(|service| {
        let repeated = repeated_by_service(service);
        (is_storm(repeated, service.packets), repeated)
    });
    let (of_all, of_worst) = (repeated_data(tcp), worst.map(repeated_by_service).unwrap_or_default());
    let packets_of_worst = worst.map(|service| service.packets).unwrap_or_default();
    let is_everywhere = is_storm(of_all, tcp.segments);
    if !is_everywhere && !is_storm(of_worst, packets_of_worst) {
        return None;
    }
    let share = ratio(of_all, tcp.segments).max(ratio(of_worst, packets_of_worst));
    let severity = if share >= RETRANSMISSION_SHARE_CRITICAL { Severity::Critical } else { Severity::Warning };
    let range = peak(&report.series, &report.series.retransmissions);
    let who = worst.map(|worst| sufferer(worst, of_worst)).unwrap_or_default();
    let sentence = format!(
        "{} of {} had to be sent again ({}){}{who}.",
        number(of_all),
        count_of(tcp.segments, "TCP segment", "TCP segments"),
        percent(of_all, tcp.segments),
        when(range),
    );
    let mut finding = Finding::new(FindingKind::RetransmissionStorm, severity, sentence)
        .with("segments", tcp.segments)
        .with("retransmissions", of_all)
        .with("share", ratio(of_all, tcp.segments))
        .with("spurious", tcp.spurious_retransmissions)
        .with("notCaptured", tcp.lost_segments);
    if let Some(worst) = worst {
        finding = finding
            .with("service", service(worst.address, worst.port))
            .with("sentByService", worst.retransmissions_from)
            .with("sentToService", worst.retransmissions_to)
            .with("serviceShare", ratio(of_worst, worst.packets));
    }
    Some(finding.during(range))
}

/// Who suffers most, and on which way.
fn sufferer(worst: &Service, repeated: u64) -> String {
    let way = if worst.retransmissions_from >= worst.retransmissions_to { "from" } else { "to" };
    let name = service(worst.address, worst.port);
    let share = percent(repeated, worst.packets);
    // Of a service, repeated SYNs are counted too, so its number may be larger than the file's.
    let repeated = number(repeated);
    format!(
        "; {name} suffers most, with {repeated} including SYNs ({share} of its packets), mostly on the way {way} it"
    )
}

pub fn zero_window(report: &Report) -> Option<Finding> {
    let times = report.tcp.zero_windows;
    if times < ZERO_WINDOWS {
        return None;
    }
    let receiver = full_service(report).or_else(|| full_client(report));
    let who = receiver.as_ref().map_or_else(|| "Receivers".to_owned(), |(name, _)| name.clone());
    let often = receiver.as_ref().map_or(times, |(_, times)| *times);
    let sentence = format!(
        "{who} said {}{} that it can take no more data: the program there does not read as fast as it is sent to.",
        count_of(often, "time", "times"),
        when(report.tcp.zero_windows_during),
    );
    let sentence = if receiver.is_some() { sentence } else { sentence.replacen("it can take", "they can take", 1) };
    let finding = Finding::new(FindingKind::ZeroWindow, Severity::Warning, sentence).with("zeroWindows", times);
    let finding = finding.during(report.tcp.zero_windows_during);
    Some(match receiver {
        Some((name, times)) => finding.with("receiver", name).with("ofReceiver", times),
        None => finding,
    })
}

fn full_service(report: &Report) -> Option<(String, u64)> {
    let most = services(report).max_by_key(|service| service.zero_windows)?;
    let is_most = most.zero_windows >= ZERO_WINDOWS;
    is_most.then(|| (service(most.address, most.port), most.zero_windows))
}

/// The client whose conversation with a service that is not full itself has the most of it.
fn full_client(report: &Report) -> Option<(String, u64)> {
    let of_service = |conversation: &Conversation| {
        let is_it = |service: &&Service| {
            (service.address, service.port) == (conversation.destination, conversation.destination_port)
        };
        services(report).find(is_it).is_some_and(|service| service.zero_windows == 0)
    };
    let conversations = report.conversations.by_bytes.iter().chain(&report.conversations.by_packets);
    let most = conversations.filter(|one| of_service(one)).max_by_key(|one| one.zero_windows)?;
    (most.zero_windows > 0).then(|| (most.source.to_string(), most.zero_windows))
}

pub fn packets_too_big(report: &Report) -> Option<Finding> {
    let icmp = &report.icmp;
    if icmp.too_big < TOO_BIG {
        return None;
    }
    let destination = icmp.too_big_destinations.names.first();
    let towards = destination.map(|to| format!(", mostly on the way to {}", to.address)).unwrap_or_default();
    let limit = icmp.smallest_mtu.map(|mtu| format!("; the next link takes {mtu} bytes")).unwrap_or_default();
    let sentence = format!(
        "Routers complained {}{} of packets that are too big to be passed on{towards}{limit}.",
        count_of(icmp.too_big, "time", "times"),
        when(icmp.too_big_during),
    );
    let mut finding =
        Finding::new(FindingKind::PacketsTooBig, Severity::Warning, sentence).with("complaints", icmp.too_big);
    if let Some(mtu) = icmp.smallest_mtu {
        finding = finding.with("smallestMtu", u64::from(mtu));
    }
    if let Some(destination) = destination {
        finding = finding.with("destination", destination.address.to_string());
    }
    Some(finding.during(icmp.too_big_during))
}
