//! How a handshake of TLS went on a connection. Behind the server's choice most is encrypted, and what is known is who sends
//! how much.

use crate::bytes::be16;
use crate::tls::Said;
use crate::tls_counts::TlsOutcome;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// Bytes of an encrypted alert of TLS 1.3: two, one for its type, and a tag of 8 or 16 (RFC 8446, 5.2; RFC 6655).
const ENCRYPTED_ALERT: [u16; 2] = [11, 19];

/// The most bytes of an encrypted Finished message of TLS 1.3: a hash of 64 bytes at most, four before it, a type and a tag.
const ENCRYPTED_FINISHED: u16 = 4 + 64 + 1 + 16;

/// A server that works answers a hello within this time, over any distance.
const ANSWERED_WITHIN: i64 = 1_000_000_000;

/// The most records of a segment that are looked at.
const MAX_RECORDS: usize = 16;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TlsHandshake {
    client_hello_at: Option<i64>,
    has_server_hello: bool,
    fatal_alert: Option<u8>,
    /// Whether the server has sent anything after the client's hello.
    has_server_spoken: bool,
    /// Whether that did not begin like TLS.
    is_foreign: bool,
    has_finished: bool,
    /// Whether the client has sent data after the handshake, so that it must have been content with it.
    has_client_data: bool,
}

/// Whether bytes begin like a record of TLS (RFC 8446, 5.1).
fn is_record(bytes: &[u8]) -> bool {
    matches!(bytes, [CHANGE_CIPHER_SPEC..=APPLICATION_DATA, 3, ..])
}

impl TlsHandshake {
    pub fn follow(&mut self, said: Option<Said>, is_from_client: bool, payload: &[u8], now: i64) {
        match said {
            Some(Said::ClientHello) => drop(self.client_hello_at.get_or_insert(now)),
            Some(Said::ServerHello) => (self.has_server_hello, self.has_server_spoken) = (true, true),
            Some(Said::FatalAlert(alert)) if self.client_hello_at.is_none() || !self.has_client_data => {
                self.fatal_alert.get_or_insert(alert);
                self.client_hello_at.get_or_insert(now);
            }
            Some(Said::FatalAlert(_)) => {}
            None if self.client_hello_at.is_none() => {}
            None if !is_from_client => {
                self.is_foreign |= !self.has_server_spoken && !is_record(payload);
                self.has_server_spoken = true;
            }
            None if self.has_server_spoken && !self.has_client_data => self.has_client_data = self.is_data(payload),
            None => {}
        }
    }

    /// Whether what a client sends after the server's hello is more than the end of a handshake, or an alert.
    fn is_data(&mut self, payload: &[u8]) -> bool {
        let mut rest = payload;
        for _ in 0..MAX_RECORDS {
            let (Some(kind), Some(length)) = (rest.first(), be16(rest, 3)) else { return false };
            match *kind {
                APPLICATION_DATA if ENCRYPTED_ALERT.contains(&length) => {}
                APPLICATION_DATA if !self.has_finished && length <= ENCRYPTED_FINISHED => self.has_finished = true,
                CHANGE_CIPHER_SPEC | ALERT | HANDSHAKE => {}
                // Data, or the rest of a record that began before.
                _ => return true,
            }
            rest = rest.get(usize::from(length).saturating_add(5)..).unwrap_or_default();
        }
        false
    }

    /// `is_over` says that a side has ended the connection, `end` when the capture ended.
    pub fn outcome(&self, is_over: bool, end: i64) -> Option<TlsOutcome> {
        let hello_at = self.client_hello_at?;
        let has_waited = end.saturating_sub(hello_at) >= ANSWERED_WITHIN;
        Some(match self {
            Self { fatal_alert: Some(alert), .. } => TlsOutcome::Refused { alert: *alert },
            Self { has_client_data: true, .. } => TlsOutcome::Finished,
            Self { has_server_spoken: false, .. } if is_over || has_waited => TlsOutcome::Mute,
            Self { is_foreign: true, .. } => TlsOutcome::Foreign,
            Self { has_server_hello: true, .. } if is_over => TlsOutcome::Abandoned,
            _ => TlsOutcome::Pending,
        })
    }

    /// When a client began with TLS, if no server went on.
    pub fn unanswered_hello(&self) -> Option<i64> {
        self.client_hello_at.filter(|_| !self.has_server_hello)
    }
}
