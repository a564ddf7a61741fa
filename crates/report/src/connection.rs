//! A TCP connection: how its handshake went, what each side has sent, and how it ended.

use serde::Serialize;

use crate::application::{Heard, Next};
use crate::delivery::{DeliveryCounts, LARGE_SEGMENT};
use crate::ending::{Idle, Reset};
use crate::exchange::Exchange;
use crate::flow_key::Side;
use crate::packet::Segment;
use crate::tcp_analysis::{Marks, Sender};
use crate::tls_counts::TlsOutcome;

/// How long a SYN must have waited to count as unanswered: the time after which its sender tries again (RFC 6298, 2.1).
const ANSWERED_WITHIN: i64 = 1_000_000_000;

/// A segment that fills a gap within this time was overtaken on its way, where it is not known how long an answer takes:
/// Wireshark's number.
const OVERTAKEN_WITHIN: i64 = 3_000_000;

/// Clocks of machines that capture, and queues of their network cards, are no more exact than this.
const OVERTAKEN_WITHIN_LEAST: i64 = 100_000;

/// Connections by how they began. The sum of answered, refused, unanswered, pending and under way is the number of
/// connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Connections {
    /// Those whose SYN was answered by SYN and ACK, or whose client went on as if so.
    pub answered: u64,
    /// Those of the answered whose client has not gone on.
    pub half_open: u64,
    /// Those of the half-open ones that have waited for a second, or whose server has repeated its answer.
    pub abandoned: u64,
    /// Those of the half-open ones whose client has repeated its SYN, so that it cannot have heard the answer.
    pub unheard: u64,
    /// Those of the answered whose client broke off at once by RST.
    pub aborted: u64,
    /// Those of the answered that came about and of which data was acknowledged, or that were closed as they should be.
    pub completed: u64,
    /// Those that went on, although one side of them was not captured.
    pub one_way: u64,
    /// Those whose SYN was answered by RST.
    pub refused: u64,
    /// Those whose SYN nobody answered within a second.
    pub unanswered: u64,
    /// Those whose SYN came in the last second of the capture and has no answer yet.
    pub pending: u64,
    /// Those of which no SYN was captured: they were there before, or forgotten in between.
    pub under_way: u64,
}

/// What is remembered of a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection {
    senders: [Sender; 2],
    client: Option<Side>,
    state: State,
    is_seen: [bool; 2],
    has_fin: [bool; 2],
    has_rst: bool,
    /// Whether the server has repeated its answer to the SYN, or answered it again.
    has_answered_again: bool,
    /// Whether the client has repeated its SYN after it was answered.
    has_asked_again: bool,
    /// The first SYN.
    opened_at: Option<i64>,
    /// The last one.
    syn_at: i64,
    /// The first answer to the last SYN.
    syn_ack_at: Option<i64>,
    /// The last of these answers.
    last_syn_ack_at: i64,
    /// How long the handshake took.
    handshake: Option<i64>,
    /// How long an answer takes, without what was lost in the handshake.
    round_trip: Option<i64>,
    last_at: Option<i64>,
    reset: Option<Reset>,
    /// Nothing until something is said.
    exchange: Option<Box<Exchange>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum State {
    /// No SYN was captured.
    #[default]
    UnderWay,
    SynSent,
    SynRepeated,
    SynReceived,
    /// The client has answered SYN and ACK by RST, as a scanner does.
    Aborted,
    Established,
    Refused,
}

impl Connection {
    /// Whether this segment begins another connection between the same ports: a SYN with another number. One with the
    /// same number is the same SYN again, also after it has been refused, as Windows does it.
    pub fn is_over_for(&self, from: Side, segment: &Segment<'_>) -> bool {
        let is_other = self.sender(from).first.is_some_and(|first| first != segment.seq);
        segment.syn() && !segment.is_ack() && is_other
    }

    /// Judges a segment, and remembers what it says. One that is in the file twice is judged as Wireshark does, and says
    /// nothing new.
    pub fn segment(&mut self, from: Side, segment: &Segment<'_>, is_copy: bool, now: i64) -> Marks {
        let had_ended = self.handshake.is_some();
        if !is_copy {
            self.follow_handshake(from, segment, now);
        }
        let next = self.senders.each_ref().map(|sender| sender.next());
        let [low, high] = &mut self.senders;
        let (sender, receiver) = if from == Side::Low { (low, high) } else { (high, low) };
        let mut marks = sender.segment(receiver, segment, now, self.handshake);
        marks.ends_handshake = !had_ended && self.handshake.is_some();
        if !is_copy {
            self.follow(from, segment, next, &mut marks, now);
        }
        marks
    }

    fn sender(&self, side: Side) -> &Sender {
        side.of(self.senders.each_ref())
    }

    fn follow_handshake(&mut self, from: Side, segment: &Segment<'_>, now: i64) {
        let is_from_client = self.client == Some(from);
        match (segment.syn(), segment.is_ack()) {
            (true, false) => {
                self.has_asked_again |= self.state == State::SynReceived;
                self.state = match self.state {
                    State::UnderWay => State::SynSent,
                    State::SynSent => State::SynRepeated,
                    other => other,
                };
                self.client = self.client.or(Some(from));
                self.opened_at.get_or_insert(now);
                self.syn_at = now;
                self.syn_ack_at = None;
            }
            (true, true) => {
                if self.client.is_none() {
                    // Its SYN came before the capture.
                    self.opened_at.get_or_insert(now);
                    self.syn_at = now;
                }
                // One that is repeated after the handshake begins nothing.
                if self.state != State::Established {
                    self.has_answered_again |= self.state == State::SynReceived;
                    self.state = State::SynReceived;
                }
                self.client = Some(from.other());
                self.syn_ack_at = self.syn_ack_at.or(Some(now));
                self.last_syn_ack_at = now;
            }
            (false, _) if segment.rst() => self.follow_reset(is_from_client),
            (false, true) if is_from_client => {
                if self.state == State::SynReceived {
                    self.handshake = Some(now.saturating_sub(self.syn_at));
                    let answered = self.syn_ack_at.unwrap_or(now).saturating_sub(self.syn_at);
                    self.round_trip = Some(now.saturating_sub(self.last_syn_ack_at).saturating_add(answered));
                }
                // Also when the answer itself was not captured.
                if self.state != State::Refused {
                    self.state = State::Established;
                }
            }
            // Nobody sends before the client has gone on, whether that was captured or not.
            (false, true) if self.state == State::SynReceived => self.state = State::Established,
            _ => {}
        }
    }

    fn follow_reset(&mut self, is_from_client: bool) {
        self.state = match self.state {
            State::SynSent | State::SynRepeated if !is_from_client => State::Refused,
            State::SynReceived if is_from_client => State::Aborted,
            other => other,
        };
    }

    /// `next` are the sequence numbers that came next before this segment.
    fn follow(&mut self, from: Side, segment: &Segment<'_>, next: [Option<u32>; 2], marks: &mut Marks, now: i64) {
        let has_data = segment.length > 0 && !segment.syn() && !marks.is_probe();
        let pause = self.last_at.map_or(0, |last| now.saturating_sub(last));
        let within = self.overtaken_within();
        let is_known = self.is_seen_both_ways();
        let is_open = self.is_open() && matches!(self.state, State::Established | State::UnderWay);
        if has_data || marks.keep_alive || marks.zero_window {
            self.exchange.get_or_insert_with(|| Box::new(Exchange::new(next)));
        }
        if let Some(exchange) = &mut self.exchange {
            let is_new = exchange.delivery(from).bytes_in_flight() == 0;
            exchange.follow_idle(from, segment, (has_data && is_new) || marks.keep_alive, pause);
            if !marks.is_probe() {
                marks.fate = exchange.follow_data(from, segment, now, within);
            }
            exchange.follow_receiver(from, segment, now);
            if has_data {
                marks.answered_in = exchange.note_data(from, self.client, marks.is_first_sent(), now);
            }
            if segment.rst() && is_open {
                self.reset = exchange.reset(from, is_known, now);
            }
        }
        self.last_at = Some(now);
        self.has_rst |= segment.rst();
        *from.of(self.has_fin.each_mut()) |= segment.fin();
        *from.of(self.is_seen.each_mut()) |= !segment.rst();
    }

    /// Within which time a gap is filled by what was overtaken: to be asked for it takes a sender a whole round trip.
    fn overtaken_within(&self) -> i64 {
        self.round_trip.map_or(OVERTAKEN_WITHIN, |round_trip| (round_trip / 2).max(OVERTAKEN_WITHIN_LEAST))
    }

    /// How long the handshake took, if it was seen.
    pub fn handshake(&self) -> Option<i64> {
        self.handshake
    }

    /// How long an answer takes, if the handshake was seen.
    pub fn round_trip(&self) -> Option<i64> {
        self.round_trip
    }

    /// The side that opened it, if that was seen.
    pub fn client(&self) -> Option<Side> {
        self.client
    }

    /// When it was opened, if that was seen.
    pub fn opened_at(&self) -> Option<i64> {
        self.opened_at
    }

    /// When something was last sent on it.
    pub fn last_at(&self) -> Option<i64> {
        self.last_at
    }

    /// Whether neither side has ended it.
    pub fn is_open(&self) -> bool {
        !self.has_rst && self.has_fin == [false; 2]
    }

    /// Adds it to the connections that began in the same way; `end` is when the capture ended.
    pub fn count_beginning(&self, connections: &mut Connections, end: i64) {
        let add = |count: &mut u64, is_one: bool| *count = count.saturating_add(is_one.into());
        let is_half_open = self.state == State::SynReceived;
        let has_waited = end.saturating_sub(self.last_syn_ack_at) >= ANSWERED_WITHIN;
        add(&mut connections.half_open, is_half_open);
        add(&mut connections.abandoned, is_half_open && (self.has_answered_again || has_waited));
        add(&mut connections.unheard, is_half_open && self.has_asked_again);
        add(&mut connections.aborted, self.state == State::Aborted);
        add(&mut connections.completed, self.is_completed());
        add(&mut connections.one_way, self.is_seen_one_way());
        let place = match self.state {
            State::UnderWay => &mut connections.under_way,
            State::SynSent if end.saturating_sub(self.syn_at) < ANSWERED_WITHIN => &mut connections.pending,
            State::SynSent | State::SynRepeated => &mut connections.unanswered,
            State::SynReceived | State::Aborted | State::Established => &mut connections.answered,
            State::Refused => &mut connections.refused,
        };
        *place = place.saturating_add(1);
    }

    fn is_completed(&self) -> bool {
        let deliveries = self.exchange.iter().flat_map(|exchange| &exchange.deliveries);
        let has_data = deliveries.clone().any(|delivery| delivery.counts().segments > 0);
        let is_acknowledged = deliveries.into_iter().any(|delivery| delivery.is_data_acknowledged);
        let is_closed = !has_data && self.has_fin != [false; 2];
        self.state == State::Established && (is_acknowledged || is_closed)
    }

    /// What is said on it, once something is.
    pub fn exchange(&self) -> Option<&Exchange> {
        self.exchange.as_deref()
    }

    /// The data of one side.
    pub fn delivered(&self, side: Side) -> DeliveryCounts {
        self.exchange().map(|exchange| exchange.delivery(side).counts()).unwrap_or_default()
    }

    /// Nanoseconds of the longest time that one side would take no more.
    pub fn longest_shut(&self, side: Side) -> i64 {
        self.exchange().map_or(0, |exchange| exchange.longest_shut(side))
    }

    /// How it was reset before either side had ended it.
    pub fn reset(&self) -> Option<Reset> {
        self.reset
    }

    /// How it died in a pause, if it did: what was sent after it was lost again and again.
    pub fn died_idle(&self) -> Option<Idle> {
        let is_reset = matches!(self.reset, Some(Reset::AfterPause { .. }));
        self.exchange()?.idle.filter(|idle| idle.is_dead() && !is_reset)
    }

    /// Whether both sides were captured, but for resets.
    pub fn is_seen_both_ways(&self) -> bool {
        self.is_seen == [true; 2]
    }

    /// Whether it went on, and one side of it was not captured.
    fn is_seen_one_way(&self) -> bool {
        // Whoever acknowledges more and more hears the other side; one that is only sent again and again may be alone.
        let deliveries = self.exchange.iter().flat_map(|exchange| &exchange.deliveries);
        let is_heard = deliveries.into_iter().any(|delivery| delivery.is_acknowledged_further);
        let went_on = self.state == State::Established || (self.state == State::UnderWay && is_heard);
        went_on && !self.is_seen_both_ways()
    }

    /// Segments sent again by one side, as Wireshark counts them.
    pub fn retransmissions(&self, side: Side) -> u64 {
        self.sender(side).retransmissions.into()
    }

    pub fn resets(&self, side: Side) -> u64 {
        self.sender(side).resets.into()
    }

    /// How often one side said that it could take no more.
    pub fn zero_windows(&self, side: Side) -> u64 {
        self.sender(side).zero_windows.into()
    }

    /// A router has complained that what one side has sent is too big.
    pub fn note_too_big(&mut self, from: Side) {
        if let Some(exchange) = &mut self.exchange {
            from.of(exchange.deliveries.each_mut()).resize();
        }
    }

    /// Remembers what one side said in TLS or HTTP.
    pub fn note_heard(&mut self, from: Side, heard: &Heard, segment: &Segment<'_>, now: i64) {
        if let Some(exchange) = &mut self.exchange {
            exchange.note_heard(from, self.client, heard, segment, now);
        }
    }

    /// When a client began with TLS, if no server went on.
    pub fn unanswered_hello(&self) -> Option<i64> {
        self.exchange()?.tls.unanswered_hello()
    }

    /// How its TLS handshake ended; nothing where it cannot be told, or where something else has kept it from going on.
    pub fn tls_outcome(&self, end: i64) -> Option<TlsOutcome> {
        let is_known = self.is_seen_both_ways() && !self.is_stuck_for_size();
        self.exchange()?.tls.outcome(!self.is_open(), end).filter(|_| is_known)
    }

    /// Whether it stands still since a segment is too large for the way.
    pub fn is_stuck_for_size(&self) -> bool {
        let deliveries = self.exchange.iter().flat_map(|exchange| &exchange.deliveries);
        deliveries.into_iter().any(|delivery| delivery.stuck_for_its_size().is_some())
    }

    /// Whether a segment was acknowledged that only fits a link of the usual size.
    pub fn has_large_acknowledged(&self) -> bool {
        let deliveries = self.exchange.iter().flat_map(|exchange| &exchange.deliveries);
        deliveries.into_iter().any(|delivery| delivery.largest_acknowledged >= LARGE_SEGMENT)
    }

    pub fn is_reassembling_any(&self) -> bool {
        self.exchange().is_some_and(|exchange| exchange.next.contains(&Next::Rest))
    }

    /// What the next bytes of this side are, once something is said.
    pub fn next_bytes(&mut self, side: Side) -> Option<&mut Next> {
        self.exchange.as_mut().map(|exchange| side.of(exchange.next.each_mut()))
    }
}
