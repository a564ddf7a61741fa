//! QUIC, as far as it can be seen: connections that clients open, and which server they ask for. All else is encrypted.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::flow_key::{FlowKey, Side};
use crate::names::{NameCounts, Named};
use crate::quic_initial::{Initial, Keys, Piece, Version, pieces};
use crate::tls::names_of_server;
use crate::top::Names;
use crate::waiting::Waiting;

const MAX_NAMES: usize = 2_000;

/// The least bytes of a datagram in which a client opens a connection (RFC 9000, 14.1).
const MIN_DATAGRAM: usize = 1_200;

/// The most bytes of a hello. With post-quantum keys they have 2 KB.
const MAX_HELLO: usize = 8_192;

/// The most hellos that are put together at one time: 8 MB at most, if all were of the largest size.
const MAX_HELLOS: usize = 256;

/// The most datagrams in which a hello is looked for, the most packets and bytes of each, and the most hellos of a file: to
/// decrypt takes far longer than to count. Some datagrams are captured together that are sent one by one.
const MAX_DATAGRAMS: u8 = 4;
const MAX_PACKETS: usize = 4;
const MAX_BYTES: usize = 8_192;
const MAX_READ: u64 = 20_000;

/// Connections of QUIC that clients open, of versions 1 and 2, on any port.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Quic {
    /// Conversations in which a client's first packet was captured.
    pub connections: u64,
    /// By the version of that packet, `1` or `2`.
    pub versions: BTreeMap<String, u64>,
    /// Those whose hello was read. Packets that were cut cannot be, and of a file not more than 20,000 hellos are.
    pub hellos: u64,
    /// Names of servers that clients asked for.
    pub server_names: Names<Named>,
}

/// How far a conversation is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Opening {
    #[default]
    Unseen,
    Reading,
    /// The hello was read, or cannot be.
    Done,
}

/// QUIC as it is counted.
#[derive(Clone, Debug)]
pub(crate) struct QuicStatistics {
    versions: BTreeMap<Version, u64>,
    hellos: u64,
    begun: u64,
    names: NameCounts,
    reading: Waiting<FlowKey, Hello>,
}

impl Default for QuicStatistics {
    fn default() -> Self {
        Self {
            versions: BTreeMap::new(),
            hellos: 0,
            begun: 0,
            names: NameCounts::new(MAX_NAMES),
            reading: Waiting::default(),
        }
    }
}

/// A hello that is put together from pieces in any order.
#[derive(Clone, Debug)]
struct Hello {
    client: Side,
    keys: Keys,
    bytes: Vec<Option<u8>>,
    datagrams: u8,
}

impl QuicStatistics {
    /// Reads a datagram, and hands back which servers the client asks for, if that is known with it. `is_cut` says that there
    /// was more of it on the wire.
    pub fn datagram(
        &mut self,
        flow: &FlowKey,
        from: Side,
        opening: &mut Opening,
        payload: &[u8],
        is_cut: bool,
        now: i64,
    ) -> Vec<String> {
        let has_length = is_cut || payload.len() >= MIN_DATAGRAM;
        if *opening == Opening::Done || !has_length {
            return Vec::new();
        }
        let first = Initial::read(payload).map(|(first, _)| first).filter(|first| first.is_whole || is_cut);
        let Some(first) = first else { return Vec::new() };
        if *opening == Opening::Unseen {
            let count = self.versions.entry(first.version).or_default();
            *count = count.saturating_add(1);
            *opening = if !is_cut && self.begin(flow, from, &first, now) { Opening::Reading } else { Opening::Done };
        }
        // One that is not there was evicted in favour of another one.
        let is_over = match self.reading.get_mut(flow) {
            None => true,
            Some(hello) if hello.client == from => hello.read(payload),
            Some(_) => false,
        };
        if !is_over {
            return Vec::new();
        }
        *opening = Opening::Done;
        let message = self.reading.remove(flow).and_then(|(_, hello)| hello.message());
        let Some(names) = message.and_then(|message| names_of_server(&message)) else { return Vec::new() };
        self.hellos = self.hellos.saturating_add(1);
        names.iter().for_each(|name| self.names.count(name.clone()));
        names
    }

    /// Begins to read a hello, unless that is too much.
    fn begin(&mut self, flow: &FlowKey, client: Side, first: &Initial<'_>, now: i64) -> bool {
        self.begun = self.begun.saturating_add(1);
        let Some(keys) = Keys::of_client(first).filter(|_| self.begun <= MAX_READ) else { return false };
        self.reading.remove(flow);
        if self.reading.len() >= MAX_HELLOS {
            self.reading.remove_oldest(i64::MAX);
        }
        self.reading.insert(*flow, now, Hello { client, keys, bytes: Vec::new(), datagrams: 0 });
        true
    }

    pub fn report(self) -> Quic {
        Quic {
            connections: self.versions.values().fold(0, |sum, count| sum.saturating_add(*count)),
            versions: self.versions.iter().map(|(version, count)| (version.name().to_owned(), *count)).collect(),
            hellos: self.hellos,
            server_names: self.names.report(),
        }
    }
}

impl Hello {
    /// Reads the pieces in a datagram, and tells whether there is nothing more to be read.
    fn read(&mut self, datagram: &[u8]) -> bool {
        let mut rest = datagram.get(..MAX_BYTES).unwrap_or(datagram);
        for _ in 0..MAX_PACKETS {
            let Some((packet, others)) = Initial::read(rest) else { break };
            let payload = self.keys.decrypt(&packet).unwrap_or_default();
            pieces(&payload).into_iter().flatten().for_each(|piece| self.add(piece));
            rest = others;
        }
        self.datagrams = self.datagrams.saturating_add(1);
        self.datagrams >= MAX_DATAGRAMS || self.message().is_some()
    }

    fn add(&mut self, piece: Piece<'_>) {
        let Ok(at) = usize::try_from(piece.at) else { return };
        let end = at.saturating_add(piece.bytes.len());
        if end > MAX_HELLO {
            return;
        }
        self.bytes.resize(self.bytes.len().max(end), None);
        let places = self.bytes.iter_mut().skip(at);
        places.zip(piece.bytes).for_each(|(place, byte)| *place = Some(*byte));
    }

    /// The hello, once all of it is there.
    fn message(&self) -> Option<Vec<u8>> {
        let [_, Some(high), Some(middle), Some(low), ..] = *self.bytes else { return None };
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        self.bytes.get(..length.saturating_add(4))?.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::flow_key::Peer;
    use crate::packet::Address;
    use crate::quic_initial::tests::sealed;

    const CLIENT: Side = Side::Low;

    fn flow(number: u16) -> FlowKey {
        let peer = |host, port| Peer { address: Address::from(Ipv4Addr::new(10, 0, 0, host)), port };
        FlowKey::new(peer(1, number), peer(2, 443), 17, false).0
    }

    fn hello(name: &str) -> Vec<u8> {
        let length = name.len() as u8;
        let server_name = [&[0, 0, 0, length + 5, 0, length + 3, 0, 0, length], name.as_bytes()].concat();
        let extensions = [&[0, server_name.len() as u8], &server_name[..]].concat();
        let body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0], &extensions].concat();
        [&[1, 0, 0, body.len() as u8], &body[..]].concat()
    }

    /// A frame with a piece of the handshake.
    fn piece(message: &[u8], at: usize, end: usize) -> Vec<u8> {
        [&[6, 0x40, at as u8, 0x40, (end - at) as u8], &message[at..end]].concat()
    }

    /// A datagram of a connection, filled up.
    fn datagram(version: Version, frames: &[u8]) -> Vec<u8> {
        sealed(version, b"as chosen", 3, &[frames, &vec![0; 1_300 - frames.len()]].concat())
    }

    fn read(datagrams: &[(u16, Side, Vec<u8>)]) -> Quic {
        let mut quic = QuicStatistics::default();
        let mut openings = BTreeMap::new();
        for (at, (number, from, payload)) in (0..).zip(datagrams) {
            quic.datagram(&flow(*number), *from, openings.entry(*number).or_default(), payload, false, at);
        }
        quic.report()
    }

    fn names(quic: &Quic) -> Vec<(&str, u64)> {
        quic.server_names.names.iter().map(|named| (named.name.as_str(), named.times)).collect()
    }

    #[test]
    fn a_hello_is_put_together_from_pieces_in_any_order() {
        for version in [Version::One, Version::Two] {
            let hello = hello("www.Contoso.example");
            let end = hello.len();
            let of_first = [piece(&hello, 50, 60), vec![0, 0, 1], piece(&hello, 0, 20)].concat();
            let of_second = [piece(&hello, 55, end), piece(&hello, 20, 50)].concat();
            let first = (1, CLIENT, datagram(version, &of_first));
            let second = (1, CLIENT, datagram(version, &of_second));
            let quic = read(&[first.clone(), second.clone(), second.clone()]);
            assert_eq!((quic.connections, quic.hellos), (1, 1));
            assert_eq!(names(&quic), [("www.contoso.example", 1)]);
            assert_eq!(quic.versions.into_iter().collect::<Vec<_>>(), [(version.name().to_owned(), 1)]);
            let quic = read(&[first.clone(), first, (1, CLIENT.other(), second.2)]);
            assert_eq!((quic.connections, quic.hellos), (1, 0), "a piece is missing");
        }
    }

    #[test]
    fn several_packets_in_one_datagram_are_read() {
        let hello = hello("a.example");
        let begin = sealed(Version::One, b"as chosen", 0, &piece(&hello, 0, 30));
        let end = sealed(Version::One, b"as chosen", 1, &[piece(&hello, 30, hello.len()), vec![0; 1_200]].concat());
        assert_eq!(names(&read(&[(1, CLIENT, [begin, end].concat())])), [("a.example", 1)]);
    }

    #[test]
    fn what_cannot_be_read_is_counted_and_left() {
        let hello = hello("a.example");
        let whole = datagram(Version::One, &piece(&hello, 0, hello.len()));
        let mut quic = QuicStatistics::default();
        let mut opening = Opening::default();
        quic.datagram(&flow(1), CLIENT, &mut opening, &whole[..200], true, 0);
        assert_eq!((opening, quic.report().connections), (Opening::Done, 1), "one that was cut");

        // The identifier from which the keys come, the number of the packet, a letter of the name, and the tag.
        for place in [8, 19, 90, whole.len() - 1] {
            let mut bent = whole.clone();
            bent[place] ^= 1;
            let quic = read(&[(1, CLIENT, bent)]);
            assert_eq!((quic.connections, quic.hellos, names(&quic)), (1, 0, vec![]), "byte {place}");
        }
        for nothing in [&whole[..1_199], &whole[..1_300], b"", &[0xc0; 1_300]] {
            assert_eq!(read(&[(1, CLIENT, nothing.to_vec())]), Quic::default());
        }
    }

    #[test]
    fn what_waits_is_bounded() {
        let hello = hello("a.example");
        let begin = datagram(Version::One, &piece(&hello, 0, 30));
        let end = datagram(Version::One, &piece(&hello, 30, hello.len()));
        let count = MAX_HELLOS as u16 + 10;
        let begun = (0..count).map(|number| (number, CLIENT, begin.clone()));
        let ended = (0..count).map(|number| (number, CLIENT, end.clone()));
        let quic = read(&begun.chain(ended).collect::<Vec<_>>());
        assert_eq!((quic.connections, quic.hellos), (u64::from(count), MAX_HELLOS as u64));
        // Of one connection no datagram is looked at beyond the first few.
        let few = vec![(1, CLIENT, begin); MAX_DATAGRAMS.into()];
        assert_eq!(read(&[few, vec![(1, CLIENT, end)]].concat()).hellos, 0);
        // A piece that belongs farther behind than a hello is long.
        let far = datagram(Version::One, &[6, 0x80, 0, 0x20, 0, 1, 9]);
        assert_eq!(read(&[(1, CLIENT, far)]).hellos, 0);
    }
}
