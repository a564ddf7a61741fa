//! Senders that routers have asked for smaller packets, where the message was cut before it says on which connection.

use crate::packet::Address;

/// The most senders that are remembered.
const MAX_SENDERS: usize = 16;

/// A sender that listens sends again at once what was too big.
const WITHIN: i64 = 1_000_000_000;

/// Those that were asked of late, and when.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shrinking(Vec<(Address, i64)>);

impl Shrinking {
    /// A router asks a sender.
    pub fn ask(&mut self, sender: Address, now: i64) {
        self.0.retain(|(other, _)| *other != sender);
        if self.0.len() >= MAX_SENDERS {
            self.0.remove(0);
        }
        self.0.push((sender, now));
    }

    /// Whether what a sender sends again may be what was too big.
    pub fn may_concern(&self, sender: Address, now: i64) -> bool {
        self.0.iter().any(|(asked, at)| *asked == sender && now.saturating_sub(*at) < WITHIN)
    }
}
