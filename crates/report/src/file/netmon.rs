//! Microsoft Network Monitor, 1.x and 2.x: a header, frames one after the other, and behind them a table of where each begins.
//!
//! Facts of the format are from Wireshark (wiretap/netmon.c). A stream shows the table last, so frames are read one after the
//! other, and then compared with it.

use time::{Date, Month, Time};

use crate::bytes::ByteOrder;
use crate::file::fault::FaultKind;
use crate::file::format::Format;
use crate::file::progress::Progress;
use crate::file::record::{MAX_PACKET, NO_LINK_TYPE, Record};

pub(super) const MAGIC_1: &[u8; 4] = b"RTSS";
pub(super) const MAGIC_2: &[u8; 4] = b"GMBU";

/// Bytes of the file's header, padding and all.
pub(super) const HEADER: usize = 128;

const ORDER: ByteOrder = ByteOrder::Little;

/// Bytes of an entry of the table: where a frame begins.
const ENTRY: usize = 4;

/// Units of 100 nanoseconds from 1601 to 1970.
const FROM_1601_TO_1970: i64 = 116_444_736_000_000_000;

#[derive(Clone, Debug)]
pub(super) struct Netmon {
    pub format: Format,
    /// Bytes behind each frame.
    trailer: usize,
    /// That of all frames, where they do not tell their own.
    link_type: u16,
    /// When the capture began. What frames tell is the time since then. Nothing for a date that is none.
    start: Option<i64>,
    position: u64,
    table_at: u64,
    /// Frames, and entries of the table, that are still to be read.
    frames: u32,
    entries: u32,
    /// Where all frames begin, added up, and the same of the table, which need not be in their order.
    sum_of_frames: u64,
    sum_of_entries: u64,
    /// Frames that hold notes of Network Monitor's own.
    pub skipped_frames: u64,
}

impl Netmon {
    /// Reads the file's header; nothing when it is not whole.
    pub fn begin(bytes: &[u8]) -> Result<Option<Self>, FaultKind> {
        let Some(header) = bytes.get(..HEADER) else { return Ok(None) };
        Self::new(header).map(Some)
    }

    fn new(header: &[u8]) -> Result<Self, FaultKind> {
        let (format, trailer) = match header {
            [_, _, _, _, _, 1, ..] => (Format::Netmon1, 0),
            [_, _, _, _, minor, 2, ..] => (Format::Netmon2, trailer_of_2(*minor)),
            _ => return Err(FaultKind::UnknownFormat),
        };
        let media_type = ORDER.u16(header, 6).unwrap_or_default();
        let table_at = ORDER.u32(header, 24).unwrap_or_default();
        let table = ORDER.u32(header, 28).unwrap_or_default();
        // Without a table the file was never closed.
        let is_open = table_at == 0;
        if !is_open && ((table_at as usize) < HEADER || !(table as usize).is_multiple_of(ENTRY)) {
            return Err(FaultKind::MisplacedFrames);
        }
        let entries = if is_open { u32::MAX } else { table / 4 };
        Ok(Self {
            format,
            trailer,
            link_type: link_type(media_type),
            start: start(header),
            position: HEADER as u64,
            table_at: if is_open { u64::MAX } else { table_at.into() },
            frames: entries,
            entries,
            sum_of_frames: 0,
            sum_of_entries: 0,
            skipped_frames: 0,
        })
    }

    /// Whether some of the table was read, but not all of it.
    pub fn is_within_table(&self) -> bool {
        self.position > self.table_at && self.entries > 0
    }

    /// Whether there must be more of the file. Behind the table there may be comments and names of processes, or nothing.
    pub fn is_unfinished(&self) -> bool {
        self.position < self.table_at || self.entries > 0
    }

    /// Reads one frame from the beginning of these bytes, or what is behind the frames.
    pub fn read(&mut self, bytes: &[u8], packet: &mut impl FnMut(Record<'_>)) -> Result<Progress, FaultKind> {
        let before_table = usize::try_from(self.table_at.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let progress = match before_table {
            _ if self.frames > 0 => self.read_frame(bytes, before_table, packet)?,
            0 if self.entries > 0 => self.read_table(bytes)?,
            0 => Progress::Read(bytes.len()),
            _ => Progress::Read(before_table.min(bytes.len())),
        };
        if let Progress::Read(length) = progress {
            self.position = self.position.saturating_add(length as u64);
        }
        Ok(progress)
    }

    fn read_frame(
        &mut self,
        bytes: &[u8],
        before_table: usize,
        packet: &mut impl FnMut(Record<'_>),
    ) -> Result<Progress, FaultKind> {
        let head = if self.format == Format::Netmon1 { 8 } else { 16 };
        let Some(header) = bytes.get(..head) else { return Ok(Progress::Needs(head)) };
        let Some((since_start, length, kept)) = self.header(header) else { return Err(FaultKind::MalformedBlock) };
        if header.iter().all(|byte| *byte == 0) {
            return Err(FaultKind::ZeroTail);
        }
        if kept > MAX_PACKET {
            return Err(FaultKind::RecordTooLong { length: kept });
        }
        let end = head.saturating_add(kept as usize);
        let size = end.saturating_add(self.trailer);
        if size > before_table {
            return Err(FaultKind::MisplacedFrames);
        }
        let (Some(data), Some(trailer)) = (bytes.get(head..end), bytes.get(end..size)) else {
            return Ok(Progress::Needs(size));
        };
        self.frames = self.frames.saturating_sub(1);
        self.sum_of_frames = self.sum_of_frames.saturating_add(self.position);
        let media_type = ORDER.u16(trailer, 0);
        if media_type.is_some_and(is_note) {
            self.skipped_frames = self.skipped_frames.saturating_add(1);
            return Ok(Progress::Read(size));
        }
        // The time in UTC, which files have since 2.3, is behind the media type and the number of a process.
        let time = match trailer.get(6..14) {
            Some(time) => ORDER.i64(time).and_then(|time| time.checked_sub(FROM_1601_TO_1970)?.checked_mul(100)),
            None => self.start.zip(since_start).and_then(|(start, since)| start.checked_add(since)),
        };
        let has_odd_time = time.is_none();
        let link_type = media_type.map_or(self.link_type, link_type);
        packet(Record { link_type, time, has_odd_time, length: length.max(kept), bytes: data });
        Ok(Progress::Read(size))
    }

    /// Nanoseconds since the capture began, if that many can be counted; bytes on the wire, and those that were kept.
    fn header(&self, header: &[u8]) -> Option<(Option<i64>, u32, u32)> {
        if self.format == Format::Netmon1 {
            let millis = i64::from(ORDER.u32(header, 0)?);
            return Some((millis.checked_mul(1_000_000), ORDER.u16(header, 4)?.into(), ORDER.u16(header, 6)?.into()));
        }
        // Microseconds without a sign. A frame may still be from before the beginning: ten times as many are units of
        // 100 nanoseconds with one.
        let units = ORDER.i64(header.get(..8)?)?.wrapping_mul(10);
        Some((units.checked_mul(100), ORDER.u32(header, 8)?, ORDER.u32(header, 12)?))
    }

    /// Reads as many entries as there are, and compares the whole table with the frames.
    fn read_table(&mut self, bytes: &[u8]) -> Result<Progress, FaultKind> {
        let entries = bytes.chunks_exact(ENTRY).take(self.entries as usize);
        let count = entries.len();
        if count == 0 {
            return Ok(Progress::Needs(ENTRY));
        }
        let sum = entries.filter_map(|entry| ORDER.u32(entry, 0)).map(u64::from).fold(0, u64::saturating_add);
        self.sum_of_entries = self.sum_of_entries.saturating_add(sum);
        self.entries = self.entries.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
        if self.entries == 0 && self.sum_of_entries != self.sum_of_frames {
            return Err(FaultKind::MisplacedFrames);
        }
        Ok(Progress::Read(count.saturating_mul(ENTRY)))
    }
}

/// What is behind each frame: from 2.1 on its media type in two bytes, from 2.2 on the number of a process in four, from 2.3 on
/// a time in eight and a time zone in one.
fn trailer_of_2(minor: u8) -> usize {
    match minor {
        0 => 0,
        1 => 2,
        2 => 6,
        _ => 15,
    }
}

/// When the capture began, by the clock on the wall of its machine; those in Azure show UTC unless somebody changes that.
fn start(header: &[u8]) -> Option<i64> {
    let field = |at| ORDER.u16(header, at);
    let small = |at| u8::try_from(field(at)?).ok();
    let date = Date::from_calendar_date(field(8)?.into(), Month::try_from(small(10)?).ok()?, small(14)?).ok()?;
    let time = Time::from_hms_milli(small(16)?, small(18)?, small(20)?, field(22)?).ok()?;
    i64::try_from(date.with_time(time).assume_utc().unix_timestamp_nanos()).ok()
}

/// The link type of the same form as a media type.
fn link_type(media_type: u16) -> u16 {
    match media_type {
        // Frames of VPNs say 0 and are Ethernet.
        0 | 1 => 1,
        2 => 6,
        3 => 10,
        // Tunnels, mobile networks, raw IP.
        7..=9 => 101,
        // What a later tool of Microsoft added in between.
        0xe080..=0xe08a => NO_LINK_TYPE,
        // From a pcap file.
        0xe000..=0xefff => media_type & 0x0fff,
        _ => NO_LINK_TYPE,
    }
}

/// Whether a frame was on no wire: events, adapters, names of addresses, filters.
fn is_note(media_type: u16) -> bool {
    matches!(media_type, 0xffe0 | 0xfffb..=0xffff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::reader::Reader;
    use crate::file::samples::{Read, SECOND, faulty, packet, read, whole};

    /// 2026-11-20T02:13:00.250Z.
    const START: i64 = 1_795_140_780 * SECOND + SECOND / 4;

    /// A file that is being made.
    struct File {
        version: [u8; 2],
        frames: Vec<Vec<u8>>,
        table: Option<Vec<u32>>,
        behind: Vec<u8>,
    }

    impl File {
        fn new(major: u8, minor: u8) -> Self {
            Self { version: [minor, major], frames: vec![], table: None, behind: vec![] }
        }

        fn frame(mut self, since_start: i64, length: u32, bytes: &[u8], trailer: &[u8]) -> Self {
            let kept = bytes.len() as u32;
            let head = match self.version[1] {
                1 => [
                    &(since_start as u32).to_le_bytes()[..],
                    &(length as u16).to_le_bytes(),
                    &(kept as u16).to_le_bytes(),
                ]
                .concat(),
                _ => [&since_start.to_le_bytes()[..], &length.to_le_bytes(), &kept.to_le_bytes()].concat(),
            };
            self.frames.push([&head, bytes, trailer].concat());
            self
        }

        fn bytes(&self) -> Vec<u8> {
            let mut places = vec![HEADER as u32];
            self.frames.iter().for_each(|frame| places.push(places[places.len() - 1] + frame.len() as u32));
            let table_at = places.pop().unwrap();
            let table = self.table.as_ref().unwrap_or(&places);
            let magic = if self.version[1] == 1 { MAGIC_1 } else { MAGIC_2 };
            let date: Vec<u8> =
                [1_u16, 2026, 11, 5, 20, 2, 13, 0, 250].iter().flat_map(|field| field.to_le_bytes()).collect();
            let mut file = [&magic[..], &self.version, &date, &table_at.to_le_bytes()].concat();
            file.extend((table.len() as u32 * 4).to_le_bytes());
            file.resize(HEADER, 0xaa);
            file.extend(self.frames.concat());
            file.extend(table.iter().flat_map(|place| place.to_le_bytes()));
            file.extend(&self.behind);
            file
        }
    }

    fn two(major: u8, minor: u8, trailer: &[u8]) -> File {
        File::new(major, minor).frame(5, 90, b"abcd", trailer).frame(1_007, 3, b"xyz", trailer)
    }

    #[test]
    fn frames_of_1_tell_milliseconds_and_those_of_2_microseconds() {
        for (file, milli, format) in [
            (two(1, 1, b""), 1_000_000, Format::Netmon1),
            (two(2, 0, b""), 1_000, Format::Netmon2),
            (two(2, 1, &[1, 0]), 1_000, Format::Netmon2),
            (two(2, 2, &[1, 0, 9, 9, 9, 9]), 1_000, Format::Netmon2),
        ] {
            let bytes = file.bytes();
            let expected = [packet(1, START + 5 * milli, 90, b"abcd"), packet(1, START + 1_007 * milli, 3, b"xyz")];
            assert_eq!(whole(&bytes), expected);
            let mut reader = Reader::default();
            reader.push(&bytes, |_| {});
            assert_eq!((reader.format(), reader.sections(), reader.interfaces()), (Some(format), 1, 1));
        }
    }

    #[test]
    fn a_frame_may_be_older_than_the_beginning_of_the_capture() {
        // So many units of 100 nanoseconds are beyond what a number with a sign holds: they are 1.5 ms before.
        let before = -1_500;
        assert_eq!(whole(&File::new(2, 0).frame(before, 1, b"x", b"").bytes())[0].time, Some(START - 1_500_000));
        assert_eq!(
            whole(&File::new(1, 1).frame(-1, 1, b"x", b"").bytes())[0].time,
            Some(START + i64::from(u32::MAX) * 1_000_000)
        );
    }

    #[test]
    fn frames_of_2_3_have_a_time_of_their_own() {
        let time = (1_700_000_000 * 10_000_000 + 7 + FROM_1601_TO_1970).to_le_bytes();
        let trailer = [&[1, 0, 0, 0, 0, 0][..], &time, &[3]].concat();
        assert_eq!(whole(&two(2, 3, &trailer).bytes())[1], packet(1, 1_700_000_000 * SECOND + 700, 3, b"xyz"));
        let odd = [&[1, 0, 0, 0, 0, 0][..], &[0xff; 8], &[3]].concat();
        assert_eq!(whole(&two(2, 3, &odd).bytes())[0].time, None);
    }

    #[test]
    fn each_frame_since_2_1_tells_what_it_begins_with() {
        let cases = [
            (0, 1),
            (1, 1),
            (9, 101),
            (0xe071, 113),
            (0xe071, 113),
            (6, NO_LINK_TYPE),
            (0xe083, NO_LINK_TYPE),
            (0xf000, NO_LINK_TYPE),
        ];
        let mut file = File::new(2, 1);
        for (media_type, _) in cases {
            file = file.frame(1, 1, b"x", &u16::to_le_bytes(media_type));
        }
        let link_types: Vec<u16> = whole(&file.bytes()).iter().map(|packet| packet.link_type).collect();
        assert_eq!(link_types, cases.map(|(_, link_type)| link_type));
    }

    #[test]
    fn frames_that_were_on_no_wire_are_skipped() {
        let file = two(2, 1, &[1, 0]).frame(8, 3, b"eth", &[0xfd, 0xff]).frame(9, 3, b"udp", &[0xff, 0xff]).bytes();
        let mut reader = Reader::default();
        let mut packets = 0;
        reader.push(&file, |_| packets += 1);
        assert_eq!((packets, reader.skipped_blocks(), reader.end()), (2, 2, None));
    }

    #[test]
    fn the_table_may_be_in_another_order_and_have_anything_behind_it() {
        let mut file = two(2, 0, b"");
        file.table = Some(vec![148, 128]);
        file.behind = vec![0xff; 10_000];
        assert_eq!(whole(&file.bytes()).len(), 2);
    }

    #[test]
    fn frames_that_are_elsewhere_than_the_table_says_are_told() {
        for table in [vec![128, 149], vec![148, 148]] {
            let mut file = two(2, 0, b"");
            file.table = Some(table);
            assert_eq!(faulty(&file.bytes()), (2, 167, FaultKind::MisplacedFrames));
        }
        // More frames than there is room for.
        let mut file = two(2, 0, b"");
        file.table = Some(vec![128, 148, 167, 200]);
        assert_eq!(faulty(&file.bytes()), (2, 167, FaultKind::MisplacedFrames));
        let mut file = two(2, 0, b"").bytes();
        file[24..28].copy_from_slice(&20_u32.to_le_bytes());
        assert_eq!(faulty(&file), (0, 0, FaultKind::MisplacedFrames));
    }

    #[test]
    fn a_gap_before_the_table_holds_no_frames() {
        let mut file = two(2, 0, b"");
        file.table = Some(vec![128]);
        assert_eq!(whole(&file.bytes()), [packet(1, START + 5_000, 90, b"abcd")]);
    }

    #[test]
    fn a_file_that_was_never_closed_is_read_to_its_end() {
        let mut file = two(2, 0, b"").bytes();
        file.truncate(167);
        file[24..32].fill(0);
        assert_eq!(faulty(&file), (2, 167, FaultKind::CutShort));
    }

    #[test]
    fn a_file_that_is_cut_between_two_frames_is_known_to_be_cut() {
        let file = two(2, 1, &[1, 0]).bytes();
        for (length, frames, at) in
            [(127, 0, 0), (128, 0, 128), (129, 0, 128), (150, 1, 150), (171, 2, 171), (175, 2, 171)]
        {
            assert_eq!(faulty(&file[..length]), (frames, at, FaultKind::CutShort), "{length}");
        }
        assert_eq!(read(&file).1, None);
    }

    #[test]
    fn lengths_and_dates_that_are_none_are_told() {
        let long = File::new(2, 0).frame(1, 1, &vec![0; MAX_PACKET as usize + 1], b"").bytes();
        assert_eq!(faulty(&long), (0, 128, FaultKind::RecordTooLong { length: MAX_PACKET + 1 }));
        let mut file = two(2, 0, b"").bytes();
        file[10..12].copy_from_slice(&13_u16.to_le_bytes());
        assert_eq!(whole(&file)[0], Read { link_type: 1, time: None, length: 90, bytes: b"abcd".to_vec() });
        file[128..].fill(0);
        assert_eq!(faulty(&file), (0, 128, FaultKind::ZeroTail));
        let mut file = two(2, 0, b"").bytes();
        file[5] = 3;
        assert_eq!(faulty(&file), (0, 0, FaultKind::UnknownFormat));
    }
}
