//! What a capture file says, so that people need not read it. Pure, and in bounded memory whatever the file holds.

mod bytes;
pub mod packet;
pub mod reader;
