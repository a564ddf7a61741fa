//! What is remembered of a capture: one JSON value, from the moment before Azure is asked for it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoStaticStr};

use crate::alert::Summary;
use crate::azure::blob::{File, largest, named_at};
use crate::azure::capture_parameters::Parameters;
use crate::azure::region::Region;
use crate::azure::resource_id::ResourceId;
use crate::azure::target::Target;
use crate::digest::digest;
use crate::records::alert::OnCapture;
use crate::records::form::FORM;
use crate::records::keys::{alert_on, alerts_prefix, capture_key, spelt_capture_key};
use crate::tally::Counts;
use crate::timestamp::Timestamp;

/// The most steps that a capture's record lists; watching one for hours takes about fifty.
const MOST_STEPS: usize = 300;

/// How far apart two may ask for one name and still race for one capture: as old as a list of captures may be that a new
/// one is created from, and that much again.
const RACES_LAST: Duration = Duration::from_secs(30);

/// One capture that Azure was asked for, from the moment before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CaptureRecord {
    /// See [`FORM`].
    #[serde(default)]
    pub form: u32,
    /// Subscription of watcher and machine.
    pub subscription: String,
    pub region: Region,
    pub name: String,
    /// The machine, as the alert spells it.
    pub target: Target,
    /// The same as Azure spells it, for people.
    #[serde(default)]
    pub machine: Option<String>,
    pub watcher: ResourceId,
    /// How long, how much and what it captures.
    pub parameters: Parameters,
    /// The key of the alert that it was asked for; empty when it was found running and nobody here knows.
    #[serde(rename = "askedBy")]
    pub requested_by: String,
    /// The same alert as captures list it. Those that have joined since have a key each.
    #[cfg_attr(test, schema(ignore))]
    #[serde(default, rename = "askedFor", skip_serializing_if = "Option::is_none")]
    pub requested_for: Option<OnCapture>,
    /// Azure's time when it was asked for, or when it was found.
    #[serde(rename = "askedAt")]
    pub requested_at: Timestamp,
    /// Whether it was seen that no instance that raced for the target has made another capture beside it.
    #[serde(default)]
    pub settled: bool,
    /// Where Azure tells how creating it goes, until that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The address that the file will have, as far as Azure told it.
    pub storage_path: Option<String>,
    pub phase: Phase,
    /// When it began, by Azure.
    pub began_at: Option<Timestamp>,
    /// How many polls in a row have brought nothing new.
    #[serde(default, rename = "looks")]
    pub polls: u32,
    /// Azure's time at the first of these. Several who poll count together, and none of them is to wait less for that.
    #[serde(default, rename = "lookedSince", skip_serializing_if = "Option::is_none")]
    pub polled_since: Option<Timestamp>,
    /// When to look again, by Azure's time as far as whoever wrote this had heard it.
    #[serde(rename = "lookAt")]
    pub poll_at: Option<Timestamp>,
    /// Why nightcap itself is stopping it.
    pub stopping: Option<EndReason>,
    /// The name of the capture in whose favour this one was stopped.
    pub superseded_by: Option<String>,
    /// Whether the name belongs to another capture by now.
    #[serde(default)]
    pub replaced: bool,
    pub end: Option<End>,
    /// The files that it left.
    #[serde(default)]
    pub files: Vec<File>,
    /// Why there is no file, or why it could not be looked at.
    pub file_problem: Option<String>,
    /// What its file says, in a few lines.
    #[serde(default)]
    pub report: Vec<String>,
    /// Display filters of Wireshark for the first of these lines; empty where there is none.
    #[serde(default)]
    pub filters: Vec<String>,
    /// Why its file could not be read.
    #[serde(default)]
    pub report_problem: Option<String>,
    /// Of several files, the number of the one that the report is about, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leading_file: Option<usize>,
    /// How often reading the file was begun. A host that ends meanwhile leaves this behind.
    #[serde(default)]
    pub report_attempts: u32,
    /// How much of its files was read, in bytes, and for how long, in milliseconds.
    #[serde(default, skip_serializing_if = "crate::json::is_zero")]
    pub read_bytes: u64,
    #[serde(default, skip_serializing_if = "crate::json::is_zero")]
    pub read_ms: u64,
    /// How long after the alert was received Azure was asked for it, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put_after_ms: Option<u64>,
    /// What there is to say of the agent, where nightcap had it installed first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// What whoever watched it has counted since it last wrote to another record.
    #[serde(default, skip_serializing_if = "Counts::is_empty")]
    pub counts: Counts,
    pub steps: Vec<Step>,
}

/// What is known of a capture before Azure is asked for it; the members are those of [`CaptureRecord`].
#[derive(Clone, Debug)]
pub struct Requested {
    pub subscription: String,
    pub region: Region,
    pub name: String,
    pub target: Target,
    pub machine: Option<String>,
    pub watcher: ResourceId,
    pub parameters: Parameters,
    pub by: String,
    pub alert: Option<OnCapture>,
    pub at: Timestamp,
}

/// Where a capture stands. Each phase is written before its work is done, so that whoever reads it knows what is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Azure is asked for it; whether the request arrived is not known yet.
    #[serde(rename = "asked")]
    Requested,
    /// Azure was asked for it and is at work.
    Creating,
    /// Azure has made it; whether it captures is not known yet.
    Created,
    Running,
    /// It is over, and its file is being looked for.
    Ended,
    /// Nothing remains to be done.
    Finished,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct End {
    /// Why, for machines.
    pub reason: EndReason,
    /// Why, for people.
    pub message: String,
    /// When, as near as Azure lets it be known.
    pub at: Option<Timestamp>,
    /// Whether the reason was concluded from the time, for Azure named none. A full file then knows better.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deduced: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, IntoStaticStr, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum EndReason {
    TimeLimit,
    /// It had as many bytes as it may.
    SizeLimit,
    /// Somebody stopped it.
    StoppedByHand,
    /// nightcap stopped it, for all its alerts had resolved.
    Resolved,
    /// It stopped for a reason that nightcap does not know.
    Stopped,
    /// nightcap stopped it in favour of one that was a moment earlier.
    Superseded,
    /// Azure reported an error of the agent, the machine or the storage.
    CaptureFailed,
    /// Azure made it, and it never captured.
    NeverBegan,
    /// Azure never made it.
    NotCreated,
    /// Somebody deleted it before its end was seen.
    Vanished,
    /// Azure did not tell how it ended. It may have ended well.
    LostSight,
}

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Step {
    pub at: Timestamp,
    /// What, for machines.
    pub step: String,
    /// What, for people.
    pub detail: String,
}

/// How a capture ended that was deleted to make room, or stopped in favour of an earlier one. Whoever does that may be
/// another one than who watches it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndNote {
    pub at: Timestamp,
    pub end: End,
    pub superseded_by: Option<String>,
}

impl CaptureRecord {
    /// The record of a capture that Azure is about to be asked for.
    pub fn new(request: Requested) -> Self {
        Self {
            form: FORM,
            subscription: request.subscription,
            region: request.region,
            name: request.name,
            target: request.target,
            machine: request.machine,
            watcher: request.watcher,
            parameters: request.parameters,
            requested_by: request.by,
            requested_for: request.alert,
            requested_at: request.at,
            settled: false,
            operation: None,
            storage_path: None,
            phase: Phase::Requested,
            began_at: None,
            polls: 0,
            polled_since: None,
            poll_at: None,
            stopping: None,
            superseded_by: None,
            replaced: false,
            end: None,
            files: vec![],
            file_problem: None,
            report: vec![],
            filters: vec![],
            report_problem: None,
            leading_file: None,
            report_attempts: 0,
            read_bytes: 0,
            read_ms: 0,
            put_after_ms: None,
            agent: None,
            counts: Counts::default(),
            steps: vec![],
        }
    }

    /// The machine in Azure's own spelling, where that is known.
    pub fn machine(&self) -> Target {
        let spelt = self.machine.as_deref().and_then(Target::parse).filter(|spelt| *spelt == self.target);
        spelt.unwrap_or_else(|| self.target.clone())
    }

    /// Where it lies: under its name, or beside that when the name is another capture's by now.
    pub fn key(&self) -> String {
        let key = capture_key(&self.subscription, &self.region, &self.name);
        if self.replaced { format!("{key}:{}", self.place_aside()) } else { key }
    }

    /// What stands behind the name in keys, when that is another capture's by now.
    pub fn place_aside(&self) -> String {
        self.address().unwrap_or_else(|| self.requested_at.unix_millis().to_string())
    }

    /// The address of its file, as keys have it. No other capture of the name has the same.
    fn address(&self) -> Option<String> {
        self.storage_path.as_deref().map(|path| digest(path, 8))
    }

    /// What the keys of the alerts on it begin with, and of those on all others that have or had its name.
    pub fn alerts_prefix(&self) -> String {
        alerts_prefix(&capture_key(&self.subscription, &self.region, &self.name))
    }

    /// Where an alert on it lies. Who knows no address tells no capture of the name from another.
    pub fn on_key(&self, alert: &Summary) -> String {
        let place = self.address().map(|address| format!("{address}:")).unwrap_or_default();
        format!("{}{place}{}", self.alerts_prefix(), alert_on(&self.target, alert))
    }

    /// Whether the rest of a key, after [`alerts_prefix`](Self::alerts_prefix), is that of an alert on this capture. Without an
    /// address they belong to whatever has the name, until it is put aside.
    pub fn has_alert_at(&self, rest: &str) -> bool {
        match rest.rsplit_once(':') {
            // Version 0.1 put them aside by the moment.
            Some((place, _)) => {
                self.address().as_deref() == Some(place) || self.requested_at.unix_millis().to_string() == place
            }
            None => !self.replaced,
        }
    }

    /// What tells this capture from any other, also from one that had the name before: Azure never tells two captures
    /// the same address for their files. Messages and reports are found by it, so it is the same in every version.
    pub fn identity(&self) -> String {
        let key = spelt_capture_key(&self.subscription, &self.region, &self.name);
        match &self.storage_path {
            Some(path) => format!("{key} {path}"),
            None => format!("{key} {}", self.requested_at),
        }
    }

    /// Where it stands how this capture ended, if somebody ended it who does not watch it.
    pub fn end_note_key(&self) -> String {
        format!("over:{}", digest(&self.identity(), 16))
    }

    /// Where the report lies.
    pub fn report_key(&self) -> String {
        format!("report:{}", digest(&self.identity(), 16))
    }

    /// Where the report on one of several files lies.
    pub fn report_key_of(&self, file: &File) -> String {
        format!("report:{}", digest(&format!("{}\n{}", self.identity(), file.url), 16))
    }

    /// The file that the report is about, or is to be about: of several the largest, as long as none has been read.
    pub fn leading_file(&self) -> Option<&File> {
        let leading = self.leading_file.and_then(|number| self.files.get(number.checked_sub(1)?));
        leading.or_else(|| largest(&self.files))
    }

    /// Whether another record of the name is about the same capture, not about one that had the name before.
    pub fn is_same_capture(&self, other: &Self) -> bool {
        match (&self.storage_path, &other.storage_path) {
            (Some(own), Some(theirs)) => own == theirs,
            _ if self.target.resource() != other.target.resource() => false,
            (Some(_), None) => !other.follows(self),
            (None, Some(_)) => !self.follows(other),
            (None, None) => true,
        }
    }

    /// Whether the name of both is the other one's by now, where they are not the same capture. The later one has it, by Azure's
    /// clock where that can be seen; but whoever only asked for it takes it from nobody who raced for it and got it.
    pub fn has_lost_name_to(&self, other: &Self) -> bool {
        match (&self.storage_path, &other.storage_path) {
            (Some(_), None) => other.follows(self),
            (None, Some(_)) => !self.follows(other),
            (Some(own), Some(theirs)) => match (named_at(own), named_at(theirs)) {
                (Some(own), Some(theirs)) => own < theirs,
                _ => self.requested_at < other.requested_at,
            },
            (None, None) => self.requested_at < other.requested_at,
        }
    }

    /// Whether this one, which nobody has seen yet, was asked for after another one of the name: that one is over, or so much
    /// older that nobody can have raced for it. Whoever watches that one may not have seen its end yet. Whoever asked for that one
    /// may have had a wrong time, so Azure's counts too.
    fn follows(&self, seen: &Self) -> bool {
        let seen_at = seen.storage_path.as_deref().and_then(named_at).max(Some(seen.requested_at));
        let later_by = seen_at.and_then(|at| self.requested_at.since(at)).filter(|later_by| !later_by.is_zero());
        later_by.is_some_and(|later_by| seen.end.is_some() || later_by > RACES_LAST)
    }

    /// Whether somebody who asks for the name at that time may be racing for this very capture, and it is not over. One
    /// that has perhaps never reached Azure is open to everybody.
    pub fn is_contested_at(&self, requested_at: Timestamp) -> bool {
        let apart = requested_at.since(self.requested_at).or_else(|| self.requested_at.since(requested_at));
        self.phase == Phase::Requested || (self.end.is_none() && apart.is_none_or(|apart| apart <= RACES_LAST))
    }

    /// Takes over when Azure accepted it, which tells it from those that had its name before, however old the list was that it was
    /// asked for by. An answer may come without a time, and then this is that of a host, which may be anything.
    pub fn accepted_at(&mut self, at: Timestamp) {
        if at.since(self.requested_at).is_some_and(|later_by| later_by <= RACES_LAST) {
            self.requested_at = at;
        }
    }

    /// Whether it leaves a file for each instance of a scale set, or a ring of them.
    pub fn leaves_several_files(&self) -> bool {
        self.target.is_of_a_set() || self.parameters.ring.is_some()
    }

    /// How long it may capture.
    pub fn time_limit(&self) -> Duration {
        Duration::from_secs(u64::from(self.parameters.capture_seconds))
    }

    /// Takes over how it ended; its file is still to be found.
    pub fn end_with(&mut self, end: End) {
        self.phase = Phase::Ended;
        self.count_polls_anew();
        self.end = Some(end);
    }

    /// Something new is known, so that the next poll is the first of others.
    pub fn count_polls_anew(&mut self) {
        self.polls = 0;
        self.polled_since = None;
        self.poll_at = None;
    }

    /// Whether nothing remains to be done.
    pub fn is_finished(&self) -> bool {
        self.phase == Phase::Finished
    }

    /// Takes over what another watcher of the same capture has written. Of two that stand alike, one's own is the later.
    pub fn merge(&mut self, stored: Self) {
        if !self.is_same_capture(&stored) {
            return;
        }
        let mut steps = stored.steps.clone();
        steps.extend(self.steps.iter().filter(|step| !stored.steps.contains(step)).cloned());
        steps.sort_by_key(|step| step.at);
        steps.truncate(MOST_STEPS);
        // Of two spellings Azure's, which whoever has seen the capture knows; else the one that was there first.
        let knows_better = self.storage_path.is_some() && stored.storage_path.is_none();
        let name = if knows_better { self.name.clone() } else { stored.name.clone() };
        let mut counts = stored.counts.clone();
        counts.merge(&self.counts);
        let (earlier, later) = if stored.is_ahead_of(self) { (self.clone(), stored) } else { (stored, self.clone()) };
        *self = Self {
            name,
            requested_at: later.requested_at.max(earlier.requested_at),
            storage_path: later.storage_path.or(earlier.storage_path),
            began_at: later.began_at.or(earlier.began_at),
            requested_for: later.requested_for.or(earlier.requested_for),
            report_attempts: later.report_attempts.max(earlier.report_attempts),
            read_bytes: later.read_bytes.max(earlier.read_bytes),
            read_ms: later.read_ms.max(earlier.read_ms),
            put_after_ms: later.put_after_ms.or(earlier.put_after_ms),
            counts,
            stopping: later.stopping.or(earlier.stopping),
            superseded_by: later.superseded_by.or(earlier.superseded_by),
            steps,
            ..later
        };
    }

    fn is_ahead_of(&self, other: &Self) -> bool {
        self.phase > other.phase || (self.end.is_some() && other.end.is_none())
    }

    /// Notes what was done, or is about to be.
    pub fn note(&mut self, at: Timestamp, step: &str, detail: impl Into<String>) {
        if self.steps.len() < MOST_STEPS {
            self.steps.push(Step { at, step: step.to_owned(), detail: detail.into() });
        }
    }
}

impl EndReason {
    /// Whether this is one of the ways in which captures are meant to end.
    pub fn is_good(self) -> bool {
        matches!(self, Self::TimeLimit | Self::SizeLimit | Self::StoppedByHand | Self::Resolved | Self::Stopped)
    }

    /// Whether people are told: not of what never was, nor of what another capture stands for.
    pub fn is_notified(self) -> bool {
        !matches!(self, Self::NotCreated | Self::Superseded)
    }

    /// The word for it in records, logs and messages.
    pub fn word(self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use strum::IntoEnumIterator;

    pub fn record() -> CaptureRecord {
        serde_json::from_value(serde_json::json!({
            "subscription": "00000000-0000-0000-0000-000000000000", "region": "westeurope", "name": "nightcap_vm",
            "target": "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm",
            "watcher": "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Network/networkWatchers/nw",
            "parameters": {"capture_seconds": 60, "capture_bytes": 0, "packet_bytes": 0, "capture_filters": []},
            "askedBy": "a", "askedAt": "2026-11-20T02:13:41.000Z", "storagePath": null, "phase": "running",
            "beganAt": null, "lookAt": null, "stopping": null, "supersededBy": null, "end": null, "fileProblem": null,
            "steps": []
        }))
        .unwrap()
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_unix_millis(millis)
    }

    #[test]
    fn a_time_that_only_a_host_tells_makes_no_other_capture_of_it() {
        let asked = record();
        for (later_by, is_taken) in [(-3600, false), (-1, false), (20, true), (240, false)] {
            let at = Timestamp::from_unix_millis(asked.requested_at.unix_millis() + later_by * 1000);
            let mut accepted = CaptureRecord { storage_path: Some("https://a/b.cap".to_owned()), ..asked.clone() };
            accepted.accepted_at(at);
            assert_eq!(accepted.requested_at == at, is_taken, "{later_by}");
            assert!(accepted.is_same_capture(&CaptureRecord { storage_path: None, ..asked.clone() }), "{later_by}");
        }
    }

    #[test]
    fn an_alert_is_on_the_capture_whose_file_has_the_address() {
        let alert: Summary =
            serde_json::from_value(serde_json::json!({"id": "", "rule": "cpu", "condition": "Fired"})).unwrap();
        let with = |path: Option<&str>| CaptureRecord { storage_path: path.map(str::to_owned), ..record() };
        let is_on = |capture: &CaptureRecord, key: &str| {
            key.strip_prefix(&capture.alerts_prefix()).is_some_and(|rest| capture.has_alert_at(rest))
        };
        let (former, latter) = (with(Some("https://former")), with(Some("https://latter")));
        let aside = CaptureRecord { replaced: true, ..former.clone() };
        assert!(is_on(&former, &former.on_key(&alert)) && is_on(&aside, &former.on_key(&alert)));
        assert!(is_on(&latter, &latter.on_key(&alert)));
        assert!(!is_on(&latter, &former.on_key(&alert)) && !is_on(&aside, &latter.on_key(&alert)));
        // Where Azure told no address, and in version 0.1.
        let unaddressed = with(None).on_key(&alert);
        assert!(is_on(&latter, &unaddressed) && !is_on(&aside, &unaddressed));
        let by_moment = format!("{}{}:x", aside.alerts_prefix(), aside.requested_at.unix_millis());
        assert!(is_on(&aside, &by_moment));
    }

    #[test]
    fn troubleshooting_explains_every_end_and_no_other() {
        crate::records::assert_explained("## How a capture ends", EndReason::iter().map(EndReason::word));
    }

    #[test]
    fn of_two_watchers_the_one_that_has_seen_more_wins_and_no_step_is_lost() {
        let (mut slow, mut quick) = (record(), record());
        slow.note(at(3), "look", "It runs.");
        slow.stopping = Some(EndReason::Resolved);
        quick.note(at(2), "ended", "It is over.");
        quick.phase = Phase::Ended;
        quick.end = Some(End { reason: EndReason::TimeLimit, message: String::new(), at: None, deduced: false });
        let steps = |record: &CaptureRecord| record.steps.iter().map(|step| step.step.clone()).collect::<Vec<_>>();

        let mut merged = slow.clone();
        merged.merge(quick.clone());
        assert_eq!((merged.phase, merged.stopping), (Phase::Ended, Some(EndReason::Resolved)));
        assert_eq!(steps(&merged), ["ended", "look"]);
        quick.merge(slow);
        assert_eq!(quick, merged, "whoever writes last");
    }

    #[test]
    fn of_two_spellings_that_of_azure_stays_whoever_writes_last() {
        let asked = CaptureRecord { name: "PC1".to_owned(), phase: Phase::Requested, ..record() };
        let seen =
            CaptureRecord { name: "pc1".to_owned(), storage_path: Some("https://store/1.cap".to_owned()), ..record() };
        let (mut last, mut first) = (asked.clone(), seen.clone());
        last.merge(seen);
        first.merge(asked);
        assert_eq!((last.name.as_str(), first.name.as_str()), ("pc1", "pc1"));
        assert_eq!(last.end_note_key(), first.end_note_key(), "who ends it and who watches it find each other");
    }

    #[test]
    fn a_fixed_name_is_one_capture_after_the_other() {
        let at_path = |path: &str| CaptureRecord { storage_path: Some(path.to_owned()), ..record() };
        let (mut later, earlier) = (at_path("https://store/2.cap"), at_path("https://store/1.cap"));
        let alone = later.clone();
        later.merge(CaptureRecord { phase: Phase::Finished, ..earlier.clone() });
        assert_eq!(later, alone);
        assert_ne!(later.identity(), earlier.identity());
        let aside = CaptureRecord { replaced: true, ..earlier };
        assert_ne!(aside.key(), later.key());
    }

    #[test]
    fn the_name_is_that_of_the_later_one_by_azures_clock_whatever_a_host_takes_the_time_for() {
        let at = |time: &str, seconds| CaptureRecord {
            storage_path: Some(format!("https://store/logs/vm/2026/11/20/packetcapture_02_{time}_000.cap")),
            requested_at: record().requested_at.after(Duration::from_secs(seconds)),
            ..record()
        };
        let (earlier, later) = (at("17_34", 50), at("17_44", 40));
        assert!(earlier.has_lost_name_to(&later) && !later.has_lost_name_to(&earlier));
        // Asked for before the later one and never made.
        let asked = CaptureRecord { storage_path: None, phase: Phase::Requested, ..at("", 200) };
        assert!(!later.has_lost_name_to(&asked) && asked.has_lost_name_to(&later));
    }

    #[test]
    fn one_that_was_asked_for_long_after_another_is_not_that_one() {
        let running = CaptureRecord { storage_path: Some("https://store/1.cap".to_owned()), ..record() };
        let asked_after = |seconds| CaptureRecord {
            requested_at: running.requested_at.after(Duration::from_secs(seconds)),
            phase: Phase::Requested,
            ..record()
        };
        assert!(running.is_same_capture(&asked_after(5)), "they race");
        assert!(!running.is_same_capture(&asked_after(44)), "its end has not been seen yet");
        assert!(!asked_after(44).is_same_capture(&running));
    }
}
