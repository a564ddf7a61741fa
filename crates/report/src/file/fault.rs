//! What can be wrong with a file, as a word for programs and a sentence for people.

use std::fmt;

use strum::IntoStaticStr;

use crate::file::interface::MAX_INTERFACES;

/// Where reading ended before the file did, and why. Everything before that place has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The first byte of the record or block that could not be read.
    pub at: u64,
    /// What is wrong with it.
    pub kind: FaultKind,
}

/// What can be wrong with a file; its word is the one of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum FaultKind {
    /// There is nothing in it.
    Empty,
    /// It begins like no capture file.
    UnknownFormat,
    /// It ends in the middle of a record.
    CutShort,
    /// From some place on there are zeros instead of records.
    ZeroTail,
    /// A record says that it holds more than 262,144 bytes.
    RecordTooLong {
        /// What it says.
        length: u32,
    },
    /// A block's length is none that a block can have, or not the same at its beginning and its end.
    BadBlockLength {
        /// What it says.
        length: u32,
    },
    /// The lengths or fields within a block do not fit into it.
    MalformedBlock,
    /// The frames of Network Monitor are not where the file's table of frames says.
    MisplacedFrames,
    /// A packet names an interface that nobody has described.
    UnknownInterface {
        /// The interface's number within its section.
        interface: u32,
    },
    /// A section describes more than [`MAX_INTERFACES`].
    TooManyInterfaces,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at;
        match self.kind {
            FaultKind::Empty => f.write_str("The file is empty."),
            FaultKind::UnknownFormat => f.write_str("The file is none of pcap, pcapng and Network Monitor."),
            FaultKind::CutShort => {
                write!(f, "The file ends before the record at byte {at} does. What is before it was read.")
            }
            FaultKind::ZeroTail => {
                write!(f, "From byte {at} on the file holds zeros and no packets. What is before them was read.")
            }
            FaultKind::RecordTooLong { length } => {
                write!(f, "The record at byte {at} claims {length} bytes, which no packet has. Reading ended there.")
            }
            FaultKind::BadBlockLength { length } => {
                write!(f, "The block at byte {at} claims a length of {length}, which is wrong. Reading ended there.")
            }
            FaultKind::MalformedBlock => {
                write!(f, "The contents of the block at byte {at} do not fit into it. Reading ended there.")
            }
            FaultKind::MisplacedFrames => {
                let what = "do not fit the file's table of frames. What was read before may be wrong.";
                write!(f, "The frames up to byte {at} {what}")
            }
            FaultKind::UnknownInterface { interface } => {
                let what = "which the file does not describe. Reading ended there.";
                write!(f, "The packet at byte {at} is of interface {interface}, {what}")
            }
            FaultKind::TooManyInterfaces => {
                let most = MAX_INTERFACES;
                write!(f, "The section at byte {at} describes more than {most} interfaces. Reading ended there.")
            }
        }
    }
}
