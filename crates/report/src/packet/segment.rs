//! The header of TCP, read from its fixed part: of a packet that was cut behind that, ports, numbers and flags still count.

use crate::bytes::{be16, be32};

/// Bytes of the header without options (RFC 9293, 3.1).
const FIXED: usize = 20;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// A TCP segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'a> {
    pub source_port: u16,
    pub destination_port: u16,
    pub seq: u32,
    pub ack: u32,
    flags: u8,
    /// Not scaled.
    pub window: u16,
    pub checksum: u16,
    /// Bytes of payload that were on the wire.
    pub length: u32,
    /// Those of them that were kept.
    pub payload: &'a [u8],
    /// Whether options were cut.
    pub is_header_cut: bool,
}

impl<'a> Segment<'a> {
    /// Reads a header of which the fixed part was kept. `length` is how many bytes of header and payload were on the wire.
    pub fn read(bytes: &'a [u8], length: usize) -> Option<Self> {
        let [offset, flags] = be16(bytes, 12)?.to_be_bytes();
        let header = usize::from(offset >> 4).saturating_mul(4);
        if header < FIXED {
            return None;
        }
        // The urgent pointer is the last field of the fixed part.
        be16(bytes, 18)?;
        Some(Self {
            source_port: be16(bytes, 0)?,
            destination_port: be16(bytes, 2)?,
            seq: be32(bytes, 4)?,
            ack: be32(bytes, 8)?,
            flags,
            window: be16(bytes, 14)?,
            checksum: be16(bytes, 16)?,
            length: u32::try_from(length.saturating_sub(header)).unwrap_or(u32::MAX),
            payload: bytes.get(header..).unwrap_or_default(),
            is_header_cut: bytes.len() < header,
        })
    }

    pub fn syn(&self) -> bool {
        self.flags & SYN != 0
    }

    pub fn is_ack(&self) -> bool {
        self.flags & ACK != 0
    }

    pub fn fin(&self) -> bool {
        self.flags & FIN != 0
    }

    pub fn rst(&self) -> bool {
        self.flags & RST != 0
    }

    /// Neither begins nor ends a connection.
    pub fn is_plain(&self) -> bool {
        self.flags & (SYN | FIN | RST) == 0
    }

    /// The sequence number after it; SYN and FIN count as a byte.
    pub fn end(&self) -> u32 {
        self.seq.wrapping_add(self.length).wrapping_add(u32::from(self.syn() || self.fin()))
    }

    /// All flags, as the header has them.
    pub fn flags(&self) -> u8 {
        self.flags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A SYN with 20 bytes of options, as Linux sends it.
    const HEADER: [u8; 40] = {
        let mut header = [1; 40];
        header[12] = 0xa0;
        header[13] = SYN;
        header
    };

    #[test]
    fn a_header_of_which_the_options_were_cut_is_read() {
        for kept in FIXED..=HEADER.len() {
            let segment = Segment::read(&HEADER[..kept], 40).unwrap();
            assert!(segment.syn() && !segment.is_ack() && segment.payload.is_empty(), "{kept}");
            assert_eq!((segment.source_port, segment.length), (0x0101, 0), "{kept}");
        }
        for kept in 0..FIXED {
            assert!(Segment::read(&HEADER[..kept], 40).is_none(), "{kept}");
        }
    }

    #[test]
    fn a_header_that_says_it_is_shorter_than_it_can_be_is_none() {
        let mut header = HEADER;
        header[12] = 0x40;
        assert!(Segment::read(&header, 40).is_none());
    }
}
