//! What exists in the pretend Azure, and how fast it works.

pub(crate) mod inventory;
pub(crate) mod resources;
pub(crate) mod sample;
pub(crate) mod settings;
pub(crate) mod timing;
pub(crate) mod urls;
