//! What reports say when names are not wanted.

use std::collections::BTreeSet;

use nightcap::report::{Analysis, Evidence, KnownAs, Report};
use nightcap::{Facts, Instances, Page};

use crate::damage::files;
use crate::read;

fn read_without_names(file: &[u8]) -> Report {
    let mut analysis = Analysis::without_names();
    analysis.push(file);
    analysis.finish()
}

/// All that is told or kept of a report, in lower case.
fn told(report: &Report) -> String {
    let facts = Facts::default();
    let page = Page { machine: "machine", facts, instances: Instances::default(), comparison: None, report }.render();
    let json = serde_json::to_string(report).unwrap();
    [vec![json, page], report.lines(), report.filters()].concat().join("\n").to_lowercase()
}

/// Every name that a report tells.
fn names(report: &Report) -> BTreeSet<String> {
    let lists = [&report.tls.server_names, &report.quic.server_names, &report.http.hosts];
    let listed = lists.into_iter().flat_map(|names| names.names.iter().map(|named| named.name.clone()));
    let asked = report.dns.names.names.iter().map(|named| named.name.clone());
    let rows = [&report.endpoints.by_bytes, &report.endpoints.by_packets];
    let known = rows.into_iter().flatten().flat_map(|endpoint| &endpoint.names.0).cloned();
    let services = report.tcp.services.by_bytes.iter().chain(&report.tcp.services.by_packets);
    let services = services.flat_map(|service| {
        let KnownAs(names) = service.names.clone();
        names.into_iter().chain(service.server_name.clone())
    });
    let evidence = report.findings.iter().flat_map(|finding| &finding.evidence);
    let evidence = evidence.filter(|(key, _)| ["name", "zone", "knownAs", "serverKnownAs"].contains(&key.as_str()));
    let evidence = evidence.filter_map(|(_, evidence)| match evidence {
        Evidence::Text(text) => Some(text.clone()),
        _ => None,
    });
    listed.chain(asked).chain(known).chain(services).chain(evidence).map(|name| name.to_lowercase()).collect()
}

#[test]
fn no_name_that_a_report_tells_is_in_the_one_without_names() {
    let own = told(&read_without_names(b""));
    let mut looked_for = 0;
    for (name, file) in files() {
        let report = read(&file);
        let without = read_without_names(&file);
        let left = told(&without);
        // An address is no name, and what is Azure's own or in every report was not on the wire.
        let is_from_wire = |name: &&String| {
            name.len() > 3 && name.contains(|letter: char| letter.is_alphabetic()) && !own.contains(*name)
        };
        for secret in names(&report).iter().filter(is_from_wire).filter(|name| !name.starts_with("azure ")) {
            looked_for += 1;
            assert!(!left.contains(secret.as_str()), "{name} tells {secret:?}");
        }
        let kinds = |report: &Report| report.findings.iter().map(|finding| finding.kind).collect::<Vec<_>>();
        assert_eq!(kinds(&without), kinds(&report), "{name}");
    }
    assert!(looked_for > 10, "{looked_for} names are told otherwise");
    println!("{looked_for} names are left out");
}
