//! Watches a capture from the moment when Azure is asked for it to its file and the message about it.
//!
//! What is to be done next follows from the record alone, and is written there before it is done, so that any instance can
//! go on from where another one stopped. Two that do so at once see the same truth and do no harm.

use std::sync::Arc;
use std::time::Duration;

use crate::azure::action::Action;
use crate::azure::blob::{self, File};
use crate::azure::client::{Azure, new_request_id};
use crate::azure::error::AzureError;
use crate::azure::operation;
use crate::azure::packet_capture::{Activity, CaptureResource, Poll, Status};
use crate::capture::analyze::{self, Limits};
use crate::capture::end::COULD_NOT_BEGIN;
use crate::capture::settle::settle;
use crate::context::{App, AtWork};
use crate::host::Host;
use crate::log::Log;
use crate::notify::compose;
use crate::notify::outbox;
use crate::page;
use crate::records::alert::{AlertRecord, OnCapture, Resolved};
use crate::records::capture::{CaptureRecord, End, EndReason, KeptReport, Over, Phase};
use crate::records::failure::Failure;
use crate::records::journal::Journal;
use crate::records::keys::{alert_key, on_key, resolved_key, target_key};
use crate::records::outcome::{CaptureRef, Kind, Outcome};
use crate::records::reason::Reason;
use crate::records::target::TargetMemory;
use crate::report::Report;
use crate::settings::Settings;
use crate::timestamp::Timestamp;

/// How long one step may keep trying.
const STEP_TAKES: Duration = Duration::from_secs(45);

/// The pauses between looks that tell nothing new, in seconds; the last one repeats.
const PAUSES: [u64; 7] = [5, 10, 20, 40, 60, 120, 300];

/// How many looks may find that Azure has not made a capture that it was asked for: longer than anybody keeps asking.
const LOOKS_FOR_CREATION: u32 = 7;

/// How many looks may find a creation still going on: a little over an hour.
const LOOKS_AT_CREATION: u32 = 18;

/// How many looks may find a capture that has not begun: about four minutes. An agent that is slow takes one or two.
const LOOKS_FOR_BEGINNING: u32 = 6;

/// How long at least a capture is given to begin, by Azure's clock: several who watch it count their looks together.
const BEGINNING_TAKES: Duration = Duration::from_mins(4);

/// How many looks in a row may fail, or find a capture running after its time: about half an hour.
const LOOKS_BEYOND: u32 = 11;

/// The pauses between looks for a file, in seconds. Azure moves it to its place a little after the end.
const FILE_PAUSES: [u64; 8] = [2, 4, 8, 16, 30, 30, 60, 60];

/// How long after its time limit a capture is looked at, so that Azure has had time to notice.
const SLACK: Duration = Duration::from_secs(2);

/// What an instance is at work on that reads a file, and the pause between two looks whether it still is. It is looked at
/// again and again because a request must not wake another one; see `azure/token.rs`.
const READING: &str = "reading";
const LOOK_FOR_TURN_AFTER: Duration = Duration::from_millis(50);

/// The most alerts on a capture that are read.
const MOST_ALERTS: usize = 200;

/// How long a watcher stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// To the end.
    ToTheEnd,
    /// As long as there is something to do at once or soon; somebody else comes by later.
    WhileBusy,
    /// The same, and something has happened that asks for a look now.
    Woken,
}

/// The longest pause through which somebody who came by stays.
const SOON: Duration = Duration::from_secs(120);

/// Watches a capture. Returns at its end, or when it is not worth staying.
pub async fn watch<H: Host>(app: &Arc<App<H>>, settings: &Arc<Settings>, record: CaptureRecord, stay: Stay) {
    let request_id = new_request_id(&app.host);
    let mut next = Some(record);
    while let Some(record) = next {
        // Who only comes by leaves it to whoever watches in this instance already.
        let at_work = app.work_on(&record.key());
        if at_work.is_none() && stay == Stay::WhileBusy {
            return;
        }
        let asked_by = record.asked_by.clone();
        let journal = Journal { host: &app.host, alert: &asked_by, client_request_id: &request_id };
        next = Watch { app, settings, journal, record, planned: None, superseded_by: None }.stay(stay).await;
    }
}

/// The alerts that a capture serves, first one first, and how many there are.
pub async fn alerts_on<H: Host>(journal: &Journal<'_, H>, record: &CaptureRecord) -> (Vec<OnCapture>, usize) {
    let keys = journal.keys(&record.alerts_prefix()).await;
    let mut alerts = Vec::new();
    for key in keys.iter().take(MOST_ALERTS) {
        alerts.extend(journal.load::<OnCapture>(key).await);
    }
    alerts.sort_by_key(|on| on.at);
    (alerts, keys.len())
}

/// Waits until this instance reads no other file: its memory is bounded for one, and many captures may end together.
async fn turn_to_read<H: Host>(app: &App<H>, deadline: Duration) -> Option<AtWork<'_, H>> {
    loop {
        if let Some(turn) = app.work_on(READING) {
            return Some(turn);
        }
        if app.host.monotonic() >= deadline {
            return None;
        }
        app.host.sleep(LOOK_FOR_TURN_AFTER).await;
    }
}

struct Watch<'a, H> {
    app: &'a Arc<App<H>>,
    settings: &'a Arc<Settings>,
    journal: Journal<'a, H>,
    record: CaptureRecord,
    /// What the record says of the next look, and when that is on the monotonic clock.
    planned: Option<(Timestamp, Duration)>,
    /// The capture in whose favour this one was stopped, when nobody here watches that one yet.
    superseded_by: Option<CaptureRecord>,
}

impl<H: Host> Watch<'_, H> {
    /// Takes one step after the other. Gives a record that is to be watched instead, if there is one.
    async fn stay(mut self, stay: Stay) -> Option<CaptureRecord> {
        let mut woken = stay == Stay::Woken;
        loop {
            self.hear_of_others().await;
            if self.record.is_finished() {
                return self.superseded_by;
            }
            let pause = if woken { Duration::ZERO } else { self.pause() };
            woken = false;
            if pause > SOON && stay != Stay::ToTheEnd {
                return None;
            }
            if !pause.is_zero() {
                self.app.host.sleep(pause).await;
                // Somebody else may have been here meanwhile.
                self.hear_of_others().await;
                if self.record.is_finished() {
                    return self.superseded_by;
                }
            }
            self.step().await;
            if !self.record.is_finished() {
                self.save().await;
            }
        }
    }

    async fn step(&mut self) {
        if [Phase::Creating, Phase::Created, Phase::Running].contains(&self.record.phase)
            && let Some(name) = self.who_is_earlier().await
        {
            return self.give_way_to(&name, None).await;
        }
        match self.record.phase {
            Phase::Asked if self.record.replaced => self.end(End::not_created()),
            Phase::Creating | Phase::Created | Phase::Running if self.record.replaced => self.vanish().await,
            Phase::Asked => self.look_for_creation().await,
            Phase::Creating => self.look_at_creation().await,
            Phase::Created | Phase::Running => self.look_or_stop().await,
            Phase::Ended => self.look_for_files().await,
            Phase::Finished => {}
        }
    }

    // ---- Asked and creating

    /// Azure was asked, and whoever asked has perhaps died before the answer came.
    async fn look_for_creation(&mut self) {
        match self.capture(&self.azure()).get_with_time().await {
            Ok(Some((capture, now))) => {
                self.record.storage_path = capture.storage_path;
                // Somebody else may have asked for it long after this was written.
                self.record.asked_at = now;
                self.go_on(Phase::Creating, "seen", "Azure has the capture.");
            }
            Ok(None) if self.record.looks >= LOOKS_FOR_CREATION => {
                self.end(End::not_created());
            }
            Ok(None) => self.look_again(),
            Err(error) => self.fail_to_see(&error),
        }
    }

    async fn look_at_creation(&mut self) {
        if !self.record.settled && !self.settings.dry_run {
            match settle(&self.azure(), &self.journal, &self.record).await {
                Ok(Some(earlier)) => return self.give_way_to(&earlier.name, earlier.storage_path).await,
                Ok(None) => return self.record.settled = true,
                Err(error) => return self.fail_to_see(&error),
            }
        }
        let Some(address) = self.record.operation.clone() else { return self.look_at_resource().await };
        match operation::poll(&self.azure(), Action::Create, &address).await {
            Ok(Some(())) => self.created(),
            Ok(None) if self.record.looks < LOOKS_AT_CREATION => self.look_again(),
            Err(error @ AzureError::OperationFailed { .. }) => self.fail_to_begin(self.failure(&error)).await,
            // An operation that cannot be looked at, or goes on for ever, says nothing; the capture itself may.
            Ok(None) | Err(_) => {
                self.record.operation = None;
                self.look_again();
            }
        }
    }

    async fn look_at_resource(&mut self) {
        match self.capture(&self.azure()).get().await {
            Ok(None) => self.look_whether_it_is_gone().await,
            Ok(Some(capture)) if capture.is_failed() => {
                self.fail_to_begin(Failure::lasting(Reason::NeverBegan, COULD_NOT_BEGIN)).await;
            }
            Ok(Some(capture)) if capture.is_beginning() && self.record.looks < LOOKS_AT_CREATION => self.look_again(),
            Ok(Some(_)) => self.created(),
            Err(error) => self.fail_to_see(&error),
        }
    }

    /// What is told to people as gone for good is looked at twice.
    async fn look_whether_it_is_gone(&mut self) {
        match self.capture(&self.azure()).poll().await {
            Ok(Poll::Gone) => self.vanish().await,
            Ok(Poll::Answered(_) | Poll::Later(_)) => self.look_again(),
            Err(error) => self.fail_to_see(&error),
        }
    }

    fn created(&mut self) {
        self.record.operation = None;
        self.go_on(Phase::Created, "created", "Azure has made the capture.");
    }

    async fn fail_to_begin(&mut self, failure: Failure) {
        self.record.operation = None;
        self.end(End::never_began(failure.message.clone()));
        self.revise_outcome(Outcome::failed(&self.record.target, failure)).await;
    }

    /// The capture in whose favour somebody else is stopping this one.
    async fn who_is_earlier(&self) -> Option<String> {
        let over: Option<Over> = self.journal.load(&self.record.over_key()).await;
        over.and_then(|over| over.superseded_by).or(self.record.superseded_by.clone())
    }

    /// Another instance was earlier by a moment. Its capture serves the alerts of this one, too.
    async fn give_way_to(&mut self, name: &str, storage_path: Option<String>) {
        self.record.superseded_by = Some(name.to_owned());
        let journal = self.journal;
        let survivor = CaptureRecord {
            name: name.to_owned(),
            asked_by: String::new(),
            storage_path: storage_path.clone(),
            phase: Phase::Creating,
            operation: None,
            settled: true,
            superseded_by: None,
            steps: vec![],
            ..self.record.clone()
        };
        // From here on whoever joins this capture sees that it has given way.
        self.save().await;
        let survivor = match journal.load::<CaptureRecord>(&survivor.key()).await {
            Some(known) => known,
            None => {
                let mut found = survivor;
                found.note(
                    self.app.host.now(),
                    "found",
                    "It was found running; nothing is known here of its beginning.",
                );
                journal.save_capture(&mut found).await;
                self.superseded_by = Some(found.clone());
                found
            }
        };
        let (alerts, _) = alerts_on(&journal, &self.record).await;
        for on in alerts {
            journal.save(&on_key(&survivor, &on.alert), &on).await;
        }
        let reference = self.reference(name, storage_path);
        self.revise_outcome(Outcome { capture: Some(reference), ..Outcome::joined() }).await;
        self.end(End::superseded(name));
    }

    // ---- Running

    async fn look_or_stop(&mut self) {
        let may_stop = self.settings.stop_on_resolve && !self.settings.dry_run && self.record.stopping.is_none();
        if may_stop && self.is_resolved().await {
            self.record.stopping = Some(EndReason::Resolved);
            self.note("stopping", "All alerts on the capture have resolved, so it is being stopped.");
            self.save().await;
            return self.stop().await;
        }
        match self.capture(&self.azure()).poll_until_answered().await {
            Ok(Poll::Answered(status)) => self.take_in(status).await,
            Ok(Poll::Gone) => self.look_whether_it_vanished().await,
            Ok(Poll::Later(_)) => self.look_again(),
            Err(error) => self.fail_to_see(&error),
        }
    }

    /// The same, the other way round.
    async fn look_whether_it_vanished(&mut self) {
        match self.capture(&self.azure()).get().await {
            Ok(None) => self.vanish().await,
            Ok(Some(_)) => self.look_again(),
            Err(error) => self.fail_to_see(&error),
        }
    }

    /// It is gone. If nightcap itself has deleted it to make room, its end was seen before.
    async fn vanish(&mut self) {
        let over: Option<Over> = self.journal.load(&self.record.over_key()).await;
        self.end(over.map_or_else(End::vanished, |over| over.end));
    }

    async fn stop(&mut self) {
        let stopped = self.capture(&self.azure()).stop().await;
        if let Err(error) = stopped {
            let message = self.failure(&error).message;
            self.note("stop_failed", &message);
        }
        self.look_again();
    }

    async fn take_in(&mut self, status: Status) {
        self.record.began_at = status.began_at.or(self.record.began_at);
        match status.activity {
            Activity::Stopped | Activity::Failed => self.take_in_end(&status).await,
            Activity::Running => self.keep_watching(&status).await,
            Activity::NotStarted if self.record.looks >= LOOKS_FOR_BEGINNING && self.is_late(&status) => {
                let why = "Azure made the capture, but it never began to capture. Is the machine running, and is its \
                           Network Watcher agent healthy?";
                self.fail_to_begin(Failure::lasting(Reason::NeverBegan, why)).await;
            }
            Activity::Unknown if self.record.looks >= LOOKS_BEYOND => {
                self.end(End::lost_sight("Azure does not know what became of the capture."));
            }
            Activity::NotStarted | Activity::Unknown => self.look_again(),
        }
    }

    fn is_late(&self, status: &Status) -> bool {
        status.answered_at.since(self.record.asked_at).is_none_or(|since| since >= BEGINNING_TAKES)
    }

    /// Azure does not tell who stopped a capture. Whoever did so by nightcap's word wrote that down first, perhaps while
    /// Azure was being asked.
    async fn take_in_end(&mut self, status: &Status) {
        self.hear_of_others().await;
        match self.who_is_earlier().await {
            _ if self.record.end.is_some() || self.record.replaced => {}
            Some(name) => self.give_way_to(&name, None).await,
            None => self.end(End::told(&self.record, status)),
        }
    }

    async fn keep_watching(&mut self, status: &Status) {
        let began_at = *self.record.began_at.get_or_insert(status.answered_at);
        if self.record.phase != Phase::Running {
            self.go_on(Phase::Running, "running", "Azure says that the capture has begun.");
        }
        let due = began_at.after(self.record.time_limit()).after(SLACK);
        // Who wanted to stop it may have died before, and another alert may have joined since.
        let is_to_stop = self.record.stopping.is_some() && self.is_resolved().await;
        match due.since(status.answered_at).filter(|left| !left.is_zero()) {
            _ if is_to_stop && self.record.looks < LOOKS_BEYOND => self.stop().await,
            Some(left) => {
                self.record.looks = 0;
                self.put_off(left);
            }
            None if self.record.looks >= LOOKS_BEYOND => {
                self.end(End::lost_sight("Azure says that the capture still runs, long after its time limit."));
            }
            None => self.look_again(),
        }
    }

    /// Whether all alerts on the capture are over.
    async fn is_resolved(&self) -> bool {
        let journal = self.journal;
        let (alerts, count) = alerts_on(&journal, &self.record).await;
        if alerts.is_empty() || alerts.len() < count {
            return false;
        }
        for on in alerts {
            let resolved: Option<Resolved> = journal.load(&resolved_key(&self.record.target, &on.alert)).await;
            if resolved.is_none_or(|resolved| resolved.at < on.at) {
                return false;
            }
        }
        true
    }

    // ---- Ended

    async fn look_for_files(&mut self) {
        let reason = self.record.end.as_ref().map(|end| end.reason);
        if matches!(reason, Some(EndReason::NeverBegan | EndReason::NotCreated | EndReason::Superseded)) {
            return self.finish().await;
        }
        if self.record.storage_path.is_none() {
            let capture = self.capture(&self.azure()).get().await;
            self.record.storage_path = capture.ok().flatten().and_then(|capture| capture.storage_path);
        }
        let Some(path) = self.record.storage_path.clone() else {
            self.record.file_problem = Some("Azure told no address for the capture's file.".to_owned());
            return self.finish().await;
        };
        let known = self.record.files.len();
        match self.files_at(&path).await {
            Ok(files) if !files.is_empty() => {
                // The instances of a set do not finish in one moment.
                let may_be_more = self.is_on_set() && files.len() > known;
                self.record.files = files;
                if may_be_more && self.look_for_files_again() {
                    return;
                }
                self.note("file", "The capture's file is there.");
                let largest = self.record.files.iter().filter_map(|file| file.bytes).max().unwrap_or_default();
                self.record.end = self.record.end.take().map(|end| end.with_file_of(largest, &self.record));
                self.read_report().await;
                self.finish().await;
            }
            Ok(_) if self.look_for_files_again() => {}
            Ok(_) => {
                self.record.file_problem =
                    Some(format!("There is no file at {path}. The machine may not reach the storage account."));
                self.finish().await;
            }
            Err(error) if error.is_transient() && self.look_for_files_again() => {}
            Err(error) => {
                self.record.file_problem = Some(self.failure(&error).message);
                self.finish().await;
            }
        }
    }

    /// Reads what was captured, for a while. People are told the rest without it if it cannot be read.
    async fn read_report(&mut self) {
        let limits = Limits { time: self.settings.report_within, bytes: self.settings.report_bytes };
        let is_read = !self.record.report.is_empty() || self.record.report_problem.is_some();
        let Some(file) = self.record.files.first().filter(|_| !is_read && !limits.time.is_zero()) else { return };
        let deadline = self.app.host.monotonic().saturating_add(limits.time);
        let Some(_turn) = turn_to_read(self.app, deadline).await else {
            self.record.report_problem = Some("Other files were being read for too long.".to_owned());
            return;
        };
        let azure = Azure { deadline, ..self.azure() };
        match analyze::read(&azure, &file.url, limits).await {
            Ok(report) => {
                self.record.report = self.lines_of(&report);
                let alerts = alerts_on(&self.journal, &self.record).await.0;
                let page = page::page(&self.record, alerts.first().map(|on| &on.alert), &report, self.settings);
                let kept = KeptReport { at: self.app.host.now(), report, page };
                self.journal.save(&self.record.report_key(), &kept).await;
                self.note("report", "The capture's file was read.");
            }
            Err(error) => self.record.report_problem = Some(self.failure(&error).message),
        }
    }

    /// What people are told of the report; of several files it is about the first.
    fn lines_of(&self, report: &Report) -> Vec<String> {
        let mut lines = report.lines();
        if let (Some(first), files @ 2..) = (lines.first_mut(), self.record.files.len()) {
            *first = format!("{first} This is the first of {files} files.");
        }
        lines
    }

    async fn files_at(&self, path: &str) -> Result<Vec<File>, AzureError> {
        let azure = self.azure();
        if self.is_on_set() {
            blob::files_of_set(&azure, path).await
        } else {
            Ok(blob::file(&azure, path).await?.into_iter().collect())
        }
    }

    fn look_for_files_again(&mut self) -> bool {
        let Some(pause) = FILE_PAUSES.get(self.record.looks as usize) else { return false };
        self.look_again_in(Duration::from_secs(*pause));
        true
    }

    /// Writes down what people are to be told, and then that nothing remains to be done. Then tells them.
    async fn finish(&mut self) {
        let journal = self.journal;
        let now = self.app.host.now();
        let end = self.record.end.clone();
        let end = end.unwrap_or_else(|| End::lost_sight("The record does not tell how the capture ended."));
        let rests = if end.reason == EndReason::NeverBegan { None } else { Some(now) };
        if end.reason.is_told() {
            let memory = journal.load::<TargetMemory>(&target_key(&self.record.target)).await.unwrap_or_default();
            let memory = TargetMemory { captured_until: rests, ..memory };
            journal.save(&target_key(&self.record.target), &memory).await;
        }
        let (alerts, count) = alerts_on(&journal, &self.record).await;
        let notice = compose::capture_ended(&self.record, &end, alerts, count, self.settings, now);
        let is_told = end.reason.is_told() && outbox::is_wanted(self.settings, notice.event);
        // What cannot be written down has to be told before this record says that nothing remains to be done.
        let is_kept = is_told && outbox::put(&journal, &notice).await;
        if is_told && !is_kept {
            let is_taken = outbox::deliver(self.app, self.settings, &journal, notice.clone()).await;
            if !is_taken && self.record.looks < LOOKS_BEYOND {
                return self.look_again();
            }
        }
        self.go_on(Phase::Finished, "finished", "Nothing remains to be done.");
        self.save().await;
        if is_kept {
            outbox::deliver(self.app, self.settings, &journal, notice).await;
        }
    }

    // ---- What every phase needs

    /// Reads what others have written of this capture meanwhile.
    async fn hear_of_others(&mut self) {
        let Some(stored) = self.journal.load::<CaptureRecord>(&self.record.key()).await else { return };
        // Whoever gave the name to another capture has put this one's record aside, or died before.
        self.record.replaced |= !self.record.is_same_capture(&stored);
        self.record.merge(stored);
    }

    async fn save(&mut self) {
        self.journal.save_capture(&mut self.record).await;
    }

    /// How long to wait before the next step.
    fn pause(&self) -> Duration {
        let Some(look_at) = self.record.look_at else { return Duration::ZERO };
        // Rivals are looked for at once.
        if self.record.phase == Phase::Creating && !self.record.settled && self.record.looks == 0 {
            return Duration::ZERO;
        }
        if let Some((planned, wake_at)) = self.planned
            && planned == look_at
        {
            return wake_at.saturating_sub(self.app.host.monotonic());
        }
        // Somebody else planned this, by a clock that may have been wrong.
        let left = look_at.since(self.app.host.now()).unwrap_or_default();
        let [.., longest] = PAUSES;
        let longest = self.record.time_limit().saturating_add(SLACK).max(Duration::from_secs(longest));
        if left > longest { Duration::ZERO } else { left }
    }

    fn put_off(&mut self, pause: Duration) {
        let look_at = self.app.host.now().after(pause);
        self.record.look_at = Some(look_at);
        self.planned = Some((look_at, self.app.host.monotonic().saturating_add(pause)));
    }

    fn look_again(&mut self) {
        let [.., longest] = PAUSES;
        let pause = PAUSES.get(self.record.looks as usize).copied().unwrap_or(longest);
        self.look_again_in(Duration::from_secs(pause));
    }

    fn look_again_in(&mut self, pause: Duration) {
        self.record.looks = self.record.looks.saturating_add(1);
        self.put_off(pause);
    }

    /// A look that failed says nothing of the capture. When too many have, people are told that.
    fn fail_to_see(&mut self, error: &AzureError) {
        let failure = self.failure(error);
        if self.record.looks >= LOOKS_BEYOND {
            return self.end(End::lost_sight(&failure.message));
        }
        if self.record.looks == 0 {
            self.note("not_seen", &failure.message);
        }
        self.look_again();
        if let Some(asked) = error.retry_after() {
            self.put_off(asked.max(self.pause()));
        }
    }

    fn go_on(&mut self, phase: Phase, step: &'static str, detail: &str) {
        self.record.phase = phase;
        self.record.looks = 0;
        self.record.look_at = None;
        self.note(step, detail);
        self.journal.note_capture(&self.record, step);
    }

    fn end(&mut self, end: End) {
        let message = end.message.clone();
        self.record.over(end);
        self.go_on(Phase::Ended, "ended", &message);
    }

    fn note(&mut self, step: &str, detail: &str) {
        self.record.note(self.app.host.now(), step, detail);
    }

    /// The alert that the capture was asked for ended otherwise than it was told at first.
    async fn revise_outcome(&self, outcome: Outcome) {
        let journal = self.journal;
        let target = &self.record.target;
        let Some(mut alert) = journal.load::<AlertRecord>(&alert_key(&self.record.asked_by)).await else { return };
        let about_this = |own: &&mut Outcome| own.outcome == Kind::Started && own.is_for(target);
        if let Some(own) = alert.outcomes.iter_mut().find(about_this) {
            *own = outcome.for_target(target);
            journal.save_alert(&alert).await;
        }
    }

    fn reference(&self, name: &str, storage_path: Option<String>) -> CaptureRef {
        let CaptureRecord { subscription, region, .. } = &self.record;
        CaptureRef::new(&self.settings.public_url, subscription, region, name, storage_path)
    }

    fn is_on_set(&self) -> bool {
        self.record.target.is_of_a_set()
    }

    fn failure(&self, error: &AzureError) -> Failure {
        Failure::from_azure(error, &self.record.target, Some(&self.record.watcher))
    }

    fn capture<'b>(&'b self, azure: &'b Azure<'b, H>) -> CaptureResource<'b, H> {
        CaptureResource::new(azure, &self.record.watcher, &self.record.name)
    }

    fn azure(&self) -> Azure<'_, H> {
        Azure {
            log: Log {
                host: &self.app.host,
                alert: self.journal.alert,
                client_request_id: self.journal.client_request_id,
            },
            config: &self.settings.azure,
            tokens: &self.app.tokens,
            target: &self.record.target,
            deadline: self.app.host.monotonic().saturating_add(STEP_TAKES),
        }
    }
}
