//! What addresses are called, and a report that tells no names.

mod wire;

use std::net::Ipv4Addr;

use nightcap_report::{Analysis, Comparison, FindingKind, KnownAs, Report};
use wire::{
    DATABASE, HEADERS, Host, MILLI, NAME_SERVER, SECOND, SERVER, Wire, client, client_hello_for, dns_about, segment,
    server_hello, text,
};

/// A record of an answer whose question is about the same name.
fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    let fixed =
        [&[0xc0, 12], &kind.to_be_bytes()[..], &[0, 1, 0, 0, 0, 60], &(data.len() as u16).to_be_bytes()].concat();
    [&fixed, data].concat()
}

/// Somebody asks for a name and is answered by these records.
fn answer(wire: &mut Wire, at: u64, id: u16, name: &str, kind: u16, records: &[Vec<u8>]) {
    let mut question = dns_about(id, 0x0100, name);
    let end = question.len();
    question[end - 4..end - 2].copy_from_slice(&kind.to_be_bytes());
    wire.udp(at, client(id.into()), NAME_SERVER, &question);
    question[2..4].copy_from_slice(&0x8180_u16.to_be_bytes());
    question[6..8].copy_from_slice(&(records.len() as u16).to_be_bytes());
    wire.udp(at + MILLI, NAME_SERVER, client(id.into()), &[question, records.concat()].concat());
}

/// A client says something to a server, which answers.
fn say(wire: &mut Wire, at: u64, number: u64, server: Host, said: &[u8], answer: &[u8]) {
    let from = client(number);
    let end = 100 + said.len() as u32;
    wire.handshake(at, from, server);
    wire.data(at + 3 * MILLI, from, server, (100, 500), said);
    if !answer.is_empty() {
        wire.data(at + 4 * MILLI, server, from, (500, end), answer);
    }
    wire.close(at + 5 * MILLI, from, server, (end, 500 + answer.len() as u32));
}

fn get(target: &str, host: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes()
}

const FINE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

fn names_of(report: &Report, address: [u8; 4]) -> Vec<String> {
    let address = Ipv4Addr::from(address);
    let endpoint = report.endpoints.by_bytes.iter().find(|endpoint| endpoint.address == address);
    endpoint.unwrap_or_else(|| panic!("{address} is not shown")).names.0.clone()
}

#[test]
fn a_name_server_names_addresses_over_aliases_and_the_other_way_round() {
    let mut wire = Wire::new();
    let alias = [&[4][..], b"edge", &[3], b"net", &[0]].concat();
    answer(&mut wire, 0, 1, "db.corp.example", 1, &[record(5, &alias), record(1, &DATABASE.0)]);
    let laptop = [&[6][..], b"laptop", &[4], b"corp", &[0]].concat();
    answer(&mut wire, SECOND, 2, "1.0.0.10.in-addr.arpa", 12, &[record(12, &laptop)]);
    wire.exchange(2 * SECOND, client(0), DATABASE, 3);
    let report = wire.report();
    assert_eq!(names_of(&report, DATABASE.0), ["db.corp.example"]);
    assert_eq!(names_of(&report, client(0).0), ["laptop.corp"]);
    assert_eq!(names_of(&report, NAME_SERVER.0), ["Azure platform and DNS"]);
    let conversation = report.conversations.by_bytes.iter().find(|one| one.destination_port == DATABASE.1).unwrap();
    assert_eq!(conversation.destination_names, KnownAs(vec!["db.corp.example".to_owned()]));
    let service = &report.tcp.services.by_bytes[0];
    assert_eq!((service.names.text().as_deref(), service.port_name), (Some("db.corp.example"), Some("PostgreSQL")));

    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["tcp"]["services"]["byBytes"][0]["names"][0], "db.corp.example");
    assert_eq!(json["dns"]["servers"]["byBytes"][0]["names"][0], "Azure platform and DNS");
    let ports = json["ports"]["byBytes"].as_array().unwrap();
    assert!(ports.iter().any(|port| port["name"] == "PostgreSQL"), "{ports:?}");
}

#[test]
fn an_answer_that_a_name_does_not_exist_names_nobody() {
    let mut wire = Wire::new();
    let mut message = dns_about(1, 0x8183, "db.corp.example");
    message[6..8].copy_from_slice(&1_u16.to_be_bytes());
    wire.udp(0, NAME_SERVER, client(1), &[message, record(1, &DATABASE.0)].concat());
    wire.exchange(SECOND, client(0), DATABASE, 3);
    assert_eq!(names_of(&wire.report(), DATABASE.0), [""; 0]);
}

#[test]
fn clients_name_the_servers_that_they_ask_for() {
    let mut wire = Wire::new();
    say(&mut wire, 0, 1, SERVER, &client_hello_for("Shop.example"), &server_hello());
    say(&mut wire, SECOND, 2, Host([10, 0, 1, 5], 8_080), &get("/", "api.example:8080"), FINE);
    say(&mut wire, 2 * SECOND, 3, Host([10, 0, 1, 6], 3_128), &get("http://far.example/", "far.example"), FINE);
    say(
        &mut wire,
        3 * SECOND,
        4,
        Host([10, 0, 1, 7], 3_128),
        b"CONNECT far.example:443 HTTP/1.1\r\nHost: far.example\r\n\r\n",
        FINE,
    );
    say(&mut wire, 4 * SECOND, 5, Host([10, 0, 1, 8], 80), &get("/", "10.0.1.8"), FINE);
    let report = wire.report();
    assert_eq!(names_of(&report, SERVER.0), ["shop.example"]);
    assert_eq!(names_of(&report, [10, 0, 1, 5]), ["api.example"]);
    for proxy in [6, 7] {
        assert_eq!(names_of(&report, [10, 0, 1, proxy]), [""; 0], "a proxy has not the names of others");
    }
    assert_eq!(names_of(&report, [10, 0, 1, 8]), [""; 0], "an address is no name");
}

/// A request to a proxy of which the rest never comes, on ports that are used again for something else.
#[test]
fn a_request_that_is_never_whole_says_nothing_of_another_server() {
    let mut wire = Wire::new();
    let begun = b"CONNECT far.example:443 HTTP/1.1\r\nVia: x";
    wire.handshake(0, client(1), SERVER);
    wire.data(3 * MILLI, client(1), SERVER, (100, 500), begun);
    wire.tcp(SECOND, client(1), SERVER, &segment("S", 90_000, 0));
    say(&mut wire, 2 * SECOND, 2, Host([10, 0, 1, 5], 443), &client_hello_for("shop.example"), &server_hello());
    let report = wire.report();
    assert_eq!(report.http.requests, 1);
    assert_eq!(names_of(&report, [10, 0, 1, 5]), ["shop.example"]);
}

#[test]
fn findings_name_whom_they_are_about() {
    let mut wire = Wire::new();
    answer(&mut wire, 0, 1, "db.corp.example", 1, &[record(1, &DATABASE.0)]);
    for number in 0..3 {
        wire.tcp(SECOND * (number + 1), client(number), DATABASE, &segment("S", 1, 0));
        wire.tcp(SECOND * (number + 1) + MILLI, DATABASE, client(number), &segment("RA", 0, 2));
    }
    let finding = wire.first(FindingKind::RefusedService);
    assert_eq!(
        (text(&finding, "service").as_str(), text(&finding, "knownAs").as_str()),
        ("10.0.1.9:5432", "db.corp.example")
    );
    assert!(
        finding.sentence.starts_with("10.0.1.9:5432 (db.corp.example, PostgreSQL) refused 3 of 3 connections"),
        "{finding:?}"
    );
    assert!(wire.report().lines()[0].starts_with(&finding.sentence));
}

#[test]
fn the_comparison_names_what_is_new_and_what_is_gone() {
    let with_service = |name: &str, server: Host| {
        let mut wire = Wire::new();
        answer(&mut wire, 0, 1, name, 1, &[record(1, &server.0)]);
        (1..41).for_each(|second| wire.exchange(second * SECOND, client(second), server, 3));
        wire.report().baseline()
    };
    let before = with_service("db.corp.example", DATABASE);
    let now = with_service("cache.corp.example", Host([10, 0, 1, 5], 6_379));
    let comparison = Comparison::new(&before, &now).unwrap();
    let words = comparison.words().unwrap();
    let gone = "nobody goes to 10.0.1.9:5432 (db.corp.example, PostgreSQL) any more, which had 40 connections then; ";
    let new = "10.0.1.5:6379 (cache.corp.example, Redis) is new: 40 connections, ";
    assert!(words.starts_with(&format!("{gone}{new}")), "{words}");
}

#[test]
fn the_line_on_most_bytes_names_both_ends_and_the_port() {
    let mut wire = Wire::new();
    answer(&mut wire, 0, 1, "db.corp.example", 1, &[record(1, &DATABASE.0)]);
    let laptop = [&[6][..], b"laptop", &[4], b"corp", &[0]].concat();
    answer(&mut wire, SECOND, 2, "1.0.0.10.in-addr.arpa", 12, &[record(12, &laptop)]);
    (0..100).for_each(|number| wire.udp(2 * SECOND + number * MILLI, client(0), Host(DATABASE.0, 514), &[6; 20]));
    let line = |report: Report| report.lines().into_iter().find(|line| line.starts_with("Most bytes: ")).unwrap();
    let named = "Most bytes: UDP 10.0.0.1 (laptop.corp) to 10.0.1.9 (db.corp.example) port 514 (syslog), ";
    assert!(line(wire.report()).starts_with(named), "{}", line(wire.report()));
    let mut analysis = Analysis::without_names();
    analysis.push(&wire.0);
    let nameless = line(analysis.finish());
    assert!(nameless.starts_with("Most bytes: UDP 10.0.0.1 to 10.0.1.9 port 514 (syslog), "), "{nameless}");
}

#[test]
fn of_an_address_with_several_names_nobody_says_which_one_a_service_has() {
    let mut wire = Wire::new();
    answer(&mut wire, 0, 1, "db.corp.example", 1, &[record(1, &DATABASE.0)]);
    answer(&mut wire, SECOND, 2, "cache.corp.example", 1, &[record(1, &DATABASE.0)]);
    wire.exchange(2 * SECOND, client(0), DATABASE, 3);
    let report = wire.report();
    assert_eq!(names_of(&report, DATABASE.0), ["db.corp.example", "cache.corp.example"]);
    assert_eq!(report.tcp.services.by_bytes[0].names, KnownAs::default());
}

#[test]
fn names_that_mean_harm_are_no_names() {
    let mut wire = Wire::new();
    let hostile = ["a<b>.example", "shop.example) is well. (x", "ä.example", "x\"||y", "ex\\ample", "localhost"];
    for (number, host) in (0..).zip(hostile) {
        say(&mut wire, number * SECOND, number, SERVER, &get("/", host), FINE);
        say(&mut wire, number * SECOND + SECOND / 2, number + 10, SERVER, &client_hello_for(host), &server_hello());
    }
    assert_eq!(names_of(&wire.report(), SERVER.0), [""; 0]);
}

/// A capture in which there is a name in every place that has one, with findings that would tell it.
fn full_of_names() -> Wire {
    let mut wire = Wire::new();
    let secret = |number: u64| format!("secret{number}.hidden.example");
    for number in 0..20 {
        let at = number * SECOND;
        let id = number as u16;
        answer(&mut wire, at, id, &secret(number), 1, &[record(1, &SERVER.0)]);
        wire.lookup(at + 100 * MILLI, 100 + id, "secret.lost.example", 3);
        wire.lookup(at + 200 * MILLI, 200 + id, "secret.failing.example", 2);
        let path = format!("/secret/path{number}?secret=1");
        let error = b"HTTP/1.1 503 secret\r\nlocation: http://secret.example/\r\n\r\n";
        say(&mut wire, at + 300 * MILLI, number, Host(SERVER.0, 80), &get(&path, &secret(number)), error);
        say(&mut wire, at + 400 * MILLI, number, SERVER, &client_hello_for(&secret(number)), &[21, 3, 3, 0, 2, 2, 40]);
        let laptop = [&[6][..], b"secret", &[4], b"corp", &[0]].concat();
        answer(&mut wire, at + 500 * MILLI, 300 + id, "1.0.0.10.in-addr.arpa", 12, &[record(12, &laptop)]);
    }
    wire
}

#[test]
fn a_report_without_names_has_none_and_tells_the_rest() {
    let wire = full_of_names();
    let mut analysis = Analysis::without_names();
    analysis.push(&wire.0);
    let report = analysis.finish();
    let told = |report: &Report| {
        let json = serde_json::to_string(report).unwrap();
        [vec![json], report.lines(), report.filters()].concat().join("\n").to_lowercase()
    };
    assert!(told(&wire.report()).matches("secret").count() > 20, "all of it is there otherwise");
    for name in ["secret", "hidden", "lost.example", "failing.example", "laptop", "in-addr"] {
        assert!(!told(&report).contains(name), "{name} is told");
    }
    let kinds = |report: &Report| report.findings.iter().map(|finding| finding.kind).collect::<Vec<_>>();
    assert_eq!(kinds(&report), kinds(&wire.report()));
    assert!(report.names_left_out && report.dns.names.count == 23 && report.http.requests == 20);
    assert!(told(&report).contains("azure platform and dns"), "what is Azure's own is told by nobody in the file");
}

#[test]
fn a_file_of_headers_holds_no_name() {
    let is_there = |wire: &Wire| wire.0.windows(6).any(|bytes| bytes == b"secret");
    assert!(is_there(&full_of_names()) && !is_there(&full_of_names().cut(HEADERS)));
}

#[test]
fn a_zone_that_is_lost_is_told_without_its_name() {
    let wire = wire::stories::lost_zone(10);
    let mut analysis = Analysis::without_names();
    analysis.push(&wire.0);
    let finding = analysis.finish().findings.remove(0);
    assert_eq!(finding.kind, FindingKind::DnsFailing);
    assert!(
        finding
            .sentence
            .starts_with("10 answers from name servers say that names in one zone do not exist (2 of them)")
    );
    assert_eq!(finding.filter.as_deref(), Some("dns.flags.rcode == 3"));
}
