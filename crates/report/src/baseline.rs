//! What is kept of a report, so that a later one on the same machine can be compared with it: some kilobytes.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::called::named;
use crate::connection::Connections;
use crate::finding::Severity;
use crate::histogram::Durations;
use crate::host_names::HostNames;
use crate::report::Report;
use crate::service::{Answers, Service};
use crate::top::{Top, Weight};

/// The most addresses that are kept by bytes, and again by packets; and the most services.
const MOST: usize = 16;

/// A capture that is shorter, or has fewer packets, does not tell what is usual.
const LEAST_SECONDS: f64 = 5.0;
const LEAST_PACKETS: u64 = 200;

/// One packet in so many may have an odd time.
const MOST_ODD: u64 = 20;

/// What is kept of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Baseline {
    /// From the first packet to the last.
    pub(crate) seconds: f64,
    pub(crate) packets: u64,
    /// On the wire.
    pub(crate) bytes: u64,
    /// Whether nothing but what is for information was found.
    pub is_quiet: bool,
    /// Whether whatever was said by name is left out.
    #[serde(default)]
    pub(crate) names_left_out: bool,
    /// Connections that came about.
    pub(crate) connections: u64,
    /// TCP handshakes, and how long half of them took at most.
    pub(crate) handshakes: Timed,
    /// Segments of TCP with data, and those of them that were lost on their way.
    pub(crate) data_segments: u64,
    pub(crate) lost_segments: u64,
    /// Answers of name servers, and how long half of them took at most.
    pub(crate) dns_answers: Timed,
    pub(crate) talkers: Kept<Talker>,
    pub(crate) services: Kept<ServiceTraffic>,
}

/// How often something was timed, and how long it took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Timed {
    pub count: u64,
    pub seconds: f64,
}

/// The largest of something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept<T> {
    pub largest: Vec<T>,
    /// The most bytes and packets that one which is not among them can have; nothing when these are all.
    pub rest: Weight,
}

/// An address, and what it has sent and received.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Talker {
    pub address: IpAddr,
    /// What it was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called: Option<String>,
    pub bytes: u64,
    pub packets: u64,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServiceTraffic {
    pub address: IpAddr,
    pub port: u16,
    /// What it was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called: Option<String>,
    /// What it was used for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_for: Option<String>,
    pub bytes: u64,
    pub packets: u64,
    /// Attempts to connect to it.
    pub connections: u64,
    /// Those of them that came to nothing.
    #[serde(default, skip_serializing_if = "is_none")]
    pub failed: u64,
    /// How long the way there and back takes, on average.
    pub round_trips: Timed,
    /// How long it takes to answer, on average.
    pub answers: Timed,
}

impl Report {
    /// What is kept of it.
    pub fn baseline(&self) -> Baseline {
        let timed = |durations: &Durations| Timed::new(durations.count, durations.median_seconds);
        Baseline {
            seconds: self.seconds_of_all(),
            packets: self.packets.count,
            bytes: self.packets.bytes,
            is_quiet: self.findings.iter().all(|finding| finding.severity == Severity::Info),
            names_left_out: self.names_left_out,
            connections: established(&self.tcp.connections),
            handshakes: timed(&self.tcp.handshake),
            data_segments: self.tcp.delivered.segments,
            lost_segments: self.tcp.delivered.lost(),
            dns_answers: timed(&self.dns.answered),
            talkers: kept(&self.endpoints, |endpoint| Talker {
                address: endpoint.address,
                called: endpoint.names.short(),
                bytes: endpoint.bytes,
                packets: endpoint.packets,
            }),
            services: kept(&self.tcp.services, ServiceTraffic::of),
        }
    }
}

impl Report {
    /// How long all that was counted took; 0 when that is not known, since clocks were set.
    fn seconds_of_all(&self) -> f64 {
        let are_few_odd = self.packets.odd_times.saturating_mul(MOST_ODD) <= self.packets.count;
        self.packets.duration_seconds.filter(|_| are_few_odd).unwrap_or_default()
    }
}

impl Baseline {
    /// Whether there is enough in it to tell what is usual.
    pub fn is_enough(&self) -> bool {
        self.seconds >= LEAST_SECONDS && self.packets >= LEAST_PACKETS
    }

    /// The same with no name but Azure's own.
    pub(crate) fn without_names(mut self) -> Self {
        let own_name = |address: IpAddr| HostNames::default().of(address).short();
        self.talkers.largest.iter_mut().for_each(|talker| talker.called = own_name(talker.address));
        self.services.largest.iter_mut().for_each(|service| service.called = own_name(service.address));
        self
    }
}

impl Timed {
    /// To the microsecond, for more is not known of many and takes room.
    fn new(count: u64, seconds: f64) -> Self {
        Self { count, seconds: (seconds * 1e6).round() / 1e6 }
    }
}

impl ServiceTraffic {
    fn of(service: &Service) -> Self {
        let Answers { round_trips, mean_round_trip_seconds, .. } = service.answers;
        Self {
            address: service.address,
            port: service.port,
            called: service.names.short(),
            used_for: service.used_for().map(str::to_owned),
            bytes: service.bytes,
            packets: service.packets,
            connections: attempts(&service.connections),
            failed: failed(&service.connections),
            round_trips: Timed::new(round_trips, mean_round_trip_seconds),
            answers: without_longest(&service.answers),
        }
    }
}

/// The mean of a service's answers but for the longest: one that was lost and asked again says nothing of the others.
fn without_longest(answers: &Answers) -> Timed {
    let count = answers.answers.saturating_sub(1);
    let sum = answers.mean_seconds * answers.answers as f64 - answers.longest_seconds;
    Timed::new(count, if count == 0 { 0.0 } else { (sum / count as f64).max(0.0) })
}

fn attempts(connections: &Connections) -> u64 {
    let Connections { answered, refused, unanswered, pending, .. } = *connections;
    [answered, refused, unanswered, pending].into_iter().fold(0, u64::saturating_add)
}

/// Attempts that were refused, not answered, or answered in vain.
fn failed(connections: &Connections) -> u64 {
    let Connections { refused, unanswered, abandoned, .. } = *connections;
    [refused, unanswered, abandoned].into_iter().fold(0, u64::saturating_add)
}

fn established(connections: &Connections) -> u64 {
    let Connections { answered, half_open, aborted, .. } = *connections;
    answered.saturating_sub(half_open).saturating_sub(aborted)
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

/// Those with the most bytes, those with the most packets, each once.
fn kept<T, K: Counted>(top: &Top<T>, keep: impl Fn(&T) -> K) -> Kept<K> {
    let [by_bytes, by_packets]: [Vec<K>; 2] =
        [&top.by_bytes, &top.by_packets].map(|list| list.iter().take(MOST).map(&keep).collect());
    let is_all = top.exact && top.count <= by_bytes.len() as u64;
    let rest = Weight {
        bytes: by_bytes.last().map_or(0, |least| least.weight().bytes).saturating_add(top.most_missing.bytes),
        packets: by_packets.last().map_or(0, |least| least.weight().packets).saturating_add(top.most_missing.packets),
    };
    let mut largest = by_bytes;
    for one in by_packets {
        if !largest.iter().any(|other| other.is_same(&one)) {
            largest.push(one);
        }
    }
    Kept { largest, rest: if is_all { Weight::default() } else { rest } }
}

/// Something that is counted: an address or a service.
pub(crate) trait Counted {
    fn weight(&self) -> Weight;
    fn is_same(&self, other: &Self) -> bool;
    fn name(&self) -> String;
    /// Its name for people.
    fn called(&self) -> String;
}

impl Counted for Talker {
    fn weight(&self) -> Weight {
        Weight { bytes: self.bytes, packets: self.packets }
    }

    fn is_same(&self, other: &Self) -> bool {
        self.address == other.address
    }

    fn name(&self) -> String {
        self.address.to_string()
    }

    fn called(&self) -> String {
        named(self.name(), self.called.as_deref(), None)
    }
}

impl Counted for ServiceTraffic {
    fn weight(&self) -> Weight {
        Weight { bytes: self.bytes, packets: self.packets }
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.address, self.port) == (other.address, other.port)
    }

    fn name(&self) -> String {
        SocketAddr::new(self.address, self.port).to_string()
    }

    fn called(&self) -> String {
        named(self.name(), self.called.as_deref(), self.used_for.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;
    use crate::analysis::Analysis;
    use crate::flow_key::Peer;
    use crate::host_names::KnownAs;
    use crate::packet::Address;
    use crate::talkers::Endpoint;

    const LONG_NAME: &str = "a-machine-with-quite-a-long-name.in-one-of-many-zones.of-a-large-company.example";

    fn address(number: u16) -> IpAddr {
        Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, number.saturating_add(0x1000)).into()
    }

    fn endpoint(number: u16, weight: u64) -> Endpoint {
        let (bytes, packets) = (weight, weight);
        let names = KnownAs(vec![LONG_NAME.to_owned(); 4]);
        Endpoint { address: address(number), names, bytes, packets, bytes_sent: weight, packets_sent: weight }
    }

    fn service(number: u16) -> Service {
        let answers = Answers {
            round_trips: u64::MAX,
            mean_round_trip_seconds: 12_345.678_901_234,
            answers: u64::MAX,
            mean_seconds: 12_345.678_901_234,
            longest_seconds: 99_999.999_999,
            ..Answers::default()
        };
        let mut service = Service::new(Peer { address: Address::default(), port: 65_535 });
        (service.address, service.bytes, service.packets) = (address(number), u64::MAX, u64::MAX);
        (service.answers, service.names) = (answers, KnownAs(vec![LONG_NAME.to_owned(); 4]));
        service
    }

    #[test]
    fn it_is_a_few_kilobytes_and_comes_back_as_it_was() {
        let mut report = Analysis::default().finish();
        let numbers = [0..20, 20..40];
        let [by_bytes, by_packets] = numbers.clone().map(|of| of.map(|number| endpoint(number, u64::MAX)).collect());
        report.endpoints = Top { by_bytes, by_packets, count: 1_000_000, ..Top::default() };
        let [by_bytes, by_packets] = numbers.map(|of| of.map(service).collect());
        report.tcp.services = Top { by_bytes, by_packets, count: 1_000_000, ..Top::default() };
        let baseline = report.baseline();
        let json = serde_json::to_string(&baseline).unwrap();
        assert!(json.len() < 18_000, "{}", json.len());
        assert_eq!(serde_json::from_str::<Baseline>(&json).unwrap(), baseline);
    }

    #[test]
    fn an_attempt_is_no_connection() {
        let connections = Connections {
            answered: 10,
            half_open: 3,
            abandoned: 2,
            aborted: 1,
            refused: 4,
            unanswered: 5,
            pending: 1,
            ..Connections::default()
        };
        let mut report = Analysis::default().finish();
        report.tcp.connections = connections;
        let mut one = service(1);
        one.connections = connections;
        report.tcp.services.by_bytes = vec![one];
        let baseline = report.baseline();
        let service = &baseline.services.largest[0];
        assert_eq!((baseline.connections, service.connections, service.failed), (6, 20, 11));
    }

    #[test]
    fn of_what_was_left_out_a_bound_is_known() {
        let mut report = Analysis::default().finish();
        let largest = |count: u64| Top {
            by_bytes: (1..=count.min(20)).map(|place| endpoint(place as u16, 100 - place)).collect(),
            count,
            ..Top::default()
        };
        for (count, rest) in [(0, 0), (16, 0), (17, 84), (500, 84)] {
            report.endpoints = largest(count);
            let talkers = report.baseline().talkers;
            assert_eq!((talkers.largest.len() as u64, talkers.rest.bytes), (count.min(16), rest), "{count}");
        }
        report.endpoints = Top { exact: false, most_missing: Weight { bytes: 5, packets: 1 }, ..largest(16) };
        assert_eq!(report.baseline().talkers.rest, Weight { bytes: 89, packets: 1 });
    }

    #[test]
    fn the_longest_answer_does_not_count() {
        let answers = Answers { answers: 11, mean_seconds: 1.0, longest_seconds: 10.0, ..Answers::default() };
        assert_eq!(without_longest(&answers), Timed { count: 10, seconds: 0.1 });
        assert_eq!(without_longest(&Answers::default()), Timed { count: 0, seconds: 0.0 });
    }
}
