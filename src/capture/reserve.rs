//! A name that Azure is about to be asked for, written down before: whoever comes after a sudden end then knows whose capture
//! it is.

use std::time::Duration;

use crate::host::Host;
use crate::records::capture::{CaptureRecord, End, EndNote, Phase, Requested};
use crate::records::repository::Records;
use crate::timestamp::Timestamp;

/// What is remembered under a name that is about to be asked for.
#[derive(Debug)]
pub enum Former {
    Nothing,
    /// The store fails, or holds something else.
    Unreadable,
    /// A capture that somebody else is racing for, and may be further with.
    Rival(Box<CaptureRecord>),
    /// A capture that had the name before.
    Over(Box<CaptureRecord>),
}

impl Former {
    pub fn record(&self) -> Option<&CaptureRecord> {
        match self {
            Self::Rival(record) | Self::Over(record) => Some(record),
            Self::Nothing | Self::Unreadable => None,
        }
    }
}

/// A name that Azure was asked for, or is about to be.
#[derive(Debug)]
pub struct Reserved {
    record: CaptureRecord,
    trace: Trace,
}

/// What the reservation leaves behind when no capture comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trace {
    /// Nothing: there is surely no capture of this name, and nothing was remembered of one.
    Nothing,
    /// Its record, for others may have a capture of this name.
    Record,
    /// Its record, for Azure gave no clear answer, and a capture of this name may be ours.
    Doubt,
}

impl Reserved {
    pub fn new(requested: Requested, former: &Former, now: Timestamp) -> Self {
        let mut record = CaptureRecord::new(requested);
        record.note(now, "create", "Azure is asked for the capture.");
        let trace = match former {
            // A capture does not wait for the store, and what stands there is left as it is. What a rival has written stays the
            // rival's, be it another delivery of the same alert.
            Former::Unreadable | Former::Rival(_) => Trace::Record,
            Former::Nothing | Former::Over(_) => Trace::Nothing,
        };
        Self { record, trace }
    }

    pub fn name(&self) -> &str {
        &self.record.name
    }

    pub fn has_name(&self, name: &str) -> bool {
        self.record.name.eq_ignore_ascii_case(name)
    }

    /// Whether a capture of this name may be the one that was asked for.
    pub fn is_in_doubt_about(&self, name: &str) -> bool {
        self.trace == Trace::Doubt && self.has_name(name)
    }

    pub fn ask_again_at(&mut self, now: Timestamp) {
        self.record.requested_at = now;
    }

    /// Azure is asked now, so long after the alert was received.
    pub fn note_wait(&mut self, waited: Option<Duration>) {
        self.record.put_after_ms = waited.and_then(|waited| u64::try_from(waited.as_millis()).ok());
    }

    /// Azure gave no clear answer.
    pub fn doubt(&mut self) {
        self.trace = Trace::Doubt;
    }

    /// A capture of this name was seen.
    pub fn keep(&mut self) {
        self.trace = self.trace.max(Trace::Record);
    }

    pub fn into_record(self) -> CaptureRecord {
        self.record
    }

    /// Writes down what has to be known before Azure is asked for the name, unless a rival was here before: it may be further by
    /// now, and has it written down. What cannot be read, or put aside, is not written over either: this one is written down when
    /// the store works again. Tells whether only the mark is written, and the record is to follow.
    pub async fn write<H: Host>(&self, records: &Records<'_, H>, former: Former) -> bool {
        match former {
            Former::Nothing => return records.reserve(&self.record).await,
            Former::Over(record) => {
                if put_aside(records, *record).await {
                    records.replace_capture(&self.record).await;
                }
            }
            Former::Rival(_) | Former::Unreadable => {}
        }
        false
    }

    /// Writes the record that follows the mark, for which Azure need not wait. That of a rival who was faster stays.
    pub async fn write_record<H: Host>(&self, records: &Records<'_, H>) {
        let key = self.record.key();
        if let Ok(None) = records.read::<CaptureRecord>(&key).await {
            records.save(&key, &self.record).await;
        }
    }

    /// Nothing came of it, as far as can be seen.
    pub async fn release<H: Host>(self, records: &Records<'_, H>) {
        // What Azure has perhaps made is looked for by whoever comes by.
        if self.trace != Trace::Nothing {
            return;
        }
        // Another one that asked for the same name may have been first, be it for another machine of the same alert, and then this
        // is its record.
        let own = self.record;
        let stored: Option<CaptureRecord> = records.load(&own.key()).await;
        let is_own = |stored: CaptureRecord| {
            stored.requested_by == own.requested_by && stored.target == own.target && stored.phase == Phase::Requested
        };
        // Others who asked for it may be further than their record.
        if stored.is_some_and(is_own) && records.alerts_on(&own).await.count <= 1 {
            records.forget_capture(&own).await;
        }
    }
}

/// Puts the record of a capture aside that had the name before, so that the next one's does not take its place. Tells whether
/// its place is free.
async fn put_aside<H: Host>(records: &Records<'_, H>, mut former: CaptureRecord) -> bool {
    match records.read::<CaptureRecord>(&former.key()).await {
        // Whoever has just deleted it knows how it ended, and wrote that down.
        Ok(Some(stored)) if stored.is_same_capture(&former) => former.merge(stored),
        Ok(None) => {}
        // A rival was faster.
        Ok(Some(_)) | Err(_) => return false,
    }
    if former.phase == Phase::Requested {
        return true;
    }
    if former.end.is_none() && former.superseded_by.is_none() {
        match records.end_note(&former).await {
            // Whoever takes its record up hands its alerts over.
            Ok(Some(EndNote { superseded_by: Some(earlier), .. })) => former.superseded_by = Some(earlier),
            Ok(note) => former.end_with(note.map_or_else(End::vanished, |note| note.end)),
            Err(_) => return false,
        }
    }
    records.put_aside(&mut former).await
}
