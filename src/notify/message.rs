//! A notice as the receiver takes it.

/// A notice as the receiver takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its media type.
    pub content_type: &'static str,
    /// Its body.
    pub body: Vec<u8>,
}
