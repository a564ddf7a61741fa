//! What a TCP connection shows of itself: whether it was answered, and what had to be sent again.
//!
//! The judgement of each segment follows what Wireshark's manual says of its own ("TCP Analysis", User's Guide 7.5), so
//! that people who open the file there find the same numbers. It goes by what the machine that captured has seen, which
//! is not always what happened.

use etherparse::TcpSlice;
use serde::Serialize;

use crate::clients::Client;
use crate::flows::End;
use crate::histogram::Durations;
use crate::moment::Stretch;
use crate::packet::Segment;
use crate::tls::Hello;
use crate::top::Top;

/// A segment that fills a gap within this time was overtaken on its way rather than sent again; Wireshark's number for
/// connections whose handshake was not seen. Where it was, its duration is used.
const REORDERED_WITHIN: i64 = 3_000_000;

/// A segment that follows duplicate acknowledgements within this time was sent because of them (Wireshark's number).
const FAST_WITHIN: i64 = 20_000_000;

/// How long a SYN must have waited to count as unanswered: the time after which its sender tries again (RFC 6298, 2.1).
const ANSWERED_WITHIN: i64 = 1_000_000_000;

/// TCP as a whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tcp {
    /// Segments.
    pub segments: u64,
    /// Segments with SYN and without ACK.
    pub syn: u64,
    /// Segments with SYN and ACK.
    pub syn_ack: u64,
    /// Segments with RST.
    pub rst: u64,
    /// Segments with FIN.
    pub fin: u64,
    /// Segments whose bytes, or whose SYN or FIN, had been sent before. Includes the two kinds that follow.
    pub retransmissions: u64,
    /// Those of them that followed duplicate acknowledgements at once (RFC 5681, 3.2).
    pub fast_retransmissions: u64,
    /// Those of them whose bytes had been acknowledged already.
    pub spurious_retransmissions: u64,
    /// Segments that were overtaken by later ones of their connection.
    pub out_of_order: u64,
    /// Segments without data that acknowledge the same as the one before, with the same window.
    pub duplicate_acks: u64,
    /// Segments that say that their sender can take no more.
    pub zero_windows: u64,
    /// When they came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zero_windows_during: Option<Stretch>,
    /// Segments after a gap: some before them were lost, or not captured.
    pub lost_segments: u64,
    /// Segments that only ask whether the other end is still there.
    pub keep_alives: u64,
    /// Connections, by how they began.
    pub connections: Connections,
    /// From the last SYN to the acknowledgement that ends the handshake.
    pub handshake: Durations,
    /// Services: who answers, and how well.
    pub services: Top<ServiceEntry>,
    /// Clients whose connections were refused or not answered; those with the most come first, at most 5.
    pub clients: Vec<Client>,
}

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

/// A service: an address and a port that connections go to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceEntry {
    /// The address.
    pub address: std::net::IpAddr,
    /// The port.
    pub port: u16,
    /// Connections to it.
    pub connections: Connections,
    /// Packets both ways.
    pub packets: u64,
    /// Bytes both ways.
    pub bytes: u64,
    /// Segments sent again by it.
    pub retransmissions_from: u64,
    /// Segments sent again to it.
    pub retransmissions_to: u64,
    /// Resets that it sent.
    pub resets_from: u64,
    /// Resets sent to it.
    pub resets_to: u64,
    /// How often it said that it could take no more.
    pub zero_windows: u64,
}

/// What is remembered of a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Connection {
    sides: [Side; 2],
    client: Option<End>,
    begun: Begun,
    syn_at: i64,
    /// How long the handshake took.
    handshake: Option<i64>,
    /// Whether the handshake ended with this segment.
    pub handshake_ended: bool,
    client_hello_at: Option<i64>,
    has_server_hello: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Begun {
    #[default]
    UnderWay,
    /// A SYN, and how often it was repeated.
    Syn,
    SynAgain,
    SynAck,
    Answered,
    Refused,
}

/// What one end has sent.
#[derive(Clone, Debug, Default)]
struct Side {
    /// The sequence number of its first segment.
    first: Option<u32>,
    /// The sequence number after the highest that was sent.
    next: Option<u32>,
    /// When that was.
    next_at: i64,
    /// Bytes of the segment that was the last to raise it.
    next_length: u32,
    /// The last acknowledgement; 0 for none.
    acknowledged: u32,
    acknowledged_at: i64,
    duplicates: u32,
    window: Option<u16>,
    was_keep_alive: bool,
    /// Segments sent again.
    retransmissions: u32,
    zero_windows: u32,
    resets: u32,
    is_joining: bool,
}

/// What is judged of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    pub retransmission: bool,
    pub fast: bool,
    pub spurious: bool,
    pub out_of_order: bool,
    pub duplicate_ack: bool,
    pub zero_window: bool,
    pub lost: bool,
    pub keep_alive: bool,
    zero_window_probe: bool,
}

impl Marks {
    /// Whether the segment's bytes are seen for the first time and follow those before, or a gap.
    pub fn is_new_data(self) -> bool {
        !(self.retransmission || self.out_of_order || self.keep_alive || self.zero_window_probe)
    }
}

/// The fields of a segment that matter here.
struct Fields {
    seq: u32,
    ack: u32,
    length: u32,
    window: u16,
    syn: bool,
    fin: bool,
    rst: bool,
    is_ack: bool,
}

impl Fields {
    fn new(tcp: &TcpSlice<'_>, length: u32) -> Self {
        Self {
            seq: tcp.sequence_number(),
            ack: tcp.acknowledgment_number(),
            length,
            window: tcp.window_size(),
            syn: tcp.syn(),
            fin: tcp.fin(),
            rst: tcp.rst(),
            is_ack: tcp.ack(),
        }
    }

    fn is_plain(&self) -> bool {
        !(self.syn || self.fin || self.rst)
    }

    /// The sequence number after it; SYN and FIN count as a byte.
    fn end(&self) -> u32 {
        self.seq.wrapping_add(self.length).wrapping_add(u32::from(self.syn || self.fin))
    }
}

/// Whether a sequence number is before another one (RFC 9293, 3.4).
fn is_before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() < 0
}

impl Connection {
    /// Whether this segment begins another connection between the same ports: a SYN with another number. One with the
    /// same number is the same SYN again, also after it has been refused, as Windows does it.
    pub fn is_over_for(&self, from: End, tcp: &TcpSlice<'_>) -> bool {
        let is_other = self.side(from).first.is_some_and(|first| first != tcp.sequence_number());
        tcp.syn() && !tcp.ack() && is_other
    }

    /// Judges a segment, and remembers what it says.
    pub fn segment(&mut self, from: End, segment: &Segment<'_>, now: i64) -> Marks {
        let fields = Fields::new(&segment.tcp, segment.length);
        self.follow_handshake(from, &fields, now);
        let reordered_within = self.handshake.unwrap_or(REORDERED_WITHIN);
        let [low, high] = &mut self.sides;
        let (own, other) = if from == End::Low { (low, high) } else { (high, low) };
        let marks = own.judge(other, &fields, now, reordered_within);
        own.remember(&fields, marks, now);
        marks
    }

    fn side(&self, end: End) -> &Side {
        end.of(self.sides.each_ref())
    }

    fn side_mut(&mut self, end: End) -> &mut Side {
        end.of(self.sides.each_mut())
    }

    fn follow_handshake(&mut self, from: End, fields: &Fields, now: i64) {
        let is_from_client = self.client == Some(from);
        self.handshake_ended = false;
        match (fields.syn, fields.is_ack) {
            (true, false) => {
                self.begun = match self.begun {
                    Begun::UnderWay => Begun::Syn,
                    Begun::Syn => Begun::SynAgain,
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
                if self.begun != Begun::Answered {
                    self.begun = Begun::SynAck;
                }
                self.client = Some(from.other());
            }
            (false, _) if fields.rst && !is_from_client && matches!(self.begun, Begun::Syn | Begun::SynAgain) => {
                self.begun = Begun::Refused;
            }
            (false, true) if is_from_client && !fields.rst => {
                if self.begun == Begun::SynAck {
                    self.handshake = Some(now.saturating_sub(self.syn_at));
                    self.handshake_ended = true;
                }
                // Also when the answer itself was not captured.
                if self.begun != Begun::Refused {
                    self.begun = Begun::Answered;
                }
            }
            _ => {}
        }
    }

    /// How long the handshake took, if it was seen.
    pub fn handshake(&self) -> Option<i64> {
        self.handshake
    }

    /// The end that opened it, if that was seen.
    pub fn client(&self) -> Option<End> {
        self.client
    }

    /// How it began; `end` is when the capture ended.
    pub fn count_beginning(&self, connections: &mut Connections, end: i64) {
        connections.half_open = connections.half_open.saturating_add((self.begun == Begun::SynAck).into());
        let place = match self.begun {
            Begun::UnderWay => &mut connections.under_way,
            Begun::Syn if end.saturating_sub(self.syn_at) < ANSWERED_WITHIN => &mut connections.pending,
            Begun::Syn | Begun::SynAgain => &mut connections.unanswered,
            Begun::SynAck | Begun::Answered => &mut connections.answered,
            Begun::Refused => &mut connections.refused,
        };
        *place = place.saturating_add(1);
    }

    /// Segments sent again by one end.
    pub fn retransmissions(&self, end: End) -> u64 {
        self.side(end).retransmissions.into()
    }

    /// Resets sent by one end.
    pub fn resets(&self, end: End) -> u64 {
        self.side(end).resets.into()
    }

    /// How often one end said that it could take no more.
    pub fn zero_windows(&self, end: End) -> u64 {
        self.side(end).zero_windows.into()
    }

    /// Remembers that TLS began.
    pub fn note_hello(&mut self, hello: Option<Hello>, now: i64) {
        if hello == Some(Hello::Client) {
            self.client_hello_at.get_or_insert(now);
        }
        self.has_server_hello |= hello == Some(Hello::Server);
    }

    /// When a client began with TLS, if no server went on.
    pub fn unanswered_hello(&self) -> Option<i64> {
        self.client_hello_at.filter(|_| !self.has_server_hello)
    }

    /// Whether a message of either end is being put together.
    pub fn is_joining_any(&self) -> bool {
        self.sides.iter().any(|side| side.is_joining)
    }

    /// Whether a message of one end is being put together.
    pub fn is_joining(&mut self, end: End) -> &mut bool {
        &mut self.side_mut(end).is_joining
    }
}

impl Side {
    fn judge(&mut self, other: &Self, fields: &Fields, now: i64, reordered_within: i64) -> Marks {
        let mut marks = Marks::default();
        let is_next = self.next == Some(fields.seq);
        let is_plain = fields.is_plain();
        let repeats_ack = is_next && fields.length == 0 && self.acknowledged == fields.ack && is_plain;
        let repeats_window = self.window == Some(fields.window);
        if fields.length == 1 && is_next && other.window == Some(0) {
            marks.zero_window_probe = true;
        } else {
            marks.zero_window = fields.window == 0 && is_plain;
            marks.lost = self.next.is_some_and(|next| is_before(next, fields.seq)) && !fields.rst;
            let is_one_back = self.next.is_some_and(|next| next.wrapping_sub(1) == fields.seq);
            marks.keep_alive = fields.length <= 1 && is_one_back && is_plain;
            let answers_probe = other.was_keep_alive || fields.window == 0;
            if repeats_ack && repeats_window && !answers_probe {
                marks.duplicate_ack = true;
                self.duplicates = self.duplicates.saturating_add(1);
            }
        }
        if fields.ack != self.acknowledged {
            self.duplicates = 0;
        }
        if (fields.length > 0 || fields.syn || fields.fin) && !marks.keep_alive {
            self.judge_repetition(other, fields, now, reordered_within, &mut marks);
        }
        marks
    }

    /// Tells what was sent again from what was overtaken.
    fn judge_repetition(&self, other: &Self, fields: &Fields, now: i64, reordered_within: i64, marks: &mut Marks) {
        let was_acknowledged = other.acknowledged != 0
            && fields.length > 0
            && !is_before(other.acknowledged, fields.seq.wrapping_add(fields.length));
        if was_acknowledged {
            marks.spurious = true;
            marks.retransmission = true;
            return;
        }
        let Some(next) = self.next.filter(|next| is_before(fields.seq, *next)) else { return };
        // After a probe of a closed window its byte is sent once more, with what follows it.
        if fields.length > 1 && next.wrapping_sub(1) == fields.seq {
            return;
        }
        let since_ack = now.saturating_sub(other.acknowledged_at);
        let since_next = now.saturating_sub(self.next_at);
        if other.duplicates >= 2 && other.acknowledged == fields.seq && (0..FAST_WITHIN).contains(&since_ack) {
            marks.fast = true;
            marks.retransmission = true;
        } else if (0..reordered_within).contains(&since_next) && self.may_be_overtaken(next, fields) {
            marks.out_of_order = true;
        } else {
            marks.retransmission = true;
        }
    }

    /// Whether a segment that came late need not be a repetition: it is not the one that came last, or what came last was
    /// an acknowledgement without data (Wireshark issue 17214).
    fn may_be_overtaken(&self, next: u32, fields: &Fields) -> bool {
        next != fields.end() || (self.next_length == 0 && fields.length > 0)
    }

    fn remember(&mut self, fields: &Fields, marks: Marks, now: i64) {
        let end = fields.end();
        let before_first = if fields.syn { fields.seq } else { fields.seq.wrapping_sub(1) };
        self.first.get_or_insert(before_first);
        let past_end = u32::from(fields.syn || fields.fin);
        if self.next.is_none_or(|next| is_before(next.wrapping_add(past_end), end)) {
            self.next_length = fields.length;
        }
        if self.next.is_none_or(|next| is_before(next, end)) && !marks.zero_window_probe {
            self.next = Some(end);
            self.next_at = now;
        }
        self.window = Some(fields.window);
        self.acknowledged = fields.ack;
        self.acknowledged_at = now;
        self.was_keep_alive = marks.keep_alive;
        self.retransmissions = self.retransmissions.saturating_add(marks.retransmission.into());
        self.zero_windows = self.zero_windows.saturating_add(marks.zero_window.into());
        self.resets = self.resets.saturating_add(fields.rst.into());
    }
}
