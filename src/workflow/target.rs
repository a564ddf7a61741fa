//! One target of an alert: plan, locate, start or join.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, join, ready, select};

use crate::alert::Alert;
use crate::azure::client::Azure;
use crate::azure::cloud::Audience;
use crate::azure::resource_id::ResourceId;
use crate::azure::target::Target;
use crate::capture::locate::{Place, locate};
use crate::capture::start::{Started, start};
use crate::capture::strangers::running_beside;
use crate::context::Context;
use crate::host::Host;
use crate::plan::{Plan, Start, plan, rules_tried};
use crate::records::alert::{AlertRecord, OnCapture, Resolved};
use crate::records::capture::CaptureRecord;
use crate::records::failure::Failure;
use crate::records::keys::{resolved_key, target_key};
use crate::records::outcome::{CaptureRef, Outcome};
use crate::records::reason::Reason;
use crate::records::target::TargetMemory;
use crate::timestamp::Timestamp;
use crate::workflow::agent;
use crate::workflow::patience::Patience;

/// How long nightcap keeps trying to start a capture. Azure's requests to wait are seldom longer than a minute, and
/// evidence that is minutes old is seldom worth more.
const TRY_FOR: Duration = Duration::from_secs(120);

/// How old an alert may be while the agent is installed for it. In a recording of Azure that took 38 seconds, a slow machine takes
/// some minutes, and what had fired is seldom still to be seen after ten.
const WORTH_INSTALLING: Duration = Duration::from_mins(10);

/// The pauses between looks at an agent that is being installed.
const AGENT_PAUSES: [Duration; 12] = [Duration::from_secs(5); 12];
const LONGEST_AGENT_PAUSE: Duration = Duration::from_secs(15);

/// How this instance came to work on the alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Received,
    /// Another host has worked on it before and left it.
    LeftBehind,
}

/// An alert's work for one target.
pub struct ForTarget<'a, H> {
    pub context: &'a Context<H>,
    pub alert: &'a Alert,
    /// The alert as captures list it.
    pub on: OnCapture,
    pub origin: Origin,
    pub target: &'a Target,
    /// What there is to say of the agent, where it was installed first.
    pub agent: Option<String>,
}

/// What is remembered of a machine.
async fn memory_of<H: Host>(context: &Context<H>, target: &Target) -> TargetMemory {
    context.records().load(&target_key(target)).await.unwrap_or_default()
}

impl<H: Host> ForTarget<'_, H> {
    /// How the alert ends for the target, and the record of a capture that has to be watched from here. `earlier` is what an
    /// earlier delivery has left; it is read while Azure is asked.
    pub async fn work(
        &self,
        earlier: impl Future<Output = Option<Arc<AlertRecord>>>,
    ) -> (Outcome, Option<CaptureRecord>) {
        let azure = self.context.azure(self.target, TRY_FOR);
        let (outcome, record) = self.carry_out(&azure, earlier).await;
        azure.share_token(Audience::Arm).await;
        (self.explained(outcome), record)
    }

    /// With dry run, whoever tries rules out is told what they came to.
    fn explained(&self, outcome: Outcome) -> Outcome {
        let settings = &self.context.settings;
        if settings.dry_run {
            outcome.explained(rules_tried(self.alert, self.target, &settings.policy))
        } else {
            outcome
        }
    }

    async fn carry_out(
        &self,
        azure: &Azure<'_, H>,
        earlier: impl Future<Output = Option<Arc<AlertRecord>>>,
    ) -> (Outcome, Option<CaptureRecord>) {
        let token = pin!(async {
            // What the settings skip needs none.
            if let Plan::Start(_) = self.plan(None) {
                let _ = azure.token(Audience::Arm).await;
            }
        });
        // Where a token has to be fetched, the store is read meanwhile.
        let (memory, token) = match select(token, pin!(memory_of(self.context, self.target))).await {
            Either::Left(((), memory)) => (memory.await, None),
            Either::Right((memory, token)) => (memory, Some(token)),
        };
        let ended_before = self.ended_before(earlier, &memory);
        let plan = match self.plan(memory.captured_until) {
            Plan::Start(plan) => plan,
            Plan::Skip { reason, message } => {
                return (ended_before.await.unwrap_or_else(|| Outcome::skipped(reason, message)), None);
            }
        };
        let located = async {
            if let Some(token) = token {
                token.await;
            }
            locate(azure, &plan, self.alert.region.as_ref(), &memory, self.installs_agent()).await
        };
        let located = match select(pin!(located), pin!(ended_before)).await {
            Either::Left((located, ended_before)) => match ended_before.await {
                Some(outcome) => return (outcome, None),
                None => located,
            },
            Either::Right((Some(outcome), _)) => return (outcome, None),
            Either::Right((None, located)) => located.await,
        };
        let started = match located {
            Ok(place) => self.start(azure, &plan, &place).await,
            Err(failure) => Err(failure),
        };
        match started {
            Ok((outcome, record)) => (outcome.complaining(&plan.complaints), record),
            Err(failure) => {
                // What was remembered of the machine may be why. Another alert may have started a capture meanwhile.
                let at = Some(self.context.host().now());
                let memory = memory_of(self.context, self.target).await;
                let memory = TargetMemory { machine: None, watcher: None, at, ..memory };
                self.context.records().save(&target_key(self.target), &memory).await;
                (self.unable(failure).await.complaining(&plan.complaints), None)
            }
        }
    }

    /// Goes on with an alert that somebody has left, for as long as a capture is worth it. What it starts is found by its record.
    pub async fn carry_on(&self, awaits_agent: bool, patience: Patience) -> Outcome {
        if !awaits_agent || !self.installs_agent() || self.context.settings.dry_run {
            let (outcome, _) = self.work(ready(None)).await;
            if !outcome.awaits_agent() {
                return outcome;
            }
        }
        let host = self.context.host();
        let age = host.now().since(self.context.began_at).unwrap_or_default();
        let give_up_at = host.monotonic().saturating_add(WORTH_INSTALLING.saturating_sub(age));
        let mut pauses = AGENT_PAUSES.into_iter();
        loop {
            match agent::step(self.context, self.target, host.monotonic() < give_up_at).await {
                agent::Step::Ready(took) => {
                    let (outcome, _) = self.after_installation(took).work(ready(None)).await;
                    // Azure may say that it is there, and that it is not.
                    if !outcome.awaits_agent() {
                        return outcome;
                    }
                }
                agent::Step::UnderWay => {}
                agent::Step::Failed(failure) => return self.failed(failure),
            }
            let pause = pauses.next().unwrap_or(LONGEST_AGENT_PAUSE);
            if host.monotonic().saturating_add(pause) > give_up_at {
                return self.failed(Failure::agent_takes_too_long(self.target, WORTH_INSTALLING.as_secs() / 60));
            }
            if patience == Patience::Brief {
                return Outcome::installing_agent(&self.target.name());
            }
            host.sleep(pause).await;
        }
    }

    /// The same work once the agent is there.
    fn after_installation(&self, took: Option<Duration>) -> Self {
        let Self { context, alert, ref on, origin, target, agent: _ } = *self;
        let sentence = |took: Duration| {
            let seconds = took.as_secs();
            format!("The Network Watcher agent had to be installed first, which took {seconds} seconds.")
        };
        Self { context, alert, on: on.clone(), origin, target, agent: took.map(sentence) }
    }

    fn installs_agent(&self) -> bool {
        self.context.settings.install_agent
    }

    /// What could not be done. Where only the agent is missing it may be installed.
    async fn unable(&self, failure: Failure) -> Outcome {
        if failure.reason != Reason::AgentMissing || !self.installs_agent() {
            return self.failed(failure);
        }
        if !self.context.settings.dry_run {
            return Outcome::installing_agent(&self.target.name());
        }
        match agent::would_install(self.context, self.target).await {
            Some(request) => Outcome::would_install_agent(&self.target.name(), request),
            None => self.failed(failure),
        }
    }

    /// A program that calls directly means the machine that it names, be it the one of the portal's sample.
    fn failed(&self, failure: Failure) -> Outcome {
        match self.alert.direct {
            Some(_) => Outcome::of_failure(failure),
            None => Outcome::failed(self.target, failure),
        }
    }

    fn plan(&self, captured_until: Option<Timestamp>) -> Plan {
        let now = self.context.host().now();
        plan(self.alert, self.target, &self.context.settings.policy, captured_until, now)
    }

    /// How the alert ended before it was worked on here: an earlier delivery of it has led to a capture, or its end was received
    /// before its beginning.
    async fn ended_before(
        &self,
        earlier: impl Future<Output = Option<Arc<AlertRecord>>>,
        memory: &TargetMemory,
    ) -> Option<Outcome> {
        let (earlier, is_over) = join(earlier, self.is_over_already()).await;
        let now = self.context.host().now();
        let repeated = earlier.and_then(|earlier| earlier.repeated(self.target, memory, now));
        repeated.or_else(|| is_over.then(Outcome::already_resolved))
    }

    /// How the alert would end for the target. Nothing is written down, and the context changes nothing in Azure.
    pub async fn preview(&self, earlier: impl Future<Output = Option<Arc<AlertRecord>>>) -> Outcome {
        let memory = memory_of(self.context, self.target).await;
        if let Some(outcome) = self.ended_before(earlier, &memory).await {
            return self.explained(outcome);
        }
        let outcome = match self.plan(memory.captured_until) {
            Plan::Skip { reason, message } => Outcome::skipped(reason, message),
            Plan::Start(plan) => {
                let would_start = self.would_start(&plan, &memory).await;
                let outcome = match would_start {
                    Ok(outcome) => outcome,
                    Err(failure) => self.unable(failure).await,
                };
                outcome.complaining(&plan.complaints)
            }
        };
        self.explained(outcome)
    }

    async fn would_start(&self, plan: &Start, memory: &TargetMemory) -> Result<Outcome, Failure> {
        let azure = self.context.azure(self.target, TRY_FOR);
        let place = locate(&azure, plan, self.alert.region.as_ref(), memory, self.installs_agent()).await?;
        let storage = self.storage(plan, &place)?;
        Ok(match start(self.context, &azure, &self.on, plan, &place, storage).await? {
            Started::WouldSend(would_send) => Outcome::preview(would_send),
            Started::Joined(record) | Started::Created(record) => {
                let reference = self.reference(&place, &record.name, record.storage_path);
                Outcome { capture: Some(reference), ..Outcome::would_join() }
            }
        })
    }

    async fn start(
        &self,
        azure: &Azure<'_, H>,
        plan: &Start,
        place: &Place,
    ) -> Result<(Outcome, Option<CaptureRecord>), Failure> {
        let storage = self.storage(plan, place)?;
        match start(self.context, azure, &self.on, plan, place, storage).await? {
            Started::Created(mut record) => {
                record.agent.clone_from(&self.agent);
                let name = record.name.clone();
                let strangers = running_beside(self.context, place, self.target, &name);
                let (strangers, ()) = join(strangers, self.remember_start(place, &mut record)).await;
                let started = self.started(plan, place, &record).beside(&strangers);
                Ok((started, Some(*record)))
            }
            Started::Joined(found) => Ok(self.join(plan, place, *found).await),
            Started::WouldSend(would_send) => Ok((Outcome::dry_run(would_send), None)),
        }
    }

    /// Where the file goes; `None` when it stays on the machine.
    fn storage<'p>(&'p self, plan: &'p Start, place: &Place) -> Result<Option<&'p ResourceId>, Failure> {
        if plan.parameters.file.only_on_machine {
            return Ok(None);
        }
        let storage = plan.storage.as_ref().or_else(|| self.context.settings.storage.in_region(&place.region));
        storage.map(Some).ok_or_else(|| Failure::no_storage_account(&place.region))
    }

    async fn remember_start(&self, place: &Place, record: &mut CaptureRecord) {
        let captured_until = Some(self.context.host().now().after(record.time_limit()));
        let machine = place.machine.clone();
        let at = Some(self.context.host().now());
        let watcher = Some(place.watcher.clone());
        let memory = TargetMemory { machine, watcher, captured_until, capture: Some(record.key()), agent: None, at };
        let (key, records) = (target_key(self.target), self.context.records());
        join(records.save_capture(record), records.save(&key, &memory)).await;
    }

    fn started(&self, plan: &Start, place: &Place, record: &CaptureRecord) -> Outcome {
        let reference = self.reference(place, &record.name, record.storage_path.clone());
        let outcome = Outcome::started(&self.target.name(), plan.parameters.capture_seconds);
        let outcome = match &self.agent {
            Some(sentence) => outcome.after_installation(sentence),
            None => outcome,
        };
        Outcome { capture: Some(reference), ..outcome }
    }

    /// Adds the alert to a capture that runs. Where there is no record of it, because its maker died or has another
    /// store, it gets one, and is watched from here.
    async fn join(&self, plan: &Start, place: &Place, mut found: CaptureRecord) -> (Outcome, Option<CaptureRecord>) {
        let records = self.context.records();
        let known = records.capture(&place.subscription, &place.region, &found.name).await.unwrap_or_default();
        let is_it = |known: &CaptureRecord| known.is_same_capture(&found) && !known.is_finished();
        let Some(record) = known.filter(is_it) else {
            let on_key = found.on_key(&self.on.alert);
            join(records.save_capture(&mut found), records.save(&on_key, &self.on)).await;
            return (self.joined(place, &found), Some(found));
        };
        let storage_path = found.storage_path.or(record.storage_path);
        let record = CaptureRecord { name: found.name, storage_path, ..record };
        records.add_alert(&record, &self.on).await;
        if self.origin == Origin::LeftBehind && record.requested_by == self.context.alert {
            return (self.started(plan, place, &record), Some(record));
        }
        // The capture may have given way to another one just now.
        let now: Option<CaptureRecord> = records.load(&record.key()).await;
        if let Some(name) = now.and_then(|now| now.superseded_by)
            && let Ok(Some(survivor)) = records.capture(&place.subscription, &place.region, &name).await
        {
            records.add_alert(&survivor, &self.on).await;
            return (self.joined(place, &survivor), None);
        }
        (self.joined(place, &record), None)
    }

    fn joined(&self, place: &Place, record: &CaptureRecord) -> Outcome {
        let reference = self.reference(place, &record.name, record.storage_path.clone());
        Outcome { capture: Some(reference), ..Outcome::joined() }
    }

    /// Whether the end of this alert was received before its beginning; Azure promises no order.
    async fn is_over_already(&self) -> bool {
        let Some(fired_at) = self.alert.fired_at.filter(|_| self.context.settings.stop_on_resolve) else {
            return false;
        };
        let key = resolved_key(self.target, &self.on.alert);
        let resolved: Option<Resolved> = self.context.records().load(&key).await;
        resolved.is_some_and(|resolved| resolved.at >= fired_at)
    }

    fn reference(&self, place: &Place, name: &str, storage_path: Option<String>) -> CaptureRef {
        CaptureRef::new(
            &self.context.settings.notify.public_url,
            &place.subscription,
            &place.region,
            name,
            storage_path,
        )
    }
}
