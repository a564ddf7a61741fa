//! Small captures in which something is wrong, by as much as a number says.

use super::{DATABASE, Host, MILLI, SECOND, SERVER, Wire, client, segment};

/// A server repeats its answer to clients of whom so many go on after all.
pub fn half_open(completed: u64) -> Wire {
    let mut wire = Wire::new();
    for number in 0..3 {
        let at = number * 100 * MILLI;
        wire.tcp(at, client(number), DATABASE, &segment("S", 99, 0));
        wire.tcp(at + MILLI, DATABASE, client(number), &segment("SA", 499, 100));
        wire.tcp(at + SECOND, DATABASE, client(number), &segment("SA", 499, 100));
        if number < completed {
            wire.tcp(at + SECOND + MILLI, client(number), DATABASE, &segment("A", 100, 500));
        }
    }
    wire
}

/// A few clients cannot hear the server, and ask again; all the others are well.
pub fn unheard(clients: u64) -> Wire {
    let mut wire = Wire::new();
    (0..40).for_each(|number| wire.exchange(number * 100 * MILLI, client(number), DATABASE, 3));
    for number in 50..50 + clients {
        for again in [0, SECOND] {
            let at = number * 100 * MILLI + again;
            wire.tcp(at, client(number), DATABASE, &segment("S", 99, 0));
            wire.tcp(at + MILLI, DATABASE, client(number), &segment("SA", 499, 100));
        }
    }
    wire
}

/// A client is refused at ports, and three times at one of them.
pub fn knocks(ports: u16) -> Wire {
    let mut wire = Wire::new();
    let knock = |wire: &mut Wire, at: u64, from_port: u16, port: u16| {
        let (from, to) = (Host([10, 0, 0, 99], from_port), Host(SERVER.0, port));
        wire.tcp(at, from, to, &segment("S", 1, 0));
        wire.tcp(at + MILLI, to, from, &segment("RA", 0, 2));
    };
    (1..ports).for_each(|port| knock(&mut wire, u64::from(port) * 10 * MILLI, 50_000, port));
    (0..3).for_each(|time| knock(&mut wire, SECOND + u64::from(time) * MILLI * 10, 50_001 + time, 2_222));
    wire
}

/// Back ends at one port leave two connections unanswered each.
pub fn silent_pool(hosts: u8) -> Wire {
    let mut wire = Wire::new();
    for number in 0..hosts * 2 {
        let to = Host([10, 0, 2, number / 2], 8_080);
        for again in [0, 1] {
            let at = u64::from(number) * 10 * MILLI + again * SECOND;
            wire.tcp(at, client(number.into()), to, &segment("S", 1, 0));
        }
    }
    wire
}

/// Servers send a segment of a size again and again to three clients, of whom so many acknowledge it after all, and the others
/// at least say in the end that they wait for it, if they are there.
pub fn stuck(size: usize, acknowledged: u64, is_there: bool) -> Wire {
    let mut wire = Wire::new();
    for number in 0..3 {
        let at = number * 100 * MILLI;
        wire.handshake(at, client(number), DATABASE);
        wire.data(at + 3 * MILLI, client(number), DATABASE, (100, 500), &[1; 100]);
        wire.data(at + 4 * MILLI, DATABASE, client(number), (500, 200), &[2; 300]);
        wire.tcp(at + 5 * MILLI, client(number), DATABASE, &segment("A", 200, 800));
        for again in [0, 1, 3] {
            wire.data(at + 10 * MILLI + again * 300 * MILLI, DATABASE, client(number), (800, 200), &vec![3; size]);
        }
        match number < acknowledged {
            true => wire.tcp(at + 2 * SECOND, client(number), DATABASE, &segment("A", 200, 800 + size as u32)),
            false if is_there => wire.tcp(at + 2 * SECOND, client(number), DATABASE, &segment("FA", 200, 800)),
            false => {}
        }
    }
    wire
}

/// A router complains about one destination, so often and so far apart.
pub fn complaints(times: u64, apart: u64) -> Wire {
    let mut wire = Wire::new();
    (0..times).for_each(|time| wire.too_big(time * apart, client(5)));
    wire
}

/// Three connections of which the server sends data, and then this.
pub fn ended(last: &str, answer: &[u8]) -> Wire {
    let mut wire = Wire::new();
    for number in 0..3 {
        let at = number * 100 * MILLI;
        let end = 500 + answer.len() as u32;
        wire.handshake(at, client(number), DATABASE);
        wire.data(at + 3 * MILLI, client(number), DATABASE, (100, 500), b"GET / HTTP/1.1\r\n\r\n");
        wire.data(at + 4 * MILLI, DATABASE, client(number), (500, 118), answer);
        wire.tcp(at + 5 * MILLI, client(number), DATABASE, &segment("A", 118, end));
        // The last of them ends otherwise.
        let last = if number == 2 { last } else { "R" };
        wire.tcp(at + 6 * MILLI, DATABASE, client(number), &segment(last, end, 118));
        wire.tcp(at + 7 * MILLI, DATABASE, client(number), &segment("R", end + 1, 118));
    }
    wire
}

/// Names in one zone are lost, and others are found.
pub fn lost_zone(answers: u16) -> Wire {
    let mut wire = Wire::new();
    for id in 0..answers {
        let name = if id % 2 == 0 { "db.corp.example" } else { "api.corp.example" };
        wire.lookup(u64::from(id) * SECOND, id, name, 3);
    }
    (0..60).for_each(|id| wire.lookup(SECOND / 2 + u64::from(id) * SECOND, 100 + id, "www.partner.example", 0));
    wire
}
