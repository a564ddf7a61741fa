//! ICMP: what routers and hosts complain of.

use maud::{Markup, html};
use nightcap_report::measure::{count_of, number};
use nightcap_report::{Destination, Names, Report};

use crate::page::list::{list, none};
use crate::page::table::{address, amount, counts, more_names, table};
use crate::page::words::{called, some, with_port};

pub fn icmp(report: &Report) -> Markup {
    let icmp = &report.icmp;
    let smallest = icmp.smallest_mtu.map(|mtu| count_of(mtu.into(), "byte", "bytes"));
    html! {
        section {
            h2 { "ICMP" }
            @if icmp.messages.is_empty() { (none("ICMP")) } @else {
                (counts("Messages", "Message", &icmp.messages))
                (list([
                    ("Unreachable", some(icmp.unreachable)),
                    ("Too big", some(icmp.too_big)),
                    ("Smallest size asked for", smallest),
                ]))
                (destinations("What could not be reached", &icmp.unreachable_destinations))
                (destinations("What was too big for its way", &icmp.too_big_destinations))
            }
        }
    }
}

fn destinations(title: &str, destinations: &Names<Destination>) -> Markup {
    let columns = [
        address("Destination", |destination: &Destination| {
            let address = with_port(destination.address, destination.port.unwrap_or_default());
            called(address, [destination.names.text(), None])
        }),
        amount("Times", |destination| number(destination.times)),
    ];
    html! {
        @if !destinations.names.is_empty() {
            h3 { (title) }
            (table(title, &columns, &destinations.names))
            (more_names(destinations))
        }
    }
}
