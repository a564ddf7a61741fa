//! One alert on its way: its record, its targets side by side, and what people are told of it.
//!
//! The work runs as a task of its own, so that the caller can be answered in time while it goes on. Whoever finds an
//! alert's record unfinished goes on with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{BoxFuture, FutureExt, Shared, join, join_all, ready};
use futures::stream::{self, StreamExt};

use crate::alert::{Alert, Condition, Summary};
use crate::azure::target::Target;
use crate::capture::watch::{Watcher, watch};
use crate::context::{Context, Instance};
use crate::digest::digest;
use crate::host::Host;
use crate::log::Event;
use crate::notify::{Notice, compose, outbox};
use crate::plan::{Plan, nothing_to_do};
use crate::records::alert::{AlertRecord, OnCapture};
use crate::records::capture::CaptureRecord;
use crate::records::form::FORM;
use crate::records::keys::alert_key;
use crate::records::outcome::{Kind, Outcome};
use crate::records::store::ReadError;
use crate::settings::Settings;
use crate::tally::Counts;
use crate::timestamp::Timestamp;
use crate::workflow::machines::{find, is_to_be_found};
use crate::workflow::patience::Patience;
use crate::workflow::resolve::resolve;
use crate::workflow::target::{ForTarget, Origin};

/// How old an alert may be when a host that comes back goes on with it. A capture that begins later shows something else
/// than what had fired.
const WORTH_STARTING: Duration = Duration::from_hours(1);

/// How often it is tried to write down how an alert ended: over some minutes.
const WRITE_ATTEMPTS: u32 = 8;

/// How many machines of one alert are worked on side by side. Azure Monitor names one; nobody else may make this
/// instance send a thousand requests at once.
pub const MOST_TARGETS_AT_ONCE: usize = 16;

/// What the caller is told.
#[derive(Clone, Debug)]
pub struct Handled {
    /// The key of the alert's record.
    pub key: String,
    pub alert: Summary,
    /// How it ended, or stands, for each target.
    pub outcomes: Vec<Outcome>,
    /// Whether the alert is safely in the store.
    pub remembered: bool,
}

/// One alert on its way.
pub struct Run<H> {
    pub context: Context<H>,
    received_at: Timestamp,
    origin: Origin,
    progress: Mutex<Progress>,
}

/// What is known of an alert so far.
struct Progress {
    /// Its machines may have to be found out first.
    alert: Arc<Alert>,
    outcomes: Vec<Outcome>,
    written: Written,
    before: Before,
    /// What is written down with its record.
    counts: Counts,
}

/// What is known of earlier deliveries of the alert.
enum Before {
    Nothing,
    /// There may have been one: the store did not tell.
    Unknown,
    Delivered(Arc<AlertRecord>),
}

/// How the alert's record stands in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    /// It could not be written.
    Not,
    Unfinished,
    Finished,
}

/// What an earlier delivery of the alert has left, read once for all who want to know.
type Earlier<'a> = Shared<BoxFuture<'a, Option<Arc<AlertRecord>>>>;

/// What remains to be done once the outcomes are known.
pub struct Rest {
    /// Captures that the end of the alert may stop.
    nudged: Vec<CaptureRecord>,
    notices: Vec<Notice>,
    /// Whatever a host has left of an earlier delivery.
    left: Option<Arc<AlertRecord>>,
}

impl<H: Host> Run<H> {
    pub fn new(instance: &Arc<Instance<H>>, settings: &Arc<Settings>, alert: Alert) -> Self {
        let outcomes = match alert.condition {
            Condition::Fired if is_to_be_found(&alert, settings) => vec![Outcome::accepted()],
            _ => first_outcomes(&alert),
        };
        let mut context = Context::new(instance, settings, &alert.key());
        if !alert.can_be_recognised() {
            // Nothing tells two of these apart, and each needs a record and messages of its own.
            context.alert = digest(&format!("{}\n{}", context.alert, context.client_request_id), 16);
        }
        Self {
            context,
            received_at: instance.host.now(),
            origin: Origin::Received,
            progress: Mutex::new(Progress {
                alert: Arc::new(alert),
                outcomes,
                written: Written::Not,
                before: Before::Nothing,
                counts: Counts::default(),
            }),
        }
    }

    /// Goes on with an alert that whoever worked on it has left, because its host died.
    pub async fn resume(context: &Context<H>, record: AlertRecord, patience: Patience) {
        if let Some(run) = Self::resumed(context, record)
            && let Some(_in_progress) = run.context.instance.begin(&run.record_key())
        {
            run.go_on(patience).await;
        }
    }

    /// What an unfinished record leaves to be done; nothing when it is finished.
    fn resumed(context: &Context<H>, record: AlertRecord) -> Option<Self> {
        let AlertRecord { key, received_at, counts, outcomes, notification, .. } = record;
        let alert = Arc::new(notification?);
        let (written, before) = (Written::Unfinished, Before::Nothing);
        let progress = Mutex::new(Progress { alert, outcomes, written, before, counts });
        let mut context = Context::new(&context.instance, &context.settings, &key);
        context.began_at = received_at;
        Some(Self { context, received_at, origin: Origin::LeftBehind, progress })
    }

    /// The way to the outcomes. `done` is told as soon as they are known and remembered. Gives the captures that were started or
    /// found, and what remains to be done.
    pub async fn work(&self, done: oneshot::Sender<Handled>) -> (Vec<CaptureRecord>, Rest) {
        let began = self.context.host().monotonic();
        let _in_progress = self.context.instance.begin(&self.record_key());
        let earlier = self.earlier_delivery().boxed().shared();
        self.find_machines(earlier.clone()).await;
        let (mut started, mut nudged, mut repeated) = (vec![], vec![], None);
        if self.is_open() {
            // The first request goes out before the store is asked.
            (started, repeated) = join(self.work_on_targets(earlier.clone()), self.take_in(earlier.clone())).await;
            if repeated.is_none() {
                self.keep_what_stands(earlier.await.as_deref()).await;
            }
        } else {
            nudged = self.resolve().await;
        }
        let mut notices = vec![];
        if repeated.is_none() {
            // Where the agent has to come first, people are told how it ends.
            notices = if self.is_open() { vec![] } else { self.notices() };
            self.remember_outcomes(&notices).await;
        }
        self.note_outcomes(self.context.host().monotonic().saturating_sub(began));
        // Whoever waited may have gone; the work is done all the same.
        let _ = done.send(self.handled());
        (started, Rest { nudged, notices, left: repeated })
    }

    /// The way from there to what others can go on with.
    pub async fn finish(&self, rest: Rest) {
        let _in_progress = self.context.instance.begin(&self.record_key());
        let Rest { nudged, notices, left } = rest;
        if let Some(earlier) = left {
            // A host may have left it when it died.
            if let Some(earlier) = Self::resumed(&self.context, AlertRecord::clone(&earlier)) {
                earlier.go_on(Patience::ToTheEnd).await;
            }
            return;
        }
        if self.is_open() {
            return self.leave_to_keeper().await;
        }
        let nudged = nudged.into_iter().map(|record| watch(&self.context, record, Watcher::Nudged));
        join(self.tell(notices), join_all(nudged)).await;
    }

    /// The keeper goes on with what is in the store. Where the store does not take it, this instance does.
    async fn leave_to_keeper(&self) {
        self.remember_surely(Written::Unfinished).await;
        if !self.is_remembered() {
            self.go_on(Patience::ToTheEnd).await;
        }
    }

    /// The same for an alert that was left. What it starts is found by its record.
    async fn go_on(&self, patience: Patience) {
        let is_old = self.context.host().now().since(self.received_at).is_some_and(|age| age > WORTH_STARTING);
        if is_old {
            self.give_up();
        }
        if self.is_open() {
            self.find_machines(nothing_earlier()).await;
        }
        if self.is_open() {
            self.carry_on_targets(patience).await;
        }
        if self.is_open() {
            return self.remember_surely(Written::Unfinished).await;
        }
        self.keep_what_stands(None).await;
        let notices = self.notices();
        self.remember_outcomes(&notices).await;
        self.tell(notices).await;
    }

    /// Writes down what people are to be told, and then that nothing remains to be done here. What cannot be written down is
    /// left to whoever finds this alert unfinished, or told now when nobody will find it.
    async fn tell(&self, notices: Vec<Notice>) {
        let (records, config) = (self.context.records(), &self.context.settings.notify);
        let kept = join_all(notices.iter().map(|notice| self.enqueue_surely(notice))).await;
        let lost: Vec<_> = notices.into_iter().zip(kept).filter(|(_, is_kept)| !is_kept).collect();
        let nothing_remains = if self.is_remembered() {
            lost.is_empty()
        } else {
            let told = lost.into_iter().map(|(notice, _)| outbox::deliver_unkept(&records, config, notice));
            join_all(told).await.into_iter().all(|is_acknowledged| is_acknowledged)
        };
        self.remember_surely(if nothing_remains { Written::Finished } else { Written::Unfinished }).await;
    }

    /// Writes a message down, again and again if the store fails.
    async fn enqueue_surely(&self, notice: &Notice) -> bool {
        for attempt in 0..WRITE_ATTEMPTS {
            self.wait_for_store(attempt).await;
            if outbox::enqueue(&self.context.records(), notice).await {
                return true;
            }
        }
        false
    }

    fn notices(&self) -> Vec<Notice> {
        let settings = &self.context.settings;
        let now = self.context.host().now();
        let record = format!("{}/api/alerts/{}", settings.notify.public_url, self.context.alert);
        let progress = self.progress();
        let alert = progress.alert.summary();
        let notices = progress.outcomes.iter().filter_map(|outcome| {
            compose::alert_ended(&self.context.alert, &alert, outcome, &record, &settings.notify, now)
        });
        notices.filter(|notice| settings.notify.wants(notice.event)).collect()
    }

    /// Finds out which machines the alert is about, where it names something else that leads to them.
    async fn find_machines(&self, earlier: Earlier<'_>) {
        let alert = self.alert();
        if !is_to_be_found(&alert, &self.context.settings) {
            return;
        }
        let write = async {
            if self.is_open() && !self.is_remembered() && earlier.await.is_none() {
                self.remember(Written::Unfinished).await;
            }
        };
        let (found, ()) = join(find(&self.context, &alert.unresolved), write).await;
        let mut alert = Alert::clone(&alert);
        let problem = found.put_into(&mut alert);
        let mut progress = self.progress();
        progress.outcomes = problem.map_or_else(|| first_outcomes(&alert), |problem| vec![problem]);
        progress.alert = Arc::new(alert);
    }

    async fn work_on_targets(&self, earlier: Earlier<'_>) -> Vec<CaptureRecord> {
        let alert = &*self.alert();
        let open = alert.targets.iter().enumerate().filter(|(index, _)| self.is_open_for(*index));
        let work: Vec<_> = open
            .map(|(index, target)| {
                let earlier = earlier.clone();
                async move {
                    let (outcome, record) = self.for_target(alert, target).work(earlier).await;
                    self.set_outcome(index, outcome.for_target(target));
                    record
                }
            })
            .collect();
        let records = stream::iter(work).buffer_unordered(MOST_TARGETS_AT_ONCE).collect::<Vec<_>>().await;
        records.into_iter().flatten().collect()
    }

    /// Works on the targets that are left, and installs the agent first where that is to be done.
    async fn carry_on_targets(&self, patience: Patience) {
        let alert = &*self.alert();
        let open = alert.targets.iter().enumerate().filter(|(index, _)| self.is_open_for(*index));
        let work: Vec<_> = open
            .map(|(index, target)| async move {
                let awaits_agent = self.progress().outcomes.get(index).is_some_and(Outcome::awaits_agent);
                let outcome = self.for_target(alert, target).carry_on(awaits_agent, patience).await;
                self.set_outcome(index, outcome.for_target(target));
            })
            .collect();
        stream::iter(work).buffer_unordered(MOST_TARGETS_AT_ONCE).collect::<Vec<_>>().await;
    }

    fn for_target<'a>(&'a self, alert: &'a Alert, target: &'a Target) -> ForTarget<'a, H> {
        ForTarget { context: &self.context, alert, on: self.on_capture(), origin: self.origin, target, agent: None }
    }

    /// With `stop_on_resolve`, an alert that is over stops the captures that are there for nothing else.
    async fn resolve(&self) -> Vec<CaptureRecord> {
        let alert = self.alert();
        let resolved = resolve(&self.context, &alert, self.received_at).await;
        let mut watched = Vec::new();
        for (index, record) in resolved {
            let outcome = Outcome::resolved(alert.condition.word(), &record.name);
            self.set_outcome(index, outcome.for_target(&record.target));
            watched.push(record);
        }
        watched
    }

    /// The record of the same notification, when it was delivered before.
    async fn earlier_delivery(&self) -> Option<Arc<AlertRecord>> {
        if !self.is_open() || !self.alert().can_be_recognised() {
            return None;
        }
        let before = match self.context.records().alert(&self.context.alert).await {
            Ok(Some(earlier)) => Before::Delivered(Arc::new(earlier)),
            Ok(None) | Err(ReadError::Unreadable { .. }) => Before::Nothing,
            Err(ReadError::Store(_)) => Before::Unknown,
        };
        let earlier = if let Before::Delivered(earlier) = &before { Some(earlier.clone()) } else { None };
        self.progress().before = before;
        earlier
    }

    /// Writes down that the alert is worked on, unless an earlier delivery has led to a capture for every target. Then nothing is
    /// left to be done but to say so, and its record is given.
    async fn take_in(&self, earlier: Earlier<'_>) -> Option<Arc<AlertRecord>> {
        let repeated = earlier.await.filter(|earlier| earlier.led_to_captures(&self.alert().targets));
        match repeated {
            Some(_) => self.progress().written = Written::Unfinished,
            None => self.remember(Written::Unfinished).await,
        }
        repeated
    }

    /// An earlier delivery or another instance may have worked on the same alert, and its end may have been told. Only a capture
    /// changes that. `earlier` is what stood before this delivery wrote that it is at work.
    async fn keep_what_stands(&self, earlier: Option<&AlertRecord>) {
        if self.progress().outcomes.iter().all(led_to_capture) {
            return;
        }
        let stored = self.context.records().alert(&self.context.alert).await.unwrap_or_default();
        let stood = || earlier.into_iter().chain(&stored).flat_map(|record| &record.outcomes);
        for outcome in self.progress().outcomes.iter_mut().filter(|outcome| !led_to_capture(outcome)) {
            let ended = |other: &&Outcome| other.target == outcome.target && other.outcome != Kind::Accepted;
            if let Some(others) = stood().find(ended) {
                *outcome = others.clone();
            }
        }
    }

    /// Writes down how the alert ended. It is finished when there is nobody to be told.
    async fn remember_outcomes(&self, notices: &[Notice]) {
        let is_over = notices.is_empty() && !self.is_open();
        self.remember(if is_over { Written::Finished } else { Written::Unfinished }).await;
    }

    /// The same, again and again if the store fails.
    async fn remember_surely(&self, as_: Written) {
        for attempt in 0..WRITE_ATTEMPTS {
            if self.progress().written == as_ {
                return;
            }
            self.wait_for_store(attempt).await;
            self.remember(as_).await;
        }
    }

    /// Waits before an attempt that is not the first.
    async fn wait_for_store(&self, attempt: u32) {
        if attempt > 0 {
            self.context.host().sleep(Duration::from_secs(1 << attempt.saturating_sub(1).min(5))).await;
        }
    }

    /// How the alert stands for each of its machines. Where one is worked on again, the capture of an earlier delivery stands
    /// meanwhile; `None` when there may be one that the store does not show.
    fn standing(&self) -> Option<Vec<Outcome>> {
        let progress = self.progress();
        let standing = progress.outcomes.iter().map(|outcome| match &progress.before {
            Before::Unknown if outcome.outcome == Kind::Accepted => None,
            Before::Delivered(earlier) if outcome.outcome == Kind::Accepted => {
                let is_it = |other: &&Outcome| other.target == outcome.target && led_to_capture(other);
                Some(earlier.outcomes.iter().find(is_it).unwrap_or(outcome).clone())
            }
            _ => Some(outcome.clone()),
        });
        standing.collect()
    }

    /// Writes the alert's record as it stands.
    async fn remember(&self, as_: Written) {
        let Some(outcomes) = self.standing() else { return };
        let finished = as_ == Written::Finished;
        let alert = self.alert();
        let record = AlertRecord {
            form: FORM,
            key: self.context.alert.clone(),
            alert: alert.summary(),
            received_at: self.received_at,
            finished,
            schema: alert.schema,
            counts: self.counts(),
            outcomes,
            notification: (!finished).then(|| Alert::clone(&alert)),
        };
        let is_saved = self.context.records().save_alert(&record).await;
        self.progress().written = if is_saved { as_ } else { Written::Not };
    }

    /// What was counted so far. It stays with the alert until a record with it is in the store.
    fn counts(&self) -> Counts {
        let counted = self.context.instance.tally.take();
        let counts = &mut self.progress().counts;
        counts.add(&counted);
        counts.clone()
    }

    fn on_capture(&self) -> OnCapture {
        let alert = self.alert();
        OnCapture { alert: alert.summary(), at: alert.fired_at.unwrap_or(self.received_at) }
    }

    fn record_key(&self) -> String {
        alert_key(&self.context.alert)
    }

    fn alert(&self) -> Arc<Alert> {
        self.progress().alert.clone()
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_open(&self) -> bool {
        self.progress().outcomes.iter().any(|outcome| outcome.outcome == Kind::Accepted)
    }

    fn is_open_for(&self, index: usize) -> bool {
        self.progress().outcomes.get(index).is_some_and(|outcome| outcome.outcome == Kind::Accepted)
    }

    fn set_outcome(&self, index: usize, outcome: Outcome) {
        if let Some(place) = self.progress().outcomes.get_mut(index) {
            *place = outcome;
        }
    }

    fn give_up(&self) {
        for outcome in &mut self.progress().outcomes {
            if outcome.outcome == Kind::Accepted {
                *outcome = Outcome { target: outcome.target.take(), ..Outcome::too_late() };
            }
        }
    }

    pub fn handled(&self) -> Handled {
        let progress = self.progress();
        Handled {
            key: self.context.alert.clone(),
            alert: progress.alert.summary(),
            outcomes: progress.outcomes.clone(),
            remembered: progress.written != Written::Not,
        }
    }

    fn is_remembered(&self) -> bool {
        self.progress().written != Written::Not
    }

    pub fn note_received(&self) {
        let log = self.context.log();
        log.write(&Event { alert_id: Some(&self.alert().id), ..log.event("alert_received", "info") });
    }

    pub fn note_early_answer(&self) {
        let log = self.context.log();
        log.write(&log.event("answering_before_the_end", "info"));
    }

    fn note_outcomes(&self, took: Duration) {
        let log = self.context.log();
        for outcome in &self.progress().outcomes {
            let level = if outcome.outcome == Kind::Failed { "error" } else { "info" };
            log.write(&Event {
                target: outcome.target.as_deref(),
                capture: outcome.capture.as_ref().map(|capture| capture.name.as_str()),
                outcome: Some(outcome.outcome.word()),
                reason: Some(outcome.reason.word()),
                ms: u64::try_from(took.as_millis()).ok(),
                ..log.event("outcome", level)
            });
        }
    }
}

fn led_to_capture(outcome: &Outcome) -> bool {
    matches!(outcome.outcome, Kind::Started | Kind::Joined)
}

/// Whoever goes on with an alert has its record.
fn nothing_earlier<'a>() -> Earlier<'a> {
    ready(None).boxed().shared()
}

/// How an alert stands for each of its machines, or as a whole where it has none, before any work.
pub fn first_outcomes(alert: &Alert) -> Vec<Outcome> {
    let outcome = match nothing_to_do(alert) {
        Some(Plan::Skip { reason, message }) => Outcome::skipped(reason, message),
        Some(Plan::Start(_)) | None => Outcome::accepted(),
    };
    if alert.targets.is_empty() {
        return vec![outcome];
    }
    alert.targets.iter().map(|target| outcome.clone().for_target(target)).collect()
}
