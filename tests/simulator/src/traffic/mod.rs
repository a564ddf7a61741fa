//! What a capture file holds. Classic pcap, little-endian, microseconds, Ethernet.

mod payload;
pub(crate) mod pcap;
pub(crate) mod recording;
mod scene;
mod wire;
