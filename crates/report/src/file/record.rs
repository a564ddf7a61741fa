//! One packet, as a file has it.

/// The most bytes of one packet that a file may hold. libpcap and Wireshark refuse more for every link type of a
/// network, and `pcap-parser` takes any length, so that four wrong bytes would have us wait for 4 GiB.
pub(super) const MAX_PACKET: u32 = 262_144;

/// Stands in for what has no link type of its own.
pub(super) const NO_LINK_TYPE: u16 = u16::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    /// What its first bytes are (LINKTYPE_ values of tcpdump.org).
    pub link_type: u16,
    /// Nanoseconds since the beginning of 1970 in UTC. Simple packets of pcapng have none.
    pub time: Option<i64>,
    /// Whether it has none because the file tells one that is none.
    pub has_odd_time: bool,
    /// Bytes that were on the wire.
    pub length: u32,
    /// Those of them that were kept.
    pub bytes: &'a [u8],
}
