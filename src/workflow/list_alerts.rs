//! All alerts, newest first and a page at a time: those that are worked on, and then those that have ended. Only the records of
//! the page are read.

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

/// The most alerts that are worked on and shown before all others.
const MOST_UNFINISHED: usize = 50;

/// Which alerts are wanted.
#[derive(Clone, Debug, Default)]
pub struct WantedAlerts {
    /// Those that ended like this for one of their targets.
    pub outcome: Option<Kind>,
    /// Received at this time or later.
    pub since: Option<Timestamp>,
    /// Received before this time.
    pub until: Option<Timestamp>,
    /// Those that follow the one with this [`cursor`](AlertPage::next).
    pub after: Option<String>,
    pub limit: usize,
}

/// A page of alerts.
#[derive(Clone, Debug)]
pub struct AlertPage {
    pub alerts: Vec<AlertItem>,
    /// What [`WantedAlerts::after`] has to be for the next page, if there is one.
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
    let mut page = AlertPage { alerts: vec![], next: None };
    if wanted.after.is_none() {
        page.alerts = unfinished(context, &records, wanted).await;
    }
    let entries = records.keys(ALERTS).await.into_iter().filter_map(|key| AlertEntry::parse(&key));
    let mut entries: Vec<AlertEntry> = entries.filter(|entry| is_wanted(entry, wanted)).collect();
    entries.sort_unstable();
    let mut last = None;
    for entry in entries {
        if page.alerts.len() >= wanted.limit {
            page.next = last;
            break;
        }
        last = Some(place(&entry));
        if let Ok(Some(record)) = records.alert(&entry.alert).await
            && record.finished
        {
            page.alerts.push(item(context, record));
        }
    }
    page
}

/// What people have not been told of yet, or what is still worked on.
async fn unfinished<H: Host>(context: &Context<H>, records: &Records<'_, H>, wanted: &WantedAlerts) -> Vec<AlertItem> {
    let mut found = Vec::new();
    for key in records.unfinished("alert:").await.into_iter().take(MOST_UNFINISHED.min(wanted.limit)) {
        let Ok(Some(record)) = records.alert(key.trim_start_matches("alert:")).await else { continue };
        let has = |outcome| record.outcomes.iter().any(|own| own.outcome == outcome);
        if !record.finished && is_in_time(Some(record.received_at), wanted) && wanted.outcome.is_none_or(has) {
            found.push(item(context, record));
        }
    }
    found.sort_by_key(|item| std::cmp::Reverse(item.received_at));
    found
}

fn is_wanted(entry: &AlertEntry, wanted: &WantedAlerts) -> bool {
    is_in_time(entry.at(), wanted)
        && wanted.outcome.is_none_or(|outcome| entry.has(outcome))
        && wanted.after.as_ref().is_none_or(|after| place(entry) > *after)
}

fn is_in_time(at: Option<Timestamp>, wanted: &WantedAlerts) -> bool {
    at.is_some_and(|at| wanted.since.is_none_or(|since| at >= since) && wanted.until.is_none_or(|until| at < until))
}

fn place(entry: &AlertEntry) -> String {
    format!("{}:{}", entry.turned, entry.alert)
}

fn item<H: Host>(context: &Context<H>, record: AlertRecord) -> AlertItem {
    let this = format!("{}/api/alerts/{}", context.settings.notify.public_url, record.key);
    let AlertRecord { key, alert, received_at, finished, outcomes, .. } = record;
    AlertItem { key, alert, received_at, finished, outcomes, links: Links { this } }
}
