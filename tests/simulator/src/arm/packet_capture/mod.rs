//! The packet captures of a network watcher.

pub(crate) mod create;
mod lookup;
pub(crate) mod session;
pub(crate) mod storage_path;
mod target;
