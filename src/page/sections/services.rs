//! TCP services, and ports of every protocol.

use maud::{Markup, html};
use nightcap_report::measure::{number, size};
use nightcap_report::{Port, Report, Service};

use crate::page::table::{address, amount, more_of, table, word};
use crate::page::words::{called, shown, with_port};

pub fn services(report: &Report) -> Markup {
    let (services, ports) = (&report.tcp.services, &report.ports);
    let of_service = [
        address("Service", |service: &Service| {
            let known = [service.names.text(), service.port_name.map(str::to_owned)];
            called(with_port(service.address, service.port), known)
        }),
        amount("Answered", |service| number(service.connections.answered)),
        amount("Refused", |service| number(service.connections.refused)),
        amount("Unanswered", |service| number(service.connections.unanswered)),
        amount("Under way", |service| number(service.connections.under_way)),
        amount("Bytes", |service| size(service.bytes)),
        amount("Sent again", |service| {
            number(service.delivered_from.sent_again.saturating_add(service.delivered_to.sent_again))
        }),
        amount("Resets", |service| number(service.resets_from.saturating_add(service.resets_to))),
        amount("Zero windows", |service| number(service.zero_windows)),
    ];
    let of_port = [
        word("Port", |port: &Port| {
            let number = format!("{} {}", shown(&port.protocol).to_uppercase(), port.port);
            called(number, [port.name.map(str::to_owned), None])
        }),
        amount("Conversations", |port| number(port.conversations)),
        amount("Bytes", |port| size(port.bytes)),
        amount("Packets", |port| number(port.packets)),
    ];
    html! {
        section {
            h2 { "Services and ports" }
            h3 { "TCP services" }
            (table("TCP services by bytes", &of_service, &services.by_bytes))
            (more_of(services, services.by_bytes.len()))
            h3 { "Ports" }
            (table("Ports by bytes", &of_port, &ports.by_bytes))
            (more_of(ports, ports.by_bytes.len()))
        }
    }
}
