//! Carries unfinished work on, whoever began it, and takes away what is too old to be of interest.

use std::time::Duration;

use futures::future::join;
use futures::stream::{self, StreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::capture::watch::{Watcher, watch};
use crate::context::Context;
use crate::host::Host;
use crate::log::Event;
use crate::notify::outbox;
use crate::records::alert::AlertRecord;
use crate::records::capture::CaptureRecord;
use crate::records::keys::{NOTICE, OPEN};
use crate::records::repository::{Records, is_unfinished};
use crate::records::store;
use crate::timestamp::Timestamp;
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

/// How often old records are looked for.
const PRUNE_EVERY: Duration = Duration::from_hours(24);

/// The pause between two records that are looked at for their age.
const BREATH: Duration = Duration::from_millis(1);

/// Where it stands when old records were last looked for.
const PRUNED: &str = "pruned";

/// Kinds of keys that hold the moment from which their age counts, and where.
const DATED: [(&str, &str); 12] = [
    ("alert:", "/receivedAt"),
    ("capture:", "/askedAt"),
    ("claim:", "/at"),
    (NOTICE, "/notice/at"),
    ("on:", "/at"),
    (OPEN, "/at"),
    ("over:", "/at"),
    ("report:", "/at"),
    ("resolved:", "/at"),
    ("revised:", "/at"),
    ("target:", "/at"),
    ("told:", "/at"),
];

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
    let (mut alerts, notices) = join(records.unfinished(""), records.keys(NOTICE)).await;
    let captures = alerts.extract_if(.., |key| key.starts_with("capture:")).collect();
    alerts.retain(|key| key.starts_with("alert:"));
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
/// dies in between leaves one that stands for nothing; it is taken away here.
async fn marked<T: DeserializeOwned, H: Host>(records: &Records<'_, H>, key: &str) -> Option<T> {
    let host = records.log.host;
    if let Ok(None) = store::load::<Value>(host, key).await {
        host.sleep(SURELY_WRITTEN).await;
        if let Ok(None) = store::load::<Value>(host, key).await {
            records.mark_finished(key).await;
        }
    }
    records.load(key).await
}

async fn deliver<H: Host>(context: &Context<H>, key: &str) {
    if let Some(_in_progress) = context.instance.begin(key) {
        outbox::deliver_left_behind(&context.records(), &context.settings.notify, key).await;
    }
}

/// Takes away what ended longer ago than records are kept, once a day. What is unfinished is marked once more.
async fn prune<H: Host>(context: &Context<H>) {
    let records = context.records();
    let now = context.host().now();
    let last: Option<Timestamp> = records.load(PRUNED).await;
    let is_recent = |last: Timestamp| now.since(last).is_some_and(|age| age < PRUNE_EVERY);
    if last.is_some_and(is_recent) || !records.save(PRUNED, &now).await {
        return;
    }
    let mut pruned = 0_usize;
    for (prefix, moment) in DATED {
        for key in records.keys(prefix).await {
            // A store of files is read without a pause, and alerts must not wait until all of them are.
            context.host().sleep(BREATH).await;
            if prefix == "capture:" {
                // Version 0.1 took capital letters into keys.
                let _ = records.capture_at(&key).await;
            }
            let Some(value) = records.load::<Value>(&key).await else { continue };
            if !is_over(prefix, &value) {
                // Where two wrote at once and the store failed one of them, the mark may have been lost.
                records.mark_open(&key).await;
            } else if is_older(&value, moment, now, context.settings.retention) && records.delete(&key).await {
                pruned = pruned.saturating_add(1);
            }
        }
    }
    let log = context.log();
    log.write(&Event { count: Some(pruned), ..log.event("pruned", "info") });
}

/// Whether nobody will come back to this. Work that is unfinished after so long stays unfinished all the same.
fn is_over(prefix: &str, value: &Value) -> bool {
    !["alert:", "capture:"].contains(&prefix) || !is_unfinished(value)
}

fn is_older(value: &Value, moment: &str, now: Timestamp, age: Duration) -> bool {
    // What is remembered of a machine had no moment of its own in version 0.1.
    let moment = value
        .pointer(moment)
        .or_else(|| value.pointer("/capturedUntil"))
        .and_then(Value::as_str)
        .and_then(Timestamp::parse);
    moment.and_then(|moment| now.since(moment)).is_some_and(|since| since > age)
}
