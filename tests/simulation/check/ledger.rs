//! What happened in a story, as the invariants ask for it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use nightcap_simulator::{Azure, Capture, Exchange};
use serde_json::Value;

use crate::plan::{ByHand, Form};
use crate::stage::{Happened, Stage};

/// How old a list may be that a capture is created from, or deleted.
const LIST_AND_PUT: Duration = Duration::from_secs(15);

/// How long before a capture is there it may be asked for.
const ASKING: Duration = Duration::from_secs(15);

pub struct Ledger<'a> {
    pub stage: &'a Stage,
    pub happened: &'a Happened,
    pub captures: Vec<Capture>,
    pub transcript: &'a [Exchange],
    pub lists_have_pages: bool,
    /// What the store holds.
    records: BTreeMap<&'a str, Value>,
}

/// A capture that nightcap asked for.
#[derive(Clone, Copy)]
pub struct Own<'a> {
    pub capture: &'a Capture,
    /// The settings of the host that asked for it.
    pub settings: &'a BTreeMap<&'static str, String>,
}

impl<'a> Ledger<'a> {
    pub fn new(
        stage: &'a Stage,
        happened: &'a Happened,
        azure: &'a Azure,
        store: &'a BTreeMap<String, Vec<u8>>,
    ) -> Self {
        let records = store.iter().map(|(key, value)| (key.as_str(), serde_json::from_slice(value).unwrap()));
        Self {
            stage,
            happened,
            captures: azure.captures(),
            transcript: azure.transcript(),
            lists_have_pages: azure.world().captures_per_page.is_some(),
            records: records.collect(),
        }
    }

    /// What the store holds under keys with this beginning.
    pub fn under<'c>(&'c self, prefix: &'c str) -> impl Iterator<Item = (&'c str, &'c Value)> {
        self.records.iter().map(|(key, value)| (*key, value)).filter(move |(key, _)| key.starts_with(prefix))
    }

    pub fn record(&self, key: &str) -> Option<&Value> {
        self.records.get(key)
    }

    /// What is remembered of a capture: Azure never tells two the same address for their files.
    pub fn record_of(&self, capture: &Capture) -> Option<&Value> {
        let mut records = self.under("capture:").map(|(_, record)| record);
        records.find(|record| record["storagePath"] == capture.storage_path.as_str())
    }

    /// The captures that nightcap asked for.
    pub fn own(&self) -> Vec<Own<'_>> {
        let asked_for = self.captures.iter().skip(self.stage.plan.there_before.len());
        let own = asked_for.zip(&self.happened.makers);
        own.map(|(capture, life)| Own { capture, settings: &self.happened.settings[life] }).collect()
    }

    /// These, and those that were there before under a name that is fixed and were found by it.
    pub fn watched(&self) -> Vec<&Capture> {
        let before = self.captures.iter().take(self.stage.plan.there_before.len());
        let found = before.filter(|capture| self.record_of(capture).is_some());
        found.chain(self.own().into_iter().map(|own| own.capture)).collect()
    }

    /// The names that a setting or a program has fixed.
    pub fn fixed_names(&self) -> Vec<String> {
        let settings = self.happened.settings.values().map(|settings| settings["capture_name"].clone());
        let calls = self.stage.plan.deliveries.iter().filter(|delivery| delivery.form == Form::DirectCall);
        let calls = calls.filter_map(|call| {
            let body: Value = serde_json::from_slice(&call.body).unwrap();
            body["packetCaptureName"].as_str().map(str::to_owned)
        });
        settings.chain(calls).filter(|name| !name.is_empty()).collect()
    }

    pub fn at(&self, elapsed: Duration) -> Timestamp {
        self.stage.plan.begin + elapsed
    }

    pub fn is_wanted(&self, event: &str) -> bool {
        let settings = &self.stage.plan.settings;
        let wanted = settings.iter().find(|(own, _)| *own == "notify_on").map_or("", |(_, value)| value);
        wanted.split(',').any(|wanted| wanted == event)
    }

    /// Whether the store once refused a record, or the mark without which there is none.
    pub fn could_not_be_written(&self, key: &str) -> bool {
        self.happened.failed_writes.iter().any(|(_, failed)| is_of_record(failed, key))
    }

    /// Whether the store failed with the record of a capture while the capture was there, or when it was asked for.
    pub fn store_failed_while_there(&self, capture: &Capture) -> bool {
        let key = record_key(capture);
        self.happened.failures.iter().any(|(at, failed, ..)| {
            let at = self.at(*at);
            let is_there = capture.created - ASKING <= at && capture.deleted_at.is_none_or(|gone| at <= gone);
            is_there && is_of_record(failed, &key)
        })
    }

    /// Whether the host that asked for a capture died while the capture was there.
    pub fn maker_died_while_there(&self, capture: &Capture) -> bool {
        let own = self.captures.iter().skip(self.stage.plan.there_before.len());
        let maker = own.zip(&self.happened.makers).find(|(own, _)| own.storage_path == capture.storage_path);
        self.happened.deaths.iter().any(|death| {
            let is_there = capture.deleted_at.is_none_or(|gone| self.at(death.at) <= gone);
            maker.is_some_and(|(_, maker)| *maker == (death.host, death.incarnation)) && is_there
        })
    }

    /// Whether the store failed somebody who wanted to read or write a record, or its mark.
    pub fn store_failed_with(&self, key: &str) -> bool {
        // What one host leaves for another about a capture's end has a key that only they can tell.
        let is_it = |failed: &String| failed == key || failed.starts_with("over:");
        self.could_not_be_written(key) || self.happened.failures.iter().any(|(_, failed, ..)| is_it(failed))
    }

    /// Whether the store ever failed with a key of this beginning.
    pub fn store_failed_about(&self, beginning: &str) -> bool {
        self.happened
            .failures
            .iter()
            .any(|(_, failed, ..)| failed.strip_prefix("open:").unwrap_or(failed).starts_with(beginning))
    }

    /// What nightcap sent to stop a capture.
    pub fn stops_of<'c>(&'c self, capture: &'c Capture) -> impl Iterator<Item = &'c Exchange> + 'c {
        let is_its = |path: &str| {
            let id = path.split('?').next().and_then(|path| path.strip_suffix("/stop"));
            id.is_some_and(|id| id.eq_ignore_ascii_case(&capture.id))
        };
        let is_there = |at: Timestamp| capture.exists(at) || capture.deleted_at == Some(at);
        self.transcript.iter().filter(move |asked| is_its(&asked.path) && is_there(asked.at))
    }

    /// Whether what deletes a capture may have been meant for the one that had its name a moment ago: somebody took the name for
    /// free whose list was older than both.
    pub fn may_have_been_meant_for_former(&self, capture: &Capture, at: Timestamp) -> bool {
        self.captures.iter().any(|former| {
            let is_former = former.id.eq_ignore_ascii_case(&capture.id);
            is_former && former.deleted_at.is_some_and(|gone| gone <= at && at < gone + LIST_AND_PUT)
        })
    }

    /// Whether somebody did that to a capture in the portal.
    pub fn was_done_by_hand(&self, capture: &Capture, wanted: ByHand) -> bool {
        self.done_by_hand(capture, wanted).next().is_some()
    }

    pub fn done_by_hand<'c>(&'c self, capture: &'c Capture, wanted: ByHand) -> impl Iterator<Item = Timestamp> + 'c {
        let all = self.happened.by_hand.iter().filter(move |(_, id, what)| *id == capture.id && *what == wanted);
        // A name may have been used again: what was done was done to the one that was there.
        all.map(|(at, ..)| *at).filter(|at| capture.exists(*at) || capture.deleted_at == Some(*at))
    }
}

/// Whether a key is that of a record or of its mark, or of a record that had the name before and has to make room first.
fn is_of_record(key: &str, record: &str) -> bool {
    let rest = key.strip_prefix("open:").unwrap_or(key).strip_prefix(record);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// Where a capture's record lies.
pub fn record_key(capture: &Capture) -> String {
    let (subscription, region) = (nightcap_simulator::SUBSCRIPTION, &capture.region);
    format!("capture:{subscription}:{region}:{}", capture.name).to_ascii_lowercase()
}

/// Whether two captures have one name in one region, the one after the other.
pub fn are_namesakes(one: &Capture, other: &Capture) -> bool {
    one.region == other.region && one.name.eq_ignore_ascii_case(&other.name)
}

/// Whether nightcap makes such names by itself: `nightcap_{machine}_{slot}_{eight digits}`, with `_{number}` behind it at
/// times.
pub fn is_own_name(name: &str) -> bool {
    let parts: Vec<&str> = name.split('_').collect();
    matches!(parts[..], ["nightcap", _, _, digits] | ["nightcap", _, _, digits, _] if digits.len() == 8)
}
