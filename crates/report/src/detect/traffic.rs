//! How much traffic there is, and whose.

use etherparse::{IpNumber, ip_number};

use crate::called::address_called;
use crate::detect::filter::{SEEN_TWICE, during, from_address, has_whole_headers, of_address, to_address};
use crate::detect::intervals::Intervals;
use crate::detect::words::{percent, ratio, when};
use crate::file::FaultKind;
use crate::finding::{Finding, FindingKind, Severity};
use crate::measure::{count_of, number, size};
use crate::moment::TimeRange;
use crate::report::{CopiedPacket, Report};

/// So many intervals are needed to say what is usual.
pub const INTERVALS_NEEDED: usize = 10;

/// Traffic of people and programs doubles and triples from second to second; it seldom grows tenfold.
const BURST_FACTOR: f64 = 10.0;

/// A burst of fewer packets than this in an interval troubles no machine.
const BURST_PACKETS: u64 = 500;

/// The machine that was captured is one end of nearly all packets, which says nothing of it.
const CAPTURED_SHARE: f64 = 0.9;

/// More than half for one of several: it decides what the others get.
const DOMINANT_SHARE: f64 = 0.6;

/// Less than 10 MB are on no account too much, whoever has them.
const DOMINANT_BYTES: u64 = 10_000_000;

/// The captured machine and two others are the fewest of which one can dominate.
const DOMINATED: u64 = 3;

pub fn nothing_captured(report: &Report) -> Option<Finding> {
    if report.packets.count > 0 {
        return None;
    }
    let sentence = match &report.file.fault {
        Some(fault) => format!("No packet could be read from the file: {}.", fault.message.trim_end_matches('.')),
        None => "Nothing was captured: the filters match no traffic, the traffic does not pass through this machine, \
                 the capture was too short, or the agent on the machine did not record."
            .to_owned(),
    };
    let unknown: &str = FaultKind::UnknownFormat.into();
    let is_no_capture = report.file.fault.as_ref().is_some_and(|fault| fault.reason == unknown);
    let next = match is_no_capture {
        true => "Look at what stands at the file's address: it may be a page that asks to sign in, or an error.",
        false => "Look at the capture's filters and time, and whether the traffic passes through this machine at all.",
    };
    let finding = Finding::new(FindingKind::NothingCaptured, Severity::Warning, sentence, next);
    Some(finding.with("packets", 0).with("bytesRead", report.file.bytes_read))
}

pub fn burst(report: &Report) -> Option<Finding> {
    let intervals = Intervals::new(&report.series, &report.series.packets)?;
    let (most, usual) = (intervals.most(), intervals.median());
    let is_known = intervals.counts.len() >= INTERVALS_NEEDED;
    let is_burst = most >= BURST_PACKETS && ratio(most, usual.max(1)) >= BURST_FACTOR;
    if !is_known || !is_burst {
        return None;
    }
    let range = intervals.peak();
    let factor = ratio(most, usual.max(1));
    let compared = match usual {
        0 => "where there is usually next to nothing".to_owned(),
        _ => format!("{factor:.0} times as many as is usual in this file"),
    };
    let rate = intervals.most_per_second();
    let sentence = format!("Traffic rose to {} packets per second{}, {compared}.", number(rate as u64), when(range));
    let next = "Look who talks most at that time.";
    let mut finding = Finding::new(FindingKind::Burst, Severity::Info, sentence, next)
        .with("packetsPerSecond", rate)
        .with("timesUsual", factor);
    finding.filter = during(range);
    Some(finding.during(range))
}

pub fn dominant_talker(report: &Report) -> Option<Finding> {
    let all = report.packets.bytes;
    let endpoints = &report.endpoints;
    if all < DOMINANT_BYTES || endpoints.count < DOMINATED {
        return None;
    }
    let is_captured = |bytes: u64| ratio(bytes, all) >= CAPTURED_SHARE;
    let mut by_bytes = endpoints.by_bytes.iter();
    let first = by_bytes.next()?;
    let talker = if is_captured(first.bytes) { by_bytes.next()? } else { first };
    if ratio(talker.bytes, all) < DOMINANT_SHARE {
        return None;
    }
    let received = talker.bytes.saturating_sub(talker.bytes_sent);
    let way = if talker.bytes_sent >= received { "most of it sent by it" } else { "most of it sent to it" };
    let sentence = format!(
        "{} has {} of all traffic, {} in {}, {way}.",
        address_called(talker.address, &talker.names),
        percent(talker.bytes, all),
        size(talker.bytes),
        count_of(talker.packets, "packet", "packets"),
    );
    let next = format!("Find out what {} does, and whether it should have as much of the bandwidth.", talker.address);
    let finding = Finding::new(FindingKind::DominantTalker, Severity::Info, sentence, next)
        .shown_by(of_address(talker.address))
        .with("address", talker.address.to_string())
        .with_some("knownAs", talker.names.text().as_deref())
        .with("bytes", talker.bytes)
        .with("bytesSent", talker.bytes_sent)
        .with("share", ratio(talker.bytes, all));
    let packets = &report.packets;
    let whole = packets.first_time.zip(packets.last_time).map(|(from, to)| TimeRange { from, to });
    Some(finding.during(whole))
}

/// Copies of fewer packets than this, and of a smaller share, are chance.
const COPIES: u64 = 20;
const COPIES_SHARE: f64 = 0.05;

pub fn captured_twice(report: &Report) -> Option<Finding> {
    let packets = &report.packets;
    if packets.copies < COPIES || ratio(packets.copies, packets.count) < COPIES_SHARE {
        return None;
    }
    let why = match packets.forwarded.saturating_mul(2) >= packets.copies {
        true => "this machine forwards them, and they were captured on their way in and out",
        false => "they were captured on two interfaces, or came twice",
    };
    let sentence = format!(
        "{} of {} are in the file twice: {why}. They are left out where TCP and DNS are judged.",
        number(packets.copies),
        count_of(packets.count, "packet", "packets"),
    );
    let next = "Look whether this machine is a router, a firewall or has two interfaces on one network: then it is as it \
                should be.";
    let finding = Finding::new(FindingKind::CapturedTwice, Severity::Info, sentence, next)
        .shown_by(seen_twice(report))
        .with("copies", packets.copies)
        .with("forwarded", packets.forwarded)
        .with("packets", packets.count);
    Some(finding)
}

/// What Wireshark marks, and the first one where it marks nothing.
fn seen_twice(report: &Report) -> String {
    let marked = has_whole_headers(report);
    match report.packets.copied {
        Some(first) if !marked => copied(&first),
        Some(first) if IpNumber(first.protocol) != ip_number::TCP => format!("{SEEN_TWICE} || ({})", copied(&first)),
        _ => SEEN_TWICE.to_owned(),
    }
}

fn copied(packet: &CopiedPacket) -> String {
    let CopiedPacket { protocol, source, source_port, destination, destination_port, identification } = *packet;
    let ports = if IpNumber(protocol) == ip_number::TCP { "tcp" } else { "udp" };
    let number = if identification == 0 { String::new() } else { format!(" && ip.id == {identification}") };
    format!(
        "{} && {} && {ports}.srcport == {source_port} && {ports}.dstport == {destination_port}{number}",
        from_address(source),
        to_address(destination),
    )
}
