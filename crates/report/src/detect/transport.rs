//! What TCP suffers from on its way: loss, and receivers that are full.

use crate::called::address_called;
use crate::delivery::DeliveryCounts;
use crate::detect::filter::{from_address, from_service, sent_again, to_address, to_service};
use crate::detect::intervals::peak;
use crate::detect::services::{about, called, name, services};
use crate::detect::words::{percent, ratio, when};
use crate::finding::{Finding, FindingKind, Severity};
use crate::measure::{count_of, number, seconds_long};
use crate::report::Report;
use crate::service::Service;
use crate::talkers::Conversation;

/// Fewer repeated segments than this may be one short stall.
const STORM: u64 = 30;

/// From 3 % on TCP is slow over any distance: its rate falls with the square root of the loss (Mathis and others, 1997),
/// and a healthy network of a cloud repeats fewer than one in a thousand.
pub const SENT_AGAIN_SHARE: f64 = 0.03;

/// One in ten: requests hang for seconds, since what is lost is lost again.
const SENT_AGAIN_SHARE_CRITICAL: f64 = 0.1;

/// A window that is shut for a moment is the ordinary pause of a program that reads slowly. This long its sender has asked in
/// vain whether it is open again, for the shortest time after which one asks is 200 ms, and people notice it.
const SHUT_SECONDS: f64 = 0.5;

/// Data of a service, one way.
struct Way<'a> {
    service: &'a Service,
    counts: DeliveryCounts,
    is_from_service: bool,
}

fn ways(service: &Service) -> [Way<'_>; 2] {
    [
        Way { service, counts: service.delivered_from, is_from_service: true },
        Way { service, counts: service.delivered_to, is_from_service: false },
    ]
}

fn is_storm(counts: &DeliveryCounts) -> bool {
    counts.lost() >= STORM && ratio(counts.lost(), counts.segments) >= SENT_AGAIN_SHARE
}

pub fn retransmission_storm(report: &Report) -> Option<Finding> {
    let all = report.tcp.delivered;
    let ways = services(report).flat_map(ways).filter(|way| way.counts.lost() > 0);
    // A large service repeats more than a small one that suffers, and is well all the same.
    let worst = ways.max_by_key(|way| (is_storm(&way.counts), way.counts.lost()))?;
    let of_worst = worst.counts;
    if !is_storm(&all) && !is_storm(&of_worst) {
        return None;
    }
    let share = ratio(all.lost(), all.segments).max(ratio(of_worst.lost(), of_worst.segments));
    let severity = if share >= SENT_AGAIN_SHARE_CRITICAL { Severity::Critical } else { Severity::Warning };
    let range = peak(&report.series, &report.series.sent_again);
    let name = name(worst.service);
    let way = if worst.is_from_service { "from" } else { "to" };
    let sentence = format!(
        "{} of {} had to be sent again ({}){}; {} suffers most, with {} ({} of the data on that way), on the way {way} it.",
        number(all.sent_again),
        count_of(all.segments, "TCP segment with data", "TCP segments with data"),
        percent(all.sent_again, all.segments),
        when(range),
        called(worst.service),
        number(of_worst.sent_again),
        percent(of_worst.sent_again, of_worst.segments),
    );
    let next = format!(
        "Look for what loses packets on the way {way} {name}: limits of bandwidth of machines, links and gateways, or a \
         firewall."
    );
    let filter = if worst.is_from_service { from_service(worst.service) } else { to_service(worst.service) };
    let finding = Finding::new(FindingKind::RetransmissionStorm, severity, sentence, next)
        .shown_by(format!("{filter} && {}", sent_again(report)))
        .with("segments", all.segments)
        .with("sentAgain", all.sent_again)
        .with("share", ratio(all.sent_again, all.segments))
        .with("overtaken", all.overtaken)
        .with("sentByService", worst.service.delivered_from.sent_again)
        .with("sentToService", worst.service.delivered_to.sent_again)
        .with("serviceShare", ratio(of_worst.sent_again, of_worst.segments));
    Some(about(finding, worst.service).during(range))
}

/// A receiver that was full: its name for programs and for people, how long, how often it said so, and what shows it.
struct Full {
    name: String,
    called: String,
    seconds: f64,
    times: u64,
    filter: String,
}

pub fn zero_window(report: &Report) -> Option<Finding> {
    let full = full_service(report).or_else(|| full_client(report))?;
    let sentence = format!(
        "{} said {}{} that it can take no more data, for up to {} at a time: the program there does not read as fast as it is \
         sent to.",
        full.called,
        count_of(full.times, "time", "times"),
        when(report.tcp.zero_windows_during),
        seconds_long(full.seconds),
    );
    let next = format!(
        "Look at what the program on {} is busy with: its processor, its disk, or what it waits for.",
        full.name
    );
    let finding = Finding::new(FindingKind::ZeroWindow, Severity::Warning, sentence, next)
        .shown_by(format!("{} && tcp.window_size_value == 0 && tcp.flags.reset == 0", full.filter))
        .with("zeroWindows", report.tcp.zero_windows)
        .with("receiver", full.name)
        .with("ofReceiver", full.times)
        .with("longestSeconds", full.seconds);
    Some(finding.during(report.tcp.zero_windows_during))
}

fn full_service(report: &Report) -> Option<Full> {
    let longest = services(report).max_by(|a, b| a.longest_shut_seconds.total_cmp(&b.longest_shut_seconds))?;
    let is_long = longest.longest_shut_seconds >= SHUT_SECONDS;
    is_long.then(|| Full {
        name: name(longest),
        called: called(longest),
        seconds: longest.longest_shut_seconds,
        times: longest.zero_windows,
        filter: from_service(longest),
    })
}

/// The client that was full for longest.
fn full_client(report: &Report) -> Option<Full> {
    let seconds = |conversation: &Conversation| conversation.longest_shut_seconds_of_source;
    let conversations = report.conversations.by_bytes.iter().chain(&report.conversations.by_packets);
    let longest = conversations.max_by(|a, b| seconds(a).total_cmp(&seconds(b)));
    let told = longest.filter(|longest| seconds(longest) >= SHUT_SECONDS).map(|longest| Full {
        name: longest.source.to_string(),
        called: address_called(longest.source, &longest.source_names),
        seconds: seconds(longest),
        times: longest.zero_windows,
        filter: format!("{} && {}", from_address(longest.source), to_address(longest.destination)),
    });
    told.or_else(|| full_client_of(report))
}

/// A client that is too small to be listed itself.
fn full_client_of(report: &Report) -> Option<Full> {
    let seconds = |service: &Service| service.longest_shut_seconds_of_clients;
    let longest = services(report).max_by(|a, b| seconds(a).total_cmp(&seconds(b)))?;
    (seconds(longest) >= SHUT_SECONDS).then(|| Full {
        name: format!("A client of {}", name(longest)),
        called: format!("A client of {}", called(longest)),
        seconds: seconds(longest),
        times: report.tcp.zero_windows,
        filter: to_service(longest),
    })
}
