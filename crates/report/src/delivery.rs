//! What became of the data that one side of a connection has sent: whether it was sent again, overtaken on its way, or never
//! acknowledged. A judgement of our own: Wireshark's (`tcp_analysis.rs`) takes what is sent again within a handshake's time
//! for overtaken, and on a path of 20 ms misses half of what was lost.

use serde::Serialize;

use crate::packet::Segment;
use crate::sequence::is_before;

/// The most gaps that are remembered at one time. Where there are more, the last one is widened.
const MAX_GAPS: usize = 8;

/// How often the same bytes must have been sent, without an acknowledgement, to say that they do not arrive: what is lost by
/// chance seldom is three times.
const STUCK_SENDS: u32 = 3;

/// What was not sent again after so long was sent again at least twice, and lost: the first time a sender waits for a second at
/// most, unless the way is longer (RFC 6298, 2.1).
const GIVEN_UP: i64 = 3_000_000_000;

/// A segment of this length or longer needs a link that takes more than the least that IPv6 asks of every link: 1,280 bytes,
/// less the headers of IPv6 and TCP (RFC 8200, 5).
pub(crate) const LARGE_SEGMENT: u32 = 1_220;

/// Segments with data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryCounts {
    /// All of them, but for copies and probes.
    pub segments: u64,
    /// Those of them whose bytes were sent again: they had been seen before, or fill a gap that has been there for half the
    /// time of a handshake or longer.
    pub sent_again: u64,
    /// Those of these whose bytes nobody acknowledged, however often they were sent: where something swallows them, the link
    /// need not be bad.
    pub in_vain: u64,
    /// Those that fill a gap sooner: later ones have overtaken them.
    pub overtaken: u64,
}

impl DeliveryCounts {
    /// Those that were lost by chance.
    pub(crate) fn lost(&self) -> u64 {
        self.sent_again.saturating_sub(self.in_vain)
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.segments = self.segments.saturating_add(other.segments);
        self.sent_again = self.sent_again.saturating_add(other.sent_again);
        self.in_vain = self.in_vain.saturating_add(other.in_vain);
        self.overtaken = self.overtaken.saturating_add(other.overtaken);
    }
}

/// What a segment with data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    New,
    SentAgain,
    Overtaken,
}

/// Bytes that were not seen although later ones were.
#[derive(Clone, Copy, Debug)]
struct Gap {
    from: u32,
    to: u32,
    since: i64,
}

/// The data that the receiver waits for.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    seq: u32,
    sends: u32,
    /// Bytes of the largest segment that was sent again, which is as large as the path was thought to take.
    largest: u32,
    /// Bytes of the segment that was sent last.
    last: u32,
    /// Whether the receiver has said since that it still waits for these bytes, so that it is there.
    is_waited_for: bool,
}

/// The data of one side.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delivery {
    counts: [u32; 3],
    /// The sequence number after the highest that was sent.
    next: Option<u32>,
    gaps: Vec<Gap>,
    /// The highest acknowledgement of the other side.
    acknowledged: Option<u32>,
    /// The end of the first segment with data.
    first_end: Option<u32>,
    pub is_data_acknowledged: bool,
    /// Whether the other side has acknowledged something after it had acknowledged something else.
    pub is_acknowledged_further: bool,
    /// Bytes of the largest segment that was acknowledged.
    pub largest_acknowledged: u32,
    /// End and length of the largest segment that waits for its acknowledgement.
    largest_waiting: (u32, u32),
    head: Head,
    /// What was sent before this is sent again in smaller segments, since a router has asked for it.
    resized_until: Option<u32>,
    /// Bytes of a segment that did not arrive before it was sent in smaller pieces.
    shrunk_from: u32,
}

impl Delivery {
    /// `next` is the sequence number that comes next, if it is known.
    pub fn new(next: Option<u32>) -> Self {
        Self { next, ..Self::default() }
    }

    /// Judges a segment that is no copy and no probe. A gap that is filled within `overtaken_within` is no loss.
    pub fn segment(&mut self, segment: &Segment<'_>, now: i64, overtaken_within: i64) -> Option<Fate> {
        let has_data = segment.length > 0 && !segment.syn();
        let fate = has_data.then(|| self.judge(segment, now, overtaken_within));
        let end = segment.end();
        if self.next.is_none_or(|next| is_before(next, end)) {
            self.next = Some(end);
        }
        if let Some(fate) = fate {
            self.first_end.get_or_insert(end);
            self.follow_head(segment);
            if segment.length > self.largest_waiting.1 && segment.length > self.largest_acknowledged {
                self.largest_waiting = (end, segment.length);
            }
            let [segments, sent_again, overtaken] = &mut self.counts;
            *segments = segments.saturating_add(1);
            *sent_again = sent_again.saturating_add((fate == Fate::SentAgain).into());
            *overtaken = overtaken.saturating_add((fate == Fate::Overtaken).into());
        }
        fate
    }

    fn judge(&mut self, segment: &Segment<'_>, now: i64, overtaken_within: i64) -> Fate {
        let (from, to) = (segment.seq, segment.seq.wrapping_add(segment.length));
        match self.next {
            Some(next) if is_before(next, from) => {
                self.open_gap(next, from, now);
                Fate::New
            }
            Some(next) if is_before(from, next) => {
                // After a probe of a closed window its byte is sent once more, with what follows it.
                let follows_probe = next.wrapping_sub(1) == from && segment.length > 1;
                if self.resized_until.is_some_and(|until| !is_before(until, to)) {
                    return Fate::New;
                }
                match self.fill_gaps(from, to) {
                    Some(since) if now.saturating_sub(since) < overtaken_within => Fate::Overtaken,
                    None if follows_probe => Fate::New,
                    _ => Fate::SentAgain,
                }
            }
            _ => Fate::New,
        }
    }

    fn open_gap(&mut self, from: u32, to: u32, since: i64) {
        let is_full = self.gaps.len() >= MAX_GAPS;
        match self.gaps.last_mut().filter(|_| is_full) {
            Some(last) => last.to = to,
            None => self.gaps.push(Gap { from, to, since }),
        }
    }

    /// Takes bytes out of the gaps, and tells since when the oldest of those has been there.
    fn fill_gaps(&mut self, from: u32, to: u32) -> Option<i64> {
        let mut since: Option<i64> = None;
        let mut rest = None;
        for gap in &mut self.gaps {
            if !is_before(gap.from, to) || !is_before(from, gap.to) {
                continue;
            }
            since = Some(since.map_or(gap.since, |since| since.min(gap.since)));
            let (begins_within, ends_within) = (is_before(gap.from, from), is_before(to, gap.to));
            match (begins_within, ends_within) {
                (false, false) => gap.to = gap.from,
                (false, true) => gap.from = to,
                (true, false) => gap.to = from,
                (true, true) => {
                    rest = Some(Gap { from: to, ..*gap });
                    gap.to = from;
                }
            }
        }
        self.gaps.retain(|gap| gap.from != gap.to);
        if let Some(rest) = rest {
            if self.gaps.len() < MAX_GAPS {
                self.gaps.push(rest);
            } else if let Some(last) = self.gaps.last_mut() {
                last.to = if is_before(last.to, rest.to) { rest.to } else { last.to };
            }
        }
        since
    }

    /// Counts how often the first bytes were sent that nobody has acknowledged.
    fn follow_head(&mut self, segment: &Segment<'_>) {
        let first = self.acknowledged.unwrap_or(segment.seq);
        let is_head = !is_before(first, segment.seq) && is_before(first, segment.seq.wrapping_add(segment.length));
        if !is_head {
            return;
        }
        if self.head.sends > 0 && self.head.seq == first {
            self.head.sends = self.head.sends.saturating_add(1);
            self.head.largest = self.head.largest.max(segment.length);
            self.head.last = segment.length;
        } else {
            // How large the first one was says little: the network card may have cut it.
            self.head = Head { seq: first, sends: 1, last: segment.length, ..Head::default() };
        }
    }

    /// A router asks for smaller segments.
    pub fn resize(&mut self) {
        self.resized_until = self.next;
    }

    /// The other side acknowledges what is before this.
    pub fn acknowledge(&mut self, ack: u32) {
        if self.acknowledged.is_some_and(|acknowledged| !is_before(acknowledged, ack)) {
            self.head.is_waited_for |= self.acknowledged == Some(ack);
            return;
        }
        self.is_acknowledged_further |= self.acknowledged.is_some();
        self.acknowledged = Some(ack);
        self.is_data_acknowledged |= self.first_end.is_some_and(|end| !is_before(ack, end));
        let (end, length) = self.largest_waiting;
        if length > 0 && !is_before(ack, end) {
            self.largest_acknowledged = length;
            self.largest_waiting = (0, 0);
        }
        if self.resized_until.is_some_and(|until| !is_before(ack, until)) {
            self.resized_until = None;
        }
        if self.head.sends > 0 && is_before(self.head.seq, ack) {
            let has_shrunk = self.head.sends >= STUCK_SENDS && self.head.last < self.head.largest;
            if has_shrunk && self.largest_acknowledged < self.head.largest {
                self.shrunk_from = self.head.largest;
            }
            self.head = Head::default();
        }
    }

    /// The sequence number after the highest that was sent.
    pub fn next(&self) -> Option<u32> {
        self.next
    }

    /// Bytes on their way, a FIN included.
    pub fn bytes_in_flight(&self) -> u32 {
        let begin = self.acknowledged.or_else(|| Some(self.head).filter(|head| head.sends > 0).map(|head| head.seq));
        let (Some(_), Some(next), Some(begin)) = (self.first_end, self.next, begin) else { return 0 };
        if is_before(begin, next) { next.wrapping_sub(begin) } else { 0 }
    }

    /// Bytes of the segment that was sent three times or more and never acknowledged.
    pub fn stuck(&self) -> Option<u32> {
        (self.head.sends >= STUCK_SENDS).then_some(self.head.largest)
    }

    /// Whether the receiver waits for bytes that never came, although later ones did: since the beginning of the gap, its sender
    /// had time to send them again more than once.
    pub fn is_missing(&self, end: i64) -> bool {
        let is_waited_for =
            |gap: &Gap| self.acknowledged == Some(gap.from) && end.saturating_sub(gap.since) >= GIVEN_UP;
        self.gaps.iter().any(is_waited_for)
    }

    /// The same, if it is larger than any that was acknowledged, and the receiver is still there; or if its bytes arrived in
    /// smaller pieces only.
    pub fn stuck_for_its_size(&self) -> Option<u32> {
        let shrunk = Some(self.shrunk_from).filter(|length| *length > 0);
        let stuck = self.stuck().filter(|_| self.head.is_waited_for).or(shrunk);
        stuck.filter(|length| *length > self.largest_acknowledged && *length >= LARGE_SEGMENT)
    }

    pub fn counts(&self) -> DeliveryCounts {
        let [segments, sent_again, overtaken] = self.counts.map(u64::from);
        let in_vain = self.stuck().map_or(0, |_| u64::from(self.head.sends.saturating_sub(1)).min(sent_again));
        DeliveryCounts { segments, sent_again, in_vain, overtaken }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: i64 = 1_000_000;

    /// Segments of ten bytes by their place, with the milliseconds when they are seen, on a path with a handshake of 20 ms.
    fn judged(segments: &[(u32, i64)]) -> Vec<Fate> {
        let mut delivery = Delivery::default();
        let begin = 0_u32.wrapping_sub(25);
        let judge = |(place, millis): &(u32, i64)| {
            let mut bytes = [0; 30];
            bytes[4..8].copy_from_slice(&begin.wrapping_add(place * 10).to_be_bytes());
            bytes[12] = 0x50;
            let segment = Segment::read(&bytes, bytes.len()).unwrap();
            delivery.segment(&segment, *millis * MILLI, 10 * MILLI).unwrap()
        };
        segments.iter().map(judge).collect()
    }

    #[test]
    fn bytes_that_were_never_missing_were_sent_again() {
        let fates = judged(&[(0, 0), (1, 1), (2, 2), (1, 3), (3, 4)]);
        assert_eq!(fates, [Fate::New, Fate::New, Fate::New, Fate::SentAgain, Fate::New]);
    }

    #[test]
    fn a_gap_that_is_filled_soon_was_overtaken_and_one_that_is_filled_late_was_sent_again() {
        let fates = judged(&[(0, 0), (3, 1), (1, 2), (2, 12), (2, 13)]);
        assert_eq!(fates, [Fate::New, Fate::New, Fate::Overtaken, Fate::SentAgain, Fate::SentAgain]);
    }

    #[test]
    fn many_gaps_take_no_more_room_than_a_few_and_are_filled_soon_all_the_same() {
        let mut segments: Vec<(u32, i64)> = (0..40).map(|place| (place * 2, 0)).collect();
        segments.extend((0..39).map(|place| (place * 2 + 1, 1)));
        let fates = judged(&segments);
        assert!(fates[40..].iter().all(|fate| *fate == Fate::Overtaken), "{fates:?}");
    }

    #[test]
    fn bytes_that_never_come_are_missing_once_the_receiver_has_waited_for_long() {
        let mut delivery = Delivery::new(Some(1));
        let mut bytes = [0; 30];
        bytes[4..8].copy_from_slice(&1_000_u32.to_be_bytes());
        bytes[12] = 0x50;
        delivery.segment(&Segment::read(&bytes, bytes.len()).unwrap(), 0, MILLI);
        assert!(!delivery.is_missing(GIVEN_UP), "nobody has said so");
        delivery.acknowledge(1);
        assert!(delivery.is_missing(GIVEN_UP) && !delivery.is_missing(GIVEN_UP - 1));
        delivery.acknowledge(1_010);
        assert!(!delivery.is_missing(GIVEN_UP), "they were not captured");
    }

    #[test]
    fn what_is_sent_again_and_again_and_larger_than_what_arrives_is_stuck_for_its_size() {
        let mut delivery = Delivery::default();
        let send = |delivery: &mut Delivery, seq: u32, length: usize| {
            let mut bytes = vec![0; 20 + length];
            bytes[4..8].copy_from_slice(&seq.to_be_bytes());
            bytes[12] = 0x50;
            delivery.segment(&Segment::read(&bytes, bytes.len()).unwrap(), 0, MILLI);
        };
        send(&mut delivery, 1, 300);
        delivery.acknowledge(301);
        (0..3).for_each(|_| send(&mut delivery, 301, 1460));
        assert_eq!((delivery.stuck(), delivery.stuck_for_its_size()), (Some(1460), None), "perhaps nobody is there");
        delivery.acknowledge(301);
        assert_eq!((delivery.stuck_for_its_size(), delivery.largest_acknowledged), (Some(1460), 300));
        // The sender tries it in smaller pieces, which arrive.
        send(&mut delivery, 301, 536);
        delivery.acknowledge(837);
        assert_eq!((delivery.stuck(), delivery.stuck_for_its_size()), (None, Some(1460)));
        // A large one arrives: it was chance.
        send(&mut delivery, 837, 1460);
        delivery.acknowledge(837 + 1460);
        assert_eq!(delivery.stuck_for_its_size(), None);
    }
}
