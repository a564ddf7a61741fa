//! A packet capture: what a request asks for, and what becomes of it in time.

pub(crate) mod filter;
pub(crate) mod lifecycle;
pub(crate) mod properties;
pub(crate) mod request;
