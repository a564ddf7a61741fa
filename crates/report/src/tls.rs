//! What TLS says before it falls silent: who was asked for, in which version, and why it ended.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Serialize;
use serde_with::skip_serializing_none;
use tls_parser::{
    SNIType, TlsExtension, parse_tls_extension_sni, parse_tls_extension_supported_versions,
    parse_tls_handshake_client_hello, parse_tls_handshake_server_hello,
};

use crate::bytes::{Incomplete, be16};
use crate::moment::TimeRange;
use crate::names::{NameCounts, Named};
use crate::text::clean;
use crate::tls_counts::{TlsCounts, TlsOutcome};
use crate::top::Names;

/// A name of a host has 253 characters at most (RFC 1035, 2.3.4).
const MAX_NAME_BYTES: usize = 253;
const MAX_NAMES: usize = 2_000;

/// There are six. Servers that choose others at will must not make the report long.
const MAX_VERSIONS: usize = 32;

/// The most bytes of a record (RFC 8446, 5.1 and 5.2).
const MAX_RECORD: usize = 16_384 + 256;

/// Bytes of a record before its content: its type, a version, and how long that is.
const RECORD_HEADER: usize = 5;

/// Bytes of a message of the handshake before its body: its type, and how long that is.
const HEADER: usize = 4;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// Bytes of a record with an alert that is not encrypted.
const ALERT_RECORD: usize = RECORD_HEADER + 2;

/// The level of an alert that ends a connection.
const FATAL: u8 = 2;

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

/// The ServerHello that asks for another ClientHello has this in place of a random number (RFC 8446, 4.1.3).
const HELLO_RETRY_REQUEST: [u8; 8] = [0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11];

/// TLS over TCP, on any port.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// Hellos of clients: two of a handshake in which the server asked for another one (RFC 8446, 4.1.4).
    pub client_hellos: u64,
    /// Those that a server answered with its choice of version.
    pub server_hellos: u64,
    /// Connections on which a client began, and the server sent no choice.
    pub unanswered: u64,
    /// Handshakes of which both ways were captured, by what became of them.
    pub handshakes: TlsCounts,
    /// Versions that servers chose: `TLS 1.2`, `TLS 1.3` and so on; `other` for those beyond the first 32.
    pub versions: BTreeMap<String, u64>,
    /// Alerts that can be read, which are those before encryption begins, by their names (IANA, "TLS Alerts").
    pub alerts: BTreeMap<String, u64>,
    /// Those of them that ended a connection.
    pub fatal_alerts: u64,
    /// When handshakes failed: when the hello came that was not answered, or the alert.
    pub failed_during: Option<TimeRange>,
    /// Names of servers that clients asked for (RFC 6066, 3).
    pub server_names: Names<Named>,
}

/// TLS as it is counted.
#[derive(Clone, Debug)]
pub(crate) struct TlsStatistics {
    tls: Tls,
    /// Nothing for those that are too many.
    versions: BTreeMap<Option<u16>, u64>,
    alerts: BTreeMap<u8, u64>,
    names: NameCounts,
    /// The name that the last hello asked for.
    asked_for: Option<String>,
}

impl Default for TlsStatistics {
    fn default() -> Self {
        Self {
            tls: Tls::default(),
            versions: BTreeMap::new(),
            alerts: BTreeMap::new(),
            names: NameCounts::new(MAX_NAMES),
            asked_for: None,
        }
    }
}

/// What a record says that matters for its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    ClientHello,
    ServerHello,
    /// With its number (IANA, "TLS Alerts").
    FatalAlert(u8),
}

/// Whether bytes begin like records of which the first is a hello, an alert, or what may stand before another hello. There may
/// be too few to tell.
pub(crate) fn is_tls(bytes: &[u8]) -> bool {
    let is = |place: usize, expected: RangeInclusive<u8>| bytes.get(place).is_none_or(|byte| expected.contains(byte));
    let has_length = |length: u8| is(3, 0..=0) && is(4, length..=length);
    let is_kind = match bytes.first() {
        Some(&CHANGE_CIPHER_SPEC) => has_length(1) && is(5, 1..=1),
        Some(&ALERT) => has_length(2),
        Some(&HANDSHAKE) => is(5, CLIENT_HELLO..=SERVER_HELLO),
        _ => false,
    };
    is_kind && is(1, 3..=3) && is(2, 0..=4) && be16(bytes, 3).is_none_or(|length| usize::from(length) <= MAX_RECORD)
}

/// Whether bytes begin like any record (RFC 8446, 5.1).
fn is_record(bytes: &[u8]) -> bool {
    matches!(bytes, [CHANGE_CIPHER_SPEC..=APPLICATION_DATA, 3, 0..=4, _, _, _, ..])
}

impl TlsStatistics {
    /// Reads the records of these bytes, and hands back the beginning of one that is not whole, if that matters, and what it
    /// lacks.
    pub fn read<'a>(&mut self, bytes: &'a [u8], now: i64) -> (Vec<Said>, Option<(&'a [u8], Incomplete)>) {
        let mut said = Vec::new();
        let mut rest = bytes;
        while is_tls(rest) || is_record(rest) {
            match self.read_record(rest, now) {
                Ok((one, length)) => {
                    said.extend(one);
                    rest = rest.get(length..).unwrap_or_default();
                }
                Err(incomplete) => return (said, Some((rest, incomplete))),
            }
        }
        (said, None)
    }

    /// Reads the first record, and tells how long that is.
    fn read_record(&mut self, bytes: &[u8], now: i64) -> Result<(Option<Said>, usize), Incomplete> {
        let (record, length) = first_record(bytes).ok_or(Incomplete { missing: 1 })?;
        match (bytes.first(), record) {
            (Some(&ALERT), [level, description]) if length == ALERT_RECORD => {
                Ok((self.alert(*level, *description, now), length))
            }
            (Some(&HANDSHAKE), [CLIENT_HELLO | SERVER_HELLO, ..]) => self.hello(bytes),
            (Some(&ALERT | &HANDSHAKE), [] | [_]) if length > bytes.len() => Err(Incomplete { missing: 1 }),
            _ => Ok((None, length)),
        }
    }

    fn alert(&mut self, level: u8, description: u8, now: i64) -> Option<Said> {
        count(&mut self.alerts, description);
        let is_fatal = level == FATAL;
        if is_fatal {
            self.tls.fatal_alerts = self.tls.fatal_alerts.saturating_add(1);
            self.tls.failed_during = TimeRange::with(self.tls.failed_during, now);
        }
        is_fatal.then_some(Said::FatalAlert(description))
    }

    /// Reads a hello, and tells how long the records are that it is in.
    fn hello(&mut self, bytes: &[u8]) -> Result<(Option<Said>, usize), Incomplete> {
        let Some((message, length)) = first_message(bytes)? else { return Ok((None, bytes.len())) };
        let said = match message.first() {
            Some(&CLIENT_HELLO) => self.client_hello(&message).then_some(Said::ClientHello),
            _ => self.server_hello(&message).then_some(Said::ServerHello),
        };
        Ok((said, length))
    }

    fn client_hello(&mut self, message: &[u8]) -> bool {
        let Some(names) = names_of_server(message) else { return false };
        self.tls.client_hellos = self.tls.client_hellos.saturating_add(1);
        for name in names {
            self.asked_for = Some(name.clone());
            self.names.count(name);
        }
        true
    }

    fn server_hello(&mut self, message: &[u8]) -> bool {
        let body = message.get(HEADER..).unwrap_or_default();
        let Ok((_, hello)) = parse_tls_handshake_server_hello(body) else { return false };
        if hello.random.starts_with(&HELLO_RETRY_REQUEST) {
            return false;
        }
        self.tls.server_hellos = self.tls.server_hellos.saturating_add(1);
        let chosen = extension(hello.ext, 43).and_then(|bytes| parse_tls_extension_supported_versions(bytes).ok());
        let version = match chosen {
            Some((_, TlsExtension::SupportedVersions(versions))) => versions.first().copied(),
            _ => None,
        };
        let version = Some(version.unwrap_or(hello.version).0);
        let is_kept = self.versions.len() < MAX_VERSIONS || self.versions.contains_key(&version);
        count(&mut self.versions, version.filter(|_| is_kept));
        true
    }

    /// The name that the hello asked for which was read last, once.
    pub fn take_name(&mut self) -> Option<String> {
        self.asked_for.take()
    }

    /// Counts how a handshake ended.
    pub fn count_outcome(&mut self, outcome: Option<TlsOutcome>) {
        self.tls.handshakes.count(outcome);
    }

    /// Counts a connection that ended after the client's hello.
    pub fn count_unanswered(&mut self, hello_at: i64) {
        self.tls.unanswered = self.tls.unanswered.saturating_add(1);
        self.tls.failed_during = TimeRange::with(self.tls.failed_during, hello_at);
    }

    pub fn report(self) -> Tls {
        let version_name = |version: Option<u16>| version.map_or_else(|| "other".to_owned(), version_name);
        Tls {
            versions: self.versions.iter().map(|(version, count)| (version_name(*version), *count)).collect(),
            alerts: self.alerts.iter().map(|(alert, count)| (alert_name(*alert), *count)).collect(),
            server_names: self.names.report(),
            ..self.tls
        }
    }
}

/// The names of the server that a client's hello asks for; nothing if it is none. There may be none, and there should not be
/// more than one.
pub(crate) fn names_of_server(message: &[u8]) -> Option<Vec<String>> {
    let [CLIENT_HELLO, _, _, _, body @ ..] = message else { return None };
    let (_, hello) = parse_tls_handshake_client_hello(body).ok()?;
    let names = extension(hello.ext, 0).and_then(|bytes| parse_tls_extension_sni(bytes).ok());
    let Some((_, TlsExtension::SNI(names))) = names else { return Some(Vec::new()) };
    let names = names.iter().filter(|(kind, _)| *kind == SNIType::HostName);
    Some(names.map(|(_, name)| clean(&String::from_utf8_lossy(name).to_ascii_lowercase(), MAX_NAME_BYTES)).collect())
}

fn count<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(1);
}

/// What is there of the first record, and how long it is in all.
fn first_record(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let length = usize::from(be16(bytes, 3)?);
    let content = bytes.get(RECORD_HEADER..).unwrap_or_default();
    Some((content.get(..length).unwrap_or(content), length.saturating_add(RECORD_HEADER)))
}

/// A message of the handshake, and how long the records are that it is in.
type Message<'a> = (Cow<'a, [u8]>, usize);

/// The first message, which may be in several records. A server may put more messages into the last one, which do not have to
/// be there. Nothing if it goes on in what is none, or is too long.
fn first_message(bytes: &[u8]) -> Result<Option<Message<'_>>, Incomplete> {
    let mut message = Cow::Borrowed(&[][..]);
    let mut end: usize = 0;
    let mut missing = 1;
    loop {
        let rest = bytes.get(end..).unwrap_or_default();
        let (content, length) = first_record(rest).ok_or(Incomplete { missing })?;
        if rest.first() != Some(&HANDSHAKE) || length == RECORD_HEADER {
            return Ok(None);
        }
        end = end.saturating_add(length);
        if message.is_empty() {
            message = Cow::Borrowed(content)
        } else {
            message.to_mut().extend_from_slice(content)
        }
        let needed = message.get(1..HEADER).and_then(three_bytes).map(|body| body.saturating_add(HEADER));
        match needed {
            Some(needed) if needed > MAX_RECORD => return Ok(None),
            Some(needed) if message.len() >= needed => {
                match &mut message {
                    Cow::Borrowed(bytes) => *bytes = bytes.get(..needed).unwrap_or_default(),
                    Cow::Owned(bytes) => bytes.truncate(needed),
                }
                return Ok(Some((message, end)));
            }
            Some(needed) => missing = needed.saturating_sub(message.len()),
            None => {}
        }
        if end > bytes.len() {
            return Err(Incomplete { missing });
        }
    }
}

fn three_bytes(bytes: &[u8]) -> Option<usize> {
    let [high, middle, low] = bytes else { return None };
    Some(u32::from_be_bytes([0, *high, *middle, *low]) as usize)
}

/// One extension of a hello, with its header. `tls-parser` reads all of them at once, but ends at the first that it
/// finds wrong.
fn extension(extensions: Option<&[u8]>, wanted: u16) -> Option<&[u8]> {
    let mut rest = extensions?;
    loop {
        let length = usize::from(be16(rest, 2)?).saturating_add(4);
        let (extension, others) = rest.split_at_checked(length)?;
        if be16(extension, 0) == Some(wanted) {
            return Some(extension);
        }
        rest = others;
    }
}

fn version_name(version: u16) -> String {
    match version {
        0x0300 => "SSL 3.0".to_owned(),
        0x0301 => "TLS 1.0".to_owned(),
        0x0302 => "TLS 1.1".to_owned(),
        0x0303 => "TLS 1.2".to_owned(),
        0x0304 => "TLS 1.3".to_owned(),
        other => format!("0x{other:04x}"),
    }
}

pub(crate) fn alert_name(description: u8) -> String {
    let name = match description {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        22 => "record_overflow",
        40 => "handshake_failure",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        100 => "no_renegotiation",
        109 => "missing_extension",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        other => return format!("alert_{other}"),
    };
    name.to_owned()
}
