//! How far somebody carries on what is unfinished.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// To the end. What others may be at work on is left to them for a while.
    ToTheEnd,
    /// As far as it goes without a long wait, whoever else may be at work on it.
    Brief,
}
