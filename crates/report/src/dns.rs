//! Questions to name servers, and what became of them.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::net::{IpAddr, Ipv4Addr};

use domain::base::Message;
use domain::base::iana::{Opcode, Rcode, Rtype};
use domain::rdata::{A, Aaaa, Ptr};
use serde::Serialize;
use serde_with::skip_serializing_none;

use crate::flow_key::{FlowKey, Side};
use crate::histogram::{Durations, Histogram};
use crate::host_names::{HostNames, KnownAs};
use crate::moment::TimeRange;
use crate::packet::Address;
use crate::search_list::{Asked, LostZone, Unexplained, unexplained};
use crate::text::clean;
use crate::top::{Names, Tally, Top, Weighed, Weight};
use crate::waiting::Waiting;

/// The port of name servers (RFC 1035, 4.2).
pub(crate) const DNS_PORT: u16 = 53;

/// An answer that took longer than this is slow: most are there within a tenth of it, and a program that asks for a few
/// names in turn is held up noticeably.
pub const SLOW_NANOS: i64 = 500_000_000;

/// After this time the usual resolvers ask again (`timeout` of resolv.conf(5)), and a question counts as unanswered.
pub const UNANSWERED_NANOS: i64 = 5_000_000_000;

/// The most questions that wait for their answers at one time, the most names, and the most name servers.
const MAX_PENDING: usize = 8_192;
const MAX_NAMES: usize = 2_000;
const MAX_SERVERS: usize = 500;

/// The most records of an answer that are read. Resolvers try fewer addresses than that.
const MAX_RECORDS: usize = 32;

/// A name of 255 bytes, in which every byte may be written as four.
const MAX_NAME_BYTES: usize = 256;

/// DNS over UDP and TCP, on port 53; mDNS and LLMNR are something else.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dns {
    /// Questions, repeated ones included.
    pub queries: u64,
    /// Those of them that were asked again while they waited.
    pub repeated: u64,
    pub responses: u64,
    /// Answers by what they say: `NOERROR`, `NXDOMAIN`, `SERVFAIL` and so on (IANA, "DNS RCODEs").
    pub codes: BTreeMap<String, u64>,
    /// When answers came that were errors, other than that a name does not exist.
    pub errors_during: Option<TimeRange>,
    /// From a question to its answer.
    pub answered: Durations,
    /// Questions whose answer took longer than half a second.
    pub slow: u64,
    /// Questions that nobody answered within five seconds.
    pub unanswered: u64,
    /// When slow answers came, and when questions were asked that nobody answered.
    pub late_during: Option<TimeRange>,
    /// Questions of the last five seconds of the capture that have no answer yet.
    pub pending: u64,
    /// Questions that were too many to be followed.
    pub not_followed: u64,
    /// Messages that cannot be read.
    pub malformed: u64,
    /// Answers that a name does not exist, but for those that a search list explains: the resolver appends one domain after
    /// the other to a name, until it is found (`search` and `ndots` of resolv.conf(5)).
    pub unknown: u64,
    /// The zone of which most such answers are, and of which no name was found.
    pub lost_zone: Option<LostZone>,
    /// The name of which most of these answers are.
    #[serde(skip)]
    pub(crate) most_unknown: Option<String>,
    /// The name of which most answers are that were other errors.
    #[serde(skip)]
    pub(crate) most_errors: Option<String>,
    pub names: Names<DnsName>,
    /// By questions.
    pub servers: Top<DnsServer>,
}

/// A name that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DnsName {
    /// The name, without the dot at its end; `.` for the root.
    pub name: String,
    /// How often it was asked for.
    pub queries: u64,
    /// How often the answer was an error.
    pub failed: u64,
    /// How often there was no answer.
    pub unanswered: u64,
}

/// A name server.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DnsServer {
    /// Where the questions went.
    pub address: IpAddr,
    /// What it is called.
    #[serde(skip_serializing_if = "KnownAs::is_empty")]
    pub names: KnownAs,
    /// How often it was asked.
    pub queries: u64,
    /// How often it answered.
    pub answers: u64,
    /// How often its answer was an error other than that the name does not exist.
    pub failed: u64,
    /// How often its answer was that the name does not exist.
    pub unknown: u64,
    /// How often its answer was slow.
    pub slow: u64,
    /// How often it gave none.
    pub unanswered: u64,
}

impl Weighed for DnsServer {
    fn weight(&self) -> Weight {
        Weight { bytes: self.unanswered.saturating_add(self.failed), packets: self.queries }
    }
}

/// A question is the same when its conversation, its number and its name are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Question {
    flow: FlowKey,
    asked_by: Side,
    id: u16,
    name: String,
}

/// DNS as it is counted.
#[derive(Clone, Debug)]
pub(crate) struct DnsStatistics {
    dns: Dns,
    codes: BTreeMap<Rcode, u64>,
    answered: Histogram,
    names: Tally<String, Asked>,
    servers: Tally<Address, DnsServer>,
    pending: Waiting<Question, ()>,
}

impl Default for DnsStatistics {
    fn default() -> Self {
        Self {
            dns: Dns::default(),
            codes: BTreeMap::new(),
            answered: Histogram::default(),
            names: Tally::new(MAX_NAMES),
            servers: Tally::new(MAX_SERVERS),
            pending: Waiting::default(),
        }
    }
}

impl DnsStatistics {
    /// Reads a message that one side of a conversation has sent, and remembers what it says of hosts. One that was cut within its
    /// name counts by its header.
    pub fn message(
        &mut self,
        flow: &FlowKey,
        from: Side,
        message: &[u8],
        is_cut: bool,
        now: i64,
        hosts: &mut HostNames,
    ) {
        let Ok(message) = Message::from_octets(message) else {
            self.dns.malformed = self.dns.malformed.saturating_add(1);
            return;
        };
        let header = message.header();
        if header.opcode() != Opcode::QUERY {
            return;
        }
        // Some errors come without their question.
        let name = match message.question().next() {
            Some(Ok(question)) => Some(shown(question.qname())),
            Some(Err(_)) if is_cut => Some(String::new()),
            Some(Err(_)) => None,
            None => Some(String::new()),
        };
        let Some(name) = name else {
            self.dns.malformed = self.dns.malformed.saturating_add(1);
            return;
        };
        let id = header.id();
        if header.qr() {
            if header.rcode() == Rcode::NOERROR {
                note_hosts(&message, &name, hosts);
            }
            let asked_by = from.other();
            self.response(Question { flow: *flow, asked_by, id, name }, header.rcode(), now);
        } else {
            self.query(Question { flow: *flow, asked_by: from, id, name }, now);
        }
    }

    fn query(&mut self, question: Question, now: i64) {
        self.dns.queries = self.dns.queries.saturating_add(1);
        let address = question.server();
        let server = self.servers.entry_or(address, || DnsServer {
            address: address.to_ip(),
            names: KnownAs::default(),
            queries: 0,
            answers: 0,
            failed: 0,
            unknown: 0,
            slow: 0,
            unanswered: 0,
        });
        server.queries = server.queries.saturating_add(1);
        match self.names.get_mut(&question.name) {
            _ if question.name.is_empty() => {}
            Some(name) => name.queries = name.queries.saturating_add(1),
            None => self.names.entry(question.name.clone()).queries = 1,
        }
        if self.pending.contains(&question) {
            self.dns.repeated = self.dns.repeated.saturating_add(1);
            return;
        }
        if self.pending.len() >= MAX_PENDING {
            self.expire(now);
        }
        if self.pending.len() >= MAX_PENDING {
            self.dns.not_followed = self.dns.not_followed.saturating_add(1);
            return;
        }
        self.pending.insert(question, now, ());
    }

    fn response(&mut self, question: Question, code: Rcode, now: i64) {
        self.dns.responses = self.dns.responses.saturating_add(1);
        let count = self.codes.entry(code).or_default();
        *count = count.saturating_add(1);
        let took = self.pending.remove(&question).map(|(asked_at, ())| now.saturating_sub(asked_at));
        let is_slow = took.is_some_and(|took| took > SLOW_NANOS);
        took.into_iter().for_each(|took| self.answered.count(took));
        self.dns.slow = self.dns.slow.saturating_add(is_slow.into());
        if is_slow {
            self.dns.late_during = TimeRange::with(self.dns.late_during, now);
        }
        if code == Rcode::NXDOMAIN && question.name.is_empty() {
            self.dns.unknown = self.dns.unknown.saturating_add(1);
        }
        // That a name does not exist is no fault of who says so.
        let is_error = code != Rcode::NOERROR && code != Rcode::NXDOMAIN;
        if is_error {
            self.dns.errors_during = TimeRange::with(self.dns.errors_during, now);
        }
        let failed = u64::from(code != Rcode::NOERROR);
        if let Some(name) = self.names.get_mut(&question.name) {
            name.failed = name.failed.saturating_add(failed);
            name.unknown = name.unknown.saturating_add((code == Rcode::NXDOMAIN).into());
            name.found = name.found.saturating_add((code == Rcode::NOERROR).into());
        }
        if let Some(server) = self.servers.get_mut(&question.server()) {
            server.answers = server.answers.saturating_add(1);
            server.failed = server.failed.saturating_add(is_error.into());
            server.unknown = server.unknown.saturating_add((code == Rcode::NXDOMAIN).into());
            server.slow = server.slow.saturating_add(is_slow.into());
        }
    }

    /// Counts what has waited for too long.
    fn expire(&mut self, now: i64) {
        let since = now.saturating_sub(UNANSWERED_NANOS);
        while let Some((question, asked_at, ())) = self.pending.remove_oldest(since) {
            self.dns.late_during = TimeRange::with(self.dns.late_during, asked_at);
            self.dns.unanswered = self.dns.unanswered.saturating_add(1);
            if let Some(name) = self.names.get_mut(&question.name) {
                name.unanswered = name.unanswered.saturating_add(1);
            }
            if let Some(server) = self.servers.get_mut(&question.server()) {
                server.unanswered = server.unanswered.saturating_add(1);
            }
        }
    }

    /// What is known at the end of the capture.
    pub fn report(mut self, end: i64) -> Dns {
        self.expire(end);
        let Unexplained { answers: unknown, most_asked: most_unknown, lost_zone } = unexplained(&self.names);
        // One that has no more than others have does not stand out.
        let most_errors = self.names.iter().map(|(name, asked)| (asked.errors(), Reverse(name))).max();
        let most_errors = most_errors.filter(|(most, Reverse(first))| {
            let others = self.names.iter().filter(|(name, _)| name != first);
            let next = others.map(|(_, asked)| asked.errors()).max().unwrap_or_default();
            *most > next.saturating_mul(2).max(1)
        });
        let most_errors = most_errors.map(|(_, Reverse(name))| name.clone());
        let names = self.names.report(|name, asked| {
            let Asked { queries, failed, unanswered, .. } = *asked;
            DnsName { name: name.clone(), queries, failed, unanswered }
        });
        Dns {
            codes: self.codes.iter().map(|(code, count)| (code_name(*code), *count)).collect(),
            answered: self.answered.report(),
            pending: self.pending.len() as u64,
            unknown: self.dns.unknown.saturating_add(unknown),
            lost_zone,
            most_unknown,
            most_errors,
            names: names.into(),
            servers: self.servers.report(|_, server| server.clone()),
            ..self.dns
        }
    }
}

impl Question {
    fn server(&self) -> Address {
        self.flow.peer(self.asked_by.other()).address
    }
}

/// Remembers which addresses have the name that was asked for, whatever other names that leads over; or which name the address
/// has.
fn note_hosts(message: &Message<&[u8]>, asked_for: &str, hosts: &mut HostNames) {
    let Ok(answers) = message.answer() else { return };
    for record in answers.take(MAX_RECORDS).map_while(Result::ok) {
        let address = match record.rtype() {
            Rtype::A => record.to_record::<A>().ok().flatten().map(|record| Address::from(record.data().addr())),
            Rtype::AAAA => {
                let record = record.to_record::<Aaaa>().ok().flatten();
                record.map(|record| Address::from(IpAddr::V6(record.data().addr())))
            }
            Rtype::PTR => {
                let name = record.to_record::<Ptr<_>>().ok().flatten().map(|record| shown(record.data().ptrdname()));
                let named = name.zip(reversed(asked_for));
                named.into_iter().for_each(|(name, address)| hosts.resolved(&name, address));
                continue;
            }
            _ => None,
        };
        address.into_iter().for_each(|address| hosts.resolved(asked_for, address));
    }
}

/// The address that is asked for its name (RFC 1035, 3.5; RFC 3596, 2.5).
fn reversed(name: &str) -> Option<Address> {
    if let Some(labels) = name.strip_suffix(".in-addr.arpa") {
        let forth: Vec<&str> = labels.rsplit('.').collect();
        return forth.join(".").parse::<Ipv4Addr>().ok().map(Address::from);
    }
    let nibbles: String = name.strip_suffix(".ip6.arpa")?.rsplit('.').collect();
    let bits = u128::from_str_radix(&nibbles, 16).ok().filter(|_| nibbles.len() == 32)?;
    Some(Address::from(IpAddr::V6(bits.into())))
}

/// A name as people write it. Most need no cleaning, and there may be many.
fn shown(name: impl Display) -> String {
    let mut text = String::with_capacity(64);
    // A String takes whatever is written to it.
    let _ = write!(text, "{name}");
    text.make_ascii_lowercase();
    let is_clean = text.len() <= MAX_NAME_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic());
    match text.as_str() {
        "" => ".".to_owned(),
        _ if is_clean => text,
        _ => clean(&text, MAX_NAME_BYTES),
    }
}

/// The code's name, as IANA has it.
fn code_name(code: Rcode) -> String {
    code.to_mnemonic_str().map_or_else(|| format!("RCODE{}", code.to_int()), str::to_owned)
}
