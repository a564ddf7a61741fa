//! Carries unfinished work on, whoever began it.

use std::time::Duration;

use futures::future::join;
use futures::stream::{self, StreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::capture::watch::{Watcher, watch};
use crate::context::Context;
use crate::host::Host;
use crate::notify::outbox::{self, Pending};
use crate::records::alert::AlertRecord;
use crate::records::capture::CaptureRecord;
use crate::records::keys::{NOTICE, is_own_key};
use crate::records::repository::Records;
use crate::records::store::{self, ReadError};
use crate::workflow::prune::prune;
use crate::workflow::run::Run;

/// How often alerts make an instance look for unfinished work. A storm of them need not do so one by one.
const PAUSE: Duration = Duration::from_secs(30);

/// After so long an alert that is still worked on belongs to a host that has died: nobody tries for longer.
const SURELY_LEFT: Duration = Duration::from_secs(180);

/// How long after the time for it a poll of a capture is written down at the latest, the reading of its file included.
const POLL_TAKES: Duration = Duration::from_secs(90);

/// How long whoever came by waits to see whether somebody else polls.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// How long after its mark a record is written at the latest, if it is.
const SURELY_WRITTEN: Duration = Duration::from_secs(15);

/// How much is carried on side by side.
const MOST_AT_ONCE: usize = 64;

/// What there is to be carried on.
#[derive(Clone, Debug, Default)]
pub struct Unfinished {
    alerts: Vec<String>,
    captures: Vec<String>,
    notices: Vec<String>,
}

/// How much there is to be carried on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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
    notices.retain(|key| is_own_key(key));
    Unfinished { alerts, captures, notices }
}

impl Unfinished {
    pub fn count(&self) -> Count {
        Count { alerts: self.alerts.len(), captures: self.captures.len(), notices: self.notices.len() }
    }
}

/// Carries everything on as far as it goes without a long wait, and prunes.
pub async fn sweep<H: Host>(context: &Context<H>, unfinished: Unfinished) {
    carry_on(context, unfinished, Duration::ZERO).await;
    prune(context).await;
}

/// The same on the occasion of an alert: what other hosts may be at work on is left to them.
pub async fn sweep_by_the_way<H: Host>(context: &Context<H>) {
    if context.instance.may_sweep(PAUSE) {
        let context = Context::new(&context.instance, &context.settings, "");
        let unfinished = unfinished(&context).await;
        carry_on(&context, unfinished, SURELY_LEFT).await;
        prune(&context).await;
    }
}

async fn carry_on<H: Host>(context: &Context<H>, unfinished: Unfinished, left_for: Duration) {
    let Unfinished { alerts, captures, notices } = unfinished;
    let alerts = alerts.iter().map(|key| resume_alert(context, key, left_for));
    let captures = captures.iter().map(|key| watch_on(context, key, left_for));
    let notices = notices.iter().map(|key| deliver(context, key));
    join(some_at_once(alerts), join(some_at_once(captures), some_at_once(notices))).await;
}

async fn some_at_once(work: impl Iterator<Item = impl Future<Output = ()>>) {
    // Collected first, for the compiler cannot see through a closure within a stream that what it makes may be sent.
    let work: Vec<_> = work.collect();
    stream::iter(work).buffer_unordered(MOST_AT_ONCE).collect::<()>().await;
}

async fn resume_alert<H: Host>(context: &Context<H>, key: &str, left_for: Duration) {
    let records = context.records();
    let Some(record) = marked::<AlertRecord, H>(&records, key).await else { return };
    if record.finished {
        records.mark_finished(key).await;
    } else if context.host().now().since(record.received_at).is_none_or(|age| age >= left_for) {
        Run::resume(context, record).await;
    }
}

async fn watch_on<H: Host>(context: &Context<H>, key: &str, left_for: Duration) {
    let records = context.records();
    if marked::<CaptureRecord, H>(&records, key).await.is_none() {
        return;
    }
    let Ok(Some(record)) = records.capture_at(key).await else { return };
    if record.is_finished() {
        records.mark_finished(key).await;
    } else if left_for.is_zero() || is_left(&records, &record.key(), &record).await {
        watch(context, record, Watcher::Helper).await;
    }
}

/// Whether nobody watches a capture any more: whoever does so polls when it is time to. Every instance that a storm of
/// alerts calls into being comes by here, and must not watch what another one watches.
async fn is_left<H: Host>(records: &Records<'_, H>, key: &str, record: &CaptureRecord) -> bool {
    let host = records.log.host;
    let surely_polled = record.next_poll().after(POLL_TAKES);
    let left = surely_polled.since(host.now()).unwrap_or_default();
    if left > LONGEST_WAIT {
        return false;
    }
    host.sleep(left).await;
    let now: Option<CaptureRecord> = records.load(key).await;
    now.is_some_and(|now| now.next_poll() == record.next_poll())
}

/// The record that a mark of unfinished work stands for. The mark is written first and taken away last, so that whoever
/// dies in between leaves one that stands for nothing; it is taken away here. A record that cannot be read is set aside.
async fn marked<T: DeserializeOwned, H: Host>(records: &Records<'_, H>, key: &str) -> Option<T> {
    let host = records.log.host;
    if let Ok(None) = store::load::<Value>(host, key).await {
        host.sleep(SURELY_WRITTEN).await;
        if let Ok(None) = store::load::<Value>(host, key).await {
            records.mark_finished(key).await;
        }
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

async fn deliver<H: Host>(context: &Context<H>, key: &str) {
    if let Some(_in_progress) = context.instance.begin(key)
        && readable::<Pending, H>(&context.records(), key).await.is_some()
    {
        outbox::deliver_left_behind(&context.records(), &context.settings.notify, key).await;
    }
}
