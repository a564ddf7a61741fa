//! A service, and how its clients' connections fare.

use std::net::IpAddr;

use serde::Serialize;

use crate::connection::{Connection, Connections};
use crate::delivery::DeliveryCounts;
use crate::ending::Reset;
use crate::exchange::Exchange;
use crate::flow_key::{FlowKey, Peer, Side};
use crate::flows::Flow;
use crate::host_names::KnownAs;
use crate::moment::{TimeRange, seconds};
use crate::packet::Address;
use crate::port_names::port_name;
use crate::tls::alert_name;
use crate::tls_counts::{TlsCounts, TlsOutcome};
use crate::top::{Weighed, Weight};

/// An answer that took longer is slow, whoever asks: a person has noticed it, and most programs have a time-out of a few
/// seconds.
const SLOW_ANSWER: i64 = 1_000_000_000;

/// A round trip longer than this is to another continent or over a satellite: half the world around in glass takes 200 ms.
const FAR: i64 = 200_000_000;

/// The most alerts that are told apart.
const MAX_REASONS: usize = 4;

/// The most clients whose failures are told apart.
const MAX_FAILED_BY: usize = 4;

/// A service: an address and a port that connections go to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Where its clients' packets go, within tunnels too.
    pub address: IpAddr,
    /// What it is called.
    #[serde(skip_serializing_if = "KnownAs::is_empty")]
    pub names: KnownAs,
    /// The server's.
    pub port: u16,
    /// What is mostly at a port of this number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_name: Option<&'static str>,
    /// Connections to it.
    pub connections: Connections,
    /// Packets both ways.
    pub packets: u64,
    /// Bytes both ways.
    pub bytes: u64,
    /// Segments sent again by it, as Wireshark counts them.
    pub retransmissions_from: u64,
    /// Segments sent again to it, as Wireshark counts them.
    pub retransmissions_to: u64,
    /// Resets that it sent.
    pub resets_from: u64,
    /// Resets sent to it.
    pub resets_to: u64,
    /// How often it said that it could take no more.
    pub zero_windows: u64,
    /// What became of its data.
    #[serde(skip_serializing_if = "is_default")]
    pub delivered_from: DeliveryCounts,
    /// What became of the data that was sent to it.
    #[serde(skip_serializing_if = "is_default")]
    pub delivered_to: DeliveryCounts,
    /// The longest time that it would take no more while somebody waited.
    #[serde(skip_serializing_if = "is_default")]
    pub longest_shut_seconds: f64,
    /// The same of its clients.
    #[serde(skip_serializing_if = "is_default")]
    pub longest_shut_seconds_of_clients: f64,
    /// Connections that ended as they should not.
    #[serde(skip_serializing_if = "is_default")]
    pub endings: Endings,
    /// How large segments fared.
    #[serde(skip_serializing_if = "is_default")]
    pub sizes: Sizes,
    /// How long the way and the server took.
    #[serde(skip_serializing_if = "is_default")]
    pub answers: Answers,
    /// The name that a client asked it for last in TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// TLS handshakes with it.
    #[serde(skip_serializing_if = "is_default")]
    pub tls: TlsCounts,
    /// Its answers in HTTP.
    #[serde(skip_serializing_if = "is_default")]
    pub http: HttpCounts,
    /// Refused and unanswered connections of clients that look around rather than want something.
    #[serde(skip_serializing_if = "is_default")]
    pub scanned: Scanned,
    #[serde(skip)]
    pub(crate) opening: Opening,
    #[serde(skip)]
    pub(crate) during: During,
    /// Alerts that TLS handshakes were broken off with, by their numbers, and how often.
    #[serde(skip)]
    reasons: Vec<(u8, u64)>,
    #[serde(skip)]
    failed_by: FailedBy,
}

/// Connections that ended as they should not.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Endings {
    /// Those that the server reset in mid-stream.
    pub reset_by_server: u64,
    /// Those that a client reset while the server was sending.
    pub reset_by_clients: u64,
    /// Those of which the first data after a pause was answered by a reset.
    pub reset_after_pause: u64,
    /// Those of which what was sent after a pause was lost again and again.
    pub lost_after_pause: u64,
    /// The shortest of these pauses.
    pub shortest_pause_seconds: f64,
    /// Those of which data was sent again and again and never acknowledged, or never came, for another reason than its size or a
    /// pause.
    pub stuck: u64,
    /// Those of these whose data the server had sent.
    pub stuck_from_server: u64,
}

/// How large segments fared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sizes {
    /// Connections of which a segment was acknowledged that only fits a link of more than 1,280 bytes.
    pub large_acknowledged: u64,
    /// Connections that are stuck with a segment that is larger than any that was acknowledged.
    pub stuck: u64,
    /// Those of them that are stuck on the way from the server.
    pub stuck_from_server: u64,
    /// Bytes of the smallest segment that is stuck.
    pub smallest_stuck: u32,
    /// Bytes of the largest segment that was acknowledged on a connection that is stuck.
    pub largest_acknowledged_when_stuck: u32,
}

/// How long the way and the server took.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answers {
    /// Round trips that were measured, one a handshake.
    pub round_trips: u64,
    /// Those of them that took more than 200 ms.
    pub far: u64,
    /// Of all.
    pub mean_round_trip_seconds: f64,
    /// From what a client sent last to the first byte of the answer.
    pub answers: u64,
    /// Those of them that took more than a second.
    pub slow: u64,
    /// Of all.
    pub mean_seconds: f64,
    /// Of all.
    pub longest_seconds: f64,
}

/// Answers in HTTP without encryption.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpCounts {
    /// Those whose beginning was found.
    pub answers: u64,
    /// Those with a status of 500 or more.
    pub errors: u64,
    /// The status of one of these.
    pub error_status: u16,
    /// Those with the status 429: clients ask too often.
    pub throttled: u64,
    /// Those with the status 404: there is nothing where they ask.
    pub not_found: u64,
}

/// Failures of clients that look around.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Scanned {
    /// Of those that were refused.
    pub refused: u64,
    /// Of those that nobody answered.
    pub unanswered: u64,
}

/// When connections were opened that came to nothing, and when others were reset.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct During {
    pub refused: Option<TimeRange>,
    pub unanswered: Option<TimeRange>,
    pub abandoned: Option<TimeRange>,
    pub tls_failed: Option<TimeRange>,
    pub reset_by_server: Option<TimeRange>,
    pub reset_by_clients: Option<TimeRange>,
}

impl During {
    pub fn ranges_mut(&mut self) -> [&mut Option<TimeRange>; 6] {
        let Self { refused, unanswered, abandoned, tls_failed, reset_by_server, reset_by_clients } = self;
        [refused, unanswered, abandoned, tls_failed, reset_by_server, reset_by_clients]
    }
}

/// When connections came about and when not.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Opening {
    /// When the last one was opened that was answered.
    pub last_answered: Option<i64>,
    /// When the first one was opened that was not answered.
    pub first_unanswered: Option<i64>,
    /// Connections that were answered and that neither side has ended.
    pub still_open: u64,
}

/// The first clients whose connections failed, and how many of them.
#[derive(Clone, Debug, Default, PartialEq)]
struct FailedBy(Vec<(Address, Scanned)>);

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn add(count: &mut u64, more: impl Into<u64>) {
    *count = count.saturating_add(more.into());
}

impl Service {
    pub(crate) fn new(server: Peer) -> Self {
        Self {
            address: server.address.to_ip(),
            names: KnownAs::default(),
            port: server.port,
            port_name: port_name(server.port),
            connections: Connections::default(),
            packets: 0,
            bytes: 0,
            retransmissions_from: 0,
            retransmissions_to: 0,
            resets_from: 0,
            resets_to: 0,
            zero_windows: 0,
            delivered_from: DeliveryCounts::default(),
            delivered_to: DeliveryCounts::default(),
            longest_shut_seconds: 0.0,
            longest_shut_seconds_of_clients: 0.0,
            endings: Endings::default(),
            sizes: Sizes::default(),
            answers: Answers::default(),
            server_name: None,
            tls: TlsCounts::default(),
            http: HttpCounts::default(),
            scanned: Scanned::default(),
            opening: Opening::default(),
            during: During::default(),
            reasons: Vec::new(),
            failed_by: FailedBy::default(),
        }
    }

    /// What it is used for. What was seen there counts more than what is usual.
    pub(crate) fn used_for(&self) -> Option<&'static str> {
        let speaks_http = self.http.answers > 0 && self.tls.begun == 0;
        if speaks_http { Some("HTTP") } else { self.port_name }
    }

    /// Counts a connection that is over. `end` is when the capture ended.
    pub(crate) fn count(&mut self, key: &FlowKey, flow: &Flow, tcp: &Connection, server: Side, end: i64) {
        let client = server.other();
        let mut begun = Connections::default();
        tcp.count_beginning(&mut begun, end);
        tcp.count_beginning(&mut self.connections, end);
        let mut both = flow.sent_by(server);
        both.add(flow.sent_by(client));
        add(&mut self.packets, both.packets);
        add(&mut self.bytes, both.bytes);
        add(&mut self.retransmissions_from, tcp.retransmissions(server));
        add(&mut self.retransmissions_to, tcp.retransmissions(client));
        add(&mut self.resets_from, tcp.resets(server));
        add(&mut self.resets_to, tcp.resets(client));
        add(&mut self.zero_windows, tcp.zero_windows(server));
        self.delivered_from.add(tcp.delivered(server));
        self.delivered_to.add(tcp.delivered(client));
        let longest = |longest: &mut f64, side| *longest = longest.max(seconds(tcp.longest_shut(side)));
        longest(&mut self.longest_shut_seconds, server);
        longest(&mut self.longest_shut_seconds_of_clients, client);
        self.opening.count(tcp, &begun);
        self.during.count(tcp, &begun, server);
        self.failed_by.count(key.peer(client).address, &begun);
        self.answers.count_round_trip(tcp.round_trip());
        if let Some(exchange) = tcp.exchange() {
            self.count_exchange(tcp, exchange, server, end);
        }
    }

    fn count_exchange(&mut self, tcp: &Connection, exchange: &Exchange, server: Side, end: i64) {
        add(&mut self.http.answers, exchange.http_answers);
        add(&mut self.http.errors, exchange.http_errors);
        add(&mut self.http.throttled, exchange.http_throttled);
        add(&mut self.http.not_found, exchange.http_not_found);
        if exchange.http_errors > 0 {
            self.http.error_status = exchange.http_error;
        }
        // Where one way was not captured, it cannot be told what was missing on it.
        if !tcp.is_seen_both_ways() {
            return;
        }
        self.sizes.count(tcp, exchange, server);
        let tls = tcp.tls_outcome(end);
        let has_failed = tls.is_some_and(TlsOutcome::is_failure);
        self.tls.count(tls);
        if has_failed {
            self.during.tls_failed = with(self.during.tls_failed, tcp.opened_at());
        }
        if let Some(TlsOutcome::Refused { alert }) = tls {
            self.count_reason(alert);
        }
        // What follows from another failure is not told as one of its own.
        if !tcp.is_stuck_for_size() && !has_failed {
            self.endings.count(tcp, exchange, server, end);
        }
    }

    fn count_reason(&mut self, alert: u8) {
        if let Some((_, times)) = self.reasons.iter_mut().find(|(known, _)| *known == alert) {
            add(times, true);
        } else if self.reasons.len() < MAX_REASONS {
            self.reasons.push((alert, 1));
        }
    }

    /// The alert that most TLS handshakes were broken off with.
    pub(crate) fn main_reason(&self) -> Option<String> {
        self.reasons.iter().max_by_key(|(_, times)| *times).map(|(alert, _)| alert_name(*alert))
    }

    /// Sets the failures apart that are of clients that look around.
    pub(crate) fn note_scanners(&mut self, scanners: &[IpAddr]) {
        for (client, failed) in &self.failed_by.0 {
            if scanners.contains(&client.to_ip()) {
                add(&mut self.scanned.refused, failed.refused);
                add(&mut self.scanned.unanswered, failed.unanswered);
            }
        }
    }

    /// How much is wrong with it, to find those that are told even if they are small.
    pub(crate) fn badness(&self) -> u64 {
        let connections = &self.connections;
        let endings = &self.endings;
        [
            connections.refused.saturating_sub(self.scanned.refused),
            connections.unanswered.saturating_sub(self.scanned.unanswered),
            connections.abandoned,
            self.delivered_from.sent_again,
            self.delivered_to.sent_again,
            (self.longest_shut_seconds + self.longest_shut_seconds_of_clients) as u64,
            endings.reset_by_server,
            endings.reset_by_clients,
            endings.reset_after_pause,
            endings.lost_after_pause,
            endings.stuck,
            self.sizes.stuck,
            self.tls.failed(),
            self.http.errors,
            self.http.throttled,
            self.http.not_found,
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }
}

impl Weighed for Service {
    fn weight(&self) -> Weight {
        Weight { bytes: self.bytes, packets: self.packets }
    }
}

impl Endings {
    fn count(&mut self, tcp: &Connection, exchange: &Exchange, server: Side, end: i64) {
        match tcp.reset() {
            Some(Reset::AfterPause { pause, .. }) => {
                add(&mut self.reset_after_pause, true);
                self.note_pause(pause);
            }
            Some(Reset::InStream { by, .. }) if by == server => add(&mut self.reset_by_server, true),
            Some(Reset::InStream { is_receiving, .. }) => add(&mut self.reset_by_clients, is_receiving),
            None => {}
        }
        if let Some(idle) = tcp.died_idle() {
            add(&mut self.lost_after_pause, true);
            self.note_pause(idle.pause);
            return;
        }
        let is_stuck = |side| {
            let delivery = exchange.delivery(side);
            delivery.stuck().is_some() || delivery.is_missing(end)
        };
        let is_stuck_from_server = is_stuck(server);
        let is_stuck = is_stuck_from_server || is_stuck(server.other());
        add(&mut self.stuck, is_stuck);
        add(&mut self.stuck_from_server, is_stuck_from_server);
    }

    fn note_pause(&mut self, pause: i64) {
        let pause = seconds(pause);
        let is_shortest = self.shortest_pause_seconds == 0.0 || pause < self.shortest_pause_seconds;
        self.shortest_pause_seconds = if is_shortest { pause } else { self.shortest_pause_seconds };
    }

    /// Those that died in a pause.
    pub(crate) fn after_pause(&self) -> u64 {
        self.reset_after_pause.saturating_add(self.lost_after_pause)
    }
}

impl Sizes {
    fn count(&mut self, tcp: &Connection, exchange: &Exchange, server: Side) {
        let deliveries = [server, server.other()].map(|side| exchange.delivery(side));
        let stuck = deliveries.map(|delivery| delivery.stuck_for_its_size().unwrap_or_default());
        let [from_server, from_client] = stuck;
        let Some(smallest) = stuck.into_iter().filter(|length| *length > 0).min() else {
            add(&mut self.large_acknowledged, tcp.has_large_acknowledged());
            return;
        };
        add(&mut self.stuck, true);
        add(&mut self.stuck_from_server, from_server > from_client);
        let is_smallest = self.smallest_stuck == 0 || smallest < self.smallest_stuck;
        self.smallest_stuck = if is_smallest { smallest } else { self.smallest_stuck };
        let [of_server, of_client] = deliveries.map(|delivery| delivery.largest_acknowledged);
        let acknowledged = if from_server > from_client { of_server } else { of_client };
        self.largest_acknowledged_when_stuck = self.largest_acknowledged_when_stuck.max(acknowledged);
    }
}

impl Answers {
    fn count_round_trip(&mut self, took: Option<i64>) {
        let Some(took) = took else { return };
        add(&mut self.round_trips, true);
        add(&mut self.far, took > FAR);
        self.mean_round_trip_seconds += (seconds(took) - self.mean_round_trip_seconds) / self.round_trips as f64;
    }

    pub(crate) fn count(&mut self, took: i64) {
        add(&mut self.answers, true);
        add(&mut self.slow, took > SLOW_ANSWER);
        self.mean_seconds += (seconds(took) - self.mean_seconds) / self.answers as f64;
        self.longest_seconds = self.longest_seconds.max(seconds(took));
    }
}

impl During {
    fn count(&mut self, tcp: &Connection, begun: &Connections, server: Side) {
        let opened_at = |count: u64| tcp.opened_at().filter(|_| count > 0);
        self.refused = with(self.refused, opened_at(begun.refused));
        self.unanswered = with(self.unanswered, opened_at(begun.unanswered));
        self.abandoned = with(self.abandoned, opened_at(begun.abandoned));
        match tcp.reset() {
            Some(Reset::InStream { by, .. }) if by == server => {
                self.reset_by_server = with(self.reset_by_server, tcp.last_at());
            }
            Some(Reset::InStream { is_receiving: true, .. }) => {
                self.reset_by_clients = with(self.reset_by_clients, tcp.last_at());
            }
            _ => {}
        }
    }
}

/// A time range that covers one more time, where that is known.
fn with(range: Option<TimeRange>, time: Option<i64>) -> Option<TimeRange> {
    time.map_or(range, |time| TimeRange::with(range, time))
}

impl Opening {
    fn count(&mut self, tcp: &Connection, begun: &Connections) {
        let Some(opened_at) = tcp.opened_at() else { return };
        if begun.answered > 0 {
            self.last_answered = self.last_answered.max(Some(opened_at));
            add(&mut self.still_open, tcp.is_open());
        } else if begun.unanswered > 0 {
            let first = self.first_unanswered.map_or(opened_at, |first| first.min(opened_at));
            self.first_unanswered = Some(first);
        }
    }
}

impl FailedBy {
    fn count(&mut self, client: Address, begun: &Connections) {
        if begun.refused == 0 && begun.unanswered == 0 {
            return;
        }
        let place = match self.0.iter().position(|(known, _)| *known == client) {
            Some(place) => place,
            None if self.0.len() < MAX_FAILED_BY => {
                self.0.push((client, Scanned::default()));
                self.0.len().saturating_sub(1)
            }
            None => return,
        };
        if let Some((_, failed)) = self.0.get_mut(place) {
            add(&mut failed.refused, begun.refused);
            add(&mut failed.unanswered, begun.unanswered);
        }
    }
}
