//! Display filters of Wireshark, so that whoever opens the file sees the packets that a finding is about.

use std::net::IpAddr;

use crate::moment::{TimeRange, seconds};

/// Packets from and to an address.
pub fn of_address(address: IpAddr) -> String {
    format!("{} == {address}", field(address, "addr"))
}

/// Packets from an address.
pub fn from_address(address: IpAddr) -> String {
    format!("{} == {address}", field(address, "src"))
}

/// Packets from and to a service.
pub fn of_service(address: IpAddr, port: u16) -> String {
    format!("{} && tcp.port == {port}", of_address(address))
}

/// Packets to a service.
pub fn to_service(address: IpAddr, port: u16) -> String {
    format!("{} == {address} && tcp.dstport == {port}", field(address, "dst"))
}

/// Packets from a service.
pub fn from_service(address: IpAddr, port: u16) -> String {
    format!("{} && tcp.srcport == {port}", from_address(address))
}

/// Packets of a time.
pub fn during(range: Option<TimeRange>) -> Option<String> {
    let range = range?;
    let (from, to) = (seconds(range.from.0), seconds(range.to.0));
    Some(format!("frame.time_epoch >= {from:.3} && frame.time_epoch <= {to:.3}"))
}

fn field(address: IpAddr, what: &str) -> String {
    let version = if address.is_ipv4() { "ip" } else { "ipv6" };
    format!("{version}.{what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_either_version_have_their_own_fields() {
        assert_eq!(of_service([10, 0, 0, 4].into(), 443), "ip.addr == 10.0.0.4 && tcp.port == 443");
        let v6: IpAddr = "2001:db8::1".parse().unwrap();
        assert_eq!(from_service(v6, 80), "ipv6.src == 2001:db8::1 && tcp.srcport == 80");
        assert_eq!(to_service(v6, 80), "ipv6.dst == 2001:db8::1 && tcp.dstport == 80");
    }
}
