//! Sequence numbers of TCP, which begin again after the highest.

/// Whether a sequence number is before another one (RFC 9293, 3.4).
pub(crate) fn is_before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() < 0
}
