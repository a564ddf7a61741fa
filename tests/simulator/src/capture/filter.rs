//! The notation of a capture's filters, and which packets they keep.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use anyhow::{anyhow, bail, ensure};

use crate::capture::properties::{CaptureFilter, CaptureProperties};
use crate::error::ArmError;

/// One value, one range `a-b`, or a list `a;b;c`: never several ranges, never both
/// (azure-rest-api-specs networkWatcher.json, PacketCaptureFilter).
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Notation<T> {
    Any,
    List(Vec<T>),
    Range(T, T),
}

impl<T: FromStr + PartialOrd> Notation<T> {
    pub(crate) fn parse(text: Option<&str>) -> anyhow::Result<Notation<T>> {
        match text {
            None | Some("") => Ok(Notation::Any),
            Some(range) if range.contains('-') => Notation::parse_range(range),
            Some(list) => {
                let items = list.strip_suffix(';').unwrap_or(list).split(';');
                items.map(parse_item).collect::<anyhow::Result<_>>().map(Notation::List)
            }
        }
    }

    fn parse_range(text: &str) -> anyhow::Result<Notation<T>> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (parse_item(first)?, parse_item(last)?);
        ensure!(first <= last, "the range '{text}' ends before it begins");
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

fn parse_item<T: FromStr>(text: &str) -> anyhow::Result<T> {
    // Rust reads "+80" as a number; Azure's notation has no signs.
    let unsigned = text.strip_prefix('+').map_or(Some(text), |_| None);
    let item = unsigned.and_then(|text| text.parse().ok());
    item.ok_or_else(|| anyhow!("'{text}' is not a value of this notation"))
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
    pub(crate) fn read_all(properties: &CaptureProperties) -> Result<Vec<PacketFilter>, ArmError> {
        let filters = properties.filters.as_deref().unwrap_or_default().iter().enumerate();
        filters.map(|(index, filter)| PacketFilter::read(filter, &format!("properties.filters[{index}]"))).collect()
    }

    fn read(filter: &CaptureFilter, path: &str) -> Result<PacketFilter, ArmError> {
        Ok(PacketFilter {
            protocol: check(path, "protocol", transport(filter.protocol.as_deref()))?,
            local_address: check(path, "localIPAddress", Notation::parse(filter.local_ip_address.as_deref()))?,
            remote_address: check(path, "remoteIPAddress", Notation::parse(filter.remote_ip_address.as_deref()))?,
            local_port: check(path, "localPort", Notation::parse(filter.local_port.as_deref()))?,
            remote_port: check(path, "remotePort", Notation::parse(filter.remote_port.as_deref()))?,
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

/// Names the member whose value was not understood.
fn check<T>(path: &str, member: &str, value: anyhow::Result<T>) -> Result<T, ArmError> {
    value.map_err(|error| ArmError::invalid(&format!("{path}.{member}"), &error.to_string()))
}

/// `None` stands for every transport.
fn transport(name: Option<&str>) -> anyhow::Result<Option<Transport>> {
    match name {
        None | Some("Any") => Ok(None),
        Some("TCP") => Ok(Some(Transport::Tcp)),
        Some("UDP") => Ok(Some(Transport::Udp)),
        Some(other) => bail!("'{other}' is none of TCP, UDP, Any"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(text: &str) -> anyhow::Result<Notation<u16>> {
        Notation::parse(Some(text))
    }

    #[test]
    fn the_published_notations_are_understood() {
        assert_eq!(ports("").unwrap(), Notation::Any);
        assert_eq!(ports("80").unwrap(), Notation::List(vec![80]));
        assert_eq!(ports("80-85").unwrap(), Notation::Range(80, 85));
        assert_eq!(ports("80;443;").unwrap(), Notation::List(vec![80, 443]));
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
