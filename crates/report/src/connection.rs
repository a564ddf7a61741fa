//! A TCP connection: how its handshake went, and what each side has sent.

use etherparse::TcpSlice;
use serde::Serialize;

use crate::flow_key::Side;
use crate::packet::Segment;
use crate::tcp_analysis::{Fields, Marks, Sender};
use crate::tls::Hello;

/// How long a SYN must have waited to count as unanswered: the time after which its sender tries again (RFC 6298, 2.1).
const ANSWERED_WITHIN: i64 = 1_000_000_000;

/// Connections by how they began. The sum of all but `half_open` is the number of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Connections {
    /// Those whose SYN was answered by SYN and ACK, or whose client went on as if so.
    pub answered: u64,
    /// Those of the answered whose client has not gone on.
    pub half_open: u64,
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
    syn_at: i64,
    /// How long the handshake took.
    handshake: Option<i64>,
    /// Whether the handshake ended with this segment.
    pub handshake_ended: bool,
    client_hello_at: Option<i64>,
    has_server_hello: bool,
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
    Established,
    Refused,
}

impl Connection {
    /// Whether this segment begins another connection between the same ports: a SYN with another number. One with the
    /// same number is the same SYN again, also after it has been refused, as Windows does it.
    pub fn is_over_for(&self, from: Side, tcp: &TcpSlice<'_>) -> bool {
        let is_other = self.sender(from).first.is_some_and(|first| first != tcp.sequence_number());
        tcp.syn() && !tcp.ack() && is_other
    }

    /// Judges a segment, and remembers what it says.
    pub fn segment(&mut self, from: Side, segment: &Segment<'_>, now: i64) -> Marks {
        let fields = Fields::new(&segment.tcp, segment.length);
        self.follow_handshake(from, &fields, now);
        let [low, high] = &mut self.senders;
        let (sender, receiver) = if from == Side::Low { (low, high) } else { (high, low) };
        sender.segment(receiver, &fields, now, self.handshake)
    }

    fn sender(&self, side: Side) -> &Sender {
        side.of(self.senders.each_ref())
    }

    fn follow_handshake(&mut self, from: Side, fields: &Fields, now: i64) {
        let is_from_client = self.client == Some(from);
        self.handshake_ended = false;
        match (fields.syn, fields.is_ack) {
            (true, false) => {
                self.state = match self.state {
                    State::UnderWay => State::SynSent,
                    State::SynSent => State::SynRepeated,
                    other => other,
                };
                self.client = self.client.or(Some(from));
                self.syn_at = now;
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
            }
            (false, _)
                if fields.rst && !is_from_client && matches!(self.state, State::SynSent | State::SynRepeated) =>
            {
                self.state = State::Refused;
            }
            (false, true) if is_from_client && !fields.rst => {
                if self.state == State::SynReceived {
                    self.handshake = Some(now.saturating_sub(self.syn_at));
                    self.handshake_ended = true;
                }
                // Also when the answer itself was not captured.
                if self.state != State::Refused {
                    self.state = State::Established;
                }
            }
            _ => {}
        }
    }

    /// How long the handshake took, if it was seen.
    pub fn handshake(&self) -> Option<i64> {
        self.handshake
    }

    /// The side that opened it, if that was seen.
    pub fn client(&self) -> Option<Side> {
        self.client
    }

    /// Adds it to the connections that began in the same way; `end` is when the capture ended.
    pub fn count_beginning(&self, connections: &mut Connections, end: i64) {
        connections.half_open = connections.half_open.saturating_add((self.state == State::SynReceived).into());
        let place = match self.state {
            State::UnderWay => &mut connections.under_way,
            State::SynSent if end.saturating_sub(self.syn_at) < ANSWERED_WITHIN => &mut connections.pending,
            State::SynSent | State::SynRepeated => &mut connections.unanswered,
            State::SynReceived | State::Established => &mut connections.answered,
            State::Refused => &mut connections.refused,
        };
        *place = place.saturating_add(1);
    }

    /// Segments sent again by one side.
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

    /// Remembers that TLS began.
    pub fn note_hello(&mut self, hello: Option<Hello>, now: i64) {
        match hello {
            Some(Hello::Client) => drop(self.client_hello_at.get_or_insert(now)),
            Some(Hello::Server) => self.has_server_hello = true,
            None => {}
        }
    }

    /// When a client began with TLS, if no server went on.
    pub fn unanswered_hello(&self) -> Option<i64> {
        self.client_hello_at.filter(|_| !self.has_server_hello)
    }

    pub fn is_reassembling_any(&self) -> bool {
        self.is_reassembling.contains(&true)
    }

    pub fn is_reassembling(&mut self, side: Side) -> &mut bool {
        side.of(self.is_reassembling.each_mut())
    }
}
