//! The pretend Azure behind sockets.

mod body;
mod control;
pub(crate) mod sockets;
