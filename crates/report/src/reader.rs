//! Takes a capture file apart into packets, as its bytes arrive.
//!
//! Bytes are pushed in pieces of any size, and packets come out one at a time. Nothing is copied but the beginning of a
//! record whose end is still to come. `pcap-parser` reads the records; what is ours is where they end, how long they may
//! be, and when they were.
//!
//! Formats: pcap (draft-ietf-opsawg-pcap) in both byte orders, with microseconds, nanoseconds, or the longer record
//! headers of "modified" pcap; pcapng (draft-ietf-opsawg-pcapng) with any number of sections and interfaces.

use std::fmt;

use pcap_parser::nom;
use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{
    InterfaceDescriptionBlock, LegacyPcapBlock, OptionCode, PcapError, PcapHeader, parse_enhancedpacketblock_be,
    parse_enhancedpacketblock_le, parse_interfacedescriptionblock_be, parse_interfacedescriptionblock_le,
    parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified, parse_pcap_header, parse_sectionheaderblock,
    parse_simplepacketblock_be, parse_simplepacketblock_le,
};

use crate::bytes::ByteOrder;

/// The most bytes of one packet that a file may hold. libpcap and Wireshark refuse more for every link type of a
/// network, and `pcap-parser` takes any length, so that four wrong bytes would have us wait for 4 GiB.
pub const MAX_PACKET: u32 = 262_144;

/// The most bytes of a pcapng block that is kept in memory: a packet, and 64 KiB of options.
const MAX_BLOCK_READ: u32 = 327_680;

/// The most bytes of any pcapng block, as in Wireshark. Blocks without packets are skipped rather than kept.
const MAX_BLOCK: u32 = 16_777_216;

/// The most interfaces of a section. There is no limit in the format.
const MAX_INTERFACES: usize = 4_096;

const PCAPNG_MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
const NETWORK_MONITOR_MAGIC: &[u8; 4] = b"GMBU";
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
/// The Packet Block, which pcapng no longer has and `pcap-parser` does not know.
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// One packet, as the file has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// What its first bytes are (LINKTYPE_ values of tcpdump.org).
    pub link_type: u16,
    /// Nanoseconds since the beginning of 1970 in UTC. Simple packets of pcapng have none.
    pub time: Option<i64>,
    /// Bytes that were on the wire.
    pub length: u32,
    /// Those of them that were kept.
    pub bytes: &'a [u8],
}

/// What a file's first bytes say it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// pcap with microseconds.
    Pcap,
    /// pcap with nanoseconds.
    PcapNanoseconds,
    /// pcap with longer record headers, as Alexey Kuznetzov's patches wrote it.
    PcapModified,
    /// pcapng.
    Pcapng,
}

impl Format {
    /// The name for people and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcap => "pcap",
            Self::PcapNanoseconds => "pcap-ns",
            Self::PcapModified => "pcap-modified",
            Self::Pcapng => "pcapng",
        }
    }
}

/// Where reading ended before the file did, and why. Everything before that place has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The first byte of the record or block that could not be read.
    pub at: u64,
    /// What is wrong with it.
    pub kind: FaultKind,
}

/// What can be wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// There is nothing in it.
    Empty,
    /// It begins like no capture file.
    UnknownFormat,
    /// Microsoft Network Monitor's format, which also ends in `.cap`.
    NetworkMonitor,
    /// It ends in the middle of a record.
    CutShort,
    /// A record says that it holds more than [`MAX_PACKET`] bytes.
    RecordTooLong {
        /// What it says.
        length: u32,
    },
    /// A block's length is none that a block can have, or not the same at its beginning and its end.
    BadBlockLength {
        /// What it says.
        length: u32,
    },
    /// The lengths or fields within a block do not fit into it.
    MalformedBlock,
    /// A packet names an interface that nobody has described.
    UnknownInterface {
        /// The interface's number within its section.
        interface: u32,
    },
    /// A section describes more than 4,096 interfaces.
    TooManyInterfaces,
}

impl FaultKind {
    /// A word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::UnknownFormat => "unknown_format",
            Self::NetworkMonitor => "network_monitor",
            Self::CutShort => "cut_short",
            Self::RecordTooLong { .. } => "record_too_long",
            Self::BadBlockLength { .. } => "bad_block_length",
            Self::MalformedBlock => "malformed_block",
            Self::UnknownInterface { .. } => "unknown_interface",
            Self::TooManyInterfaces => "too_many_interfaces",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at;
        match self.kind {
            FaultKind::Empty => f.write_str("The file is empty."),
            FaultKind::UnknownFormat => f.write_str("The file is neither pcap nor pcapng."),
            FaultKind::NetworkMonitor => f.write_str(
                "The file is one of Microsoft Network Monitor, which nightcap cannot read. Wireshark's `editcap` turns \
                 it into pcapng.",
            ),
            FaultKind::CutShort => {
                write!(f, "The file ends in the middle of the record at byte {at}. What is before it was read.")
            }
            FaultKind::RecordTooLong { length } => {
                write!(f, "The record at byte {at} claims {length} bytes, which no packet has. Reading ended there.")
            }
            FaultKind::BadBlockLength { length } => {
                write!(f, "The block at byte {at} claims a length of {length}, which is wrong. Reading ended there.")
            }
            FaultKind::MalformedBlock => {
                write!(f, "The contents of the block at byte {at} do not fit into it. Reading ended there.")
            }
            FaultKind::UnknownInterface { interface } => {
                let what = "which the file does not describe. Reading ended there.";
                write!(f, "The packet at byte {at} is of interface {interface}, {what}")
            }
            FaultKind::TooManyInterfaces => {
                write!(
                    f,
                    "The section at byte {at} describes more than {MAX_INTERFACES} interfaces. Reading ended there."
                )
            }
        }
    }
}

/// Reads one file.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    state: State,
    /// The beginning of what is read next, when its end has not arrived.
    partial: Vec<u8>,
    /// How many bytes of it must be there to go on.
    needed: usize,
    /// Bytes still to come of a block that nobody reads.
    skip: u64,
    /// Where in the file the next byte to be read is.
    position: u64,
    /// Where the record begins that is being read.
    record_at: u64,
    format: Option<Format>,
    sections: u64,
    interfaces: u64,
    skipped_blocks: u64,
    fault: Option<Fault>,
}

#[derive(Clone, Debug, Default)]
enum State {
    #[default]
    Start,
    Pcap(Pcap),
    /// Before the first section's header, and between blocks.
    Pcapng(Section),
    /// Before the repeated length of a block that was skipped.
    Trailer(Section, u32),
}

#[derive(Clone, Debug)]
struct Pcap {
    order: ByteOrder,
    format: Format,
    link_type: u16,
}

#[derive(Clone, Debug, Default)]
struct Section {
    order: Option<ByteOrder>,
    interfaces: Vec<Interface>,
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    link_type: u16,
    /// The most bytes kept of a packet; 0 for any number.
    snaplen: u32,
    /// How many units of its clock make a second; none when that is beyond 64 bits.
    units_per_second: Option<u64>,
    /// Seconds to add.
    offset: i64,
}

/// What came of trying to read.
enum Step {
    /// So many bytes were read.
    Read(usize),
    /// So many bytes have to be there in all.
    Needs(usize),
}

impl Reader {
    /// Takes the next bytes of the file, and hands over every packet that ends in them. After a fault nothing is read.
    pub fn push(&mut self, bytes: &[u8], mut packet: impl FnMut(Record<'_>)) {
        if let Err(kind) = self.read(bytes, &mut packet) {
            self.fault = Some(Fault { at: self.record_at, kind });
            self.partial = Vec::new();
        }
    }

    /// The file has ended. Says what was wrong with it, if anything was.
    pub fn end(&mut self) -> Option<Fault> {
        let is_within = !self.partial.is_empty() || self.skip > 0 || matches!(self.state, State::Trailer(..));
        let kind = match self.state {
            _ if self.fault.is_some() => return self.fault,
            State::Start if self.partial.is_empty() => FaultKind::Empty,
            State::Start if self.format.is_none() => FaultKind::UnknownFormat,
            _ if is_within => FaultKind::CutShort,
            _ => return None,
        };
        self.fault = Some(Fault { at: self.record_at, kind });
        self.fault
    }

    /// What was wrong so far.
    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// What the file is, once its first bytes are there.
    pub fn format(&self) -> Option<Format> {
        self.format
    }

    /// Sections of pcapng; one for pcap.
    pub fn sections(&self) -> u64 {
        self.sections
    }

    /// Interfaces of all sections; one for pcap.
    pub fn interfaces(&self) -> u64 {
        self.interfaces
    }

    /// Blocks of pcapng that hold neither a packet nor an interface.
    pub fn skipped_blocks(&self) -> u64 {
        self.skipped_blocks
    }

    /// Bytes of the file in records that were read.
    pub fn position(&self) -> u64 {
        self.position
    }

    fn read(&mut self, mut bytes: &[u8], packet: &mut impl FnMut(Record<'_>)) -> Result<(), FaultKind> {
        while !bytes.is_empty() && self.fault.is_none() {
            if self.skip > 0 {
                bytes = self.skip(bytes);
            } else if self.partial.is_empty() {
                bytes = self.read_whole(bytes, packet)?;
            } else {
                bytes = self.read_partial(bytes, packet)?;
            }
        }
        Ok(())
    }

    fn skip<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        self.skip = self.skip.saturating_sub(skipped as u64);
        self.advance(skipped);
        bytes.get(skipped..).unwrap_or_default()
    }

    /// Reads what is whole in these bytes, and keeps what is not.
    fn read_whole<'a>(
        &mut self,
        mut bytes: &'a [u8],
        packet: &mut impl FnMut(Record<'_>),
    ) -> Result<&'a [u8], FaultKind> {
        while self.skip == 0 {
            match self.step(bytes, packet)? {
                Step::Read(length) => bytes = bytes.get(length..).unwrap_or_default(),
                Step::Needs(length) => {
                    self.partial.extend_from_slice(bytes);
                    self.needed = length;
                    return Ok(&[]);
                }
            }
        }
        Ok(bytes)
    }

    /// Adds to what was kept as much as is needed, and no more.
    fn read_partial<'a>(
        &mut self,
        bytes: &'a [u8],
        packet: &mut impl FnMut(Record<'_>),
    ) -> Result<&'a [u8], FaultKind> {
        let missing = self.needed.saturating_sub(self.partial.len());
        let (more, rest) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
        self.partial.extend_from_slice(more);
        if self.partial.len() >= self.needed {
            let mut partial = std::mem::take(&mut self.partial);
            match self.step(&partial, packet)? {
                // Nothing is left over, for only what was needed was there.
                Step::Read(_) => partial.clear(),
                Step::Needs(length) => self.needed = length,
            }
            self.partial = partial;
        }
        Ok(rest)
    }

    fn advance(&mut self, bytes: usize) {
        self.position = self.position.saturating_add(bytes as u64);
    }

    /// Reads one header, record or block from the beginning of these bytes.
    fn step(&mut self, bytes: &[u8], packet: &mut impl FnMut(Record<'_>)) -> Result<Step, FaultKind> {
        if !matches!(self.state, State::Trailer(..)) {
            self.record_at = self.position;
        }
        let step = match &mut self.state {
            State::Start => self.start(bytes, packet)?,
            State::Pcap(pcap) => pcap.step(bytes, packet)?,
            State::Pcapng(_) => self.block(bytes, packet)?,
            State::Trailer(section, length) => match bytes.get(..4) {
                None => Step::Needs(4),
                Some(repeated) if section.u32(repeated, 0) == Some(*length) => {
                    self.state = State::Pcapng(std::mem::take(section));
                    Step::Read(4)
                }
                Some(_) => return Err(FaultKind::BadBlockLength { length: *length }),
            },
        };
        if let Step::Read(length) = step {
            self.advance(length);
        }
        Ok(step)
    }

    fn start(&mut self, bytes: &[u8], packet: &mut impl FnMut(Record<'_>)) -> Result<Step, FaultKind> {
        let Some(magic) = bytes.first_chunk::<4>() else { return Ok(Step::Needs(4)) };
        if *magic == PCAPNG_MAGIC {
            self.format = Some(Format::Pcapng);
            self.state = State::Pcapng(Section::default());
            return self.block(bytes, packet);
        }
        if magic == NETWORK_MONITOR_MAGIC {
            return Err(FaultKind::NetworkMonitor);
        }
        let pcap = match parse_pcap_header(bytes) {
            Ok((_, header)) => Pcap::new(&header),
            Err(nom::Err::Incomplete(_)) => {
                self.format = Some(Format::Pcap);
                return Ok(Step::Needs(PcapHeader::new().size()));
            }
            Err(_) => return Err(FaultKind::UnknownFormat),
        };
        self.format = Some(pcap.format);
        self.sections = 1;
        self.interfaces = 1;
        self.state = State::Pcap(pcap);
        Ok(Step::Read(PcapHeader::new().size()))
    }

    /// Reads one block of pcapng, or decides to skip it.
    fn block(&mut self, bytes: &[u8], packet: &mut impl FnMut(Record<'_>)) -> Result<Step, FaultKind> {
        let State::Pcapng(section) = &mut self.state else { return Err(FaultKind::MalformedBlock) };
        let is_section = bytes.first_chunk() == Some(&PCAPNG_MAGIC);
        // A section's byte order stands behind its length.
        let head = if is_section { 12 } else { 8 };
        if bytes.len() < head {
            return Ok(Step::Needs(head));
        }
        if is_section {
            *section = Section::new(bytes)?;
            self.sections = self.sections.saturating_add(1);
        }
        let kind = section.u32(bytes, 0).ok_or(FaultKind::MalformedBlock)?;
        let length = section.u32(bytes, 4).ok_or(FaultKind::MalformedBlock)?;
        if length < 12 || !length.is_multiple_of(4) || length > MAX_BLOCK {
            return Err(FaultKind::BadBlockLength { length });
        }
        let is_read = matches!(kind, SECTION_HEADER | INTERFACE_DESCRIPTION | SIMPLE_PACKET | ENHANCED_PACKET);
        if !is_read && kind != OBSOLETE_PACKET {
            self.skipped_blocks = self.skipped_blocks.saturating_add(1);
            self.skip = u64::from(length).saturating_sub(12);
            let section = std::mem::take(section);
            self.state = State::Trailer(section, length);
            return Ok(Step::Read(8));
        }
        if length > MAX_BLOCK_READ {
            return Err(FaultKind::RecordTooLong { length });
        }
        let size = length as usize;
        let Some(block) = bytes.get(..size) else {
            // The section's header is read again when it is whole.
            self.sections = self.sections.saturating_sub(u64::from(is_section));
            return Ok(Step::Needs(size));
        };
        // `pcap-parser` does not compare these in every kind of block.
        if section.u32(block, size.saturating_sub(4)) != Some(length) {
            return Err(FaultKind::BadBlockLength { length });
        }
        section.read(kind, block, packet)?;
        self.interfaces = self.interfaces.saturating_add(u64::from(kind == INTERFACE_DESCRIPTION));
        Ok(Step::Read(size))
    }
}

impl Pcap {
    fn new(header: &PcapHeader) -> Self {
        let format = match header {
            header if header.is_modified_format() => Format::PcapModified,
            header if header.is_nanosecond_precision() => Format::PcapNanoseconds,
            _ => Format::Pcap,
        };
        let order = if header.is_bigendian() { ByteOrder::Big } else { ByteOrder::Little };
        // The upper half of the field is about frame check sequences.
        let link_type = header.network.0.cast_unsigned() & 0xffff;
        Self { order, format, link_type: u16::try_from(link_type).unwrap_or_default() }
    }

    fn step(&self, bytes: &[u8], packet: &mut impl FnMut(Record<'_>)) -> Result<Step, FaultKind> {
        let head: u32 = if self.format == Format::PcapModified { 24 } else { 16 };
        let Some(kept) = bytes.get(..head as usize).and_then(|head| self.order.u32(head, 8)) else {
            return Ok(Step::Needs(head as usize));
        };
        if kept > MAX_PACKET {
            return Err(FaultKind::RecordTooLong { length: kept });
        }
        let size = head.saturating_add(kept) as usize;
        if bytes.len() < size {
            return Ok(Step::Needs(size));
        }
        let parsed = match (self.format, self.order) {
            (Format::PcapModified, _) => parse_pcap_frame_modified(bytes),
            (_, ByteOrder::Big) => parse_pcap_frame_be(bytes),
            (_, ByteOrder::Little) => parse_pcap_frame(bytes),
        };
        let (_, LegacyPcapBlock { ts_sec, ts_usec, origlen, data, .. }) =
            parsed.map_err(|_| FaultKind::MalformedBlock)?;
        let unit = if self.format == Format::PcapNanoseconds { 1 } else { 1_000 };
        let time =
            i64::from(ts_sec).saturating_mul(1_000_000_000).saturating_add(i64::from(ts_usec).saturating_mul(unit));
        packet(Record { link_type: self.link_type, time: Some(time), length: origlen.max(kept), bytes: data });
        Ok(Step::Read(size))
    }
}

impl Section {
    fn new(bytes: &[u8]) -> Result<Self, FaultKind> {
        let order = match ByteOrder::Big.u32(bytes, 8) {
            Some(BYTE_ORDER_MAGIC) => ByteOrder::Big,
            Some(magic) if magic.swap_bytes() == BYTE_ORDER_MAGIC => ByteOrder::Little,
            _ => return Err(FaultKind::MalformedBlock),
        };
        Ok(Self { order: Some(order), interfaces: Vec::new() })
    }

    fn u32(&self, bytes: &[u8], at: usize) -> Option<u32> {
        self.order?.u32(bytes, at)
    }

    /// Reads a whole block. Each kind has its own function, for the one that reads any brings those for all kinds.
    fn read(&mut self, kind: u32, block: &[u8], packet: &mut impl FnMut(Record<'_>)) -> Result<(), FaultKind> {
        let is_big = self.order == Some(ByteOrder::Big);
        match kind {
            SECTION_HEADER => whole(parse_sectionheaderblock(block)).map(drop),
            INTERFACE_DESCRIPTION => {
                let parse =
                    if is_big { parse_interfacedescriptionblock_be } else { parse_interfacedescriptionblock_le };
                let description = whole(parse(block))?;
                if self.interfaces.len() >= MAX_INTERFACES {
                    return Err(FaultKind::TooManyInterfaces);
                }
                self.interfaces.push(Interface::new(&description, self.order));
                Ok(())
            }
            ENHANCED_PACKET => {
                let parse = if is_big { parse_enhancedpacketblock_be } else { parse_enhancedpacketblock_le };
                let block = whole(parse(block))?;
                if block.caplen > MAX_PACKET {
                    return Err(FaultKind::RecordTooLong { length: block.caplen });
                }
                let interface = self.interface(block.if_id)?;
                packet(interface.record(block.ts_high, block.ts_low, block.origlen, block.packet_data()));
                Ok(())
            }
            SIMPLE_PACKET => {
                let parse = if is_big { parse_simplepacketblock_be } else { parse_simplepacketblock_le };
                let block = whole(parse(block))?;
                let interface = self.interface(0)?;
                // Only the interface's limit tells padding from packet (draft-ietf-opsawg-pcapng, "Simple Packet Block").
                let limit = if interface.snaplen == 0 { MAX_PACKET } else { interface.snaplen };
                let bytes = block.packet_data();
                let bytes = bytes.get(..limit as usize).unwrap_or(bytes);
                packet(Record { time: None, ..interface.record(0, 0, block.origlen, bytes) });
                Ok(())
            }
            _ => {
                let body = block.get(8..block.len().saturating_sub(4)).unwrap_or_default();
                packet(self.obsolete_packet(body)?);
                Ok(())
            }
        }
    }

    fn interface(&self, interface: u32) -> Result<&Interface, FaultKind> {
        let index = usize::try_from(interface).unwrap_or(usize::MAX);
        self.interfaces.get(index).ok_or(FaultKind::UnknownInterface { interface })
    }

    /// Interface and drops in two bytes each, time in two halves, two lengths, the packet.
    fn obsolete_packet<'a>(&self, block: &'a [u8]) -> Result<Record<'a>, FaultKind> {
        let word = |at| self.u32(block, at).ok_or(FaultKind::MalformedBlock);
        let interface = self.order.and_then(|order| order.u16(block, 0)).ok_or(FaultKind::MalformedBlock)?;
        let (high, low, kept, length) = (word(4)?, word(8)?, word(12)?, word(16)?);
        if kept > MAX_PACKET {
            return Err(FaultKind::RecordTooLong { length: kept });
        }
        let data = block.get(20..).and_then(|data| data.get(..kept as usize)).ok_or(FaultKind::MalformedBlock)?;
        Ok(self.interface(interface.into())?.record(high, low, length, data))
    }
}

/// A block, which was all there.
fn whole<B>(parsed: nom::IResult<&[u8], B, PcapError<&[u8]>>) -> Result<B, FaultKind> {
    parsed.map(|(_, block)| block).map_err(|_| FaultKind::MalformedBlock)
}

impl Interface {
    /// `pcap-parser` has no time for resolutions in powers of two, and reads the offset as little-endian always.
    fn new(description: &InterfaceDescriptionBlock<'_>, order: Option<ByteOrder>) -> Self {
        let offset = description.options.iter().find(|option| option.code == OptionCode::IfTsoffset);
        let offset = offset.and_then(|option| order?.i64(option.as_bytes().ok()?));
        let (base, exponent) = match description.if_tsresol {
            power @ 0x80.. => (2_u64, power & 0x7f),
            power => (10, power),
        };
        Self {
            link_type: u16::try_from(description.linktype.0).unwrap_or(u16::MAX),
            snaplen: description.snaplen,
            units_per_second: base.checked_pow(exponent.into()),
            offset: offset.unwrap_or_default(),
        }
    }

    fn record<'a>(&self, time_high: u32, time_low: u32, length: u32, bytes: &'a [u8]) -> Record<'a> {
        let units = u64::from(time_high) << 32 | u64::from(time_low);
        let kept = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Record { link_type: self.link_type, time: self.time(units), length: length.max(kept), bytes }
    }

    /// Nanoseconds since the beginning of 1970, if that many can be counted.
    fn time(&self, units: u64) -> Option<i64> {
        let per_second = self.units_per_second?;
        let seconds = i64::try_from(units.checked_div(per_second)?).ok()?.checked_add(self.offset)?;
        let rest = units.checked_rem(per_second)?;
        let nanos = match rest.checked_mul(NANOS_PER_SECOND) {
            Some(product) => product.checked_div(per_second)?,
            None => {
                let product = u128::from(rest).checked_mul(NANOS_PER_SECOND.into())?;
                u64::try_from(product.checked_div(per_second.into())?).ok()?
            }
        };
        seconds.checked_mul(1_000_000_000)?.checked_add(i64::try_from(nanos).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    /// A packet as it came out, with its own bytes.
    #[derive(Debug, PartialEq)]
    struct Read {
        link_type: u16,
        time: Option<i64>,
        length: u32,
        bytes: Vec<u8>,
    }

    /// Reads a file whole and in pieces of several sizes, which must all come to the same.
    fn read(file: &[u8]) -> (Vec<Read>, Option<Fault>) {
        let results = [file.len().max(1), 1, 2, 7, 13, 4096].map(|size| {
            let mut reader = Reader::default();
            let mut packets = Vec::new();
            for piece in file.chunks(size) {
                reader.push(piece, |record| {
                    let Record { link_type, time, length, bytes } = record;
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

    fn whole(file: &[u8]) -> Vec<Read> {
        let (packets, fault) = read(file);
        assert_eq!(fault, None);
        packets
    }

    fn faulty(file: &[u8]) -> (usize, u64, FaultKind) {
        let (packets, fault) = read(file);
        let Fault { at, kind } = fault.expect("a fault");
        (packets.len(), at, kind)
    }

    fn packet(link_type: u16, time: i64, length: u32, bytes: &[u8]) -> Read {
        Read { link_type, time: Some(time), length, bytes: bytes.to_vec() }
    }

    /// Writes numbers in one byte order.
    #[derive(Clone, Copy)]
    struct Writer(ByteOrder);

    const BOTH: [Writer; 2] = [Writer(ByteOrder::Little), Writer(ByteOrder::Big)];

    impl Writer {
        fn u16(self, number: u16) -> Vec<u8> {
            if self.0 == ByteOrder::Big { number.to_be_bytes().to_vec() } else { number.to_le_bytes().to_vec() }
        }

        fn u32s<const N: usize>(self, numbers: [u32; N]) -> Vec<u8> {
            let big = numbers.iter().flat_map(|number| number.to_be_bytes());
            let little = numbers.iter().flat_map(|number| number.to_le_bytes());
            if self.0 == ByteOrder::Big { big.collect() } else { little.collect() }
        }

        fn pcap(self, magic: u32, link_type: u32) -> Vec<u8> {
            let versions = [self.u16(2), self.u16(4)].concat();
            [self.u32s([magic]), versions, self.u32s([0, 0, 65_535, link_type])].concat()
        }

        fn record(self, seconds: u32, fraction: u32, length: u32, bytes: &[u8]) -> Vec<u8> {
            [self.u32s([seconds, fraction, bytes.len() as u32, length]), bytes.to_vec()].concat()
        }

        fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
            let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
            let length = (body.len() + padding.len() + 12) as u32;
            [self.u32s([kind, length]), body.to_vec(), padding, self.u32s([length])].concat()
        }

        fn section(self) -> Vec<u8> {
            let body = [self.u32s([BYTE_ORDER_MAGIC]), self.u16(1), self.u16(0), vec![0xff; 8]].concat();
            self.block(SECTION_HEADER, &body)
        }

        fn interface(self, link_type: u16, snaplen: u32, options: &[(u16, Vec<u8>)]) -> Vec<u8> {
            let mut body = [self.u16(link_type), self.u16(0), self.u32s([snaplen])].concat();
            for (code, value) in options {
                body.extend([self.u16(*code), self.u16(value.len() as u16), value.clone()].concat());
                body.resize(body.len().next_multiple_of(4), 0);
            }
            self.block(INTERFACE_DESCRIPTION, &body)
        }

        fn enhanced(self, interface: u32, units: u64, length: u32, bytes: &[u8]) -> Vec<u8> {
            let head = [interface, (units >> 32) as u32, units as u32, bytes.len() as u32, length];
            self.block(ENHANCED_PACKET, &[self.u32s(head), bytes.to_vec()].concat())
        }

        fn simple(self, length: u32, bytes: &[u8]) -> Vec<u8> {
            self.block(SIMPLE_PACKET, &[self.u32s([length]), bytes.to_vec()].concat())
        }

        fn obsolete(self, interface: u16, units: u64, length: u32, bytes: &[u8]) -> Vec<u8> {
            let words = self.u32s([(units >> 32) as u32, units as u32, bytes.len() as u32, length]);
            let body = [self.u16(interface), self.u16(7), words, bytes.to_vec()].concat();
            self.block(OBSOLETE_PACKET, &body)
        }
    }

    #[test]
    fn pcap_is_read_in_both_byte_orders_and_units() {
        for writer in BOTH {
            for (magic, unit, format) in [(0xa1b2_c3d4, 1000, Format::Pcap), (0xa1b2_3c4d, 1, Format::PcapNanoseconds)]
            {
                let records = [writer.record(10, 999_999, 3, b"abc"), writer.record(9, 1, 1500, b""), vec![]].concat();
                let file = [writer.pcap(magic, 113), records].concat();
                let expected =
                    [packet(113, 10 * SECOND + 999_999 * unit, 3, b"abc"), packet(113, 9 * SECOND + unit, 1500, b"")];
                assert_eq!(whole(&file), expected);
                let mut reader = Reader::default();
                reader.push(&file, |_| {});
                assert_eq!((reader.format(), reader.sections(), reader.interfaces()), (Some(format), 1, 1));
            }
        }
    }

    #[test]
    fn modified_pcap_has_longer_headers() {
        let writer = Writer(ByteOrder::Little);
        let mut record = writer.u32s([1, 2, 4, 60]);
        record.extend([9; 8]);
        record.extend(b"abcd");
        let file = [writer.pcap(0xa1b2_cd34, 1), record.clone(), record].concat();
        assert_eq!(whole(&file), [packet(1, SECOND + 2000, 60, b"abcd"), packet(1, SECOND + 2000, 60, b"abcd")]);
    }

    #[test]
    fn the_upper_half_of_a_link_type_is_not_part_of_it() {
        let writer = Writer(ByteOrder::Big);
        let file = [writer.pcap(0xa1b2_c3d4, 0x5400_0001), writer.record(0, 0, 1, b"x")].concat();
        assert_eq!(whole(&file)[0].link_type, 1);
    }

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
    fn clocks_may_count_in_powers_of_ten_and_of_two() {
        let now: i64 = 1_700_000_000;
        for writer in BOTH {
            let cases: [(u8, u64, Option<i64>); 10] = [
                (0, now as u64, Some(now * SECOND)),
                (3, now as u64 * 1000 + 5, Some(now * SECOND + 5_000_000)),
                (9, now as u64 * 1_000_000_000 + 7, Some(now * SECOND + 7)),
                (12, 12_345_678_901_234, Some(12_345_678_901)),
                (19, u64::MAX, Some(1_844_674_407)),
                (0x80, now as u64, Some(now * SECOND)),
                (0x8a, (now as u64) << 10 | 1, Some(now * SECOND + 976_562)),
                (0xa0, (now as u64) << 32 | 1 << 31, Some(now * SECOND + SECOND / 2)),
                (0xbf, 1 << 63 | 1 << 62, Some(SECOND + SECOND / 2)),
                (20, 5, None),
            ];
            for (resolution, units, time) in cases {
                let interface = writer.interface(1, 0, &[(9, vec![resolution])]);
                let file = [writer.section(), interface, writer.enhanced(0, units, 1, b"x")].concat();
                assert_eq!(whole(&file)[0].time, time, "{resolution:#x}");
            }
        }
    }

    #[test]
    fn the_offset_of_a_clock_is_in_the_byte_order_of_its_section() {
        for (writer, offset) in BOTH.into_iter().flat_map(|writer| [3600, -3600_i64].map(|offset| (writer, offset))) {
            let bytes = if writer.0 == ByteOrder::Big { offset.to_be_bytes() } else { offset.to_le_bytes() };
            let interface = writer.interface(1, 0, &[(2, b"eth0".to_vec()), (14, bytes.to_vec())]);
            let file = [writer.section(), interface, writer.enhanced(0, 10_000_000_000, 1, b"x")].concat();
            assert_eq!(whole(&file)[0].time, Some((10_000 + offset) * SECOND));
        }
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
    fn blocks_that_hold_no_packet_are_skipped_and_not_kept() {
        for writer in BOTH {
            let long = writer.block(0x0bad, &vec![1; 5_000_000]);
            let file = [
                writer.section(),
                writer.block(5, b"statistics"),
                writer.interface(1, 0, &[]),
                writer.block(4, b""),
                long,
                writer.enhanced(0, 1, 1, b"x"),
            ]
            .concat();
            let mut reader = Reader::default();
            let mut packets = 0;
            for piece in file.chunks(60_000) {
                reader.push(piece, |_| packets += 1);
                assert!(reader.partial.capacity() <= 60_000);
            }
            assert_eq!((reader.end(), packets, reader.skipped_blocks()), (None, 1, 3));
        }
    }

    #[test]
    fn no_more_is_kept_than_the_record_that_is_not_whole() {
        let writer = Writer(ByteOrder::Little);
        let mut file = writer.pcap(0xa1b2_c3d4, 1);
        (0..1000).for_each(|_| file.extend(writer.record(1, 2, 1400, &[7; 1400])));
        let mut reader = Reader::default();
        let mut packets = 0;
        for piece in file.chunks(50_000) {
            reader.push(piece, |_| packets += 1);
            assert!(reader.partial.len() < 1416);
        }
        assert_eq!((packets, reader.end()), (1000, None));
    }

    #[test]
    fn what_is_no_capture_is_told() {
        assert_eq!(faulty(b""), (0, 0, FaultKind::Empty));
        assert_eq!(faulty(b"\xd4\xc3"), (0, 0, FaultKind::UnknownFormat));
        assert_eq!(faulty(b"<?xml version=\"1.0\"?>"), (0, 0, FaultKind::UnknownFormat));
        assert_eq!(faulty(b"GMBU\x00\x02rest of a Network Monitor file"), (0, 0, FaultKind::NetworkMonitor));
    }

    #[test]
    fn lengths_that_no_packet_has_end_the_reading_where_they_are() {
        for writer in BOTH {
            let good = [writer.pcap(0xa1b2_c3d4, 1), writer.record(1, 2, 3, b"abc")].concat();
            let at = good.len() as u64;
            let most = [good.clone(), writer.record(1, 2, 3, &vec![0; MAX_PACKET as usize])].concat();
            assert_eq!(whole(&most).len(), 2);
            let long = [good, writer.u32s([1, 2, MAX_PACKET + 1, 3])].concat();
            assert_eq!(faulty(&long), (1, at, FaultKind::RecordTooLong { length: MAX_PACKET + 1 }));
            assert_eq!(faulty(&long[..long.len() - 1]), (1, at, FaultKind::CutShort), "whatever its pieces");

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

    #[test]
    fn a_file_may_be_cut_anywhere() {
        for writer in BOTH {
            let pcap = [writer.pcap(0xa1b2_c3d4, 1), writer.record(1, 2, 3, b"abc"), writer.record(2, 2, 3, b"")];
            let pcapng = [
                writer.section(),
                writer.interface(1, 0, &[]),
                writer.block(5, &[0; 20]),
                writer.enhanced(0, 1, 1, b"x"),
            ];
            for parts in [&pcap[..], &pcapng[..]] {
                let file = parts.concat();
                let mut ends: Vec<usize> = parts.iter().map(Vec::len).collect();
                (1..ends.len()).for_each(|index| ends[index] += ends[index - 1]);
                for length in 4..file.len() {
                    let (_, fault) = read(&file[..length]);
                    let begun = ends.iter().rev().find(|end| **end <= length).copied().unwrap_or(0);
                    let expected = (begun < length).then_some(Fault { at: begun as u64, kind: FaultKind::CutShort });
                    assert_eq!(fault, expected, "{length} of {ends:?}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_read_after_a_fault() {
        let writer = Writer(ByteOrder::Little);
        let mut reader = Reader::default();
        reader.push(&[writer.pcap(0xa1b2_c3d4, 1), writer.u32s([0, 0, u32::MAX, 0])].concat(), |_| {});
        let fault = reader.fault();
        assert!(fault.is_some());
        reader.push(&writer.record(1, 2, 3, b"abc"), |record| panic!("{record:?}"));
        assert_eq!(reader.end(), fault);
        assert!(fault.unwrap().to_string().contains("byte 24"), "{}", fault.unwrap());
    }
}
