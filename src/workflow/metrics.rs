//! What there is to measure, told from the records that are kept anyway, so that no alert pays for it.
//!
//! Whoever asks counts what has come to an end since somebody last asked, and keeps the sums under one key together with what
//! is in them. Sums and list are one value, so that of two who ask at once either may win: what the other one has counted is
//! counted again from the same records. A sum goes down only when that key is lost.

use std::time::Duration;

use crate::context::Context;
use crate::digest::digest;
use crate::host::Host;
use crate::notify::outbox::Delivered;
use crate::records::alert::AlertRecord;
use crate::records::capture::CaptureRecord;
use crate::records::index::{ALERTS, AlertEntry, CAPTURES, CaptureEntry};
use crate::records::keys::{DELIVERED, NOTICE, OPEN, SWEPT, UNREADABLE, is_own_key};
use crate::records::repository::Records;
use crate::records::store::ReadError;
use crate::records::sweep::Swept;
use crate::timestamp::Timestamp;
use crate::workflow::totals::{MARK, Totals};

/// Where the sums lie.
const TOTALS: &str = "metrics";

/// For how long records are read at one look. What is left is counted at the next ones. Prometheus waits ten seconds.
const READ_FOR: Duration = Duration::from_secs(5);

/// What there is to measure.
pub struct Metrics {
    pub totals: Totals,
    /// When the last sweep began.
    pub swept_at: Option<Timestamp>,
    /// Alerts and captures that are not finished.
    pub unfinished: usize,
    /// Messages that nobody has acknowledged yet.
    pub messages_waiting: usize,
    /// Records that were set aside.
    pub unreadable: usize,
}

/// Something that is counted once it is over.
enum Counted {
    Alert(AlertEntry),
    Capture(CaptureEntry),
    /// The key of what tells that it was delivered.
    Message(String),
}

/// Counts what is new, and gives all.
pub async fn measure<H: Host>(context: &Context<H>) -> Result<Metrics, ReadError> {
    let records = context.records();
    let mut keys = records.list("").await?;
    keys.retain(|key| is_own_key(key));
    let mut totals = match records.read::<Totals>(TOTALS).await {
        Err(error @ ReadError::Store(_)) => return Err(error),
        found => found.ok().flatten().unwrap_or_default(),
    };
    let before = totals.clone();
    count(&records, &keys, &mut totals).await;
    if totals != before {
        // What the store does not take is counted again from the same records.
        records.save(TOTALS, &totals).await;
    }
    let number_of = |prefix| keys.iter().filter(|key| key.starts_with(prefix)).count();
    Ok(Metrics {
        totals,
        swept_at: records.load::<Swept>(SWEPT).await.map(|swept| swept.at),
        unfinished: number_of(OPEN),
        messages_waiting: number_of(NOTICE),
        unreadable: number_of(UNREADABLE),
    })
}

async fn count<H: Host>(records: &Records<'_, H>, keys: &[String], totals: &mut Totals) {
    let all: Vec<(String, Counted)> = keys.iter().filter_map(|key| Counted::parse(key)).map(with_mark).collect();
    totals.retain(&all.iter().map(|(mark, _)| mark.clone()).collect());
    let until = records.log.host.monotonic().saturating_add(READ_FOR);
    for (mark, counted) in all {
        if records.log.host.monotonic() > until || !totals.has_room() {
            return;
        }
        if !totals.has_counted(&mark) && counted.add_to(totals, records).await {
            totals.mark_counted(mark);
        }
    }
}

fn with_mark(counted: Counted) -> (String, Counted) {
    (digest(&counted.identity(), MARK / 2), counted)
}

impl Counted {
    fn parse(key: &str) -> Option<Self> {
        if key.starts_with(ALERTS) {
            AlertEntry::parse(key).map(Self::Alert)
        } else if key.starts_with(CAPTURES) {
            CaptureEntry::parse(key).map(Self::Capture)
        } else {
            key.starts_with(DELIVERED).then(|| Self::Message(key.to_owned()))
        }
    }

    /// The same wherever it is listed: an alert is listed anew when it has ended otherwise after all.
    fn identity(&self) -> String {
        match self {
            Self::Alert(entry) => entry.record(),
            Self::Capture(entry) => format!("{}:{}", entry.capture, entry.place),
            Self::Message(key) => key.clone(),
        }
    }

    /// Tells whether it was added: it is not while it is not over, or the store fails.
    async fn add_to<H: Host>(&self, totals: &mut Totals, records: &Records<'_, H>) -> bool {
        match self {
            Self::Alert(entry) => {
                let Some(record) = records.load::<AlertRecord>(&entry.record()).await else { return false };
                totals.add_alert(&record);
            }
            Self::Capture(entry) => {
                let Some(record) = capture(records, entry).await.filter(CaptureRecord::is_finished) else {
                    return false;
                };
                totals.add_capture(&record);
            }
            Self::Message(key) => {
                let Some(delivered) = records.load::<Delivered>(key).await else { return false };
                totals.add_message(&delivered);
            }
        }
        true
    }
}

/// The record of an entry, be its name another capture's by now.
async fn capture<H: Host>(records: &Records<'_, H>, entry: &CaptureEntry) -> Option<CaptureRecord> {
    for key in entry.records() {
        let record = records.load::<CaptureRecord>(&key).await;
        if let Some(record) = record.filter(|record| record.place_aside() == entry.place) {
            return Some(record);
        }
    }
    None
}
