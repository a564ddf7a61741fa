//! Proves that a report says of a capture file what is in it, and that no file does harm.
//!
//! | file | purpose |
//! |---|---|
//! | `make.rs` | makes packets and files |
//! | `counts.rs` | what a report says of files that are made here |
//! | `oracles.rs` | what it says of published captures, beside what tshark says |
//! | `conversions.rs` | what it says of them in other formats |
//! | `names.rs` | what it leaves out when names are not wanted |
//! | `damage.rs` | files that are cut, bent and pushed in pieces |
//!
//! `oracles.rs`, `conversions.rs`, and a part of `damage.rs` and of `names.rs` need `NIGHTCAP_ORACLES` to be set to a folder that holds
//! `captures`; `conversions.rs` needs tshark as well.

mod conversions;
mod counts;
mod damage;
mod make;
mod names;
mod oracles;

use nightcap::report::{Analysis, Report};

/// The report of a file that comes in one piece.
fn read(file: &[u8]) -> Report {
    let mut analysis = Analysis::default();
    analysis.push(file);
    analysis.finish()
}
