//! Which protocols there were.

use maud::{Markup, html};
use nightcap_report::measure::number;
use nightcap_report::{Report, Transports};

use crate::page::bars::{Bar, bars};
use crate::page::list::list;
use crate::page::words::{shown, some, some_of};

pub fn protocols(report: &Report) -> Markup {
    let protocols = &report.protocols;
    let (layers, arp) = (&protocols.layers, &protocols.arp);
    let all = report.packets.count;
    let tunnelled = layers.vxlan > 0 || layers.geneve > 0 || layers.gre > 0 || layers.ip_in_ip > 0;
    let vlans: Vec<String> =
        protocols.vlans.iter().map(|(vlan, packets)| format!("{vlan} ({})", number(*packets))).collect();
    html! {
        section {
            h2 { "Protocols" }
            (transports("Packets by protocol", &protocols.outer, all))
            @if tunnelled {
                h3 { "Within tunnels" }
                (transports("Packets by protocol, within tunnels", &protocols.inner, all))
            }
            (list([
                ("IPv4", some_of(layers.ipv4, all)),
                ("IPv6", some_of(layers.ipv6, all)),
                ("IPv4 fragments", some_of(layers.ipv4_fragments, all)),
                ("IPv6 fragments", some_of(layers.ipv6_fragments, all)),
                ("VXLAN", some_of(layers.vxlan, all)),
                ("Geneve", some_of(layers.geneve, all)),
                ("GRE", some_of(layers.gre, all)),
                ("IP in IP", some_of(layers.ip_in_ip, all)),
                ("VLAN tag", some_of(layers.vlan, all)),
                ("VLANs", (!vlans.is_empty()).then(|| shown(&vlans.join(", ")))),
                ("ARP requests", some(arp.requests)),
                ("ARP replies", some(arp.replies)),
                ("ARP announcements", some(arp.announcements)),
            ]))
        }
    }
}

fn transports(title: &str, transports: &Transports, all: u64) -> Markup {
    let mut counts = [
        ("TCP", transports.tcp),
        ("UDP", transports.udp),
        ("ICMP", transports.icmp),
        ("ICMPv6", transports.icmpv6),
        ("ARP", transports.arp),
        ("Other", transports.other),
    ];
    counts.sort_by_key(|(_, packets)| std::cmp::Reverse(*packets));
    let drawn = counts.into_iter().filter_map(|(name, packets)| {
        Some(Bar { name: name.to_owned(), value: packets, shown: some_of(packets, all)? })
    });
    bars(title, &drawn.collect::<Vec<_>>())
}
