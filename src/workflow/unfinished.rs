//! What is unfinished, by its marks in the store, and how each is carried on, whoever began it.

use std::time::Duration;

use futures::future::join;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::capture::watch::{Watcher, watch};
use crate::context::Context;
use crate::host::Host;
use crate::notify::outbox::{self, Pending};
use crate::records::alert::AlertRecord;
use crate::records::capture::CaptureRecord;
use crate::records::keys::{NOTICE, is_own_key, open_key};
use crate::records::outcome::Outcome;
use crate::records::repository::Records;
use crate::records::standing::{Stood, stand_for};
use crate::records::store::{self, ReadError};
use crate::workflow::patience::Patience;
use crate::workflow::run::Run;

/// After so long an alert that is still worked on belongs to a host that has died: nobody tries for longer.
const SURELY_LEFT: Duration = Duration::from_secs(180);

/// How long after its mark a record is written at the latest, if it is.
const SURELY_WRITTEN: Duration = Duration::from_secs(15);

/// The longest pause between two looks at a message that waits for its time.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What there is to be carried on.
#[derive(Clone, Debug, Default)]
pub struct Unfinished {
    alerts: Vec<String>,
    captures: Vec<String>,
    notices: Vec<String>,
}

/// How much there is to be carried on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Count {
    /// Alerts that are worked on.
    pub alerts: usize,
    pub captures: usize,
    /// Messages that wait to be delivered.
    pub notices: usize,
}

pub async fn unfinished<H: Host>(context: &Context<H>) -> Unfinished {
    let records = context.records();
    let (mut alerts, mut notices) = join(records.unfinished(""), records.keys(NOTICE)).await;
    let captures = alerts.extract_if(.., |key| key.starts_with("capture:")).collect();
    // Without a receiver nobody is to be told.
    notices.retain(|key| is_own_key(key) && context.settings.notify.receiver.is_some());
    Unfinished { alerts, captures, notices }
}

impl Unfinished {
    pub fn count(&self) -> Count {
        Count { alerts: self.alerts.len(), captures: self.captures.len(), notices: self.notices.len() }
    }

    /// The keys of all records that there is something to be done about.
    pub fn into_keys(self) -> impl Iterator<Item = String> {
        self.alerts.into_iter().chain(self.captures).chain(self.notices)
    }
}

/// Carries on what lies under a key.
pub async fn carry_on<H: Host>(context: &Context<H>, key: &str, patience: Patience) {
    if key.starts_with("alert:") {
        resume_alert(context, key, patience).await;
    } else if key.starts_with("capture:") {
        watch_on(context, key, patience).await;
    } else {
        deliver(context, key, patience).await;
    }
}

async fn resume_alert<H: Host>(context: &Context<H>, key: &str, patience: Patience) {
    let records = context.records();
    let Some(mut record) = marked::<AlertRecord, H>(&records, key).await else { return };
    // Whoever has seen that the agent has to come first has left the rest to whoever goes on.
    let is_left = record.outcomes.iter().any(Outcome::awaits_agent);
    if patience == Patience::ToTheEnd && !record.finished && !is_left {
        let age = context.host().now().since(record.received_at).unwrap_or(SURELY_LEFT);
        context.host().sleep(SURELY_LEFT.saturating_sub(age)).await;
        let Some(now) = readable(&records, key).await else { return };
        record = now;
    }
    if record.finished {
        records.mark_finished(key).await;
    } else {
        Run::resume(context, record, patience).await;
    }
}

async fn watch_on<H: Host>(context: &Context<H>, key: &str, patience: Patience) {
    let records = context.records();
    if marked::<CaptureRecord, H>(&records, key).await.is_none() {
        return;
    }
    let Ok(Some(record)) = records.capture_at(key).await else { return };
    let watcher = match patience {
        Patience::ToTheEnd => Watcher::Owner,
        Patience::Brief => Watcher::Helper,
    };
    match record.is_finished() {
        true => records.mark_finished(key).await,
        false => watch(context, record, watcher).await,
    }
}

async fn deliver<H: Host>(context: &Context<H>, key: &str, patience: Patience) {
    let (records, config) = (context.records(), &context.settings.notify);
    let Some(_in_progress) = context.instance.begin(key) else { return };
    let Some(pending) = readable::<Pending, H>(&records, key).await else { return };
    let begin_until = context.begin_until(outbox::DELIVERY_TAKES);
    if patience == Patience::Brief {
        return outbox::deliver_left_behind(&records, config, key, begin_until).await;
    }
    if pending.attempts == 0 {
        outbox::deliver(&records, config, pending.notice, begin_until).await;
    }
    while let Some(pending) = readable::<Pending, H>(&records, key).await {
        let left = pending.try_at.and_then(|at| at.since(context.host().now())).unwrap_or_default();
        context.host().sleep(left.clamp(Duration::from_secs(1), LONGEST_PAUSE)).await;
        outbox::deliver_left_behind(&records, config, key, begin_until).await;
    }
}

/// The record that a mark of unfinished work stands for. The mark is written first and taken away last, so that whoever
/// dies in between leaves one that stands for nothing, and is taken away here, or one that has the record in it. A record that
/// cannot be read is set aside.
async fn marked<T: DeserializeOwned, H: Host>(records: &Records<'_, H>, key: &str) -> Option<T> {
    let host = records.log.host;
    if let Ok(None) = store::load::<Value>(host, key).await
        && !records.restore(key).await
        && matches!(stand_for(records, &open_key(key), SURELY_WRITTEN).await, Ok(Stood::Before | Stood::ByNow))
        && let Ok(None) = store::load::<Value>(host, key).await
    {
        records.mark_finished(key).await;
    }
    readable(records, key).await
}

/// The value under a key of ours. One that cannot be read is set aside.
async fn readable<T: DeserializeOwned, H: Host>(records: &Records<'_, H>, key: &str) -> Option<T> {
    match records.read(key).await {
        Ok(found) => found,
        Err(ReadError::Store(_)) => None,
        Err(ReadError::Unreadable { .. }) => {
            records.set_aside::<T>(key).await;
            None
        }
    }
}
