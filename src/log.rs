//! The log: one JSON line an event, with these fields and no others.
//!
//! The list of fields is the allow-list. None of them ever holds a body, a header's value other than Azure's request
//! ids, a URL's query, or anything that a caller sent beyond the ids of an alert and its target.

use serde::Serialize;

use crate::host::Host;
use crate::timestamp::Timestamp;

/// What one line may tell.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event<'a> {
    /// What happened.
    pub event: &'static str,
    /// `info`, `warn` or `error`.
    pub level: &'static str,
    /// The key of the alert's record.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub alert: &'a str,
    /// Azure's own id of the alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert_id: Option<&'a str>,
    /// The machine's resource id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<&'a str>,
    /// The capture's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<&'a str>,
    /// The id of a message to people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<&'a str>,
    /// The step of the sequence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<&'static str>,
    /// Method of a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'a str>,
    /// HTTP status of an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Which attempt at the same request this was, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// Duration in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// The outcome of an alert for a target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'a str>,
    /// Machine reason of an outcome or refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    /// Azure's stable error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'a str>,
    /// `x-ms-client-request-id`: one for all requests of an alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_request_id: Option<&'a str>,
    /// `x-ms-request-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<&'a str>,
    /// `x-ms-correlation-request-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<&'a str>,
    /// `Retry-After` in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The lowest of Azure's remaining request budgets in the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining: Option<u64>,
    /// How many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    /// A setting's name, never its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting: Option<&'a str>,
    /// A technical detail of the host or the parser.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<&'a str>,
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

/// The log of one piece of work: every line carries its alert and its requests' id.
#[derive(Debug)]
pub struct Log<'a, H> {
    /// Where lines go.
    pub host: &'a H,
    /// The key of the alert's record.
    pub alert: &'a str,
    /// A GUID that all requests of this work carry, so that Azure's support can find them.
    pub client_request_id: &'a str,
}

impl<H> Clone for Log<'_, H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for Log<'_, H> {}

impl<'a, H: Host> Log<'a, H> {
    /// Writes the event with its time.
    pub fn write(&self, event: &Event) {
        write(self.host, event);
    }

    /// An event of this work, to be filled in.
    pub fn event(&self, event: &'static str, level: &'static str) -> Event<'a> {
        Event { event, level, alert: self.alert, client_request_id: Some(self.client_request_id), ..Event::default() }
    }
}
