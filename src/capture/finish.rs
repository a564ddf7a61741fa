//! The last steps of a capture: its file is read, people are told, and nothing remains to be done.

use std::time::Duration;

use crate::azure::blob::largest;
use crate::capture::analyze::{self, CutOff, Limits, Reading};
use crate::capture::note::note_capture;
use crate::capture::step::{enter, poll_again};
use crate::context::{Context, InProgress};
use crate::host::Host;
use crate::measure::size;
use crate::notify::{compose, outbox};
use crate::page;
use crate::records::capture::{CaptureRecord, End, EndReason, KeptReport, Phase};
use crate::records::failure::Failure;
use crate::records::keys::target_key;
use crate::records::repository::AlertsOn;
use crate::records::target::TargetMemory;
use crate::report::Report;

/// How often a file is read that ends the host, or whose host ends for another cause, before people are told without a
/// report.
const MOST_ATTEMPTS: u32 = 2;

/// How many polls may find a store that takes no message, or does not tell of whom it is to be, before it is sent all the same:
/// a little over a minute.
const POLLS_FOR_STORE: u32 = 4;

/// What an instance has in progress that reads a file, and the pause between two looks whether it still has. It is looked
/// at again and again because a request must not wake another one; see `azure/token.rs`.
const READING: &str = "reading";
const LOOK_FOR_TURN_AFTER: Duration = Duration::from_millis(50);

/// How often it is tried to keep a report: over some minutes.
const SAVE_ATTEMPTS: u32 = 10;

/// Reads what was captured, for a while. People are told the rest without it if it cannot be read. Gives the report when the
/// store did not take it.
pub async fn read_report<H: Host>(context: &Context<H>, record: &mut CaptureRecord) -> Option<KeptReport> {
    let settings = &context.settings;
    let limits = Limits { time: settings.report_within, bytes: settings.report_bytes, names: settings.report_names };
    let is_read = !record.report.is_empty() || record.report_problem.is_some();
    let file = largest(&record.files).filter(|_| !is_read && !limits.time.is_zero())?.clone();
    if record.report_attempts >= MOST_ATTEMPTS {
        let problem = format!("Reading it was begun {MOST_ATTEMPTS} times, and nightcap's host ended each time.");
        record.report_problem = Some(problem);
        return None;
    }
    // Whoever comes after a sudden end has to know that it may have come from reading.
    record.report_attempts = record.report_attempts.saturating_add(1);
    context.records().save_capture(record).await;
    let deadline = context.host().monotonic().saturating_add(limits.time);
    let Some(_turn) = turn_to_read(context, deadline).await else {
        record.report_problem = Some("Other files were being read for too long.".to_owned());
        return None;
    };
    let left = deadline.saturating_sub(context.host().monotonic());
    let azure = context.azure(&record.target, left);
    match analyze::read(&azure, &file.url, limits).await {
        Ok(Reading { report, cut_off }) => {
            record.report = lines_of(&report, record.files.len());
            record.filters = report.filters();
            let records = context.records();
            let alerts = records.alerts_on(record).await.alerts;
            let page = page::page(record, alerts.first().map(|on| &on.alert), &report, settings);
            let step = how_far(record, &report, cut_off);
            let kept = KeptReport { at: context.host().now(), report, page };
            record.note(context.azures_time(), "report", step);
            let is_saved = records.save(&record.report_key(), &kept).await;
            if is_saved { None } else { Some(kept) }
        }
        Err(error) => {
            let failure = Failure::from_azure(&error, &record.target, Some(&record.watcher));
            record.report_problem = Some(failure.message);
            None
        }
    }
}

/// Keeps a report that the store has not taken yet. People have been told meanwhile.
pub async fn keep_report<H: Host>(context: &Context<H>, record: &CaptureRecord, report: &KeptReport) {
    for attempt in 0..SAVE_ATTEMPTS {
        context.host().sleep(Duration::from_secs(1 << attempt.min(5))).await;
        if context.records().save(&record.report_key(), report).await {
            return;
        }
    }
}

/// How much of the file was read, and why not all of it.
fn how_far(record: &CaptureRecord, report: &Report, cut_off: Option<CutOff>) -> String {
    let why = match cut_off {
        None => return "The capture's file was read.".to_owned(),
        Some(CutOff::Time) => "There was no more time.".to_owned(),
        Some(CutOff::Bytes) => "The setting report_bytes allows no more.".to_owned(),
        Some(CutOff::Changed) => "It changed again and again while it was being read.".to_owned(),
        Some(CutOff::Failed(error)) => Failure::from_azure(&error, &record.target, Some(&record.watcher)).message,
    };
    format!("The first {} of the capture's file were read. {why}", size(report.file.bytes_read))
}

/// Writes down what people are to be told, and then that nothing remains to be done. Then tells them.
pub async fn finish<H: Host>(context: &Context<H>, record: &mut CaptureRecord) {
    let records = context.records();
    let now = context.host().now();
    let end = record.end.clone();
    let end = end.unwrap_or_else(|| End::lost_sight("The record does not tell how the capture ended."));
    if end.reason.is_notified() {
        let key = target_key(&record.target);
        let captured_until = if end.reason == EndReason::NeverBegan { None } else { Some(now) };
        let memory = records.load::<TargetMemory>(&key).await.unwrap_or_default();
        records.save(&key, &memory.after_end(&record.key(), captured_until, now)).await;
    }
    let AlertsOn { alerts, count, is_whole } = records.alerts_on(record).await;
    let notice = compose::capture_ended(record, &end, alerts, count, &context.settings.notify, now);
    let is_wanted = end.reason.is_notified() && context.settings.notify.wants(notice.event);
    // The message is told once, and for some of the alerts it may be the only one. What is not in the store does not wait: nobody
    // else would tell it.
    let may_wait = is_wanted && !is_whole && record.polls < POLLS_FOR_STORE;
    if may_wait && records.save_capture(record).await {
        return poll_again(record, context.azures_time());
    }
    // What cannot be written down has to be told before this record says that nothing remains to be done. Until it says so
    // nothing is lost.
    let is_kept = is_wanted && outbox::enqueue(&records, &notice).await;
    if is_wanted && !is_kept {
        if record.polls < POLLS_FOR_STORE {
            return poll_again(record, context.azures_time());
        }
        outbox::deliver_unkept(&records, &context.settings.notify, notice.clone()).await;
    }
    enter(record, Phase::Finished, context.azures_time(), "finished", "Nothing remains to be done.");
    note_capture(context, record, "finished");
    records.save_capture(record).await;
    if is_kept {
        outbox::deliver(&records, &context.settings.notify, notice).await;
    }
}

/// Waits until this instance reads no other file: its memory is bounded for one, and many captures may end together.
async fn turn_to_read<H: Host>(context: &Context<H>, deadline: Duration) -> Option<InProgress<H>> {
    loop {
        if let Some(turn) = context.instance.begin(READING) {
            return Some(turn);
        }
        if context.host().monotonic() >= deadline {
            return None;
        }
        context.host().sleep(LOOK_FOR_TURN_AFTER).await;
    }
}

/// What people are told of the report; of several files it is about the largest.
fn lines_of(report: &Report, files: usize) -> Vec<String> {
    let mut lines = report.lines();
    if let (Some(first), 2..) = (lines.first_mut(), files) {
        *first = format!("{first} This is the largest of {files} files.");
    }
    lines
}
