//! Numbers out of bytes that may be too few.

/// The bytes end before the message does that they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Incomplete {
    /// With fewer than so many more it is not worth reading again.
    pub missing: usize,
}

/// Two bytes at a place, the more significant first.
pub fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|two| u16::from_be_bytes(*two))
}

/// Four bytes at a place, the most significant first.
pub fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four))
}

/// Which byte of a number a file holds first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// The most significant.
    Big,
    /// The least significant.
    Little,
}

impl ByteOrder {
    /// Two bytes at a place.
    pub fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let number = be16(bytes, at)?;
        Some(if self == Self::Big { number } else { number.swap_bytes() })
    }

    /// Four bytes at a place.
    pub fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let number = be32(bytes, at)?;
        Some(if self == Self::Big { number } else { number.swap_bytes() })
    }

    /// Eight bytes, and no more, as a signed number.
    pub fn i64(self, bytes: &[u8]) -> Option<i64> {
        let number = i64::from_be_bytes(bytes.try_into().ok()?);
        Some(if self == Self::Big { number } else { number.swap_bytes() })
    }
}
