//! The notation of a capture's filters, and which packets they keep.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use crate::capture_request::CaptureFilter;

/// One value, one range `a-b`, or a list `a;b;c`: never several ranges, never both
/// (azure-rest-api-specs networkWatcher.json, PacketCaptureFilter).
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Notation<T> {
    Any,
    List(Vec<T>),
    Range(T, T),
}

impl<T: FromStr + PartialOrd> Notation<T> {
    pub(crate) fn parse(text: Option<&str>) -> Result<Notation<T>, String> {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Ok(Notation::Any);
        };
        if text.contains('-') {
            return Notation::range(text);
        }
        let items = text.strip_suffix(';').unwrap_or(text).split(';');
        items.map(item).collect::<Result<_, _>>().map(Notation::List)
    }

    fn range(text: &str) -> Result<Notation<T>, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (item(first)?, item(last)?);
        if first > last {
            return Err(format!("the range '{text}' ends before it begins"));
        }
        Ok(Notation::Range(first, last))
    }

    fn contains(&self, value: &T) -> bool {
        match self {
            Notation::Any => true,
            Notation::List(values) => values.contains(value),
            Notation::Range(first, last) => first <= value && value <= last,
        }
    }
}

fn item<T: FromStr>(text: &str) -> Result<T, String> {
    // Rust reads "+80" as a number; Azure's notation has no signs.
    let refused = || format!("'{text}' is not a value of this notation");
    if text.starts_with('+') { Err(refused()) } else { text.parse().map_err(|_| refused()) }
}

/// A filter whose notation was understood.
#[derive(Debug, Clone)]
pub(crate) struct PacketFilter {
    protocol: Option<Transport>,
    local_address: Notation<IpAddr>,
    remote_address: Notation<IpAddr>,
    local_port: Notation<u16>,
    remote_port: Notation<u16>,
}

/// The transports that filters tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Udp,
}

/// A packet's ends, as seen from the captured machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) transport: Transport,
    pub(crate) local: (Ipv4Addr, u16),
    pub(crate) remote: (Ipv4Addr, u16),
}

impl PacketFilter {
    /// Reads a filter; the error names the member and says what is wrong with it.
    pub(crate) fn read(filter: &CaptureFilter) -> Result<PacketFilter, (&'static str, String)> {
        let protocol = match filter.protocol.as_deref() {
            None | Some("Any") => None,
            Some("TCP") => Some(Transport::Tcp),
            Some("UDP") => Some(Transport::Udp),
            Some(other) => return Err(("protocol", format!("'{other}' is none of TCP, UDP, Any"))),
        };
        let named = |member: &'static str| move |message| (member, message);
        Ok(PacketFilter {
            protocol,
            local_address: Notation::parse(filter.local_ip_address.as_deref()).map_err(named("localIPAddress"))?,
            remote_address: Notation::parse(filter.remote_ip_address.as_deref()).map_err(named("remoteIPAddress"))?,
            local_port: Notation::parse(filter.local_port.as_deref()).map_err(named("localPort"))?,
            remote_port: Notation::parse(filter.remote_port.as_deref()).map_err(named("remotePort"))?,
        })
    }

    pub(crate) fn keeps(&self, ends: &Ends) -> bool {
        self.protocol.is_none_or(|protocol| protocol == ends.transport)
            && self.local_address.contains(&ends.local.0.into())
            && self.remote_address.contains(&ends.remote.0.into())
            && self.local_port.contains(&ends.local.1)
            && self.remote_port.contains(&ends.remote.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(text: &str) -> Result<Notation<u16>, String> {
        Notation::parse(Some(text))
    }

    #[test]
    fn the_published_notations_are_understood() {
        assert_eq!(ports(""), Ok(Notation::Any));
        assert_eq!(ports("80"), Ok(Notation::List(vec![80])));
        assert_eq!(ports("80-85"), Ok(Notation::Range(80, 85)));
        assert_eq!(ports("80;443;"), Ok(Notation::List(vec![80, 443])));
        let addresses: Notation<IpAddr> = Notation::parse(Some("10.0.0.4-10.0.0.9")).unwrap();
        assert!(addresses.contains(&"10.0.0.7".parse().unwrap()));
        assert!(!addresses.contains(&"10.0.1.7".parse().unwrap()));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["80-85;443", "80-85-90", "85-80", "http", "65536", "+80", " 80", "80;;443", "80,443"] {
            assert!(ports(text).is_err(), "{text}");
        }
        for text in ["10.0.0.0/24", "10.0.0.4;10.0.0.6-10.0.0.9", "vm.example"] {
            assert!(Notation::<IpAddr>::parse(Some(text)).is_err(), "{text}");
        }
    }
}
