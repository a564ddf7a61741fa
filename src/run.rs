//! Read this first: the whole way of an alert, from the door to a running capture.
//!
//! alert → plan → sequence → record, for each target beside the others. The work runs as a task of its own, so that the
//! caller can be answered in time while it goes on.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{Either, join, join_all, select};
use jiff::{SignedDuration, Timestamp};

use crate::alert::target::Target;
use crate::alert::{Alert, Summary};
use crate::app::App;
use crate::azure::{Azure, operation};
use crate::azure::error::Step;
use crate::failure::Failure;
use crate::host::Host;
use crate::locate::{Place, locate};
use crate::log::{self, Event};
use crate::outcome::{CaptureRef, Kind, Outcome};
use crate::plan::{Plan, Start, nothing_to_do, plan};
use crate::record::{self, AlertRecord, CaptureRecord, Phase, TargetMemory};
use crate::sequence::{self, End};
use crate::settings::Settings;

/// How long nightcap keeps trying to start a capture. Azure's requests to wait are seldom longer than a minute, and
/// evidence that is minutes old is seldom worth more.
const TRY_FOR: Duration = Duration::from_secs(120);

/// How long a creation is followed after it was asked for. Azure takes 30 seconds at most when all is well.
const FOLLOW_FOR: Duration = Duration::from_secs(600);

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
    run.log_received();
    let (done, outcomes) = oneshot::channel();
    let task = run.clone();
    app.host.spawn(Box::pin(async move { task.work(done).await }));

    let patience = std::pin::pin!(app.host.sleep(settings.answer_within));
    match select(outcomes, patience).await {
        Either::Left((Ok(()), _)) => {}
        Either::Left((Err(oneshot::Canceled), _)) | Either::Right(_) => run.log_patience_over(),
    }
    run.handled()
}

/// One alert on its way.
struct Run<H> {
    app: Arc<App<H>>,
    settings: Arc<Settings>,
    alert: Alert,
    key: String,
    client_request_id: String,
    received_at: Timestamp,
    began: Duration,
    progress: Mutex<Progress>,
}

/// What is known of an alert so far.
struct Progress {
    outcomes: Vec<Outcome>,
    remembered: bool,
}

/// A capture that was asked for, and how to see what becomes of it.
struct Started {
    index: usize,
    record: CaptureRecord,
    memory: TargetMemory,
    creation: Option<http::Response<bytes::Bytes>>,
}

impl<H: Host> Run<H> {
    fn new(app: Arc<App<H>>, settings: Arc<Settings>, alert: Alert) -> Self {
        let accepted = |target: &Target| accepted().for_target(target);
        let outcomes = match nothing_to_do(&alert) {
            Some(plan) => every_target(&alert, &skipped(plan)),
            None => alert.targets.iter().map(accepted).collect(),
        };
        Self {
            key: alert.key(),
            client_request_id: uuid::Builder::from_random_bytes(app.host.random()).into_uuid().to_string(),
            received_at: app.host.now(),
            began: app.host.monotonic(),
            progress: Mutex::new(Progress { outcomes, remembered: false }),
            app,
            settings,
            alert,
        }
    }

    /// The way itself. `done` is told as soon as the outcomes are known and remembered; what becomes of the captures is
    /// seen to after that.
    async fn work(&self, done: oneshot::Sender<()>) {
        let mut started = Vec::new();
        if self.is_open() {
            let earlier = self.earlier_record().await;
            ((), started) = join(self.remember(), self.work_on_targets(earlier)).await;
            self.remember_captures(&started).await;
        }
        self.remember().await;
        self.log_outcomes();
        // Whoever waited may have gone; the work is done all the same.
        let _ = done.send(());
        if !started.is_empty() {
            join_all(started.into_iter().map(|started| self.follow(started))).await;
            self.remember().await;
        }
    }

    fn is_open(&self) -> bool {
        self.progress().outcomes.iter().any(|outcome| outcome.outcome == Kind::Accepted)
    }

    /// What became of the same notification when it was delivered before.
    async fn earlier_record(&self) -> Option<AlertRecord> {
        if !self.alert.can_be_recognised() {
            return None;
        }
        self.load(&record::alert_key(&self.key)).await
    }

    async fn work_on_targets(&self, earlier: Option<AlertRecord>) -> Vec<Started> {
        let earlier = earlier.as_ref();
        let work = self.alert.targets.iter().enumerate().map(|(index, target)| async move {
            let (outcome, started) = self.work_on(index, target, earlier).await;
            if let Some(place) = self.progress().outcomes.get_mut(index) {
                *place = outcome.for_target(target);
            }
            started
        });
        join_all(work).await.into_iter().flatten().collect()
    }

    async fn work_on(&self, index: usize, target: &Target, earlier: Option<&AlertRecord>) -> (Outcome, Option<Started>) {
        let memory: TargetMemory = self.load(&record::target_key(target)).await.unwrap_or_default();
        let now = self.app.host.now();
        if let Some(repeated) = earlier.and_then(|earlier| repeated(earlier, target, &memory, now)) {
            return (repeated, None);
        }
        match plan(&self.alert, target, &self.settings, Some(&memory), now) {
            Plan::Start(start) => match self.start(index, &start, memory.clone()).await {
                Ok(ended) => ended,
                Err(failure) => {
                    self.forget_machine(target, memory).await;
                    (failed(target, failure), None)
                }
            },
            skip => (skipped(skip), None),
        }
    }

    async fn start(&self, index: usize, start: &Start, memory: TargetMemory) -> Result<(Outcome, Option<Started>), Failure> {
        let azure = self.azure(TRY_FOR);
        let place = locate(&azure, start, self.alert.region.as_ref(), memory.machine.as_ref()).await?;
        let storage = start.storage.as_ref().or_else(|| self.settings.storage.in_region(&place.region));
        let storage = storage.ok_or_else(|| Failure::no_storage_account(&place.region))?;
        let end = sequence::run(&azure, start, &place, storage).await?;
        Ok(match end {
            End::Started { capture, creation } => {
                let outcome = self.started(start, &place, &capture.name, capture.properties.storage_location.storage_path);
                let (record, memory) = self.new_records(start, &place, outcome.capture.as_ref());
                (outcome, Some(Started { index, record, memory, creation }))
            }
            End::Joined { capture } => {
                let outcome = self.joined(&place, &capture.name, capture.properties.storage_location.storage_path);
                self.remember_joined(&place, &capture.name).await;
                (outcome, None)
            }
            End::WouldSend(requests) => (
                Outcome { requests, ..Outcome::new(Kind::Skipped, "dry_run", "The setting dry_run is on: these requests would have been sent, and nothing was changed.") },
                None,
            ),
        })
    }

    fn started(&self, start: &Start, place: &Place, name: &str, storage_path: Option<String>) -> Outcome {
        let mut message = format!(
            "A packet capture of at most {} seconds was started on {}.",
            start.parameters.capture_seconds,
            start.target.name()
        );
        for complaint in &start.complaints {
            message.push(' ');
            message.push_str(complaint);
        }
        Outcome { capture: Some(self.capture_ref(place, name, storage_path)), ..Outcome::new(Kind::Started, "started", message) }
    }

    fn joined(&self, place: &Place, name: &str, storage_path: Option<String>) -> Outcome {
        let message = "A capture on this machine already runs; the alert was added to it.";
        Outcome { capture: Some(self.capture_ref(place, name, storage_path)), ..Outcome::new(Kind::Joined, "already_running", message) }
    }

    fn capture_ref(&self, place: &Place, name: &str, storage_path: Option<String>) -> CaptureRef {
        let storage_path = storage_path.filter(|path| !path.is_empty());
        CaptureRef::new(&self.settings.public_url, &place.subscription, &place.region, name, storage_path)
    }

    fn new_records(&self, start: &Start, place: &Place, capture: Option<&CaptureRef>) -> (CaptureRecord, TargetMemory) {
        let now = self.app.host.now();
        let mut record = CaptureRecord {
            subscription: place.subscription.clone(),
            region: place.region.clone(),
            name: capture.map(|capture| capture.name.clone()).unwrap_or_default(),
            target: start.target.clone(),
            watcher: place.watcher.clone(),
            parameters: start.parameters.clone(),
            storage_path: capture.and_then(|capture| capture.storage_path.clone()),
            phase: Phase::Creating,
            alerts: vec![self.alert.summary()],
            steps: vec![],
        };
        record.note(now, Step::Create.name(), "Azure accepted the capture and is beginning it.");
        let limit = SignedDuration::from_secs(i64::from(start.parameters.capture_seconds));
        let memory = TargetMemory { machine: place.machine.clone(), captured_until: now.checked_add(limit).ok() };
        (record, memory)
    }

    /// Sees whether a capture that Azure accepted really began.
    async fn follow(&self, mut started: Started) {
        let azure = self.azure(FOLLOW_FOR);
        let Some(creation) = &started.creation else { return };
        let record = &mut started.record;
        match operation::wait(&azure, Step::Create, creation).await {
            Ok(()) => {
                record.phase = Phase::Running;
                record.note(self.app.host.now(), "running", "Azure says that the capture has begun.");
                self.log_capture("running", record, None);
            }
            Err(error) if error.is_transient() || error.leaves_doubt() => {
                record.note(self.app.host.now(), "lost_sight", "Azure did not say whether the capture has begun.");
                self.log_capture("lost_sight", record, None);
            }
            Err(error) => {
                let failure = Failure::from_azure(&error, &record.target, Some(&record.watcher));
                record.phase = Phase::Failed;
                record.note(self.app.host.now(), "failed", failure.message.clone());
                self.log_capture("failed", record, Some(failure.reason));
                // A capture that never began takes no rest, and what was remembered of the machine may be why.
                started.memory = TargetMemory::default();
                if let Some(place) = self.progress().outcomes.get_mut(started.index) {
                    *place = Outcome { target: place.target.clone(), capture: place.capture.clone(), ..failure.into_outcome() };
                }
            }
        }
        self.remember_captures(std::slice::from_ref(&started)).await;
    }

    fn azure(&self, time: Duration) -> Azure<'_, H> {
        Azure {
            host: &self.app.host,
            settings: &self.settings,
            tokens: &self.app.tokens,
            alert: &self.key,
            client_request_id: self.client_request_id.clone(),
            deadline: self.app.host.monotonic().saturating_add(time),
        }
    }

    /// Writes the alert's record as it stands.
    async fn remember(&self) {
        let outcomes = self.progress().outcomes.clone();
        let record = AlertRecord {
            key: self.key.clone(),
            alert: self.alert.summary(),
            received_at: self.received_at,
            finished: !self.is_open(),
            outcomes,
        };
        let saved = self.save(&record::alert_key(&self.key), &record).await;
        self.progress().remembered = saved;
    }

    async fn remember_captures(&self, started: &[Started]) {
        join_all(started.iter().map(|Started { record, memory, .. }| async move {
            let key = record::capture_key(&record.subscription, &record.region, &record.name);
            let target = record::target_key(&record.target);
            join(self.save(&key, record), self.save(&target, memory)).await
        }))
        .await;
    }

    async fn remember_joined(&self, place: &Place, name: &str) {
        let key = record::capture_key(&place.subscription, &place.region, name);
        if let Some(mut record) = self.load::<CaptureRecord>(&key).await {
            record.add_alert(self.alert.summary());
            self.save(&key, &record).await;
        }
    }

    /// After a failure nothing is taken for granted that was remembered of the machine.
    async fn forget_machine(&self, target: &Target, memory: TargetMemory) {
        if memory.machine.is_some() {
            self.save(&record::target_key(target), &TargetMemory { machine: None, ..memory }).await;
        }
    }

    /// What the store holds; a store that fails is like an empty one, for a capture must not wait for it.
    async fn load<T: serde::de::DeserializeOwned>(&self, key: &str) -> Option<T> {
        record::load(&self.app.host, key).await.unwrap_or_else(|error| {
            self.log_store("store_read_failed", &error.0);
            None
        })
    }

    async fn save<T: serde::Serialize + Sync>(&self, key: &str, value: &T) -> bool {
        match record::save(&self.app.host, key, value).await {
            Ok(()) => true,
            Err(error) => {
                self.log_store("store_write_failed", &error.0);
                false
            }
        }
    }

    fn progress(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handled(&self) -> Handled {
        let progress = self.progress();
        Handled { key: self.key.clone(), alert: self.alert.summary(), outcomes: progress.outcomes.clone(), remembered: progress.remembered }
    }
}

/// The logging of one alert.
impl<H: Host> Run<H> {
    fn event(&self, event: &'static str, level: &'static str) -> Event<'_> {
        Event { event, level, alert: &self.key, client_request_id: Some(&self.client_request_id), ..Event::default() }
    }

    fn log_received(&self) {
        log::write(&self.app.host, &self.event("alert_received", "info"));
    }

    fn log_patience_over(&self) {
        log::write(&self.app.host, &self.event("answering_before_the_end", "info"));
    }

    fn log_outcomes(&self) {
        let ms = u64::try_from(self.app.host.monotonic().saturating_sub(self.began).as_millis()).ok();
        for outcome in self.progress().outcomes.iter() {
            let level = if outcome.outcome == Kind::Failed { "error" } else { "info" };
            let event = Event {
                target: outcome.target.clone(),
                capture: outcome.capture.as_ref().map(|capture| capture.name.as_str()),
                outcome: Some(outcome.outcome.word()),
                reason: Some(&outcome.reason),
                ms,
                ..self.event("outcome", level)
            };
            log::write(&self.app.host, &event);
        }
    }

    fn log_capture(&self, event: &'static str, record: &CaptureRecord, reason: Option<&'static str>) {
        let event = Event {
            target: Some(record.target.id().to_string()),
            capture: Some(&record.name),
            step: Some(event),
            reason,
            ..self.event("capture", if reason.is_some() { "error" } else { "info" })
        };
        log::write(&self.app.host, &event);
    }

    fn log_store(&self, event: &'static str, detail: &str) {
        log::write(&self.app.host, &Event { detail: Some(detail), ..self.event(event, "warn") });
    }
}

fn accepted() -> Outcome {
    Outcome::new(Kind::Accepted, "working", "nightcap is at work on this; the record tells how it ends.")
}

fn skipped(plan: Plan) -> Outcome {
    match plan {
        Plan::Skip { reason, message } => Outcome::new(Kind::Skipped, reason, message),
        Plan::Start(_) => accepted(),
    }
}

/// The same outcome for every target, or one without a target when there is none.
fn every_target(alert: &Alert, outcome: &Outcome) -> Vec<Outcome> {
    if alert.targets.is_empty() {
        return vec![outcome.clone()];
    }
    alert.targets.iter().map(|target| outcome.clone().for_target(target)).collect()
}

/// The outcome of a notification that was delivered before and led to a capture. Anything else is worked on again.
fn repeated(earlier: &AlertRecord, target: &Target, memory: &TargetMemory, now: Timestamp) -> Option<Outcome> {
    let same = |outcome: &&Outcome| outcome.target.as_deref().and_then(Target::parse).as_ref() == Some(target);
    let outcome = earlier.outcomes.iter().find(same)?;
    if !matches!(outcome.outcome, Kind::Started | Kind::Joined) {
        return None;
    }
    let runs = memory.captured_until.is_some_and(|until| now < until);
    let repeated = if runs {
        Outcome::new(Kind::Joined, "same_alert", "This alert was delivered before; its capture still runs.")
    } else {
        Outcome::new(Kind::Skipped, "duplicate", "This alert was delivered before and has led to a capture.")
    };
    Some(Outcome { capture: outcome.capture.clone(), ..repeated })
}

/// The outcome of a failure. The portal's sample events name a machine that does not exist, and that is no failure.
fn failed(target: &Target, failure: Failure) -> Outcome {
    let sample = target.id().resource_group().eq_ignore_ascii_case("test-RG") && target.id().name().eq_ignore_ascii_case("test-VM");
    if sample && failure.reason == "machine_not_found" {
        return Outcome::new(
            Kind::Skipped,
            "test_notification",
            "This is a test notification: its machine, test-VM in test-RG, does not exist. It was received well, and nothing was captured.",
        );
    }
    failure.into_outcome()
}
