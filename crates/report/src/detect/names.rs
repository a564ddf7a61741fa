//! Names that are not found, or not in time.

use crate::called::address_called;
use crate::detect::direction::is_one_way;
use crate::detect::filter::{DNS, from_address, in_zone};
use crate::detect::words::{percent, ratio, when};
use crate::dns::{Dns, DnsServer};
use crate::finding::{Finding, FindingKind, Severity};
use crate::measure::{count_of, number, seconds_long};
use crate::report::Report;
use crate::search_list::LostZone;
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

/// A zone, or a name, of which so many answers say that it does not exist, and none that it does, is one that programs need:
/// each asks a few times, for IPv4 and IPv6.
const DNS_UNKNOWN_OF_ZONE: u64 = 10;

/// A question or two may be lost with any packet.
const DNS_LATE: u64 = 3;

/// Packets of UDP that are lost on a good network are far fewer.
const DNS_LATE_SHARE: f64 = 0.02;

const NEXT_OF_UNKNOWN: &str = "Look whether the zone is still there and linked to this network, and whether the name server forwards \
                               questions about it.";

/// From this share on most of what users do fails or hangs.
const MOST: f64 = 0.5;

/// A name of more bytes than this is cut in a sentence, which has to stay one that is read at a glance.
const SHOWN_NAME: usize = 80;

/// Answers that say that the name server could not or would not answer, by what they say.
fn errors(dns: &Dns) -> impl Iterator<Item = (&String, &u64)> {
    dns.codes.iter().filter(|(name, _)| !matches!(name.as_str(), "NOERROR" | "NXDOMAIN"))
}

fn most_frequent<'a>(counts: impl Iterator<Item = (&'a String, &'a u64)>) -> Option<&'a str> {
    counts.max_by_key(|(_, count)| **count).map(|(name, _)| name.as_str())
}

/// The name server of which most of something is, of so much in all.
fn mostly_of(dns: &Dns, all: u64, part: fn(&DnsServer) -> u64) -> Option<&DnsServer> {
    let servers = dns.servers.by_packets.iter().chain(&dns.servers.by_bytes);
    servers.max_by_key(|server| part(server)).filter(|server| part(server).saturating_mul(2) > all)
}

fn called(server: &DnsServer) -> String {
    address_called(server.address, &server.names)
}

fn most_often_for(name: Option<&str>) -> String {
    name.map(|name| format!(", most often for {}", clean(name, SHOWN_NAME))).unwrap_or_default()
}

pub fn dns_failing(report: &Report) -> Option<Finding> {
    let dns = &report.dns;
    server_errors(dns).or_else(|| unknown_names(dns)).or_else(|| lost_zone(dns, dns.lost_zone.as_ref()?))
}

fn server_errors(dns: &Dns) -> Option<Finding> {
    let word = most_frequent(errors(dns)).unwrap_or("an error");
    let of_all = errors(dns).fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
    let share = ratio(of_all, dns.responses);
    if of_all < DNS_ERRORS || share < DNS_ERROR_SHARE {
        return None;
    }
    let server = mostly_of(dns, of_all, |server| server.failed);
    let (who, errors, answers) = match server {
        Some(server) => (format!("Name server {}", called(server)), server.failed, server.answers),
        None => ("Name servers".to_owned(), of_all, dns.responses),
    };
    let name = dns.most_errors.as_deref();
    let sentence = format!(
        "{who} answered {} of {} with an error ({}){}, mostly {word}{}.",
        number(errors),
        count_of(answers, "question", "questions"),
        percent(errors, answers),
        when(dns.errors_during),
        most_often_for(name),
    );
    let severity = if share >= MOST { Severity::Critical } else { Severity::Warning };
    let next = "Look whether that name server, and those that it asks in its turn, are well.";
    let by_server = server.map(|server| format!("{} && ", from_address(server.address))).unwrap_or_default();
    let finding = Finding::new(FindingKind::DnsFailing, severity, sentence, next)
        .shown_by(format!("{by_server}{DNS} && dns.flags.rcode != 0 && dns.flags.rcode != 3"))
        .with("errors", errors)
        .with("responses", answers)
        .with("share", ratio(errors, answers))
        .with("mostly", word.to_owned())
        .with_some("name", name);
    Some(with_server(finding, server).during(dns.errors_during))
}

fn unknown_names(dns: &Dns) -> Option<Finding> {
    let unknown = dns.unknown;
    let share = ratio(unknown, dns.responses);
    if unknown < DNS_UNKNOWN || share <= DNS_UNKNOWN_SHARE {
        return None;
    }
    let name = dns.most_unknown.as_deref();
    let server = mostly_of(dns, unknown, |server| server.unknown);
    let sentence = format!(
        "{} of {} from name servers say that the name does not exist{}{}.",
        number(unknown),
        count_of(dns.responses, "answer", "answers"),
        most_often_for(name),
        mostly_by(server),
    );
    let finding = Finding::new(FindingKind::DnsFailing, Severity::Warning, sentence, NEXT_OF_UNKNOWN)
        .shown_by("dns.flags.rcode == 3")
        .with("unknownNames", unknown)
        .with("responses", dns.responses)
        .with("share", share)
        .with_some("name", name);
    Some(with_server(finding, server))
}

/// Other names are found.
fn lost_zone(dns: &Dns, lost: &LostZone) -> Option<Finding> {
    let LostZone { zone, names, most_asked, unknown } = lost;
    if *unknown < DNS_UNKNOWN_OF_ZONE {
        return None;
    }
    let shown = |name: &Option<String>, otherwise: &str| {
        name.as_deref().map_or_else(|| otherwise.to_owned(), |name| clean(name, SHOWN_NAME))
    };
    let what = match names {
        1 => format!("{} does not exist", shown(zone, "one name")),
        _ => {
            let most_often = most_asked.as_deref().map(|name| format!(", most often {}", clean(name, SHOWN_NAME)));
            format!(
                "names in {} do not exist ({} of them{}), and not one says that any does",
                shown(zone, "one zone"),
                number(*names),
                most_often.unwrap_or_default(),
            )
        }
    };
    let server = mostly_of(dns, *unknown, |server| server.unknown);
    let sentence = format!(
        "{} from name servers say that {what}, while other names are found{}: a zone is missing, or nobody forwards questions \
         about it.",
        count_of(*unknown, "answer", "answers"),
        mostly_by(server),
    );
    let filter = match zone.as_deref().and_then(in_zone) {
        Some(names) => format!("dns.flags.rcode == 3 && {names}"),
        None => "dns.flags.rcode == 3".to_owned(),
    };
    let finding = Finding::new(FindingKind::DnsFailing, Severity::Warning, sentence, NEXT_OF_UNKNOWN)
        .shown_by(filter)
        .with("names", *names)
        .with("unknownNames", *unknown)
        .with_some("zone", zone.as_deref())
        .with_some("name", most_asked.as_deref());
    Some(with_server(finding, server))
}

fn mostly_by(server: Option<&DnsServer>) -> String {
    server.map(|server| format!(", mostly by {}", called(server))).unwrap_or_default()
}

pub fn dns_slow(report: &Report) -> Option<Finding> {
    let dns = &report.dns;
    // One that is asked again and again is one question; and of the last ones nobody knows.
    let asked = dns.queries.saturating_sub(dns.repeated).saturating_sub(dns.pending);
    let late = dns.slow.saturating_add(dns.unanswered);
    if is_one_way(report) || late < DNS_LATE || ratio(late, asked) < DNS_LATE_SHARE {
        return None;
    }
    let server = mostly_of(dns, late, |server| server.slow.saturating_add(server.unanswered));
    let slowest = seconds_long(dns.answered.max_seconds);
    let after = format!("after more than half a second (the slowest after {slowest})");
    let unanswered = format!("{} got no answer within five seconds", number(dns.unanswered));
    let how = match (dns.unanswered, dns.slow) {
        (_, 0) => unanswered,
        (0, _) => format!("{} were answered {after}", number(dns.slow)),
        _ => format!("{unanswered} and {} {after}", number(dns.slow)),
    };
    let sentence = format!(
        "Of {} to name servers {how}{}{}.",
        count_of(asked, "question", "questions"),
        when(dns.late_during),
        server.map(|server| format!(", mostly of {}", called(server))).unwrap_or_default(),
    );
    let severity = if ratio(dns.unanswered, asked) >= MOST { Severity::Critical } else { Severity::Warning };
    let next = "Look whether questions reach that name server (network security groups, firewall, route), and what it waits for.";
    let finding = Finding::new(FindingKind::DnsSlow, severity, sentence, next)
        .shown_by(format!("{DNS} && (dns.time > 0.5 || (dns.flags.response == 0 && !dns.response_in))"))
        .with("queries", asked)
        .with("repeated", dns.repeated)
        .with("unanswered", dns.unanswered)
        .with("slow", dns.slow)
        .with("medianSeconds", dns.answered.median_seconds)
        .with("maxSeconds", dns.answered.max_seconds);
    Some(with_server(finding, server).during(dns.late_during))
}

fn with_server(finding: Finding, server: Option<&DnsServer>) -> Finding {
    match server {
        Some(server) => finding
            .with("server", server.address.to_string())
            .with_some("serverKnownAs", server.names.text().as_deref()),
        None => finding,
    }
}
