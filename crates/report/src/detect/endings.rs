//! Connections that end as they should not.

use crate::detect::filter::{from_service, has_whole_headers, of_service, sent_again, to_service};
use crate::detect::services::{called, same_with, worst};
use crate::detect::words::{ratio, when};
use crate::finding::{Finding, FindingKind, Severity};
use crate::measure::{count_of, number, seconds_long};
use crate::report::Report;
use crate::service::Service;

/// Fewer than this are programs that were stopped, or that had no more use for what was sent.
const ENDINGS: u64 = 3;

/// A program that ends connections by a reset now and then does so with fewer of them.
const ENDINGS_SHARE: f64 = 0.2;

/// From this share on most of what users do breaks off.
const MOST: f64 = 0.5;

/// Clients break off what they receive when they have seen enough of it, so it takes more of them to be told.
const RESET_BY_CLIENTS: u64 = 5;

/// One that dies in a pause may have had a reason of its own.
const DIED_IDLE: u64 = 2;

/// Connections that were there to be ended.
fn open(service: &Service) -> u64 {
    service.connections.answered.saturating_add(service.connections.under_way)
}

pub fn connections_reset(report: &Report) -> Option<Finding> {
    let by_server = |service: &Service| {
        let count = service.endings.reset_by_server;
        count.saturating_mul((count >= ENDINGS && ratio(count, open(service)) >= ENDINGS_SHARE).into())
    };
    let by_clients = |service: &Service| {
        let count = service.endings.reset_by_clients;
        count.saturating_mul((count >= RESET_BY_CLIENTS && ratio(count, open(service)) >= MOST).into())
    };
    let (worst, is_by_server) = match worst(report, by_server) {
        Some(worst) => (worst, true),
        None => (worst(report, by_clients)?, false),
    };
    let target = worst.service;
    let count = if is_by_server { by_server(target) } else { by_clients(target) };
    let (name, all) = (called(target), open(target));
    let connections = count_of(all, "connection", "connections");
    let count_text = number(count);
    let during = &target.during;
    let range = if is_by_server { during.reset_by_server } else { during.reset_by_clients };
    let when = when(range);
    let alike = same_with(worst.others);
    let sentence = match is_by_server {
        true => format!(
            "{name} reset {count_text} of {connections} in mid-stream{when}: neither side had ended them.{alike}"
        ),
        false => {
            format!("Clients of {name} reset {count_text} of {connections} while it was sending to them{when}.{alike}")
        }
    };
    let next = match is_by_server {
        true => {
            "Look in the log of the program behind that port for why it breaks off; if there is nothing, a firewall or \
                 load balancer on the way sends resets in its name."
        }
        false => {
            "Look for why clients go away: their time-outs, their logs, or a firewall on the way that sends resets in their \
                  name."
        }
    };
    let way = if is_by_server { from_service(target) } else { to_service(target) };
    let severity = if is_by_server && ratio(count, all) >= MOST { Severity::Critical } else { Severity::Warning };
    let finding = Finding::new(FindingKind::ConnectionsReset, severity, sentence, next)
        .shown_by(format!("{way} && tcp.flags.reset == 1"))
        .with("reset", count)
        .with("connections", all)
        .with("by", if is_by_server { "server" } else { "clients" }.to_owned());
    Some(worst.is_of(finding).during(range))
}

pub fn idle_connections_die(report: &Report) -> Option<Finding> {
    let died = |service: &Service| {
        let count = service.endings.after_pause();
        count.saturating_mul((count >= DIED_IDLE).into())
    };
    let worst = worst(report, died)?;
    let target = worst.service;
    let endings = &target.endings;
    let count = died(target);
    let name = called(target);
    let how = match (endings.reset_after_pause, endings.lost_after_pause) {
        (0, _) => "was lost again and again".to_owned(),
        (_, 0) => "was answered by a reset".to_owned(),
        (reset, lost) => {
            format!("was answered by a reset ({}) or lost again and again ({})", number(reset), number(lost))
        }
    };
    let pause = seconds_long(endings.shortest_pause_seconds);
    let sentence = format!(
        "{} with {name} died while idle: the first data after a pause of {pause} or longer {how}.{}",
        count_of(count, "connection", "connections"),
        same_with(worst.others),
    );
    let next = format!(
        "Let both sides send keep-alives more often than every {pause}, or raise the idle time-out of the load balancer, \
         firewall or NAT on the way."
    );
    // To the millisecond below.
    let shortest = (endings.shortest_pause_seconds * 1e3).floor() / 1e3;
    let filter = format!(
        "{} && (tcp.time_delta >= {shortest} || tcp.flags.reset == 1 || tcp.analysis.retransmission)",
        of_service(target)
    );
    let finding = Finding::new(FindingKind::IdleConnectionsDie, Severity::Warning, sentence, next)
        .shown_by(filter)
        .with("connections", count)
        .with("reset", endings.reset_after_pause)
        .with("lost", endings.lost_after_pause)
        .with("shortestPauseSeconds", endings.shortest_pause_seconds);
    Some(worst.is_of(finding))
}

pub fn connections_stall(report: &Report) -> Option<Finding> {
    let stalls = |service: &Service| {
        let count = service.endings.stuck;
        count.saturating_mul((count >= ENDINGS && ratio(count, open(service)) >= ENDINGS_SHARE).into())
    };
    let worst = worst(report, stalls)?;
    let target = worst.service;
    let (name, count, from) = (called(target), target.endings.stuck, target.endings.stuck_from_server);
    let way = if from.saturating_mul(2) >= count { "from it" } else { "to it" };
    let sentence = format!(
        "{} of {} with {name} stand still, mostly for data on the way {way}: it was sent three times or more and never \
         acknowledged, or did not come although what follows it did.{}",
        number(count),
        count_of(open(target), "connection", "connections"),
        same_with(worst.others),
    );
    let next = "Look for what on that way lets a handshake pass and not the data: a firewall that sees one direction only, a link \
                that takes smaller packets (MTU), or a route that has changed.";
    let missing = if has_whole_headers(report) { " || tcp.analysis.lost_segment" } else { "" };
    let filter = format!("{} && ({}{missing})", of_service(target), sent_again(report));
    let finding = Finding::new(FindingKind::ConnectionsStall, Severity::Warning, sentence, next)
        .shown_by(filter)
        .with("stalled", count)
        .with("fromService", from);
    Some(worst.is_of(finding))
}
