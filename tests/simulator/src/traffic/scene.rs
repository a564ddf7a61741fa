//! What happens in a recording: an ordinary time on a machine, and in its middle a burst of TCP segments to a
//! database that no longer keeps up.

use std::net::Ipv4Addr;

use crate::traffic::payload::{application_data, client_hello, dns_answer, dns_question, server_hello};
use crate::traffic::recording::Recording;
use crate::traffic::wire::Direction::{In, Out};
use crate::traffic::wire::{Connection, Flag, Packet, Wire};

const RESOLVER: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);
const DATABASE: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 20);
const OPERATOR: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 23);
const SITES: [(&str, Ipv4Addr); 4] = [
    ("api.contoso.example", Ipv4Addr::new(203, 0, 113, 10)),
    ("packages.contoso.example", Ipv4Addr::new(203, 0, 113, 21)),
    ("telemetry.contoso.example", Ipv4Addr::new(203, 0, 113, 34)),
    ("www.contoso.example", Ipv4Addr::new(198, 51, 100, 80)),
];
const SEGMENT_BYTES: usize = 1200;

/// The packets of a recording, in no order.
pub(crate) fn packets(recording: &Recording) -> Vec<Packet> {
    let mut scene = Scene { wire: Wire::new(recording), percent: u64::from(recording.percent) };
    if recording.length() > 0 {
        scene.browse();
        scene.administer();
        scene.burst();
    }
    scene.wire.packets
}

struct Scene {
    wire: Wire,
    percent: u64,
}

impl Scene {
    /// HTTPS now and then, each after a DNS question.
    fn browse(&mut self) {
        let length = self.wire.length;
        let visits = self.volume((length / 2_000_000).clamp(2, 90));
        for visit in 0..visits {
            let begins = length * visit / visits + self.wire.random(length / visits / 2 + 1);
            let (name, address) = SITES[self.wire.random(SITES.len() as u64) as usize];
            let answered = self.resolve(begins, name, address);
            self.fetch(answered, name, address);
        }
    }

    fn resolve(&mut self, at: u64, name: &str, address: Ipv4Addr) -> u64 {
        let (port, id) = (self.wire.port(), self.wire.random(65_536) as u16);
        let answered = at + self.wire.shrunk(1500);
        self.wire.udp(at, port, (RESOLVER, 53), Out, &dns_question(id, name));
        self.wire.udp(answered, port, (RESOLVER, 53), In, &dns_answer(id, name, address));
        answered
    }

    fn fetch(&mut self, at: u64, name: &str, address: Ipv4Addr) {
        let wire = &mut self.wire;
        let mut connection = wire.connection(at, (address, 443), 9_000);
        wire.open(&mut connection);
        let hello = client_hello(name, &wire.random_bytes(32));
        wire.send(&mut connection, Out, &hello);
        let hello = server_hello(&wire.random_bytes(32));
        wire.send(&mut connection, In, &hello);
        for turn in 0..2 + wire.random(3) {
            let request = application_data(&wire.random_bytes(180));
            wire.send(&mut connection, Out, &request);
            for _ in 0..1 + wire.random(3) {
                let part = application_data(&wire.random_bytes(900 + turn as usize * 100));
                wire.send(&mut connection, In, &part);
            }
        }
        wire.close(&mut connection);
    }

    /// A shell that was open before the recording began.
    fn administer(&mut self) {
        let length = self.wire.length;
        let keys = self.volume((length / 400_000).clamp(4, 400));
        let mut connection = self.wire.connection(0, (OPERATOR, 51_234), 14_000);
        connection.local_port = 22;
        for key in 0..keys {
            connection.clock = connection.clock.max(length * key / keys);
            let typed = self.wire.random_bytes(36);
            let shown = self.wire.random_bytes(36 + (key as usize % 5) * 40);
            self.wire.send(&mut connection, In, &typed);
            self.wire.send(&mut connection, Out, &shown);
        }
    }

    /// The story: hundreds of connections to the database within seconds, some refused, some unanswered, some
    /// answered late.
    fn burst(&mut self) {
        let length = self.wire.length;
        let connections = self.volume(280);
        let begins = length * 45 / 100;
        let lasts = (length / 5).min(10_000_000);
        for number in 0..connections {
            let at = begins + lasts * number / connections;
            let mut connection = self.wire.connection(at, (DATABASE, 1433), 400);
            match number % 8 {
                0 | 4 => self.be_refused(&mut connection),
                6 => self.be_ignored(&mut connection),
                _ => self.insert_rows(&mut connection, number),
            }
        }
    }

    fn be_refused(&mut self, connection: &mut Connection) {
        for _ in 0..2 {
            self.wire.tcp(connection, Out, Flag::Syn, &[]);
            connection.clock += connection.one_way;
            // The refusal acknowledges the SYN, which is then sent again with the same number.
            connection.local_seq = connection.local_seq.wrapping_add(1);
            self.wire.tcp(connection, In, Flag::Rst, &[]);
            connection.local_seq = connection.local_seq.wrapping_sub(1);
            connection.clock += self.wire.shrunk(500_000);
        }
    }

    fn be_ignored(&mut self, connection: &mut Connection) {
        for wait in [1_000_000, 2_000_000, 0] {
            self.wire.tcp(connection, Out, Flag::Syn, &[]);
            connection.clock += self.wire.shrunk(wait);
        }
    }

    fn insert_rows(&mut self, connection: &mut Connection, number: u64) {
        self.wire.open(connection);
        for segment in 0..3 {
            let rows = self.wire.random_bytes(SEGMENT_BYTES);
            self.wire.tcp(connection, Out, Flag::Data, &rows);
            if number % 5 == segment {
                // Nobody acknowledges it, so it is sent again.
                connection.clock += self.wire.shrunk(200_000);
                self.wire.tcp(connection, Out, Flag::Data, &rows);
            }
            connection.local_seq = connection.local_seq.wrapping_add(rows.len() as u32);
            connection.clock += connection.one_way;
            self.wire.tcp(connection, In, Flag::Ack, &[]);
        }
        if number % 6 == 1 {
            self.wire.tcp(connection, In, Flag::Rst, &[]);
        } else {
            self.wire.close(connection);
        }
    }

    /// So many, as the recording's volume has it.
    fn volume(&self, usual: u64) -> u64 {
        (usual * self.percent / 100).max(1)
    }
}
