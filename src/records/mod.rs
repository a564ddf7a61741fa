//! What is remembered, and where it lies in the store.

pub mod alert;
pub mod baseline;
pub mod capture;
pub mod explanation;
pub mod failure;
pub mod form;
pub mod index;
pub mod keys;
pub mod outcome;
pub mod reason;
pub mod report;
pub mod repository;
pub mod reservation;
pub mod standing;
pub mod store;
pub mod sweep;
pub mod target;
pub mod unreadable;

/// Holds the words in the first column of a table of `docs/troubleshooting.md` against those that nightcap uses.
#[cfg(test)]
fn assert_explained(heading: &str, used: impl Iterator<Item = &'static str>) {
    let (_, section) = include_str!("../../docs/troubleshooting.md").split_once(heading).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let mut explained: Vec<&str> = rows.collect();
    let mut used: Vec<&str> = used.collect();
    explained.sort_unstable();
    used.sort_unstable();
    assert_eq!(explained, used);
}
