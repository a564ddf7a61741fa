//! Read this first: the whole way of an alert, from the door to a capture that is watched.
//!
//! alert → plan → sequence → watch, for each target beside the others. The work runs as a task of its own, so that the
//! caller can be answered in time while it goes on. Whoever finds an alert's record unfinished goes on with it.

pub mod sweep;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{Either, join, join_all, select};

use crate::alert::{Alert, Condition, Summary};
use crate::azure::client::{Azure, new_request_id};
use crate::azure::packet_capture::PacketCapture;
use crate::azure::target::Target;
use crate::capture::locate::{Place, locate};
use crate::capture::start::{self, End};
use crate::capture::watch::{Stay, watch};
use crate::context::App;
use crate::host::Host;
use crate::log::Log;
use crate::notify::outbox;
use crate::notify::{Notice, compose};
use crate::plan::{Plan, Start, nothing_to_do, plan};
use crate::records::alert::{AlertRecord, OnCapture, Resolved};
use crate::records::capture::CaptureRecord;
use crate::records::failure::Failure;
use crate::records::journal::Journal;
use crate::records::keys::{OPEN, alert_key, capture_key, on_key, resolved_key, target_key};
use crate::records::outcome::{CaptureRef, Kind, Outcome};
use crate::records::target::TargetMemory;
use crate::settings::Settings;
use crate::timestamp::Timestamp;

/// How long nightcap keeps trying to start a capture. Azure's requests to wait are seldom longer than a minute, and
/// evidence that is minutes old is seldom worth more.
const TRY_FOR: Duration = Duration::from_secs(120);

/// How old an alert may be when a host that comes back goes on with it. A capture that begins later shows something else
/// than what had fired.
const WORTH_STARTING: Duration = Duration::from_hours(1);

/// How often it is tried to write down how an alert ended: over some minutes.
const WRITE_ATTEMPTS: u32 = 8;

/// The part of the time for the answer after which it is given. The rest is for the answer itself, which may have to queue
/// for the processor when many are due at once.
const PATIENCE: f64 = 0.9;

/// How many machines of one alert are worked on side by side. Azure Monitor names one; nobody else may make this
/// instance send a thousand requests at once.
const MOST_TARGETS_AT_ONCE: usize = 16;

/// What the caller is told.
#[derive(Clone, Debug)]
pub struct Handled {
    /// The key of the alert's record.
    pub key: String,
    /// What fired.
    pub alert: Summary,
    /// How it ended, or stands, for each target.
    pub outcomes: Vec<Outcome>,
    /// Whether the alert is safely in the store.
    pub remembered: bool,
}

/// Handles an alert, and returns when all is done or when the caller has waited long enough.
pub async fn handle<H: Host>(app: &Arc<App<H>>, settings: &Arc<Settings>, alert: Alert) -> Handled {
    let run = Arc::new(Run::new(app.clone(), settings.clone(), alert));
    run.journal().note_received(&run.alert.id);
    let (done, outcomes) = oneshot::channel();
    let task = run.clone();
    let work = async move {
        task.work(done).await;
        sweep::sweep_by_the_way(&task.app, &task.settings).await;
    };
    app.host.spawn(Box::pin(work)).await;

    let patience = std::pin::pin!(app.host.sleep(settings.answer_within.mul_f64(PATIENCE)));
    if let Either::Left((Ok(handled), _)) = select(outcomes, patience).await {
        return handled;
    }
    run.journal().note_early_answer();
    run.handled()
}

/// Goes on with an alert that whoever worked on it has left, because its host died.
pub async fn resume<H: Host>(app: &Arc<App<H>>, settings: &Arc<Settings>, record: AlertRecord) {
    if let Some(run) = Run::resumed(app.clone(), settings.clone(), record)
        && let Some(_at_work) = app.work_on(&alert_key(&run.key))
    {
        run.go_on().await;
    }
}

/// One alert on its way.
struct Run<H> {
    app: Arc<App<H>>,
    settings: Arc<Settings>,
    alert: Alert,
    key: String,
    client_request_id: String,
    received_at: Timestamp,
    /// Whether another host has worked on this before and left it.
    was_left: bool,
    progress: Mutex<Progress>,
}

/// What is known of an alert so far.
struct Progress {
    outcomes: Vec<Outcome>,
    remembered: bool,
    finished: bool,
}

/// A capture that this run has to see to its end.
type Watched = (CaptureRecord, Stay);

impl<H: Host> Run<H> {
    fn new(app: Arc<App<H>>, settings: Arc<Settings>, alert: Alert) -> Self {
        let outcome = nothing_to_do(&alert).map_or_else(Outcome::accepted, Outcome::skipped);
        let outcomes = if alert.targets.is_empty() {
            vec![outcome]
        } else {
            alert.targets.iter().map(|target| outcome.clone().for_target(target)).collect()
        };
        Self {
            key: alert.key(),
            client_request_id: new_request_id(&app.host),
            received_at: app.host.now(),
            was_left: false,
            progress: Mutex::new(Progress { outcomes, remembered: false, finished: false }),
            app,
            settings,
            alert,
        }
    }

    /// What an unfinished record leaves to be done; nothing when it is finished.
    fn resumed(app: Arc<App<H>>, settings: Arc<Settings>, record: AlertRecord) -> Option<Self> {
        let AlertRecord { key, received_at, outcomes, notification, .. } = record;
        let progress = Mutex::new(Progress { outcomes, remembered: true, finished: false });
        let client_request_id = new_request_id(&app.host);
        let alert = notification?;
        Some(Self { app, settings, alert, key, client_request_id, received_at, was_left: true, progress })
    }

    /// The way itself. `done` is told as soon as the outcomes are known and remembered; what becomes of the captures is
    /// seen to after that.
    async fn work(&self, done: oneshot::Sender<Handled>) {
        let began = self.app.host.monotonic();
        let _at_work = self.app.work_on(&alert_key(&self.key));
        let earlier = if self.is_open() { self.earlier_delivery().await } else { None };
        let repeated = match &earlier {
            Some(earlier) => self.repeats(earlier).await,
            None => false,
        };
        let watched = match () {
            () if repeated => vec![],
            () if self.is_open() => join(self.remember(), self.work_on_targets(earlier.as_ref())).await.1,
            () => self.resolve().await,
        };
        let notices = self.notices();
        if !repeated {
            self.progress().finished = notices.is_empty();
            self.remember().await;
        }
        let took = self.app.host.monotonic().saturating_sub(began);
        self.progress().outcomes.iter().for_each(|outcome| self.journal().note_outcome(outcome, took));
        // Whoever waited may have gone; the work is done all the same.
        let _ = done.send(self.handled());
        match earlier.filter(|_| repeated) {
            Some(earlier) => self.take_over(earlier).await,
            None => self.see_to_the_end(watched, notices).await,
        }
    }

    /// The same for an alert that was left.
    async fn go_on(&self) {
        let is_old = self.app.host.now().since(self.received_at).is_some_and(|age| age > WORTH_STARTING);
        if is_old {
            self.give_up();
        }
        let watched = if self.is_open() { self.work_on_targets(None).await } else { vec![] };
        let notices = self.notices();
        self.progress().finished = notices.is_empty();
        self.remember().await;
        self.see_to_the_end(watched, notices).await;
    }

    /// Goes on with the record of an earlier delivery, which a host may have left when it died.
    async fn take_over(&self, earlier: AlertRecord) {
        if let Some(left) = Self::resumed(self.app.clone(), self.settings.clone(), earlier) {
            left.go_on().await;
        }
    }

    /// Tells people what they want to be told of the alert, and watches its captures.
    async fn see_to_the_end(&self, watched: Vec<Watched>, notices: Vec<Notice>) {
        let watched = watched.into_iter().map(|(record, stay)| watch(&self.app, &self.settings, record, stay));
        join(self.tell(notices), join_all(watched)).await;
    }

    /// Writes down what people are to be told, and then that nothing remains to be done. Then tells them. What cannot be
    /// written down is told first.
    async fn tell(&self, notices: Vec<Notice>) {
        let journal = self.journal();
        let tell = |notice: &Notice| outbox::deliver(&self.app, &self.settings, &journal, notice.clone());
        let kept = join_all(notices.iter().map(|notice| outbox::put(&journal, notice))).await;
        let (kept, lost): (Vec<_>, Vec<_>) = notices.iter().zip(kept).partition(|(_, is_kept)| *is_kept);
        let told = join_all(lost.into_iter().map(|(notice, _)| tell(notice))).await;
        // What was neither written down nor taken is left to whoever finds this alert unfinished.
        let nothing_remains = told.into_iter().all(|is_taken| is_taken);
        self.remember_surely(nothing_remains).await;
        join_all(kept.into_iter().map(|(notice, _)| tell(notice))).await;
    }

    /// Writes down whether something remains to be done, again and again if the store fails.
    async fn remember_surely(&self, nothing_remains: bool) {
        {
            let mut progress = self.progress();
            if progress.remembered && progress.finished == nothing_remains {
                return;
            }
            progress.finished = nothing_remains;
        }
        for attempt in 0..WRITE_ATTEMPTS {
            self.remember().await;
            if self.progress().remembered {
                return;
            }
            self.app.host.sleep(Duration::from_secs(1 << attempt.min(5))).await;
        }
    }

    fn notices(&self) -> Vec<Notice> {
        let now = self.app.host.now();
        let record = format!("{}/api/alerts/{}", self.settings.public_url, self.key);
        let alert = self.alert.summary();
        let progress = self.progress();
        let notices = progress
            .outcomes
            .iter()
            .filter_map(|outcome| compose::alert_ended(&self.key, &alert, outcome, &record, &self.settings, now));
        notices.filter(|notice| outbox::is_wanted(&self.settings, notice.event)).collect()
    }

    async fn work_on_targets(&self, earlier: Option<&AlertRecord>) -> Vec<Watched> {
        let open: Vec<(usize, &Target)> =
            self.alert.targets.iter().enumerate().filter(|(index, _)| self.is_open_for(*index)).collect();
        let mut watched = Vec::new();
        for some in open.chunks(MOST_TARGETS_AT_ONCE) {
            let work = some.iter().map(|(index, target)| async move {
                let (outcome, record) = self.work_on(target, earlier).await;
                self.set_outcome(*index, outcome.for_target(target));
                record
            });
            watched.extend(join_all(work).await.into_iter().flatten().map(|record| (record, Stay::ToTheEnd)));
        }
        watched
    }

    async fn work_on(&self, target: &Target, earlier: Option<&AlertRecord>) -> (Outcome, Option<CaptureRecord>) {
        let memory = self.memory_of(target).await;
        let now = self.app.host.now();
        if let Some(repeated) = earlier.and_then(|earlier| earlier.repeated(target, &memory, now)) {
            return (repeated, None);
        }
        if self.is_over_already(target).await {
            return (Outcome::already_resolved(), None);
        }
        let start = match plan(&self.alert, target, &self.settings.policy, memory.captured_until, now) {
            Plan::Start(start) => start,
            skip @ Plan::Skip { .. } => return (Outcome::skipped(skip), None),
        };
        match self.start(&start, &memory).await {
            Ok(ended) => ended,
            Err(failure) => {
                // What was remembered of the machine may be why.
                self.journal().save(&target_key(target), &TargetMemory { machine: None, ..memory }).await;
                (Outcome::failed(target, failure), None)
            }
        }
    }

    async fn start(&self, start: &Start, memory: &TargetMemory) -> Result<(Outcome, Option<CaptureRecord>), Failure> {
        let azure = self.azure(&start.target);
        let place = locate(&azure, start, self.alert.region.as_ref(), memory.machine.as_ref()).await?;
        let storage = start.storage.as_ref().or_else(|| self.settings.storage.in_region(&place.region));
        let storage = storage.ok_or_else(|| Failure::no_storage_account(&place.region))?;
        match start::run(
            &azure,
            &self.settings,
            &self.app.asking,
            &self.journal(),
            &self.on_capture(),
            start,
            &place,
            storage,
        )
        .await?
        {
            End::Started { capture, mut record } => {
                let journal = self.journal();
                let memory = TargetMemory::new(start, &place, self.app.host.now());
                join(journal.save_capture(&mut record), journal.save(&target_key(&start.target), &memory)).await;
                Ok((self.started(start, &place, &capture), Some(*record)))
            }
            End::Joined { capture } => Ok(self.join(start, &place, &capture).await),
            End::WouldSend(requests) => Ok((Outcome::dry_run(requests), None)),
        }
    }

    fn started(&self, start: &Start, place: &Place, capture: &PacketCapture) -> Outcome {
        let reference = self.capture_ref(place, &capture.name, capture.storage_path.clone());
        Outcome { capture: Some(reference), ..Outcome::started(start) }
    }

    /// Adds the alert to a capture that runs. Where there is no record of it, because its maker died or has another
    /// store, it gets one, and is watched from here.
    async fn join(&self, start: &Start, place: &Place, capture: &PacketCapture) -> (Outcome, Option<CaptureRecord>) {
        let journal = self.journal();
        let mut found = CaptureRecord::found(start, place, capture, self.app.host.now());
        let known: Option<CaptureRecord> = journal.load(&found.key()).await;
        let known = known.filter(|known| start.fixed_name.is_none() || !known.is_finished());
        let on = self.on_capture();
        let Some(record) = known else {
            let key = on_key(&found, &on.alert);
            join(journal.save_capture(&mut found), journal.save(&key, &on)).await;
            return (self.joined(place, &found), Some(found));
        };
        journal.save(&on_key(&record, &on.alert), &on).await;
        if self.was_left && record.asked_by == self.key {
            return (self.started(start, place, capture), Some(record));
        }
        // The capture may have given way to another one just now.
        let now: Option<CaptureRecord> = journal.load(&record.key()).await;
        if let Some(name) = now.and_then(|now| now.superseded_by)
            && let Some(survivor) = journal.load(&capture_key(&place.subscription, &place.region, &name)).await
        {
            journal.save(&on_key(&survivor, &on.alert), &on).await;
            return (self.joined(place, &survivor), None);
        }
        (self.joined(place, &record), None)
    }

    fn joined(&self, place: &Place, record: &CaptureRecord) -> Outcome {
        let reference = self.capture_ref(place, &record.name, record.storage_path.clone());
        Outcome { capture: Some(reference), ..Outcome::joined() }
    }

    /// With `stop_on_resolve`, an alert that is over stops the captures that are there for nothing else.
    async fn resolve(&self) -> Vec<Watched> {
        if !self.settings.stop_on_resolve || self.alert.test || self.alert.condition == Condition::Fired {
            return vec![];
        }
        let journal = self.journal();
        let at = self.alert.resolved_at.or(self.alert.fired_at).unwrap_or(self.received_at);
        let alert = self.alert.summary();
        for target in &self.alert.targets {
            journal.save(&resolved_key(target, &alert), &Resolved { at }).await;
        }
        let mut watched = Vec::new();
        for key in journal.keys(&format!("{OPEN}capture:")).await {
            let Some(key) = key.strip_prefix(OPEN) else { continue };
            let Some(record) = journal.load::<CaptureRecord>(key).await else { continue };
            let Some(index) = self.alert.targets.iter().position(|target| *target == record.target) else { continue };
            if journal.load::<OnCapture>(&on_key(&record, &alert)).await.is_some() {
                self.set_outcome(
                    index,
                    Outcome::resolved(self.alert.condition.word(), &record.name).for_target(&record.target),
                );
                watched.push((record, Stay::Woken));
            }
        }
        watched
    }

    /// Whether the end of this alert was heard of before its beginning; Azure promises no order.
    async fn is_over_already(&self, target: &Target) -> bool {
        let Some(fired_at) = self.alert.fired_at.filter(|_| self.settings.stop_on_resolve) else { return false };
        let resolved: Option<Resolved> = self.journal().load(&resolved_key(target, &self.alert.summary())).await;
        resolved.is_some_and(|resolved| resolved.at >= fired_at)
    }

    /// The same notification, when it was delivered before.
    async fn earlier_delivery(&self) -> Option<AlertRecord> {
        if !self.alert.can_be_recognised() {
            return None;
        }
        self.journal().load(&alert_key(&self.key)).await
    }

    /// Whether an earlier delivery has led to a capture for every target, so that nothing is left to be done but to say so.
    async fn repeats(&self, earlier: &AlertRecord) -> bool {
        let now = self.app.host.now();
        let mut outcomes = Vec::new();
        for target in &self.alert.targets {
            let memory = self.memory_of(target).await;
            let Some(repeated) = earlier.repeated(target, &memory, now) else { return false };
            outcomes.push(repeated.for_target(target));
        }
        let mut progress = self.progress();
        progress.outcomes = outcomes;
        progress.remembered = true;
        true
    }

    /// Writes the alert's record as it stands.
    async fn remember(&self) {
        let (outcomes, finished) = {
            let progress = self.progress();
            (progress.outcomes.clone(), progress.finished)
        };
        let record = AlertRecord {
            key: self.key.clone(),
            alert: self.alert.summary(),
            received_at: self.received_at,
            finished,
            outcomes,
            notification: (!finished).then(|| self.alert.clone()),
        };
        let saved = self.journal().save_alert(&record).await;
        self.progress().remembered = saved;
    }

    async fn memory_of(&self, target: &Target) -> TargetMemory {
        self.journal().load(&target_key(target)).await.unwrap_or_default()
    }

    fn on_capture(&self) -> OnCapture {
        OnCapture { alert: self.alert.summary(), at: self.alert.fired_at.unwrap_or(self.received_at) }
    }

    fn capture_ref(&self, place: &Place, name: &str, storage_path: Option<String>) -> CaptureRef {
        CaptureRef::new(&self.settings.public_url, &place.subscription, &place.region, name, storage_path)
    }

    fn azure<'a>(&'a self, target: &'a Target) -> Azure<'a, H> {
        Azure {
            log: Log { host: &self.app.host, alert: &self.key, client_request_id: &self.client_request_id },
            config: &self.settings.azure,
            tokens: &self.app.tokens,
            target,
            deadline: self.app.host.monotonic().saturating_add(TRY_FOR),
        }
    }

    fn journal(&self) -> Journal<'_, H> {
        Journal { host: &self.app.host, alert: &self.key, client_request_id: &self.client_request_id }
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
        for (outcome, target) in self.progress().outcomes.iter_mut().zip(&self.alert.targets) {
            if outcome.outcome == Kind::Accepted {
                *outcome = Outcome::too_late().for_target(target);
            }
        }
    }

    fn handled(&self) -> Handled {
        let progress = self.progress();
        Handled {
            key: self.key.clone(),
            alert: self.alert.summary(),
            outcomes: progress.outcomes.clone(),
            remembered: progress.remembered,
        }
    }
}
