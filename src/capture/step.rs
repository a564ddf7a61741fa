//! What becomes of a capture, step by step. Pure: record, answer and time in, the record as it stands then and what is left
//! to do out.
//!
//! [`next_question`] tells from the record alone what Azure has to be asked, and [`advance`] what the answer means. So any
//! instance can go on from where another one stopped, and two that do so at once see the same truth and do no harm.

use std::time::Duration;

use crate::azure::blob::File;
use crate::azure::error::AzureError;
use crate::azure::packet_capture::{Activity, PacketCapture, Status};
use crate::capture::end::COULD_NOT_BEGIN;
use crate::records::capture::{CaptureRecord, End, EndNote, EndReason, Phase};
use crate::records::failure::Failure;
use crate::records::reason::Reason;
use crate::timestamp::Timestamp;

/// The pauses between polls that tell nothing new, in seconds; the last one repeats.
const PAUSES: [u64; 7] = [5, 10, 20, 40, 60, 120, 300];

/// The longest of these.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What may be found again and again before something follows from it: by how many polls, and for how long at least, since several
/// who watch a capture count their polls together.
#[derive(Clone, Copy)]
struct Patience {
    polls: u32,
    time: Duration,
}

/// That Azure has not made a capture that it was asked for: longer than anybody keeps asking.
const FOR_CREATION: Patience = Patience { polls: 7, time: Duration::from_mins(4) };

/// How long Azure may be creating it. After that, its status may tell more.
const CREATION_TAKES: Duration = Duration::from_hours(1);

/// That it has not begun. An agent that is slow takes a minute or two.
const FOR_BEGINNING: Patience = Patience { polls: 6, time: Duration::from_mins(4) };

/// That it runs after its time, or that nothing can be found out about it: about half an hour where one polls alone.
const BEYOND: Patience = Patience { polls: 11, time: Duration::from_mins(15) };

/// How many times in a row a capture that gives way may fail to be stopped: about four minutes.
pub const STOPS_FOR_RIVAL: u32 = 6;

/// As many polls as make the pause longest. More of those that tell what was to be expected are not counted.
const POLLS_AS_EXPECTED: u32 = 6;

/// The pauses between polls for a file, in seconds. Azure moves it to its place a little after the end.
const FILE_PAUSES: [u64; 8] = [2, 4, 8, 16, 30, 30, 60, 60];

/// That there is no file.
const FOR_FILE: Patience = Patience { polls: 8, time: Duration::from_mins(3) };

/// How long after its time limit a capture is polled, so that Azure has had time to notice.
pub const SLACK: Duration = Duration::from_secs(2);

/// What the setting and other instances say about a capture.
#[derive(Clone, Debug, Default)]
pub struct Situation {
    /// How it ended, written down by whoever ended it.
    pub end_note: Option<EndNote>,
    /// Whether that could not be read.
    pub is_note_unread: bool,
    /// Whether it is to be stopped when all its alerts have resolved.
    pub stop_on_resolve: bool,
    /// Whether all its alerts have. Only looked up where it matters.
    pub all_resolved: bool,
    /// Whether nothing may be changed in Azure.
    pub dry_run: bool,
}

/// What Azure has to be asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// Azure need not be asked.
    Nothing,
    /// Read the capture.
    Resource,
    /// Look for captures of instances that raced for the target.
    Rivals,
    /// Read the operation that creates it, at this address.
    Operation(String),
    /// Ask it for its status.
    Status,
    /// Stop it, and write that down before.
    Stop,
    /// Look for its files at this address.
    Files(String),
}

#[derive(Clone, Debug)]
pub enum Answer {
    /// It was not asked.
    Nothing,
    /// The capture, and Azure's time.
    Resource(Box<PacketCapture>, Timestamp),
    /// There is no such capture. Once it has been there, two different questions have said so.
    Gone,
    /// The capture of a rival that was earlier, if there is one.
    Rivals(Option<Box<PacketCapture>>),
    /// Whether the creation has ended well; `None` while it goes on.
    Operation(Option<()>),
    /// The creation has failed, or could not be read.
    OperationFailed(AzureError),
    Status(Status),
    /// Nothing that anything follows from.
    Unclear,
    Failed(AzureError),
    /// It was told to stop, or could not be.
    Stopping(Option<AzureError>),
    Files(Vec<File>),
}

/// What is left to do after a step, beyond writing the record.
#[derive(Clone, Debug, PartialEq)]
pub enum Duty {
    Nothing,
    /// Stop the capture.
    Stop,
    /// The capture of this name was earlier. Take the alerts there, and end, which one that may still run has to be stopped for.
    GiveWay {
        to: String,
        storage_path: Option<String>,
        is_over: bool,
    },
    /// The alert that asked for the capture has failed after all.
    TellFailure(Failure),
    /// Read the capture's file, then finish.
    Report,
    /// Tell people, and finish.
    Finish,
}

/// What has to be asked next.
pub fn next_question(record: &CaptureRecord, situation: &Situation) -> Question {
    let is_over_already = record.replaced || earlier_rival(record, situation).is_some();
    match record.phase {
        Phase::Requested if record.replaced => Question::Nothing,
        Phase::Requested => Question::Resource,
        Phase::Creating | Phase::Created | Phase::Running if is_over_already => Question::Nothing,
        Phase::Creating if !record.settled && !situation.dry_run => Question::Rivals,
        Phase::Creating => record.operation.clone().map_or(Question::Resource, Question::Operation),
        Phase::Created | Phase::Running if is_to_be_stopped(record, situation) => Question::Stop,
        Phase::Created | Phase::Running => Question::Status,
        Phase::Ended if leaves_no_file(record) => Question::Nothing,
        Phase::Ended => record.storage_path.clone().map_or(Question::Resource, Question::Files),
        Phase::Finished => Question::Nothing,
    }
}

/// Takes an answer into the record, and tells what is left to do. `failure` words what Azure's errors mean for people.
pub fn advance(
    record: &mut CaptureRecord,
    answer: Answer,
    situation: &Situation,
    now: Timestamp,
    failure: impl Fn(&AzureError) -> Failure,
) -> Duty {
    let mut step = Step { record, situation, now };
    match answer {
        Answer::Nothing => step.take_in_what_is_known(),
        Answer::Failed(error) if step.record.phase == Phase::Ended => step.fail_to_find(&error, &failure(&error)),
        Answer::Failed(error) => step.fail_to_see(&error, &failure(&error)),
        Answer::Unclear => step.poll_again(),
        Answer::Gone => step.take_in_absence(),
        Answer::Resource(capture, azures_time) => step.take_in_resource(*capture, azures_time),
        Answer::Rivals(Some(earlier)) => {
            Duty::GiveWay { to: earlier.name, storage_path: earlier.storage_path, is_over: false }
        }
        Answer::Rivals(None) => step.settle(),
        Answer::Operation(Some(())) => step.created(),
        Answer::Operation(None) => step.wait_for_operation(),
        Answer::OperationFailed(error @ AzureError::OperationFailed { .. }) => step.fail_to_begin(failure(&error)),
        Answer::OperationFailed(_) => step.give_up_operation(),
        Answer::Status(status) => step.take_in_status(&status),
        Answer::Stopping(None) => step.poll_again(),
        Answer::Stopping(Some(error)) => step.fail_to_stop(&error, failure(&error)),
        Answer::Files(files) => step.take_in_files(files),
    }
}

/// The capture in whose favour somebody else is stopping this one.
pub fn earlier_rival(record: &CaptureRecord, situation: &Situation) -> Option<String> {
    let noted = situation.end_note.as_ref().and_then(|note| note.superseded_by.clone());
    noted.or_else(|| record.superseded_by.clone())
}

/// Writes down that nightcap stops the capture, which has to be done before.
pub fn plan_stop(record: &mut CaptureRecord, now: Timestamp) {
    record.stopping = Some(EndReason::Resolved);
    record.note(now, "stopping", "All alerts on the capture have resolved, so it is being stopped.");
}

/// Has the capture polled again after the usual pause, which grows with every poll that tells nothing new.
pub fn poll_again(record: &mut CaptureRecord, now: Timestamp) {
    let pause = PAUSES.get(record.polls as usize).copied().map_or(LONGEST_PAUSE, Duration::from_secs);
    poll_again_in(record, now, pause);
}

pub fn poll_again_in(record: &mut CaptureRecord, now: Timestamp, pause: Duration) {
    record.polls = record.polls.saturating_add(1);
    record.polled_since.get_or_insert(now);
    record.poll_at = Some(now.after(pause));
}

/// Takes the capture into another phase, with a step that says why.
pub fn enter(record: &mut CaptureRecord, phase: Phase, now: Timestamp, step: &str, detail: &str) {
    record.phase = phase;
    record.count_polls_anew();
    record.note(now, step, detail);
}

/// Takes over how the capture ended.
pub fn end(record: &mut CaptureRecord, end: End, now: Timestamp) {
    let message = end.message.clone();
    record.end_with(end);
    enter(record, Phase::Ended, now, "ended", &message);
}

/// Whether the capture has surely left no file, or one that another capture's record tells of.
fn leaves_no_file(record: &CaptureRecord) -> bool {
    let reason = record.end.as_ref().map(|end| end.reason);
    matches!(reason, Some(EndReason::NeverBegan | EndReason::NotCreated | EndReason::Superseded))
}

fn is_to_be_stopped(record: &CaptureRecord, situation: &Situation) -> bool {
    situation.stop_on_resolve && !situation.dry_run && record.stopping.is_none() && situation.all_resolved
}

/// One step of a capture.
struct Step<'a> {
    record: &'a mut CaptureRecord,
    situation: &'a Situation,
    now: Timestamp,
}

impl Step<'_> {
    /// Others have written how the capture ended, or it has left nothing to look for.
    fn take_in_what_is_known(&mut self) -> Duty {
        match (self.record.phase, earlier_rival(self.record, self.situation)) {
            (Phase::Finished, _) => Duty::Nothing,
            (Phase::Ended, _) => Duty::Finish,
            (Phase::Requested, _) => self.end(End::not_created()),
            // What has the name by now is another one's.
            (_, Some(name)) => Duty::GiveWay { to: name, storage_path: None, is_over: self.record.replaced },
            (_, None) => self.vanish(),
        }
    }

    fn take_in_resource(&mut self, capture: PacketCapture, azures_time: Timestamp) -> Duty {
        match self.record.phase {
            // Somebody else may have given the name to a capture of another machine.
            Phase::Requested if capture.is_elsewhere(&self.record.target) => self.take_in_absence(),
            Phase::Requested => {
                (self.record.name, self.record.storage_path) = (capture.name, capture.storage_path);
                // Somebody else may have asked for it long after this was written.
                self.record.requested_at = azures_time;
                self.enter(Phase::Creating, "seen", "Azure has the capture.")
            }
            Phase::Ended => self.take_in_address(capture.storage_path),
            _ if capture.is_failed() => self.fail_to_begin(Failure::lasting(Reason::NeverBegan, COULD_NOT_BEGIN)),
            _ if capture.is_beginning() && self.may_be_created_yet(azures_time) => self.poll_again_as_expected(),
            _ => self.created(),
        }
    }

    fn take_in_absence(&mut self) -> Duty {
        match self.record.phase {
            Phase::Requested if self.is_enough(FOR_CREATION) => self.end(End::not_created()),
            Phase::Requested => self.poll_again(),
            Phase::Ended => self.take_in_address(None),
            _ => self.vanish(),
        }
    }

    /// It is gone. If nightcap itself has deleted it to make room, its end was seen before.
    fn vanish(&mut self) -> Duty {
        if self.must_read_note_first() {
            return self.poll_again();
        }
        let noted = self.situation.end_note.as_ref().map(|note| note.end.clone());
        self.end(noted.unwrap_or_else(End::vanished))
    }

    fn settle(&mut self) -> Duty {
        self.record.settled = true;
        Duty::Nothing
    }

    fn created(&mut self) -> Duty {
        self.record.operation = None;
        self.enter(Phase::Created, "created", "Azure has made the capture.")
    }

    fn wait_for_operation(&mut self) -> Duty {
        if self.may_be_created_yet(self.now) { self.poll_again_as_expected() } else { self.give_up_operation() }
    }

    fn may_be_created_yet(&self, now: Timestamp) -> bool {
        let asked_at = self.record.requested_at;
        // Whoever asked may have had a clock that was ahead.
        now.since(asked_at).or(asked_at.since(now)).is_some_and(|apart| apart < CREATION_TAKES)
    }

    /// An operation that cannot be read, or goes on for ever, says nothing; the capture itself may.
    fn give_up_operation(&mut self) -> Duty {
        self.record.operation = None;
        self.poll_again()
    }

    fn fail_to_begin(&mut self, failure: Failure) -> Duty {
        self.record.operation = None;
        self.end(End::never_began(failure.message.clone()));
        Duty::TellFailure(failure)
    }

    /// Others may have written meanwhile that it is over, and then this may be the status of the next one of its name.
    fn take_in_status(&mut self, status: &Status) -> Duty {
        if self.record.end.is_some() || self.record.replaced {
            return Duty::Nothing;
        }
        self.record.began_at = status.began_at.or(self.record.began_at);
        match status.activity {
            Activity::Stopped | Activity::Failed => self.take_in_end(status),
            Activity::Running => self.take_in_running(status),
            Activity::NotStarted if self.is_enough(FOR_BEGINNING) => {
                let why = "Azure made the capture, but it never began to capture. Is the machine running, and is its \
                           Network Watcher agent healthy?";
                self.fail_to_begin(Failure::lasting(Reason::NeverBegan, why))
            }
            Activity::Unknown => self.take_in_silence(status),
            Activity::NotStarted => self.poll_again(),
        }
    }

    /// A capture within its time runs unless Azure says otherwise. Its polls do not count as those that found nothing.
    fn take_in_silence(&mut self, status: &Status) -> Duty {
        let began_at = self.record.began_at.unwrap_or(self.record.requested_at);
        let due = began_at.after(self.record.time_limit()).after(SLACK);
        let Some(left) = due.since(status.answered_at).filter(|left| !left.is_zero()) else {
            let lost = || End::lost_sight("Azure does not know what became of the capture.");
            return if self.is_enough(BEYOND) { self.end(lost()) } else { self.poll_again() };
        };
        self.poll_again_as_expected();
        self.record.poll_at = self.record.poll_at.min(Some(self.now.after(left)));
        Duty::Nothing
    }

    /// Azure does not tell who stopped a capture. Whoever did so by nightcap's word wrote that down first, perhaps while
    /// Azure was being asked.
    fn take_in_end(&mut self, status: &Status) -> Duty {
        match earlier_rival(self.record, self.situation) {
            Some(name) => Duty::GiveWay { to: name, storage_path: None, is_over: true },
            None if self.must_read_note_first() => self.poll_again(),
            None => self.end(End::from_status(self.record, status)),
        }
    }

    fn take_in_running(&mut self, status: &Status) -> Duty {
        let began_at = *self.record.began_at.get_or_insert(status.answered_at);
        if self.record.phase != Phase::Running {
            self.enter(Phase::Running, "running", "Azure says that the capture has begun.");
        }
        let due = began_at.after(self.record.time_limit()).after(SLACK);
        // Who wanted to stop it may have died before, and another alert may have joined since.
        let is_to_stop = match self.record.stopping {
            Some(EndReason::StoppedByHand) => true,
            Some(_) => self.situation.all_resolved,
            None => false,
        };
        match due.since(status.answered_at).filter(|left| !left.is_zero()) {
            // A host that may change nothing leaves it to the others.
            _ if is_to_stop && !self.is_enough(BEYOND) && self.situation.dry_run => self.poll_again(),
            _ if is_to_stop && !self.is_enough(BEYOND) => Duty::Stop,
            Some(left) => {
                self.record.count_polls_anew();
                self.record.poll_at = Some(self.now.after(left));
                Duty::Nothing
            }
            None if self.is_enough(BEYOND) => {
                self.end(End::lost_sight("Azure says that the capture still runs, long after its time limit."))
            }
            None => self.poll_again(),
        }
    }

    fn fail_to_stop(&mut self, error: &AzureError, failure: Failure) -> Duty {
        self.record.note(self.now, "stop_failed", failure.message);
        self.poll_again_after(error)
    }

    /// A poll that failed says nothing of the capture. When too many have, people are told that.
    fn fail_to_see(&mut self, error: &AzureError, failure: &Failure) -> Duty {
        if self.is_enough(BEYOND) {
            return self.end(End::lost_sight(&failure.message));
        }
        if self.record.polls == 0 {
            self.record.note(self.now, "not_seen", failure.message.as_str());
        }
        self.poll_again_after(error)
    }

    fn take_in_address(&mut self, storage_path: Option<String>) -> Duty {
        self.record.storage_path = storage_path;
        match self.record.storage_path {
            Some(_) => Duty::Nothing,
            None => {
                let problem = match &self.record.parameters.file.machine_path {
                    Some(path) => format!("The file is on the machine, at {path}, and nowhere else."),
                    None => "Azure told no address for the capture's file.".to_owned(),
                };
                self.finish_without_file(problem)
            }
        }
    }

    fn take_in_files(&mut self, files: Vec<File>) -> Duty {
        if files.is_empty() {
            let path = self.record.storage_path.as_deref().unwrap_or_default();
            let problem = format!("There is no file at {path}. The machine may not reach the storage account.");
            return if self.look_again() { Duty::Nothing } else { self.finish_without_file(problem) };
        }
        // The instances of a set do not finish in one moment.
        let may_be_more = self.record.leaves_several_files() && files.len() > self.record.files.len();
        self.record.files = files;
        if may_be_more && self.look_again() {
            return Duty::Nothing;
        }
        self.record.note(self.now, "file", "The capture's file is there.");
        let largest = self.record.files.iter().filter_map(|file| file.bytes).max().unwrap_or_default();
        self.record.end = self.record.end.take().map(|end| end.with_file_of(largest, self.record));
        Duty::Report
    }

    fn fail_to_find(&mut self, error: &AzureError, failure: &Failure) -> Duty {
        if self.record.storage_path.is_none() {
            return self.take_in_address(None);
        }
        let goes_on = error.is_transient() && self.look_again();
        if goes_on { Duty::Nothing } else { self.finish_without_file(failure.message.clone()) }
    }

    /// Has the file looked for again, unless that was done often enough.
    fn look_again(&mut self) -> bool {
        let goes_on = !self.is_enough(FOR_FILE);
        if goes_on {
            let pause = FILE_PAUSES.get(self.record.polls as usize).or(FILE_PAUSES.last()).copied();
            poll_again_in(self.record, self.now, pause.map_or(LONGEST_PAUSE, Duration::from_secs));
        }
        goes_on
    }

    /// Whether somebody may have written down how it ended, and the store does not tell at present.
    fn must_read_note_first(&self) -> bool {
        self.situation.is_note_unread && !self.is_enough(BEYOND)
    }

    /// Whether the same was found often and long enough. Where the clocks of those who found it do not agree, often is enough.
    fn is_enough(&self, patience: Patience) -> bool {
        let since = self.record.polled_since.and_then(|since| self.now.since(since));
        self.record.polls >= patience.polls && since.is_none_or(|since| since >= patience.time)
    }

    fn finish_without_file(&mut self, problem: String) -> Duty {
        self.record.file_problem = Some(problem);
        Duty::Finish
    }

    fn enter(&mut self, phase: Phase, step: &str, detail: &str) -> Duty {
        enter(self.record, phase, self.now, step, detail);
        Duty::Nothing
    }

    fn end(&mut self, how: End) -> Duty {
        end(self.record, how, self.now);
        Duty::Nothing
    }

    fn poll_again(&mut self) -> Duty {
        poll_again(self.record, self.now);
        Duty::Nothing
    }

    /// The same after a poll that told what was to be expected, so that it does not count among those that found nothing.
    fn poll_again_as_expected(&mut self) -> Duty {
        self.record.polls = self.record.polls.min(POLLS_AS_EXPECTED);
        self.poll_again()
    }

    /// The same, not before Azure has asked to.
    fn poll_again_after(&mut self, error: &AzureError) -> Duty {
        poll_again(self.record, self.now);
        if let Some(asked_to_wait) = error.retry_after() {
            let at = self.now.after(asked_to_wait);
            self.record.poll_at = self.record.poll_at.max(Some(at));
        }
        Duty::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::capture::tests::record;
    use http::StatusCode;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_millis(1_795_000_000_000 + seconds * 1000)
    }

    fn in_phase(phase: Phase) -> CaptureRecord {
        CaptureRecord { phase, settled: true, requested_at: at(0), ..record() }
    }

    fn status(activity: Activity) -> Answer {
        status_at(activity, at(10))
    }

    fn status_at(activity: Activity, answered_at: Timestamp) -> Answer {
        Answer::Status(Status { activity, began_at: Some(at(1)), stop_reason: None, errors: vec![], answered_at })
    }

    fn resource(provisioning_state: &str) -> Answer {
        let provisioning_state = provisioning_state.to_owned();
        Answer::Resource(Box::new(PacketCapture { provisioning_state, ..PacketCapture::default() }), at(10))
    }

    fn operation_failed() -> AzureError {
        let (code, message) = ("InternalError".to_owned(), String::new());
        AzureError::OperationFailed { action: crate::azure::action::Action::Create, code, message }
    }

    fn throttled(seconds: u64) -> AzureError {
        AzureError::Refused {
            action: crate::azure::action::Action::Status,
            status: StatusCode::TOO_MANY_REQUESTS,
            code: "TooManyRequests".to_owned(),
            message: String::new(),
            retry_after: Some(Duration::from_secs(seconds)),
        }
    }

    fn noted(superseded_by: Option<&str>) -> Situation {
        let end = End { reason: EndReason::SizeLimit, message: "It was full.".to_owned(), at: None, deduced: false };
        let end_note = Some(EndNote { at: at(5), end, superseded_by: superseded_by.map(str::to_owned) });
        Situation { end_note, ..Situation::default() }
    }

    /// The record and the duty after an answer, at second 20.
    fn after(record: CaptureRecord, answer: Answer, situation: &Situation) -> (CaptureRecord, Duty) {
        let mut record = record;
        let failure = |_: &AzureError| Failure::lasting(Reason::AzureRefused, "Azure said no.");
        let duty = advance(&mut record, answer, situation, at(20), failure);
        (record, duty)
    }

    #[test]
    fn what_is_asked_next_follows_from_the_record() {
        let resolved = Situation { stop_on_resolve: true, all_resolved: true, ..Situation::default() };
        let dry = Situation { dry_run: true, ..resolved.clone() };
        let nothing = Situation::default();
        let with = |phase, change: fn(&mut CaptureRecord)| {
            let mut record = in_phase(phase);
            change(&mut record);
            record
        };
        let operation: fn(&mut CaptureRecord) = |record| record.operation = Some("https://operation".to_owned());
        let path: fn(&mut CaptureRecord) = |record| record.storage_path = Some("https://file".to_owned());
        for (record, situation, question) in [
            (with(Phase::Requested, |_| ()), &nothing, Question::Resource),
            (with(Phase::Requested, |record| record.replaced = true), &nothing, Question::Nothing),
            (with(Phase::Creating, |record| record.settled = false), &nothing, Question::Rivals),
            (with(Phase::Creating, |record| record.settled = false), &dry, Question::Resource),
            (with(Phase::Creating, operation), &nothing, Question::Operation("https://operation".to_owned())),
            (with(Phase::Creating, |_| ()), &nothing, Question::Resource),
            (with(Phase::Creating, |_| ()), &noted(Some("earlier")), Question::Nothing),
            (with(Phase::Created, |_| ()), &nothing, Question::Status),
            (with(Phase::Running, |_| ()), &resolved, Question::Stop),
            (with(Phase::Running, |_| ()), &dry, Question::Status),
            (with(Phase::Running, |record| record.stopping = Some(EndReason::Resolved)), &resolved, Question::Status),
            (with(Phase::Running, |record| record.replaced = true), &nothing, Question::Nothing),
            (
                with(Phase::Running, |record| record.superseded_by = Some("earlier".to_owned())),
                &nothing,
                Question::Nothing,
            ),
            (with(Phase::Ended, |_| ()), &nothing, Question::Resource),
            (with(Phase::Ended, path), &nothing, Question::Files("https://file".to_owned())),
            (with(Phase::Ended, |record| record.end = Some(End::superseded("earlier"))), &nothing, Question::Nothing),
            (with(Phase::Finished, path), &nothing, Question::Nothing),
        ] {
            assert_eq!(next_question(&record, situation), question, "{:?} {situation:?}", record.phase);
        }
    }

    #[test]
    fn what_an_answer_leads_to_follows_from_record_and_answer() {
        let nothing = Situation::default();
        for (phase, polls, answer, situation, then, reason, duty) in [
            (Phase::Requested, 0, resource("Updating"), &nothing, Phase::Creating, None, Duty::Nothing),
            (Phase::Requested, 6, Answer::Gone, &nothing, Phase::Requested, None, Duty::Nothing),
            (Phase::Requested, 7, Answer::Gone, &nothing, Phase::Ended, Some(EndReason::NotCreated), Duty::Nothing),
            (Phase::Creating, 0, Answer::Operation(Some(())), &nothing, Phase::Created, None, Duty::Nothing),
            (Phase::Creating, 18, Answer::Operation(None), &nothing, Phase::Creating, None, Duty::Nothing),
            (Phase::Creating, 0, resource("Succeeded"), &nothing, Phase::Created, None, Duty::Nothing),
            (Phase::Creating, 0, resource("Updating"), &nothing, Phase::Creating, None, Duty::Nothing),
            (Phase::Creating, 0, Answer::Gone, &nothing, Phase::Ended, Some(EndReason::Vanished), Duty::Nothing),
            (Phase::Creating, 0, Answer::Gone, &noted(None), Phase::Ended, Some(EndReason::SizeLimit), Duty::Nothing),
            (Phase::Created, 0, status(Activity::Running), &nothing, Phase::Running, None, Duty::Nothing),
            (Phase::Created, 5, status(Activity::NotStarted), &nothing, Phase::Created, None, Duty::Nothing),
            (
                Phase::Running,
                0,
                status(Activity::Stopped),
                &nothing,
                Phase::Ended,
                Some(EndReason::Stopped),
                Duty::Nothing,
            ),
            (
                Phase::Running,
                0,
                status(Activity::Failed),
                &nothing,
                Phase::Ended,
                Some(EndReason::CaptureFailed),
                Duty::Nothing,
            ),
            (Phase::Running, 10, status(Activity::Unknown), &nothing, Phase::Running, None, Duty::Nothing),
            // Its time is not up.
            (Phase::Running, 11, status(Activity::Unknown), &nothing, Phase::Running, None, Duty::Nothing),
            (
                Phase::Running,
                11,
                status_at(Activity::Unknown, at(600)),
                &nothing,
                Phase::Ended,
                Some(EndReason::LostSight),
                Duty::Nothing,
            ),
            (Phase::Running, 0, Answer::Unclear, &nothing, Phase::Running, None, Duty::Nothing),
            (
                Phase::Running,
                11,
                Answer::Failed(throttled(60)),
                &nothing,
                Phase::Ended,
                Some(EndReason::LostSight),
                Duty::Nothing,
            ),
            (Phase::Ended, 0, Answer::Nothing, &nothing, Phase::Ended, None, Duty::Finish),
            (Phase::Ended, 0, Answer::Gone, &nothing, Phase::Ended, None, Duty::Finish),
            (Phase::Ended, 7, Answer::Files(vec![]), &nothing, Phase::Ended, None, Duty::Nothing),
            (Phase::Ended, 8, Answer::Files(vec![]), &nothing, Phase::Ended, None, Duty::Finish),
            (
                Phase::Ended,
                8,
                Answer::Files(vec![File { url: String::new(), bytes: None }]),
                &nothing,
                Phase::Ended,
                None,
                Duty::Report,
            ),
        ] {
            let story = format!("{phase:?} {polls} {answer:?}");
            let (record, done) = after(CaptureRecord { polls, ..in_phase(phase) }, answer, situation);
            assert_eq!((record.phase, record.end.map(|end| end.reason), done), (then, reason, duty), "{story}");
        }
    }

    #[test]
    fn a_creation_may_take_long_and_does_not_make_the_next_failure_the_last_one() {
        let creating = |polls, asked| CaptureRecord {
            polls,
            polled_since: Some(at(-3000)),
            requested_at: at(asked),
            ..in_phase(Phase::Creating)
        };
        let nothing = Situation::default();
        for asked in [-3000, 3000] {
            let (record, _) = after(creating(30, asked), resource("Updating"), &nothing);
            assert_eq!(record.phase, Phase::Creating, "{asked}");
            let (record, _) = after(record, Answer::Failed(throttled(1)), &nothing);
            assert_eq!((record.phase, record.end), (Phase::Creating, None), "{asked}");
        }
        for asked in [-4000, 4000] {
            let (record, _) = after(creating(1, asked), resource("Updating"), &nothing);
            assert_eq!(record.phase, Phase::Created, "{asked}: its status may tell more");
            let (record, _) = after(creating(1, asked), Answer::Operation(None), &nothing);
            assert_eq!((record.phase, record.operation), (Phase::Creating, None), "{asked}: the capture may tell more");
        }
    }

    #[test]
    fn several_who_poll_wait_no_less_than_one() {
        for (phase, answer, reason) in [
            (Phase::Requested, Answer::Gone, EndReason::NotCreated),
            (Phase::Created, status(Activity::NotStarted), EndReason::NeverBegan),
            (Phase::Running, Answer::Failed(throttled(1)), EndReason::LostSight),
        ] {
            let often = CaptureRecord { polls: 20, ..in_phase(phase) };
            let a_moment = CaptureRecord { polled_since: Some(at(0)), ..often.clone() };
            let (record, _) = after(a_moment, answer.clone(), &Situation::default());
            assert_eq!(record.end, None, "{phase:?}");
            let for_long = CaptureRecord { polled_since: Some(at(-3600)), ..often };
            let (record, _) = after(for_long, answer, &Situation::default());
            assert_eq!(record.end.map(|end| end.reason), Some(reason), "{phase:?}");
        }
    }

    #[test]
    fn what_has_the_name_on_another_machine_is_not_what_was_asked_for() {
        let elsewhere = PacketCapture {
            target: record().target.id().to_string().replace("/vm", "/other"),
            storage_path: Some("https://elsewhere".to_owned()),
            ..PacketCapture::default()
        };
        let answer = Answer::Resource(Box::new(elsewhere), at(10));
        let (record, _) = after(in_phase(Phase::Requested), answer, &Situation::default());
        assert_eq!((record.phase, record.storage_path, record.polls), (Phase::Requested, None, 1));
    }

    #[test]
    fn an_operation_that_failed_ends_the_capture_and_one_that_cannot_be_read_does_not() {
        let creating = CaptureRecord { operation: Some("https://operation".to_owned()), ..in_phase(Phase::Creating) };
        let (record, duty) =
            after(creating.clone(), Answer::OperationFailed(operation_failed()), &Situation::default());
        assert_eq!(record.end.map(|end| end.reason), Some(EndReason::NeverBegan));
        assert!(matches!(duty, Duty::TellFailure(_)), "{duty:?}");
        let (record, duty) = after(creating, Answer::OperationFailed(throttled(1)), &Situation::default());
        assert_eq!((record.phase, record.operation, duty), (Phase::Creating, None, Duty::Nothing));
    }

    #[test]
    fn whoever_was_earlier_gets_the_alerts() {
        let earlier = PacketCapture { name: "earlier".to_owned(), ..PacketCapture::default() };
        let to = |is_over| Duty::GiveWay { to: "earlier".to_owned(), storage_path: None, is_over };
        for (phase, answer, is_over) in [
            (Phase::Creating, Answer::Rivals(Some(Box::new(earlier))), false),
            (Phase::Creating, Answer::Nothing, false),
            (Phase::Running, status(Activity::Stopped), true),
        ] {
            assert_eq!(after(in_phase(phase), answer, &noted(Some("earlier"))).1, to(is_over), "{phase:?}");
        }
    }

    #[test]
    fn how_a_capture_ended_is_not_guessed_while_the_store_cannot_tell() {
        let unread = Situation { is_note_unread: true, ..Situation::default() };
        for answer in [Answer::Gone, status(Activity::Stopped)] {
            let (record, _) = after(in_phase(Phase::Running), answer.clone(), &unread);
            assert_eq!((record.phase, record.polls), (Phase::Running, 1), "{answer:?}");
            let for_long = CaptureRecord { polls: 20, polled_since: Some(at(-3600)), ..in_phase(Phase::Running) };
            let (record, _) = after(for_long, answer, &unread);
            assert_eq!(record.phase, Phase::Ended, "a store that never tells is not waited for");
        }
    }

    #[test]
    fn a_capture_is_stopped_again_only_while_all_its_alerts_are_over() {
        let stopping = CaptureRecord { stopping: Some(EndReason::Resolved), ..in_phase(Phase::Running) };
        let situation = |all_resolved| Situation { all_resolved, ..Situation::default() };
        assert_eq!(after(stopping.clone(), status(Activity::Running), &situation(true)).1, Duty::Stop);
        let dry = Situation { dry_run: true, ..situation(true) };
        assert_eq!(after(stopping.clone(), status(Activity::Running), &dry).1, Duty::Nothing);
        assert_eq!(after(stopping, status(Activity::Running), &situation(false)).1, Duty::Nothing);
    }

    #[test]
    fn polls_come_when_time_is_up_and_then_ever_more_seldom() {
        let (record, _) = after(in_phase(Phase::Running), status(Activity::Running), &Situation::default());
        // It began at second 1 by Azure's clock, which was at 10 then, and runs for 60.
        assert_eq!(record.poll_at, Some(at(20).after(Duration::from_secs(51)).after(SLACK)));
        let (record, _) = after(in_phase(Phase::Running), Answer::Unclear, &Situation::default());
        assert_eq!((record.polls, record.poll_at), (1, Some(at(25))));
        let often = CaptureRecord { polls: 9, ..in_phase(Phase::Running) };
        let (record, _) = after(often, Answer::Unclear, &Situation::default());
        assert_eq!(record.poll_at, Some(at(20).after(LONGEST_PAUSE)));
        let (record, _) = after(in_phase(Phase::Running), Answer::Failed(throttled(60)), &Situation::default());
        assert_eq!(record.poll_at, Some(at(80)), "Azure asked for a minute");
    }
}
