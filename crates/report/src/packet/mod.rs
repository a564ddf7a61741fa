//! Takes a packet apart: from its link layer over tunnels to the innermost transport.
//!
//! `etherparse` reads headers of IP and of what is in it. What is ours: the link layers and tunnels that it does not know,
//! lengths on the wire of packets that were cut, and the first fragment of a datagram, which tells its transport.

mod address;
mod dissect;
mod ip;
mod layers;
mod link;
mod segment;
mod tunnel;

pub(crate) use address::Address;
pub(crate) use dissect::dissect;
pub(crate) use ip::{Quoted, quoted};
pub(crate) use layers::{Fragment, Ip, Network, Packet, Transport, Tunnel};
pub(crate) use link::link_type_name;
pub(crate) use segment::Segment;
