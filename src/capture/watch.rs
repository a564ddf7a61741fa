//! Watches a capture to its end: polls Azure when it is time to, and carries out what follows; see [`step`].
//!
//! Each step is written to the record before its work is done, so that any instance can go on from there.

use std::time::Duration;

use crate::azure::action::Action;
use crate::azure::client::Azure;
use crate::azure::error::AzureError;
use crate::azure::packet_capture::{Activity, CaptureResource, Poll, Status};
use crate::azure::{blob, operation};
use crate::capture::finish::finish;
use crate::capture::give_way::give_way;
use crate::capture::name::is_own;
use crate::capture::note::{note_capture, note_that_it_never_began, revise_outcome};
use crate::capture::report::{self, Reported};
use crate::capture::retain::retain;
use crate::capture::settle::settle;
use crate::capture::step::{self, Answer, Duty, LONGEST_PAUSE, Question, SLACK, STOPS_FOR_RIVAL, Situation};
use crate::context::Context;
use crate::host::Host;
use crate::records::alert::Resolved;
use crate::records::capture::{CaptureRecord, End, Phase};
use crate::records::failure::Failure;
use crate::records::keys::resolved_key;
use crate::records::outcome::Outcome;
use crate::records::report::KeptReport;
use crate::records::repository::AlertsOn;
use crate::timestamp::Timestamp;

/// How long one step may keep trying.
const STEP_TAKES: Duration = Duration::from_secs(45);

/// The longest that nobody looks whether others have written something.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Why somebody watches a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watcher {
    /// It stays to the end.
    Owner,
    /// It came by, and does what is due.
    Helper,
    /// The same, and something has happened that asks for a poll now.
    Nudged,
}

/// When a record has its next poll, how many it counts, and since when.
type PollPlan = (Option<Timestamp>, u32, Option<Timestamp>);

fn plan_of(record: &CaptureRecord) -> PollPlan {
    (record.poll_at, record.polls, record.polled_since)
}

/// Watches a capture, and the one that it gives way to. Returns at the end, or when it is not worth staying.
pub async fn watch<H: Host>(context: &Context<H>, record: CaptureRecord, watcher: Watcher) {
    let mut next = Some(record);
    while let Some(record) = next {
        // A helper leaves it to whoever watches in this instance already.
        let in_progress = context.instance.begin(&record.key());
        if in_progress.is_none() && watcher == Watcher::Helper {
            return;
        }
        let context = context.about(&record.requested_by);
        let stored_plan = plan_of(&record);
        let watch = Watch { context: &context, record, planned: None, stored_plan, survivor: None, unkept: None };
        next = watch.stay(watcher).await;
    }
}

struct Watch<'a, H> {
    context: &'a Context<H>,
    record: CaptureRecord,
    /// When the record has the next poll, and when that is on the monotonic clock.
    planned: Option<(Timestamp, Duration)>,
    /// What the record in the store says of that, as far as is known.
    stored_plan: PollPlan,
    /// The capture that this one has given way to, when nobody here watches that one yet.
    survivor: Option<CaptureRecord>,
    /// A report that the store has not taken. People are told first.
    unkept: Option<Box<KeptReport>>,
}

impl<H: Host> Watch<'_, H> {
    /// Takes one step after the other. Gives a record that is to be watched instead, if there is one.
    async fn stay(mut self, watcher: Watcher) -> Option<CaptureRecord> {
        let mut pause_is_due = watcher != Watcher::Nudged;
        self.read_what_others_wrote().await;
        while !self.record.is_finished() {
            let pause = if pause_is_due { self.pause() } else { Duration::ZERO };
            pause_is_due = true;
            if pause.is_zero() {
                self.step().await;
                if !self.record.is_finished() {
                    self.save().await;
                }
            } else if watcher == Watcher::Owner {
                self.context.host().sleep(pause.min(LOOK_AGAIN)).await;
                self.read_what_others_wrote().await;
            } else {
                return None;
            }
        }
        self.survivor
    }

    async fn step(&mut self) {
        let mut situation = self.situation().await;
        let mut question = step::next_question(&self.record, &situation);
        if question == Question::Stop {
            let requested_for = self.record.requested_for.clone();
            step::plan_stop(&mut self.record, self.context.azures_time());
            // Whoever sees it stopped must be able to see why.
            let is_saved = self.save().await;
            if !is_saved {
                self.record.stopping = None;
            }
            // Whoever joined while the store could not be read learns only now which alert it was started for.
            if !is_saved || self.record.requested_for != requested_for {
                return step::poll_again(&mut self.record, self.context.azures_time());
            }
            // Nor must the next capture of the name be stopped for this one.
            if self.record.replaced {
                question = Question::Nothing;
            }
        }
        let answer = self.ask(&question).await;
        if self.depends_on_others(&answer) {
            // What is not there may not have been made yet, and says nothing of what others have seen since.
            if !matches!(answer, Answer::Gone) {
                self.read_what_others_wrote().await;
            }
            situation = self.situation().await;
        }
        match self.advance(answer, &situation) {
            Duty::Nothing => {}
            Duty::Stop => {
                let answer = self.ask(&Question::Stop).await;
                self.advance(answer, &situation);
            }
            Duty::GiveWay { to, storage_path, is_over } => {
                let is_to_stop = !is_over && !self.context.settings.dry_run;
                let failure = if is_to_stop { self.stop().await.err() } else { None };
                let found = give_way(self.context, &mut self.record, &to, storage_path).await;
                self.survivor = found.or(self.survivor.take());
                match failure.filter(|error| error.is_transient() && self.record.polls < STOPS_FOR_RIVAL) {
                    Some(error) => drop(self.advance(Answer::Stopping(Some(error)), &situation)),
                    None => {
                        step::end(&mut self.record, End::superseded(&to), self.context.azures_time());
                        self.note_in_log("ended");
                    }
                }
            }
            Duty::TellFailure(failure) => {
                revise_outcome(self.context, &self.record, Outcome::failed(&self.record.target, failure)).await;
            }
            Duty::Report => {
                match report::report(self.context, &mut self.record).await {
                    Reported::PutOff => return,
                    Reported::Unkept(report) => self.unkept = Some(report),
                    Reported::Done => {}
                }
                self.finish().await;
            }
            Duty::Finish => {
                note_that_it_never_began(self.context, &self.record).await;
                self.finish().await;
            }
        }
    }

    async fn finish(&mut self) {
        finish(self.context, &mut self.record).await;
        if self.record.is_finished() {
            retain(self.context, &self.record).await;
            if let Some(report) = self.unkept.take() {
                report::keep(self.context, &self.record, &report).await;
            }
        }
    }

    /// Whether what others have written while Azure was asked may give this answer another meaning.
    fn depends_on_others(&self, answer: &Answer) -> bool {
        match answer {
            Answer::Gone => true,
            Answer::Status(Status { activity: Activity::Running, .. }) => self.record.stopping.is_some(),
            Answer::Status(status) => status.activity.is_over(),
            _ => false,
        }
    }

    fn advance(&mut self, answer: Answer, situation: &Situation) -> Duty {
        let CaptureRecord { phase, poll_at, target, watcher, .. } = self.record.clone();
        let failure = |error: &AzureError| Failure::from_azure(error, &target, Some(&watcher));
        let now = self.context.azures_time();
        let duty = step::advance(&mut self.record, answer, situation, now, failure);
        if let Some(planned) = self.record.poll_at.filter(|planned| Some(*planned) != poll_at) {
            let pause = planned.since(now).unwrap_or_default();
            self.planned = Some((planned, self.context.host().monotonic().saturating_add(pause)));
        }
        if self.record.phase != phase {
            let last = self.record.steps.last().map(|step| step.step.clone()).unwrap_or_default();
            self.note_in_log(&last);
        }
        duty
    }

    async fn ask(&self, question: &Question) -> Answer {
        let azure = self.context.azure(&self.record.target, STEP_TAKES);
        let capture = CaptureResource::new(&azure, &self.record.watcher, &self.record.name);
        match question {
            Question::Nothing => Answer::Nothing,
            Question::Resource => self.ask_for_resource(&capture).await,
            Question::Rivals => match settle(self.context, &azure, &self.record).await {
                Ok(earlier) => Answer::Rivals(earlier.map(Box::new)),
                Err(error) => Answer::Failed(error),
            },
            Question::Operation(address) => match operation::poll(&azure, Action::Create, address).await {
                Ok(ended) => Answer::Operation(ended),
                Err(error) => Answer::OperationFailed(error),
            },
            Question::Status => match capture.poll_until_answered().await {
                Ok(Poll::Answered(status)) => self.ask_whose_status(&capture, status).await,
                // What is told to people as gone for good is asked for twice.
                Ok(Poll::Gone) => match capture.get().await {
                    Ok(None) => Answer::Gone,
                    Ok(Some(_)) => Answer::Unclear,
                    Err(error) => Answer::Failed(error),
                },
                Ok(Poll::Later(_)) => Answer::Unclear,
                Err(error) => Answer::Failed(error),
            },
            Question::Stop => Answer::Stopping(self.stop().await.err()),
            Question::Files(path) => self.ask_for_files(&azure, path).await,
        }
    }

    async fn stop(&self) -> Result<(), AzureError> {
        let azure = self.context.azure(&self.record.target, STEP_TAKES);
        CaptureResource::new(&azure, &self.record.watcher, &self.record.name).stop().await.map(drop)
    }

    async fn ask_for_resource(&self, capture: &CaptureResource<'_, H>) -> Answer {
        match capture.get_with_time().await {
            Ok(Some((capture, azures_time))) => Answer::Resource(Box::new(capture), azures_time),
            Ok(None) if self.record.phase != Phase::Creating => Answer::Gone,
            // The same, the other way round.
            Ok(None) => match capture.poll().await {
                Ok(Poll::Gone) => Answer::Gone,
                Ok(Poll::Answered(_) | Poll::Later(_)) => Answer::Unclear,
                Err(error) => Answer::Failed(error),
            },
            Err(error) => Answer::Failed(error),
        }
    }

    /// What has not begun may be the next capture of a name that somebody fixed, and the store not tell of it at present.
    async fn ask_whose_status(&self, capture: &CaptureResource<'_, H>, status: Status) -> Answer {
        if status.activity != Activity::NotStarted || is_own(&self.record.name) {
            return Answer::Status(status);
        }
        let own = &self.record.storage_path;
        match capture.get().await {
            Ok(Some(there)) if own.is_some() && there.storage_path != *own => Answer::Gone,
            Ok(_) => Answer::Status(status),
            Err(error) => Answer::Failed(error),
        }
    }

    async fn ask_for_files(&self, azure: &Azure<'_, H>, path: &str) -> Answer {
        let files = match self.record.leaves_several_files() {
            true => blob::files_of_set(azure, path).await,
            false => blob::file(azure, path).await.map(|file| file.into_iter().collect()),
        };
        files.map_or_else(Answer::Failed, Answer::Files)
    }

    async fn situation(&self) -> Situation {
        let settings = &self.context.settings;
        let has_alerts_to_resolve = [Phase::Created, Phase::Running].contains(&self.record.phase)
            && (self.record.stopping.is_some() || (settings.stop_on_resolve && !settings.dry_run));
        let may_be_noted = [Phase::Creating, Phase::Created, Phase::Running].contains(&self.record.phase);
        let end_note = match may_be_noted {
            true => self.context.records().end_note(&self.record).await,
            false => Ok(None),
        };
        Situation {
            is_note_unread: end_note.is_err(),
            end_note: end_note.ok().flatten(),
            stop_on_resolve: settings.stop_on_resolve,
            all_resolved: has_alerts_to_resolve && self.is_resolved().await,
            dry_run: settings.dry_run,
        }
    }

    /// Whether all alerts on the capture are over.
    async fn is_resolved(&self) -> bool {
        // The alert that it was started for may be one that the store has not told of yet.
        if self.record.requested_for.is_none() {
            return false;
        }
        let records = self.context.records();
        let AlertsOn { alerts, count, is_whole } = records.alerts_on(&self.record).await;
        if !is_whole || alerts.is_empty() || alerts.len() < count {
            return false;
        }
        for on in alerts {
            let resolved: Option<Resolved> = records.load(&resolved_key(&self.record.target, &on.alert)).await;
            if resolved.is_none_or(|resolved| resolved.at < on.at) {
                return false;
            }
        }
        true
    }

    async fn read_what_others_wrote(&mut self) {
        let stored = self.context.records().load::<CaptureRecord>(&self.record.key()).await;
        let Some(stored) = stored else { return };
        let is_same = self.record.is_same_capture(&stored);
        let stored_plan = plan_of(&stored);
        if is_same && stored.phase == self.record.phase && stored_plan != self.stored_plan {
            // Somebody else has polled it since.
            (self.record.poll_at, self.record.polls, self.record.polled_since) = stored_plan;
        }
        self.stored_plan = stored_plan;
        // Whoever gave the name to another capture has put this one's record aside, or died before.
        self.record.replaced |= !is_same && self.record.has_lost_name_to(&stored);
        self.record.merge(stored);
    }

    async fn save(&mut self) -> bool {
        let is_saved = self.context.records().save_capture(&mut self.record).await;
        if is_saved {
            self.stored_plan = plan_of(&self.record);
        }
        is_saved
    }

    /// How long to wait before the next step.
    fn pause(&self) -> Duration {
        let Some(poll_at) = self.record.poll_at else { return Duration::ZERO };
        // Rivals are looked for at once.
        if self.record.phase == Phase::Creating && !self.record.settled && self.record.polls == 0 {
            return Duration::ZERO;
        }
        if let Some((planned, wake_at)) = self.planned
            && planned == poll_at
        {
            return wake_at.saturating_sub(self.context.host().monotonic());
        }
        // Somebody else planned this, by a clock that may have been wrong.
        let left = poll_at.since(self.context.azures_time()).unwrap_or_default();
        let longest = self.record.time_limit().saturating_add(SLACK).max(LONGEST_PAUSE);
        if left > longest { Duration::ZERO } else { left }
    }

    fn note_in_log(&self, step: &str) {
        note_capture(self.context, &self.record, step);
    }
}
