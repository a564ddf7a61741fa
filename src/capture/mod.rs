//! One capture: found its place, started, watched to its end, and read.

pub mod analyze;
pub mod end;
pub mod limit;
pub mod locate;
pub mod name;
pub mod settle;
pub mod start;
pub mod watch;
