//! The log: one JSON line an event, with these fields and no others.
//!
//! The list of fields is the allow-list. None of them ever holds a body, a header's value other than Azure's request
//! ids, a URL's query, or anything that a caller sent beyond the ids of an alert and its target.

use serde::Serialize;
use serde_with::skip_serializing_none;

use crate::host::Host;
use crate::tally::Tally;
use crate::timestamp::Timestamp;

/// What one line may tell.
#[skip_serializing_none]
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event<'a> {
    pub event: &'static str,
    /// `info`, `warn` or `error`.
    pub level: &'static str,
    /// The key of the alert's record.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub alert: &'a str,
    /// Azure's own id of the alert.
    pub alert_id: Option<&'a str>,
    /// The machine's resource id.
    pub target: Option<&'a str>,
    pub capture: Option<&'a str>,
    /// The id of a message to people.
    pub notice: Option<&'a str>,
    /// The step of the sequence.
    pub step: Option<&'a str>,
    pub method: Option<&'a str>,
    /// HTTP status of an answer.
    pub status: Option<u16>,
    /// Which attempt at the same request this was, from 1.
    pub attempt: Option<u32>,
    /// Duration in milliseconds.
    pub ms: Option<u64>,
    /// The outcome of an alert for a target.
    pub outcome: Option<&'a str>,
    /// Machine reason of an outcome or refusal.
    pub reason: Option<&'a str>,
    /// Azure's stable error code.
    pub code: Option<&'a str>,
    /// `x-ms-client-request-id`: one for all requests of an alert.
    pub client_request_id: Option<&'a str>,
    /// `x-ms-request-id`.
    pub request_id: Option<&'a str>,
    /// `x-ms-correlation-request-id`.
    pub correlation_id: Option<&'a str>,
    /// `Retry-After` in seconds.
    pub retry_after: Option<u64>,
    /// The lowest of Azure's remaining request budgets in the answer.
    pub remaining: Option<u64>,
    /// How many.
    pub count: Option<usize>,
    /// A setting's name, never its value.
    pub setting: Option<&'a str>,
    /// A technical detail of the host or the parser.
    pub detail: Option<&'a str>,
}

/// The log of one piece of work: each of its lines names the alert and the id that its requests carry.
#[derive(Debug)]
pub struct Log<'a, H> {
    pub host: &'a H,
    /// The key of the alert's record; empty where the work is about no alert.
    pub alert: &'a str,
    /// `x-ms-client-request-id`.
    pub client_request_id: &'a str,
    /// What the instance counts.
    pub tally: &'a Tally,
}

impl<H> Clone for Log<'_, H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for Log<'_, H> {}

impl<'a, H: Host> Log<'a, H> {
    /// An event of this piece of work, to be filled in.
    pub fn event(&self, event: &'static str, level: &'static str) -> Event<'a> {
        Event { event, level, alert: self.alert, client_request_id: Some(self.client_request_id), ..Event::default() }
    }

    pub fn write(&self, event: &Event) {
        write(self.host, event);
    }
}

/// Writes the event with its time.
pub fn write(host: &impl Host, event: &Event) {
    #[derive(Serialize)]
    struct Line<'a> {
        time: Timestamp,
        #[serde(flatten)]
        event: &'a Event<'a>,
    }
    if let Ok(line) = serde_json::to_string(&Line { time: host.now(), event }) {
        host.log(&line);
    }
}
