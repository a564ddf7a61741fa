//! Packets that are in the file twice: a machine that forwards sees each on its way in and on its way out, and some capture on
//! two interfaces at once. TCP did not send them twice.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use crate::dns::DNS_PORT;
use crate::flow_key::{FlowKey, Side};
use crate::packet::{Ip, Segment, Transport};

/// How many packets are remembered: a few at each of many places, of which the oldest makes room. Copies are microseconds
/// apart, and what a fast machine sees in a few milliseconds fits.
const PLACES: usize = 1_024;
const AT_A_PLACE: usize = 4;

/// Packets that their sender counts are copies within this time when they have one number: the shortest time after which
/// TCP sends again by the clock is as long, and then under another number.
const COUNTED_WITHIN: i64 = 200_000_000;

/// Others are copies when all of their header is the same, and within a time in which no acknowledgement can be missed.
const UNCOUNTED_WITHIN: i64 = 1_000_000;

/// So many bytes of a datagram's payload are compared.
const COMPARED: usize = 64;

/// A SYN is sent again after a second (RFC 6298, 2.1), and Linux counts no SYN/ACK.
const SYN_WITHIN: i64 = 300_000_000;

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    at: i64,
    /// Its upper half; the lower one is the place.
    fingerprint: u32,
    /// Nothing for a place that is empty.
    ttl: Option<u8>,
}

/// What was seen of late.
#[derive(Clone, Debug, Default)]
pub(crate) struct Copies(Vec<[Seen; AT_A_PLACE]>);

/// How a packet is a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Copy {
    /// It has passed a router in between.
    Forwarded,
    /// It has not.
    Same,
}

impl Copies {
    /// Whether a packet is a copy of one that came before. `round_trip` is how long an answer takes, where that is known.
    pub fn find(&mut self, key: &FlowKey, from: Side, ip: &Ip<'_>, now: i64, round_trip: Option<i64>) -> Option<Copy> {
        let (fingerprint, within) = match &ip.transport {
            Transport::Tcp(segment) => (tcp(key, from, ip, segment)?, tcp_within(ip, segment, round_trip)),
            Transport::Udp(udp) => {
                // Of one that was cut early too little is there to compare.
                let is_counted = ip.identification != 0 && !(udp.is_cut && udp.payload.len() < COMPARED);
                let is_dns = [udp.source_port, udp.destination_port].contains(&DNS_PORT);
                // A program may say the same many times; a question and its answer have a number of their own.
                if !is_counted && !is_dns {
                    return None;
                }
                let within = if is_counted { COUNTED_WITHIN } else { UNCOUNTED_WITHIN };
                let begin = udp.payload.get(..udp.payload.len().min(COMPARED));
                let fields = (key, from, ip.identification, udp.payload.len(), begin);
                (FixedState::default().hash_one(fields), within)
            }
            _ => return None,
        };
        if self.0.is_empty() {
            self.0.resize(PLACES, [Seen::default(); AT_A_PLACE]);
        }
        let place = self.0.get_mut(fingerprint as usize % PLACES)?;
        let fingerprint = (fingerprint >> 32) as u32;
        let is_it =
            |seen: &&Seen| seen.fingerprint == fingerprint && (0..within).contains(&now.saturating_sub(seen.at));
        let first = place.iter().filter(is_it).find_map(|seen| seen.ttl);
        match first {
            Some(ttl) if ttl == ip.ttl => Some(Copy::Same),
            Some(_) => Some(Copy::Forwarded),
            None => {
                place.rotate_right(1);
                place.first_mut().into_iter().for_each(|seen| *seen = Seen { at: now, fingerprint, ttl: Some(ip.ttl) });
                None
            }
        }
    }
}

/// What is the same in a copy, whether it was forwarded or not; nothing for what may be told twice.
fn tcp(key: &FlowKey, from: Side, ip: &Ip<'_>, segment: &Segment<'_>) -> Option<u64> {
    // Acknowledgements are repeated word for word when segments come after a gap, and resets for each segment that comes.
    let is_alone = segment.length > 0 || segment.syn() || segment.fin();
    let sixteen_bits = match ip.identification {
        0 if !is_alone => return None,
        0 => segment.checksum,
        counted => counted,
    };
    let two = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
    let rest =
        two(u32::from(segment.window) << 16 | u32::from(sixteen_bits), u32::from(segment.flags()) << 1 | from as u32);
    // In few large numbers, as the key itself, for this is done for every packet.
    Some(FixedState::default().hash_one((key, two(segment.seq, segment.ack), segment.length, rest)))
}

fn tcp_within(ip: &Ip<'_>, segment: &Segment<'_>, round_trip: Option<i64>) -> i64 {
    match ip.identification {
        _ if segment.syn() => SYN_WITHIN,
        // Nobody can have missed an acknowledgement before half of its way.
        0 => UNCOUNTED_WITHIN.min(round_trip.unwrap_or(UNCOUNTED_WITHIN) / 2),
        _ => COUNTED_WITHIN,
    }
}
