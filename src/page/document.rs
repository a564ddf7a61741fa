//! A report as a page for people: HTML in one piece, without scripts and without anything that is loaded, so that it can
//! be kept, sent and printed.
//!
//! Most of what it shows was on the wire, where anybody may have put it. Templates escape every text, `words::shown` takes
//! out what cannot be seen, and the page's own policy forbids scripts once more.

use maud::{DOCTYPE, PreEscaped, html};
use nightcap_report::Report;

use crate::page::plot;
use crate::page::sections::{self, Facts, Instances};
use crate::page::words::shown;
use crate::records::report::BeforeAndAfter;

const STYLE: &str = include_str!("page.css");

/// Nothing but the style in the page itself (Content Security Policy Level 3).
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// What a page shows.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    /// The machine's name; may be empty.
    pub machine: &'a str,
    /// What is known without the file.
    pub facts: Facts<'a>,
    /// The instances of the scale set, if it is one.
    pub instances: Instances<'a>,
    /// The same machine before.
    pub comparison: Option<&'a BeforeAndAfter>,
    /// What the file says.
    pub report: &'a Report,
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
                        p.lead { (sections::headline(report)) }
                        (sections::findings(report))
                        (sections::instances(&self.instances))
                        (sections::comparison(self.comparison))
                        (sections::normal(report))
                        (sections::capture(&self.facts, &report.packets))
                        section { h2 { "Traffic" } (plot::traffic(&report.series, self.facts.fired_at)) }
                        section { h2 { "TCP over time" } (plot::tcp(&report.series, self.facts.fired_at)) }
                        (sections::talkers(report))
                        (sections::conversations(report))
                        (sections::services(report))
                        (sections::protocols(report))
                        (sections::tcp(report))
                        (sections::dns(report))
                        (sections::tls(report))
                        (sections::quic(report))
                        (sections::http(report))
                        (sections::icmp(report))
                        (sections::file(&report.file))
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
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::BTreeMap;
    use std::net::IpAddr;

    use quick_xml::Reader;
    use quick_xml::events::Event;

    use super::*;
    use nightcap_report::{
        Analysis, Conversation, DnsName, DnsServer, Durations, Endpoint, FileFault, Finding, FindingKind, KnownAs,
        LinkType, Moment, Named, Names, Port, Severity, Top, Weight,
    };

    const HOSTILE: &str =
        "\u{202e}\"'></td></svg></style><script src=\"https://evil.example\">alert(1)</script>&amp;<!--";

    fn empty() -> Report {
        Analysis::default().finish()
    }

    fn page(report: &Report) -> Page<'_> {
        Page { machine: "", facts: Facts::default(), instances: Instances::default(), comparison: None, report }
    }

    fn finding(severity: Severity, sentence: &str) -> Finding {
        let (kind, sentence) = (FindingKind::Burst, sentence.to_owned());
        Finding {
            kind,
            severity,
            sentence: sentence.clone(),
            next_step: sentence.clone(),
            filter: Some(sentence),
            evidence: BTreeMap::new(),
            from: None,
            to: None,
        }
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

    fn names<T>(one: T) -> Names<T> {
        Names { names: vec![one], count: 1, exact: true }
    }

    #[test]
    fn what_was_on_the_wire_is_shown_and_never_markup() {
        let places = Cell::new(0);
        let hostile = || {
            places.set(places.get() + 1);
            format!("place {} {HOSTILE}", places.get())
        };
        let counted = || BTreeMap::from([(hostile(), 1)]);
        let mut report = empty();
        report.file.format = Some(hostile());
        report.file.fault = Some(FileFault { reason: HOSTILE.to_owned(), at: 0, message: hostile() });
        report.file.link_types = vec![LinkType { number: 1, name: hostile(), packets: 1 }];
        let address: IpAddr = "fd00::4".parse().unwrap();
        let names_of = || KnownAs(vec![hostile()]);
        report.endpoints =
            top(Endpoint { address, names: names_of(), packets: 1, bytes: 1, packets_sent: 1, bytes_sent: 1 });
        report.conversations = top(Conversation {
            protocol: hostile(),
            source: address,
            source_names: names_of(),
            source_port: 1,
            destination: address,
            destination_names: names_of(),
            destination_port: 443,
            destination_port_name: None,
            packets: 1,
            bytes: 1,
            packets_sent: 1,
            bytes_sent: 1,
            retransmissions: 0,
            resets: 0,
            zero_windows: 0,
            longest_shut_seconds_of_source: 0.0,
        });
        report.ports = top(Port { protocol: hostile(), port: 1, name: None, packets: 1, bytes: 1, conversations: 1 });
        report.dns.queries = 1;
        report.dns.codes = counted();
        report.dns.names = names(DnsName { name: hostile(), queries: 1, failed: 0, unanswered: 0 });
        report.dns.servers = top(DnsServer {
            address,
            names: names_of(),
            queries: 1,
            answers: 1,
            failed: 0,
            unknown: 0,
            slow: 0,
            unanswered: 0,
        });
        report.tls.client_hellos = 1;
        report.tls.versions = counted();
        report.tls.alerts = counted();
        report.tls.server_names = names(Named { name: hostile(), times: 1 });
        report.quic.connections = 1;
        report.quic.versions = counted();
        report.quic.server_names = names(Named { name: hostile(), times: 1 });
        report.http.requests = 1;
        report.http.methods = counted();
        report.http.statuses = counted();
        report.http.hosts = names(Named { name: hostile(), times: 1 });
        report.icmp.messages = counted();
        let [machine, rule, severity, condition, end, storage_path] = std::array::from_fn(|_| hostile());
        let facts = Facts {
            rule: Some(&rule),
            severity: Some(&severity),
            condition: Some(&condition),
            end: Some(&end),
            storage_path: Some(&storage_path),
            ..Facts::default()
        };
        report.findings = vec![finding(Severity::Info, &hostile()), finding(Severity::Critical, &hostile())];
        report.normal = vec![hostile()];
        let text =
            Page { machine: &machine, facts, instances: Instances::default(), comparison: None, report: &report }
                .render();
        assert_harmless(&text);
        let text = text.to_lowercase();
        for place in 1..=places.get() {
            assert!(text.contains(&format!("place {place} ")), "what stands at place {place} is not shown");
        }
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
        let facts =
            Facts { fired_at: Some(crate::timestamp::Timestamp::from_unix_millis(i64::MIN)), ..Facts::default() };
        let text = Page { facts, ..page(&report) }.render();
        assert_harmless(&text);
        assert!(!text.contains("NaN") && !text.contains("inf "));
        assert!(text.contains("over unknown"));
    }
}
