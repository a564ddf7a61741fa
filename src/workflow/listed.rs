//! What earlier versions have left is not in the lists of all captures and alerts, and is put there.

use std::collections::HashSet;

use serde_json::Value;

use crate::host::Host;
use crate::records::alert::AlertRecord;
use crate::records::capture::CaptureRecord;
use crate::records::index::{ALERTS, AlertEntry, CAPTURES, CaptureEntry};
use crate::records::keys::is_own_key;
use crate::records::repository::Records;
use crate::timestamp::Timestamp;

/// Where it stands that everything is listed that was there when somebody first looked.
const LISTED: &str = "listed";

/// How many records are read at one look. The rest is listed by the next ones.
const MOST_AT_ONCE: usize = 1000;

/// What is listed.
pub struct Listed {
    /// Where the records lie of what is listed.
    records: HashSet<String>,
}

/// Lists what earlier versions have left, a part of it at each look, until all is.
pub async fn list_what_was_left<H: Host>(records: &Records<'_, H>) {
    if records.load::<Timestamp>(LISTED).await.is_some() {
        return;
    }
    let listed = Listed::load(records).await;
    let mut left = Vec::new();
    for kind in ["capture:", "alert:"] {
        left.extend(
            records.keys(kind).await.into_iter().filter(|key| is_own_key(key) && !listed.records.contains(key)),
        );
    }
    for key in left.iter().take(MOST_AT_ONCE) {
        if let Some(value) = records.load::<Value>(key).await {
            listed.see_to(records, key, value).await;
        }
    }
    if left.len() <= MOST_AT_ONCE {
        records.save(LISTED, &records.log.host.now()).await;
    }
}

impl Listed {
    pub async fn load<H: Host>(records: &Records<'_, H>) -> Self {
        let captures = records.keys(CAPTURES).await.into_iter().filter_map(|key| CaptureEntry::parse(&key));
        let alerts = records.keys(ALERTS).await.into_iter().filter_map(|key| AlertEntry::parse(&key));
        let alerts = alerts.map(|entry| entry.record());
        Self { records: captures.flat_map(|entry| entry.records()).chain(alerts).collect() }
    }

    /// Lists the record under a key, unless it is listed or is none.
    pub async fn see_to<H: Host>(&self, records: &Records<'_, H>, key: &str, value: Value) {
        if self.records.contains(key) {
            return;
        }
        if key.starts_with("capture:") {
            if let Ok(record) = serde_json::from_value::<CaptureRecord>(value) {
                records.list_capture(&record).await;
            }
        } else if key.starts_with("alert:")
            && let Ok(record) = serde_json::from_value::<AlertRecord>(value)
            && record.finished
        {
            records.list_alert(&record).await;
        }
    }
}
