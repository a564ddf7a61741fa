//! An interface of pcapng: what its packets begin with, and how its clock counts.

use pcap_parser::{InterfaceDescriptionBlock, OptionCode};

use crate::bytes::ByteOrder;
use crate::file::record::{NO_LINK_TYPE, Record};

/// The most interfaces of a section. There is no limit in the format.
pub(super) const MAX_INTERFACES: usize = 4_096;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

#[derive(Clone, Copy, Debug)]
pub(super) struct Interface {
    link_type: u16,
    /// The most bytes kept of a packet; 0 for any number.
    pub snaplen: u32,
    /// How many units of its clock make a second; none when that is beyond 64 bits.
    units_per_second: Option<u64>,
    /// Seconds to add.
    offset: i64,
}

impl Interface {
    /// `pcap-parser` has no time for resolutions in powers of two, and reads the offset as little-endian always.
    pub fn new(description: &InterfaceDescriptionBlock<'_>, order: ByteOrder) -> Self {
        let offset = description.options.iter().find(|option| option.code == OptionCode::IfTsoffset);
        let offset = offset.and_then(|option| order.i64(option.as_bytes().ok()?));
        let (base, exponent) = match description.if_tsresol {
            power @ 0x80.. => (2_u64, power & 0x7f),
            power => (10, power),
        };
        Self {
            link_type: u16::try_from(description.linktype.0).unwrap_or(NO_LINK_TYPE),
            snaplen: description.snaplen,
            units_per_second: base.checked_pow(exponent.into()),
            offset: offset.unwrap_or_default(),
        }
    }

    pub fn record<'a>(&self, time_high: u32, time_low: u32, length: u32, bytes: &'a [u8]) -> Record<'a> {
        let units = u64::from(time_high) << 32 | u64::from(time_low);
        let kept = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Record {
            link_type: self.link_type,
            time: self.time(units),
            has_odd_time: false,
            length: length.max(kept),
            bytes,
        }
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
    use crate::file::samples::{BOTH, SECOND, whole};

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
}
