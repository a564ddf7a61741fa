//! What is to be recorded, and how.

use std::net::Ipv4Addr;

use jiff::Timestamp;

use crate::capture::filter::{Ends, PacketFilter};

#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) started: Timestamp,
    pub(crate) ended: Timestamp,
    pub(crate) machine: Ipv4Addr,
    /// 0 keeps packets whole.
    pub(crate) bytes_per_packet: i64,
    /// The file gets no longer than this; 0 for no limit.
    pub(crate) total_bytes: i64,
    pub(crate) filters: Vec<PacketFilter>,
    /// How much traffic there is, in percent of the usual.
    pub(crate) percent: u32,
    pub(crate) seed: u64,
}

impl Recording {
    /// Microseconds.
    pub(crate) fn length(&self) -> u64 {
        let length = self.ended.as_microsecond().saturating_sub(self.started.as_microsecond());
        u64::try_from(length).unwrap_or_default()
    }

    pub(crate) fn keeps(&self, ends: &Ends) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| filter.keeps(ends))
    }
}
