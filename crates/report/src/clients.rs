//! Whose connections fail, and how widely they are spread: a program that asks for one service in vain differs from one
//! that looks for whatever is there.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::Serialize;
use serde_with::skip_serializing_none;

use crate::connection::{Connection, Connections};
use crate::flow_key::FlowKey;
use crate::host_names::KnownAs;
use crate::packet::Address;
use crate::top::{Tally, Weighed, Weight};

/// The most clients that are kept; those with few failures are forgotten first. Spoofed ones may be without number.
const MAX_CLIENTS: usize = 1_000;

/// The most addresses and the most ports that are told apart for a client: with all clients' they take 2 MB at most.
/// Nobody needs to know how many more there are.
const MAX_DISTINCT: usize = 64;

/// A client that fails at so many ports looks for open ones: no program has so many services, all of them down.
pub(crate) const SCANNED_PORTS: u64 = 15;

/// A client that fails at so many hosts looks for them: a pool of servers that is down is seldom as large, and most
/// programs give up before they have tried so many.
pub(crate) const SWEPT_HOSTS: u64 = 15;

/// How many are shown.
const SHOWN: usize = 5;

/// An address that opened connections in vain.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Client {
    pub address: IpAddr,
    /// What it is called.
    #[serde(skip_serializing_if = "KnownAs::is_empty")]
    pub names: KnownAs,
    /// Connections that it opened, those that were answered included.
    pub connections: u64,
    /// Those of them that were refused or not answered.
    pub failed: u64,
    /// How many addresses those were for; 64 stands for 64 or more.
    pub hosts: u64,
    /// How many ports those were for; 64 stands for 64 or more.
    pub ports: u64,
    /// The address that all of those were for, if it was one.
    pub only_host: Option<IpAddr>,
    /// What that address is called.
    #[serde(skip_serializing_if = "KnownAs::is_empty")]
    pub only_host_names: KnownAs,
    /// The port that all of those were for, if it was one.
    pub only_port: Option<u16>,
}

#[derive(Clone, Debug, Default)]
struct Attempts {
    connections: u64,
    failed: u64,
    hosts: BTreeSet<Address>,
    ports: BTreeSet<u16>,
}

impl Attempts {
    fn is_of_scanner(&self) -> bool {
        is_scanner(self.hosts.len() as u64, self.ports.len() as u64, self.failed, self.connections)
    }
}

impl Client {
    /// Whether it looks for what is there.
    pub(crate) fn is_scanner(&self) -> bool {
        is_scanner(self.hosts, self.ports, self.failed, self.connections)
    }
}

fn is_scanner(hosts: u64, ports: u64, failed: u64, connections: u64) -> bool {
    let is_wide = ports >= SCANNED_PORTS || hosts >= SWEPT_HOSTS;
    is_wide && failed.saturating_mul(2) >= connections
}

impl Weighed for Attempts {
    /// Failures come first.
    fn weight(&self) -> Weight {
        Weight { bytes: self.failed, packets: self.connections }
    }
}

/// Clients as they are counted.
#[derive(Clone, Debug)]
pub(crate) struct Clients(Tally<Address, Attempts>);

impl Default for Clients {
    fn default() -> Self {
        Self(Tally::new(MAX_CLIENTS))
    }
}

impl Clients {
    /// Counts a connection that is over; `end` is when the capture ended.
    pub fn count(&mut self, key: &FlowKey, connection: &Connection, end: i64) {
        let Some(client) = connection.client() else { return };
        let mut begun = Connections::default();
        connection.count_beginning(&mut begun, end);
        let failed = begun.refused.saturating_add(begun.unanswered);
        let attempts = self.0.entry(key.peer(client).address);
        attempts.connections = attempts.connections.saturating_add(1);
        attempts.failed = attempts.failed.saturating_add(failed);
        if failed > 0 {
            let server = key.peer(client.other());
            add_distinct(&mut attempts.hosts, server.address);
            add_distinct(&mut attempts.ports, server.port);
        }
    }

    /// Those that look around: of whom most fails, at many places.
    pub fn scanners(&self) -> Vec<IpAddr> {
        let is_scanner = |(_, attempts): &(&Address, &Attempts)| attempts.is_of_scanner();
        self.0.iter().filter(is_scanner).map(|(address, _)| address.to_ip()).collect()
    }

    /// Those with the most failures, most first.
    pub fn report(&self) -> Vec<Client> {
        let all = self.0.report(|address, attempts| Client {
            address: address.to_ip(),
            names: KnownAs::default(),
            connections: attempts.connections,
            failed: attempts.failed,
            hosts: attempts.hosts.len() as u64,
            ports: attempts.ports.len() as u64,
            only_host: only(&attempts.hosts).map(Address::to_ip),
            only_host_names: KnownAs::default(),
            only_port: only(&attempts.ports),
        });
        all.by_bytes.into_iter().filter(|client| client.failed > 0).take(SHOWN).collect()
    }
}

fn add_distinct<T: Ord>(known: &mut BTreeSet<T>, one: T) {
    if known.len() < MAX_DISTINCT {
        known.insert(one);
    }
}

fn only<T: Copy + Ord>(known: &BTreeSet<T>) -> Option<T> {
    known.first().copied().filter(|_| known.len() == 1)
}
