//! Who talks to whom now: a table of conversations that does not grow without end.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{Hash, Hasher};

use foldhash::fast::RandomState;

use crate::packet::Address;
use crate::tcp::Connection;
use crate::top::Weight;

/// The most conversations at one time. With their connections they take about 15 MB.
pub(super) const MAX_FLOWS: usize = 50_000;

/// Which end of a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum End {
    /// The one with the lower address and port.
    #[default]
    Low,
    /// The other one.
    High,
}

impl End {
    pub fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }

    /// What one of two belongs to this end.
    pub fn of<T>(self, [low, high]: [T; 2]) -> T {
        match self {
            Self::Low => low,
            Self::High => high,
        }
    }
}

/// One end of a conversation, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Peer {
    pub address: Address,
    /// 0 for protocols without ports.
    pub port: u16,
}

/// A conversation: both ends, the lower one first, and the protocol between them. What is in a tunnel is kept apart
/// from what is not, for a file may hold packets both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FlowKey {
    addresses: [Address; 2],
    ports: [u16; 2],
    pub protocol: u8,
    pub is_tunnelled: bool,
}

impl Hash for FlowKey {
    /// As derived, but in few large numbers: this is done for every packet.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [low, high] = self.addresses;
        let [low_port, high_port] = self.ports.map(u64::from);
        low.hash(state);
        high.hash(state);
        let rest = u64::from(self.protocol) << 8 | u64::from(self.is_tunnelled);
        state.write_u64(low_port << 48 | high_port << 32 | rest);
    }
}

impl FlowKey {
    /// The conversation of a packet, and which end sent it.
    pub fn new(source: Peer, destination: Peer, protocol: u8, is_tunnelled: bool) -> (Self, End) {
        let is_upward = source <= destination;
        let (low, high, from) =
            if is_upward { (source, destination, End::Low) } else { (destination, source, End::High) };
        let (addresses, ports) = ([low.address, high.address], [low.port, high.port]);
        (Self { addresses, ports, protocol, is_tunnelled }, from)
    }

    pub fn end(&self, end: End) -> Peer {
        Peer { address: end.of(self.addresses), port: end.of(self.ports) }
    }

    pub fn ends(&self) -> [Peer; 2] {
        [self.end(End::Low), self.end(End::High)]
    }
}

/// What is counted of a conversation.
#[derive(Clone, Debug, Default)]
pub(super) struct Flow {
    /// What each end has sent.
    pub sent: [Weight; 2],
    /// The end that was the first to send.
    pub begun_by: End,
    pub tcp: Option<Box<Connection>>,
}

impl Flow {
    pub fn count(&mut self, from: End, bytes: u64) {
        from.of(self.sent.each_mut()).add(Weight { bytes, packets: 1 });
    }

    /// Begins another conversation between the same ends, and hands back the one that is over.
    pub fn begin_again(&mut self, from: End) -> Self {
        let next = Self { begun_by: from, ..Self::default() };
        std::mem::replace(self, next)
    }

    pub fn sent_by(&self, end: End) -> Weight {
        end.of(self.sent)
    }
}

/// The conversations. They are in two generations: whatever is heard of is in the young one, and when that is full, what
/// has not been heard of since it began is forgotten. So neither table ever grows beyond its limit.
#[derive(Clone, Debug)]
pub(super) struct Flows {
    young: Generation,
    old: Generation,
    limit: usize,
    forgotten: u64,
}

type Generation = HashMap<FlowKey, Flow, RandomState>;

impl Flows {
    /// A table that forgets conversations when there are more than so many.
    pub fn new(limit: usize) -> Self {
        Self { young: HashMap::default(), old: HashMap::default(), limit: limit / 2, forgotten: 0 }
    }

    /// The conversation of a packet. Those that are forgotten are handed over.
    pub fn of(&mut self, key: FlowKey, from: End, close: impl FnMut(FlowKey, Flow)) -> &mut Flow {
        if self.young.len() >= self.limit && !self.young.contains_key(&key) {
            self.turn(close);
        }
        match self.young.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let known = self.old.remove(&key);
                place.insert(known.unwrap_or_else(|| Flow { begun_by: from, ..Flow::default() }))
            }
        }
    }

    fn turn(&mut self, close: impl FnMut(FlowKey, Flow)) {
        self.forgotten = self.forgotten.saturating_add(self.old.len() as u64);
        close_in_order(&mut self.old, close);
        std::mem::swap(&mut self.young, &mut self.old);
    }

    /// How many were forgotten.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Hands all over.
    pub fn close_all(&mut self, mut close: impl FnMut(FlowKey, Flow)) {
        close_in_order(&mut self.old, &mut close);
        close_in_order(&mut self.young, &mut close);
    }
}

/// Always in one order, for what is closed may be forgotten in its turn.
fn close_in_order(flows: &mut Generation, mut close: impl FnMut(FlowKey, Flow)) {
    let mut all: Vec<(FlowKey, Flow)> = flows.drain().collect();
    all.sort_unstable_by_key(|(key, _)| *key);
    all.into_iter().for_each(|(key, flow)| close(key, flow));
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn key(number: u32) -> FlowKey {
        let peer = |port| Peer { address: Address::from(Ipv4Addr::from_bits(number)), port };
        FlowKey::new(peer(1), peer(2), 6, false).0
    }

    #[test]
    fn ends_are_in_one_order_whoever_sends() {
        let peer = |port| Peer { address: Address::default(), port };
        let (key, from) = FlowKey::new(peer(9), peer(7), 6, false);
        assert_eq!((key.end(End::Low).port, key.end(End::High).port, from), (7, 9, End::High));
        assert_eq!(FlowKey::new(peer(7), peer(9), 6, false), (key, End::Low));
    }

    #[test]
    fn what_is_silent_is_forgotten_and_nothing_else() {
        let mut flows = Flows::new(100);
        let mut closed = Vec::new();
        for number in 0..10_000 {
            flows.of(key(number), End::Low, |key, flow| closed.push((key, flow))).count(End::Low, 10);
            // One that goes on.
            flows.of(key(7), End::Low, |key, flow| closed.push((key, flow))).count(End::High, 1);
            assert!(flows.young.len() + flows.old.len() <= 101);
        }
        assert_eq!(flows.forgotten(), closed.len() as u64);
        flows.close_all(|key, flow| closed.push((key, flow)));
        assert_eq!(closed.len(), 10_000);
        let (_, goes_on) = closed.iter().find(|(one, _)| *one == key(7)).unwrap();
        assert_eq!((goes_on.sent_by(End::High).packets, goes_on.sent_by(End::Low).bytes), (10_000, 10));
        assert!(flows.young.capacity() < 200 && flows.old.capacity() < 200, "tables do not grow");
    }
}
