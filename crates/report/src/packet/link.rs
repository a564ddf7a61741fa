//! Link layers (tcpdump.org, "Link-layer header types").

use crate::bytes::{be16, be32};
use crate::file::Record;
use crate::packet::layers::Frame;

/// A link type's name, for those that people meet.
pub(crate) fn link_type_name(link_type: u16) -> &'static str {
    match link_type {
        0 => "null",
        1 => "ethernet",
        12 | 14 | 101 => "raw-ip",
        105 => "ieee802.11",
        108 => "loop",
        113 => "linux-sll",
        127 => "ieee802.11-radiotap",
        228 => "ipv4",
        229 => "ipv6",
        239 => "nflog",
        276 => "linux-sll2",
        _ => "other",
    }
}

/// Finds the first header that is the same for all link types; nothing for one that nightcap does not know.
pub(super) fn link<'a>(record: &Record<'a>) -> Option<Frame<'a>> {
    let bytes = record.bytes;
    let after = |header: usize| bytes.get(header..).unwrap_or_default();
    match record.link_type {
        1 => Some(Frame::Ethernet(bytes)),
        12 | 14 | 101 | 228 | 229 => Some(Frame::Ip(bytes)),
        // The address family, in the byte order of the machine that captured or in that of the network.
        0 | 108 => match be32(bytes, 0).map(|family| family.min(family.swap_bytes())) {
            // IPv6's number is another one on Linux, Windows, NetBSD and OpenBSD, FreeBSD, and macOS.
            Some(2 | 10 | 23 | 24 | 28 | 30) => Some(Frame::Ip(after(4))),
            _ => Some(Frame::EtherType(0, after(4))),
        },
        // The protocol is the last field of one header and the first of the other.
        113 => Some(Frame::EtherType(be16(bytes, 14).unwrap_or_default(), after(16))),
        276 => Some(Frame::EtherType(be16(bytes, 0).unwrap_or_default(), after(20))),
        _ => None,
    }
}
