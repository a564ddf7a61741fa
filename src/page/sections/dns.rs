//! DNS: what was asked, and of whom.

use maud::{Markup, html};
use nightcap_report::measure::number;
use nightcap_report::{DnsName, DnsServer, Report};

use crate::page::list::{durations, left_out, list, none};
use crate::page::table::{address, amount, counts, long, more_names, more_of, table};
use crate::page::words::{called, shown, some, some_of};

pub fn dns(report: &Report) -> Markup {
    let dns = &report.dns;
    let of_name = [
        long("Name", |name: &DnsName| shown(&name.name)),
        amount("Asked", |name| number(name.queries)),
        amount("Errors", |name| number(name.failed)),
        amount("Unanswered", |name| number(name.unanswered)),
    ];
    let of_server = [
        address("Server", |server: &DnsServer| called(server.address.to_string(), [server.names.text(), None])),
        amount("Asked", |server| number(server.queries)),
        amount("Errors", |server| number(server.failed)),
        amount("Slow", |server| number(server.slow)),
        amount("Unanswered", |server| number(server.unanswered)),
    ];
    html! {
        section {
            h2 { "DNS" }
            @if dns.queries == 0 && dns.responses == 0 && dns.malformed == 0 { (none("DNS")) } @else {
                (list([
                    ("Questions", Some(number(dns.queries))),
                    ("Asked again", some_of(dns.repeated, dns.queries)),
                    ("Answers", Some(number(dns.responses))),
                    ("Slow answers", some(dns.slow)),
                    ("Unanswered", some_of(dns.unanswered, dns.queries)),
                    ("Still waiting at the end", some(dns.pending)),
                    ("Not followed", some(dns.not_followed)),
                    ("Malformed", some(dns.malformed)),
                ]))
                (durations("answer", "answers", &dns.answered))
                (counts("Answers by code", "Code", &dns.codes))
                h3 { "Names" }
                @if report.names_left_out { (left_out()) } @else {
                    (table("Names by questions", &of_name, &dns.names.names))
                    (more_names(&dns.names))
                }
                h3 { "Name servers" }
                (table("Name servers by questions", &of_server, &dns.servers.by_packets))
                (more_of(&dns.servers, dns.servers.by_packets.len()))
            }
        }
    }
}
