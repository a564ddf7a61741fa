//! What reports say of published captures, beside what tshark and capinfos say of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use nightcap::report::Moment;
use nightcap::report::Report;
use serde_json::{Value, json};

use crate::read;

/// Every difference there is: file, what of it, what tshark says, what the report says, and why.
///
/// The names of queries in `fuzzed-be.pcap` are left out: they are nonsense, which each tool shows in its own way.
const DIFFERENCES: &[(&str, &str, &str, &str, &str)] = &[
    (
        "sections-be.pcapng",
        "times",
        r#"["n/a","n/a"]"#,
        r#"["2012-06-29T07:28:25.298858Z","2012-06-29T07:28:25.301858Z"]"#,
        "capinfos gives no times when one packet has none; the report gives those of the others and counts the rest.",
    ),
    (
        "sections-be.pcapng",
        "interfaces",
        "15",
        "5",
        "There are five interface blocks in three sections. capinfos lists each once for every section.",
    ),
    (
        "ipv6-atomic-fragments.pcap",
        "IPv6 fragments",
        "5",
        "0",
        "Atomic fragments (RFC 6946) have a fragment header and are whole. The report counts parts only.",
    ),
    ("gre.pcap", "DNS queries for www.gleeble.org", "4", "2", "tshark also counts the queries that ICMP errors quote."),
];

/// One thing that both say.
pub struct Fact {
    pub what: String,
    tshark: Value,
    pub report: Value,
}

fn fact(what: &str, tshark: &Value, report: impl Into<Value>) -> Fact {
    Fact { what: what.to_owned(), tshark: tshark.clone(), report: report.into() }
}

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("NIGHTCAP_ORACLES").map(|folder| PathBuf::from(folder).join("captures"));
    if folder.is_none() {
        println!("skipped: NIGHTCAP_ORACLES is not set to the folder that holds captures");
    }
    folder
}

/// What tshark and capinfos say of each published capture, and where that is.
pub fn captures() -> Vec<(Value, PathBuf)> {
    let Some(folder) = folder() else { return vec![] };
    let file = |capture: &Value| folder.join(capture["file"].as_str().unwrap());
    index(&folder).into_iter().map(|capture| (capture.clone(), file(&capture))).collect()
}

/// The published captures, by name.
pub fn files() -> Vec<(String, Vec<u8>)> {
    let files = captures().into_iter().map(|(_, file)| file);
    files.map(|file| (file.file_name().unwrap().display().to_string(), fs::read(file).unwrap())).collect()
}

fn index(folder: &std::path::Path) -> Vec<Value> {
    let index: Value = serde_json::from_slice(&fs::read(folder.join("index.json")).unwrap()).unwrap();
    index["captures"].as_array().unwrap().clone()
}

#[test]
fn reports_say_what_tshark_says_but_for_what_is_explained() {
    let captures = captures();
    if captures.is_empty() {
        return;
    }
    let mut different = Vec::new();
    let mut equal = 0;
    for (capture, file) in captures {
        let name = capture["file"].as_str().unwrap();
        let report = read(&fs::read(file).unwrap());
        for fact in facts(&capture, &report) {
            if fact.tshark == fact.report {
                equal += 1;
            } else {
                different.push((name.to_owned(), fact.what, fact.tshark.to_string(), fact.report.to_string()));
            }
        }
    }
    let explained: Vec<_> = DIFFERENCES
        .iter()
        .map(|(file, what, tshark, report, _)| [file, what, tshark, report].map(|text| (*text).to_owned()))
        .map(|[file, what, tshark, report]: [String; 4]| (file, what, tshark, report))
        .collect();
    assert_eq!(different, explained, "left is what differs, right what is explained");
    assert!(equal > 650, "{equal} facts were compared");
}

pub fn facts(capture: &Value, report: &Report) -> Vec<Fact> {
    let (tshark, capinfos) = (&capture["tshark"], &capture["capinfos"]);
    let packets = &report.packets;
    let mut facts = vec![
        fact("packets", &tshark["packets"], packets.count),
        fact("bytes", &capinfos["packet_bytes"], packets.bytes),
        fact("in time order", &capinfos["in_time_order"], in_time_order(report)),
        fact("times", &json!([time(&capinfos["first_time_utc"]), time(&capinfos["last_time_utc"])]), times(report)),
        fact("cut", &tshark["cut_by_snaplen"], packets.cut),
        fact("without time", &tshark["without_time"], packets.without_time),
        fact("interfaces", &capture["interfaces"]["count"], report.file.interfaces),
        fact("is whole", &json!(capinfos["exit_status"] == 0), report.file.is_complete),
    ];
    facts.extend(protocols(tshark, report));
    facts.extend(endpoints(tshark, report));
    facts.extend(tcp(tshark, report));
    facts.extend(names(capture, report));
    // What tshark reads out of nonsense is no measure; see the README beside the files.
    facts.retain(|fact| {
        let is_nonsense = ["transports", "TCP segments", "DNS", "names"].iter().any(|word| fact.what.contains(word));
        capture["file"] != "fuzzed-be.pcap" || !is_nonsense
    });
    facts
}

fn protocols(tshark: &Value, report: &Report) -> Vec<Fact> {
    let protocols = &report.protocols;
    let layers = &protocols.layers;
    let with = |layer: &str| json!(tshark["packets_with_layer"][layer].as_u64().unwrap_or(0));
    vec![
        fact("outer transports", &tshark["packets_by_outer_transport"], json!(protocols.outer)),
        fact("inner transports", &tshark["packets_by_inner_transport"], json!(protocols.inner)),
        fact("VLAN", &with("vlan"), layers.vlan),
        fact("VXLAN", &with("vxlan"), layers.vxlan),
        fact("GRE", &with("gre"), layers.gre),
        fact("IPv4 fragments", &tshark["ipv4_fragments"], layers.ipv4_fragments),
        fact("IPv6 fragments", &tshark["ipv6_fragments"], layers.ipv6_fragments),
        fact("VLANs", &tshark["vlan_ids"], protocols.vlans.keys().copied().collect::<Vec<_>>()),
    ]
}

fn endpoints(tshark: &Value, report: &Report) -> Vec<Fact> {
    let mut shown: Vec<Value> = report
        .endpoints
        .by_bytes
        .iter()
        .map(|one| json!({"address": one.address, "packets": one.packets, "bytes": one.bytes}))
        .collect();
    // Equal ones are in tshark's list by their text.
    shown.sort_by_key(|one| (std::cmp::Reverse(one["bytes"].as_u64()), one["address"].to_string()));
    let wanted = &tshark["top_hosts_by_outer_address"];
    shown.truncate(wanted.as_array().unwrap().len());
    let mut conversations: Vec<(u64, u64)> = Vec::new();
    conversations.extend(
        report.conversations.by_bytes.iter().filter(|one| one.protocol == "tcp").map(|one| (one.bytes, one.packets)),
    );
    let flow = |one: &Value| (one["bytes"].as_u64().unwrap(), one["packets"].as_u64().unwrap());
    let flows: Vec<(u64, u64)> = tshark["top_tcp_flows"].as_array().unwrap().iter().map(flow).collect();
    // Only where no other conversation is between those that are shown.
    conversations.truncate(flows.len());
    let mut facts = vec![
        fact("hosts", &tshark["hosts_by_outer_address"], report.endpoints.count),
        fact("top hosts", wanted, shown),
    ];
    if conversations.len() == flows.len() {
        facts.push(fact("top flows", &json!(flows), json!(conversations)));
    }
    facts
}

fn tcp(tshark: &Value, report: &Report) -> Vec<Fact> {
    let tcp = &report.tcp;
    let begun = &tcp.connections;
    let connections = begun.answered + begun.refused + begun.unanswered + begun.pending + begun.under_way;
    let judged = &tshark["tcp_analysis"];
    vec![
        fact("TCP segments", &tshark["tcp_segments"], tcp.segments),
        fact("TCP connections", &tshark["tcp_streams"], connections),
        fact("SYN", &tshark["syn"], tcp.syn),
        fact("SYN+ACK", &tshark["syn_ack"], tcp.syn_ack),
        fact("RST", &tshark["rst"], tcp.rst),
        fact("FIN", &tshark["fin"], tcp.fin),
        fact("retransmissions", &judged["retransmission"], tcp.retransmissions),
        fact("fast retransmissions", &judged["fast_retransmission"], tcp.fast_retransmissions),
        fact("spurious retransmissions", &judged["spurious_retransmission"], tcp.spurious_retransmissions),
        fact("out of order", &judged["out_of_order"], tcp.out_of_order),
        fact("duplicate ACKs", &judged["duplicate_ack"], tcp.duplicate_acks),
        fact("zero windows", &judged["zero_window"], tcp.zero_windows),
        fact("lost segments", &judged["lost_segment"], tcp.lost_segments),
        fact("keep-alives", &judged["keep_alive"], tcp.keep_alives),
        fact("HTTP requests", &tshark["http_requests"], report.http.requests),
    ]
}

fn names(capture: &Value, report: &Report) -> Vec<Fact> {
    let tshark = &capture["tshark"];
    let dns = report.dns.names.names.iter().map(|one| (one.name.as_str(), one.queries)).collect();
    let tls = report.tls.server_names.names.iter().map(|one| (one.name.as_str(), one.times)).collect();
    let http = report.http.hosts.names.iter().map(|one| (one.name.as_str(), one.times)).collect();
    let quic = report.quic.server_names.names.iter().map(|one| (one.name.as_str(), one.times)).collect();
    let lists: [(&str, &str, u64, BTreeMap<&str, u64>); 4] = [
        ("DNS queries", "dns_query_names", report.dns.names.count, dns),
        ("TLS hellos", "tls_server_names", report.tls.server_names.count, tls),
        ("QUIC hellos", "quic_server_names", report.quic.server_names.count, quic),
        ("HTTP requests", "http_hosts", report.http.hosts.count, http),
    ];
    let mut facts = Vec::new();
    for (what, member, count, shown) in lists {
        facts.push(fact(&format!("{what}: names"), &tshark[member]["distinct"], count));
        for one in tshark[member]["first_20"].as_array().unwrap() {
            let name = one["name"].as_str().unwrap();
            // A list that is full may lack names that were met as seldom as its last ones.
            let times = shown.get(name).copied().or((shown.len() >= 20).then_some(1));
            facts.push(fact(&format!("{what} for {name}"), &one["times"], json!(times)));
        }
    }
    facts
}

fn in_time_order(report: &Report) -> bool {
    // capinfos says no when a packet has no time.
    report.packets.out_of_time_order == 0 && report.packets.without_time == 0
}

fn times(report: &Report) -> Value {
    json!([report.packets.first_time, report.packets.last_time])
}

/// capinfos's way of writing times, as the report writes them.
fn time(text: &Value) -> Value {
    let written = format!("{}Z", text.as_str().unwrap().replace(' ', "T"));
    match written.parse::<jiff::Timestamp>() {
        Ok(moment) => json!(Moment(i64::try_from(moment.as_nanosecond()).unwrap())),
        Err(_) => text.clone(),
    }
}
