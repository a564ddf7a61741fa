//! Puts records together from pieces of a file, whatever the format.

use crate::file::fault::{Fault, FaultKind};
use crate::file::format::Format;
use crate::file::netmon::{self, Netmon};
use crate::file::pcap::{self, Pcap};
use crate::file::pcapng::{self, Pcapng};
use crate::file::progress::Progress;
use crate::file::record::Record;

/// Reads one file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reader {
    state: State,
    /// The beginning of what is read next, when its end has not arrived.
    partial: Vec<u8>,
    /// How many bytes of it must be there to go on.
    needed: usize,
    /// Where in the file the next byte to be read is.
    position: u64,
    /// Where the record or block begins that is being read.
    record_at: u64,
    fault: Option<Fault>,
}

#[derive(Clone, Debug, Default)]
enum State {
    /// The first four bytes are not there.
    #[default]
    Unknown,
    /// The file is pcap, and its header is not whole.
    PcapHeader,
    Pcap(Pcap),
    Pcapng(Pcapng),
    /// The file is Network Monitor's, and its header is not whole.
    NetmonHeader,
    Netmon(Netmon),
}

impl Reader {
    /// Takes the next bytes of the file, and hands over every packet that ends in them. After a fault nothing is read.
    pub fn push(&mut self, bytes: &[u8], mut packet: impl FnMut(Record<'_>)) {
        if self.fault.is_some() {
            return;
        }
        if let Err(kind) = self.read(bytes, &mut packet) {
            self.fault = Some(Fault { at: self.record_at, kind });
            self.partial = Vec::new();
        }
    }

    /// The file has ended. Says what was wrong with it, if anything was.
    pub fn end(&mut self) -> Option<Fault> {
        let is_empty = self.partial.is_empty();
        let kind = match &self.state {
            _ if self.fault.is_some() => return self.fault,
            State::Unknown if is_empty => FaultKind::Empty,
            State::Unknown => FaultKind::UnknownFormat,
            _ if !is_empty || self.state.is_unfinished() => FaultKind::CutShort,
            _ => return None,
        };
        let at = if self.state.is_within_block() { self.record_at } else { self.position };
        self.fault = Some(Fault { at, kind });
        self.fault
    }

    /// What was wrong so far.
    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// What the file is, once its first bytes are there.
    pub fn format(&self) -> Option<Format> {
        match &self.state {
            State::Unknown | State::NetmonHeader => None,
            State::PcapHeader => Some(Format::Pcap),
            State::Pcap(pcap) => Some(pcap.format),
            State::Pcapng(_) => Some(Format::Pcapng),
            State::Netmon(netmon) => Some(netmon.format),
        }
    }

    /// Sections of pcapng; one for others.
    pub fn sections(&self) -> u64 {
        match &self.state {
            State::Unknown | State::PcapHeader | State::NetmonHeader => 0,
            State::Pcap(_) | State::Netmon(_) => 1,
            State::Pcapng(pcapng) => pcapng.sections,
        }
    }

    /// Interfaces of all sections; one for others than pcapng.
    pub fn interfaces(&self) -> u64 {
        match &self.state {
            State::Unknown | State::PcapHeader | State::NetmonHeader => 0,
            State::Pcap(_) | State::Netmon(_) => 1,
            State::Pcapng(pcapng) => pcapng.interfaces,
        }
    }

    /// Blocks of pcapng that hold neither a packet nor an interface; frames of Network Monitor that were on no wire.
    pub fn skipped_blocks(&self) -> u64 {
        match &self.state {
            State::Pcapng(pcapng) => pcapng.skipped_blocks,
            State::Netmon(netmon) => netmon.skipped_frames,
            _ => 0,
        }
    }

    /// Bytes of the file in records that were read.
    pub fn position(&self) -> u64 {
        self.position
    }

    fn read(&mut self, mut bytes: &[u8], packet: &mut impl FnMut(Record<'_>)) -> Result<(), FaultKind> {
        while !self.partial.is_empty() && !bytes.is_empty() {
            bytes = self.read_partial(bytes, packet)?;
        }
        while !bytes.is_empty() {
            match self.next(bytes, packet)? {
                Progress::Read(length) => bytes = bytes.get(length..).unwrap_or_default(),
                Progress::Needs(length) => {
                    self.partial.extend_from_slice(bytes);
                    self.needed = length;
                    return Ok(());
                }
            }
        }
        Ok(())
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
            match self.next(&partial, packet)? {
                // Nothing is left over, for only what was needed was there.
                Progress::Read(_) => partial.clear(),
                Progress::Needs(length) => self.needed = length,
            }
            self.partial = partial;
        }
        Ok(rest)
    }

    /// Reads one header, record or block from the beginning of these bytes.
    fn next(&mut self, bytes: &[u8], packet: &mut impl FnMut(Record<'_>)) -> Result<Progress, FaultKind> {
        if !self.state.is_within_block() {
            self.record_at = self.position;
        }
        let progress = self.state.next(bytes, packet)?;
        if let Progress::Read(length) = progress {
            self.position = self.position.saturating_add(length as u64);
        }
        Ok(progress)
    }
}

impl State {
    fn is_within_block(&self) -> bool {
        match self {
            Self::Pcapng(pcapng) => pcapng.is_within_block(),
            Self::Netmon(netmon) => netmon.is_within_table(),
            _ => false,
        }
    }

    /// Whether the file cannot end here, although all that was there has been read.
    fn is_unfinished(&self) -> bool {
        if let Self::Netmon(netmon) = self { netmon.is_unfinished() } else { self.is_within_block() }
    }

    fn next(&mut self, bytes: &[u8], packet: &mut impl FnMut(Record<'_>)) -> Result<Progress, FaultKind> {
        match self {
            Self::Pcap(pcap) => pcap.read(bytes, packet),
            Self::Pcapng(pcapng) => pcapng.read(bytes, packet),
            Self::Netmon(netmon) => netmon.read(bytes, packet),
            Self::Unknown | Self::PcapHeader | Self::NetmonHeader => self.begin(bytes, packet),
        }
    }

    /// Tells the format by the first bytes.
    fn begin(&mut self, bytes: &[u8], packet: &mut impl FnMut(Record<'_>)) -> Result<Progress, FaultKind> {
        let Some(magic) = bytes.first_chunk::<4>() else { return Ok(Progress::Needs(4)) };
        if *magic == pcapng::MAGIC {
            *self = Self::Pcapng(Pcapng::default());
            return self.next(bytes, packet);
        }
        let (state, progress) = match magic {
            netmon::MAGIC_1 | netmon::MAGIC_2 => match Netmon::begin(bytes)? {
                Some(netmon) => (Self::Netmon(netmon), Progress::Read(netmon::HEADER)),
                None => (Self::NetmonHeader, Progress::Needs(netmon::HEADER)),
            },
            _ => match Pcap::begin(bytes)? {
                Some(pcap) => (Self::Pcap(pcap), Progress::Read(pcap::HEADER)),
                None => (Self::PcapHeader, Progress::Needs(pcap::HEADER)),
            },
        };
        *self = state;
        Ok(progress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::ByteOrder;
    use crate::file::samples::{BOTH, Writer, faulty, read};

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
