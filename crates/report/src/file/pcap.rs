//! pcap: one header for the file, and one for each packet.

use pcap_parser::nom;
use pcap_parser::{
    LegacyPcapBlock, PcapHeader, parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified, parse_pcap_header,
};

use crate::bytes::ByteOrder;
use crate::file::fault::FaultKind;
use crate::file::format::Format;
use crate::file::progress::Progress;
use crate::file::record::{MAX_PACKET, Record};

/// Bytes of the file's header, in all variants.
pub(super) const HEADER: usize = 24;

/// Bytes of a record's header, but for the modified variant.
const HEAD: usize = 16;

const SECOND: i64 = 1_000_000_000;

#[derive(Clone, Debug)]
pub(super) struct Pcap {
    order: ByteOrder,
    pub format: Format,
    link_type: u16,
}

impl Pcap {
    /// Reads the file's header; nothing when it is not whole.
    pub fn begin(bytes: &[u8]) -> Result<Option<Self>, FaultKind> {
        match parse_pcap_header(bytes) {
            Ok((_, header)) => Ok(Some(Self::new(&header))),
            Err(nom::Err::Incomplete(_)) => Ok(None),
            Err(_) => Err(FaultKind::UnknownFormat),
        }
    }

    fn new(header: &PcapHeader) -> Self {
        let format = match header {
            header if header.is_modified_format() => Format::PcapModified,
            header if header.is_nanosecond_precision() => Format::PcapNs,
            _ => Format::Pcap,
        };
        let order = if header.is_bigendian() { ByteOrder::Big } else { ByteOrder::Little };
        // The upper half of the field is about frame check sequences.
        let link_type = header.network.0.cast_unsigned() & 0xffff;
        Self { order, format, link_type: u16::try_from(link_type).unwrap_or_default() }
    }

    /// Reads one packet from the beginning of these bytes.
    pub fn read(&self, bytes: &[u8], packet: &mut impl FnMut(Record<'_>)) -> Result<Progress, FaultKind> {
        let head: u32 = if self.format == Format::PcapModified { 24 } else { HEAD as u32 };
        let Some(kept) = bytes.get(..head as usize).and_then(|head| self.order.u32(head, 8)) else {
            return Ok(Progress::Needs(head as usize));
        };
        if bytes.get(..HEAD).is_some_and(|head| head.iter().all(|byte| *byte == 0)) {
            return Err(FaultKind::ZeroTail);
        }
        if kept > MAX_PACKET {
            return Err(FaultKind::RecordTooLong { length: kept });
        }
        let size = head.saturating_add(kept) as usize;
        if bytes.len() < size {
            return Ok(Progress::Needs(size));
        }
        let parsed = match (self.format, self.order) {
            (Format::PcapModified, _) => parse_pcap_frame_modified(bytes),
            (_, ByteOrder::Big) => parse_pcap_frame_be(bytes),
            (_, ByteOrder::Little) => parse_pcap_frame(bytes),
        };
        let (_, LegacyPcapBlock { ts_sec, ts_usec, origlen, data, .. }) =
            parsed.map_err(|_| FaultKind::MalformedBlock)?;
        let unit = if self.format == Format::PcapNs { 1 } else { 1_000 };
        let fraction = i64::from(ts_usec).saturating_mul(unit);
        let time = i64::from(ts_sec).saturating_mul(SECOND).saturating_add(fraction);
        let time = Some(time).filter(|_| fraction < SECOND);
        let has_odd_time = time.is_none();
        packet(Record { link_type: self.link_type, time, has_odd_time, length: origlen.max(kept), bytes: data });
        Ok(Progress::Read(size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::reader::Reader;
    use crate::file::samples::{BOTH, Writer, faulty, packet, whole};

    #[test]
    fn pcap_is_read_in_both_byte_orders_and_units() {
        for writer in BOTH {
            for (magic, unit, format) in [(0xa1b2_c3d4, 1000, Format::Pcap), (0xa1b2_3c4d, 1, Format::PcapNs)] {
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
    fn a_tail_of_zeros_ends_the_file() {
        for writer in BOTH {
            let good = [writer.pcap(0xa1b2_c3d4, 1), writer.record(1, 2, 3, b"abc")].concat();
            let at = good.len() as u64;
            for zeros in [16, 512] {
                let file = [good.clone(), vec![0; zeros]].concat();
                assert_eq!(faulty(&file), (1, at, FaultKind::ZeroTail), "{zeros}");
            }
        }
    }

    #[test]
    fn a_fraction_that_is_none_is_no_time() {
        let writer = Writer(ByteOrder::Little);
        for (magic, too_much) in [(0xa1b2_c3d4, 1_000_000), (0xa1b2_3c4d, 1_000_000_000)] {
            let records = [writer.record(1, too_much - 1, 3, b"abc"), writer.record(1, too_much, 3, b"abc")].concat();
            let times: Vec<bool> =
                whole(&[writer.pcap(magic, 1), records].concat()).iter().map(|record| record.time.is_some()).collect();
            assert_eq!(times, [true, false]);
        }
    }

    #[test]
    fn the_upper_half_of_a_link_type_is_not_part_of_it() {
        let writer = Writer(ByteOrder::Big);
        let file = [writer.pcap(0xa1b2_c3d4, 0x5400_0001), writer.record(0, 0, 1, b"x")].concat();
        assert_eq!(whole(&file)[0].link_type, 1);
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
        }
    }
}
