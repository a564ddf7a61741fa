//! Before and after: how a capture differs from an earlier one of the same machine.
//!
//! Only what is telling is a change: enough of it in both captures to know what is usual, and far beyond what differs from one
//! ordinary minute to the next.

use std::collections::HashSet;
use std::net::SocketAddr;

use serde::Serialize;
use serde_with::skip_serializing_none;

use crate::baseline::{Baseline, Counted, Kept, ServiceTraffic, Talker, Timed};
use crate::measure::{count_of, number, seconds_long, size};
use crate::top::Weight;

/// Traffic doubles and triples from one minute to another without a cause.
const GROWTH: f64 = 4.0;

/// What has a smaller share of the bytes decides nothing for the machine.
const SHARE: f64 = 0.1;

/// Less is little, whatever it grows to or from: one page of the web.
const LEAST_BYTES: u64 = 1_000_000;

/// So many connections, and so many packets, must be expected of what is gone or new: that there are none is then no chance,
/// also where they come in bursts.
const EXPECTED_CONNECTIONS: f64 = 10.0;
const EXPECTED_PACKETS: f64 = 100.0;

/// The mean of so many times is not moved far by one of them.
const TIMES_NEEDED: u64 = 20;

/// A time that has tripled, and grown by so much that somebody may notice it where a page needs several round trips.
const SLOWER: f64 = 3.0;
const SLOWER_BY_SECONDS: f64 = 0.02;

/// What is lost is a share of so many segments at least, 30 of them and 1 %: less is lost on good ways, too.
const SEGMENTS_NEEDED: u64 = 1_000;
const LOST_NEEDED: u64 = 30;
const LOST_SHARE: f64 = 0.01;

/// More are not read.
const MOST_CHANGES: usize = 12;

/// So many are told in one sentence.
const MOST_TOLD: usize = 3;

/// How a capture differs from an earlier one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// What both have, side by side.
    pub measures: Vec<Measure>,
    /// What is telling, the most telling first.
    pub changes: Vec<Change>,
}

/// One number, then and now.
#[skip_serializing_none]
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Measure {
    /// What was measured.
    pub kind: MeasureKind,
    /// In the earlier capture; nothing where there was nothing to measure.
    pub before: Option<f64>,
    /// In the later one.
    pub now: Option<f64>,
}

/// What is measured in every capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureKind {
    /// Of all of the traffic.
    PacketsPerSecond,
    /// On the wire.
    BytesPerSecond,
    /// Connections that came about.
    ConnectionsPerSecond,
    /// Half of the handshakes took no longer.
    HandshakeSeconds,
    /// Of the segments with data, how many were lost: 0 to 1.
    LostShare,
    /// Half of the answers of name servers took no longer.
    DnsAnswerSeconds,
}

/// Something that is not as it was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// In a word for programs.
    pub kind: ChangeKind,
    /// What it is about: an address, or an address and a port; empty for all of the traffic.
    pub subject: String,
    /// What it was: seconds of what is slower, the share of what is lost, else bytes a second.
    pub before: f64,
    /// What it is.
    pub now: f64,
    /// A part of a sentence that tells it.
    pub words: String,
}

/// Kinds of changes, in the order in which they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// More of the segments with data are lost.
    MoreLost,
    /// A service takes longer to answer.
    SlowerAnswers,
    /// The way to a service takes longer.
    SlowerWay,
    /// Handshakes take longer, on no way in particular.
    SlowerHandshakes,
    /// Name servers take longer.
    SlowerNames,
    /// Nobody tries to connect any more to a service.
    ServiceGone,
    /// There are attempts to connect to a service that had none.
    NewService,
    /// An address has much of the bytes, and had none.
    NewTalker,
    /// A service, an address or all of the traffic has far more bytes.
    Grown,
    /// An address that had much of the bytes has none.
    TalkerGone,
    /// A service, an address or all of the traffic has far fewer bytes.
    Shrunk,
}

impl Comparison {
    /// How a capture differs from an earlier one; nothing when one of them has too little to compare.
    pub fn new(before: &Baseline, now: &Baseline) -> Option<Self> {
        if !before.is_enough() || !now.is_enough() {
            return None;
        }
        let before = if now.names_left_out { &before.clone().without_names() } else { before };
        let both = Both { before, now };
        Some(Self { measures: both.measures(), changes: both.changes() })
    }

    /// What is telling, in the middle of a sentence; nothing when nothing is.
    pub fn words(&self) -> Option<String> {
        let told: Vec<&str> = self.changes.iter().take(MOST_TOLD).map(|change| change.words.as_str()).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }
}

struct Both<'a> {
    before: &'a Baseline,
    now: &'a Baseline,
}

impl Both<'_> {
    fn measures(&self) -> Vec<Measure> {
        let measure = |kind, of: &dyn Fn(&Baseline) -> Option<f64>| {
            let (before, now) = (of(self.before), of(self.now));
            (before.is_some() || now.is_some()).then_some(Measure { kind, before, now })
        };
        let timed = |times: Timed| (times.count > 0).then_some(times.seconds);
        let measures = [
            measure(MeasureKind::PacketsPerSecond, &|one| Some(one.packets as f64 / one.seconds)),
            measure(MeasureKind::BytesPerSecond, &|one| Some(one.bytes as f64 / one.seconds)),
            measure(MeasureKind::ConnectionsPerSecond, &|one| Some(one.connections as f64 / one.seconds)),
            measure(MeasureKind::HandshakeSeconds, &|one| timed(one.handshakes)),
            measure(MeasureKind::LostShare, &|one| (one.data_segments > 0).then(|| one.lost_share())),
            measure(MeasureKind::DnsAnswerSeconds, &|one| timed(one.dns_answers)),
        ];
        measures.into_iter().flatten().collect()
    }

    fn changes(&self) -> Vec<Change> {
        let mut changes: Vec<Change> =
            self.more_lost().into_iter().chain(self.slower()).chain(self.services()).collect();
        let told: HashSet<String> = changes.iter().map(|change| address_of(&change.subject)).collect();
        changes.extend(self.talkers().into_iter().filter(|change| !told.contains(&change.subject)));
        changes.extend(self.all_traffic());
        let by_how_much = |change: &Change| (change.now - change.before).abs();
        changes.sort_by(|one, other| {
            one.kind.cmp(&other.kind).then_with(|| by_how_much(other).total_cmp(&by_how_much(one)))
        });
        changes.truncate(MOST_CHANGES);
        changes
    }

    fn more_lost(&self) -> Option<Change> {
        let (before, now) = (self.before.lost_share(), self.now.lost_share());
        let is_enough = self.before.data_segments.min(self.now.data_segments) >= SEGMENTS_NEEDED;
        let is_telling = self.now.lost_segments >= LOST_NEEDED && now >= LOST_SHARE && now >= before * SLOWER;
        let words = format!("{} of the segments with data were lost, and {} then", percent(now), percent(before));
        (is_enough && is_telling).then(|| Change {
            kind: ChangeKind::MoreLost,
            subject: String::new(),
            before,
            now,
            words,
        })
    }

    fn slower(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        for service in &self.now.services.largest {
            let Some(before) = self.before.services.find(service) else { continue };
            let (name, called) = (service.name(), service.called());
            changes.extend(slower(ChangeKind::SlowerAnswers, before.answers, service.answers, &name, |took, then| {
                format!("{called} takes {took} to answer on average, and took {then} then")
            }));
            changes.extend(slower(
                ChangeKind::SlowerWay,
                before.round_trips,
                service.round_trips,
                &name,
                |took, then| format!("the way to {called} and back takes {took}, and took {then} then"),
            ));
        }
        let is_way_told = changes.iter().any(|change| change.kind == ChangeKind::SlowerWay);
        let (before, now) = (self.before.handshakes, self.now.handshakes);
        changes.extend(
            slower(ChangeKind::SlowerHandshakes, before, now, "", |took, then| {
                format!("handshakes take {took}, and took {then} then")
            })
            .filter(|_| !is_way_told),
        );
        let (before, now) = (self.before.dns_answers, self.now.dns_answers);
        changes.extend(slower(ChangeKind::SlowerNames, before, now, "", |took, then| {
            format!("name servers take {took} to answer, and took {then} then")
        }));
        changes
    }

    fn services(&self) -> Vec<Change> {
        let (before, now) = (&self.before.services, &self.now.services);
        let mut changes = Vec::new();
        for one in &now.largest {
            if before.surely_lacks(one) && self.expected_before(one.connections) >= EXPECTED_CONNECTIONS {
                let words = format!("{} is new: {}, {}", one.called(), connections(one), size(one.bytes));
                changes.push(self.change(ChangeKind::NewService, one.name(), Weight::default(), one.weight(), words));
            }
        }
        for one in &before.largest {
            if now.surely_lacks(one) && self.expected_now(one.connections) >= EXPECTED_CONNECTIONS {
                let words = format!("nobody goes to {} any more, which had {} then", one.called(), connections(one));
                changes.push(self.change(ChangeKind::ServiceGone, one.name(), one.weight(), Weight::default(), words));
            }
        }
        changes.extend(self.grown_or_shrunk(before, now));
        changes
    }

    fn talkers(&self) -> Vec<Change> {
        let (before, now) = (&self.before.talkers, &self.now.talkers);
        let share = |one: &Talker, of: &Baseline| percent(one.bytes as f64 / of.bytes.max(1) as f64);
        let mut changes = Vec::new();
        for one in now.largest.iter().filter(|one| matters(one.bytes, self.now)) {
            if before.surely_lacks(one) && self.expected_before(one.packets) >= EXPECTED_PACKETS {
                let words = format!("{} is new, with {} of the bytes", one.called(), share(one, self.now));
                changes.push(self.change(ChangeKind::NewTalker, one.name(), Weight::default(), one.weight(), words));
            }
        }
        for one in before.largest.iter().filter(|one| matters(one.bytes, self.before)) {
            if now.surely_lacks(one) && self.expected_now(one.packets) >= EXPECTED_PACKETS {
                let words =
                    format!("{} is gone, which had {} of the bytes then", one.called(), share(one, self.before));
                changes.push(self.change(ChangeKind::TalkerGone, one.name(), one.weight(), Weight::default(), words));
            }
        }
        changes.extend(self.grown_or_shrunk(before, now));
        changes
    }

    /// What has grown or shrunk, of those that are in both captures. Of one that is not among the largest of one of them a bound is
    /// known.
    fn grown_or_shrunk<T: Counted>(&self, before: &Kept<T>, now: &Kept<T>) -> Vec<Change> {
        let tells = |one: &T, of: &Baseline| matters(one.weight().bytes, of) && !is_nearly_all(one.weight(), of);
        let grown = now.largest.iter().filter(|one| tells(one, self.now) && !before.surely_lacks(one));
        let grown = grown.filter_map(|one| {
            let (name, called) = (one.name(), one.called());
            self.grown(name, &called, before.at_most(one), one.weight(), before.find(one).is_none())
        });
        let shrunk = before.largest.iter().filter(|one| tells(one, self.before) && !now.surely_lacks(one));
        let shrunk = shrunk.filter_map(|one| {
            let (name, called) = (one.name(), one.called());
            self.shrunk(name, &called, one.weight(), now.at_most(one), now.find(one).is_none())
        });
        grown.chain(shrunk).collect()
    }

    fn all_traffic(&self) -> Option<Change> {
        let weight = |one: &Baseline| Weight { bytes: one.bytes, packets: one.packets };
        if self.before.bytes.max(self.now.bytes) < LEAST_BYTES {
            return None;
        }
        let (called, before, now) = ("all traffic", weight(self.before), weight(self.now));
        let grown = self.grown(String::new(), called, before, now, false);
        grown.or_else(|| self.shrunk(String::new(), called, before, now, false))
    }

    /// That something has grown. `is_bound` tells that it had no more than `before`.
    fn grown(&self, name: String, called: &str, before: Weight, now: Weight, is_bound: bool) -> Option<Change> {
        let (then, rate) = (self.rate_before(before.bytes), self.rate_now(now.bytes));
        let at_most = if is_bound { "at most " } else { "" };
        let words = format!("{called} has grown from {at_most}{} to {}", a_second(then), a_second(rate));
        (rate >= then * GROWTH).then(|| self.change(ChangeKind::Grown, name, before, now, words))
    }

    /// That something has shrunk. `is_bound` tells that it has no more than `now`.
    fn shrunk(&self, name: String, called: &str, before: Weight, now: Weight, is_bound: bool) -> Option<Change> {
        let (then, rate) = (self.rate_before(before.bytes), self.rate_now(now.bytes));
        let at_most = if is_bound { "at most " } else { "" };
        let words = format!("{called} has shrunk from {} to {at_most}{}", a_second(then), a_second(rate));
        (then >= rate * GROWTH).then(|| self.change(ChangeKind::Shrunk, name, before, now, words))
    }

    fn change(&self, kind: ChangeKind, subject: String, before: Weight, now: Weight, words: String) -> Change {
        Change { kind, subject, before: self.rate_before(before.bytes), now: self.rate_now(now.bytes), words }
    }

    fn rate_before(&self, bytes: u64) -> f64 {
        bytes as f64 / self.before.seconds
    }

    fn rate_now(&self, bytes: u64) -> f64 {
        bytes as f64 / self.now.seconds
    }

    /// How many there would have been then, at the rate of now.
    fn expected_before(&self, count: u64) -> f64 {
        count as f64 * self.before.seconds / self.now.seconds
    }

    /// How many there would be now, at the rate of then.
    fn expected_now(&self, count: u64) -> f64 {
        count as f64 * self.now.seconds / self.before.seconds
    }
}

/// Whether it is large enough to decide something for the machine.
fn matters(bytes: u64, of: &Baseline) -> bool {
    bytes >= LEAST_BYTES && bytes as f64 >= of.bytes as f64 * SHARE
}

/// Whether it is nearly all of the traffic, as the captured machine itself: all traffic is told anyhow.
fn is_nearly_all(weight: Weight, of: &Baseline) -> bool {
    weight.packets as f64 >= of.packets as f64 * (1.0 - SHARE)
}

impl Baseline {
    fn lost_share(&self) -> f64 {
        self.lost_segments as f64 / self.data_segments.max(1) as f64
    }
}

impl<T: Counted> Kept<T> {
    fn find(&self, wanted: &T) -> Option<&T> {
        self.largest.iter().find(|one| one.is_same(wanted))
    }

    /// How big one is, at most.
    fn at_most(&self, wanted: &T) -> Weight {
        self.find(wanted).map_or(self.rest, Counted::weight)
    }

    fn surely_lacks(&self, wanted: &T) -> bool {
        self.rest == Weight::default() && self.find(wanted).is_none()
    }
}

fn slower(
    kind: ChangeKind,
    before: Timed,
    now: Timed,
    subject: &str,
    words: impl Fn(String, String) -> String,
) -> Option<Change> {
    let is_enough = before.count.min(now.count) >= TIMES_NEEDED;
    let is_slower = now.seconds >= before.seconds * SLOWER && now.seconds - before.seconds >= SLOWER_BY_SECONDS;
    (is_enough && is_slower).then(|| Change {
        kind,
        subject: subject.to_owned(),
        before: before.seconds,
        now: now.seconds,
        words: words(seconds_long(now.seconds), seconds_long(before.seconds)),
    })
}

/// `1.5 MiB a second`.
fn a_second(bytes: f64) -> String {
    format!("{} a second", size(bytes as u64))
}

/// `12 connections`, or how many were tried where not all of them came about.
fn connections(service: &ServiceTraffic) -> String {
    let attempts = || count_of(service.connections, "attempt to connect", "attempts to connect");
    match service.failed {
        0 => count_of(service.connections, "connection", "connections"),
        failed if failed >= service.connections => format!("{} (all in vain)", attempts()),
        failed => format!("{} ({} in vain)", attempts(), number(failed)),
    }
}

/// The address of a service's name; others are left as they are.
fn address_of(subject: &str) -> String {
    subject.parse::<SocketAddr>().map_or_else(|_| subject.to_owned(), |service| service.ip().to_string())
}

/// `12 %`, and `0.3 %` where the figures behind the point matter.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        0.0 => "none".to_owned(),
        ..0.1 => "less than 0.1 %".to_owned(),
        ..10.0 => format!("{percent:.1} %"),
        _ => format!("{percent:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1_000_000;

    fn timed(count: u64, seconds: f64) -> Timed {
        Timed { count, seconds }
    }

    fn talker(address: &str, bytes: u64) -> Talker {
        Talker { address: address.parse().unwrap(), called: None, bytes, packets: bytes / 500 }
    }

    fn service(name: &str, bytes: u64, connections: u64) -> ServiceTraffic {
        let service: SocketAddr = name.parse().unwrap();
        ServiceTraffic {
            address: service.ip(),
            port: service.port(),
            called: None,
            used_for: None,
            bytes,
            packets: bytes / 500,
            connections,
            failed: 0,
            round_trips: timed(connections, 0.001),
            answers: timed(connections * 10, 0.004),
        }
    }

    /// A minute of a machine with a database, whose clients come through a load balancer.
    fn minute() -> Baseline {
        let all = |largest| Kept { largest, rest: Weight::default() };
        Baseline {
            seconds: 60.0,
            packets: 60_000,
            bytes: 30 * MB,
            is_quiet: true,
            names_left_out: false,
            connections: 600,
            handshakes: timed(600, 0.002),
            data_segments: 20_000,
            lost_segments: 10,
            dns_answers: timed(100, 0.003),
            talkers: Kept {
                largest: vec![talker("10.0.0.4", 30 * MB), talker("10.0.0.9", 18 * MB), talker("10.0.0.7", 12 * MB)],
                rest: Weight::default(),
            },
            services: all(vec![service("10.0.0.9:5432", 18 * MB, 120), service("10.0.0.4:443", 12 * MB, 480)]),
        }
    }

    /// What is told when the earlier and the later minute are changed.
    fn told(before: impl FnOnce(&mut Baseline), now: impl FnOnce(&mut Baseline)) -> Option<String> {
        let (mut earlier, mut later) = (minute(), minute());
        before(&mut earlier);
        now(&mut later);
        Comparison::new(&earlier, &later).unwrap().words()
    }

    fn told_of(before: impl FnOnce(&mut Baseline), now: impl FnOnce(&mut Baseline)) -> String {
        told(before, now).expect("something is telling")
    }

    fn now(change: impl FnOnce(&mut Baseline)) -> Option<String> {
        told(|_| (), change)
    }

    fn times(factor: u64) -> impl FnOnce(&mut Baseline) {
        move |one| {
            one.bytes *= factor;
            one.packets *= factor;
            one.connections *= factor;
            one.talkers.largest.iter_mut().for_each(|talker| talker.bytes *= factor);
            one.talkers.largest.iter_mut().for_each(|talker| talker.packets *= factor);
            one.services.largest.iter_mut().for_each(|service| service.bytes *= factor);
        }
    }

    #[test]
    fn what_is_telling_is_told() {
        type Change = fn(&mut Baseline);
        let cases: [(Change, &str); 14] = [
            (|one| one.lost_segments = 400, "2.0 % of the segments with data were lost, and less than 0.1 % then"),
            (
                |one| one.services.largest[0].answers = timed(30, 0.5),
                "10.0.0.9:5432 takes 500 ms to answer on average, and took 4 ms then",
            ),
            (
                |one| one.services.largest[0].round_trips = timed(20, 0.05),
                "the way to 10.0.0.9:5432 and back takes 50 ms, and took 1 ms then",
            ),
            (|one| one.handshakes = timed(300, 0.05), "handshakes take 50 ms, and took 2 ms then"),
            (|one| one.dns_answers = timed(20, 0.3), "name servers take 300 ms to answer, and took 3 ms then"),
            (
                |one| {
                    one.services.largest.remove(0);
                },
                "nobody goes to 10.0.0.9:5432 any more, which had 120 connections then",
            ),
            (
                |one| one.services.largest.push(service("10.0.0.9:6379", MB, 40)),
                "10.0.0.9:6379 is new: 40 connections, 976.5 KiB",
            ),
            (
                |one| one.talkers.largest.push(talker("2001:db8::7", 6 * MB)),
                "2001:db8::7 is new, with 20 % of the bytes",
            ),
            (|one| one.talkers.largest.truncate(2), "10.0.0.7 is gone, which had 40 % of the bytes then"),
            (
                |one| one.services.largest[1].bytes = 2 * MB,
                "10.0.0.4:443 has shrunk from 195.3 KiB a second to 32.5 KiB a second",
            ),
            (
                |one| {
                    one.services.largest[1].bytes = 60 * MB;
                    one.bytes = 78 * MB;
                },
                "10.0.0.4:443 has grown from 195.3 KiB a second to 976.5 KiB a second",
            ),
            // Of six seconds as of a minute.
            (
                |one| {
                    times(10)(one);
                    one.seconds = 6.0;
                },
                "all traffic has grown from 488.2 KiB a second to 47.6 MiB a second; 10.0.0.9:5432 has grown from 292.9 KiB a \
                 second to 28.6 MiB a second; 10.0.0.4:443 has grown from 195.3 KiB a second to 19.0 MiB a second",
            ),
            (
                |one| {
                    one.services.largest[0].answers = timed(30, 0.5);
                    one.services.largest[1].answers = timed(30, 5.0);
                },
                "10.0.0.4:443 takes 5 s to answer on average, and took 4 ms then; 10.0.0.9:5432 takes 500 ms to answer on \
                 average, and took 4 ms then",
            ),
            // A service stands for its address, and one way for all handshakes.
            (
                |one| {
                    one.services.largest.push(service("10.0.0.8:443", 6 * MB, 40));
                    one.services.largest[0].round_trips = timed(20, 0.05);
                    one.handshakes = timed(300, 0.05);
                    one.talkers.largest.push(talker("10.0.0.8", 6 * MB));
                },
                "the way to 10.0.0.9:5432 and back takes 50 ms, and took 1 ms then; 10.0.0.8:443 is new: 40 connections, \
                 5.7 MiB",
            ),
        ];
        for (change, expected) in cases {
            assert_eq!(now(change).as_deref(), Some(expected));
        }
    }

    /// Gives the database and a client their names.
    fn name(one: &mut Baseline) {
        let with_name = |name: &str| Some(name.to_owned());
        (one.services.largest[0].called, one.services.largest[0].used_for) =
            (with_name("db.example"), with_name("PostgreSQL"));
        one.talkers.largest[2].called = with_name("gateway.example");
    }

    #[test]
    fn names_stand_behind_addresses_in_sentences_only() {
        let slow = |one: &mut Baseline| {
            name(one);
            one.services.largest[0].answers = timed(30, 0.5);
            one.talkers.largest.push(Talker { called: Some("new.example".to_owned()), ..talker("10.0.0.8", 6 * MB) });
            one.talkers.largest.remove(2);
        };
        let (mut before, mut now) = (minute(), minute());
        name(&mut before);
        slow(&mut now);
        let changes = Comparison::new(&before, &now).unwrap().changes;
        let told: Vec<_> = changes.iter().map(|change| (change.subject.as_str(), change.words.as_str())).collect();
        assert_eq!(
            told,
            [
                (
                    "10.0.0.9:5432",
                    "10.0.0.9:5432 (db.example, PostgreSQL) takes 500 ms to answer on average, and took 4 ms then"
                ),
                ("10.0.0.8", "10.0.0.8 (new.example) is new, with 20 % of the bytes"),
                ("10.0.0.7", "10.0.0.7 (gateway.example) is gone, which had 40 % of the bytes then"),
            ]
        );
        let grown = |one: &mut Baseline| {
            name(one);
            one.services.largest[0].bytes *= 5;
        };
        let words = told_of(name, grown);
        assert!(words.starts_with("10.0.0.9:5432 (db.example, PostgreSQL) has grown from "), "{words}");
        let words = told_of(grown, name);
        assert!(words.starts_with("10.0.0.9:5432 (db.example, PostgreSQL) has shrunk from "), "{words}");
    }

    #[test]
    fn an_earlier_name_is_not_told_where_names_are_left_out() {
        let before = |one: &mut Baseline| {
            name(one);
            one.services.largest.push(ServiceTraffic {
                called: Some("Azure platform and DNS".to_owned()),
                ..service("168.63.129.16:53", MB, 40)
            });
        };
        let now = |one: &mut Baseline| {
            one.names_left_out = true;
            one.services.largest.remove(0);
            one.talkers.largest.truncate(2);
        };
        assert_eq!(
            told_of(before, now),
            "nobody goes to 10.0.0.9:5432 (PostgreSQL) any more, which had 120 connections then; nobody goes to \
             168.63.129.16:53 (Azure platform and DNS) any more, which had 40 connections then; 10.0.0.7 is gone, which \
             had 40 % of the bytes then"
        );
    }

    #[test]
    fn what_happens_from_one_minute_to_another_is_not_told() {
        type Change = fn(&mut Baseline);
        let cases: [(&str, Change); 13] = [
            ("the same", |_| ()),
            ("three times as much", |one| times(3)(one)),
            ("better", |one| {
                one.lost_segments = 0;
                one.dns_answers = timed(100, 0.000_1);
                one.services.largest[0].answers = timed(1_000, 0.000_1);
            }),
            ("half a percent lost", |one| one.lost_segments = 100),
            ("much lost of little", |one| (one.data_segments, one.lost_segments) = (900, 90)),
            ("few that are lost", |one| (one.data_segments, one.lost_segments) = (1_000, 29)),
            ("slower, in few answers", |one| one.services.largest[0].answers = timed(19, 5.0)),
            ("slower, by what nobody notices", |one| one.services.largest[0].answers = timed(1_000, 0.02)),
            ("few handshakes", |one| one.handshakes = timed(19, 1.0)),
            ("few questions", |one| one.dns_answers = timed(19, 1.0)),
            ("a new service for a few", |one| one.services.largest.push(service("10.0.0.9:6379", MB, 9))),
            ("a new one among many", |one| one.talkers.largest.push(talker("10.0.0.8", 2 * MB))),
            ("others that are too many to be kept", |one| {
                one.services.largest.remove(0);
                one.services.rest = Weight { bytes: 10 * MB, packets: 1_000 };
                one.talkers.largest.truncate(2);
                one.talkers.rest = Weight { bytes: 10 * MB, packets: 1_000 };
            }),
        ];
        for (what, change) in cases {
            assert_eq!(now(change), None, "{what}");
        }
        let took = |seconds| move |one: &mut Baseline| one.services.largest[0].answers = timed(1_000, seconds);
        assert_eq!(told(took(0.1), took(0.25)), None, "more than twice as slow");
        let five_seconds = |one: &mut Baseline| {
            (one.seconds, one.packets, one.bytes, one.connections) = (5.0, 5_000, 5 * MB / 2, 50);
            one.talkers.largest.iter_mut().for_each(|talker| talker.bytes /= 12);
            one.services.largest.iter_mut().for_each(|service| service.bytes /= 12);
        };
        let seldom = Talker { packets: 1_000, ..talker("10.0.0.8", 4 * MB) };
        assert_eq!(told(five_seconds, |one| one.talkers.largest.push(seldom)), None, "not in any five seconds");
        let few_connections = |one: &mut Baseline| one.services.largest[0].connections = 9;
        let gone = |one: &mut Baseline| {
            one.services.largest.remove(0);
        };
        assert_eq!(told(few_connections, gone), None);
        let little = |one: &mut Baseline| {
            one.bytes = 2 * MB;
            one.talkers.largest = vec![talker("10.0.0.4", 2 * MB), talker("10.0.0.7", MB - 1)];
            one.services.largest.clear();
        };
        assert_eq!(
            told(little, |one| {
                little(one);
                one.talkers.largest.truncate(1)
            }),
            None,
            "too little to be missed"
        );
    }

    #[test]
    fn attempts_that_came_to_nothing_are_not_told_as_connections() {
        let failing = |failed| {
            move |one: &mut Baseline| {
                one.services.largest.push(ServiceTraffic { failed, ..service("10.0.0.9:6379", MB, 40) });
            }
        };
        assert_eq!(now(failing(40)).unwrap(), "10.0.0.9:6379 is new: 40 attempts to connect (all in vain), 976.5 KiB");
        assert_eq!(now(failing(3)).unwrap(), "10.0.0.9:6379 is new: 40 attempts to connect (3 in vain), 976.5 KiB");
        assert_eq!(
            told_of(failing(40), |_| ()),
            "nobody goes to 10.0.0.9:6379 any more, which had 40 attempts to connect (all in vain) then"
        );
    }

    #[test]
    fn the_machine_itself_is_told_as_all_traffic() {
        let clear = |one: &mut Baseline| one.services.largest.clear();
        let five_times = |one: &mut Baseline| {
            clear(one);
            times(5)(one);
        };
        assert_eq!(
            told(clear, five_times).as_deref(),
            Some(
                "all traffic has grown from 488.2 KiB a second to 2.3 MiB a second; 10.0.0.9 has grown from 292.9 KiB a \
                 second to 1.4 MiB a second; 10.0.0.7 has grown from 195.3 KiB a second to 976.5 KiB a second"
            )
        );
    }

    #[test]
    fn what_is_beyond_a_bound_is_told_as_that() {
        let many = |one: &mut Baseline| {
            one.talkers.largest.truncate(2);
            one.talkers.rest = Weight { bytes: 60_000, packets: 100 };
        };
        assert_eq!(
            told(many, |one| one.talkers.rest = Weight { bytes: 60_000, packets: 100 }).as_deref(),
            Some("10.0.0.7 has grown from at most 1,000 bytes a second to 195.3 KiB a second")
        );
        assert_eq!(
            told(|one| one.talkers.rest = Weight { bytes: 60_000, packets: 100 }, many).as_deref(),
            Some("10.0.0.7 has shrunk from 195.3 KiB a second to at most 1,000 bytes a second")
        );
    }

    #[test]
    fn of_too_little_nothing_is_compared() {
        let short = Baseline { seconds: 4.9, ..minute() };
        let few = Baseline { packets: 199, ..minute() };
        for (before, now) in [(&short, &minute()), (&minute(), &short), (&few, &minute()), (&minute(), &few)] {
            assert_eq!(Comparison::new(before, now), None);
        }
    }

    #[test]
    fn both_are_shown_side_by_side() {
        let mut silent = minute();
        silent.dns_answers = timed(0, 0.0);
        let measures = Comparison::new(&minute(), &silent).unwrap().measures;
        let shown: Vec<_> = measures.iter().map(|one| (one.kind, one.before, one.now)).collect();
        assert_eq!(
            shown,
            [
                (MeasureKind::PacketsPerSecond, Some(1_000.0), Some(1_000.0)),
                (MeasureKind::BytesPerSecond, Some(500_000.0), Some(500_000.0)),
                (MeasureKind::ConnectionsPerSecond, Some(10.0), Some(10.0)),
                (MeasureKind::HandshakeSeconds, Some(0.002), Some(0.002)),
                (MeasureKind::LostShare, Some(0.000_5), Some(0.000_5)),
                (MeasureKind::DnsAnswerSeconds, Some(0.003), None),
            ]
        );
    }
}
