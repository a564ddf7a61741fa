//! Everything that is remembered, by what it is about. A store that fails is logged here and is like an empty one, for a
//! capture must not wait for it.
//!
//! No store that nightcap runs on compares before it writes, so whatever several instances may write at once has a key for
//! each: an alert on a capture, an alert that is over, how an alert ended after all, a message that was delivered. A
//! capture's own record is written by whoever watches it; two who do so write what they saw of one truth, and [`CaptureRecord::merge`] keeps the later.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::alert::Summary;
use crate::azure::region::Region;
use crate::azure::target::Target;
use crate::host::{Host, StoreError};
use crate::log::{Event, Log};
use crate::records::alert::{AlertRecord, OnCapture, Revision};
use crate::records::capture::{CaptureRecord, End, EndNote, Phase};
use crate::records::form::FORM;
use crate::records::index::{AlertEntry, CaptureEntry, Entry};
use crate::records::keys::{
    OPEN, UNREADABLE, alert_key, alert_on, alerts_prefix, capture_key, is_own_key, open_key, revision_key,
    spelt_capture_key, unreadable_key,
};
use crate::records::store::{self, ReadError};
use crate::records::unreadable::Unreadable;
use crate::timestamp::Timestamp;

/// The most alerts on a capture that are read.
const MOST_ALERTS: usize = 200;

/// The most records that were set aside that are listed.
const MOST_UNREADABLE: usize = 100;

/// Whether a record, of an alert or a capture, says that something remains to be done.
pub fn is_unfinished(record: &Value) -> bool {
    record["finished"] == false || record["phase"].as_str().is_some_and(|phase| phase != "finished")
}

/// What stands under the key of unfinished work.
#[derive(Serialize, Deserialize)]
struct Mark {
    at: Timestamp,
    /// What is still to be written, so that one write does before Azure is asked for a capture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unwritten: Option<CaptureRecord>,
}

/// The alerts that a capture serves.
#[derive(Debug)]
pub struct AlertsOn {
    /// As many as are read, first one first.
    pub alerts: Vec<OnCapture>,
    pub count: usize,
    /// Whether all were read that are to be. Otherwise the store has failed, and may do better later.
    pub is_whole: bool,
}

/// The records of all instances that share a store, for one piece of work.
#[derive(Debug)]
pub struct Records<'a, H> {
    pub log: Log<'a, H>,
}

impl<H> Clone for Records<'_, H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for Records<'_, H> {}

impl<H: Host> Records<'_, H> {
    pub async fn load<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.read(key).await.unwrap_or_default()
    }

    /// The same for whoever must know whether there is nothing or the store fails.
    pub async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ReadError> {
        let stored = store::load(self.log.host, key).await;
        if let Err(error) = &stored {
            self.note_failure("read", "store_read_failed", &error.to_string());
        }
        stored
    }

    /// The keys of the store that begin with a prefix; none when the store fails.
    pub async fn keys(&self, prefix: &str) -> Vec<String> {
        self.list(prefix).await.unwrap_or_default()
    }

    /// The same for whoever must know whether there are none or the store fails.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let mut keys = self.log.host.keys(prefix.to_owned()).await.inspect_err(|error| {
            self.note_failure("read", "store_read_failed", &error.0);
        })?;
        // Redis tells a key twice when its table grows meanwhile (SCAN).
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }

    /// Whether the value is in the store now.
    pub async fn save<T: Serialize + Sync>(&self, key: &str, value: &T) -> bool {
        self.is_done(store::save(self.log.host, key, value).await)
    }

    /// Whether the key is gone.
    pub async fn delete(&self, key: &str) -> bool {
        self.is_done(self.log.host.delete(key.to_owned()).await)
    }

    /// The keys of the records of a kind, such as `capture:`, that are not finished.
    pub async fn unfinished(&self, kind: &str) -> Vec<String> {
        let marks = self.keys(&open_key(kind)).await;
        let marks = marks.iter().filter(|mark| is_own_key(mark));
        marks.filter_map(|mark| mark.strip_prefix(OPEN)).map(str::to_owned).collect()
    }

    /// The record of an alert, with how it ended after all.
    pub async fn alert(&self, key: &str) -> Result<Option<AlertRecord>, ReadError> {
        let Some(mut record) = self.read::<AlertRecord>(&alert_key(key)).await? else { return Ok(None) };
        for outcome in &mut record.outcomes {
            let Some(target) = outcome.target.as_deref().and_then(Target::parse) else { continue };
            let Some(capture) = &outcome.capture else { continue };
            let revision: Option<Revision> = self.load(&revision_key(key, &target, &capture.name)).await;
            if let Some(revision) = revision.filter(|revision| revision.is_of(outcome)) {
                *outcome = revision.outcome;
            }
        }
        Ok(Some(record))
    }

    /// Writes an alert's record as it stands, and whether work remains. It is listed once none does; until then its mark shows
    /// it.
    pub async fn save_alert(&self, record: &AlertRecord) -> bool {
        let is_saved = self.save_marked(&alert_key(&record.key), record, record.finished).await;
        if is_saved && record.finished {
            self.list_alert(record).await;
        }
        is_saved
    }

    /// Puts an alert into the list of all.
    pub async fn list_alert(&self, record: &AlertRecord) -> bool {
        self.save(&AlertEntry::of(record).key(), &Entry { at: record.received_at }).await
    }

    /// Puts an alert where it belongs that has ended otherwise than it was listed.
    pub async fn relist_alert(&self, key: &str) {
        let listed = self.load::<AlertRecord>(&alert_key(key)).await.map(|record| AlertEntry::of(&record));
        let Ok(Some(record)) = self.alert(key).await else { return };
        let now = AlertEntry::of(&record);
        if record.finished
            && listed.as_ref() != Some(&now)
            && self.list_alert(&record).await
            && let Some(listed) = listed
        {
            self.delete(&listed.key()).await;
        }
    }

    /// Puts a capture into the list of all.
    pub async fn list_capture(&self, record: &CaptureRecord) -> bool {
        self.save(&CaptureEntry::of(record).key(), &Entry { at: record.requested_at }).await
    }

    /// The record of the capture that has a name, be it only in its mark so far.
    pub async fn capture(
        &self,
        subscription: &str,
        region: &Region,
        name: &str,
    ) -> Result<Option<CaptureRecord>, ReadError> {
        let key = capture_key(subscription, region, name);
        let spelt = spelt_capture_key(subscription, region, name);
        let found = match self.capture_at(&key).await? {
            None if spelt != key => self.capture_at(&spelt).await?,
            found => found,
        };
        match found {
            Some(found) => Ok(Some(found)),
            None => Ok(self.reserved(&key).await),
        }
    }

    /// The record under a key that whoever reserved it has perhaps not written yet.
    pub async fn reserved(&self, key: &str) -> Option<CaptureRecord> {
        self.load::<Mark>(&open_key(key)).await?.unwritten
    }

    /// The record of a capture under a key. What version 0.1 has left under a key with capital letters, or put aside by the moment,
    /// is moved.
    pub async fn capture_at(&self, key: &str) -> Result<Option<CaptureRecord>, ReadError> {
        let Some(mut found) = self.read::<CaptureRecord>(key).await? else { return Ok(None) };
        if found.key() != key && (found.replaced || found.key() == key.to_ascii_lowercase()) {
            self.move_capture(key, &mut found).await;
        }
        Ok(Some(found))
    }

    /// Nothing is taken away before it stands at its new place, and what stands there already is merged.
    async fn move_capture(&self, from: &str, record: &mut CaptureRecord) {
        for key in self.keys(&alerts_prefix(from)).await {
            let moved = key.to_ascii_lowercase();
            if moved != key {
                self.move_value(&key, &moved).await;
            }
        }
        if self.save_capture(record).await && self.delete(from).await {
            self.delete(&open_key(from)).await;
            // To some file systems both keys are one.
            if self.load::<Value>(&record.key()).await.is_none() {
                self.save_capture(record).await;
            }
        }
    }

    async fn move_value(&self, from: &str, to: &str) {
        let Some(value) = self.load::<Value>(from).await else { return };
        if self.save(to, &value).await && self.delete(from).await && self.load::<Value>(to).await.is_none() {
            self.save(to, &value).await;
        }
    }

    /// Writes a capture's record as it stands, with what others have written of it meanwhile, and whether work remains.
    /// What cannot be read is not written over, but set aside.
    pub async fn save_capture(&self, record: &mut CaptureRecord) -> bool {
        record.counts.add(&self.log.tally.take());
        let key = record.key();
        let mut listed = None;
        match self.read::<CaptureRecord>(&key).await {
            // Two captures had the name, the one after the other, and both are to be told.
            Ok(Some(mut stored)) if !record.is_same_capture(&stored) => {
                if record.has_lost_name_to(&stored) {
                    return self.put_aside(record).await && self.list_capture(record).await;
                }
                if !self.put_aside(&mut stored).await {
                    return false;
                }
            }
            Ok(Some(stored)) => {
                listed = (stored.phase != Phase::Requested).then(|| CaptureEntry::of(&stored));
                self.merge(record, stored).await;
            }
            Ok(None) => {}
            Err(ReadError::Store(_)) => return false,
            Err(ReadError::Unreadable { .. }) if self.set_aside::<CaptureRecord>(&key).await => {}
            Err(ReadError::Unreadable { .. }) => return false,
        }
        let is_written = self.write_capture(record).await;
        if is_written && record.phase != Phase::Requested {
            self.keep_listed(record, listed).await;
        }
        is_written
    }

    /// Sees to it that a capture is in the list of all, where it has stood as `before` so far.
    async fn keep_listed(&self, record: &CaptureRecord, before: Option<CaptureEntry>) {
        let now = CaptureEntry::of(record);
        if before.as_ref() == Some(&now) || !self.list_capture(record).await {
            return;
        }
        if let Some(before) = before {
            self.delete(&before.key()).await;
        }
    }

    /// Takes in what others have written. Two who asked Azure at once may both count as those whom it heard, and both alerts stay.
    async fn merge(&self, record: &mut CaptureRecord, stored: CaptureRecord) {
        let was_heard = stored.phase != Phase::Requested && record.phase != Phase::Requested;
        let alerts = [record.requested_for.clone(), stored.requested_for.clone()];
        record.merge(stored);
        for alert in alerts.into_iter().flatten().filter(|_| was_heard) {
            if record.requested_for.as_ref() != Some(&alert) {
                self.add_alert(record, &alert).await;
            }
        }
    }

    /// Writes the record of a capture under a key of its own, for its name belongs to another one now. Tells whether it stands
    /// there, so that nothing is lost when the other one's is written in its place.
    pub async fn put_aside(&self, record: &mut CaptureRecord) -> bool {
        record.replaced = true;
        match self.read::<CaptureRecord>(&record.key()).await {
            Ok(stored) => stored.into_iter().for_each(|stored| record.merge(stored)),
            Err(_) => return false,
        }
        if !self.write_capture(record).await {
            return false;
        }
        // What tells no address would be taken for the next one's.
        let prefix = record.alerts_prefix();
        let place = record.place_aside();
        for key in self.keys(&prefix).await {
            if let Some(alert) = key.strip_prefix(&prefix).filter(|rest| !rest.contains(':')) {
                self.move_value(&key, &format!("{prefix}{place}:{alert}")).await;
            }
        }
        true
    }

    async fn write_capture(&self, record: &mut CaptureRecord) -> bool {
        record.form = FORM;
        self.save_marked(&record.key(), record, record.is_finished()).await
    }

    /// Writes down in one that Azure is about to be asked for a capture. Its record is to follow; until then its mark has it in it.
    pub async fn reserve(&self, record: &CaptureRecord) -> bool {
        let mark = Mark { at: self.log.host.now(), unwritten: Some(record.clone()) };
        self.save(&open_key(&record.key()), &mark).await
    }

    /// Writes a record that is missing, as its mark has it. Tells whether it is there now.
    pub async fn restore(&self, key: &str) -> bool {
        let mark: Option<Mark> = self.load(&open_key(key)).await;
        let Some(record) = mark.and_then(|mark| mark.unwritten) else { return false };
        let is_written = self.save(key, &record).await;
        // Whoever reserved it may have given it up meanwhile.
        let is_given_up = matches!(self.read::<Mark>(&open_key(key)).await, Ok(None));
        if is_given_up {
            self.delete(key).await;
        }
        is_written && !is_given_up
    }

    /// Writes a capture's record over what was known of others of its name.
    pub async fn replace_capture(&self, record: &CaptureRecord) -> bool {
        self.save_marked(&record.key(), record, false).await
    }

    /// Takes the record of a capture away that never was.
    pub async fn forget_capture(&self, record: &CaptureRecord) {
        let key = record.key();
        // A mark that has it in it would bring it back.
        if self.mark_open(&key).await && self.delete(&key).await {
            self.mark_finished(&key).await;
            // Whoever got the name may have written its record meanwhile.
            if !matches!(self.read::<CaptureRecord>(&key).await, Ok(None)) {
                self.mark_open(&key).await;
            }
        }
    }

    /// Sets a record aside that cannot be read, with its mark, so that it holds nothing up. What may be somebody else's
    /// stays where it is. Tells whether nothing unreadable lies there any more.
    pub async fn set_aside<T: DeserializeOwned>(&self, key: &str) -> bool {
        let host = self.log.host;
        let Ok(bytes) = host.load(key.to_owned()).await else { return false };
        let Some(bytes) = bytes else { return true };
        let Err(error) = serde_json::from_slice::<T>(&bytes) else { return true };
        let unreadable = Unreadable::new(host.now(), key, &bytes, &error.to_string());
        if !unreadable.is_surely_ours() && !matches!(host.load(open_key(key)).await, Ok(Some(_))) {
            return false;
        }
        if !self.save(&unreadable_key(key), &unreadable).await || !self.delete(key).await {
            return false;
        }
        self.mark_finished(key).await;
        let detail = format!("{key} cannot be read and was set aside: {}", unreadable.problem);
        self.log.write(&Event { detail: Some(&detail), ..self.log.event("record_unreadable", "error") });
        true
    }

    /// Puts a record back where it lay, with its mark. Tells whether it lies there.
    pub async fn put_back(&self, key: &str, bytes: Vec<u8>) -> bool {
        let host = self.log.host;
        if !matches!(host.load(key.to_owned()).await, Ok(None)) {
            return false;
        }
        // A mark of what is finished is taken away by the next sweep.
        self.mark_open(key).await && self.is_done(host.save(key.to_owned(), bytes).await)
    }

    /// What was set aside, as far as it is listed.
    pub async fn unreadable(&self) -> Vec<Unreadable> {
        let keys = self.keys(UNREADABLE).await;
        let mut all = Vec::new();
        for key in keys.iter().filter(|key| is_own_key(key)).take(MOST_UNREADABLE) {
            all.extend(self.load::<Unreadable>(key).await);
        }
        all
    }

    /// Writes down how a capture ended, for whoever watches it; `superseded_by` is the one that it gave way to.
    pub async fn note_end(&self, record: &CaptureRecord, end: End, superseded_by: Option<String>) {
        let note = EndNote { at: self.log.host.now(), end, superseded_by };
        self.save(&record.end_note_key(), &note).await;
    }

    /// How a capture ended, if whoever ended it has written that down.
    pub async fn end_note(&self, record: &CaptureRecord) -> Result<Option<EndNote>, ReadError> {
        self.read(&record.end_note_key()).await
    }

    /// The alerts that a capture serves.
    pub async fn alerts_on(&self, record: &CaptureRecord) -> AlertsOn {
        let prefix = record.alerts_prefix();
        let listed = self.list(&prefix).await;
        let mut is_whole = listed.is_ok();
        let requested_for = record.requested_for.clone();
        let is_counted = |alert: &str| {
            requested_for.as_ref().is_some_and(|first| alert.ends_with(&alert_on(&record.target, &first.alert)))
        };
        let is_on_it =
            |key: &String| key.strip_prefix(&prefix).is_some_and(|rest| record.has_alert_at(rest) && !is_counted(rest));
        let keys: Vec<String> = listed.unwrap_or_default().into_iter().filter(is_on_it).collect();
        let mut alerts: Vec<OnCapture> = requested_for.into_iter().collect();
        let count = alerts.len().saturating_add(keys.len());
        for key in keys.iter().take(MOST_ALERTS) {
            match self.read::<OnCapture>(key).await {
                Ok(on) => alerts.extend(on),
                Err(ReadError::Store(_)) => is_whole = false,
                Err(ReadError::Unreadable { .. }) => {}
            }
        }
        alerts.sort_by_key(|on| on.at);
        AlertsOn { alerts, count, is_whole }
    }

    /// Whether an alert is among them.
    pub async fn is_on(&self, record: &CaptureRecord, alert: &Summary) -> bool {
        let own = alert_on(&record.target, alert);
        record.requested_for.as_ref().is_some_and(|first| alert_on(&record.target, &first.alert) == own)
            || self.load::<OnCapture>(&record.on_key(alert)).await.is_some()
    }

    /// Adds an alert to those that a capture serves.
    pub async fn add_alert(&self, record: &CaptureRecord, on: &OnCapture) -> bool {
        self.save(&record.on_key(&on.alert), on).await
    }

    pub async fn mark_open(&self, key: &str) -> bool {
        self.save(&open_key(key), &Mark { at: self.log.host.now(), unwritten: None }).await
    }

    /// Takes the mark of unfinished work away from a record.
    pub async fn mark_finished(&self, key: &str) {
        self.delete(&open_key(key)).await;
    }

    /// The mark of unfinished work comes first and goes last, so that it is never missing. A record without it would not
    /// be found again, and counts as not written.
    async fn save_marked<T: Serialize + Sync>(&self, key: &str, record: &T, finished: bool) -> bool {
        if !finished && !self.mark_open(key).await {
            return false;
        }
        let saved = self.save(key, record).await;
        if finished && saved {
            self.mark_finished(key).await;
            // Somebody else may have begun to work on the same just before. A mark too many is taken away by the next sweep.
            let now = self.read::<Value>(key).await;
            if now.map_or(true, |now| now.is_some_and(|now| is_unfinished(&now))) {
                self.mark_open(key).await;
            }
        }
        saved
    }

    fn is_done(&self, done: Result<(), StoreError>) -> bool {
        if let Err(error) = &done {
            self.note_failure("write", "store_write_failed", &error.0);
        }
        done.is_ok()
    }

    fn note_failure(&self, operation: &str, event: &'static str, detail: &str) {
        self.log.tally.count_store_error(operation);
        self.log.write(&Event { detail: Some(detail), ..self.log.event(event, "warn") });
    }
}
