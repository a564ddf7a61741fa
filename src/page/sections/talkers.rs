//! Who talked most.

use maud::{Markup, html};
use nightcap_report::measure::{number, size};
use nightcap_report::{Endpoint, Report};

use crate::page::bars::{Bar, bars};
use crate::page::table::{address, amount, more_of, table};
use crate::page::words::called;

/// How many bars are drawn; the table below them has more.
const MOST_BARS: usize = 8;

pub fn talkers(report: &Report) -> Markup {
    let top = &report.endpoints;
    let drawn = top.by_bytes.iter().take(MOST_BARS).map(|endpoint| Bar {
        name: name(endpoint),
        value: endpoint.bytes,
        shown: size(endpoint.bytes),
    });
    let columns = [
        address("Address", name),
        amount("Bytes", |endpoint: &Endpoint| size(endpoint.bytes)),
        amount("Bytes sent", |endpoint| size(endpoint.bytes_sent)),
        amount("Packets", |endpoint| number(endpoint.packets)),
        amount("Packets sent", |endpoint| number(endpoint.packets_sent)),
    ];
    html! {
        section {
            h2 { "Who talked most" }
            (bars("Addresses with the most bytes", &drawn.collect::<Vec<_>>()))
            (table("Addresses by bytes", &columns, &top.by_bytes))
            (more_of(top, top.by_bytes.len()))
        }
    }
}

fn name(endpoint: &Endpoint) -> String {
    called(endpoint.address.to_string(), [endpoint.names.text(), None])
}
