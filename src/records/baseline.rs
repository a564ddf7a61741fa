//! What earlier captures of a machine were like, so that the next one can be compared with them.
//!
//! Whoever has read a capture's file writes it. Two who do so at once lose one of the two, and a later capture is compared with
//! another one.

use serde::{Deserialize, Serialize};

use crate::digest::digest;
use crate::records::capture::CaptureRecord;
use crate::report::Baseline;
use crate::timestamp::Timestamp;

/// So many of the latest are kept: whoever reads a file once more must find the one before it.
const LATEST: usize = 2;

/// The captures of a machine that are remembered, a few kilobytes each.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Baselines {
    /// When this was written.
    pub at: Option<Timestamp>,
    /// The latest, and the latest without a finding; the latest first.
    captures: Vec<Earlier>,
}

/// A capture that was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Earlier {
    /// What tells it from any other, as a digest.
    id: String,
    pub name: String,
    pub began_at: Timestamp,
    /// What was captured of the traffic, as a digest: captures with other filters are not compared.
    of: String,
    pub traffic: Baseline,
}

impl Earlier {
    /// What is to be remembered of a capture.
    pub fn new(record: &CaptureRecord, traffic: Baseline) -> Self {
        let parameters = &record.parameters;
        let filters = serde_json::to_string(&parameters.capture_filters).unwrap_or_default();
        let of = format!("{}\n{filters}", parameters.packet_bytes);
        Self {
            id: digest(&record.identity(), 16),
            name: record.name.clone(),
            began_at: record.began_at.unwrap_or(record.requested_at),
            of: digest(&of, 16),
            traffic,
        }
    }
}

impl Baselines {
    /// The capture that another one is compared with: the last one before it without a finding, or else the last one.
    pub fn before(&self, capture: &Earlier) -> Option<&Earlier> {
        let comparable =
            |one: &&Earlier| one.id != capture.id && one.of == capture.of && one.began_at <= capture.began_at;
        let mut earlier = self.captures.iter().filter(comparable);
        let last = earlier.clone().next();
        earlier.find(|one| one.traffic.is_quiet).or(last)
    }

    /// The same with one more capture.
    pub fn with(mut self, capture: Earlier, now: Timestamp) -> Self {
        self.captures.retain(|one| one.id != capture.id);
        self.captures.push(capture);
        self.captures.sort_by_key(|one| std::cmp::Reverse(one.began_at));
        let quiet = self.captures.iter().position(|one| one.traffic.is_quiet);
        let mut place = 0..;
        self.captures.retain(|_| place.next().is_some_and(|place| place < LATEST || Some(place) == quiet));
        Self { at: Some(now), captures: self.captures }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::capture::tests::record;
    use crate::report::{Analysis, Finding, FindingKind, Report, Severity};

    /// A capture that began so many seconds after another one.
    fn capture(name: &str, second: i64, is_quiet: bool) -> Earlier {
        let mut record = record();
        record.name = name.to_owned();
        record.began_at = Some(Timestamp::from_unix_millis(second * 1000));
        let severity = if is_quiet { Severity::Info } else { Severity::Warning };
        let finding = Finding {
            kind: FindingKind::Burst,
            severity,
            sentence: String::new(),
            next_step: String::new(),
            filter: None,
            evidence: Default::default(),
            from: None,
            to: None,
        };
        let report = Report { findings: vec![finding], ..Analysis::default().finish() };
        Earlier::new(&record, report.baseline())
    }

    fn remembered(captures: &[Earlier]) -> Baselines {
        let at = Timestamp::from_unix_millis(0);
        captures.iter().cloned().fold(Baselines::default(), |all, capture| all.with(capture, at))
    }

    #[test]
    fn a_capture_is_compared_with_the_last_quiet_one_or_else_with_the_last() {
        let compared = |captures: &[Earlier], with: &Earlier| {
            remembered(captures).before(with).map(|earlier| earlier.name.clone())
        };
        let [a, b, c, d] = [("a", 1, true), ("b", 2, true), ("c", 3, false), ("d", 4, false)]
            .map(|(name, second, is_quiet)| capture(name, second, is_quiet));
        let next = capture("next", 9, false);
        assert_eq!(compared(&[], &next), None);
        assert_eq!(compared(&[a.clone(), b.clone(), c.clone(), d.clone()], &next).as_deref(), Some("b"));
        assert_eq!(compared(&[c.clone(), d.clone()], &next).as_deref(), Some("d"));
        assert_eq!(compared(&[d.clone(), c.clone()], &next).as_deref(), Some("d"), "in whatever order they were read");
        assert_eq!(compared(&[a.clone(), d.clone()], &d).as_deref(), Some("a"), "a file that is read once more");
        assert_eq!(compared(&[b.clone(), d.clone()], &a), None, "later ones are not before it");
        let mut filtered = record();
        filtered.began_at = Some(Timestamp::from_unix_millis(9_000));
        filtered.parameters.packet_bytes = 68;
        let filtered = Earlier::new(&filtered, next.traffic.clone());
        assert_eq!(compared(&[a, b], &filtered), None, "of other traffic");
    }

    #[test]
    fn few_captures_are_remembered() {
        let captures: Vec<Earlier> = (0..50).map(|n| capture(&n.to_string(), n, n == 7)).collect();
        let names: Vec<String> = remembered(&captures).captures.into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["49", "48", "7"]);
    }
}
