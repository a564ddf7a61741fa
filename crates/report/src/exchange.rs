//! What is said on a connection, once something is: how its data fares, how long answers take, and how it ends.

use crate::application::{Heard, Next};
use crate::delivery::{Delivery, Fate};
use crate::ending::{Idle, Reset};
use crate::flow_key::Side;
use crate::packet::Segment;
use crate::sequence::is_before;
use crate::tls_handshake::TlsHandshake;
use crate::window::Window;

/// So many bytes may be on their way when all is well: whoever receives acknowledges every second full-sized segment at least
/// (RFC 9293, 3.8.6.3).
const LEFT_BY_DELAYED_ACK: u32 = 2 * 1_460;

/// What is said on a connection. Most of those that are not completed have none, and there may be many of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exchange {
    pub deliveries: [Delivery; 2],
    windows: [Window; 2],
    pub idle: Option<Idle>,
    last_data_at: Option<i64>,
    /// When the client sent what the server has not answered.
    asked_at: Option<i64>,
    pub tls: TlsHandshake,
    /// Who sends an answer in HTTP, and the sequence number where it ends.
    answer_end: Option<(Side, u32)>,
    pub http_answers: u32,
    pub http_errors: u32,
    pub http_error: u16,
    /// Answers with the status 429.
    pub http_throttled: u32,
    /// Answers with the status 404.
    pub http_not_found: u32,
    /// What each side's next bytes are.
    pub next: [Next; 2],
}

impl Exchange {
    /// `next` are the sequence numbers that come next, as far as they are known.
    pub fn new(next: [Option<u32>; 2]) -> Self {
        Self { deliveries: next.map(Delivery::new), ..Self::default() }
    }

    pub fn delivery(&self, side: Side) -> &Delivery {
        side.of(self.deliveries.each_ref())
    }

    /// Judges the data of a segment that is no probe. A gap that is filled within `overtaken_within` is no loss.
    pub fn follow_data(&mut self, from: Side, segment: &Segment<'_>, now: i64, overtaken_within: i64) -> Option<Fate> {
        from.of(self.deliveries.each_mut()).segment(segment, now, overtaken_within)
    }

    /// What a segment says of the other side's data, and of its own side's window.
    pub fn follow_receiver(&mut self, from: Side, segment: &Segment<'_>, now: i64) {
        if segment.rst() {
            self.windows.iter_mut().for_each(|window| window.end(now));
            return;
        }
        if segment.is_ack() {
            from.other().of(self.deliveries.each_mut()).acknowledge(segment.ack);
        }
        if !segment.syn() {
            from.of(self.windows.each_mut()).is(segment.window, now);
        }
    }

    /// `pause` is how long nobody had said anything, and `asks` whether the segment wants to be answered.
    pub fn follow_idle(&mut self, from: Side, segment: &Segment<'_>, asks: bool, pause: i64) {
        match &mut self.idle {
            Some(idle) if idle.by != from && !segment.rst() => self.idle = None,
            Some(idle) if idle.by == from && (segment.length > 0 || asks) => idle.sent_again(),
            None if asks => self.idle = Idle::begin(from, pause),
            _ => {}
        }
    }

    /// A side has sent data: tells how long the server took to answer, if it is the beginning of an answer.
    pub fn note_data(&mut self, from: Side, client: Option<Side>, is_first_sent: bool, now: i64) -> Option<i64> {
        self.last_data_at = Some(now);
        match client {
            Some(client) if client == from => {
                self.asked_at = if is_first_sent { Some(now) } else { self.asked_at };
                None
            }
            Some(_) => self.asked_at.take().map(|asked_at| now.saturating_sub(asked_at)),
            None => None,
        }
    }

    /// One side has reset the connection, which neither had ended. `is_known` says that both sides had sent before.
    pub fn reset(&self, by: Side, is_known: bool, now: i64) -> Option<Reset> {
        let is_receiving = self.delivery(by.other()).bytes_in_flight() > LEFT_BY_DELAYED_ACK;
        let since_data = self.last_data_at.map(|last| now.saturating_sub(last));
        // Of a connection that was there before, one that answers the first segment may follow a pause or not. And one that
        // follows a whole answer ends a connection as it should, if roughly.
        let since_data = since_data.filter(|_| is_known && !self.is_answer_whole());
        Reset::new(by, self.idle, since_data, is_receiving)
    }

    /// Whether all of an answer was sent that says how long it is.
    fn is_answer_whole(&self) -> bool {
        let is_sent = |(from, end): (Side, u32)| self.delivery(from).next().is_some_and(|next| !is_before(next, end));
        self.answer_end.is_some_and(is_sent) && self.asked_at.is_none()
    }

    /// Remembers what one side said in TLS or HTTP.
    pub fn note_heard(&mut self, from: Side, client: Option<Side>, heard: &Heard, segment: &Segment<'_>, now: i64) {
        let is_from_client = client == Some(from);
        heard.tls.iter().for_each(|said| self.tls.follow(Some(*said), is_from_client, segment.payload, now));
        if heard.tls.is_empty() {
            self.tls.follow(None, is_from_client, segment.payload, now);
        }
        for answer in &heard.answers {
            self.http_answers = self.http_answers.saturating_add(1);
            self.answer_end = answer.missing.map(|missing| (from, segment.end().wrapping_add(missing)));
            match answer.status {
                404 => self.http_not_found = self.http_not_found.saturating_add(1),
                429 => self.http_throttled = self.http_throttled.saturating_add(1),
                500.. => {
                    self.http_errors = self.http_errors.saturating_add(1);
                    self.http_error = answer.status;
                }
                _ => {}
            }
        }
    }

    /// Nanoseconds of the longest time that one side would take no more.
    pub fn longest_shut(&self, side: Side) -> i64 {
        side.of(self.windows).longest_shut()
    }
}
