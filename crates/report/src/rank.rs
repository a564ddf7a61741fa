//! How bad a report is, to be compared with those on other files of one capture.

use std::cmp::Reverse;

use crate::finding::{Finding, Place, Severity};
use crate::report::Report;

/// How bad a report is; the worst one is the least.
///
/// A file without packets comes last, whatever that means: what was seen elsewhere tells more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    is_empty: bool,
    criticals: Reverse<usize>,
    warnings: Reverse<usize>,
    is_ordinary: bool,
    worst: Option<Place>,
    packets: Reverse<u64>,
}

impl Report {
    /// Where it belongs among reports on other files.
    pub fn rank(&self) -> Rank {
        Rank {
            is_empty: self.packets.count == 0,
            criticals: Reverse(self.findings_of(Severity::Critical)),
            warnings: Reverse(self.findings_of(Severity::Warning)),
            is_ordinary: self.findings.is_empty(),
            worst: self.findings.first().map(Finding::place),
            packets: Reverse(self.packets.count),
        }
    }

    /// How many findings there are of a severity.
    pub fn findings_of(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Analysis;
    use crate::finding::FindingKind;
    use crate::report::Packets;

    #[test]
    fn the_worst_comes_first_and_an_empty_file_last() {
        let report = |packets: u64, findings: &[(FindingKind, Severity)]| {
            let finding = |(kind, severity): &(FindingKind, Severity)| {
                Finding::new(*kind, *severity, "So it is.".to_owned(), "Look there.")
            };
            let packets = Packets { count: packets, ..Packets::default() };
            Report { packets, findings: findings.iter().map(finding).collect(), ..Analysis::default().finish() }
        };
        let failed = |kind, failed: u64| {
            let finding = Finding::new(kind, Severity::Critical, "So it is.".to_owned(), "Look there.");
            Report { findings: vec![finding.with("failed", failed)], ..report(9, &[]) }
        };
        let in_order = [
            report(5, &[(FindingKind::SilentService, Severity::Critical), (FindingKind::DnsSlow, Severity::Warning)]),
            report(9, &[(FindingKind::DnsFailing, Severity::Critical)]),
            failed(FindingKind::TlsFailing, 40),
            failed(FindingKind::SilentService, 30),
            failed(FindingKind::RefusedService, 3),
            failed(FindingKind::HalfOpenService, 3),
            report(5, &[(FindingKind::DnsSlow, Severity::Warning), (FindingKind::ZeroWindow, Severity::Warning)]),
            report(9, &[(FindingKind::ZeroWindow, Severity::Warning)]),
            report(5, &[(FindingKind::Burst, Severity::Info)]),
            report(9, &[]),
            report(5, &[]),
            report(0, &[(FindingKind::NothingCaptured, Severity::Warning)]),
        ];
        assert!(in_order.map(|report| report.rank()).is_sorted());
    }
}
