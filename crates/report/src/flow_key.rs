//! What makes packets one conversation: both sides, and the protocol between them.

use std::hash::{Hash, Hasher};

use crate::packet::Address;

/// Which side of a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Side {
    /// The one with the lower address and port.
    #[default]
    Low,
    /// The other one.
    High,
}

impl Side {
    pub fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }

    /// The one of two that belongs to this side.
    pub fn of<T>(self, [low, high]: [T; 2]) -> T {
        match self {
            Self::Low => low,
            Self::High => high,
        }
    }
}

/// One side of a conversation, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Peer {
    pub address: Address,
    /// 0 for protocols without ports.
    pub port: u16,
}

/// A conversation: both sides, the lower one first, and the protocol between them. What is in a tunnel is kept apart
/// from what is not, for a file may hold packets both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FlowKey {
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
    /// The conversation of a packet, and which side sent it.
    pub fn new(source: Peer, destination: Peer, protocol: u8, is_tunnelled: bool) -> (Self, Side) {
        let is_upward = source <= destination;
        let (low, high, from) =
            if is_upward { (source, destination, Side::Low) } else { (destination, source, Side::High) };
        let (addresses, ports) = ([low.address, high.address], [low.port, high.port]);
        (Self { addresses, ports, protocol, is_tunnelled }, from)
    }

    pub fn peer(&self, side: Side) -> Peer {
        Peer { address: side.of(self.addresses), port: side.of(self.ports) }
    }

    pub fn peers(&self) -> [Peer; 2] {
        [self.peer(Side::Low), self.peer(Side::High)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_in_one_order_whoever_sends() {
        let peer = |port| Peer { address: Address::default(), port };
        let (key, from) = FlowKey::new(peer(9), peer(7), 6, false);
        assert_eq!((key.peer(Side::Low).port, key.peer(Side::High).port, from), (7, 9, Side::High));
        assert_eq!(FlowKey::new(peer(7), peer(9), 6, false), (key, Side::Low));
    }
}
