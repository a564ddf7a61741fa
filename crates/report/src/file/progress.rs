//! How far a format has come with the bytes that are there.

/// What came of trying to read the next header, record or block.
pub(super) enum Progress {
    /// So many bytes were read.
    Read(usize),
    /// Nothing can be read until so many bytes are there in all.
    Needs(usize),
}
