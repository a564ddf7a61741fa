//! What one alert leaves behind: its lines in the log, and records that outlive the instance.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::host::{Host, StoreError};
use crate::log::{self, Event};
use crate::records::alert::AlertRecord;
use crate::records::capture::{CaptureRecord, EndReason};
use crate::records::keys::{alert_key, open_key};
use crate::records::outcome::{Kind, Outcome};
use crate::records::store;
use crate::timestamp::Timestamp;

/// Whether a record, of an alert or a capture, says that something remains to be done.
pub fn is_unfinished(record: &Value) -> bool {
    record["finished"] == false || record["phase"].as_str().is_some_and(|phase| phase != "finished")
}

/// What stands under the key of unfinished work.
#[derive(Serialize)]
struct Marker {
    at: Timestamp,
}

/// The journal of one alert.
#[derive(Debug)]
pub struct Journal<'a, H> {
    /// What the runtime offers.
    pub host: &'a H,
    /// The key of the alert's record.
    pub alert: &'a str,
    /// The id that all requests of this alert carry.
    pub client_request_id: &'a str,
}

impl<H> Clone for Journal<'_, H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for Journal<'_, H> {}

impl<H: Host> Journal<'_, H> {
    /// What the store holds. A store that fails is like an empty one, for a capture must not wait for it.
    pub async fn load<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.read(key).await.unwrap_or_default()
    }

    /// The same for whoever must know whether there is nothing or the store fails.
    pub async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, StoreError> {
        let stored = store::load(self.host, key).await;
        if let Err(error) = &stored {
            self.write(&Event { detail: Some(&error.0), ..self.event("store_read_failed", "warn") });
        }
        stored
    }

    /// The keys of the store that begin with a prefix; none when the store fails.
    pub async fn keys(&self, prefix: &str) -> Vec<String> {
        self.host.keys(prefix.to_owned()).await.unwrap_or_else(|error| {
            self.write(&Event { detail: Some(&error.0), ..self.event("store_read_failed", "warn") });
            vec![]
        })
    }

    /// Puts a record into the store and tells whether it is there now.
    pub async fn save<T: Serialize + Sync>(&self, key: &str, value: &T) -> bool {
        self.is_done(store::save(self.host, key, value).await)
    }

    /// Takes a key out of the store and tells whether it is gone.
    pub async fn delete(&self, key: &str) -> bool {
        self.is_done(self.host.delete(key.to_owned()).await)
    }

    fn is_done(&self, done: Result<(), StoreError>) -> bool {
        if let Err(error) = &done {
            self.write(&Event { detail: Some(&error.0), ..self.event("store_write_failed", "warn") });
        }
        done.is_ok()
    }

    /// Writes an alert's record as it stands, and whether work remains.
    pub async fn save_alert(&self, record: &AlertRecord) -> bool {
        let key = alert_key(&record.key);
        self.save_marked(&key, record, record.finished).await
    }

    /// Writes a capture's record as it stands, with what others have written of it meanwhile, and whether work remains.
    /// What cannot be read is not written over.
    pub async fn save_capture(&self, record: &mut CaptureRecord) -> bool {
        let key = record.key();
        match self.read(&key).await {
            Ok(Some(stored)) => record.merge(stored),
            Ok(None) => {}
            Err(_) => return false,
        }
        self.save_marked(&key, record, record.is_finished()).await
    }

    /// Writes a capture's record over what was known of others of its name.
    pub async fn replace_capture(&self, record: &CaptureRecord) -> bool {
        self.save_marked(&record.key(), record, false).await
    }

    /// Takes the record of a capture away that never was.
    pub async fn forget_capture(&self, record: &CaptureRecord) {
        if self.delete(&record.key()).await {
            self.delete(&open_key(&record.key())).await;
        }
    }

    /// Marks the record with this key as unfinished.
    pub async fn mark_open(&self, key: &str) -> bool {
        self.save(&open_key(key), &Marker { at: self.host.now() }).await
    }

    /// The mark of unfinished work comes first and goes last, so that it is never missing. A record without it would not
    /// be found again, and counts as not written.
    async fn save_marked<T: Serialize + Sync>(&self, key: &str, record: &T, finished: bool) -> bool {
        if !finished && !self.mark_open(key).await {
            return false;
        }
        let saved = self.save(key, record).await;
        if finished && saved {
            self.delete(&open_key(key)).await;
            // Somebody else may have begun to work on the same just before.
            if self.load::<Value>(key).await.is_some_and(|now| is_unfinished(&now)) {
                self.mark_open(key).await;
            }
        }
        saved
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
            reason: Some(outcome.reason.word()),
            ms: u64::try_from(took.as_millis()).ok(),
            ..self.event("outcome", level)
        });
    }

    /// Notes what became of a capture.
    pub fn note_capture(&self, record: &CaptureRecord, what: &'static str) {
        let end = record.end.as_ref().map(|end| end.reason);
        let level = if end.is_none_or(|end| end.is_good() || !end.is_told()) { "info" } else { "error" };
        let target = record.target.id().to_string();
        self.write(&Event {
            target: Some(&target),
            capture: Some(&record.name),
            step: Some(what),
            reason: end.map(EndReason::word),
            ..self.event("capture", level)
        });
    }

    /// Notes how many old records were taken away.
    pub fn note_pruned(&self, records: usize) {
        self.write(&Event { count: Some(records), ..self.event("pruned", "info") });
    }

    /// Notes an attempt to send a message, and the receiver's status, if there was an answer.
    pub fn note_sent(&self, notice: &str, status: Option<u16>, took: Duration) {
        let fine = status.is_some_and(|status| (200..300).contains(&status));
        self.write(&Event {
            notice: Some(notice),
            status,
            ms: u64::try_from(took.as_millis()).ok(),
            ..self.event("notice_sent", if fine { "info" } else { "warn" })
        });
    }

    /// Notes what became of a message.
    pub fn note_notice(&self, notice: &str, what: &'static str, detail: Option<&str>) {
        let level = if detail.is_some() { "warn" } else { "info" };
        self.write(&Event { notice: Some(notice), step: Some(what), detail, ..self.event("notice", level) });
    }

    fn event(&self, event: &'static str, level: &'static str) -> Event<'_> {
        Event { event, level, alert: self.alert, client_request_id: Some(self.client_request_id), ..Event::default() }
    }

    fn write(&self, event: &Event) {
        log::write(self.host, event);
    }
}
