//! What is said over TCP: finds DNS, TLS and HTTP at the beginning of what a side sends, and reassembles a message that
//! came in several segments.

use crate::bytes::be16;
use crate::dns::{DNS_PORT, DnsStatistics};
use crate::flow_key::{FlowKey, Side};
use crate::http::{Answer, HttpStatistics, ends_head, is_http};
use crate::tls::{Said, TlsStatistics, is_tls};
use crate::waiting::Waiting;

/// The most bytes of a message that are reassembled. Hellos with post-quantum keys have 2 KB, and heads of HTTP are
/// refused by most servers beyond 8 KB.
const MAX_MESSAGE: usize = 16_384;

/// The most messages that are reassembled at one time: 4 MB, if all were of the largest size.
const MAX_MESSAGES: usize = 256;

/// What is said over TCP.
#[derive(Clone, Debug, Default)]
pub(crate) struct Application {
    pub dns: DnsStatistics,
    pub tls: TlsStatistics,
    pub http: HttpStatistics,
    partial: Waiting<(FlowKey, Side), Partial>,
}

#[derive(Clone, Debug)]
struct Partial {
    bytes: Vec<u8>,
    /// How many bytes there were when they were last read.
    read: usize,
}

/// A segment's payload, and what is known of it.
pub(crate) struct Payload<'a> {
    pub flow: &'a FlowKey,
    pub from: Side,
    pub bytes: &'a [u8],
    /// Whether all bytes were captured that were on the wire.
    pub is_whole: bool,
    /// Whether it follows what came before without a gap.
    pub follows: bool,
    pub now: i64,
}

/// What a segment says that matters for its connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    pub tls: Option<Said>,
    /// The server that a client asks for in TLS.
    pub server_name: Option<String>,
    /// An answer in HTTP.
    pub http: Option<Answer>,
}

impl Application {
    /// Reads new bytes of one side. `is_reassembling` says that the beginning of a message of this side is kept, and is
    /// set accordingly.
    pub fn read(&mut self, payload: &Payload<'_>, is_reassembling: &mut bool) -> Heard {
        if !*is_reassembling {
            let (heard, rest) = self.read_messages(payload, payload.bytes, !payload.is_whole);
            if let Some(rest) = rest {
                *is_reassembling = self.keep(payload, rest);
            }
            return heard;
        }
        let key = (*payload.flow, payload.from);
        let Some(partial) = self.partial.get_mut(&key) else {
            // It was evicted in favour of another one.
            *is_reassembling = false;
            return Heard::default();
        };
        if payload.follows {
            partial.bytes.extend_from_slice(payload.bytes);
        }
        let is_all = !payload.follows || !payload.is_whole || partial.bytes.len() >= MAX_MESSAGE;
        if !is_all && !partial.is_worth_reading(payload.bytes.len()) {
            return Heard::default();
        }
        let mut bytes = std::mem::take(&mut partial.bytes);
        let (heard, rest) = self.read_messages(payload, &bytes, is_all);
        *is_reassembling = rest.is_some();
        let read_bytes = bytes.len().saturating_sub(rest.map_or(0, <[u8]>::len));
        bytes.drain(..read_bytes);
        if bytes.is_empty() {
            self.partial.remove(&key);
        } else if let Some(partial) = self.partial.get_mut(&key) {
            *partial = Partial { read: bytes.len(), bytes };
        }
        heard
    }

    /// Reads messages, and hands back the beginning of one that is not whole.
    fn read_messages<'a>(&mut self, payload: &Payload<'_>, bytes: &'a [u8], is_all: bool) -> (Heard, Option<&'a [u8]>) {
        let has_dns = payload.flow.peers().iter().any(|peer| peer.port == DNS_PORT);
        let mut heard = Heard::default();
        let rest = if has_dns {
            self.read_dns(payload, bytes)
        } else if is_tls(bytes) {
            let said = self.tls.read(bytes, payload.now);
            heard.tls = said.unwrap_or_default();
            heard.server_name = self.tls.take_name();
            said.is_err().then_some(bytes)
        } else if is_http(bytes) {
            let answer = self.http.read(bytes, is_all);
            heard.http = answer.unwrap_or_default();
            answer.is_err().then_some(bytes)
        } else {
            None
        };
        (heard, rest.filter(|_| !is_all))
    }

    /// Each message has its length before it (RFC 1035, 4.2.2).
    fn read_dns<'a>(&mut self, payload: &Payload<'_>, mut bytes: &'a [u8]) -> Option<&'a [u8]> {
        while !bytes.is_empty() {
            let Some(length) = be16(bytes, 0) else { return Some(bytes) };
            let Some(message) = bytes.get(2..).and_then(|rest| rest.get(..usize::from(length))) else {
                return Some(bytes);
            };
            self.dns.message(payload.flow, payload.from, message, false, payload.now);
            bytes = bytes.get(usize::from(length).saturating_add(2)..).unwrap_or_default();
        }
        None
    }

    fn keep(&mut self, payload: &Payload<'_>, bytes: &[u8]) -> bool {
        if bytes.len() >= MAX_MESSAGE {
            return false;
        }
        if self.partial.len() >= MAX_MESSAGES {
            let oldest = self.partial.remove_oldest(i64::MAX);
            oldest.into_iter().for_each(|(_, _, partial)| self.give_up(&partial));
        }
        let partial = Partial { bytes: bytes.to_vec(), read: bytes.len() };
        self.partial.insert((*payload.flow, payload.from), payload.now, partial);
        true
    }

    /// Counts what can be counted of a message whose end does not come.
    fn give_up(&mut self, partial: &Partial) {
        if is_http(&partial.bytes) {
            // All that there will be, so whether it is incomplete does not matter.
            let _ = self.http.read(&partial.bytes, true);
        }
    }

    /// Gives up the messages of a conversation whose ends have not come.
    pub fn forget(&mut self, flow: &FlowKey) {
        for side in [Side::Low, Side::High] {
            let partial = self.partial.remove(&(*flow, side));
            partial.into_iter().for_each(|(_, partial)| self.give_up(&partial));
        }
    }
}

impl Partial {
    /// Whether it may be whole now that so many bytes were added. Everything but the head of HTTP says at its beginning how
    /// long it is. To read a head takes as long as it is long, so it is read again when its end has come, and else only when
    /// it has grown by half.
    fn is_worth_reading(&self, added: usize) -> bool {
        let before = self.bytes.len().saturating_sub(added);
        !is_http(&self.bytes)
            || ends_head(&self.bytes, before)
            || self.bytes.len() >= self.read.saturating_add(self.read / 2)
    }
}
