//! Display filters of Wireshark, so that whoever opens the file sees the packets that a finding is about.
//!
//! They are for Wireshark 3.6 and later. Where they ask for what becomes of a connection (`tcp.completeness`) or of a question
//! (`dns.response_in`), Wireshark knows it once it has read the whole file; tshark does with `-2`, and without shows more.
//! What is said in TLS and HTTP is found by its bytes, for Wireshark looks for it on the usual ports only.

use std::net::IpAddr;

use crate::detect::words::ratio;
use crate::moment::{Moment, TimeRange};
use crate::report::Report;
use crate::service::Service;

/// What opens a connection.
pub const SYN: &str = "tcp.flags.syn == 1 && tcp.flags.ack == 0";

/// On connections whose SYN nobody answered by SYN and ACK.
pub const UNANSWERED: &str = "!(tcp.completeness & 2)";

/// On connections without data.
pub const UNUSED: &str = "!(tcp.completeness & 8)";

/// What Wireshark says of segments that are in the file twice, acknowledgements included.
pub const SEEN_TWICE: &str = "tcp.analysis.retransmission || tcp.analysis.out_of_order || tcp.analysis.duplicate_ack";

/// A segment that begins with a record of TLS that holds a ClientHello (RFC 8446, 4 and 5.1).
pub const CLIENT_HELLO: &str = "tcp.payload[0:2] == 16:03 && tcp.payload[5:1] == 01";

/// A segment that begins with a fatal alert of TLS that is not encrypted (RFC 8446, 6).
pub const FATAL_ALERT: &str = "tcp.payload[0:2] == 15:03 && tcp.payload[3:3] == 00:02:02";

/// A segment that begins with an answer of HTTP/1 whose status is 500 or more.
pub const SERVER_ERROR: &str = "tcp.payload matches \"^HTTP/1[.][01] [5-9]\"";

/// The same with one status.
pub const THROTTLED: &str = "tcp.payload matches \"^HTTP/1[.][01] 429\"";
pub const NOT_FOUND: &str = "tcp.payload matches \"^HTTP/1[.][01] 404\"";

/// DNS as it is counted here; mDNS has other ports and the same fields.
pub const DNS: &str = "(udp.port == 53 || tcp.port == 53)";

/// What Wireshark takes for sent again; of what is sent again within a round trip it says that it was overtaken. Or else all that
/// it may be.
pub fn sent_again(report: &Report) -> &'static str {
    match has_whole_headers(report) {
        true => "(tcp.analysis.retransmission || tcp.analysis.out_of_order)",
        false => "tcp.len > 0",
    }
}

/// Whether Wireshark judges segments: of those whose options were cut it says nothing.
pub fn has_whole_headers(report: &Report) -> bool {
    ratio(report.tcp.cut_headers, report.tcp.segments) < 0.1
}

/// Packets from and to an address.
pub fn of_address(address: IpAddr) -> String {
    format!("{} == {address}", field(address, "addr"))
}

/// Packets from an address.
pub fn from_address(address: IpAddr) -> String {
    format!("{} == {address}", field(address, "src"))
}

/// Packets to an address.
pub fn to_address(address: IpAddr) -> String {
    format!("{} == {address}", field(address, "dst"))
}

/// Packets from and to a service.
pub fn of_service(service: &Service) -> String {
    format!("{} && tcp.port == {}", of_address(service.address), service.port)
}

/// Packets to a service.
pub fn to_service(service: &Service) -> String {
    to_services(&[service])
}

/// Packets from a service.
pub fn from_service(service: &Service) -> String {
    from_services(&[service])
}

/// Packets to services at one port.
pub fn to_services(services: &[&Service]) -> String {
    at_one_port(services, to_address, "dstport")
}

/// Packets from services at one port.
pub fn from_services(services: &[&Service]) -> String {
    at_one_port(services, from_address, "srcport")
}

/// More of them than these are not named, for nobody can read that.
const NAMED: usize = 4;

fn at_one_port(services: &[&Service], of: fn(IpAddr) -> String, port_field: &str) -> String {
    let addresses: Vec<String> = services.iter().map(|service| of(service.address)).collect();
    let addresses = match addresses.as_slice() {
        [one] => format!("{one} && "),
        few if few.len() <= NAMED => format!("({}) && ", few.join(" || ")),
        _ => String::new(),
    };
    let port = services.first().map_or(0, |service| service.port);
    format!("{addresses}tcp.{port_field} == {port}")
}

/// Packets of a time, without its end.
pub fn during(range: Option<TimeRange>) -> Option<String> {
    let range = range?;
    Some(format!("frame.time_epoch >= {} && frame.time_epoch < {}", epoch(range.from)?, epoch(range.to)?))
}

/// Seconds since 1970, to the nanosecond; nothing before, for Wireshark reads no such number.
fn epoch(moment: Moment) -> Option<String> {
    let nanos = u64::try_from(moment.0).ok()?;
    Some(format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000))
}

/// What names a zone, or is a name in it; nothing of a zone that cannot stand in a filter as it is.
pub fn in_zone(zone: &str) -> Option<String> {
    /// Longer ones would be cut where people copy them.
    const LONGEST: usize = 100;
    let is_plain =
        zone.len() <= LONGEST && zone.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    // Some resolvers mix the case at random, so that answers cannot be guessed.
    is_plain.then(|| format!("lower(dns.qry.name) contains \"{zone}\""))
}

fn field(address: IpAddr, what: &str) -> String {
    let version = if address.is_ipv4() { "ip" } else { "ipv6" };
    format!("{version}.{what}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow_key::Peer;
    use crate::packet::Address;

    fn service(last: u8, port: u16) -> Service {
        Service::new(Peer { address: Address::from(std::net::Ipv4Addr::new(10, 0, 0, last)), port })
    }

    #[test]
    fn addresses_of_either_version_have_their_own_fields() {
        assert_eq!(of_service(&service(4, 443)), "ip.addr == 10.0.0.4 && tcp.port == 443");
        assert_eq!(from_service(&service(4, 443)), "ip.src == 10.0.0.4 && tcp.srcport == 443");
        let v6: IpAddr = "2001:db8::1".parse().unwrap();
        assert_eq!(from_address(v6), "ipv6.src == 2001:db8::1");
    }

    #[test]
    fn services_at_one_port_share_it() {
        let (one, other) = (service(4, 443), service(5, 443));
        assert_eq!(to_services(&[&one, &other]), "(ip.dst == 10.0.0.4 || ip.dst == 10.0.0.5) && tcp.dstport == 443");
    }

    #[test]
    fn names_that_are_no_names_stay_out_of_a_filter() {
        assert_eq!(in_zone("corp.example").as_deref(), Some("lower(dns.qry.name) contains \"corp.example\""));
        assert_eq!(in_zone("corp\" || frame contains \"x"), None);
        assert_eq!(in_zone(&"x".repeat(101)), None);
    }

    #[test]
    fn times_are_told_to_the_nanosecond() {
        let range = |from, to| Some(TimeRange { from: Moment(from), to: Moment(to) });
        assert_eq!(
            during(range(1_000_000_005, 2_500_000_000)).as_deref(),
            Some("frame.time_epoch >= 1.000000005 && frame.time_epoch < 2.500000000")
        );
        assert_eq!(during(range(-1, 5)), None);
    }
}
