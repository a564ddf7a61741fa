//! What is said over TCP: finds DNS, TLS and HTTP at the beginning of what an end sends, and puts a message together that
//! came in several segments.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::bytes::be16;
use crate::dns::{DNS_PORT, Resolver};
use crate::flows::{End, FlowKey};
use crate::http::{Exchanges, is_http};
use crate::tls::{Handshakes, Hello, is_tls};

/// The most bytes of a message that are put together. Hellos with post-quantum keys have 2 KB, and heads of HTTP are
/// refused by most servers beyond 8 KB.
const MAX_MESSAGE: usize = 16_384;

/// The most messages that are put together at one time: 4 MB, if all were of the largest size.
const MAX_MESSAGES: usize = 256;

/// What came of reading a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read<T> {
    /// All that matters was there.
    Done(T),
    /// More is needed.
    Incomplete,
}

/// What is said over TCP.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    pub dns: Resolver,
    pub tls: Handshakes,
    pub http: Exchanges,
    partial: HashMap<(FlowKey, End), Partial, RandomState>,
    begun: u64,
}

#[derive(Clone, Debug)]
struct Partial {
    bytes: Vec<u8>,
    number: u64,
}

/// A segment's payload, and what is known of it.
pub(super) struct Payload<'a> {
    pub flow: &'a FlowKey,
    pub from: End,
    pub bytes: &'a [u8],
    /// Whether all bytes were captured that were on the wire.
    pub is_whole: bool,
    /// Whether it follows what came before without a gap.
    pub follows: bool,
    pub now: i64,
}

impl Content {
    /// Reads new bytes of one end. `is_joining` says that the beginning of a message of this end is kept, and is set
    /// accordingly.
    pub fn read(&mut self, payload: &Payload<'_>, is_joining: &mut bool) -> Option<Hello> {
        if !*is_joining {
            let (read, rest) = self.read_messages(payload, payload.bytes, !payload.is_whole);
            if let Some(rest) = rest {
                *is_joining = self.keep(payload, rest);
            }
            return read;
        }
        let key = (*payload.flow, payload.from);
        let Some(mut partial) = self.partial.remove(&key) else {
            // It was given up in favour of another one.
            *is_joining = false;
            return None;
        };
        if payload.follows {
            partial.bytes.extend_from_slice(payload.bytes);
        }
        let is_all = !payload.follows || !payload.is_whole || partial.bytes.len() >= MAX_MESSAGE;
        let (read, rest) = self.read_messages(payload, &partial.bytes, is_all);
        *is_joining = rest.is_some();
        if let Some(rest) = rest {
            let read_bytes = partial.bytes.len().saturating_sub(rest.len());
            partial.bytes.drain(..read_bytes);
            self.partial.insert(key, partial);
        }
        read
    }

    /// Reads messages, and hands back the beginning of one that is not whole.
    fn read_messages<'a>(
        &mut self,
        payload: &Payload<'_>,
        bytes: &'a [u8],
        is_all: bool,
    ) -> (Option<Hello>, Option<&'a [u8]>) {
        let has_dns = payload.flow.ends().iter().any(|end| end.port == DNS_PORT);
        let (read, rest) = if has_dns {
            (None, self.read_dns(payload, bytes))
        } else if is_tls(bytes) {
            match self.tls.read(bytes, payload.now) {
                Read::Done(hello) => (hello, None),
                Read::Incomplete => (None, Some(bytes)),
            }
        } else if is_http(bytes) {
            (None, (self.http.read(bytes, is_all) == Read::Incomplete).then_some(bytes))
        } else {
            (None, None)
        };
        (read, rest.filter(|_| !is_all))
    }

    /// Each message has its length before it (RFC 1035, 4.2.2).
    fn read_dns<'a>(&mut self, payload: &Payload<'_>, mut bytes: &'a [u8]) -> Option<&'a [u8]> {
        while !bytes.is_empty() {
            let Some(length) = be16(bytes, 0) else { return Some(bytes) };
            let Some(message) = bytes.get(2..).and_then(|rest| rest.get(..usize::from(length))) else {
                return Some(bytes);
            };
            self.dns.message(payload.flow, payload.from, message, payload.now);
            bytes = bytes.get(usize::from(length).saturating_add(2)..).unwrap_or_default();
        }
        None
    }

    fn keep(&mut self, payload: &Payload<'_>, bytes: &[u8]) -> bool {
        if bytes.len() >= MAX_MESSAGE {
            return false;
        }
        if self.partial.len() >= MAX_MESSAGES {
            let oldest = self.partial.iter().min_by_key(|(_, partial)| partial.number).map(|(key, _)| *key);
            oldest.into_iter().for_each(|key| self.give_up(&key));
        }
        self.begun = self.begun.saturating_add(1);
        let partial = Partial { bytes: bytes.to_vec(), number: self.begun };
        self.partial.insert((*payload.flow, payload.from), partial);
        true
    }

    /// Counts what can be counted of a message whose end does not come.
    fn give_up(&mut self, key: &(FlowKey, End)) {
        if let Some(partial) = self.partial.remove(key)
            && is_http(&partial.bytes)
        {
            self.http.read(&partial.bytes, true);
        }
    }

    /// Gives up what an end of a conversation has begun to say.
    pub fn forget(&mut self, flow: &FlowKey) {
        self.give_up(&(*flow, End::Low));
        self.give_up(&(*flow, End::High));
    }
}
