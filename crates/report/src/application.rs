//! What is said over TCP: finds DNS, TLS and HTTP at the beginning of what a side sends, and reassembles a message that
//! came in several segments.

use crate::bytes::{Incomplete, be16};
use crate::dns::{DNS_PORT, DnsStatistics};
use crate::flow_key::{FlowKey, Peer, Side};
use crate::host_names::HostNames;
use crate::http::{Answer, Head, HttpStatistics, ends_head, is_answer, is_http};
use crate::tls::{Said, TlsStatistics, is_tls};
use crate::waiting::Waiting;

/// The most bytes of a message that are reassembled. Hellos with post-quantum keys have 2 KB, and heads of HTTP are
/// refused by most servers beyond 8 KB.
const MAX_MESSAGE: usize = 16_384;

/// The most messages that are reassembled at one time: 8 MB at most, if all were of the largest size.
const MAX_MESSAGES: usize = 256;

/// What is said over TCP.
#[derive(Clone, Debug, Default)]
pub(crate) struct Application {
    pub dns: DnsStatistics,
    pub tls: TlsStatistics,
    pub http: HttpStatistics,
    pub hosts: HostNames,
    partial: Waiting<(FlowKey, Side), Partial>,
}

#[derive(Clone, Debug)]
struct Partial {
    bytes: Vec<u8>,
    /// With so many bytes it is worth reading again.
    again_at: usize,
}

/// A segment's payload, and what is known of it.
pub(crate) struct Payload<'a> {
    pub flow: &'a FlowKey,
    pub from: Side,
    pub bytes: &'a [u8],
    /// How many of them were on the wire, captured or not.
    pub length: u32,
    /// Whether it follows what came before without a gap.
    pub follows: bool,
    pub now: i64,
}

/// What a segment says that matters for its connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    pub tls: Vec<Said>,
    /// The server that a client asks for in TLS.
    pub server_name: Option<String>,
    /// Answers in HTTP.
    pub answers: Vec<Answer>,
}

/// What the next bytes of a side are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Next {
    /// The beginning of a message, or nothing that is known.
    #[default]
    Message,
    /// The rest of a message of which the beginning is kept.
    Rest,
    /// So many bytes of a body in HTTP, and then the beginning of a message.
    Body(u32),
}

/// What is behind the messages of a payload.
enum Behind<'a> {
    Nothing,
    /// The beginning of one that is not whole, and what it lacks.
    Message(&'a [u8], Incomplete),
    /// So many bytes of a body are still to come.
    Body(usize),
}

impl Payload<'_> {
    fn receiver(&self) -> Peer {
        self.flow.peer(self.from.other())
    }

    fn is_whole(&self) -> bool {
        self.uncaptured() == 0
    }

    fn uncaptured(&self) -> usize {
        (self.length as usize).saturating_sub(self.bytes.len())
    }
}

impl Application {
    /// Reads new bytes of one side. `next` is what they are, and is set to what those behind them are.
    pub fn read(&mut self, payload: &Payload<'_>, next: &mut Next) -> Heard {
        let body = match *next {
            Next::Rest => return self.read_rest(payload, next),
            // Whatever length they tell, answers to HEAD have no body.
            Next::Body(left) if payload.follows && !is_answer(payload.bytes) => left,
            Next::Body(_) | Next::Message => 0,
        };
        if body > payload.length {
            *next = Next::Body(body.saturating_sub(payload.length));
            return Heard::default();
        }
        let bytes = payload.bytes.get(body as usize..).unwrap_or_default();
        let (heard, behind) = self.read_messages(payload, bytes, !payload.is_whole());
        *next = match behind {
            Behind::Message(rest, incomplete) if self.keep(payload, rest, incomplete) => Next::Rest,
            Behind::Body(left) => body_next(left, payload),
            _ => Next::Message,
        };
        heard
    }

    fn read_rest(&mut self, payload: &Payload<'_>, next: &mut Next) -> Heard {
        let key = (*payload.flow, payload.from);
        let Some(partial) = self.partial.get_mut(&key) else {
            // It was evicted in favour of another one.
            *next = Next::Message;
            return Heard::default();
        };
        if payload.follows {
            partial.bytes.extend_from_slice(payload.bytes);
        }
        let is_all = !payload.follows || !payload.is_whole() || partial.bytes.len() >= MAX_MESSAGE;
        if !is_all && !partial.is_worth_reading(payload.bytes.len()) {
            return Heard::default();
        }
        let mut bytes = std::mem::take(&mut partial.bytes);
        let (heard, behind) = self.read_messages(payload, &bytes, is_all);
        let (kept, missing) = match behind {
            Behind::Message(rest, Incomplete { missing }) => (rest.len(), missing),
            _ => (0, 0),
        };
        *next = match behind {
            Behind::Message(..) => Next::Rest,
            Behind::Body(left) if payload.follows => body_next(left, payload),
            _ => Next::Message,
        };
        bytes.drain(..bytes.len().saturating_sub(kept));
        bytes.shrink_to(MAX_MESSAGE);
        if bytes.is_empty() {
            self.partial.remove(&key);
        } else if let Some(partial) = self.partial.get_mut(&key) {
            *partial = Partial { again_at: kept.saturating_add(missing), bytes };
        }
        heard
    }

    /// Reads messages. `is_all` says that there will be no more of them.
    fn read_messages<'a>(&mut self, payload: &Payload<'_>, bytes: &'a [u8], is_all: bool) -> (Heard, Behind<'a>) {
        let has_dns = payload.flow.peers().iter().any(|peer| peer.port == DNS_PORT);
        let mut heard = Heard::default();
        let behind = if has_dns {
            self.read_dns(payload, bytes)
        } else if is_tls(bytes) {
            let (said, rest) = self.tls.read(bytes, payload.now);
            heard.tls = said;
            heard.server_name = self.tls.take_name();
            heard.server_name.iter().for_each(|name| self.hosts.asked(name, payload.receiver()));
            rest.map_or(Behind::Nothing, |(rest, incomplete)| Behind::Message(rest, incomplete))
        } else {
            self.read_http(payload.receiver(), bytes, is_all, &mut heard.answers)
        };
        let is_left = is_all && matches!(behind, Behind::Message(..));
        (heard, if is_left { Behind::Nothing } else { behind })
    }

    fn read_http<'a>(
        &mut self,
        receiver: Peer,
        mut bytes: &'a [u8],
        is_all: bool,
        answers: &mut Vec<Answer>,
    ) -> Behind<'a> {
        while is_http(bytes) {
            let (head, length) = match self.http.read(bytes, is_all) {
                Ok(read) => read,
                Err(incomplete) => return Behind::Message(bytes, incomplete),
            };
            match head {
                Some(Head::ForHost(host)) => self.hosts.asked(&host, receiver),
                Some(Head::ForAnotherServer) => self.hosts.asked_as_proxy(receiver),
                Some(Head::Answer(answer)) => answers.push(answer),
                None => {}
            }
            let Some(behind) = bytes.get(length..) else { return Behind::Body(length.saturating_sub(bytes.len())) };
            bytes = behind;
        }
        Behind::Nothing
    }

    /// Each message has its length before it (RFC 1035, 4.2.2).
    fn read_dns<'a>(&mut self, payload: &Payload<'_>, mut bytes: &'a [u8]) -> Behind<'a> {
        while !bytes.is_empty() {
            let length = be16(bytes, 0).map(usize::from);
            let Some(message) = length.and_then(|length| bytes.get(2..)?.get(..length)) else {
                return Behind::Message(bytes, Incomplete { missing: 1 });
            };
            self.dns.message(payload.flow, payload.from, message, false, payload.now, &mut self.hosts);
            bytes = bytes.get(message.len().saturating_add(2)..).unwrap_or_default();
        }
        Behind::Nothing
    }

    fn keep(&mut self, payload: &Payload<'_>, bytes: &[u8], incomplete: Incomplete) -> bool {
        if bytes.len() >= MAX_MESSAGE {
            self.give_up(payload.flow, payload.from, bytes);
            return false;
        }
        if self.partial.len() >= MAX_MESSAGES {
            let oldest = self.partial.remove_oldest(i64::MAX);
            oldest.into_iter().for_each(|((flow, from), _, partial)| self.give_up(&flow, from, &partial.bytes));
        }
        let again_at = bytes.len().saturating_add(incomplete.missing);
        let partial = Partial { bytes: bytes.to_vec(), again_at };
        self.partial.insert((*payload.flow, payload.from), payload.now, partial);
        true
    }

    /// Counts what can be counted of a message whose end does not come.
    fn give_up(&mut self, flow: &FlowKey, from: Side, bytes: &[u8]) {
        // All that there will be, so whether it is incomplete does not matter.
        self.read_http(flow.peer(from.other()), bytes, true, &mut Vec::new());
    }

    /// Gives up the messages of a conversation whose ends have not come.
    pub fn forget(&mut self, flow: &FlowKey) {
        for side in [Side::Low, Side::High] {
            let partial = self.partial.remove(&(*flow, side));
            partial.into_iter().for_each(|(_, partial)| self.give_up(flow, side, &partial.bytes));
        }
    }
}

/// What is next when so many bytes of a body are still to come behind those of a payload that were captured.
fn body_next(left: usize, payload: &Payload<'_>) -> Next {
    let left = left.saturating_sub(payload.uncaptured());
    if left == 0 { Next::Message } else { Next::Body(u32::try_from(left).unwrap_or(u32::MAX)) }
}

impl Partial {
    /// Whether it may be whole now that so many bytes were added. Everything but the head of HTTP says at its beginning how
    /// long it is.
    fn is_worth_reading(&self, added: usize) -> bool {
        let before = self.bytes.len().saturating_sub(added);
        self.bytes.len() >= self.again_at || (is_http(&self.bytes) && ends_head(&self.bytes, before))
    }
}
