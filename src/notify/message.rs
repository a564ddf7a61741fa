//! A notice as the receiver takes it.

/// A notice as the receiver takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub content_type: &'static str,
    pub body: Vec<u8>,
}
