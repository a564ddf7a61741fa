//! The form in which records are written. Later versions tell by it what they read.

/// Written into every record of an alert, a capture or a message that waits.
///
/// - 0, and no such member: version 0.1. The keys of captures had names as they were spelt.
/// - 1: the keys of captures are in lower case.
/// - 2: the alerts on a capture lie under the address of its file, and the one that it was asked for in its record. So does the record
///   of a capture whose name is another one's by now.
pub const FORM: u32 = 2;
