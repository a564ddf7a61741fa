//! A report as a page for people: HTML in one piece, without scripts and without anything that is loaded, so that it can
//! be kept, sent and printed.
//!
//! Most of what it shows was on the wire, where anybody may have put it. Templates escape every text, `shown` takes out
//! what cannot be seen, and the page's own policy forbids scripts once more.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::measure::{count_of, number, seconds_long, size};
use crate::page::chart::{Bar, bars, tcp, traffic};
use crate::report::finding::Severity;
use crate::report::histogram::Durations;
use crate::report::icmp::Destination;
use crate::report::moment::Moment;
use crate::report::names::Named;
use crate::report::protocols::Transports;
use crate::report::top::{Names, Top};
use crate::report::{CaptureFile, Packets, Report};
use crate::text::clean;
use crate::timestamp::Timestamp;

const STYLE: &str = include_str!("page.css");

/// Nothing but the style in the page itself (Content Security Policy Level 3).
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The longest text that is shown whole, in bytes; names in DNS take up to a thousand when each byte has to be written
/// out.
const LONGEST_TEXT: usize = 1100;

/// How many bars are drawn; the table below them has more.
const MOST_BARS: usize = 8;

/// What a page shows.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    /// The machine's name; may be empty.
    pub machine: &'a str,
    /// What is known without the file.
    pub facts: Facts<'a>,
    /// What the file says.
    pub report: &'a Report,
}

/// What is known of an alert and its capture. What is not known is left out of the page.
#[derive(Clone, Debug, Default)]
pub struct Facts<'a> {
    /// The alert's rule.
    pub rule: Option<&'a str>,
    /// Its severity.
    pub severity: Option<&'a str>,
    /// `Fired`, or Azure's word for the end.
    pub condition: Option<&'a str>,
    /// When it fired.
    pub fired_at: Option<Timestamp>,
    /// When the capture began.
    pub began_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended, in a sentence.
    pub end: Option<&'a str>,
    /// Where the file is.
    pub storage_path: Option<&'a str>,
    /// How many bytes it has.
    pub size: Option<u64>,
    /// Where to read on: what is there, and its address.
    pub links: Vec<(&'static str, String)>,
}

impl Page<'_> {
    /// Writes the page.
    pub fn render(&self) -> String {
        let report = self.report;
        let title = self.title();
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="referrer" content="no-referrer";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    title { (title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    main {
                        h1 { (title) }
                        p.lead { (self.headline()) }
                        (self.findings())
                        (self.normal())
                        (self.facts.section(&report.packets))
                        section { h2 { "Traffic" } (traffic(&report.series, self.facts.fired_at)) }
                        section { h2 { "TCP over time" } (tcp(&report.series, self.facts.fired_at)) }
                        (talkers(report))
                        (conversations(report))
                        (services(report))
                        (protocols(report))
                        (tcp_numbers(report))
                        (dns(report))
                        (tls(report))
                        (http(report))
                        (icmp(report))
                        (file(&report.file))
                        footer {
                            "Written by nightcap, which counted what the machine itself saw. All times are UTC. Sizes are \
                             those on the wire."
                        }
                    }
                }
            }
        };
        page.into_string()
    }

    fn title(&self) -> String {
        match shown(self.machine) {
            machine if machine.is_empty() => "Packet capture".to_owned(),
            machine => format!("Packet capture on {machine}"),
        }
    }

    fn headline(&self) -> String {
        let packets = &self.report.packets;
        if packets.count == 0 {
            return "The file holds no packets.".to_owned();
        }
        let of_severity =
            |severity| self.report.findings.iter().filter(|finding| finding.severity == severity).count() as u64;
        let kinds = [
            (of_severity(Severity::Critical), "critical finding", "critical findings"),
            (of_severity(Severity::Warning), "warning", "warnings"),
        ];
        let told = kinds.into_iter().filter(|(count, ..)| *count > 0);
        let told: Vec<String> = told.map(|(count, one, many)| count_of(count, one, many)).collect();
        let found = if told.is_empty() { "Nothing alarming".to_owned() } else { told.join(" and ") };
        let amount = count_of(packets.count, "packet", "packets");
        let over = packets.duration_seconds.map(|seconds| format!(" over {}", seconds_long(seconds)));
        format!("{found} in {amount} ({}){}.", size(packets.bytes), over.unwrap_or_default())
    }

    fn findings(&self) -> Markup {
        html! {
            section {
                h2 { "Findings" }
                @if self.report.findings.is_empty() { p.soft { "None." } }
                ul {
                    @for finding in &self.report.findings {
                        li.(finding.severity.word()) { b { (title_of(finding.severity)) } (shown(&finding.sentence)) }
                    }
                }
            }
        }
    }

    fn normal(&self) -> Markup {
        html! {
            @if !self.report.normal.is_empty() {
                section {
                    h2 { "What looked normal" }
                    ul { @for sentence in &self.report.normal { li.good { (shown(sentence)) } } }
                }
            }
        }
    }
}

fn title_of(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Critical",
        Severity::Warning => "Warning",
        Severity::Info => "For information",
    }
}

impl Facts<'_> {
    fn section(&self, packets: &Packets) -> Markup {
        let text = |text: Option<&str>| text.map(shown);
        let time = |time: Option<Timestamp>| time.map(Timestamp::plain);
        let length = self.began_at.zip(self.ended_at).and_then(|(began, ended)| ended.since(began));
        html! {
            section {
                h2 { "Alert and capture" }
                (facts([
                    ("Rule", text(self.rule)),
                    ("Severity", text(self.severity)),
                    ("Condition", text(self.condition)),
                    ("Alert fired", time(self.fired_at)),
                    ("Capture began", time(self.began_at)),
                    ("Capture ended", time(self.ended_at)),
                    ("Length", length.map(|length| seconds_long(length.as_secs_f64()))),
                    ("How it ended", text(self.end)),
                    ("First packet", packets.first_time.map(Moment::plain)),
                    ("Last packet", packets.last_time.map(Moment::plain)),
                    ("Packets", Some(number(packets.count))),
                    ("Bytes on the wire", Some(size(packets.bytes))),
                    ("Cut short", some_of(packets.cut, packets.count)),
                    ("Not readable", some_of(packets.not_read, packets.count)),
                    ("Without a time", some_of(packets.without_time, packets.count)),
                    ("Out of time order", some_of(packets.out_of_time_order, packets.count)),
                    ("File", text(self.storage_path)),
                    ("File size", self.size.map(size)),
                ]))
                @if !self.links.is_empty() {
                    p.links { @for (what, address) in &self.links { a href=(address) { (what) } " " } }
                }
            }
        }
    }
}

fn talkers(report: &Report) -> Markup {
    let top = &report.endpoints;
    let drawn = top.by_bytes.iter().take(MOST_BARS).map(|endpoint| Bar {
        name: endpoint.address.to_string(),
        value: endpoint.bytes,
        shown: size(endpoint.bytes),
    });
    let rows = top.by_bytes.iter().map(|endpoint| {
        vec![
            endpoint.address.to_string(),
            size(endpoint.bytes),
            size(endpoint.bytes_sent),
            number(endpoint.packets),
            number(endpoint.packets_sent),
        ]
    });
    let columns =
        [address("Address"), amount("Bytes"), amount("Bytes sent"), amount("Packets"), amount("Packets sent")];
    html! {
        section {
            h2 { "Who talked most" }
            (bars("Addresses with the most bytes", &drawn.collect::<Vec<_>>()))
            (table("Addresses by bytes", &columns, rows.collect()))
            (more_of(top, top.by_bytes.len()))
        }
    }
}

fn conversations(report: &Report) -> Markup {
    let top = &report.conversations;
    let rows = top.by_bytes.iter().map(|conversation| {
        vec![
            shown(&conversation.protocol).to_uppercase(),
            with_port(conversation.source, conversation.source_port),
            with_port(conversation.destination, conversation.destination_port),
            size(conversation.bytes),
            size(conversation.bytes_sent),
            number(conversation.packets),
            number(conversation.retransmissions),
            number(conversation.resets),
            number(conversation.zero_windows),
        ]
    });
    let columns = [
        name("Protocol"),
        address("From"),
        address("To"),
        amount("Bytes"),
        amount("Sent by the first"),
        amount("Packets"),
        amount("Sent again"),
        amount("Resets"),
        amount("Zero windows"),
    ];
    html! {
        section {
            h2 { "Conversations" }
            (table("Conversations by bytes", &columns, rows.collect()))
            (more_of(top, top.by_bytes.len()))
            @if report.forgotten_conversations > 0 {
                p.soft {
                    (count_of(report.forgotten_conversations, "conversation was", "conversations were"))
                    " forgotten while too many were open, and count anew if they went on."
                }
            }
        }
    }
}

fn services(report: &Report) -> Markup {
    let (services, ports) = (&report.tcp.services, &report.ports);
    let service_rows = services.by_bytes.iter().map(|service| {
        let connections = &service.connections;
        vec![
            with_port(service.address, service.port),
            number(connections.answered),
            number(connections.refused),
            number(connections.unanswered),
            number(connections.under_way),
            size(service.bytes),
            number(service.retransmissions_from.saturating_add(service.retransmissions_to)),
            number(service.resets_from.saturating_add(service.resets_to)),
            number(service.zero_windows),
        ]
    });
    let service_columns = [
        address("Service"),
        amount("Answered"),
        amount("Refused"),
        amount("Unanswered"),
        amount("Under way"),
        amount("Bytes"),
        amount("Sent again"),
        amount("Resets"),
        amount("Zero windows"),
    ];
    let port_rows = ports.by_bytes.iter().map(|port| {
        vec![
            format!("{} {}", shown(&port.protocol).to_uppercase(), port.port),
            number(port.conversations),
            size(port.bytes),
            number(port.packets),
        ]
    });
    let port_columns = [name("Port"), amount("Conversations"), amount("Bytes"), amount("Packets")];
    html! {
        section {
            h2 { "Services and ports" }
            h3 { "TCP services" }
            (table("TCP services by bytes", &service_columns, service_rows.collect()))
            (more_of(services, services.by_bytes.len()))
            h3 { "Ports" }
            (table("Ports by bytes", &port_columns, port_rows.collect()))
            (more_of(ports, ports.by_bytes.len()))
        }
    }
}

fn protocols(report: &Report) -> Markup {
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
            (facts([
                ("IPv4", some_of(layers.ipv4, all)),
                ("IPv6", some_of(layers.ipv6, all)),
                ("IPv4 fragments", some_of(layers.ipv4_fragments, all)),
                ("IPv6 fragments", some_of(layers.ipv6_fragments, all)),
                ("VXLAN", some_of(layers.vxlan, all)),
                ("Geneve", some_of(layers.geneve, all)),
                ("GRE", some_of(layers.gre, all)),
                ("IP in IP", some_of(layers.ip_in_ip, all)),
                ("VLAN tag", some_of(layers.vlan, all)),
                ("VLANs", (!vlans.is_empty()).then(|| clean(&vlans.join(", "), LONGEST_TEXT))),
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

fn tcp_numbers(report: &Report) -> Markup {
    let tcp = &report.tcp;
    let connections = &tcp.connections;
    let of_segments = |count| some_of(count, tcp.segments);
    html! {
        section {
            h2 { "TCP" }
            @if tcp.segments == 0 { (none("TCP")) } @else {
                h3 { "Connections" }
                (facts([
                    ("Answered", Some(number(connections.answered))),
                    ("Refused", Some(number(connections.refused))),
                    ("Unanswered", Some(number(connections.unanswered))),
                    ("Still waiting at the end", some(connections.pending)),
                    ("Begun before the capture", some(connections.under_way)),
                ]))
                (durations("handshake", "handshakes", &tcp.handshake))
                h3 { "Segments" }
                (facts([
                    ("All", Some(number(tcp.segments))),
                    ("SYN", of_segments(tcp.syn)),
                    ("SYN and ACK", of_segments(tcp.syn_ack)),
                    ("FIN", of_segments(tcp.fin)),
                    ("RST", of_segments(tcp.rst)),
                    ("Sent again", of_segments(tcp.retransmissions)),
                    ("of these after duplicate ACKs", of_segments(tcp.fast_retransmissions)),
                    ("of these needlessly", of_segments(tcp.spurious_retransmissions)),
                    ("Out of order", of_segments(tcp.out_of_order)),
                    ("Duplicate ACKs", of_segments(tcp.duplicate_acks)),
                    ("After a gap", of_segments(tcp.lost_segments)),
                    ("Zero windows", of_segments(tcp.zero_windows)),
                    ("Keep-alives", of_segments(tcp.keep_alives)),
                ]))
            }
        }
    }
}

fn dns(report: &Report) -> Markup {
    let dns = &report.dns;
    let asked = dns
        .names
        .names
        .iter()
        .map(|name| vec![shown(&name.name), number(name.queries), number(name.failed), number(name.unanswered)]);
    let servers = dns.servers.by_packets.iter().map(|server| {
        vec![
            server.address.to_string(),
            number(server.queries),
            number(server.failed),
            number(server.slow),
            number(server.unanswered),
        ]
    });
    let name_columns = [long("Name"), amount("Asked"), amount("Errors"), amount("Unanswered")];
    let server_columns = [address("Server"), amount("Asked"), amount("Errors"), amount("Slow"), amount("Unanswered")];
    html! {
        section {
            h2 { "DNS" }
            @if dns.queries == 0 && dns.responses == 0 && dns.malformed == 0 { (none("DNS")) } @else {
                (facts([
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
                (table("Names by questions", &name_columns, asked.collect()))
                (more_names(&dns.names))
                h3 { "Name servers" }
                (table("Name servers by questions", &server_columns, servers.collect()))
                (more_of(&dns.servers, dns.servers.by_packets.len()))
            }
        }
    }
}

fn tls(report: &Report) -> Markup {
    let tls = &report.tls;
    html! {
        section {
            h2 { "TLS" }
            @if tls.client_hellos == 0 && tls.server_hellos == 0 && tls.alerts.is_empty() { (none("TLS")) } @else {
                (facts([
                    ("Begun by clients", Some(number(tls.client_hellos))),
                    ("Answered by servers", Some(number(tls.server_hellos))),
                    ("Without an answer", some(tls.unanswered)),
                    ("Fatal alerts", some(tls.fatal_alerts)),
                ]))
                (counts("Versions that servers chose", "Version", &tls.versions))
                (counts("Alerts", "Alert", &tls.alerts))
                (named("Server names", "Name", &tls.server_names))
            }
        }
    }
}

fn http(report: &Report) -> Markup {
    let http = &report.http;
    html! {
        section {
            h2 { "HTTP without encryption" }
            @if http.requests == 0 && http.responses == 0 { (none("HTTP")) } @else {
                (facts([("Requests", Some(number(http.requests))), ("Answers", Some(number(http.responses)))]))
                (counts("Requests by method", "Method", &http.methods))
                (counts("Answers by status", "Status", &http.statuses))
                (named("Hosts", "Host", &http.hosts))
            }
        }
    }
}

fn icmp(report: &Report) -> Markup {
    let icmp = &report.icmp;
    let smallest = icmp.smallest_mtu.map(|mtu| count_of(mtu.into(), "byte", "bytes"));
    html! {
        section {
            h2 { "ICMP" }
            @if icmp.messages.is_empty() { (none("ICMP")) } @else {
                (counts("Messages", "Message", &icmp.messages))
                (facts([
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

fn file(file: &CaptureFile) -> Markup {
    let format = file.format.as_deref().map_or_else(|| "unknown".to_owned(), shown);
    let state = match &file.fault {
        Some(fault) => shown(&fault.message),
        None if file.is_complete => "Read to its end.".to_owned(),
        None => "Not read to its end.".to_owned(),
    };
    let links = file.link_types.iter().map(|link| {
        format!("{} (number {}): {}", shown(&link.name), link.number, count_of(link.packets, "packet", "packets"))
    });
    let links = links.collect::<Vec<_>>().join("; ");
    html! {
        section {
            h2 { "The file" }
            (facts([
                ("Format", Some(format)),
                ("State", Some(state)),
                ("Bytes read", Some(number(file.bytes_read))),
                ("Sections", Some(number(file.sections))),
                ("Interfaces", Some(number(file.interfaces))),
                ("Blocks left out", some(file.skipped_blocks)),
                ("Link types", Some(links)),
            ]))
        }
    }
}

fn destinations(title: &str, destinations: &Names<Destination>) -> Markup {
    let rows = destinations.names.iter().map(|destination| {
        vec![with_port(destination.address, destination.port.unwrap_or_default()), number(destination.times)]
    });
    html! {
        @if !destinations.names.is_empty() {
            h3 { (title) }
            (table(title, &[address("Destination"), amount("Times")], rows.collect()))
            (more_names(destinations))
        }
    }
}

fn named(title: &str, what: &'static str, names: &Names<Named>) -> Markup {
    let rows = names.names.iter().map(|named| vec![shown(&named.name), number(named.times)]);
    html! {
        @if !names.names.is_empty() {
            h3 { (title) }
            (table(title, &[long(what), amount("Times")], rows.collect()))
            (more_names(names))
        }
    }
}

fn counts(title: &str, what: &'static str, counts: &BTreeMap<String, u64>) -> Markup {
    let mut counts: Vec<_> = counts.iter().collect();
    counts.sort_by_key(|(_, times)| std::cmp::Reverse(**times));
    let rows = counts.into_iter().map(|(word, times)| vec![shown(word).replace('_', " "), number(*times)]);
    html! {
        @if rows.len() > 0 {
            h3 { (title) }
            (table(title, &[name(what), amount("Times")], rows.collect()))
        }
    }
}

fn durations(one: &str, many: &str, durations: &Durations) -> Markup {
    let [median, p95, max] = [durations.median_seconds, durations.p95_seconds, durations.max_seconds].map(seconds_long);
    html! {
        @if durations.count > 0 {
            p {
                (count_of(durations.count, one, many)) " took " strong { (median) }
                @if durations.count > 1 { " (median), " (p95) " or less in 95 of 100 cases, and " (max) " at most" }
                "."
            }
        }
    }
}

/// Labels and values, without those that have none.
fn facts<const N: usize>(facts: [(&'static str, Option<String>); N]) -> Markup {
    let told = facts.into_iter().filter_map(|(label, value)| Some((label, value?)));
    html! {
        dl {
            @for (label, value) in told.filter(|(_, value)| !value.is_empty()) { dt { (label) } dd { (value) } }
        }
    }
}

struct Column {
    title: &'static str,
    class: Option<&'static str>,
}

fn name(title: &'static str) -> Column {
    Column { title, class: None }
}

/// A column of addresses, some of which are as wide as a phone.
fn address(title: &'static str) -> Column {
    Column { title, class: Some("address") }
}

/// A column of texts that may need several lines.
fn long(title: &'static str) -> Column {
    Column { title, class: Some("long") }
}

fn amount(title: &'static str) -> Column {
    Column { title, class: Some("number") }
}

/// A table that scrolls within itself, also by keyboard.
fn table(label: &str, columns: &[Column], rows: Vec<Vec<String>>) -> Markup {
    html! {
        @if rows.is_empty() { p.soft { "None." } } @else {
            div.scroll role="region" aria-label=(label) tabindex="0" {
                table {
                    thead { tr { @for column in columns { th scope="col" class=[column.class] { (column.title) } } } }
                    tbody {
                        @for row in &rows {
                            tr { @for (column, cell) in columns.iter().zip(row) { td class=[column.class] { (cell) } } }
                        }
                    }
                }
            }
        }
    }
}

fn more_of<T>(top: &Top<T>, shown: usize) -> Markup {
    let missing = &top.most_missing;
    html! {
        (more(top.count, shown, top.exact))
        @if !top.exact {
            p.soft {
                "There were too many to keep all: counts above can lack up to " (size(missing.bytes)) " and "
                (count_of(missing.packets, "packet", "packets")) "."
            }
        }
    }
}

fn more_names<T>(names: &Names<T>) -> Markup {
    more(names.count, names.names.len(), names.exact)
}

/// How many are not shown. Of those that were forgotten some may have come back, and are counted twice.
fn more(count: u64, shown: usize, is_exact: bool) -> Markup {
    let rest = count.saturating_sub(shown as u64);
    let bound = if is_exact { "" } else { "up to " };
    html! { @if rest > 0 { p.soft { "and " (bound) (number(rest)) " more" } } }
}

fn none(protocol: &str) -> Markup {
    html! { p.soft { "There was no " (protocol) " to be seen." } }
}

/// A text from outside, fit to be put into a template.
fn shown(text: &str) -> String {
    clean(text, LONGEST_TEXT)
}

/// `10.0.0.4:443`, `[fd00::4]:443`; without the port when it is 0, for then there is none.
fn with_port(address: IpAddr, port: u16) -> String {
    match address {
        _ if port == 0 => address.to_string(),
        _ => SocketAddr::new(address, port).to_string(),
    }
}

/// A count that is only worth a line when there is something.
fn some(count: u64) -> Option<String> {
    (count > 0).then(|| number(count))
}

/// `1,234 (5.6 %)`.
fn some_of(count: u64, all: u64) -> Option<String> {
    let percent = count as f64 / all.max(1) as f64 * 100.0;
    let share = match percent {
        percent if percent < 0.1 => "less than 0.1 %".to_owned(),
        percent => format!("{percent:.1} %"),
    };
    (count > 0).then(|| format!("{} ({share})", number(count)))
}

#[cfg(test)]
mod tests {
    use quick_xml::Reader;
    use quick_xml::events::Event;

    use super::*;
    use crate::report::dns::{DnsName, DnsServer};
    use crate::report::finding::{Finding, Kind};
    use crate::report::talkers::{Conversation, Endpoint, Port};
    use crate::report::top::Weight;
    use crate::report::{Analysis, FileFault, LinkType};

    const HOSTILE: &str =
        "\u{202e}\"'></td></svg></style><script src=\"https://evil.example\">alert(1)</script>&amp;<!--";

    fn empty() -> Report {
        Analysis::default().finish()
    }

    fn page(report: &Report) -> Page<'_> {
        Page { machine: "", facts: Facts::default(), report }
    }

    fn finding(severity: Severity, sentence: &str) -> Finding {
        let (kind, sentence) = (Kind::Burst, sentence.to_owned());
        Finding { kind, severity, sentence, evidence: BTreeMap::new(), from: None, to: None }
    }

    /// Reads the page as XML, which wants every element closed, all but those of the head that HTML never closes.
    fn assert_well_formed(page: &str) {
        let head = page.find("<title>").unwrap();
        let body = page[head..].replacen("</head>", "", 1);
        let page = format!("<html>{body}");
        let mut reader = Reader::from_str(&page);
        let config = reader.config_mut();
        config.check_end_names = true;
        let mut depth = 0;
        loop {
            match reader.read_event().unwrap() {
                Event::Start(element) => {
                    depth += 1;
                    element.attributes().for_each(|attribute| drop(attribute.unwrap()));
                }
                Event::End(_) => depth -= 1,
                Event::Eof => break,
                _ => {}
            }
        }
        assert_eq!(depth, 0);
    }

    fn assert_harmless(page: &str) {
        assert_well_formed(page);
        for forbidden in ["<script", "\u{202e}", "src=\"", "href=", "@import", "url(", "<!--", "onload"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert_eq!(page.matches("</svg></style>").count(), 0);
    }

    fn top<T: Clone>(one: T) -> Top<T> {
        Top {
            by_bytes: vec![one.clone()],
            by_packets: vec![one],
            count: 1,
            exact: true,
            most_missing: Weight::default(),
        }
    }

    fn counted() -> BTreeMap<String, u64> {
        [(HOSTILE.to_owned(), 1)].into()
    }

    fn names<T>(one: T) -> Names<T> {
        Names { names: vec![one], count: 1, exact: true }
    }

    #[test]
    fn what_was_on_the_wire_is_never_markup() {
        let hostile = || HOSTILE.to_owned();
        let mut report = empty();
        report.file.format = Some(hostile());
        report.file.fault = Some(FileFault { reason: hostile(), at: 0, message: hostile() });
        report.file.link_types = vec![LinkType { number: 1, name: hostile(), packets: 1 }];
        let address: IpAddr = "fd00::4".parse().unwrap();
        report.endpoints = top(Endpoint { address, packets: 1, bytes: 1, packets_sent: 1, bytes_sent: 1 });
        report.conversations = top(Conversation {
            protocol: hostile(),
            source: address,
            source_port: 1,
            destination: address,
            destination_port: 443,
            packets: 1,
            bytes: 1,
            packets_sent: 1,
            bytes_sent: 1,
            retransmissions: 0,
            resets: 0,
            zero_windows: 0,
        });
        report.ports = top(Port { protocol: hostile(), port: 1, packets: 1, bytes: 1, conversations: 1 });
        report.dns.queries = 1;
        report.dns.codes = counted();
        report.dns.names = names(DnsName { name: hostile(), queries: 1, failed: 0, unanswered: 0 });
        report.dns.servers = top(DnsServer { address, queries: 1, failed: 0, slow: 0, unanswered: 0 });
        report.tls.client_hellos = 1;
        report.tls.versions = counted();
        report.tls.alerts = counted();
        report.tls.server_names = names(Named { name: hostile(), times: 1 });
        report.http.requests = 1;
        report.http.methods = counted();
        report.http.statuses = counted();
        report.http.hosts = names(Named { name: hostile(), times: 1 });
        report.icmp.messages = counted();
        let facts = Facts {
            rule: Some(HOSTILE),
            severity: Some(HOSTILE),
            condition: Some(HOSTILE),
            end: Some(HOSTILE),
            storage_path: Some(HOSTILE),
            ..Facts::default()
        };
        report.findings = vec![finding(Severity::Info, HOSTILE), finding(Severity::Critical, HOSTILE)];
        report.normal = vec![hostile()];
        let text = Page { machine: HOSTILE, facts, report: &report }.render();
        assert_harmless(&text);
        let escaped = text.matches("&lt;script src=&quot;").count() + text.matches("&lt;SCRIPT SRC=&quot;").count();
        assert_eq!(escaped, 24);
    }

    #[test]
    fn an_empty_report_is_a_page_too() {
        let report = empty();
        let text = page(&report).render();
        assert_harmless(&text);
        assert!(text.contains("<h1>Packet capture</h1>"));
        assert!(text.contains("The file holds no packets."));
        assert!(text.contains("No packet has a time"));
        assert!(text.contains("There was no DNS to be seen."));
    }

    #[test]
    fn nonsense_in_a_report_is_shown_as_unknown() {
        let mut report = empty();
        report.packets.count = 1;
        report.packets.duration_seconds = Some(f64::NAN);
        report.packets.first_time = Some(Moment(i64::MIN));
        report.series.start = Some(Moment(i64::MAX));
        report.series.bucket_seconds = f64::INFINITY;
        report.series.bytes = vec![u64::MAX, 0];
        report.tcp.segments = 1;
        report.tcp.retransmissions = u64::MAX;
        report.tcp.handshake =
            Durations { count: 1, median_seconds: f64::NAN, p95_seconds: -1.0, max_seconds: f64::INFINITY };
        let facts = Facts { fired_at: Some(Timestamp::from_unix_millis(i64::MIN)), ..Facts::default() };
        let text = Page { facts, ..page(&report) }.render();
        assert_harmless(&text);
        assert!(!text.contains("NaN") && !text.contains("inf "));
        assert!(text.contains("over unknown"));
    }

    #[test]
    fn the_headline_counts_what_matters() {
        let mut report = Report { findings: vec![], ..empty() };
        report.packets = Packets { count: 12_345, bytes: 1 << 20, duration_seconds: Some(302.0), ..Packets::default() };
        assert_eq!(page(&report).headline(), "Nothing alarming in 12,345 packets (1.0 MiB) over 5 min 2 s.");
        let severities = [Severity::Critical, Severity::Warning, Severity::Warning, Severity::Info];
        report.findings = severities.map(|severity| finding(severity, "So it is.")).into();
        assert!(page(&report).headline().starts_with("1 critical finding and 2 warnings in 12,345 packets"));
    }

    #[test]
    fn what_is_left_out_of_a_table_is_counted() {
        let words = |count, shown, exact| more(count, shown, exact).into_string();
        assert_eq!(words(20, 20, true), "");
        assert_eq!(words(1_020, 20, true), r#"<p class="soft">and 1,000 more</p>"#);
        assert_eq!(words(21, 20, false), r#"<p class="soft">and up to 1 more</p>"#);
    }

    #[test]
    fn shares_and_ports_are_told_as_far_as_there_are_any() {
        assert_eq!(some_of(0, 0), None);
        assert_eq!(some_of(1, 8).as_deref(), Some("1 (12.5 %)"));
        assert_eq!(some_of(1, 100_000).as_deref(), Some("1 (less than 0.1 %)"));
        let told = ["10.0.0.4", "fd00::4"].map(|address| with_port(address.parse().unwrap(), 443));
        assert_eq!(told, ["10.0.0.4:443", "[fd00::4]:443"]);
        assert_eq!(with_port("10.0.0.4".parse().unwrap(), 0), "10.0.0.4");
    }
}
