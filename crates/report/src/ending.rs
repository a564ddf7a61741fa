//! How a connection ends that should not: it is reset in mid-stream, or it dies in a pause.

use crate::flow_key::Side;

/// A pause of this length or longer is one in which a firewall, a load balancer or NAT may forget a connection. None forgets
/// sooner, and people and programs that talk to each other seldom pause as long.
const IDLE: i64 = 5_000_000_000;

/// So often what was sent after a pause was lost, one after the other, where the connection is dead.
const DEAD_SENDS: u32 = 3;

/// What was sent after a pause, and nobody has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Idle {
    /// Who sent it.
    pub by: Side,
    /// Nanoseconds of the pause.
    pub pause: i64,
    sends: u32,
}

impl Idle {
    /// One side sends after a pause, if it is one.
    pub fn begin(by: Side, pause: i64) -> Option<Self> {
        (pause >= IDLE).then_some(Self { by, pause, sends: 1 })
    }

    pub fn sent_again(&mut self) {
        self.sends = self.sends.saturating_add(1);
    }

    pub fn is_dead(&self) -> bool {
        self.sends >= DEAD_SENDS
    }
}

/// A reset of a connection that neither side had ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reset {
    /// It answers what was sent after a pause of so many nanoseconds.
    AfterPause { by: Side, pause: i64 },
    /// In mid-stream. `is_receiving` says that the other side had sent what was not acknowledged.
    InStream { by: Side, is_receiving: bool },
}

impl Reset {
    /// Nothing for one that ends a connection on which nobody waits. `since_data` is how long ago either side sent data.
    pub fn new(by: Side, idle: Option<Idle>, since_data: Option<i64>, is_receiving: bool) -> Option<Self> {
        match idle {
            Some(idle) if idle.by != by => Some(Self::AfterPause { by, pause: idle.pause }),
            _ => since_data.filter(|since| *since < IDLE).map(|_| Self::InStream { by, is_receiving }),
        }
    }
}
