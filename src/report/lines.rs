//! A report in a few lines, for those who read it in a message at night.

use crate::measure::{number, seconds_long, size};
use crate::report::Report;

/// How many lines there are at most.
const LINES: usize = 3;

impl Report {
    /// What the file says, most telling first after how much there is. Single lines, with nothing cleaned: names come
    /// from the wire.
    pub fn lines(&self) -> Vec<String> {
        let told = [Some(self.totals()), self.connections(), self.talker(), self.names()];
        told.into_iter().flatten().take(LINES).collect()
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

    fn connections(&self) -> Option<String> {
        let tcp = &self.tcp;
        if tcp.segments == 0 {
            return None;
        }
        let begun = &tcp.connections;
        let asked = begun.answered.saturating_add(begun.refused).saturating_add(begun.unanswered);
        let again = tcp.retransmissions as f64 * 100.0 / tcp.segments as f64;
        Some(format!(
            "TCP: {} of {} new connections answered, {} refused, {} unanswered; {again:.1} % of segments sent again.",
            number(begun.answered),
            number(asked),
            number(begun.refused),
            number(begun.unanswered),
        ))
    }

    fn talker(&self) -> Option<String> {
        let most = self.conversations.by_bytes.first()?;
        let share = most.bytes as f64 * 100.0 / self.packets.bytes.max(1) as f64;
        let (from, to, port) = (most.source, most.destination, most.destination_port);
        Some(format!("Most bytes: {} {from} to {to} port {port}, {share:.0} % of all.", most.protocol.to_uppercase()))
    }

    fn names(&self) -> Option<String> {
        let dns = &self.dns;
        (dns.queries > 0).then(|| {
            format!("DNS: {} questions, {} unanswered, {} slow.", number(dns.queries), dns.unanswered, dns.slow)
        })
    }
}
