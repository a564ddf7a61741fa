//! Names that are not found, and names that cannot be trusted: DNS and TLS.

use std::collections::BTreeMap;

use crate::detect::words::{percent, ratio, when};
use crate::dns::{Dns, DnsServer};
use crate::finding::{Finding, FindingKind, Severity};
use crate::measure::{count_of, number, seconds_long};
use crate::report::Report;
use crate::text::clean;

/// Fewer errors than this happen to every resolver: a domain somewhere that is set up wrongly.
const DNS_ERRORS: u64 = 5;

/// Errors above this share of the answers are the name server's own, or of a domain that matters here.
const DNS_ERROR_SHARE: f64 = 0.05;

/// Names that do not exist are asked for all the time, since resolvers try one search domain after the other. More than
/// four in five is more than the usual search list of four makes.
const DNS_UNKNOWN_SHARE: f64 = 0.8;

/// Below this number even four in five are one program's search list.
const DNS_UNKNOWN: u64 = 20;

/// A question or two may be lost with any packet.
const DNS_LATE: u64 = 3;

/// Packets of UDP that are lost on a good network are far fewer.
const DNS_LATE_SHARE: f64 = 0.02;

/// From this share on most of what users do fails or hangs.
const MOST: f64 = 0.5;

/// Handshakes fail now and then, for clients go away.
const TLS_FAILED: u64 = 3;

/// Old clients and scanners on the Internet fail more seldom than this at a service that works.
const TLS_FAILED_SHARE: f64 = 0.1;

/// A name of more bytes than this is cut in a sentence, which has to stay one that is read at a glance.
const SHOWN_NAME: usize = 80;

fn code(dns: &Dns, name: &str) -> u64 {
    dns.codes.get(name).copied().unwrap_or_default()
}

/// Answers that say that the name server could not or would not answer, by what they say.
fn errors(dns: &Dns) -> impl Iterator<Item = (&String, &u64)> {
    dns.codes.iter().filter(|(name, _)| !matches!(name.as_str(), "NOERROR" | "NXDOMAIN"))
}

fn most_frequent<'a>(counts: impl Iterator<Item = (&'a String, &'a u64)>) -> Option<&'a str> {
    counts.max_by_key(|(_, count)| **count).map(|(name, _)| name.as_str())
}

fn worst_server(dns: &Dns, badness: fn(&DnsServer) -> u64) -> Option<&DnsServer> {
    let servers = dns.servers.by_packets.iter().chain(&dns.servers.by_bytes);
    servers.max_by_key(|server| badness(server)).filter(|server| badness(server) > 0)
}

fn server_text(server: Option<&DnsServer>) -> String {
    server.map_or_else(|| "Name servers".to_owned(), |server| format!("Name server {}", server.address))
}

/// The name whose questions failed most often.
fn worst_name(dns: &Dns) -> Option<&str> {
    let worst = dns.names.names.iter().filter(|name| name.failed > 0).max_by_key(|name| name.failed);
    worst.map(|name| name.name.as_str())
}

pub fn dns_failing(report: &Report) -> Option<Finding> {
    let dns = &report.dns;
    let name_text =
        worst_name(dns).map(|name| format!(", most often for {}", clean(name, SHOWN_NAME))).unwrap_or_default();
    let finding = server_errors(dns, &name_text).or_else(|| unknown_names(dns, &name_text))?;
    Some(match worst_name(dns) {
        Some(name) => finding.with("name", name.to_owned()),
        None => finding,
    })
}

fn server_errors(dns: &Dns, name_text: &str) -> Option<Finding> {
    let word = most_frequent(errors(dns)).unwrap_or("an error");
    let errors = errors(dns).fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
    let share = ratio(errors, dns.responses);
    if errors < DNS_ERRORS || share < DNS_ERROR_SHARE {
        return None;
    }
    let server = worst_server(dns, |server| server.failed);
    let sentence = format!(
        "{} answered {} of {} with an error ({}){}, mostly {word}{name_text}.",
        server_text(server),
        number(errors),
        count_of(dns.responses, "question", "questions"),
        percent(errors, dns.responses),
        when(dns.errors_during),
    );
    let severity = if share >= MOST { Severity::Critical } else { Severity::Warning };
    let finding = Finding::new(FindingKind::DnsFailing, severity, sentence)
        .with("errors", errors)
        .with("responses", dns.responses)
        .with("share", share)
        .with("mostly", word.to_owned());
    Some(with_server(finding, server).during(dns.errors_during))
}

fn unknown_names(dns: &Dns, name_text: &str) -> Option<Finding> {
    let unknown = code(dns, "NXDOMAIN");
    let share = ratio(unknown, dns.responses);
    if unknown < DNS_UNKNOWN || share < DNS_UNKNOWN_SHARE {
        return None;
    }
    let sentence = format!(
        "{} of {} from name servers say that the name does not exist{name_text}.",
        number(unknown),
        count_of(dns.responses, "answer", "answers"),
    );
    let finding = Finding::new(FindingKind::DnsFailing, Severity::Warning, sentence)
        .with("unknownNames", unknown)
        .with("responses", dns.responses)
        .with("share", share);
    Some(finding)
}

pub fn dns_slow(report: &Report) -> Option<Finding> {
    let dns = &report.dns;
    let is_much = |number: u64| number >= DNS_LATE && ratio(number, dns.queries) >= DNS_LATE_SHARE;
    let late = dns.slow.saturating_add(dns.unanswered);
    if !is_much(late) {
        return None;
    }
    let badness: fn(&DnsServer) -> u64 = |server| server.slow.saturating_add(server.unanswered);
    let server = worst_server(dns, badness);
    let slow = match dns.slow {
        0 => String::new(),
        slow => format!(
            " and {} after more than half a second (the slowest after {})",
            number(slow),
            seconds_long(dns.answered.max_seconds)
        ),
    };
    let when = when(dns.late_during);
    let sentence = format!(
        "Of {} to name servers {} got no answer within five seconds{slow}{when}{}.",
        count_of(dns.queries, "question", "questions"),
        if dns.unanswered == 0 { "none".to_owned() } else { number(dns.unanswered) },
        server.map(|server| format!(", mostly of {}", server.address)).unwrap_or_default(),
    );
    let severity = if ratio(dns.unanswered, dns.queries) >= MOST { Severity::Critical } else { Severity::Warning };
    let finding = Finding::new(FindingKind::DnsSlow, severity, sentence)
        .with("queries", dns.queries)
        .with("unanswered", dns.unanswered)
        .with("slow", dns.slow)
        .with("medianSeconds", dns.answered.median_seconds)
        .with("maxSeconds", dns.answered.max_seconds);
    Some(with_server(finding, server).during(dns.late_during))
}

fn with_server(finding: Finding, server: Option<&DnsServer>) -> Finding {
    match server {
        Some(server) => finding.with("server", server.address.to_string()),
        None => finding,
    }
}

pub fn tls_failing(report: &Report) -> Option<Finding> {
    let tls = &report.tls;
    // A handshake that is broken off with an alert often has no hello of the server either, and is one all the same.
    let failed = tls.unanswered.max(tls.fatal_alerts);
    // An alert may be all that was captured of a handshake.
    let all = tls.client_hellos.max(failed);
    let share = ratio(failed, all);
    if failed < TLS_FAILED || share < TLS_FAILED_SHARE {
        return None;
    }
    let alert = alert(&tls.alerts).filter(|_| tls.fatal_alerts > 0);
    let why = match alert {
        Some(alert) => format!("; the reason given most often is {alert}"),
        None => "; no reason was given".to_owned(),
    };
    let name = tls.server_names.names.first().map(|name| name.name.as_str());
    let sentence = format!(
        "{} of {} failed ({}){}{}{why}.",
        number(failed),
        count_of(all, "TLS handshake", "TLS handshakes"),
        percent(failed, all),
        when(tls.failed_during),
        name.map(|name| format!("; the name asked for most often is {}", clean(name, SHOWN_NAME))).unwrap_or_default(),
    );
    let severity = if share >= MOST { Severity::Critical } else { Severity::Warning };
    let mut finding = Finding::new(FindingKind::TlsFailing, severity, sentence)
        .with("handshakes", all)
        .with("failed", failed)
        .with("unanswered", tls.unanswered)
        .with("fatalAlerts", tls.fatal_alerts)
        .with("share", share)
        .during(tls.failed_during);
    if let Some(alert) = alert {
        finding = finding.with("mostly", alert.to_owned());
    }
    Some(finding)
}

/// The alert that is most frequent, but for the one that ends connections as it should.
fn alert(alerts: &BTreeMap<String, u64>) -> Option<&str> {
    most_frequent(alerts.iter().filter(|(name, _)| *name != "close_notify"))
}
