//! From the link layer over tunnels to the innermost transport.

use crate::file::Record;
use crate::packet::ip::network;
use crate::packet::layers::{MAX_TUNNELS, Packet, Vlans};
use crate::packet::link::link;

/// Takes a record apart; nothing for a link type that nightcap does not know.
pub(crate) fn dissect<'a>(record: &Record<'a>) -> Option<Packet<'a>> {
    let frame = link(record)?;
    let missing = (record.length as usize).saturating_sub(record.bytes.len());
    let mut vlans = Vlans::default();
    let outer = network(frame, missing, &mut vlans);
    let mut packet = Packet { vlans, outer, tunnelled: None, tunnels: [None; MAX_TUNNELS] };
    for place in 0..MAX_TUNNELS {
        let Some((tunnel, frame)) = packet.inner().tunnelled() else { break };
        let network = network(frame, missing, &mut packet.vlans);
        packet.tunnelled = Some(network);
        packet.tunnels.iter_mut().skip(place).take(1).for_each(|kept| *kept = Some(tunnel));
    }
    Some(packet)
}
