//! Judges each TCP segment: whether it was sent again, overtaken on its way, or follows a gap.
//!
//! The judgement follows what Wireshark's manual says of its own ("TCP Analysis", User's Guide 7.5), so that people who
//! open the file there find the same numbers. It goes by what the machine that captured has seen, which is not always
//! what happened.

use crate::delivery::Fate;
use crate::packet::Segment;
use crate::sequence::is_before;

/// A segment that fills a gap within this time was overtaken on its way rather than sent again; Wireshark's number for
/// connections whose handshake was not seen. Where it was, its duration is used.
const REORDERED_WITHIN: i64 = 3_000_000;

/// A segment that follows duplicate acknowledgements within this time was sent because of them (Wireshark's number).
const FAST_WITHIN: i64 = 20_000_000;

/// What is judged of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub late: Option<Late>,
    pub duplicate_ack: bool,
    /// Its sender can take no more.
    pub zero_window: bool,
    /// It follows a gap: something before it was lost, or not captured.
    pub lost: bool,
    pub keep_alive: bool,
    zero_window_probe: bool,
    /// Our own judgement of its data, which is nothing for a copy.
    pub fate: Option<Fate>,
    pub ends_handshake: bool,
    /// How long the server took to answer, when this begins its answer.
    pub answered_in: Option<i64>,
}

/// Why a segment does not follow what was sent before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Late {
    OutOfOrder,
    Retransmission,
    /// After duplicate acknowledgements (RFC 5681, 3.2).
    FastRetransmission,
    /// Its bytes had been acknowledged already.
    SpuriousRetransmission,
}

impl Marks {
    pub fn is_retransmission(self) -> bool {
        self.late.is_some_and(|late| late != Late::OutOfOrder)
    }

    /// Whether it only asks whether the other end is there, or takes data again.
    pub fn is_probe(self) -> bool {
        self.keep_alive || self.zero_window_probe
    }

    /// Whether its bytes were not sent before, by our own judgement.
    pub fn is_first_sent(self) -> bool {
        self.fate == Some(Fate::New)
    }

    /// Whether the segment's bytes are seen for the first time and follow those before, or a gap.
    pub fn is_new_data(self) -> bool {
        self.late.is_none() && !self.keep_alive && !self.zero_window_probe
    }
}

/// What one side of a connection has sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sender {
    /// The sequence number of its first segment.
    pub first: Option<u32>,
    /// The sequence number after the highest that was sent.
    next: Option<u32>,
    /// When that was.
    next_at: i64,
    /// Bytes of the segment that was the last to raise it.
    next_length: u32,
    /// The last acknowledgement; 0 for none.
    acknowledged: u32,
    acknowledged_at: i64,
    duplicate_acks: u32,
    window: Option<u16>,
    was_keep_alive: bool,
    pub retransmissions: u32,
    pub zero_windows: u32,
    pub resets: u32,
}

impl Sender {
    /// Judges a segment to the other side, and remembers what it says. `handshake` is how long that took, if it was seen.
    pub fn segment(&mut self, receiver: &Self, segment: &Segment<'_>, now: i64, handshake: Option<i64>) -> Marks {
        // Wireshark takes a handshake that took no time, as the clock of a file may have it, for one that was not seen.
        let within = handshake.filter(|took| *took != 0).unwrap_or(REORDERED_WITHIN);
        let marks = self.judge(receiver, segment, now, within);
        self.remember(segment, marks, now);
        marks
    }

    /// The sequence number after the highest that was sent.
    pub fn next(&self) -> Option<u32> {
        self.next
    }

    fn judge(&mut self, receiver: &Self, segment: &Segment<'_>, now: i64, reordered_within: i64) -> Marks {
        let mut marks = Marks::default();
        let is_next = self.next == Some(segment.seq);
        let is_plain = segment.is_plain();
        let repeats_ack = is_next && segment.length == 0 && self.acknowledged == segment.ack && is_plain;
        let repeats_window = self.window == Some(segment.window);
        if segment.length == 1 && is_next && receiver.window == Some(0) {
            marks.zero_window_probe = true;
        } else {
            marks.zero_window = segment.window == 0 && is_plain;
            marks.lost = self.next.is_some_and(|next| is_before(next, segment.seq)) && !segment.rst();
            let is_one_back = self.next.is_some_and(|next| next.wrapping_sub(1) == segment.seq);
            marks.keep_alive = segment.length <= 1 && is_one_back && is_plain;
            let answers_probe = receiver.was_keep_alive || segment.window == 0;
            if repeats_ack && repeats_window && !answers_probe {
                marks.duplicate_ack = true;
                self.duplicate_acks = self.duplicate_acks.saturating_add(1);
            }
        }
        if segment.ack != self.acknowledged {
            self.duplicate_acks = 0;
        }
        if (segment.length > 0 || segment.syn() || segment.fin()) && !marks.keep_alive {
            marks.late = self.late(receiver, segment, now, reordered_within);
        }
        marks
    }

    /// Tells what was sent again from what was overtaken.
    fn late(&self, receiver: &Self, segment: &Segment<'_>, now: i64, reordered_within: i64) -> Option<Late> {
        let was_acknowledged = receiver.acknowledged != 0
            && segment.length > 0
            && !is_before(receiver.acknowledged, segment.seq.wrapping_add(segment.length));
        if was_acknowledged {
            return Some(Late::SpuriousRetransmission);
        }
        let next = self.next.filter(|next| is_before(segment.seq, *next))?;
        // After a probe of a closed window its byte is sent once more, with what follows it.
        if segment.length > 1 && next.wrapping_sub(1) == segment.seq {
            return None;
        }
        let since_ack = now.saturating_sub(receiver.acknowledged_at);
        let since_next = now.saturating_sub(self.next_at);
        let is_asked_for = receiver.duplicate_acks >= 2 && receiver.acknowledged == segment.seq;
        if is_asked_for && (0..FAST_WITHIN).contains(&since_ack) {
            Some(Late::FastRetransmission)
        } else if (0..reordered_within).contains(&since_next) && self.may_be_overtaken(next, segment) {
            Some(Late::OutOfOrder)
        } else {
            Some(Late::Retransmission)
        }
    }

    /// Whether a segment that came late need not be a repetition: it is not the one that came last, or what came last was
    /// an acknowledgement without data (Wireshark issue 17214).
    fn may_be_overtaken(&self, next: u32, segment: &Segment<'_>) -> bool {
        next != segment.end() || (self.next_length == 0 && segment.length > 0)
    }

    fn remember(&mut self, segment: &Segment<'_>, marks: Marks, now: i64) {
        let end = segment.end();
        let before_first = if segment.syn() { segment.seq } else { segment.seq.wrapping_sub(1) };
        self.first.get_or_insert(before_first);
        let past_end = u32::from(segment.syn() || segment.fin());
        if self.next.is_none_or(|next| is_before(next.wrapping_add(past_end), end)) {
            self.next_length = segment.length;
        }
        if self.next.is_none_or(|next| is_before(next, end)) && !marks.zero_window_probe {
            self.next = Some(end);
            self.next_at = now;
        }
        self.window = Some(segment.window);
        self.acknowledged = segment.ack;
        self.acknowledged_at = now;
        self.was_keep_alive = marks.keep_alive;
        self.retransmissions = self.retransmissions.saturating_add(marks.is_retransmission().into());
        self.zero_windows = self.zero_windows.saturating_add(marks.zero_window.into());
        self.resets = self.resets.saturating_add(segment.rst().into());
    }
}
