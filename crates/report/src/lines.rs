//! A report in a few lines, for those who read it in a message at night.

use crate::called::{address_called, named};
use crate::finding::Severity;
use crate::measure::{count_of, number, seconds_long, size};
use crate::report::Report;

/// How many lines there are at most.
const LINES: usize = 3;

/// How many of the findings are told in them.
const TOLD: usize = 2;

/// A sentence on findings that are not told, behind others; nothing where there are none. `who_has` begins it.
pub fn more_findings(who_has: &str, count: u64, critical: u64) -> String {
    let of_them = match critical {
        0 => String::new(),
        critical => format!(", {} of them critical", number(critical)),
    };
    match count {
        0 => String::new(),
        _ => format!(" {who_has} {}{of_them}.", count_of(count, "more finding", "more findings")),
    }
}

impl Report {
    /// What was found, the worst first with what to do about it, and then how much there is; where nothing was found, what
    /// looked normal.
    pub fn lines(&self) -> Vec<String> {
        let totals = self.totals();
        let Some((worst, others)) = self.findings.split_first() else {
            let said = self.normal.iter().cloned().chain(self.talker());
            return std::iter::once(totals).chain(said).take(LINES).collect();
        };
        let first = format!("{} {}", worst.sentence, worst.next_step).trim_end().to_owned();
        let others = others.iter().map(|finding| finding.sentence.clone());
        let second = others.chain(self.normal.iter().cloned()).chain(self.talker()).next();
        std::iter::once(first).chain(second).chain([totals]).collect()
    }

    /// How many findings there is no room for, if people ought to know.
    fn untold(&self) -> String {
        let serious = self.findings.iter().skip(TOLD).filter(|finding| finding.severity != Severity::Info);
        let count = serious.clone().count() as u64;
        let critical = serious.filter(|finding| finding.severity == Severity::Critical).count() as u64;
        more_findings("The report has", count, critical)
    }

    /// The display filters of Wireshark for the lines that tell findings, one for each; empty where there is none.
    pub fn filters(&self) -> Vec<String> {
        self.findings.iter().take(TOLD).map(|finding| finding.filter.clone().unwrap_or_default()).collect()
    }

    fn totals(&self) -> String {
        let packets = &self.packets;
        let read = match (&self.file.fault, self.file.length) {
            (Some(fault), _) => format!(" {}", fault.message),
            (None, Some(length)) => {
                format!(" Only the first {} of {} were read.", size(self.file.bytes_read), size(length))
            }
            (None, None) => String::new(),
        };
        if packets.count == 0 {
            return format!("There is no packet in the file.{read}");
        }
        let time = packets.duration_seconds.map(|seconds| format!(" in {}", seconds_long(seconds))).unwrap_or_default();
        let odd = match packets.odd_times {
            0 => String::new(),
            1 => " 1 packet has a time far from the others.".to_owned(),
            odd => format!(" {} packets have times far from the others.", number(odd)),
        };
        format!("{} packets, {}{time}.{}{odd}{read}", number(packets.count), size(packets.bytes), self.untold())
    }

    fn talker(&self) -> Option<String> {
        let most = self.conversations.by_bytes.first()?;
        let share = most.bytes as f64 * 100.0 / self.packets.bytes.max(1) as f64;
        let share = if share < 1.0 { "under 1 %".to_owned() } else { format!("{share:.0} %") };
        let from = address_called(most.source, &most.source_names);
        let to = address_called(most.destination, &most.destination_names);
        let port = match most.destination_port {
            0 => String::new(),
            port => format!(" port {}", named(port, None, most.destination_port_name)),
        };
        Some(format!("Most bytes: {} {from} to {to}{port}, {share} of all.", most.protocol.to_uppercase()))
    }
}
