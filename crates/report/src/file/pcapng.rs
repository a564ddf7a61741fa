//! pcapng: a file of blocks, each with its length before and behind it, in sections of either byte order.

use pcap_parser::{
    PcapError, nom, parse_enhancedpacketblock_be, parse_enhancedpacketblock_le, parse_interfacedescriptionblock_be,
    parse_interfacedescriptionblock_le, parse_sectionheaderblock, parse_simplepacketblock_be,
    parse_simplepacketblock_le,
};

use crate::bytes::ByteOrder;
use crate::file::fault::FaultKind;
use crate::file::interface::{Interface, MAX_INTERFACES};
use crate::file::progress::Progress;
use crate::file::record::{MAX_PACKET, Record};

/// How a section, and so the file, begins; the same in both byte orders.
pub(super) const MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

/// The most bytes of a block that is kept in memory: a packet, and 64 KiB of options.
const MAX_BLOCK_READ: u32 = 327_680;

/// The most bytes of any block, as in Wireshark. Blocks without packets are skipped rather than kept.
const MAX_BLOCK: u32 = 16_777_216;

/// What surrounds a block's body: its type and length before it, and its length once more behind it.
const HEAD: usize = 8;
const TRAILER: usize = 4;

/// What is known between two blocks.
#[derive(Clone, Debug, Default)]
pub(super) struct Pcapng {
    /// None before the header of the first one.
    section: Option<Section>,
    /// The block that is being skipped.
    skipped: Option<SkippedBlock>,
    pub sections: u64,
    /// Interfaces of all sections.
    pub interfaces: u64,
    /// Blocks that hold neither a packet nor an interface.
    pub skipped_blocks: u64,
}

#[derive(Clone, Debug)]
struct Section {
    order: ByteOrder,
    interfaces: Vec<Interface>,
}

/// A block that nobody reads, and that is not kept.
#[derive(Clone, Copy, Debug)]
struct SkippedBlock {
    length: u32,
    /// Bytes of its body that are still to come.
    rest: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BlockType {
    SectionHeader,
    InterfaceDescription,
    EnhancedPacket,
    SimplePacket,
    /// The Packet Block, which pcapng no longer has and `pcap-parser` does not know.
    ObsoletePacket,
    /// Names, statistics, comments.
    Other,
}

impl From<u32> for BlockType {
    fn from(number: u32) -> Self {
        match number {
            0x0a0d_0d0a => Self::SectionHeader,
            1 => Self::InterfaceDescription,
            2 => Self::ObsoletePacket,
            3 => Self::SimplePacket,
            6 => Self::EnhancedPacket,
            _ => Self::Other,
        }
    }
}

impl Pcapng {
    /// Whether the last bytes that were read were not the end of a block.
    pub fn is_within_block(&self) -> bool {
        self.skipped.is_some()
    }

    /// Reads one block from the beginning of these bytes, or a part of one that is skipped.
    pub fn read(&mut self, bytes: &[u8], packet: &mut impl FnMut(Record<'_>)) -> Result<Progress, FaultKind> {
        if let Some(block) = self.skipped {
            return self.skip(block, bytes);
        }
        let is_section = bytes.starts_with(&MAGIC);
        // A section's byte order stands behind its length.
        let head = if is_section { HEAD.saturating_add(4) } else { HEAD };
        if bytes.len() < head {
            return Ok(Progress::Needs(head));
        }
        let order = if is_section { section_order(bytes)? } else { self.section()?.order };
        let word = |at| order.u32(bytes, at).ok_or(FaultKind::MalformedBlock);
        let (block_type, length) = (BlockType::from(word(0)?), word(4)?);
        if length == 0 && word(0)? == 0 {
            return Err(FaultKind::ZeroTail);
        }
        if length < 12 || !length.is_multiple_of(4) || length > MAX_BLOCK {
            return Err(FaultKind::BadBlockLength { length });
        }
        let size = length as usize;
        if block_type == BlockType::Other {
            self.skipped_blocks = self.skipped_blocks.saturating_add(1);
            self.skipped = Some(SkippedBlock { length, rest: size.saturating_sub(HEAD).saturating_sub(TRAILER) });
            return Ok(Progress::Read(HEAD));
        }
        if length > MAX_BLOCK_READ {
            return Err(FaultKind::RecordTooLong { length });
        }
        let Some(block) = bytes.get(..size) else { return Ok(Progress::Needs(size)) };
        // `pcap-parser` does not compare these in every type of block.
        if order.u32(block, size.saturating_sub(TRAILER)) != Some(length) {
            return Err(FaultKind::BadBlockLength { length });
        }
        self.read_block(block_type, order, block, packet)?;
        Ok(Progress::Read(size))
    }

    fn section(&mut self) -> Result<&mut Section, FaultKind> {
        self.section.as_mut().ok_or(FaultKind::MalformedBlock)
    }

    /// Passes over the body of a block, and compares the length behind it with the one before it.
    fn skip(&mut self, block: SkippedBlock, bytes: &[u8]) -> Result<Progress, FaultKind> {
        let SkippedBlock { length, rest } = block;
        if rest > 0 {
            let passed = rest.min(bytes.len());
            self.skipped = Some(SkippedBlock { length, rest: rest.saturating_sub(passed) });
            return Ok(Progress::Read(passed));
        }
        match bytes.get(..TRAILER) {
            None => Ok(Progress::Needs(TRAILER)),
            Some(trailer) if self.section()?.order.u32(trailer, 0) == Some(length) => {
                self.skipped = None;
                Ok(Progress::Read(TRAILER))
            }
            Some(_) => Err(FaultKind::BadBlockLength { length }),
        }
    }

    fn read_block(
        &mut self,
        block_type: BlockType,
        order: ByteOrder,
        block: &[u8],
        packet: &mut impl FnMut(Record<'_>),
    ) -> Result<(), FaultKind> {
        match block_type {
            BlockType::SectionHeader => {
                whole(parse_sectionheaderblock(block))?;
                self.section = Some(Section { order, interfaces: Vec::new() });
                self.sections = self.sections.saturating_add(1);
            }
            BlockType::InterfaceDescription => {
                self.section()?.add_interface(block)?;
                self.interfaces = self.interfaces.saturating_add(1);
            }
            BlockType::EnhancedPacket => packet(self.section()?.enhanced_packet(block)?),
            BlockType::SimplePacket => packet(self.section()?.simple_packet(block)?),
            BlockType::ObsoletePacket => packet(self.section()?.obsolete_packet(block)?),
            BlockType::Other => {}
        }
        Ok(())
    }
}

/// The byte order in which a section's header is written says that of the section.
fn section_order(header: &[u8]) -> Result<ByteOrder, FaultKind> {
    [ByteOrder::Big, ByteOrder::Little]
        .into_iter()
        .find(|order| order.u32(header, HEAD) == Some(BYTE_ORDER_MAGIC))
        .ok_or(FaultKind::MalformedBlock)
}

/// A block, which was all there.
fn whole<B>(parsed: nom::IResult<&[u8], B, PcapError<&[u8]>>) -> Result<B, FaultKind> {
    parsed.map(|(_, block)| block).map_err(|_| FaultKind::MalformedBlock)
}

fn up_to(bytes: &[u8], most: u32) -> &[u8] {
    bytes.get(..most as usize).unwrap_or(bytes)
}

fn checked_length(kept: u32) -> Result<(), FaultKind> {
    if kept > MAX_PACKET { Err(FaultKind::RecordTooLong { length: kept }) } else { Ok(()) }
}

/// Each type of block has its own parser here, for the one that reads any brings those of all types.
impl Section {
    fn is_big(&self) -> bool {
        self.order == ByteOrder::Big
    }

    fn interface(&self, interface: u32) -> Result<&Interface, FaultKind> {
        let index = usize::try_from(interface).unwrap_or(usize::MAX);
        self.interfaces.get(index).ok_or(FaultKind::UnknownInterface { interface })
    }

    fn add_interface(&mut self, block: &[u8]) -> Result<(), FaultKind> {
        let parse = if self.is_big() { parse_interfacedescriptionblock_be } else { parse_interfacedescriptionblock_le };
        let description = whole(parse(block))?;
        if self.interfaces.len() >= MAX_INTERFACES {
            return Err(FaultKind::TooManyInterfaces);
        }
        self.interfaces.push(Interface::new(&description, self.order));
        Ok(())
    }

    fn enhanced_packet<'a>(&self, block: &'a [u8]) -> Result<Record<'a>, FaultKind> {
        let parse = if self.is_big() { parse_enhancedpacketblock_be } else { parse_enhancedpacketblock_le };
        let block = whole(parse(block))?;
        checked_length(block.caplen)?;
        let interface = self.interface(block.if_id)?;
        Ok(interface.record(block.ts_high, block.ts_low, block.origlen, up_to(block.data, block.caplen)))
    }

    fn simple_packet<'a>(&self, block: &'a [u8]) -> Result<Record<'a>, FaultKind> {
        let parse = if self.is_big() { parse_simplepacketblock_be } else { parse_simplepacketblock_le };
        let block = whole(parse(block))?;
        let interface = self.interface(0)?;
        // Only the interface's limit tells padding from packet (draft-ietf-opsawg-pcapng, "Simple Packet Block").
        let limit = if interface.snaplen == 0 { MAX_PACKET } else { interface.snaplen };
        let bytes = up_to(block.data, block.origlen.min(limit));
        Ok(Record { time: None, ..interface.record(0, 0, block.origlen, bytes) })
    }

    /// Interface and drops in two bytes each, time in two halves, two lengths, the packet.
    fn obsolete_packet<'a>(&self, block: &'a [u8]) -> Result<Record<'a>, FaultKind> {
        let body = block.get(HEAD..block.len().saturating_sub(TRAILER)).unwrap_or_default();
        let word = |at| self.order.u32(body, at).ok_or(FaultKind::MalformedBlock);
        let interface = self.order.u16(body, 0).ok_or(FaultKind::MalformedBlock)?;
        let (high, low, kept, length) = (word(4)?, word(8)?, word(12)?, word(16)?);
        checked_length(kept)?;
        let data = body.get(20..).and_then(|data| data.get(..kept as usize)).ok_or(FaultKind::MalformedBlock)?;
        Ok(self.interface(interface.into())?.record(high, low, length, data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::reader::Reader;
    use crate::file::samples::{
        BOTH, ENHANCED_PACKET, OBSOLETE_PACKET, Read, SECOND, SIMPLE_PACKET, Writer, faulty, packet, whole,
    };

    #[test]
    fn pcapng_has_sections_of_either_byte_order_with_interfaces_of_their_own() {
        let [little, big] = BOTH;
        let file = [
            little.section(),
            little.interface(1, 0, &[]),
            little.interface(101, 0, &[(9, vec![9])]),
            little.enhanced(1, 5_000_000_001, 4, b"abcd"),
            little.enhanced(0, 5_000_001, 90, b"abc"),
            big.section(),
            big.interface(276, 0, &[]),
            big.enhanced(0, 1, 5, b"abcde"),
            big.obsolete(0, 1 << 33, 70, b"xy"),
        ]
        .concat();
        let expected = [
            packet(101, 5 * SECOND + 1, 4, b"abcd"),
            packet(1, 5 * SECOND + 1000, 90, b"abc"),
            packet(276, 1000, 5, b"abcde"),
            packet(276, (1 << 33) * 1000, 70, b"xy"),
        ];
        assert_eq!(whole(&file), expected);
        let mut reader = Reader::default();
        reader.push(&file, |_| {});
        assert_eq!((reader.sections(), reader.interfaces(), reader.skipped_blocks()), (2, 3, 0));
    }

    #[test]
    fn simple_packets_have_no_time_and_end_where_their_interface_cuts() {
        for writer in BOTH {
            let section = |snaplen| [writer.section(), writer.interface(0, snaplen, &[])].concat();
            let file = [section(0), writer.simple(5, b"abcde")].concat();
            assert_eq!(whole(&file), [Read { link_type: 0, time: None, length: 5, bytes: b"abcde".to_vec() }]);
            let file = [section(6), writer.simple(900, b"abcdef")].concat();
            assert_eq!(whole(&file), [Read { link_type: 0, time: None, length: 900, bytes: b"abcdef".to_vec() }]);
        }
    }

    #[test]
    fn lengths_that_no_block_has_end_the_reading_where_they_are() {
        for writer in BOTH {
            let good = [writer.section(), writer.interface(1, 0, &[]), writer.enhanced(0, 1, 1, b"x")].concat();
            let at = good.len() as u64;
            for length in [0, 8, 13, MAX_BLOCK + 4, u32::MAX] {
                let file = [good.clone(), writer.u32s([0x0bad, length]), vec![0; 100]].concat();
                assert_eq!(faulty(&file), (1, at, FaultKind::BadBlockLength { length }));
            }
            let long = [good.clone(), writer.u32s([ENHANCED_PACKET, MAX_BLOCK_READ + 4])].concat();
            assert_eq!(faulty(&long), (1, at, FaultKind::RecordTooLong { length: MAX_BLOCK_READ + 4 }));
            let mut short = [good.clone(), writer.enhanced(0, 1, 1, b"x")].concat();
            // The packet's own length, which then does not fit into the block.
            short.splice(at as usize + 20..at as usize + 24, writer.u32s([100]));
            assert_eq!(faulty(&short), (1, at, FaultKind::MalformedBlock));
            let mut obsolete = [good.clone(), writer.obsolete(0, 1, 9, b"abcd")].concat();
            obsolete.splice(at as usize + 20..at as usize + 24, writer.u32s([8]));
            assert_eq!(faulty(&obsolete), (1, at, FaultKind::MalformedBlock));
            for kind in [ENHANCED_PACKET, SIMPLE_PACKET, OBSOLETE_PACKET, 0x0bad] {
                let mut torn = [good.clone(), writer.block(kind, &[0; 40])].concat();
                let end = torn.len() - 4;
                torn.splice(end.., writer.u32s([56]));
                assert_eq!(faulty(&torn), (1, at, FaultKind::BadBlockLength { length: 52 }), "{kind}");
            }
        }
    }

    #[test]
    fn packets_of_no_interface_are_told() {
        for writer in BOTH {
            let good = [writer.section(), writer.interface(1, 0, &[])].concat();
            let at = good.len() as u64;
            let unknown = |interface| (0, at, FaultKind::UnknownInterface { interface });
            assert_eq!(faulty(&[good.clone(), writer.enhanced(1, 0, 1, b"x")].concat()), unknown(1));
            assert_eq!(faulty(&[good.clone(), writer.obsolete(9, 0, 1, b"x")].concat()), unknown(9));
            let at = (good.len() + writer.section().len()) as u64;
            let other_section = [good, writer.section(), writer.simple(1, b"x")].concat();
            assert_eq!(faulty(&other_section), (0, at, FaultKind::UnknownInterface { interface: 0 }));
        }
    }

    #[test]
    fn a_section_has_a_bounded_number_of_interfaces() {
        let writer = Writer(ByteOrder::Little);
        let mut file = writer.section();
        (0..MAX_INTERFACES).for_each(|_| file.extend(writer.interface(1, 0, &[])));
        assert_eq!(whole(&file), []);
        file.extend(writer.interface(1, 0, &[]));
        assert_eq!(faulty(&file).2, FaultKind::TooManyInterfaces);
    }
}
