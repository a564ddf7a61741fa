//! Files that are cut, bent and pushed in pieces. None may do harm, and none may take long.

use nightcap::report::{Analysis, Report};

use crate::make::{self, Chance};
use crate::oracles;
use crate::read;

/// Published files when they are there, and our own: those that are made here, and those that the fuzzer begins with.
pub fn files() -> Vec<(String, Vec<u8>)> {
    let mut files = oracles::files();
    files.extend(make::one_of_each());
    files.extend(seeds());
    files
}

/// The first byte of a seed is how long its pieces are.
fn seeds() -> impl Iterator<Item = (String, Vec<u8>)> {
    let seeds = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/corpus/report")).unwrap();
    seeds.map(|seed| {
        let path = seed.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read(path).unwrap().split_off(1))
    })
}

fn read_in_pieces(file: &[u8], size: usize) -> Report {
    let mut analysis = Analysis::default();
    file.chunks(size).for_each(|piece| analysis.push(piece));
    analysis.finish()
}

#[test]
fn pieces_of_any_size_give_the_same_report() {
    for (name, file) in files() {
        let whole = read(&file);
        for size in [1, 7, 4096] {
            assert_eq!(read_in_pieces(&file, size), whole, "{name} in pieces of {size}");
        }
    }
}

#[test]
fn files_cut_anywhere_are_read_to_the_cut() {
    for (name, file) in files() {
        let whole = read(&file).packets.count;
        let mut chance = Chance::new(7);
        let random = (0..1000).map(|_| chance.below(file.len()));
        let mut cuts: Vec<usize> = (0..file.len().min(4096)).chain(random).collect();
        cuts.sort_unstable();
        let mut analysis = Analysis::default();
        let (mut begin, mut packets) = (0, 0);
        for cut in cuts {
            analysis.push(&file[begin..cut]);
            let report = analysis.clone().finish();
            let is_whole = report.file.bytes_read == cut as u64 && cut > 0;
            // Network Monitor's files alone tell where they end.
            let may_end =
                report.file.is_complete || !report.file.format.is_some_and(|format| format.starts_with("netmon"));
            assert_eq!(report.file.is_complete, is_whole && may_end, "{name} cut at {cut}");
            assert!(report.file.bytes_read <= cut as u64);
            assert!((packets..=whole).contains(&report.packets.count), "{name} cut at {cut}");
            (begin, packets) = (cut, report.packets.count);
        }
    }
}

#[test]
fn files_with_bytes_bent_are_survived() {
    let mut faults = 0;
    for (_, file) in files() {
        let beginning = &file[..file.len().min(20_000)];
        let mut chance = Chance::new(11);
        for _ in 0..300 {
            let mut bent = beginning.to_vec();
            for _ in 0..1 + chance.below(20) {
                let place = chance.below(bent.len());
                bent[place] = chance.byte();
            }
            let report = read(&bent);
            assert!(report.packets.count <= bent.len() as u64 / 16);
            assert!(serde_json::to_string(&report).is_ok());
            faults += u32::from(report.file.fault.is_some());
        }
    }
    assert!(faults > 100, "{faults}");
}

#[test]
fn garbage_behind_a_good_header_is_survived() {
    let mut chance = Chance::new(13);
    for (_, file) in make::one_of_each() {
        for _ in 0..500 {
            let mut garbage = file[..file.len().min(60)].to_vec();
            garbage.extend((0..chance.below(2000)).map(|_| chance.byte()));
            read(&garbage);
        }
    }
}
