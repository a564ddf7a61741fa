//! One capture: found its place, started, watched to its end, read and told.

pub mod analyze;
pub mod end;
pub mod finish;
pub mod give_way;
pub mod limit;
pub mod locate;
pub mod name;
pub mod note;
pub mod ours;
pub mod reserve;
mod retain;
pub mod settle;
pub mod start;
pub mod step;
pub mod strangers;
pub mod watch;
