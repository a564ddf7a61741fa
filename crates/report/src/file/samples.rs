//! Files that are made for tests, and what is read from them.

use crate::bytes::ByteOrder;
use crate::file::fault::{Fault, FaultKind};
use crate::file::reader::Reader;
use crate::file::record::Record;

pub const SECOND: i64 = 1_000_000_000;

/// Types of blocks.
pub const SECTION_HEADER: u32 = 0x0a0d_0d0a;
pub const INTERFACE_DESCRIPTION: u32 = 1;
pub const OBSOLETE_PACKET: u32 = 2;
pub const SIMPLE_PACKET: u32 = 3;
pub const ENHANCED_PACKET: u32 = 6;

/// A packet as it came out, with its own bytes.
#[derive(Debug, PartialEq)]
pub struct Read {
    pub link_type: u16,
    pub time: Option<i64>,
    pub length: u32,
    pub bytes: Vec<u8>,
}

/// Reads a file whole and in pieces of several sizes, which must all come to the same.
pub fn read(file: &[u8]) -> (Vec<Read>, Option<Fault>) {
    let results = [file.len().max(1), 1, 2, 7, 13, 4096].map(|size| {
        let mut reader = Reader::default();
        let mut packets = Vec::new();
        for piece in file.chunks(size) {
            reader.push(piece, |record| {
                let Record { link_type, time, length, bytes, .. } = record;
                packets.push(Read { link_type, time, length, bytes: bytes.to_vec() });
            });
        }
        let fault = reader.end();
        assert!(reader.position() <= file.len() as u64);
        assert!(fault.is_some() || reader.position() == file.len() as u64);
        (packets, fault)
    });
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{results:?}");
    results.into_iter().next().unwrap()
}

pub fn whole(file: &[u8]) -> Vec<Read> {
    let (packets, fault) = read(file);
    assert_eq!(fault, None);
    packets
}

pub fn faulty(file: &[u8]) -> (usize, u64, FaultKind) {
    let (packets, fault) = read(file);
    let Fault { at, kind } = fault.expect("a fault");
    (packets.len(), at, kind)
}

pub fn packet(link_type: u16, time: i64, length: u32, bytes: &[u8]) -> Read {
    Read { link_type, time: Some(time), length, bytes: bytes.to_vec() }
}

/// Writes numbers in one byte order.
#[derive(Clone, Copy)]
pub struct Writer(pub ByteOrder);

pub const BOTH: [Writer; 2] = [Writer(ByteOrder::Little), Writer(ByteOrder::Big)];

impl Writer {
    pub fn u16(self, number: u16) -> Vec<u8> {
        if self.0 == ByteOrder::Big { number.to_be_bytes().to_vec() } else { number.to_le_bytes().to_vec() }
    }

    pub fn u32s<const N: usize>(self, numbers: [u32; N]) -> Vec<u8> {
        let big = numbers.iter().flat_map(|number| number.to_be_bytes());
        let little = numbers.iter().flat_map(|number| number.to_le_bytes());
        if self.0 == ByteOrder::Big { big.collect() } else { little.collect() }
    }

    pub fn pcap(self, magic: u32, link_type: u32) -> Vec<u8> {
        let versions = [self.u16(2), self.u16(4)].concat();
        [self.u32s([magic]), versions, self.u32s([0, 0, 65_535, link_type])].concat()
    }

    pub fn record(self, seconds: u32, fraction: u32, length: u32, bytes: &[u8]) -> Vec<u8> {
        [self.u32s([seconds, fraction, bytes.len() as u32, length]), bytes.to_vec()].concat()
    }

    pub fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
        let length = (body.len() + padding.len() + 12) as u32;
        [self.u32s([kind, length]), body.to_vec(), padding, self.u32s([length])].concat()
    }

    pub fn section(self) -> Vec<u8> {
        let body = [self.u32s([0x1a2b_3c4d]), self.u16(1), self.u16(0), vec![0xff; 8]].concat();
        self.block(SECTION_HEADER, &body)
    }

    pub fn interface(self, link_type: u16, snaplen: u32, options: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut body = [self.u16(link_type), self.u16(0), self.u32s([snaplen])].concat();
        for (code, value) in options {
            body.extend([self.u16(*code), self.u16(value.len() as u16), value.clone()].concat());
            body.resize(body.len().next_multiple_of(4), 0);
        }
        self.block(INTERFACE_DESCRIPTION, &body)
    }

    pub fn enhanced(self, interface: u32, units: u64, length: u32, bytes: &[u8]) -> Vec<u8> {
        let head = [interface, (units >> 32) as u32, units as u32, bytes.len() as u32, length];
        self.block(ENHANCED_PACKET, &[self.u32s(head), bytes.to_vec()].concat())
    }

    pub fn simple(self, length: u32, bytes: &[u8]) -> Vec<u8> {
        self.block(SIMPLE_PACKET, &[self.u32s([length]), bytes.to_vec()].concat())
    }

    pub fn obsolete(self, interface: u16, units: u64, length: u32, bytes: &[u8]) -> Vec<u8> {
        let words = self.u32s([(units >> 32) as u32, units as u32, bytes.len() as u32, length]);
        let body = [self.u16(interface), self.u16(7), words, bytes.to_vec()].concat();
        self.block(OBSOLETE_PACKET, &body)
    }
}
