//! A TCP connection: how its handshake went, what each side has sent, and how it ended.

use serde::Serialize;

use crate::application::Heard;
use crate::delivery::{Delivery, LARGE_SEGMENT};
use crate::ending::{Idle, Reset};
use crate::flow_key::Side;
use crate::packet::Segment;
use crate::sequence::is_before;
use crate::tcp_analysis::{Marks, Sender};
use crate::tls_counts::TlsOutcome;
use crate::tls_handshake::TlsHandshake;
use crate::window::Window;

/// How long a SYN must have waited to count as unanswered: the time after which its sender tries again (RFC 6298, 2.1).
const ANSWERED_WITHIN: i64 = 1_000_000_000;

/// A segment that fills a gap within this time was overtaken on its way, where it is not known how long an answer takes:
/// Wireshark's number.
const OVERTAKEN_WITHIN: i64 = 3_000_000;

/// So many bytes may be on their way when all is well: whoever receives acknowledges every second full-sized segment at least
/// (RFC 9293, 3.8.6.3).
const LEFT_BY_DELAYED_ACK: u32 = 2 * 1_460;

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
    /// Those of the answered whose client broke off at once by RST.
    pub aborted: u64,
    /// Those of the answered that came about and of which data was acknowledged, or that were closed as they should be.
    pub completed: u64,
    /// Those that went on and of which one side was not captured.
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
    deliveries: [Delivery; 2],
    windows: [Window; 2],
    client: Option<Side>,
    state: State,
    syn_at: i64,
    /// The first answer to the last SYN.
    syn_ack_at: Option<i64>,
    /// The last of these answers.
    last_syn_ack_at: i64,
    /// How long the handshake took.
    handshake: Option<i64>,
    /// How long an answer takes, without what was lost in the handshake.
    round_trip: Option<i64>,
    /// Whether the handshake ended with this segment.
    pub handshake_ended: bool,
    is_seen: [bool; 2],
    has_fin: [bool; 2],
    has_rst: bool,
    reset: Option<Reset>,
    idle: Option<Idle>,
    last_at: Option<i64>,
    last_data_at: Option<i64>,
    /// When the client sent what the server has not answered.
    asked_at: Option<i64>,
    /// How long the server took to answer, just now.
    pub answered_in: Option<i64>,
    tls: TlsHandshake,
    /// Who sends an answer in HTTP, and the sequence number where it ends.
    answer_end: Option<(Side, u32)>,
    pub http_answers: u32,
    pub http_errors: u32,
    pub http_error: u16,
    /// Whether the beginning of a message of each side waits for its rest.
    is_reassembling: [bool; 2],
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
        self.handshake_ended = false;
        self.answered_in = None;
        if !is_copy {
            self.follow_handshake(from, segment, now);
        }
        let [low, high] = &mut self.senders;
        let (sender, receiver) = if from == Side::Low { (low, high) } else { (high, low) };
        let mut marks = sender.segment(receiver, segment, now, self.handshake);
        if !is_copy {
            self.follow_data(from, segment, &mut marks, now);
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
                self.state = match self.state {
                    State::UnderWay => State::SynSent,
                    State::SynSent => State::SynRepeated,
                    other => other,
                };
                self.client = self.client.or(Some(from));
                self.syn_at = now;
                self.syn_ack_at = None;
            }
            (true, true) => {
                if self.client.is_none() {
                    // Its SYN came before the capture.
                    self.syn_at = now;
                }
                // One that is repeated after the handshake begins nothing.
                if self.state != State::Established {
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
                    self.handshake_ended = true;
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

    fn follow_data(&mut self, from: Side, segment: &Segment<'_>, marks: &mut Marks, now: i64) {
        let is_probe = marks.is_probe();
        let has_data = segment.length > 0 && !segment.syn() && !is_probe;
        let is_new = self.delivery(from).bytes_in_flight() == 0;
        self.follow_idle(from, segment, (has_data && is_new) || marks.keep_alive, now);
        let within = self.overtaken_within();
        if !is_probe {
            marks.fate = from.of(self.deliveries.each_mut()).segment(segment, now, within);
        }
        if segment.is_ack() && !segment.rst() {
            from.other().of(self.deliveries.each_mut()).acknowledge(segment.ack);
        }
        if segment.rst() {
            self.note_reset(from, now);
        } else if !segment.syn() {
            from.of(self.windows.each_mut()).is(segment.window, now);
        }
        if segment.fin() {
            from.of(self.has_fin.each_mut()).clone_from(&true);
        }
        if has_data {
            self.last_data_at = Some(now);
            self.measure_answer(from, marks.is_first_sent(), now);
        }
        self.last_at = Some(now);
        if !segment.rst() {
            from.of(self.is_seen.each_mut()).clone_from(&true);
        }
    }

    /// Within which time a gap is filled by what was overtaken: to be asked for it takes a sender a whole round trip.
    fn overtaken_within(&self) -> i64 {
        self.round_trip.map_or(OVERTAKEN_WITHIN, |round_trip| (round_trip / 2).max(OVERTAKEN_WITHIN_LEAST))
    }

    fn follow_idle(&mut self, from: Side, segment: &Segment<'_>, asks: bool, now: i64) {
        let pause = self.last_at.map_or(0, |last| now.saturating_sub(last));
        match &mut self.idle {
            Some(idle) if idle.by != from && !segment.rst() => self.idle = None,
            Some(idle) if idle.by == from && (segment.length > 0 || asks) => idle.sent_again(),
            None if asks => self.idle = Idle::begin(from, pause),
            _ => {}
        }
    }

    fn note_reset(&mut self, from: Side, now: i64) {
        self.windows.iter_mut().for_each(|window| window.end(now));
        let is_first = self.is_open() && matches!(self.state, State::Established | State::UnderWay);
        self.has_rst = true;
        if !is_first {
            return;
        }
        let since_data = self.last_data_at.map(|last| now.saturating_sub(last));
        let is_receiving = self.delivery(from.other()).bytes_in_flight() > LEFT_BY_DELAYED_ACK;
        // Of a connection that was there before, one that answers the first segment may follow a pause or not.
        // And one that follows a whole answer ends a connection as it should, if roughly.
        let since_data = since_data.filter(|_| self.is_seen_both_ways() && !self.is_answer_whole());
        self.reset = Reset::new(from, self.idle, since_data, is_receiving);
    }

    fn measure_answer(&mut self, from: Side, is_first_sent: bool, now: i64) {
        match self.client {
            Some(client) if client == from && is_first_sent => self.asked_at = Some(now),
            Some(client) if client != from => {
                self.answered_in = self.asked_at.take().map(|asked_at| now.saturating_sub(asked_at));
            }
            _ => {}
        }
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
        self.client.map(|_| self.syn_at)
    }

    /// Whether neither side has ended it.
    pub fn is_open(&self) -> bool {
        !self.has_rst && self.has_fin == [false; 2]
    }

    /// Adds it to the connections that began in the same way; `end` is when the capture ended.
    pub fn count_beginning(&self, connections: &mut Connections, end: i64) {
        let add = |count: &mut u64, is_one: bool| *count = count.saturating_add(is_one.into());
        let is_half_open = self.state == State::SynReceived;
        let is_repeated = self.syn_ack_at.is_some_and(|first| first < self.last_syn_ack_at);
        let has_waited = end.saturating_sub(self.last_syn_ack_at) >= ANSWERED_WITHIN;
        add(&mut connections.half_open, is_half_open);
        add(&mut connections.abandoned, is_half_open && (is_repeated || has_waited));
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
        let has_data = self.deliveries.iter().any(|delivery| delivery.counts().segments > 0);
        let is_acknowledged = self.deliveries.iter().any(|delivery| delivery.is_data_acknowledged);
        let is_closed = !has_data && self.has_fin != [false; 2];
        self.state == State::Established && (is_acknowledged || is_closed)
    }

    pub fn delivery(&self, side: Side) -> &Delivery {
        side.of(self.deliveries.each_ref())
    }

    /// Nanoseconds of the longest time that one side would take no more.
    pub fn longest_shut(&self, side: Side) -> i64 {
        side.of(self.windows).longest_shut()
    }

    /// How it was reset before either side had ended it.
    pub fn reset(&self) -> Option<Reset> {
        self.reset
    }

    /// How it died in a pause, if it did: what was sent after it was lost again and again.
    pub fn died_idle(&self) -> Option<Idle> {
        let is_reset = matches!(self.reset, Some(Reset::AfterPause { .. }));
        self.idle.filter(|idle| idle.is_dead() && !is_reset)
    }

    /// Whether both sides were captured, but for resets.
    pub fn is_seen_both_ways(&self) -> bool {
        self.is_seen == [true; 2]
    }

    /// Whether it went on, and one side of it was not captured.
    fn is_seen_one_way(&self) -> bool {
        let has_data = self.deliveries.iter().any(|delivery| delivery.counts().segments > 0);
        let went_on = self.state == State::Established || (self.state == State::UnderWay && has_data);
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
        from.of(self.deliveries.each_mut()).resize();
    }

    /// Remembers what one side said in TLS or HTTP.
    pub fn note(&mut self, from: Side, heard: &Heard, segment: &Segment<'_>, now: i64) {
        self.tls.follow(heard.tls, self.client == Some(from), segment.payload, now);
        if let Some(answer) = heard.http {
            self.http_answers = self.http_answers.saturating_add(1);
            self.answer_end = answer.missing.map(|missing| (from, segment.end().wrapping_add(missing)));
            if answer.status >= 500 {
                self.http_errors = self.http_errors.saturating_add(1);
                self.http_error = answer.status;
            }
        }
    }

    /// Whether all of an answer was sent that says how long it is.
    fn is_answer_whole(&self) -> bool {
        let is_sent = |(from, end): (Side, u32)| self.delivery(from).next().is_some_and(|next| !is_before(next, end));
        self.answer_end.is_some_and(is_sent) && self.asked_at.is_none()
    }

    /// When a client began with TLS, if no server went on.
    pub fn unanswered_hello(&self) -> Option<i64> {
        self.tls.unanswered_hello()
    }

    /// How its TLS handshake ended; nothing where it cannot be told, or where something else has kept it from going on.
    pub fn tls_outcome(&self, end: i64) -> Option<TlsOutcome> {
        let is_known = self.is_seen_both_ways() && !self.is_stuck_for_size();
        self.tls.outcome(!self.is_open(), end).filter(|_| is_known)
    }

    /// Whether it stands still since a segment is too large for the way.
    pub fn is_stuck_for_size(&self) -> bool {
        self.deliveries.iter().any(|delivery| delivery.stuck_for_its_size().is_some())
    }

    /// Whether a segment was acknowledged that only fits a link of the usual size.
    pub fn has_large_acknowledged(&self) -> bool {
        self.deliveries.iter().any(|delivery| delivery.largest_acknowledged >= LARGE_SEGMENT)
    }

    pub fn is_reassembling_any(&self) -> bool {
        self.is_reassembling.contains(&true)
    }

    pub fn is_reassembling(&mut self, side: Side) -> &mut bool {
        side.of(self.is_reassembling.each_mut())
    }
}
