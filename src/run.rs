//! Read this first: the whole way of an alert, from the door to a running capture.
//!
//! alert → plan → sequence → record, for each target beside the others. The work runs as a task of its own, so that the
//! caller can be answered in time while it goes on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{Either, join, join_all, select};

use crate::alert::target::Target;
use crate::alert::{Alert, Summary};
use crate::app::App;
use crate::azure::Azure;
use crate::azure::packet_capture::PacketCapture;
use crate::failure::Failure;
use crate::host::Host;
use crate::journal::Journal;
use crate::locate::{Place, locate};
use crate::outcome::{CaptureRef, Kind, Outcome};
use crate::plan::{Plan, Start, nothing_to_do, plan};
use crate::record::{self, AlertRecord, CaptureRecord, Phase, TargetMemory};
use crate::sequence::{self, End};
use crate::settings::Settings;
use crate::timestamp::Timestamp;
use crate::watch::{Accepted, Beginning, beginning};

/// How long nightcap keeps trying to start a capture. Azure's requests to wait are seldom longer than a minute, and
/// evidence that is minutes old is seldom worth more.
const TRY_FOR: Duration = Duration::from_secs(120);

/// How long a creation is followed after Azure has accepted it. It takes 30 seconds at most when all is well.
const FOLLOW_FOR: Duration = Duration::from_secs(600);

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
    app.host.spawn(Box::pin(async move { task.work(done).await })).await;

    let patience = std::pin::pin!(app.host.sleep(settings.answer_within));
    if let Either::Left((Ok(handled), _)) = select(outcomes, patience).await {
        return handled;
    }
    run.journal().note_early_answer();
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
    progress: Mutex<Progress>,
}

/// What is known of an alert so far.
struct Progress {
    outcomes: Vec<Outcome>,
    remembered: bool,
}

/// A capture that was started for the target with this number.
struct Started {
    index: usize,
    accepted: Accepted,
    record: CaptureRecord,
    memory: TargetMemory,
}

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
            client_request_id: uuid::Builder::from_random_bytes(app.host.random()).into_uuid().to_string(),
            received_at: app.host.now(),
            progress: Mutex::new(Progress { outcomes, remembered: false }),
            app,
            settings,
            alert,
        }
    }

    /// The way itself. `done` is told as soon as the outcomes are known and remembered; what becomes of the captures is
    /// seen to after that.
    async fn work(&self, done: oneshot::Sender<Handled>) {
        let began = self.app.host.monotonic();
        let mut started = Vec::new();
        if self.is_open() {
            let earlier = self.earlier_delivery().await;
            ((), started) = join(self.remember(), self.work_on_targets(earlier.as_ref())).await;
            join_all(started.iter().map(|started| self.remember_capture(&started.record, &started.memory))).await;
        }
        self.remember().await;
        let took = self.app.host.monotonic().saturating_sub(began);
        self.progress().outcomes.iter().for_each(|outcome| self.journal().note_outcome(outcome, took));
        // Whoever waited may have gone; the work is done all the same.
        let _ = done.send(self.handled());
        if !started.is_empty() {
            join_all(started.into_iter().map(|started| self.follow(started))).await;
            self.remember().await;
        }
    }

    async fn work_on_targets(&self, earlier: Option<&AlertRecord>) -> Vec<Started> {
        let targets: Vec<(usize, &Target)> = self.alert.targets.iter().enumerate().collect();
        let mut started = Vec::new();
        for some in targets.chunks(MOST_TARGETS_AT_ONCE) {
            let work = some.iter().map(|(index, target)| async move {
                let (outcome, started) = self.work_on(*index, target, earlier).await;
                self.set_outcome(*index, outcome.for_target(target));
                started
            });
            started.extend(join_all(work).await.into_iter().flatten());
        }
        started
    }

    async fn work_on(
        &self,
        index: usize,
        target: &Target,
        earlier: Option<&AlertRecord>,
    ) -> (Outcome, Option<Started>) {
        let memory: TargetMemory = self.journal().load(&record::target_key(target)).await.unwrap_or_default();
        let now = self.app.host.now();
        if let Some(repeated) = earlier.and_then(|earlier| earlier.repeated(target, &memory, now)) {
            return (repeated, None);
        }
        let start = match plan(&self.alert, target, &self.settings, &memory, now) {
            Plan::Start(start) => start,
            skip @ Plan::Skip { .. } => return (Outcome::skipped(skip), None),
        };
        match self.start(index, &start, &memory).await {
            Ok(ended) => ended,
            Err(failure) => {
                // What was remembered of the machine may be why.
                self.journal().save(&record::target_key(target), &TargetMemory { machine: None, ..memory }).await;
                (Outcome::failed(target, failure), None)
            }
        }
    }

    async fn start(
        &self,
        index: usize,
        start: &Start,
        memory: &TargetMemory,
    ) -> Result<(Outcome, Option<Started>), Failure> {
        let target = start.target.id().to_string();
        let azure = self.azure(&target, TRY_FOR);
        let place = locate(&azure, start, self.alert.region.as_ref(), memory.machine.as_ref()).await?;
        let storage = start.storage.as_ref().or_else(|| self.settings.storage.in_region(&place.region));
        let storage = storage.ok_or_else(|| Failure::no_storage_account(&place.region))?;
        match sequence::run(&azure, start, &place, storage).await? {
            End::Started { capture, creation, clock } => {
                let now = self.app.host.now();
                let mut record = CaptureRecord::new(start, &place, &capture, self.alert.summary());
                record.note(now, "create", "Azure accepted the capture and is beginning it.");
                let memory = TargetMemory::new(start, &place, now);
                let outcome = Outcome { capture: Some(self.capture_ref(&place, &capture)), ..Outcome::started(start) };
                let accepted = Accepted { place, creation, clock };
                Ok((outcome, Some(Started { index, accepted, record, memory })))
            }
            End::Joined { capture } => {
                let mut found = CaptureRecord::new(start, &place, &capture, self.alert.summary());
                found.phase = Phase::Running;
                found.note(
                    self.app.host.now(),
                    "found",
                    "It was found running; nothing is known here of its beginning.",
                );
                Ok((self.join(&place, &capture, found).await, None))
            }
            End::WouldSend(requests) => Ok((Outcome::dry_run(requests), None)),
        }
    }

    /// Adds alerts to the record of a capture that runs. Where there is none, because its maker died or has another store,
    /// the capture gets the one for a capture that was found.
    async fn join(&self, place: &Place, capture: &PacketCapture, found: CaptureRecord) -> Outcome {
        let mut record = self.journal().load(&found.key()).await.unwrap_or_else(|| found.clone());
        found.alerts.iter().for_each(|alert| record.add_alert(alert.clone()));
        self.journal().save(&found.key(), &record).await;
        Outcome { capture: Some(self.capture_ref(place, capture)), ..Outcome::joined() }
    }

    /// Sees what becomes of a capture that Azure has accepted.
    async fn follow(&self, started: Started) {
        let Started { index, accepted, mut record, mut memory } = started;
        let target = record.target.clone();
        let target_id = target.id().to_string();
        let azure = self.azure(&target_id, FOLLOW_FOR);
        match beginning(&azure, &self.journal(), &accepted, &mut record).await {
            Beginning::Begun => {}
            Beginning::Superseded(earlier) => {
                // Whoever joined this capture is taken along.
                let joined: Option<CaptureRecord> = self.journal().load(&record.key()).await;
                let joined = joined.unwrap_or_else(|| record.clone());
                let found = CaptureRecord { name: earlier.name.clone(), phase: Phase::Running, ..joined };
                let outcome = self.join(&accepted.place, &earlier, found).await;
                self.set_outcome(index, outcome.for_target(&target));
            }
            Beginning::Failed(failure) => {
                // A capture that never began takes no rest.
                memory = TargetMemory::default();
                self.set_outcome(index, Outcome::failed(&target, failure).for_target(&target));
            }
        }
        self.remember_capture(&record, &memory).await;
    }

    /// The same notification, when it was delivered before.
    async fn earlier_delivery(&self) -> Option<AlertRecord> {
        if !self.alert.can_be_recognised() {
            return None;
        }
        self.journal().load(&record::alert_key(&self.key)).await
    }

    /// Writes the alert's record as it stands.
    async fn remember(&self) {
        let record = AlertRecord {
            key: self.key.clone(),
            alert: self.alert.summary(),
            received_at: self.received_at,
            finished: !self.is_open(),
            outcomes: self.progress().outcomes.clone(),
        };
        let saved = self.journal().save(&record::alert_key(&self.key), &record).await;
        self.progress().remembered = saved;
    }

    /// Writes what is known of a capture, without losing the alerts that joined it meanwhile.
    async fn remember_capture(&self, record: &CaptureRecord, memory: &TargetMemory) {
        let key = record.key();
        let target = record::target_key(&record.target);
        let merge = async {
            let mut merged = record.clone();
            let stored: Option<CaptureRecord> = self.journal().load(&key).await;
            stored.into_iter().flat_map(|stored| stored.alerts).for_each(|alert| merged.add_alert(alert));
            self.journal().save(&key, &merged).await
        };
        join(merge, self.journal().save(&target, memory)).await;
    }

    fn capture_ref(&self, place: &Place, capture: &PacketCapture) -> CaptureRef {
        let storage_path = capture.storage_path.clone();
        CaptureRef::new(&self.settings.public_url, &place.subscription, &place.region, &capture.name, storage_path)
    }

    fn azure<'a>(&'a self, target: &'a str, time: Duration) -> Azure<'a, H> {
        Azure {
            host: &self.app.host,
            settings: &self.settings,
            tokens: &self.app.tokens,
            alert: &self.key,
            target,
            client_request_id: &self.client_request_id,
            deadline: self.app.host.monotonic().saturating_add(time),
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

    fn set_outcome(&self, index: usize, outcome: Outcome) {
        if let Some(place) = self.progress().outcomes.get_mut(index) {
            *place = outcome;
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
