//! Carries unfinished work on, whoever began it, and takes away what is too old to be of interest.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join;
use futures::stream::{self, StreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::azure::client::new_request_id;
use crate::capture::watch::{Stay, watch};
use crate::context::App;
use crate::host::Host;
use crate::notify::outbox;
use crate::records::alert::AlertRecord;
use crate::records::capture::CaptureRecord;
use crate::records::journal::{Journal, is_unfinished};
use crate::records::keys::{NOTICE, OPEN, open_key};
use crate::records::store;
use crate::settings::Settings;
use crate::timestamp::Timestamp;

/// How often alerts make an instance look for unfinished work. A storm of them need not do so one by one.
const PAUSE: Duration = Duration::from_secs(30);

/// After so long an alert that is still worked on belongs to a host that has died: nobody tries for longer.
const SURELY_LEFT: Duration = Duration::from_secs(180);

/// How long after the time for it a look at a capture is written down at the latest, the reading of its file included.
const LOOK_TAKES: Duration = Duration::from_secs(90);

/// How long whoever came by waits to see whether somebody else looks.
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
const DATED: [(&str, &str); 11] = [
    ("alert:", "/receivedAt"),
    ("capture:", "/askedAt"),
    ("claim:", "/at"),
    (NOTICE, "/notice/at"),
    ("on:", "/at"),
    (OPEN, "/at"),
    ("over:", "/at"),
    ("report:", "/at"),
    ("resolved:", "/at"),
    ("target:", "/capturedUntil"),
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
    /// Captures that are watched.
    pub captures: usize,
    /// Messages that wait to be told.
    pub notices: usize,
}

/// What is unfinished.
pub async fn unfinished<H: Host>(app: &App<H>) -> Unfinished {
    let request_id = new_request_id(&app.host);
    let journal = Journal { host: &app.host, alert: "", client_request_id: &request_id };
    let (open, notices) = join(journal.keys(OPEN), journal.keys(NOTICE)).await;
    let of = |kind: &str| {
        let records = open.iter().filter_map(|key| key.strip_prefix(OPEN));
        records.filter(|record| record.starts_with(kind)).map(str::to_owned).collect()
    };
    Unfinished { alerts: of("alert:"), captures: of("capture:"), notices }
}

impl Unfinished {
    /// How much it is.
    pub fn count(&self) -> Count {
        Count { alerts: self.alerts.len(), captures: self.captures.len(), notices: self.notices.len() }
    }
}

/// Carries everything on as far as it goes without a long wait, and prunes.
pub async fn sweep<H: Host>(app: &Arc<App<H>>, settings: &Arc<Settings>, unfinished: Unfinished) {
    carry_on(app, settings, unfinished, Duration::ZERO).await;
    prune(app, settings).await;
}

/// The same on the occasion of an alert: what other hosts may be at work on is left to them.
pub async fn sweep_by_the_way<H: Host>(app: &Arc<App<H>>, settings: &Arc<Settings>) {
    if app.may_sweep(PAUSE) {
        let unfinished = unfinished(app).await;
        carry_on(app, settings, unfinished, SURELY_LEFT).await;
        prune(app, settings).await;
    }
}

async fn carry_on<H: Host>(app: &Arc<App<H>>, settings: &Arc<Settings>, unfinished: Unfinished, left_for: Duration) {
    let request_id = new_request_id(&app.host);
    let journal = Journal { host: &app.host, alert: "", client_request_id: &request_id };
    let Unfinished { alerts, captures, notices } = unfinished;
    let alerts = alerts.iter().map(|key| resume_alert(app, settings, &journal, key, left_for));
    let captures = captures.iter().map(|key| watch_on(app, settings, &journal, key, left_for));
    let notices = notices.iter().map(|key| tell(app, settings, &journal, key));
    join(some_at_once(alerts), join(some_at_once(captures), some_at_once(notices))).await;
}

async fn some_at_once(work: impl Iterator<Item = impl Future<Output = ()>>) {
    // Collected first, for the compiler cannot see through a closure within a stream that what it makes may be sent.
    let work: Vec<_> = work.collect();
    stream::iter(work).buffer_unordered(MOST_AT_ONCE).collect::<()>().await;
}

async fn resume_alert<H: Host>(
    app: &Arc<App<H>>,
    settings: &Arc<Settings>,
    journal: &Journal<'_, H>,
    key: &str,
    left_for: Duration,
) {
    let Some(record) = marked::<AlertRecord, H>(journal, key).await else { return };
    if record.finished {
        journal.delete(&open_key(key)).await;
    } else if app.host.now().since(record.received_at).is_none_or(|age| age >= left_for) {
        super::resume(app, settings, record).await;
    }
}

async fn watch_on<H: Host>(
    app: &Arc<App<H>>,
    settings: &Arc<Settings>,
    journal: &Journal<'_, H>,
    key: &str,
    left_for: Duration,
) {
    let Some(record) = marked::<CaptureRecord, H>(journal, key).await else { return };
    if record.is_finished() {
        journal.delete(&open_key(key)).await;
    } else if left_for.is_zero() || is_left(journal, key, &record).await {
        watch(app, settings, record, Stay::WhileBusy).await;
    }
}

/// Whether nobody watches a capture any more: whoever does so looks when it is time to. Every instance that a storm of
/// alerts calls into being comes by here, and must not watch what another one watches.
async fn is_left<H: Host>(journal: &Journal<'_, H>, key: &str, record: &CaptureRecord) -> bool {
    let surely_seen = record.next_look().after(LOOK_TAKES);
    let left = surely_seen.since(journal.host.now()).unwrap_or_default();
    if left > LONGEST_WAIT {
        return false;
    }
    journal.host.sleep(left).await;
    let now: Option<CaptureRecord> = journal.load(key).await;
    now.is_some_and(|now| now.next_look() == record.next_look())
}

/// The record that a mark of unfinished work stands for. The mark is written first and taken away last, so that whoever
/// dies in between leaves one that stands for nothing; it is taken away here.
async fn marked<T: DeserializeOwned, H: Host>(journal: &Journal<'_, H>, key: &str) -> Option<T> {
    if let Ok(None) = store::load::<Value>(journal.host, key).await {
        journal.host.sleep(SURELY_WRITTEN).await;
        if let Ok(None) = store::load::<Value>(journal.host, key).await {
            journal.delete(&open_key(key)).await;
        }
    }
    journal.load(key).await
}

async fn tell<H: Host>(app: &Arc<App<H>>, settings: &Settings, journal: &Journal<'_, H>, key: &str) {
    if let Some(_at_work) = app.work_on(key) {
        outbox::deliver_left_behind(app, settings, journal, key).await;
    }
}

/// Takes away what ended longer ago than records are kept, once a day. What is unfinished is marked once more.
async fn prune<H: Host>(app: &Arc<App<H>>, settings: &Settings) {
    let request_id = new_request_id(&app.host);
    let journal = Journal { host: &app.host, alert: "", client_request_id: &request_id };
    let now = app.host.now();
    let last: Option<Timestamp> = journal.load(PRUNED).await;
    let is_recent = |last: Timestamp| now.since(last).is_some_and(|age| age < PRUNE_EVERY);
    if last.is_some_and(is_recent) || !journal.save(PRUNED, &now).await {
        return;
    }
    let mut pruned = 0_usize;
    for (prefix, moment) in DATED {
        for key in journal.keys(prefix).await {
            // A store of files is read without a pause, and alerts must not wait until all of them are.
            app.host.sleep(BREATH).await;
            let Some(value) = journal.load::<Value>(&key).await else { continue };
            if !is_over(prefix, &value) {
                // Where two wrote at once and the store failed one of them, the mark may have been lost.
                journal.mark_open(&key).await;
            } else if is_older(&value, moment, now, settings.retention) && journal.delete(&key).await {
                pruned = pruned.saturating_add(1);
            }
        }
    }
    journal.note_pruned(pruned);
}

/// Whether nobody will come back to this. Work that is unfinished after so long stays unfinished all the same.
fn is_over(prefix: &str, value: &Value) -> bool {
    !["alert:", "capture:"].contains(&prefix) || !is_unfinished(value)
}

fn is_older(value: &Value, moment: &str, now: Timestamp, age: Duration) -> bool {
    let moment = value.pointer(moment).and_then(Value::as_str).and_then(Timestamp::parse);
    moment.and_then(|moment| now.since(moment)).is_some_and(|since| since > age)
}
