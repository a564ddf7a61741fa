//! What one alert leaves behind: its lines in the log, and records that outlive the instance.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::host::Host;
use crate::log::{self, Event};
use crate::outcome::{Kind, Outcome};
use crate::record::{self, CaptureRecord};

/// The journal of one alert.
#[derive(Clone, Copy, Debug)]
pub struct Journal<'a, H> {
    /// What the runtime offers.
    pub host: &'a H,
    /// The key of the alert's record.
    pub alert: &'a str,
    /// The id that all requests of this alert carry.
    pub client_request_id: &'a str,
}

impl<H: Host> Journal<'_, H> {
    /// What the store holds. A store that fails is like an empty one, for a capture must not wait for it.
    pub async fn load<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        record::load(self.host, key).await.unwrap_or_else(|error| {
            self.write(&Event { detail: Some(&error.0), ..self.event("store_read_failed", "warn") });
            None
        })
    }

    /// Puts a record into the store and tells whether it is there now.
    pub async fn save<T: Serialize + Sync>(&self, key: &str, value: &T) -> bool {
        let saved = record::save(self.host, key, value).await;
        if let Err(error) = &saved {
            self.write(&Event { detail: Some(&error.0), ..self.event("store_write_failed", "warn") });
        }
        saved.is_ok()
    }

    /// Notes that an alert came in.
    pub fn note_received(&self, alert_id: &str) {
        self.write(&Event { alert_id: Some(alert_id), ..self.event("alert_received", "info") });
    }

    /// Notes that the caller is answered while work goes on.
    pub fn note_early_answer(&self) {
        self.write(&self.event("answering_before_the_end", "info"));
    }

    /// Notes how the alert ended for one target.
    pub fn note_outcome(&self, outcome: &Outcome, took: Duration) {
        let level = if outcome.outcome == Kind::Failed { "error" } else { "info" };
        self.write(&Event {
            target: outcome.target.as_deref(),
            capture: outcome.capture.as_ref().map(|capture| capture.name.as_str()),
            outcome: Some(outcome.outcome.word()),
            reason: Some(&outcome.reason),
            ms: u64::try_from(took.as_millis()).ok(),
            ..self.event("outcome", level)
        });
    }

    /// Notes what became of a capture.
    pub fn note_capture(&self, record: &CaptureRecord, what: &'static str, reason: Option<&'static str>) {
        let level = if reason.is_some() { "error" } else { "info" };
        let target = record.target.id().to_string();
        self.write(&Event {
            target: Some(&target),
            capture: Some(&record.name),
            step: Some(what),
            reason,
            ..self.event("capture", level)
        });
    }

    fn event(&self, event: &'static str, level: &'static str) -> Event<'_> {
        Event { event, level, alert: self.alert, client_request_id: Some(self.client_request_id), ..Event::default() }
    }

    fn write(&self, event: &Event) {
        log::write(self.host, event);
    }
}
