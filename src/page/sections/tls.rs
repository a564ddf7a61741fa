//! TLS: who was asked for, in which version, and why it ended.

use maud::{Markup, html};
use nightcap_report::Report;
use nightcap_report::measure::number;

use crate::page::list::{left_out, list, none};
use crate::page::table::{counts, named};
use crate::page::words::some;

pub fn tls(report: &Report) -> Markup {
    let tls = &report.tls;
    html! {
        section {
            h2 { "TLS" }
            @if tls.client_hellos == 0 && tls.server_hellos == 0 && tls.alerts.is_empty() { (none("TLS")) } @else {
                (list([
                    ("Begun by clients", Some(number(tls.client_hellos))),
                    ("Answered by servers", Some(number(tls.server_hellos))),
                    ("Without an answer", some(tls.unanswered)),
                    ("Fatal alerts", some(tls.fatal_alerts)),
                ]))
                (counts("Versions that servers chose", "Version", &tls.versions))
                (counts("Alerts", "Alert", &tls.alerts))
                @if report.names_left_out { (left_out()) } @else { (named("Server names", "Name", &tls.server_names)) }
            }
        }
    }
}
