//! What was found, and what looked as it should.

use maud::{Markup, html};
use nightcap_report::measure::{count_of, seconds_long, size};
use nightcap_report::{Report, Severity};

use crate::page::words::shown;

/// The findings in one sentence.
pub fn headline(report: &Report) -> String {
    let packets = &report.packets;
    if packets.count == 0 {
        return "The file holds no packets.".to_owned();
    }
    let of_severity = |severity| report.findings.iter().filter(|finding| finding.severity == severity).count() as u64;
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

pub fn findings(report: &Report) -> Markup {
    html! {
        section {
            h2 { "Findings" }
            @if report.findings.is_empty() { p.soft { "None." } }
            ul {
                @for finding in &report.findings {
                    li.(<&str>::from(finding.severity)) {
                        b { (title_of(finding.severity)) } (shown(&finding.sentence)) " " (shown(&finding.next_step))
                        @if let Some(filter) = &finding.filter { div.soft { "Wireshark: " code { (shown(filter)) } } }
                    }
                }
            }
        }
    }
}

pub fn normal(report: &Report) -> Markup {
    html! {
        @if !report.normal.is_empty() {
            section {
                h2 { "What looked normal" }
                ul { @for sentence in &report.normal { li.good { (shown(sentence)) } } }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use nightcap_report::{Analysis, Finding, FindingKind, Packets};

    fn finding(severity: Severity) -> Finding {
        let (kind, sentence) = (FindingKind::Burst, "So it is.".to_owned());
        let next_step = String::new();
        Finding { kind, severity, sentence, next_step, filter: None, evidence: BTreeMap::new(), from: None, to: None }
    }

    #[test]
    fn the_headline_counts_what_matters() {
        let mut report = Report { findings: vec![], ..Analysis::default().finish() };
        report.packets = Packets { count: 12_345, bytes: 1 << 20, duration_seconds: Some(302.0), ..Packets::default() };
        assert_eq!(headline(&report), "Nothing alarming in 12,345 packets (1.0 MiB) over 5 min 2 s.");
        let severities = [Severity::Critical, Severity::Warning, Severity::Warning, Severity::Info];
        report.findings = severities.map(finding).into();
        assert!(headline(&report).starts_with("1 critical finding and 2 warnings in 12,345 packets"));
    }
}
