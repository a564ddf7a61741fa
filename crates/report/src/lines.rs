//! A report in a few lines, for those who read it in a message at night.

use crate::measure::{number, seconds_long, size};
use crate::report::Report;

/// How many lines there are at most.
const LINES: usize = 3;

impl Report {
    /// How much there is, and then what was found, most telling first; where nothing was, what looked normal.
    pub fn lines(&self) -> Vec<String> {
        let found = self.findings.iter().map(|finding| finding.sentence.clone());
        let said = found.chain(self.normal.iter().cloned()).chain(self.talker());
        std::iter::once(self.totals()).chain(said).take(LINES).collect()
    }

    fn totals(&self) -> String {
        let packets = &self.packets;
        let read = match (&self.file.fault, self.file.is_complete) {
            (Some(fault), _) => format!(" {}", fault.message),
            (None, false) => " Only the beginning of the file was read.".to_owned(),
            (None, true) => String::new(),
        };
        if packets.count == 0 {
            return format!("There is no packet in the file.{read}");
        }
        let time = packets.duration_seconds.map(|seconds| format!(" in {}", seconds_long(seconds))).unwrap_or_default();
        format!("{} packets, {}{time}.{read}", number(packets.count), size(packets.bytes))
    }

    fn talker(&self) -> Option<String> {
        let most = self.conversations.by_bytes.first()?;
        let share = most.bytes as f64 * 100.0 / self.packets.bytes.max(1) as f64;
        let (from, to, port) = (most.source, most.destination, most.destination_port);
        Some(format!("Most bytes: {} {from} to {to} port {port}, {share:.0} % of all.", most.protocol.to_uppercase()))
    }
}
