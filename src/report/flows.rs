//! Who talks to whom now: a table of conversations that does not grow without end.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::report::packet::Address;
use crate::report::tcp::{Connection, End};
use crate::report::top::Weight;

/// The most conversations at one time. With their connections they take about 16 MB.
pub(super) const MAX_FLOWS: usize = 50_000;

/// One end of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Peer {
    pub address: Address,
    /// 0 for protocols without ports.
    pub port: u16,
}

/// A conversation: both ends, the lower one first, and the protocol between them. What is in a tunnel is kept apart
/// from what is not, for a file may hold packets both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FlowKey {
    pub ends: [Peer; 2],
    pub protocol: u8,
    pub is_tunnelled: bool,
}

impl FlowKey {
    /// The conversation of a packet, and which end sent it.
    pub fn new(source: Peer, destination: Peer, protocol: u8, is_tunnelled: bool) -> (Self, End) {
        let (ends, from) = if source <= destination { ([source, destination], 0) } else { ([destination, source], 1) };
        (Self { ends, protocol, is_tunnelled }, from)
    }

    pub fn end(&self, end: End) -> Peer {
        let [low, high] = self.ends;
        if end == 0 { low } else { high }
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
    /// When it last sent anything, in packets of the file.
    touched: u64,
}

impl Flow {
    pub fn count(&mut self, from: End, bytes: u64) {
        self.sent.iter_mut().skip(from).take(1).for_each(|sent| sent.add(Weight { bytes, packets: 1 }));
    }

    /// Begins another conversation between the same ends, and hands back the one that is over.
    pub fn begin_again(&mut self, from: End) -> Self {
        let next = Self { begun_by: from, touched: self.touched, ..Self::default() };
        std::mem::replace(self, next)
    }

    pub fn sent_by(&self, end: End) -> Weight {
        let [low, high] = self.sent;
        if end == 0 { low } else { high }
    }
}

/// The conversations.
#[derive(Clone, Debug)]
pub(super) struct Flows {
    flows: HashMap<FlowKey, Flow, RandomState>,
    limit: usize,
    packets: u64,
    evicted: u64,
}

impl Flows {
    pub fn new(limit: usize) -> Self {
        Self { flows: HashMap::default(), limit, packets: 0, evicted: 0 }
    }

    /// The conversation of a packet. When there are too many, the quarter that has been silent for longest is handed over
    /// and forgotten.
    pub fn of(&mut self, key: FlowKey, from: End, close: impl FnMut(FlowKey, Flow)) -> &mut Flow {
        if self.flows.len() >= self.limit && !self.flows.contains_key(&key) {
            self.evict(close);
        }
        self.packets = self.packets.saturating_add(1);
        let flow = self.flows.entry(key).or_insert_with(|| Flow { begun_by: from, ..Flow::default() });
        flow.touched = self.packets;
        flow
    }

    fn evict(&mut self, mut close: impl FnMut(FlowKey, Flow)) {
        let mut touched: Vec<u64> = self.flows.values().map(|flow| flow.touched).collect();
        let place = touched.len() / 4;
        let threshold = if place < touched.len() { *touched.select_nth_unstable(place).1 } else { u64::MAX };
        let mut old: Vec<(FlowKey, Flow)> = self.flows.extract_if(|_, flow| flow.touched <= threshold).collect();
        self.evicted = self.evicted.saturating_add(old.len() as u64);
        // In one order always, for what is closed may be forgotten in its turn.
        old.sort_unstable_by_key(|(_, flow)| flow.touched);
        old.into_iter().for_each(|(key, flow)| close(key, flow));
    }

    /// How many were forgotten.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Hands all over, the longest silent first.
    pub fn close_all(&mut self, mut close: impl FnMut(FlowKey, Flow)) {
        let mut all: Vec<(FlowKey, Flow)> = std::mem::take(&mut self.flows).into_iter().collect();
        all.sort_unstable_by_key(|(_, flow)| flow.touched);
        all.into_iter().for_each(|(key, flow)| close(key, flow));
    }
}
