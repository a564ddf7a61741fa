//! All captures, newest first and a page at a time: those of the records and, of one watcher, those that Azure lists, whosever
//! they are. Only the records of the page are read.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde::Serialize;
use serde_with::skip_serializing_none;

use crate::azure::packet_capture::{self, PacketCapture};
use crate::azure::region::Region;
use crate::azure::resource_id::ResourceId;
use crate::azure::target::Target;
use crate::capture::locate::watcher_in;
use crate::capture::name::{asked_at, is_own};
use crate::context::Context;
use crate::host::Host;
use crate::plan::not_allowed;
use crate::records::capture::{CaptureRecord, End, Phase};
use crate::records::failure::Failure;
use crate::records::index::{CAPTURES, CaptureEntry, target_mark, turned};
use crate::records::keys::capture_key;
use crate::records::outcome::{CaptureRef, Links};
use crate::records::repository::Records;
use crate::timestamp::Timestamp;
use crate::workflow::listed::list_what_was_left;
use crate::workflow::paging::{Paging, UNKNOWN_TIME};

/// How long Azure is asked for a watcher's captures.
const ASK_FOR: Duration = Duration::from_secs(20);

/// The most unfinished captures that are looked at though they are not listed yet.
const MOST_UNLISTED: usize = 50;

/// Which captures are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub subscription: Option<String>,
    /// With the subscription it names a watcher, and Azure is asked for what that has.
    pub region: Option<Region>,
    pub target: Option<Target>,
    pub phase: Option<WantedPhase>,
    /// By when they were asked for.
    pub paging: Paging,
}

/// Where wanted captures stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedPhase {
    /// In any phase but the last.
    Unfinished,
    In(Phase),
}

/// A page of captures, newest first.
#[derive(Clone, Debug)]
pub struct Page {
    pub captures: Vec<Item>,
    /// What [`Paging::after`] has to be for the next page, if there is one.
    pub next: Option<String>,
    /// What Azure said, if it was asked.
    pub watcher: Option<WatcherSeen>,
}

/// What a watcher holds.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct WatcherSeen {
    /// Its resource id, when it was found.
    pub id: Option<String>,
    /// How many captures it has.
    pub captures: Option<usize>,
    /// Why its captures are not listed here, in sentences.
    pub problem: Option<String>,
}

/// One capture in a list.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Item {
    pub subscription: String,
    pub region: Region,
    pub name: String,
    /// Whose it is.
    pub whose: Whose,
    /// The machine's resource id.
    pub target: Option<String>,
    /// The machine's name, for people.
    pub machine: Option<String>,
    /// When it was asked for; of what nightcap has no record of, as far as its name or its file's address tells.
    pub asked_at: Option<Timestamp>,
    /// Where it stands, as far as nightcap watches it.
    pub phase: Option<Phase>,
    pub began_at: Option<Timestamp>,
    /// When its time is up, while it runs.
    pub runs_until: Option<Timestamp>,
    pub end: Option<End>,
    /// How many files it has left, and how many bytes are in them.
    pub files: usize,
    pub bytes: Option<u64>,
    /// What its file says, in a few lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub report: Vec<String>,
    /// Why there is no file, or no report.
    pub problem: Option<String>,
    /// The resource, where Azure was asked and has it.
    pub azure: Option<Resource>,
    pub links: Links,
}

/// Whose a capture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// nightcap has asked for it.
    Nightcap,
    /// It has a name of nightcap's, and there is no record of it: another nightcap's, or one whose record is gone.
    NightcapUnrecorded,
    /// Somebody else's.
    SomebodyElse,
}

/// A capture as a watcher's list has it.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// How creating or deleting it goes; it never tells whether capturing is over.
    pub provisioning_state: String,
    pub time_limit_in_seconds: Option<u64>,
    /// The address that its file has or will have.
    pub storage_path: Option<String>,
}

/// One row before its record is read.
struct Row {
    /// Newest first, and in one order for all.
    place: String,
    kind: Kind,
}

enum Kind {
    Recorded(CaptureEntry),
    /// It is in Azure's list and in no record.
    Unrecorded(PacketCapture),
}

/// The captures that are wanted.
pub async fn captures<H: Host>(context: &Context<H>, wanted: &Wanted) -> Page {
    let records = context.records();
    list_what_was_left(&records).await;
    let (watcher, mut in_azure) = from_azure(context, wanted).await;
    let entries = entries(&records, wanted).await;
    let recorded: HashSet<&str> = entries.all.iter().map(String::as_str).collect();
    let mut rows: Vec<Row> = entries.wanted.into_iter().map(Row::recorded).collect();
    if wanted.phase.is_none() {
        let strangers: Vec<String> = in_azure.keys().filter(|key| !recorded.contains(key.as_str())).cloned().collect();
        let strangers = strangers.into_iter().filter_map(|key| Some(Row::unrecorded(&key, in_azure.remove(&key)?)));
        rows.extend(strangers.filter(|row| row.is_wanted(wanted)));
    }
    rows.sort_unstable_by(|one, other| one.place.cmp(&other.place));
    let mut page = Page { captures: vec![], next: None, watcher };
    let mut last = None;
    let rest = rows.into_iter().filter(|row| wanted.paging.is_after(&row.place));
    for row in rest {
        if page.captures.len() >= wanted.paging.limit {
            page.next = last;
            break;
        }
        last = Some(row.place.clone());
        page.captures.extend(item(context, wanted, row, &in_azure).await);
    }
    page
}

/// What the watcher has that is named, by the last part of the key of its record.
async fn from_azure<H: Host>(
    context: &Context<H>,
    wanted: &Wanted,
) -> (Option<WatcherSeen>, HashMap<String, PacketCapture>) {
    let (Some(subscription), Some(region)) = (&wanted.subscription, &wanted.region) else { return Default::default() };
    let problem = |problem| (Some(WatcherSeen { problem: Some(problem), ..Default::default() }), HashMap::new());
    if let Some(sentence) = not_allowed(&context.settings.policy, subscription) {
        return problem(sentence);
    }
    let azure = context.azure_at_large(ASK_FOR);
    let watcher = match watcher_in(&azure, subscription, region).await {
        Ok(watcher) => watcher,
        Err(failure) => return problem(failure.message),
    };
    match packet_capture::list(&azure, &watcher).await {
        Ok(listing) => {
            let key = |capture: &PacketCapture| own_key(subscription, region, &capture.name);
            let captures: HashMap<_, _> =
                listing.captures.into_iter().map(|capture| (key(&capture), capture)).collect();
            (Some(seen(&watcher, captures.len())), captures)
        }
        Err(error) => problem(Failure::at_watcher(&error, &watcher).message),
    }
}

fn seen(watcher: &ResourceId, captures: usize) -> WatcherSeen {
    WatcherSeen { id: Some(watcher.to_string()), captures: Some(captures), problem: None }
}

struct Entries {
    wanted: Vec<CaptureEntry>,
    /// The last parts of the keys of all records.
    all: Vec<String>,
}

async fn entries<H: Host>(records: &Records<'_, H>, wanted: &Wanted) -> Entries {
    let mut entries: Vec<CaptureEntry> =
        records.keys(CAPTURES).await.iter().filter_map(|key| CaptureEntry::parse(key)).collect();
    let mut all: Vec<String> = entries.iter().map(|entry| entry.capture.clone()).collect();
    let unfinished: HashSet<String> = records.unfinished("capture:").await.into_iter().collect();
    let listed: HashSet<&str> = all.iter().map(String::as_str).collect();
    let unlisted = unfinished.iter().filter(|key| !listed.contains(key.trim_start_matches("capture:")));
    let unlisted: Vec<String> = unlisted.take(MOST_UNLISTED).cloned().collect();
    for key in unlisted {
        // Whoever asked Azure for it may not have written its record yet.
        let record = match records.load::<CaptureRecord>(&key).await {
            None => records.reserved(&key).await,
            record => record,
        };
        let Some(entry) = record.map(|record| CaptureEntry::of(&record)) else { continue };
        if !entries.contains(&entry) {
            all.push(entry.capture.clone());
            entries.push(entry);
        }
    }
    let is_unfinished = |entry: &CaptureEntry| entry.records().iter().any(|record| unfinished.contains(record));
    entries.retain(|entry| {
        wanted.paging.is_in_time(entry.at())
            && wanted.subscription.as_deref().is_none_or(|subscription| entry.is_in_subscription(subscription))
            && wanted.region.as_ref().is_none_or(|region| entry.is_in_region(region))
            && wanted.target.as_ref().is_none_or(|target| entry.target == target_mark(target))
            && match wanted.phase {
                None => true,
                // A mark is taken away a moment after its record is finished.
                Some(WantedPhase::In(Phase::Finished)) => true,
                Some(_) => is_unfinished(entry),
            }
    });
    Entries { wanted: entries, all }
}

impl Row {
    fn recorded(entry: CaptureEntry) -> Self {
        Self { place: format!("{}:{}", entry.turned, entry.capture), kind: Kind::Recorded(entry) }
    }

    fn unrecorded(key: &str, capture: PacketCapture) -> Self {
        let at = made_at(&capture).map_or_else(|| UNKNOWN_TIME.to_owned(), turned);
        Self { place: format!("{at}:{key}"), kind: Kind::Unrecorded(capture) }
    }

    /// Whether Azure's own capture is among those that are wanted. A record is asked when it is read.
    fn is_wanted(&self, wanted: &Wanted) -> bool {
        let Kind::Unrecorded(capture) = &self.kind else { return true };
        let is_of = |target: &Target| {
            Target::parse(&capture.target).is_some_and(|own| own == *target || own.resource() == target.resource())
        };
        wanted.paging.is_in_time(made_at(capture)) && wanted.target.as_ref().is_none_or(is_of)
    }
}

fn made_at(capture: &PacketCapture) -> Option<Timestamp> {
    capture.made_at().or_else(|| asked_at(&capture.name))
}

/// The capture of a row, with its record; nothing when the entry has outlived its record, or another one is wanted.
async fn item<H: Host>(
    context: &Context<H>,
    wanted: &Wanted,
    row: Row,
    in_azure: &HashMap<String, PacketCapture>,
) -> Option<Item> {
    let entry = match row.kind {
        Kind::Recorded(entry) => entry,
        Kind::Unrecorded(capture) => return stranger(context, wanted, &capture),
    };
    let record = record_of(&context.records(), &entry).await?;
    let is_wanted = wanted.target.as_ref().is_none_or(|target| record.target == *target)
        && match wanted.phase {
            None => true,
            Some(WantedPhase::Unfinished) => !record.is_finished(),
            Some(WantedPhase::In(phase)) => record.phase == phase,
        };
    if !is_wanted {
        return None;
    }
    // By now the name may be another capture's.
    let is_it = |capture: &&PacketCapture| {
        !record.replaced && (record.storage_path.is_none() || record.storage_path == capture.storage_path)
    };
    let azure = in_azure.get(&entry.capture).filter(is_it);
    Some(Item::of_record(context, &record, azure))
}

async fn record_of<H: Host>(records: &Records<'_, H>, entry: &CaptureEntry) -> Option<CaptureRecord> {
    for key in entry.records() {
        let record: Option<CaptureRecord> = records.load(&key).await;
        if let Some(record) = record.filter(|record| CaptureEntry::of(record) == *entry) {
            return Some(record);
        }
    }
    None
}

fn stranger<H: Host>(context: &Context<H>, wanted: &Wanted, capture: &PacketCapture) -> Option<Item> {
    let (subscription, region) = (wanted.subscription.as_ref()?, wanted.region.as_ref()?);
    let whose = if is_own(&capture.name) { Whose::NightcapUnrecorded } else { Whose::SomebodyElse };
    Some(Item {
        subscription: subscription.clone(),
        region: region.clone(),
        name: capture.name.clone(),
        whose,
        target: (!capture.target.is_empty()).then(|| capture.target.clone()),
        machine: Target::parse(&capture.target).map(|target| target.name()),
        asked_at: made_at(capture),
        phase: None,
        began_at: None,
        runs_until: None,
        end: None,
        files: 0,
        bytes: None,
        report: vec![],
        problem: None,
        azure: Some(Resource::of(capture)),
        links: links(context, subscription, region, &capture.name),
    })
}

impl Item {
    fn of_record<H: Host>(context: &Context<H>, record: &CaptureRecord, azure: Option<&PacketCapture>) -> Self {
        let CaptureRecord { subscription, region, name, .. } = record;
        let machine = record.machine();
        let runs = record.phase == Phase::Running;
        let problem = record.report_problem.as_ref().or(record.file_problem.as_ref());
        Self {
            subscription: subscription.clone(),
            region: region.clone(),
            name: name.clone(),
            whose: Whose::Nightcap,
            target: Some(machine.id().to_string()),
            machine: Some(machine.name()),
            asked_at: Some(record.requested_at),
            phase: Some(record.phase),
            began_at: record.began_at,
            runs_until: record.began_at.filter(|_| runs).map(|began| began.after(record.time_limit())),
            end: record.end.clone(),
            files: record.files.len(),
            bytes: record.files.iter().try_fold(0_u64, |sum, file| Some(sum.saturating_add(file.bytes?))),
            report: record.report.clone(),
            problem: problem.cloned(),
            azure: azure.map(Resource::of),
            links: links(context, subscription, region, name),
        }
    }
}

impl Resource {
    fn of(capture: &PacketCapture) -> Self {
        Self {
            provisioning_state: capture.provisioning_state.clone(),
            time_limit_in_seconds: capture.time_limit,
            storage_path: capture.storage_path.clone(),
        }
    }
}

fn links<H: Host>(context: &Context<H>, subscription: &str, region: &Region, name: &str) -> Links {
    CaptureRef::new(&context.settings.notify.public_url, subscription, region, name, None).links
}

fn own_key(subscription: &str, region: &Region, name: &str) -> String {
    capture_key(subscription, region, name).trim_start_matches("capture:").to_owned()
}
