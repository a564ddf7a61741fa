//! QUIC: who was asked for. All else is encrypted.

use maud::{Markup, html};
use nightcap_report::Report;
use nightcap_report::measure::number;

use crate::page::list::{left_out, list, none};
use crate::page::table::{counts, named};

pub fn quic(report: &Report) -> Markup {
    let quic = &report.quic;
    html! {
        section {
            h2 { "QUIC" }
            @if quic.connections == 0 { (none("QUIC")) } @else {
                (list([
                    ("Opened by clients", Some(number(quic.connections))),
                    ("Hellos that were read", Some(number(quic.hellos))),
                ]))
                (counts("Versions that clients chose", "Version", &quic.versions))
                @if report.names_left_out { (left_out()) } @else { (named("Server names", "Name", &quic.server_names)) }
            }
        }
    }
}
