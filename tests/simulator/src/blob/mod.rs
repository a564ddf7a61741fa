//! Blob storage.

pub(crate) mod door;
mod file;
mod get;
mod list;
pub(crate) mod refusal;
mod xml;
