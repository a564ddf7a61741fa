//! The packets of a machine: its connections, as far as they have got, and its datagrams.

use std::net::Ipv4Addr;

use etherparse::PacketBuilder;

use crate::capture::filter::{Ends, Transport};
use crate::identifier::scramble;
use crate::traffic::recording::Recording;

const MACHINE_MAC: [u8; 6] = [0x00, 0x0d, 0x3a, 0x10, 0x20, 0x30];
const GATEWAY_MAC: [u8; 6] = [0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc];

pub(crate) struct Packet {
    /// Microseconds since the recording began.
    pub(crate) at: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) ends: Ends,
}

pub(crate) struct Wire {
    machine: Ipv4Addr,
    /// Microseconds.
    pub(crate) length: u64,
    random: u64,
    next_port: u16,
    pub(crate) packets: Vec<Packet>,
}

/// A TCP connection of the machine, as far as it has got.
pub(crate) struct Connection {
    pub(crate) local_port: u16,
    pub(crate) remote: (Ipv4Addr, u16),
    pub(crate) local_seq: u32,
    remote_seq: u32,
    /// Microseconds since the recording began.
    pub(crate) clock: u64,
    /// Microseconds for one way.
    pub(crate) one_way: u64,
}

/// Which way a packet goes, as the machine sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Direction {
    Out,
    In,
}

use Direction::{In, Out};

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Flag {
    Syn,
    Ack,
    Data,
    Fin,
    Rst,
}

impl Wire {
    pub(crate) fn new(recording: &Recording) -> Wire {
        Wire {
            machine: recording.machine,
            length: recording.length(),
            random: scramble(recording.seed),
            next_port: 49_152,
            packets: Vec::new(),
        }
    }

    pub(crate) fn connection(&mut self, at: u64, remote: (Ipv4Addr, u16), one_way: u64) -> Connection {
        Connection {
            local_port: self.port(),
            remote,
            local_seq: self.random(1 << 32) as u32,
            remote_seq: self.random(1 << 32) as u32,
            clock: at,
            one_way: self.shrunk(one_way).max(1),
        }
    }

    pub(crate) fn open(&mut self, connection: &mut Connection) {
        self.tcp(connection, Out, Flag::Syn, &[]);
        connection.local_seq = connection.local_seq.wrapping_add(1);
        connection.clock += connection.one_way;
        self.tcp(connection, In, Flag::Syn, &[]);
        connection.remote_seq = connection.remote_seq.wrapping_add(1);
        connection.clock += connection.one_way;
        self.tcp(connection, Out, Flag::Ack, &[]);
    }

    /// One segment and its acknowledgement.
    pub(crate) fn send(&mut self, connection: &mut Connection, direction: Direction, payload: &[u8]) {
        self.tcp(connection, direction, Flag::Data, payload);
        let (seq, back) = match direction {
            Out => (&mut connection.local_seq, In),
            In => (&mut connection.remote_seq, Out),
        };
        *seq = seq.wrapping_add(payload.len() as u32);
        connection.clock += connection.one_way;
        self.tcp(connection, back, Flag::Ack, &[]);
        connection.clock += connection.one_way;
    }

    pub(crate) fn close(&mut self, connection: &mut Connection) {
        self.tcp(connection, Out, Flag::Fin, &[]);
        connection.local_seq = connection.local_seq.wrapping_add(1);
        connection.clock += connection.one_way;
        self.tcp(connection, In, Flag::Fin, &[]);
        connection.remote_seq = connection.remote_seq.wrapping_add(1);
        connection.clock += connection.one_way;
        self.tcp(connection, Out, Flag::Ack, &[]);
    }

    pub(crate) fn tcp(&mut self, connection: &Connection, direction: Direction, flag: Flag, payload: &[u8]) {
        let local = (self.machine, connection.local_port);
        let ends = Ends { transport: Transport::Tcp, local, remote: connection.remote };
        let (seq, ack) = match direction {
            Out => (connection.local_seq, connection.remote_seq),
            In => (connection.remote_seq, connection.local_seq),
        };
        let (from, to) = addresses(&ends, direction);
        let ip = PacketBuilder::ethernet2(from.mac, to.mac).ipv4(from.ip, to.ip, 64);
        let tcp = ip.tcp(from.port, to.port, seq, 64_240);
        let tcp = match flag {
            Flag::Syn if direction == Out => tcp.syn(),
            Flag::Syn => tcp.syn().ack(ack),
            Flag::Ack => tcp.ack(ack),
            Flag::Data => tcp.psh().ack(ack),
            Flag::Fin => tcp.fin().ack(ack),
            Flag::Rst => tcp.rst().ack(ack),
        };
        let mut bytes = Vec::with_capacity(tcp.size(payload.len()));
        if tcp.write(&mut bytes, payload).is_ok() {
            self.keep(connection.clock, bytes, ends);
        }
    }

    pub(crate) fn udp(
        &mut self,
        at: u64,
        local_port: u16,
        remote: (Ipv4Addr, u16),
        direction: Direction,
        payload: &[u8],
    ) {
        let ends = Ends { transport: Transport::Udp, local: (self.machine, local_port), remote };
        let (from, to) = addresses(&ends, direction);
        let udp = PacketBuilder::ethernet2(from.mac, to.mac).ipv4(from.ip, to.ip, 64).udp(from.port, to.port);
        let mut bytes = Vec::with_capacity(udp.size(payload.len()));
        if udp.write(&mut bytes, payload).is_ok() {
            self.keep(at, bytes, ends);
        }
    }

    /// Packets after the end were not recorded.
    fn keep(&mut self, at: u64, bytes: Vec<u8>, ends: Ends) {
        if at < self.length {
            self.packets.push(Packet { at, bytes, ends });
        }
    }

    /// A time between packets, which shrinks in recordings that are too short for the story.
    pub(crate) fn shrunk(&self, usual: u64) -> u64 {
        usual.min(self.length / 50)
    }

    pub(crate) fn port(&mut self) -> u16 {
        let port = self.next_port;
        self.next_port = if port == u16::MAX { 49_152 } else { port + 1 };
        port
    }

    /// A number below `limit`, the same in each run.
    pub(crate) fn random(&mut self, limit: u64) -> u64 {
        self.random = scramble(self.random);
        self.random % limit.max(1)
    }

    pub(crate) fn random_bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            let word = self.random(u64::MAX);
            bytes.extend(word.to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }
}

struct Address {
    mac: [u8; 6],
    ip: [u8; 4],
    port: u16,
}

/// Sender and receiver.
fn addresses(ends: &Ends, direction: Direction) -> (Address, Address) {
    let machine = Address { mac: MACHINE_MAC, ip: ends.local.0.octets(), port: ends.local.1 };
    let other = Address { mac: GATEWAY_MAC, ip: ends.remote.0.octets(), port: ends.remote.1 };
    match direction {
        Out => (machine, other),
        In => (other, machine),
    }
}
