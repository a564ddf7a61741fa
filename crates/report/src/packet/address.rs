//! Addresses as keys of tables.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address of either version; those of IPv4 are mapped into IPv6 (RFC 4291, 2.5.5.2). Two numbers, for they are hashed
/// and compared for every packet, and one of 128 bits would have to be aligned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Address {
    high: u64,
    low: u64,
}

impl From<Ipv4Addr> for Address {
    fn from(address: Ipv4Addr) -> Self {
        Self::v4(address.octets())
    }
}

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::v4(address.octets()),
            IpAddr::V6(address) => Self::v6(address.octets()),
        }
    }
}

impl Address {
    pub(super) fn v4(octets: [u8; 4]) -> Self {
        Self { high: 0, low: 0xffff_0000_0000 | u64::from(u32::from_be_bytes(octets)) }
    }

    pub(super) fn v6(octets: [u8; 16]) -> Self {
        let bits = u128::from_be_bytes(octets);
        Self { high: (bits >> 64) as u64, low: bits as u64 }
    }

    /// The address as texts and JSON have it.
    pub fn to_ip(self) -> IpAddr {
        Ipv6Addr::from_bits(u128::from(self.high) << 64 | u128::from(self.low)).to_canonical()
    }
}
