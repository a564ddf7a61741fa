//! All detectors, and what of that they find is told.

use crate::detect::{connections, names, traffic, transport};
use crate::finding::Finding;
use crate::report::Report;

/// The most findings: more than this are not read at night, and what comes last mostly follows from what comes first.
const MOST: usize = 5;

/// What stands out in a capture, the most telling first; at most [`MOST`], one of a kind.
pub fn findings(report: &Report) -> Vec<Finding> {
    let detectors: [fn(&Report) -> Option<Finding>; 13] = [
        traffic::nothing_captured,
        connections::syn_flood,
        connections::scan,
        connections::refused_service,
        connections::silent_service,
        names::dns_failing,
        names::dns_slow,
        names::tls_failing,
        transport::packets_too_big,
        transport::retransmission_storm,
        transport::zero_window,
        traffic::burst,
        traffic::dominant_talker,
    ];
    let mut found: Vec<Finding> = detectors.iter().filter_map(|detect| detect(report)).collect();
    found.sort_by_key(|finding| (finding.severity, finding.kind));
    found.truncate(MOST);
    found
}
