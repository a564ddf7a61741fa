//! All alerts, newest first and a page at a time. Only the records of the page are read, and those of the few that are worked on.

use std::collections::HashSet;

use serde::Serialize;
use serde_with::skip_serializing_none;

use crate::alert::Summary;
use crate::context::Context;
use crate::host::Host;
use crate::records::alert::AlertRecord;
use crate::records::index::{ALERTS, AlertEntry};
use crate::records::outcome::{Kind, Links, Outcome};
use crate::records::repository::Records;
use crate::timestamp::Timestamp;
use crate::workflow::listed::list_what_was_left;
use crate::workflow::paging::Paging;

/// The most alerts that are looked at though they are not listed yet.
const MOST_UNFINISHED: usize = 50;

/// Which alerts are wanted.
#[derive(Clone, Debug, Default)]
pub struct WantedAlerts {
    /// Those that ended like this for one of their targets.
    pub outcome: Option<Kind>,
    /// By when they were received.
    pub paging: Paging,
}

/// A page of alerts.
#[derive(Clone, Debug)]
pub struct AlertPage {
    pub alerts: Vec<AlertItem>,
    /// What [`Paging::after`] has to be for the next page, if there is one.
    pub next: Option<String>,
}

/// One alert in a list.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AlertItem {
    /// The last part of its record's address.
    pub key: String,
    pub alert: Summary,
    pub received_at: Timestamp,
    /// Whether nothing remains to be done.
    pub finished: bool,
    /// How it ended, one for each target.
    pub outcomes: Vec<Outcome>,
    pub links: Links,
}

/// The alerts that are wanted.
pub async fn alerts<H: Host>(context: &Context<H>, wanted: &WantedAlerts) -> AlertPage {
    let records = context.records();
    list_what_was_left(&records).await;
    let mut entries = entries(&records).await;
    entries.retain(|entry| is_wanted(entry, wanted));
    entries.sort_unstable();
    let mut page = AlertPage { alerts: vec![], next: None };
    let mut last = None;
    for entry in entries {
        if page.alerts.len() >= wanted.paging.limit {
            page.next = last;
            break;
        }
        last = Some(place(&entry));
        if let Ok(Some(record)) = records.alert(&entry.alert).await {
            page.alerts.push(item(context, record));
        }
    }
    page
}

/// What is listed, and what is still worked on and not listed yet.
async fn entries<H: Host>(records: &Records<'_, H>) -> Vec<AlertEntry> {
    let listed = records.keys(ALERTS).await;
    let mut entries: Vec<AlertEntry> = listed.iter().filter_map(|key| AlertEntry::parse(key)).collect();
    let known: HashSet<String> = entries.iter().map(|entry| entry.alert.clone()).collect();
    let unfinished = records.unfinished("alert:").await;
    let unlisted = unfinished.iter().map(|key| key.trim_start_matches("alert:")).filter(|key| !known.contains(*key));
    for key in unlisted.take(MOST_UNFINISHED) {
        if let Ok(Some(record)) = records.alert(key).await {
            entries.push(AlertEntry::of(&record));
        }
    }
    entries
}

fn is_wanted(entry: &AlertEntry, wanted: &WantedAlerts) -> bool {
    wanted.paging.is_in_time(entry.at())
        && wanted.outcome.is_none_or(|outcome| entry.has(outcome))
        && wanted.paging.is_after(&place(entry))
}

fn place(entry: &AlertEntry) -> String {
    format!("{}:{}", entry.turned, entry.alert)
}

fn item<H: Host>(context: &Context<H>, record: AlertRecord) -> AlertItem {
    let this = format!("{}/api/alerts/{}", context.settings.notify.public_url, record.key);
    let AlertRecord { key, alert, received_at, finished, outcomes, .. } = record;
    AlertItem { key, alert, received_at, finished, outcomes, links: Links { this } }
}
