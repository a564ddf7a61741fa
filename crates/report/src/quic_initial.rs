//! The packets that open a connection of QUIC. Their keys come from an identifier that stands before them, so that whoever
//! sees them can read them (RFC 9001, 5; RFC 9369, 3.3).

use aes_gcm::aead::AeadInPlace;
use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::{Block, BlockEncrypt};
use aes_gcm::{Aes128Gcm, KeyInit};
use hkdf::Hkdf;
use sha2::Sha256;

use crate::bytes::be32;

/// A client chooses an identifier of 8 bytes at least, and none has more than 20 (RFC 9000, 7.2 and 17.2).
const IDENTIFIER: std::ops::RangeInclusive<usize> = 8..=20;

/// Bytes behind what is encrypted, which prove that nothing was changed, and that the keys are right.
const TAG: usize = 16;

/// The most bytes of a packet's number. What hides the header is taken from behind so many.
const MAX_NUMBER: usize = 4;

/// Versions of which the keys are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    One,
    Two,
}

/// What differs between versions.
struct Constants {
    /// The first byte of an opening packet, but for the bits that are hidden.
    first_byte: u8,
    salt: [u8; 20],
    /// Names of keys: that of the payload, its nonce, and that of the header.
    labels: [&'static [u8]; 3],
}

impl Version {
    fn new(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::One),
            0x6b33_43cf => Some(Self::Two),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::One => "1",
            Self::Two => "2",
        }
    }

    fn constants(self) -> Constants {
        match self {
            Self::One => Constants {
                first_byte: 0xc0,
                salt: *b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a",
                labels: [b"quic key", b"quic iv", b"quic hp"],
            },
            Self::Two => Constants {
                first_byte: 0xd0,
                salt: *b"\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9",
                labels: [b"quicv2 key", b"quicv2 iv", b"quicv2 hp"],
            },
        }
    }
}

/// An opening packet, whose payload is encrypted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Initial<'a> {
    pub version: Version,
    destination: &'a [u8],
    /// All of it that was captured.
    bytes: &'a [u8],
    pub is_whole: bool,
    /// Where its number is, which is hidden, and so is how long that is.
    number_at: usize,
}

impl<'a> Initial<'a> {
    /// Reads what is not encrypted (RFC 9000, 17.2.2), and hands back what else is in the datagram.
    pub fn read(datagram: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let version = Version::new(be32(datagram, 1)?)?;
        if datagram.first()? & 0xf0 != version.constants().first_byte {
            return None;
        }
        let mut rest = Rest(datagram.get(5..)?);
        let length = rest.byte()?;
        let destination = rest.take(length.into()).filter(|identifier| IDENTIFIER.contains(&identifier.len()))?;
        let length = rest.byte()?;
        rest.take(length.into()).filter(|identifier| identifier.len() <= *IDENTIFIER.end())?;
        let token = rest.length()?;
        rest.take(token)?;
        let length = rest.length()?;
        let number_at = datagram.len().saturating_sub(rest.0.len());
        let is_whole = length <= rest.0.len();
        let (bytes, others) = datagram.split_at_checked(number_at.saturating_add(length)).unwrap_or((datagram, &[]));
        Some((Self { version, destination, bytes, is_whole, number_at }, others))
    }
}

/// What a client encrypts its opening packets with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    payload: [u8; 16],
    nonce: [u8; 12],
    header: [u8; 16],
}

impl Keys {
    /// Those of the client that sends this as its first packet.
    pub fn of_client(first: &Initial<'_>) -> Option<Self> {
        let Constants { salt, labels: [payload, nonce, header], .. } = first.version.constants();
        let opening = Hkdf::new(Some(&salt), first.destination);
        let client = Hkdf::from_prk(&expand::<32>(&opening, b"client in")?).ok()?;
        Some(Self {
            payload: expand(&client, payload)?,
            nonce: expand(&client, nonce)?,
            header: expand(&client, header)?,
        })
    }

    /// Decrypts a payload (RFC 9001, 5.3 and 5.4). Nothing comes out of a packet that was cut or changed, or has other keys.
    pub fn decrypt(&self, packet: &Initial<'_>) -> Option<Vec<u8>> {
        let sample = packet.bytes.get(packet.number_at.saturating_add(MAX_NUMBER)..)?.first_chunk::<TAG>()?;
        let [of_first, of_number @ ..] = self.mask(sample);
        let first = packet.bytes.first()? ^ of_first & 0x0f;
        let number_length = usize::from(first & 0x03).saturating_add(1);
        let (header, encrypted) = packet.bytes.split_at_checked(packet.number_at.saturating_add(number_length))?;
        let (encrypted, tag) = encrypted.split_last_chunk::<TAG>()?;
        let mut header = header.to_vec();
        header.iter_mut().take(1).for_each(|byte| *byte = first);
        let number = header.iter_mut().skip(packet.number_at);
        number.zip(of_number).for_each(|(byte, mask)| *byte ^= mask);
        let number = header.iter().skip(packet.number_at).fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        let mut payload = encrypted.to_vec();
        let nonce = self.nonce_of(number).into();
        self.cipher().decrypt_in_place_detached(&nonce, &header, &mut payload, tag.into()).ok()?;
        Some(payload)
    }

    /// What hides the first byte of a packet, and its number.
    fn mask(&self, sample: &[u8; TAG]) -> [u8; TAG] {
        let mut mask = Block::<Aes128>::from(*sample);
        Aes128::new(&self.header.into()).encrypt_block(&mut mask);
        mask.into()
    }

    fn cipher(&self) -> Aes128Gcm {
        Aes128Gcm::new(&self.payload.into())
    }

    /// The nonce of a packet with this number.
    fn nonce_of(&self, number: u32) -> [u8; 12] {
        let mut nonce = self.nonce;
        nonce.iter_mut().skip(8).zip(number.to_be_bytes()).for_each(|(place, byte)| *place ^= byte);
        nonce
    }
}

/// HKDF-Expand-Label (RFC 8446, 7.1), without a context.
fn expand<const N: usize>(secret: &Hkdf<Sha256>, label: &[u8]) -> Option<[u8; N]> {
    let length = u16::try_from(N).ok()?.to_be_bytes();
    let full_length = [u8::try_from(label.len().checked_add(6)?).ok()?];
    let mut key = [0; N];
    secret.expand_multi_info(&[&length, &full_length, b"tls13 ", label, &[0]], &mut key).ok()?;
    Some(key)
}

/// A piece of the handshake, and where in it that belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    pub at: u64,
    pub bytes: &'a [u8],
}

/// The pieces of the handshake in a payload; nothing if there is anything in it that no opening packet has (RFC 9000, 12.4 and
/// 19).
pub(crate) fn pieces(payload: &[u8]) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = Rest(payload);
    while let Some(kind) = rest.byte() {
        match kind {
            // Padding, and a question whether anybody is there.
            0x00 | 0x01 => {}
            0x02 | 0x03 => rest.skip_acknowledgement(kind == 0x03)?,
            0x06 => {
                let (at, length) = (rest.number()?, rest.length()?);
                pieces.push(Piece { at, bytes: rest.take(length)? });
            }
            // The end of the connection: why, because of which frame, and a text.
            0x1c => {
                rest.skip_numbers(2)?;
                let length = rest.length()?;
                rest.take(length)?;
            }
            _ => return None,
        }
    }
    Some(pieces)
}

/// Bytes that are still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// A number of one, two, four or eight bytes (RFC 9000, 16).
    fn number(&mut self) -> Option<u64> {
        let first = self.byte()?;
        let more = (1_usize << (first >> 6)).saturating_sub(1);
        let begin = u64::from(first & 0x3f);
        Some(self.take(more)?.iter().fold(begin, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    fn skip_numbers(&mut self, count: u64) -> Option<()> {
        for _ in 0..count {
            self.number()?;
        }
        Some(())
    }

    /// The largest number and a delay; how many ranges follow the first, and these; perhaps counts of marked packets.
    fn skip_acknowledgement(&mut self, has_marked: bool) -> Option<()> {
        self.skip_numbers(2)?;
        let ranges = self.number()?;
        self.skip_numbers(ranges.saturating_mul(2).saturating_add(1))?;
        self.skip_numbers(if has_marked { 3 } else { 0 })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A packet as a client sends it.
    pub fn sealed(version: Version, destination: &[u8], number: u8, payload: &[u8]) -> Vec<u8> {
        let Constants { first_byte, .. } = version.constants();
        let version: u32 = if version == Version::One { 1 } else { 0x6b33_43cf };
        let length = ((payload.len() + 1 + TAG) as u16 | 0x4000).to_be_bytes();
        let mut packet = [&[first_byte], &version.to_be_bytes()[..], &[destination.len() as u8], destination].concat();
        packet.extend([0, 0, length[0], length[1]]);
        let number_at = packet.len();
        packet.push(number);
        let keys = Keys::of_client(&Initial::read(&packet).unwrap().0).unwrap();
        let mut encrypted = payload.to_vec();
        let nonce = keys.nonce_of(number.into()).into();
        let tag = keys.cipher().encrypt_in_place_detached(&nonce, &packet, &mut encrypted).unwrap();
        packet.extend(encrypted);
        packet.extend(tag);
        let mask = keys.mask(packet[number_at + MAX_NUMBER..].first_chunk().unwrap());
        packet[0] ^= mask[0] & 0x0f;
        packet[number_at] ^= mask[1];
        packet
    }

    /// The identifier of the examples in RFC 9001 and RFC 9369, appendix A.
    const IDENTIFIER: &[u8; 8] = b"\x83\x94\xc8\xf0\x3e\x51\x57\x08";

    fn keys(first_byte: u8, version: &[u8; 4]) -> Option<Keys> {
        let datagram = [&[first_byte], &version[..], &[8], IDENTIFIER, &[0, 0, 0]].concat();
        Keys::of_client(&Initial::read(&datagram)?.0)
    }

    #[test]
    fn keys_are_those_of_the_examples() {
        let one = Keys {
            payload: *b"\x1f\x36\x96\x13\xdd\x76\xd5\x46\x77\x30\xef\xcb\xe3\xb1\xa2\x2d",
            nonce: *b"\xfa\x04\x4b\x2f\x42\xa3\xfd\x3b\x46\xfb\x25\x5c",
            header: *b"\x9f\x50\x44\x9e\x04\xa0\xe8\x10\x28\x3a\x1e\x99\x33\xad\xed\xd2",
        };
        let two = Keys {
            payload: *b"\x8b\x1a\x0b\xc1\x21\x28\x42\x90\xa2\x9e\x09\x71\xb5\xcd\x04\x5d",
            nonce: *b"\x91\xf7\x3e\x23\x51\xd8\xfa\x91\x66\x0e\x90\x9f",
            header: *b"\x45\xb9\x5e\x15\x23\x5d\x6f\x45\xa6\xb1\x9c\xbc\xb0\x29\x4b\xa9",
        };
        assert_eq!(keys(0xc0, &[0, 0, 0, 1]), Some(one));
        assert_eq!(keys(0xd3, b"\x6b\x33\x43\xcf"), Some(two));
        // Other kinds of packets, and other versions.
        assert_eq!(keys(0xd0, &[0, 0, 0, 1]), None);
        assert_eq!(keys(0x40, &[0, 0, 0, 1]), None);
        assert_eq!(keys(0xc0, b"\xff\0\0\x1d"), None);
    }

    #[test]
    fn pieces_are_found_among_other_frames_and_nothing_in_what_is_none() {
        let acknowledgement = [2, 5, 0x40, 9, 1, 3, 0, 1];
        let marked = [3, 5, 9, 0, 3, 1, 1, 1];
        let close = [0x1c, 0x0a, 0, 3, b'b', b'y', b'e'];
        let piece = [6, 0x40, 0x10, 2, b'a', b'b'];
        let payload = [&[0, 0, 1][..], &acknowledgement, &piece, &marked, &close, &[6, 0, 1, b'c'], &[0; 9]].concat();
        let expected = vec![Piece { at: 16, bytes: b"ab" }, Piece { at: 0, bytes: b"c" }];
        assert_eq!(pieces(&payload), Some(expected));
        assert_eq!(pieces(&[&payload[..], &[8]].concat()), None);
        assert_eq!(pieces(&payload[..9]), None);
        assert_eq!(pieces(b"\x02\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0"), None);
    }
}
