//! The report on a capture: its files are read one after the other, and the worst one is told first.

use std::time::Duration;

use crate::azure::blob::File;
use crate::capture::analyze::{self, CutOff, Limits, Reading};
use crate::capture::instances::names;
use crate::capture::lines::{insert_second, lines};
use crate::capture::step::poll_again_in;
use crate::context::{Context, InProgress};
use crate::host::Host;
use crate::measure::size;
use crate::page::{self, Shown};
use crate::records::alert::OnCapture;
use crate::records::baseline::{Baselines, Earlier};
use crate::records::capture::CaptureRecord;
use crate::records::failure::Failure;
use crate::records::keys::baseline_key;
use crate::records::report::{BeforeAndAfter, InstanceReport, KeptReport, Told};
use crate::report::{Comparison, Rank, Report, Severity};

/// How often files are read that end the host, or whose host ends for another cause, before people are told without a report.
const MOST_ATTEMPTS: u32 = 2;

/// The most files that are read, the largest ones. Each has a report of its own in the store.
const MOST_FILES: usize = 50;

/// What an instance has in progress that reads files, and the pause between two looks whether it still has. It is looked
/// at again and again because a request must not wake another one; see `azure/token.rs`.
const READING: &str = "reading";
const LOOK_FOR_TURN_AFTER: Duration = Duration::from_millis(50);

/// How often reading is left to a later sweep, which has more time, before it is done in what there is.
const MOST_POLLS: u32 = 20;

/// How often it is tried to keep a report: over some minutes.
const SAVE_ATTEMPTS: u32 = 10;

/// What became of a report.
pub enum Reported {
    /// The record tells it, or why there is none.
    Done,
    /// The record tells it, but the store has not taken it.
    Unkept(Box<KeptReport>),
    /// The host soon ends what is at work here. The next sweep has more time.
    PutOff,
}

/// Reads what was captured, for a while. People are told the rest without it if it cannot be read.
pub async fn report<H: Host>(context: &Context<H>, record: &mut CaptureRecord) -> Reported {
    let limit = context.settings.report_within;
    let is_read = !record.report.is_empty() || record.report_problem.is_some();
    if is_read || record.files.is_empty() || limit.is_zero() {
        return Reported::Done;
    }
    if record.report_attempts >= MOST_ATTEMPTS {
        let problem = format!("Reading it was begun {MOST_ATTEMPTS} times, and nightcap's host ended each time.");
        record.report_problem = Some(problem);
        return Reported::Done;
    }
    let deadline = context.host().monotonic().saturating_add(limit);
    let Some(_turn) = turn_to_read(context, deadline).await else {
        record.report_problem = Some("Other files were being read for too long.".to_owned());
        return Reported::Done;
    };
    let Some(time) = time_to_read(context, record, deadline) else {
        let until_it_is_over = context.time_left().unwrap_or_default().saturating_add(Duration::from_secs(1));
        poll_again_in(record, context.azures_time(), until_it_is_over);
        return Reported::PutOff;
    };
    // Whoever comes after a sudden end has to know that it may have come from reading.
    record.report_attempts = record.report_attempts.saturating_add(1);
    context.records().save_capture(record).await;
    let alerts = context.records().alerts_on(record).await.alerts;
    let reader =
        Reader { context, record, alert: alerts.first(), until: context.host().monotonic().saturating_add(time) };
    let began = context.host().monotonic();
    let read = reader.read_all().await;
    let took = context.host().monotonic().saturating_sub(began);
    record.read_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    record.read_bytes = read.bytes;
    read.tell(context, record, alerts.first()).await
}

/// Keeps a report that the store has not taken yet. People have been told meanwhile.
pub async fn keep<H: Host>(context: &Context<H>, record: &CaptureRecord, report: &KeptReport) {
    for attempt in 0..SAVE_ATTEMPTS {
        context.host().sleep(Duration::from_secs(1 << attempt.min(5))).await;
        if context.records().save(&record.report_key(), report).await {
            return;
        }
    }
}

/// How long there is for reading; nothing when a later sweep has more time than is left here. The last part of it is for writing
/// down and telling.
fn time_to_read<H: Host>(context: &Context<H>, record: &CaptureRecord, deadline: Duration) -> Option<Duration> {
    let time = deadline.saturating_sub(context.host().monotonic());
    // The host that ended may have done so because its time was up.
    let time = if record.report_attempts > 0 { part(time, 4) } else { time };
    let (Some(stay), Some(left)) = (context.settings.stay, context.time_left()) else { return Some(time) };
    let is_enough = left >= part(stay, 2) || record.polls >= MOST_POLLS;
    is_enough.then(|| time.min(left.saturating_sub(part(stay, 8))))
}

/// One of so many equal parts.
fn part(time: Duration, parts: u32) -> Duration {
    time.checked_div(parts).unwrap_or(time)
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

/// Reads the files of a capture.
struct Reader<'a, H> {
    context: &'a Context<H>,
    record: &'a CaptureRecord,
    alert: Option<&'a OnCapture>,
    /// When there is no more time, on the host's monotonic clock.
    until: Duration,
}

/// What the files of a capture say.
#[derive(Default)]
struct Read {
    /// Each file in short, with where it belongs; those that could not be read have no rank and come last.
    files: Vec<(Option<Rank>, InstanceReport)>,
    worst: Option<Worst>,
    /// How much was read of all of them.
    bytes: u64,
    /// Why the first of those could not be read that could not.
    failure: Option<String>,
}

/// The report that is worst.
struct Worst {
    rank: Rank,
    /// The number of its file.
    number: usize,
    report: Report,
    comparison: Option<BeforeAndAfter>,
    /// Why not all of its file was read.
    cut_off: Option<CutOff>,
}

impl<H: Host> Reader<'_, H> {
    /// Each file gets its share of the time, the small ones first, so that the large ones get what those leave.
    async fn read_all(&self) -> Read {
        let files = &self.record.files;
        let names = names(&self.record.machine().name(), files);
        let size_of = |index: &usize| files.get(*index).and_then(|file| file.bytes).unwrap_or_default();
        let mut order: Vec<usize> = (0..files.len()).collect();
        order.sort_by_key(|index| std::cmp::Reverse(size_of(index)));
        order.truncate(MOST_FILES);
        order.reverse();
        let mut read = Read::default();
        for (done, index) in order.iter().enumerate() {
            let (Some(file), Some(name)) = (files.get(*index), names.get(*index)) else { continue };
            let left = self.until.saturating_sub(self.context.host().monotonic());
            let share = part(left, u32::try_from(order.len().saturating_sub(done)).unwrap_or(u32::MAX));
            self.read_one(&mut read, file, index.saturating_add(1), name, share).await;
        }
        read.files.sort_by_key(|(rank, instance)| (rank.is_none(), *rank, instance.number));
        read
    }

    async fn read_one(&self, read: &mut Read, file: &File, number: usize, name: &str, time: Duration) {
        let azure = self.context.azure(&self.record.target, time);
        let settings = &self.context.settings;
        let limits = Limits { time, bytes: settings.report_bytes, names: settings.report_names };
        let empty = InstanceReport::new(number, name);
        match analyze::read(&azure, &file.url, limits).await {
            Ok(Reading { report, cut_off }) => {
                let rank = report.rank();
                read.bytes = read.bytes.saturating_add(report.file.bytes_read);
                read.files.push((Some(rank), summary(empty, &report)));
                let comparison = self.compare(name, &report).await;
                if self.record.files.len() > 1 {
                    self.keep(file, number, name, &report, comparison.as_ref()).await;
                }
                if read.worst.as_ref().is_none_or(|worst| rank < worst.rank) {
                    read.worst = Some(Worst { rank, number, report, comparison, cut_off });
                }
            }
            Err(error) => {
                let failure = Failure::from_azure(&error, &self.record.target, Some(&self.record.watcher));
                read.failure.get_or_insert_with(|| failure.message.clone());
                read.files.push((None, InstanceReport { problem: Some(failure.message), ..empty }));
            }
        }
    }

    /// Keeps the report on one of several files.
    async fn keep(&self, file: &File, number: usize, name: &str, report: &Report, comparison: Option<&BeforeAndAfter>) {
        let shown = Shown { machine: name, number: Some(number), instances: &[], comparison, report };
        let page = page::page(self.record, self.alert.map(|on| &on.alert), &shown, &self.context.settings);
        let report = Told { report: report.clone(), instances: vec![], comparison: comparison.cloned() };
        let kept = KeptReport { at: self.context.host().now(), report, page };
        self.context.records().save(&self.record.report_key_of(file), &kept).await;
    }

    /// Compares a machine with what it was like before, and remembers what it is like now.
    async fn compare(&self, machine: &str, report: &Report) -> Option<BeforeAndAfter> {
        let now = Earlier::new(self.record, report.baseline());
        if !now.traffic.is_enough() {
            return None;
        }
        let (records, key) = (self.context.records(), baseline_key(&self.record.target, machine));
        let baselines: Baselines = records.load(&key).await.unwrap_or_default();
        let compared = baselines.before(&now).and_then(|before| {
            Some(BeforeAndAfter {
                capture: before.name.clone(),
                began_at: before.began_at,
                was_quiet: before.traffic.is_quiet,
                comparison: Comparison::new(&before.traffic, &now.traffic)?,
            })
        });
        records.save(&key, &baselines.with(now, self.context.host().now())).await;
        compared
    }
}

impl Read {
    /// Writes down what there is to tell.
    async fn tell<H: Host>(
        self,
        context: &Context<H>,
        record: &mut CaptureRecord,
        alert: Option<&OnCapture>,
    ) -> Reported {
        let Some(Worst { number, report, comparison, cut_off, .. }) = self.worst else {
            record.report_problem = self.failure;
            return Reported::Done;
        };
        let now = context.host().now();
        let is_one_of_several = record.files.len() > 1;
        let instances: Vec<InstanceReport> = self.files.into_iter().map(|(_, instance)| instance).collect();
        let machine = record.machine().name();
        record.leading_file = is_one_of_several.then_some(number);
        record.report = match is_one_of_several {
            true => lines(&machine, record.files.len(), &instances, &report),
            false => report.lines(),
        };
        record.filters = report.filters();
        if is_one_of_several {
            // Only the first line is about packets of this report's file.
            record.filters.truncate(1);
        }
        if let Some(sentence) = comparison.as_ref().and_then(BeforeAndAfter::sentence) {
            insert_second(sentence, &mut record.report, &mut record.filters);
        }
        let step = match is_one_of_several {
            true => format!("{} of the capture's {} files were read.", read_of(&instances), record.files.len()),
            false => how_far(record, &report, cut_off),
        };
        record.note(context.azures_time(), "report", step);
        let instances = if is_one_of_several { instances } else { vec![] };
        let machine = instances.first().map_or(machine.as_str(), |instance| instance.name.as_str());
        let number = record.leading_file;
        let shown = Shown { machine, number, instances: &instances, comparison: comparison.as_ref(), report: &report };
        let page = page::page(record, alert.map(|on| &on.alert), &shown, &context.settings);
        let kept = KeptReport { at: now, report: Told { report, instances, comparison }, page };
        let is_saved = context.records().save(&record.report_key(), &kept).await;
        if is_saved { Reported::Done } else { Reported::Unkept(Box::new(kept)) }
    }
}

fn summary(instance: InstanceReport, report: &Report) -> InstanceReport {
    InstanceReport {
        packets: report.packets.count,
        bytes: report.packets.bytes,
        criticals: report.findings_of(Severity::Critical),
        warnings: report.findings_of(Severity::Warning),
        worst: report.findings.first().map(|finding| finding.sentence.clone()),
        is_complete: report.file.is_complete,
        ..instance
    }
}

fn read_of(instances: &[InstanceReport]) -> usize {
    instances.iter().filter(|instance| instance.problem.is_none()).count()
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
