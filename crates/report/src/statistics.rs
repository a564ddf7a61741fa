//! Counts packets: what each adds to which counts, and how the counts become a report.

use std::collections::BTreeMap;

use crate::application::{Application, Payload};
use crate::clients::Clients;
use crate::clock::{Clocks, Told};
use crate::connection::Connection;
use crate::copies::{Copies, Copy};
use crate::delivery::Fate;
use crate::detect::{findings, normal};
use crate::dns::DNS_PORT;
use crate::file::Record;
use crate::flow_key::{FlowKey, Peer, Side};
use crate::flows::{Flow, Flows, MAX_FLOWS};
use crate::histogram::Histogram;
use crate::host_names::HostNames;
use crate::icmp::{Icmp, IcmpStatistics, TooBig};
use crate::moment::TimeRange;
use crate::naming::{leave_out_names, name_addresses};
use crate::packet::{Ip, Network, Quoted, Segment, Transport, dissect, link_type_name};
use crate::pings::Pings;
use crate::protocols::ProtocolStatistics;
use crate::quic::QuicStatistics;
use crate::report::{CaptureFile, CopiedPacket, LinkType, Packets, Report, VERSION};
use crate::series::Bucket;
use crate::shrinking::Shrinking;
use crate::steady::set_clock;
use crate::talkers::{Talkers, TalkersReport};
use crate::tcp::Tcp;
use crate::tcp_analysis::{Late, Marks};
use crate::top::Weight;

/// The most link types that are told apart. A file of a machine has one or two.
const MAX_LINK_TYPES: usize = 64;

/// Counts of packets as they come.
#[derive(Clone, Debug)]
pub(crate) struct Statistics {
    packets: Packets,
    last_time: Option<i64>,
    /// The latest time so far, by the clock that does not jump; it stands in for one that a packet does not have.
    now: i64,
    link_types: BTreeMap<u16, u64>,
    protocols: ProtocolStatistics,
    clocks: Clocks,
    icmp: IcmpStatistics,
    pings: Pings,
    copies: Copies,
    shrinking: Shrinking,
    flows: Flows,
    of_flows: FlowStatistics,
    /// Whether the report is to hold no names.
    pub leaves_out_names: bool,
}

/// Counts of what conversations hold, to some of which a conversation is added when it ends.
#[derive(Clone, Debug, Default)]
struct FlowStatistics {
    talkers: Talkers,
    clients: Clients,
    application: Application,
    quic: QuicStatistics,
    tcp: Tcp,
    handshake: Histogram,
}

impl Default for Statistics {
    fn default() -> Self {
        Self {
            packets: Packets::default(),
            last_time: None,
            now: 0,
            link_types: BTreeMap::new(),
            protocols: ProtocolStatistics::default(),
            clocks: Clocks::default(),
            icmp: IcmpStatistics::default(),
            pings: Pings::default(),
            copies: Copies::default(),
            shrinking: Shrinking::default(),
            flows: Flows::new(MAX_FLOWS),
            of_flows: FlowStatistics::default(),
            leaves_out_names: false,
        }
    }
}

fn add(count: &mut u64, more: impl Into<u64>) {
    *count = count.saturating_add(more.into());
}

impl Statistics {
    /// Counts a packet.
    pub fn count(&mut self, record: &Record<'_>) {
        self.count_record(record);
        self.count_link_type(record.link_type);
        let is_first = self.clocks.is_unset();
        let now = record.time.map_or(self.now, |time| self.clocks.tell(time, self.now));
        self.now = if is_first { now } else { self.now.max(now) };
        let mut bucket = Bucket { packets: 1, bytes: record.length.into(), ..Bucket::default() };
        match dissect(record) {
            None => add(&mut self.packets.not_read, 1_u64),
            Some(packet) => {
                self.protocols.count(&packet);
                let is_tunnelled = packet.tunnelled.is_some();
                if let Network::Ip(outer) = &packet.outer
                    && is_tunnelled
                {
                    let weight = Weight { bytes: record.length.into(), packets: 1 };
                    self.of_flows.talkers.count_endpoints(outer.source, outer.destination, weight);
                }
                if let Network::Ip(ip) = packet.inner() {
                    self.count_ip(ip, record, is_tunnelled, now, &mut bucket);
                }
            }
        }
        record.time.into_iter().for_each(|time| self.clocks.count(time, &bucket));
    }

    fn count_link_type(&mut self, link_type: u16) {
        if self.link_types.len() < MAX_LINK_TYPES || self.link_types.contains_key(&link_type) {
            add(self.link_types.entry(link_type).or_default(), 1_u64);
        }
    }

    fn count_record(&mut self, record: &Record<'_>) {
        let packets = &mut self.packets;
        add(&mut packets.count, 1_u64);
        add(&mut packets.bytes, record.length);
        add(&mut packets.captured_bytes, record.bytes.len() as u64);
        add(&mut packets.cut, (record.bytes.len() as u64) < u64::from(record.length));
        if record.has_odd_time {
            self.clocks.count_odd();
            return;
        }
        let Some(time) = record.time else {
            add(&mut packets.without_time, 1_u64);
            return;
        };
        add(&mut packets.out_of_time_order, self.last_time.is_some_and(|last| time < last));
        self.last_time = Some(time);
    }

    fn count_ip(&mut self, ip: &Ip<'_>, record: &Record<'_>, is_tunnelled: bool, now: i64, bucket: &mut Bucket) {
        let (source_port, destination_port) = match &ip.transport {
            Transport::Tcp(segment) => (segment.source_port, segment.destination_port),
            Transport::Udp(udp) => (udp.source_port, udp.destination_port),
            _ => (0, 0),
        };
        let source = Peer { address: ip.source, port: source_port };
        let destination = Peer { address: ip.destination, port: destination_port };
        let (key, from) = FlowKey::new(source, destination, ip.protocol, is_tunnelled);
        let end = self.now;
        let of_flows = &mut self.of_flows;
        let flow = self.flows.entry(key, from, |key, flow| of_flows.close(&key, &flow, end));
        let round_trip = flow.tcp.as_ref().and_then(|connection| connection.round_trip());
        let copy = self.copies.find(&key, from, ip, now, round_trip);
        add(&mut self.packets.copies, copy.is_some());
        add(&mut self.packets.forwarded, copy == Some(Copy::Forwarded));
        let is_copy = copy.is_some();
        if is_copy {
            self.packets.copied.get_or_insert(CopiedPacket {
                protocol: ip.protocol,
                source: source.address.to_ip(),
                source_port,
                destination: destination.address.to_ip(),
                destination_port,
                identification: ip.identification,
            });
        }
        match &ip.transport {
            Transport::Tcp(segment) => {
                let tcp = flow.tcp.as_mut().filter(|_| self.shrinking.may_concern(ip.source, now));
                tcp.into_iter().for_each(|connection| connection.note_too_big(from));
                of_flows.segment(&key, from, flow, segment, is_copy, now, bucket);
            }
            Transport::Udp(_) if is_copy => {}
            Transport::Udp(udp) if source_port == DNS_PORT || destination_port == DNS_PORT => {
                let Application { dns, hosts, .. } = &mut of_flows.application;
                dns.message(&key, from, udp.payload, udp.is_cut, now, hosts);
            }
            Transport::Udp(udp) => {
                let names = of_flows.quic.datagram(&key, from, &mut flow.quic, udp.payload, udp.is_cut, now);
                let hosts = &mut of_flows.application.hosts;
                names.iter().for_each(|name| hosts.asked(name, destination));
            }
            _ => {}
        }
        flow.count(from, record.length.into());
        let too_big = match &ip.transport {
            Transport::Icmp(icmp) => {
                match icmp.type_u8() {
                    8 => self.pings.request(ip.source, ip.destination, icmp.bytes5to8(), now),
                    0 => self.pings.reply(ip.source, ip.destination, icmp.bytes5to8()),
                    _ => {}
                }
                self.icmp.icmp(icmp.type_u8(), icmp.code_u8(), icmp.bytes5to8(), icmp.payload(), now)
            }
            Transport::Icmpv6(icmp) => {
                match icmp.type_u8() {
                    128 => self.pings.request(ip.source, ip.destination, icmp.bytes5to8(), now),
                    129 => self.pings.reply(ip.source, ip.destination, icmp.bytes5to8()),
                    _ => {}
                }
                self.icmp.icmpv6(icmp.type_u8(), icmp.code_u8(), icmp.bytes5to8(), icmp.payload(), now)
            }
            _ => None,
        };
        match too_big {
            Some(TooBig(Some(quoted @ Quoted { ports: Some(_), .. }))) => self.note_too_big(&quoted, is_tunnelled),
            Some(TooBig(_)) => self.shrinking.ask(ip.destination, now),
            None => {}
        }
    }

    /// What a connection has sent is sent once more in smaller pieces, and was not lost by chance.
    fn note_too_big(&mut self, quoted: &Quoted, is_tunnelled: bool) {
        let Some([source_port, destination_port]) = quoted.ports else { return };
        let source = Peer { address: quoted.source, port: source_port };
        let destination = Peer { address: quoted.destination, port: destination_port };
        let (key, from) = FlowKey::new(source, destination, quoted.protocol, is_tunnelled);
        if let Some(connection) = self.flows.get_mut(&key).and_then(|flow| flow.tcp.as_mut()) {
            connection.note_too_big(from);
        }
    }

    pub fn report(mut self, file: CaptureFile) -> Report {
        let Told { range, ahead, series, odd } = self.clocks.report();
        self.packets.odd_times = odd;
        let end = self.now;
        let of_flows = &mut self.of_flows;
        self.flows.drain(|key, flow| of_flows.close(&key, &flow, end));
        self.packets.first_time = range.map(|range| range.from);
        self.packets.last_time = range.map(|range| range.to);
        self.packets.duration_seconds = range.map(|range| range.to.seconds_since(range.from));
        let link_types = self.link_types.iter();
        let link_types = link_types.map(|(link_type, packets)| LinkType {
            number: *link_type,
            name: link_type_name(*link_type).to_owned(),
            packets: *packets,
        });
        let FlowStatistics { mut talkers, clients, application, quic, tcp, handshake } = self.of_flows;
        let Application { dns, tls, http, hosts, .. } = application;
        let TalkersReport { endpoints, conversations, ports, services, troubled } = talkers.report(&clients.scanners());
        let mut report = Report {
            version: VERSION,
            file: CaptureFile { link_types: link_types.collect(), ..file },
            packets: self.packets,
            names_left_out: false,
            protocols: self.protocols.report(),
            series,
            endpoints,
            conversations,
            forgotten_conversations: self.flows.forgotten(),
            ports,
            tcp: Tcp { handshake: handshake.report(), services, troubled, clients: clients.report(), ..tcp },
            dns: dns.report(end),
            tls: tls.report(),
            quic: quic.report(),
            http: http.report(),
            icmp: Icmp { silent_to_pings: self.pings.silent(end), ..self.icmp.report() },
            findings: Vec::new(),
            normal: Vec::new(),
        };
        set_clock(&mut report, ahead);
        if self.leaves_out_names {
            leave_out_names(&mut report);
            name_addresses(&mut report, &HostNames::default());
        } else {
            name_addresses(&mut report, &hosts);
        }
        report.findings = findings(&report);
        report.normal = normal(&report, &report.findings);
        report
    }
}

impl FlowStatistics {
    #[expect(clippy::too_many_arguments, reason = "what a packet is, and what it is counted in")]
    fn segment(
        &mut self,
        key: &FlowKey,
        from: Side,
        flow: &mut Flow,
        segment: &Segment<'_>,
        is_copy: bool,
        now: i64,
        bucket: &mut Bucket,
    ) {
        if flow.tcp.as_ref().is_some_and(|connection| connection.is_over_for(from, segment)) {
            let over = flow.begin_again(from);
            self.close(key, &over, now);
        }
        let connection = flow.tcp.get_or_insert_default();
        let marks = connection.segment(from, segment, is_copy, now);
        self.count_segment(segment, &marks, now);
        if marks.ends_handshake {
            connection.handshake().into_iter().for_each(|took| self.handshake.count(took));
        }
        if let (Some(took), Some(client)) = (marks.answered_in, connection.client()) {
            self.talkers.count_answer(key.peer(client.other()), took);
        }
        bucket.tcp_segments = 1;
        bucket.syn = (segment.syn() && !segment.is_ack()).into();
        bucket.rst = segment.rst().into();
        bucket.retransmissions = marks.is_retransmission().into();
        bucket.sent_again = (marks.fate == Some(Fate::SentAgain)).into();
        if !segment.payload.is_empty() && marks.is_new_data() && !is_copy {
            self.read(key, from, connection, segment, &marks, now);
        }
    }

    fn count_segment(&mut self, segment: &Segment<'_>, marks: &Marks, now: i64) {
        let counts = &mut self.tcp;
        add(&mut counts.segments, 1_u64);
        add(&mut counts.cut_headers, segment.is_header_cut);
        add(&mut counts.syn, segment.syn() && !segment.is_ack());
        add(&mut counts.syn_ack, segment.syn() && segment.is_ack());
        add(&mut counts.rst, segment.rst());
        add(&mut counts.fin, segment.fin());
        add(&mut counts.retransmissions, marks.is_retransmission());
        add(&mut counts.fast_retransmissions, marks.late == Some(Late::FastRetransmission));
        add(&mut counts.spurious_retransmissions, marks.late == Some(Late::SpuriousRetransmission));
        add(&mut counts.out_of_order, marks.late == Some(Late::OutOfOrder));
        add(&mut counts.duplicate_acks, marks.duplicate_ack);
        add(&mut counts.zero_windows, marks.zero_window);
        if marks.zero_window {
            counts.zero_windows_during = TimeRange::with(counts.zero_windows_during, now);
        }
        add(&mut counts.lost_segments, marks.lost);
        add(&mut counts.keep_alives, marks.keep_alive);
        add(&mut counts.delivered.segments, marks.fate.is_some());
        add(&mut counts.delivered.sent_again, marks.fate == Some(Fate::SentAgain));
        add(&mut counts.delivered.overtaken, marks.fate == Some(Fate::Overtaken));
    }

    /// Reads what programs say in new bytes.
    fn read(
        &mut self,
        key: &FlowKey,
        from: Side,
        connection: &mut Connection,
        segment: &Segment<'_>,
        marks: &Marks,
        now: i64,
    ) {
        let (bytes, length) = (segment.payload, segment.length);
        let payload = Payload { flow: key, from, bytes, length, follows: !marks.lost, now };
        let Some(next) = connection.next_bytes(from) else { return };
        let heard = self.application.read(&payload, next);
        connection.note_heard(from, &heard, segment, now);
        if let Some(name) = heard.server_name {
            self.talkers.note_server_name(key.peer(from.other()), name);
        }
    }

    /// Counts a conversation that is over, or forgotten.
    fn close(&mut self, key: &FlowKey, flow: &Flow, end: i64) {
        if let Some(connection) = &flow.tcp {
            connection.count_beginning(&mut self.tcp.connections, end);
            self.clients.count(key, connection, end);
            self.application.tls.count_outcome(connection.tls_outcome(end));
            for side in [Side::Low, Side::High] {
                add(&mut self.tcp.delivered.in_vain, connection.delivered(side).in_vain);
            }
            add(&mut self.tcp.large_acknowledged, connection.has_large_acknowledged());
            if let Some(hello_at) = connection.unanswered_hello() {
                self.application.tls.count_unanswered(hello_at);
            }
            if connection.is_reassembling_any() {
                self.application.forget(key);
            }
        }
        self.talkers.count_flow(key, flow, end);
    }
}
