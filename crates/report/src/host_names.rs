//! What addresses are called, as the capture itself tells: by name servers, and by clients that ask for a server by name. None
//! of them can be trusted, so a name is taken only if it looks like one.

use std::net::{IpAddr, Ipv4Addr};

use serde::Serialize;

use crate::flow_key::Peer;
use crate::packet::Address;
use crate::top::{Tally, Weighed, Weight};

/// The most addresses whose names are kept, and the most names of each: with the longest names they take 4 MB.
const MAX_ADDRESSES: usize = 3_000;
const MAX_NAMES: usize = 4;

/// The longest name (RFC 1035, 2.3.4).
const MAX_NAME_BYTES: usize = 253;

/// Azure's own addresses, the same in every virtual network (Microsoft, "What is IP address 168.63.129.16?" and "Azure
/// Instance Metadata Service").
const PLATFORM: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// The names of an address, the one that was told most often first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct KnownAs(pub Vec<String>);

impl KnownAs {
    /// Whether it has no name.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `shop.example`, `shop.example and others`; nothing when there is no name.
    pub fn text(&self) -> Option<String> {
        match self.0.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            [first, ..] => Some(format!("{first} and others")),
        }
    }

    /// What Azure calls an address of its own.
    fn in_azure(address: IpAddr) -> Option<Self> {
        let name = match address {
            IpAddr::V4(PLATFORM) => "Azure platform and DNS",
            IpAddr::V4(METADATA) => "Azure instance metadata",
            _ => return None,
        };
        Some(Self(vec![name.to_owned()]))
    }
}

/// A name that was told of an address.
#[derive(Clone, Debug)]
struct Told {
    name: String,
    /// The port whose service clients ask for by that name; nothing where a name server told it.
    at_port: Option<u16>,
    times: u64,
}

#[derive(Clone, Debug, Default)]
struct Names {
    told: Vec<Told>,
    times: u64,
    /// Whether clients ask it for other servers, whose names are not its own.
    is_proxy: bool,
}

impl Weighed for Names {
    fn weight(&self) -> Weight {
        Weight { bytes: self.times, packets: self.times }
    }
}

impl Names {
    /// The names of these, the one that was told most often first, each once.
    fn list(&self, is_wanted: impl Fn(&Told) -> bool) -> KnownAs {
        let is_own = |told: &&Told| !self.is_proxy || told.at_port.is_none();
        let mut times: Vec<(&str, u64)> = Vec::new();
        for told in self.told.iter().filter(is_own).filter(|told| is_wanted(told)) {
            match times.iter_mut().find(|(name, _)| *name == told.name) {
                Some((_, times)) => *times = times.saturating_add(told.times),
                None => times.push((&told.name, told.times)),
            }
        }
        times.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        KnownAs(times.into_iter().map(|(name, _)| name.to_owned()).collect())
    }
}

/// Names as they are told.
#[derive(Clone, Debug)]
pub(crate) struct HostNames(Tally<Address, Names>);

impl Default for HostNames {
    fn default() -> Self {
        Self(Tally::new(MAX_ADDRESSES))
    }
}

impl HostNames {
    /// A name server says that the name is this address'.
    pub fn resolved(&mut self, name: &str, address: Address) {
        self.add(name, address, None);
    }

    /// A client asks a server for a name, perhaps with a port.
    pub fn asked(&mut self, name: &str, server: Peer) {
        let name = name.rsplit_once(':').map_or(name, |(host, _)| host);
        self.add(name, server.address, Some(server.port));
    }

    /// A client asks a server for what another one has.
    pub fn asked_as_proxy(&mut self, server: Peer) {
        let names = self.0.entry(server.address);
        names.times = names.times.saturating_add(1);
        names.is_proxy = true;
    }

    fn add(&mut self, name: &str, address: Address, at_port: Option<u16>) {
        let name = name.strip_suffix('.').unwrap_or(name);
        if !is_name(name) {
            return;
        }
        let names = self.0.entry(address);
        names.times = names.times.saturating_add(1);
        let known = names.told.iter_mut().find(|told| told.name == name && told.at_port == at_port);
        if let Some(told) = known {
            told.times = told.times.saturating_add(1);
        } else if names.told.len() < MAX_NAMES {
            names.told.push(Told { name: name.to_owned(), at_port, times: 1 });
        }
    }

    /// What an address is called.
    pub fn of(&self, address: IpAddr) -> KnownAs {
        let names = self.0.get(&Address::from(address));
        KnownAs::in_azure(address).or_else(|| Some(names?.list(|_| true))).unwrap_or_default()
    }

    /// What the service at a port is called: as its clients ask for it, or else as its address, unless that has several names, of
    /// which nobody knows which one is meant.
    pub fn of_service(&self, address: IpAddr, port: u16) -> KnownAs {
        let names = self.0.get(&Address::from(address));
        let own = names.map(|names| names.list(|told| told.at_port == Some(port))).filter(|own| !own.is_empty());
        let of_address = || self.of(address);
        own.filter(|_| KnownAs::in_azure(address).is_none())
            .unwrap_or_else(|| Some(of_address()).filter(|names| names.0.len() == 1).unwrap_or_default())
    }
}

/// Whether a text may be the name of a host: of letters, digits and signs that names have, and no address. `localhost` is
/// everybody's own.
fn is_name(text: &str) -> bool {
    let is_of_names = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let has_letter = text.bytes().any(|byte| byte.is_ascii_alphabetic());
    has_letter && text.len() <= MAX_NAME_BYTES && text.bytes().all(is_of_names) && text != "localhost"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Address {
        Address::from(Ipv4Addr::new(10, 0, 0, last))
    }

    fn server(port: u16) -> Peer {
        Peer { address: address(1), port }
    }

    fn names(of: &HostNames) -> Vec<String> {
        of.of(Ipv4Addr::new(10, 0, 0, 1).into()).0
    }

    #[test]
    fn the_name_that_is_told_most_often_comes_first() {
        let mut hosts = HostNames::default();
        hosts.resolved("alias.example.", address(1));
        ["shop.example", "shop.example:8443"].iter().for_each(|name| hosts.asked(name, server(443)));
        (0..9).for_each(|number| hosts.asked(&format!("{number}.example"), server(443)));
        assert_eq!(names(&hosts), ["shop.example", "alias.example", "0.example", "1.example"]);
        assert_eq!(hosts.of(Ipv4Addr::new(10, 0, 0, 1).into()).text().unwrap(), "shop.example and others");
        assert_eq!(hosts.of(Ipv4Addr::new(10, 0, 0, 2).into()).text(), None);
    }

    #[test]
    fn a_service_has_the_name_that_it_is_asked_for_or_the_only_one_of_its_address() {
        let mut hosts = HostNames::default();
        let of = |hosts: &HostNames, port| hosts.of_service(Ipv4Addr::new(10, 0, 0, 1).into(), port).text();
        hosts.resolved("db.example", address(1));
        assert_eq!(of(&hosts, 5_432).as_deref(), Some("db.example"));
        hosts.asked("shop.example", server(443));
        assert_eq!(of(&hosts, 443).as_deref(), Some("shop.example"));
        assert_eq!(of(&hosts, 5_432), None, "it may have either name");
    }

    #[test]
    fn what_is_no_name_is_none() {
        let mut hosts = HostNames::default();
        let long = "x".repeat(254);
        for text in
            ["", ".", "10.0.0.1", "10.0.0.1:80", "[fd00::1]:80", "localhost:80", "a b", "<b>", "\u{202e}", "ä", &long]
        {
            hosts.asked(text, server(80));
            hosts.resolved(text, address(1));
        }
        assert_eq!(names(&hosts), [""; 0]);
    }

    #[test]
    fn a_proxy_is_not_called_by_the_names_that_it_is_asked_for() {
        let mut hosts = HostNames::default();
        hosts.asked("far.example", server(3_128));
        hosts.asked_as_proxy(server(3_128));
        hosts.asked("away.example", server(3_128));
        assert_eq!(names(&hosts), [""; 0]);
        hosts.resolved("proxy.corp.example", address(1));
        assert_eq!(names(&hosts), ["proxy.corp.example"]);
    }

    #[test]
    fn nobody_renames_what_is_azures_own() {
        let mut hosts = HostNames::default();
        hosts.resolved("evil.example", Address::from(PLATFORM));
        assert_eq!(hosts.of(PLATFORM.into()).text().unwrap(), "Azure platform and DNS");
        assert_eq!(hosts.of(METADATA.into()).text().unwrap(), "Azure instance metadata");
    }

    #[test]
    fn of_many_addresses_those_that_are_named_often_keep_their_names() {
        let mut hosts = HostNames::default();
        for number in 0..100_000_u32 {
            hosts.resolved("shop.example", address(1));
            hosts.resolved(&format!("{number}.example"), Address::from(Ipv4Addr::from_bits(number)));
        }
        assert_eq!(names(&hosts), ["shop.example"]);
    }
}
