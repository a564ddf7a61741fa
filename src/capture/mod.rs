//! One capture: found its place, started, watched to its end, read and told.

pub mod analyze;
pub mod by_hand;
pub mod end;
pub mod finish;
pub mod give_way;
pub mod instances;
pub mod limit;
mod lines;
pub mod locate;
pub mod name;
pub mod note;
pub mod ours;
mod report;
pub mod reserve;
mod retain;
pub mod settle;
pub mod start;
pub mod step;
pub mod strangers;
pub mod watch;
