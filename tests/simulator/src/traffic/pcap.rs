//! The file of a recording, as pcap has it (draft-ietf-opsawg-pcap).

use crate::traffic::recording::Recording;
use crate::traffic::scene;
use crate::traffic::wire::Packet;

/// Link type of Ethernet frames.
const ETHERNET: u32 = 1;

pub(crate) fn record(recording: &Recording) -> Vec<u8> {
    let mut packets = scene::packets(recording);
    packets.retain(|packet| recording.keeps(&packet.ends));
    packets.sort_by_key(|packet| packet.at);
    write(recording, &packets)
}

fn write(recording: &Recording, packets: &[Packet]) -> Vec<u8> {
    let snap = u32::try_from(recording.bytes_per_packet).ok().filter(|bytes| *bytes > 0).unwrap_or(262_144);
    let limit = usize::try_from(recording.total_bytes).ok().filter(|bytes| *bytes > 0).unwrap_or(usize::MAX);
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4_u32.to_le_bytes());
    file.extend(2_u16.to_le_bytes());
    file.extend(4_u16.to_le_bytes());
    // Time zone and accuracy, which nobody fills in.
    file.extend([0; 8]);
    file.extend(snap.to_le_bytes());
    file.extend(ETHERNET.to_le_bytes());
    for packet in packets {
        let kept = packet.bytes.len().min(snap as usize);
        if file.len() + 16 + kept > limit {
            break;
        }
        let at = recording.started.as_microsecond().max(0).unsigned_abs() + packet.at;
        let header = [at / 1_000_000, at % 1_000_000, kept as u64, packet.bytes.len() as u64];
        header.iter().for_each(|field| file.extend((*field as u32).to_le_bytes()));
        file.extend(&packet.bytes[..kept]);
    }
    file
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use etherparse::{NetSlice, SlicedPacket, TransportSlice};
    use jiff::Timestamp;

    use super::*;
    use crate::capture::filter::PacketFilter;
    use crate::capture::properties::{CaptureFilter, CaptureProperties};

    fn recording(seconds: i64) -> Recording {
        let started: Timestamp = "2026-11-20T02:00:00.25Z".parse().unwrap();
        Recording {
            started,
            ended: Timestamp::from_microsecond(started.as_microsecond() + seconds * 1_000_000).unwrap(),
            machine: Ipv4Addr::new(10, 0, 0, 4),
            bytes_per_packet: 0,
            total_bytes: 0,
            filters: Vec::new(),
            percent: 100,
            seed: 7,
        }
    }

    struct Record {
        at: u64,
        original: usize,
        bytes: Vec<u8>,
    }

    fn records(file: &[u8]) -> Vec<Record> {
        let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        assert_eq!(&file[..4], [0xd4, 0xc3, 0xb2, 0xa1], "little-endian, microseconds");
        assert_eq!((word(4), word(20)), (0x0004_0002, 1), "version 2.4, Ethernet");
        let (mut records, mut at) = (Vec::new(), 24);
        while at < file.len() {
            let kept = word(at + 8) as usize;
            assert!(word(at + 4) < 1_000_000);
            records.push(Record {
                at: u64::from(word(at)) * 1_000_000 + u64::from(word(at + 4)),
                original: word(at + 12) as usize,
                bytes: file[at + 16..at + 16 + kept].to_vec(),
            });
            at += 16 + kept;
        }
        records
    }

    #[test]
    fn every_packet_is_whole_has_right_checksums_and_lies_in_the_recording() {
        let recording = recording(60);
        let records = records(&record(&recording));
        let window = recording.started.as_microsecond() as u64..recording.ended.as_microsecond() as u64;
        assert!(records.is_sorted_by_key(|record| record.at));
        for record in &records {
            assert!(window.contains(&record.at));
            assert_eq!(record.bytes.len(), record.original);
            let packet = SlicedPacket::from_ethernet(&record.bytes).unwrap();
            let Some(NetSlice::Ipv4(ip)) = packet.net else { panic!("not IPv4") };
            let ip_header = ip.header().to_header();
            assert_eq!(ip_header.header_checksum, ip_header.calc_header_checksum());
            match packet.transport.unwrap() {
                TransportSlice::Tcp(tcp) => {
                    let sum = tcp.to_header().calc_checksum_ipv4(&ip_header, tcp.payload()).unwrap();
                    assert_eq!(sum, tcp.checksum());
                }
                TransportSlice::Udp(udp) => {
                    let sum = udp.to_header().calc_checksum_ipv4(&ip_header, udp.payload()).unwrap();
                    assert_eq!(sum, udp.checksum());
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_middle_shows_a_burst_with_refusals_and_repeats() {
        let recording = recording(60);
        let records = records(&record(&recording));
        let second = |record: &Record| (record.at - recording.started.as_microsecond() as u64) / 1_000_000;
        let sent = |from: u64, to: u64| {
            let in_time = records.iter().filter(|record| (from..to).contains(&second(record)));
            in_time.filter(|record| record.bytes[26..30] == [10, 0, 0, 4]).count()
        };
        assert!(sent(27, 37) > 5 * sent(10, 20), "{} against {}", sent(27, 37), sent(10, 20));
        let flags = |wanted: u8| records.iter().filter(|one| one.bytes[23] == 6 && one.bytes[47] & wanted != 0).count();
        assert!(flags(0x02) > 300 && flags(0x04) > 100, "SYN {} RST {}", flags(0x02), flags(0x04));
    }

    #[test]
    fn files_are_of_a_reasonable_size_and_repeatable() {
        for seconds in [1, 60, 18_000] {
            let file = record(&recording(seconds));
            assert!((400_000..3_000_000).contains(&file.len()), "{seconds} s: {}", file.len());
            assert_eq!(file, record(&recording(seconds)));
        }
        assert_eq!(record(&recording(0)).len(), 24, "nothing was captured in no time");
        assert_ne!(record(&recording(60)), record(&Recording { seed: 8, ..recording(60) }));
    }

    #[test]
    fn packets_are_cut_and_the_file_is_limited_as_asked() {
        let cut = record(&Recording { bytes_per_packet: 34, ..recording(60) });
        assert!(records(&cut).iter().all(|record| record.bytes.len() == 34 && record.original > 34));
        let limited = record(&Recording { total_bytes: 10_000, ..recording(60) });
        assert!((8_000..=10_000).contains(&limited.len()), "{}", limited.len());
        records(&limited);
    }

    #[test]
    fn only_what_a_filter_matches_is_kept() {
        let filter =
            CaptureFilter { protocol: Some("UDP".into()), remote_port: Some("53".into()), ..CaptureFilter::default() };
        let properties = CaptureProperties { filters: Some(vec![filter]), ..CaptureProperties::default() };
        let filters = PacketFilter::read_all(&properties).unwrap();
        let records = records(&record(&Recording { filters, ..recording(60) }));
        assert!(!records.is_empty() && records.iter().all(|record| record.bytes[23] == 17));
    }
}
