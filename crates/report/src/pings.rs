//! Pings: echo requests of ICMP, and which hosts never answer one.

use std::cmp::Reverse;

use crate::host_names::KnownAs;
use crate::icmp::Destination;
use crate::packet::Address;
use crate::top::{Tally, Weighed, Weight};
use crate::waiting::Waiting;

/// An answer takes less, even over two satellites.
const ANSWERED_WITHIN: i64 = 2_000_000_000;

/// The most pings that are waited for; the oldest ones are forgotten. Programs send one a second.
const MAX_WAITING: usize = 4_096;

/// The most hosts that are told apart.
const MAX_HOSTS: usize = 1_000;

/// The most hosts that are told.
const MOST_SILENT: usize = 10;

/// Pings as they are counted.
#[derive(Clone, Debug)]
pub(crate) struct Pings {
    waiting: Waiting<Ping, ()>,
    hosts: Tally<Address, Host>,
}

/// An echo request. Its number is the identifier and the sequence number, which the reply repeats (RFC 792; RFC 4443, 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Ping {
    from: Address,
    to: Address,
    number: [u8; 4],
}

/// What a host does about pings.
#[derive(Clone, Copy, Debug, Default)]
struct Host {
    answered: u64,
    unanswered: u64,
}

impl Weighed for Host {
    fn weight(&self) -> Weight {
        Weight { bytes: 0, packets: self.answered.saturating_add(self.unanswered) }
    }
}

impl Default for Pings {
    fn default() -> Self {
        Self { waiting: Waiting::default(), hosts: Tally::new(MAX_HOSTS) }
    }
}

impl Pings {
    /// One that was captured twice is one.
    pub fn request(&mut self, from: Address, to: Address, number: [u8; 4], now: i64) {
        self.expire(now.saturating_sub(ANSWERED_WITHIN));
        let ping = Ping { from, to, number };
        if to.to_ip().is_multicast() || self.waiting.contains(&ping) {
            return;
        }
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.remove_oldest(i64::MAX);
        }
        self.waiting.insert(ping, now, ());
    }

    /// A late answer is one, too: the host is there.
    pub fn reply(&mut self, from: Address, to: Address, number: [u8; 4]) {
        self.waiting.remove(&Ping { from: to, to: from, number });
        let host = self.hosts.entry(from);
        host.answered = host.answered.saturating_add(1);
    }

    fn expire(&mut self, before: i64) {
        while let Some((ping, _, ())) = self.waiting.remove_oldest(before) {
            let host = self.hosts.entry(ping.to);
            host.unanswered = host.unanswered.saturating_add(1);
        }
    }

    /// The hosts that have answered none, those that were asked most often first. `end` is when the capture ended.
    pub fn silent(mut self, end: i64) -> Vec<Destination> {
        self.expire(end.saturating_sub(ANSWERED_WITHIN));
        let silent = self.hosts.iter().filter(|(_, host)| host.answered == 0);
        let mut silent: Vec<_> = silent.map(|(address, host)| (Reverse(host.unanswered), *address)).collect();
        silent.sort_unstable();
        let shown = silent.into_iter().take(MOST_SILENT).map(|(Reverse(times), address)| Destination {
            address: address.to_ip(),
            names: KnownAs::default(),
            port: None,
            times,
        });
        shown.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn address(text: &str) -> Address {
        Address::from(text.parse::<IpAddr>().unwrap())
    }

    /// Pings of one host by another, a second apart, and those that are told as silent five seconds after the last one.
    fn silent(to: &str, count: u8, answered: impl Fn(u8) -> bool) -> Vec<(String, u64)> {
        let (from, to) = (address("10.0.0.4"), address(to));
        let mut pings = Pings::default();
        for number in 0..count {
            pings.request(from, to, [0, 1, 0, number], i64::from(number) * SECOND);
            pings.request(from, to, [0, 1, 0, number], i64::from(number) * SECOND + 1);
            if answered(number) {
                pings.reply(to, from, [0, 1, 0, number]);
            }
        }
        let silent = pings.silent((i64::from(count) + 5) * SECOND);
        silent.into_iter().map(|host| (host.address.to_string(), host.times)).collect()
    }

    #[test]
    fn a_host_that_answers_none_is_silent() {
        assert_eq!(silent("10.0.0.9", 5, |_| false), [("10.0.0.9".to_owned(), 5)]);
        assert_eq!(silent("2001:db8::9", 2, |_| false), [("2001:db8::9".to_owned(), 2)]);
        assert_eq!(silent("10.0.0.9", 5, |number| number == 4), []);
        assert_eq!(silent("ff02::1", 5, |_| false), [], "others answer");
    }

    #[test]
    fn what_may_still_be_answered_is_not_missed() {
        let mut pings = Pings::default();
        pings.request(address("10.0.0.4"), address("10.0.0.9"), [0; 4], 0);
        assert_eq!(pings.clone().silent(ANSWERED_WITHIN - 1), []);
        assert_eq!(pings.silent(ANSWERED_WITHIN).len(), 1);
    }

    #[test]
    fn however_many_pings_there_are_few_are_waited_for() {
        let mut pings = Pings::default();
        for number in 0..3 * MAX_WAITING as u32 {
            pings.request(address("10.0.0.4"), address("10.0.0.9"), number.to_be_bytes(), 0);
        }
        assert_eq!(pings.waiting.len(), MAX_WAITING);
    }
}
