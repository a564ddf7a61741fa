//! Who talks to whom now: a table of conversations that does not grow without end.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use foldhash::fast::RandomState;

use crate::connection::Connection;
use crate::flow_key::{FlowKey, Side};
use crate::quic::Opening;
use crate::top::Weight;

/// The most conversations at one time. With their connections they take about 18 MB, and twice as much where something is said
/// on all of them.
pub(crate) const MAX_FLOWS: usize = 50_000;

/// What is counted of a conversation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flow {
    /// What each side has sent.
    pub sent: [Weight; 2],
    /// The side that was the first to send.
    pub begun_by: Side,
    pub tcp: Option<Box<Connection>>,
    pub quic: Opening,
}

impl Flow {
    pub fn count(&mut self, from: Side, bytes: u64) {
        from.of(self.sent.each_mut()).add(Weight { bytes, packets: 1 });
    }

    /// Begins another conversation between the same peers, and hands back the one that is over.
    pub fn begin_again(&mut self, from: Side) -> Self {
        let next = Self { begun_by: from, ..Self::default() };
        std::mem::replace(self, next)
    }

    pub fn sent_by(&self, side: Side) -> Weight {
        side.of(self.sent)
    }
}

/// The conversations. They are in two generations: whatever is heard of is in the young one, and when that is full, what
/// has not been heard of since it began is forgotten. So neither table ever grows beyond its limit.
#[derive(Clone, Debug)]
pub(crate) struct Flows {
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
    pub fn entry(&mut self, key: FlowKey, from: Side, close: impl FnMut(FlowKey, Flow)) -> &mut Flow {
        if self.young.len() >= self.limit && !self.young.contains_key(&key) {
            self.rotate(close);
        }
        match self.young.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let known = self.old.remove(&key);
                place.insert(known.unwrap_or_else(|| Flow { begun_by: from, ..Flow::default() }))
            }
        }
    }

    /// A conversation that is known.
    pub fn get_mut(&mut self, key: &FlowKey) -> Option<&mut Flow> {
        self.young.get_mut(key).or_else(|| self.old.get_mut(key))
    }

    fn rotate(&mut self, close: impl FnMut(FlowKey, Flow)) {
        self.forgotten = self.forgotten.saturating_add(self.old.len() as u64);
        close_in_order(&mut self.old, close);
        std::mem::swap(&mut self.young, &mut self.old);
    }

    /// How many were forgotten.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Hands all over.
    pub fn drain(&mut self, mut close: impl FnMut(FlowKey, Flow)) {
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
    use crate::flow_key::Peer;
    use crate::packet::Address;

    fn key(number: u32) -> FlowKey {
        let peer = |port| Peer { address: Address::from(Ipv4Addr::from_bits(number)), port };
        FlowKey::new(peer(1), peer(2), 6, false).0
    }

    #[test]
    fn what_is_silent_is_forgotten_and_nothing_else() {
        let mut flows = Flows::new(100);
        let mut closed = Vec::new();
        for number in 0..10_000 {
            flows.entry(key(number), Side::Low, |key, flow| closed.push((key, flow))).count(Side::Low, 10);
            // One that goes on.
            flows.entry(key(7), Side::Low, |key, flow| closed.push((key, flow))).count(Side::High, 1);
            assert!(flows.young.len() + flows.old.len() <= 101);
        }
        assert_eq!(flows.forgotten(), closed.len() as u64);
        flows.drain(|key, flow| closed.push((key, flow)));
        assert_eq!(closed.len(), 10_000);
        let (_, goes_on) = closed.iter().find(|(one, _)| *one == key(7)).unwrap();
        assert_eq!((goes_on.sent_by(Side::High).packets, goes_on.sent_by(Side::Low).bytes), (10_000, 10));
        assert!(flows.young.capacity() < 200 && flows.old.capacity() < 200, "tables do not grow");
    }
}
