//! What is remembered, and where it lies in the store.

pub mod alert;
pub mod capture;
pub mod failure;
pub mod keys;
pub mod outcome;
pub mod reason;
pub mod repository;
pub mod reservation;
pub mod store;
pub mod target;

/// The words in the first column of the table under a heading of a page of the documentation.
#[cfg(test)]
fn words_in_table<'a>(page: &'a str, heading: &str) -> Vec<&'a str> {
    let (_, section) = page.split_once(heading).unwrap();
    let section = section.split("\n## ").next().unwrap();
    section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}
