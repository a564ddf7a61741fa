//! HTTP/1 without encryption.

use maud::{Markup, html};
use nightcap_report::Report;
use nightcap_report::measure::number;

use crate::page::list::{left_out, list, none};
use crate::page::table::{counts, named};

pub fn http(report: &Report) -> Markup {
    let http = &report.http;
    html! {
        section {
            h2 { "HTTP without encryption" }
            @if http.requests == 0 && http.responses == 0 { (none("HTTP")) } @else {
                (list([("Requests", Some(number(http.requests))), ("Answers", Some(number(http.responses)))]))
                (counts("Requests by method", "Method", &http.methods))
                (counts("Answers by status", "Status", &http.statuses))
                @if report.names_left_out { (left_out()) } @else { (named("Hosts", "Host", &http.hosts)) }
            }
        }
    }
}
