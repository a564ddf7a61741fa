//! All detectors, and what of that they find is told.

use crate::detect::{
    answers, connections, direction, endings, flood, names, pings, scan, sizes, tls, traffic, transport,
};
use crate::finding::Finding;
use crate::report::Report;

/// The most findings: more than this are not read at night, and what comes last mostly follows from what comes first.
const MOST: usize = 5;

/// What stands out in a capture, the most telling first; at most [`MOST`], one of a kind.
pub fn findings(report: &Report) -> Vec<Finding> {
    let detectors: [fn(&Report) -> Option<Finding>; 25] = [
        traffic::nothing_captured,
        flood::syn_flood,
        scan::scan,
        connections::refused_service,
        connections::silent_service,
        connections::half_open_service,
        names::dns_failing,
        names::dns_slow,
        tls::tls_failing,
        sizes::packets_too_big,
        transport::retransmission_storm,
        transport::zero_window,
        endings::connections_reset,
        endings::idle_connections_die,
        endings::connections_stall,
        answers::http_failing,
        answers::http_throttled,
        answers::http_not_found,
        answers::slow_service,
        answers::far_service,
        pings::pings_unanswered,
        direction::captured_one_way,
        traffic::captured_twice,
        traffic::burst,
        traffic::dominant_talker,
    ];
    let mut found: Vec<Finding> = detectors.iter().filter_map(|detect| detect(report)).collect();
    found.sort_by_key(Finding::place);
    found.truncate(MOST);
    found
}
