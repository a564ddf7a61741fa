//! Takes a capture file apart into packets, as its bytes arrive.
//!
//! Bytes are pushed in pieces of any size, and packets come out one at a time. Nothing is copied but the beginning of a
//! record whose end is still to come. `pcap-parser` reads the records of pcap and pcapng; what is ours is where they end, how
//! long they may be, and when they were.
//!
//! Formats: pcap (draft-ietf-opsawg-pcap) in both byte orders, with microseconds, nanoseconds, or the longer record
//! headers of "modified" pcap; pcapng (draft-ietf-opsawg-pcapng) with any number of sections and interfaces; Microsoft
//! Network Monitor 1.x and 2.x.

mod fault;
mod format;
mod interface;
mod netmon;
mod pcap;
mod pcapng;
mod progress;
mod reader;
mod record;
#[cfg(test)]
mod samples;

pub use fault::Fault;
pub(crate) use fault::FaultKind;
pub(crate) use reader::Reader;
pub(crate) use record::Record;
