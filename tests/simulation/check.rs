//! The invariants, checked against the simulator's own ledger when a story is over. The numbers are those of the list in
//! `main.rs`.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use nightcap_simulator::{Capture, CaptureStatus, Exchange};
use serde_json::Value;

use crate::plan::ByHand;
use crate::stage::{Arrival, Happened, Stage};
use crate::trouble::Ask;

/// How long those who raced across the boundary of two slots take to settle it when nothing is in their way.
const SETTLING: Duration = Duration::from_secs(30);

/// How long one that is being created cannot be seen by another one that is, at most: a list is fresh for 15 seconds.
const RACING: Duration = Duration::from_secs(40);

/// How old a list may be that a capture is created from.
const LIST_AND_PUT: Duration = Duration::from_secs(15);

/// How long it takes at most from looking which alerts are on a capture to asking for its stop.
const STOPPING: Duration = Duration::from_secs(3);

/// More than any story needs.
const MOST_REQUESTS: usize = 3000;

/// How long nightcap looks for a capture before it says that it has lost sight of it.
const LONG_ENOUGH: Duration = Duration::from_secs(15 * 60);

/// How often a claim is tried before a message is sent without one.
const CLAIM_ATTEMPTS: usize = 10;

/// All that is wrong with a story that is over.
pub fn broken(stage: &Stage) -> Vec<String> {
    let azure = stage.azure.lock().unwrap();
    let store = stage.store.lock().unwrap();
    let mut happened = stage.happened();
    let records = store.iter().map(|(key, value)| (key.clone(), serde_json::from_slice(value).unwrap())).collect();
    let broken = std::mem::take(&mut happened.broken);
    let captures = azure.captures();
    let check = Check {
        stage,
        happened: &happened,
        ours: captures.iter().skip(stage.plan.there_before.len()).collect(),
        captures: &captures,
        transcript: azure.transcript(),
        records,
    };
    let found = [
        check.alerts_have_ended(),
        check.nothing_is_left(),
        check.who_meets_another_joins(),
        check.nothing_is_stopped_too_early(),
        check.one_runs_on_a_machine(),
        check.only_our_own_and_finished_are_deleted(),
        check.the_limit_holds(),
        check.captures_are_told(),
        check.messages_arrive_once(),
        check.messages_are_true(),
        check.requests_are_few(),
    ];
    broken.into_iter().chain(found.into_iter().flatten()).collect()
}

struct Check<'a> {
    stage: &'a Stage,
    happened: &'a Happened,
    captures: &'a [Capture],
    /// Those that nightcap asked for.
    ours: Vec<&'a Capture>,
    transcript: &'a [Exchange],
    records: BTreeMap<String, Value>,
}

impl Check<'_> {
    fn under<'c>(&'c self, prefix: &'c str) -> impl Iterator<Item = (&'c str, &'c Value)> {
        let records = self.records.iter().filter(move |(key, _)| key.starts_with(prefix));
        records.map(|(key, value)| (key.as_str(), value))
    }

    fn at(&self, elapsed: Duration) -> Timestamp {
        self.stage.plan.begin + elapsed
    }

    fn setting(&self, name: &str) -> &str {
        self.stage.plan.settings.iter().find(|(own, _)| *own == name).map_or("", |(_, value)| value)
    }

    fn is_wanted(&self, event: &str) -> bool {
        self.setting("notify_on").split(',').any(|wanted| wanted == event)
    }

    fn alerts_have_ended(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for (key, record) in self.under("alert:") {
            let outcomes = record["outcomes"].as_array().unwrap();
            let has_ended = |outcome: &Value| {
                let word = outcome["outcome"].as_str().unwrap();
                ["started", "joined", "skipped", "failed"].contains(&word)
                    && outcome["reason"].as_str().is_some_and(|reason| !reason.is_empty())
                    && outcome["message"].as_str().is_some_and(|message| message.len() > 20)
            };
            let left = record["finished"] != true && !self.is_left_to_the_day(key);
            if left || outcomes.is_empty() || !outcomes.iter().all(has_ended) {
                broken.push(format!("1: {key} has not ended: {record}"));
            }
        }
        for (key, status, answer) in &self.happened.taken {
            let key = format!("alert:{key}");
            let could_not = self.could_not_be_written(&key);
            let is_open = answer["outcomes"].as_array().unwrap().iter().any(|one| one["outcome"] == "accepted");
            if !self.records.contains_key(&key) && (is_open || !could_not) {
                broken.push(format!("1: an alert was answered with {status} and {key} is not remembered: {answer}"));
            }
        }
        for key in self.happened.written.keys().filter(|key| key.starts_with("alert:")) {
            if !self.records.contains_key(key) {
                broken.push(format!("8: {key} was remembered once and is gone"));
            }
        }
        broken
    }

    /// Whether an alert that came twice at once may be unfinished without its mark: one of the two was about to look whether
    /// the other one needs it when their host died. The next day's look at all records marks it again.
    fn is_left_to_the_day(&self, key: &str) -> bool {
        let open = format!("open:{key}");
        let deliveries = self.happened.taken.iter().filter(|(taken, ..)| key.ends_with(taken.as_str())).count();
        !self.records.contains_key(&open) && deliveries > 1 && !self.happened.deaths.is_empty()
    }

    /// Whether the store once refused a record, or the mark without which there is none.
    fn could_not_be_written(&self, key: &str) -> bool {
        self.happened.failed_writes.iter().any(|(_, failed)| failed.strip_prefix("open:").unwrap_or(failed) == key)
    }

    fn nothing_is_left(&self) -> Vec<String> {
        let left = self.under("open:").chain(self.under("notice:"));
        let mut broken: Vec<_> = left.map(|(key, _)| format!("1: {key} is left")).collect();
        for (key, record) in self.under("capture:") {
            if record["phase"] != "finished" || record["end"].is_null() {
                broken.push(format!("1: {key} has not ended: {record}"));
            }
        }
        broken
    }

    /// Whoever is refused because the name is taken looks at what has it and joins, unless that look meets with trouble.
    fn who_meets_another_joins(&self) -> Vec<String> {
        let is_throttled =
            |asked: &Exchange| asked.status == 429 && asked.method == "GET" && asked.path.contains("/packetCaptures/");
        let is_struck = self.happened.requests.iter().any(|asked| asked.struck && asked.ask == Ask::Get);
        if is_struck || self.transcript.iter().any(is_throttled) {
            return vec![];
        }
        let is_refused = |outcome: &Value| {
            let message = outcome["message"].as_str().unwrap_or_default();
            outcome["outcome"] == "failed" && ["Conflict", "RetryableError"].iter().any(|code| message.contains(code))
        };
        let alerts =
            self.under("alert:").filter(|(_, record)| record["outcomes"].as_array().unwrap().iter().any(is_refused));
        alerts.map(|(key, record)| format!("1: {key} failed where it could have joined: {record}")).collect()
    }

    /// A capture is stopped for its alerts have resolved only when all of them have.
    fn nothing_is_stopped_too_early(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for (key, record) in self.under("capture:").filter(|(_, record)| record["stopping"] == "resolved") {
            let name = record["name"].as_str().unwrap();
            let address = format!("/{name}/stop?");
            let Some(stop) = self.transcript.iter().find(|asked| asked.path.contains(&address)) else { continue };
            let on_it = format!("on:{}", key.trim_start_matches("capture:"));
            for (on, alert) in self.under(&on_it).filter(|(on, _)| on.as_bytes()[on_it.len()] == b':') {
                // Who comes while it is being stopped comes too late.
                let was_on_it = self.happened.written.get(on).is_some_and(|at| self.at(*at) + STOPPING < stop.at);
                let id = alert["alert"]["id"].as_str().unwrap();
                let is_over = self
                    .stage
                    .plan
                    .deliveries
                    .iter()
                    .any(|delivery| delivery.ends.as_deref() == Some(id) && self.at(delivery.at) <= stop.at);
                if was_on_it && !is_over {
                    broken.push(format!("2: {name} was stopped at {} although {id} had not resolved", stop.at));
                }
            }
        }
        broken
    }

    /// Two captures of one machine run side by side only where those who race may choose different names: where two slots of
    /// time meet, or where one that is gone has left its name; and only until that is settled. One that somebody is
    /// deleting counts no more.
    fn one_runs_on_a_machine(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for (index, late) in self.ours.iter().enumerate() {
            for early in self.ours.iter().take(index).filter(|early| on_the_same(early, late)) {
                let (Some(first), Some(second)) = (runs(early), runs(late)) else { continue };
                let (from, to) = (first.0.max(second.0), first.1.min(second.1));
                if from >= to {
                    continue;
                }
                let settled = late.settled.max(early.settled) + SETTLING;
                let meet_at_a_boundary = slot_of(&early.name) != slot_of(&late.name);
                let gone = |other: &&&Capture| {
                    on_the_same(other, late) && other.deleted_at.is_some_and(|gone| gone < late.created + SETTLING)
                };
                let has_left_its_name = self.ours.iter().any(|other| gone(&other));
                let in_trouble = self.was_trouble(late.created - Duration::from_secs(30), settled);
                if self.deletes_by_hand(early, late.created) {
                    continue;
                }
                let names_may_differ = meet_at_a_boundary || has_left_its_name || self.was_without_time(late.created);
                if !names_may_differ || (to > settled && !in_trouble) {
                    let both = format!("{} and {}", early.name, late.name);
                    broken.push(format!("2: {both} ran on one machine from {from} to {to}"));
                }
            }
        }
        broken
    }

    /// Whether an answer came without Azure's time a moment before, so that those who race went by their own clocks.
    fn was_without_time(&self, by: Timestamp) -> bool {
        let a_moment_before = |elapsed: Duration| by - RACING <= self.at(elapsed) && self.at(elapsed) <= by;
        self.happened.requests.iter().any(|asked| asked.lacks_header && a_moment_before(asked.at))
    }

    /// Whether somebody had begun to delete a capture.
    fn deletes_by_hand(&self, capture: &Capture, by: Timestamp) -> bool {
        let deleted = |(at, id, what): &(Timestamp, String, ByHand)| {
            *id == capture.id && matches!(what, ByHand::Delete) && *at <= by
        };
        self.happened.by_hand.iter().any(deleted)
    }

    /// Whether anything went wrong between two moments that can keep those who race from settling it.
    fn was_trouble(&self, from: Timestamp, to: Timestamp) -> bool {
        let within = |elapsed: Duration| from <= self.at(elapsed) && self.at(elapsed) <= to;
        self.happened.deaths.iter().any(|death| within(death.at))
            || self.happened.failures.iter().any(|failure| within(failure.0))
            || self.happened.requests.iter().any(|asked| asked.struck && within(asked.at))
            || self.transcript.iter().any(|asked| asked.status == 429 && from <= asked.at && asked.at <= to)
    }

    fn only_our_own_and_finished_are_deleted(&self) -> Vec<String> {
        let by_hand = |capture: &Capture| {
            self.happened.by_hand.iter().any(|(_, id, what)| *id == capture.id && matches!(what, ByHand::Delete))
        };
        let gone = self.captures.iter().filter(|capture| capture.deleted_at.is_some() && !by_hand(capture));
        let mut broken: Vec<String> = gone
            .filter(|capture| !capture.name.starts_with("nightcap_"))
            .map(|capture| format!("3: {} is not ours and was deleted", capture.name))
            .collect();
        for asked in self.transcript.iter().filter(|asked| asked.method == "DELETE" && asked.status == 202) {
            let name = asked.path.split(['/', '?']).find(|part| part.starts_with("nightcap_")).unwrap_or_default();
            let there = |capture: &&Capture| capture.name == name && capture.exists(asked.at);
            let Some(capture) = self.captures.iter().rfind(there) else {
                broken.push(format!("3: {} is not ours and was to be deleted", asked.path));
                continue;
            };
            let failed = capture.status(asked.at) == CaptureStatus::Error;
            // A DELETE names its capture by nothing but the name. It may have been meant for the one that had it a moment ago,
            // when somebody took the name for free whose list was older than both.
            let was_meant_for = |former: &Capture| {
                former.name == name
                    && former.deleted_at.is_some_and(|gone| gone <= asked.at && asked.at < gone + LIST_AND_PUT)
            };
            if self.captures.iter().any(was_meant_for) {
                continue;
            }
            if !failed && capture.ended.is_none_or(|ended| asked.at < ended) {
                broken.push(format!("3: {name} was to be deleted before its end"));
            }
        }
        broken
    }

    fn the_limit_holds(&self) -> Vec<String> {
        let limit: usize = self.setting("capture_limit").parse().unwrap();
        let mut broken = Vec::new();
        for capture in &self.ours {
            let there = self.captures.iter().filter(|other| other.watcher.eq_ignore_ascii_case(&capture.watcher));
            let count = there.filter(|other| other.exists(capture.created)).count();
            let racing = |other: &&&Capture| {
                other.created + RACING > capture.created && other.created <= capture.created && other.id != capture.id
            };
            let racers = self.ours.iter().filter(racing).count();
            if count > limit + racers.min(self.stage.plan.instances) {
                broken.push(format!("4: {} is capture number {count} and the limit is {limit}", capture.name));
            }
        }
        broken
    }

    /// Every message of a capture's end, with when it was meant to be told.
    fn notices_of<'c>(&'c self, capture: &'c Capture) -> impl Iterator<Item = (&'c str, Duration, &'c Value)> {
        let all = self.happened.notices.iter();
        let all = all.flat_map(|(id, meant)| meant.iter().map(move |(at, notice)| (id.as_str(), *at, notice)));
        all.filter(|(.., notice)| {
            ["finished", "failed"].contains(&notice["event"].as_str().unwrap())
                && notice["capture"]["name"] == capture.name.as_str()
                && notice["capture"]["region"] == capture.region.as_str()
        })
    }

    fn has_arrived(&self, id: &str) -> bool {
        self.happened.arrivals.iter().any(|arrival| arrival.id == id)
    }

    fn captures_are_told(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for capture in &self.ours {
            let name = &capture.name;
            let key = capture_key(capture);
            let Some(record) = self.records.get(&key) else {
                // Nobody can know of a capture that nobody could write down.
                if self.happened.written.contains_key(&key) || !self.could_not_be_written(&key) {
                    broken.push(format!("5: {name} was made and there is no record of it"));
                }
                continue;
            };
            let reason = record["end"]["reason"].as_str().unwrap_or_default();
            if reason == "superseded" {
                continue;
            }
            if reason == "not_created" {
                // Whoever asked for it may have died before the answer, and nobody sees what somebody deleted since.
                let deleted = |(_, id, what): &(_, String, ByHand)| *id == capture.id && matches!(what, ByHand::Delete);
                // And what cannot be read is written over by the next one of the name, so that at least that is known.
                if self.happened.by_hand.iter().any(deleted) || self.store_failed_with(&key) {
                    continue;
                }
                broken.push(format!("5: {name} was made, and its record says that it was not: {record}"));
                continue;
            }
            if !self.is_wanted(if is_good(reason) { "finished" } else { "failed" }) {
                continue;
            }
            let mut told: Vec<&str> =
                self.notices_of(capture).map(|(id, ..)| id).filter(|id| self.has_arrived(id)).collect();
            told.sort_unstable();
            told.dedup();
            let of_this_name = |other: &&&Capture| other.name == *name && other.region == capture.region;
            let captures = self.ours.iter().filter(of_this_name).count();
            // What has a name that another one had before is told apart by what is remembered of that one.
            // And what somebody deleted before anybody wrote down more than that it was asked for is known to nobody.
            let namesakes = || self.ours.iter().filter(of_this_name);
            let was_deleted = namesakes().any(|one| self.deletes_by_hand(one, Timestamp::MAX));
            let may_miss_some = captures > 1 && (self.store_failed_with(&key) || was_deleted);
            // Of three or more that follow each other within seconds, one is missed if who had asked for it has died.
            let may_miss_one = captures > 2 && !self.happened.deaths.is_empty() && told.len() + 1 == captures;
            let is_short = told.len() < captures && !may_miss_some && !may_miss_one;
            if told.len() > captures || told.is_empty() || is_short {
                broken.push(format!("5: {captures} captures were called {name} and {} were told", told.len()));
            }
        }
        for key in self.happened.written.keys() {
            if let Some(id) = key.strip_prefix("notice:")
                && !self.has_arrived(id)
            {
                broken.push(format!("5: {key} was written down and nobody was told"));
            }
        }
        broken
    }

    /// A message comes once. It comes again when the sender could not know that it was taken, or died or could not write
    /// before it had written that down; and when somebody could not see in the store whether it was told.
    fn messages_arrive_once(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for (number, again) in self.happened.arrivals.iter().enumerate() {
            let is_blind = |arrival: &Arrival| {
                self.store_failed_for(&arrival.id, arrival.host, arrival.incarnation, arrival.at) >= CLAIM_ATTEMPTS
            };
            for first in self.happened.arrivals.iter().take(number).filter(|first| first.id == again.id) {
                let by_sender = |host: usize, incarnation: u32| (host, incarnation) == (first.host, first.incarnation);
                let died = self.happened.deaths.iter().any(|death| {
                    by_sender(death.host, death.incarnation) && first.at <= death.at && death.at <= again.at
                });
                let wrote = self.happened.told.iter().any(|(at, id, host, incarnation)| {
                    *id == first.id && by_sender(*host, *incarnation) && first.at <= *at && *at <= again.at
                });
                let could_not_write = self
                    .happened
                    .failed_writes
                    .iter()
                    .any(|(at, key)| *key == format!("told:{}", first.id) && first.at <= *at && *at <= again.at);
                if first.heard && !is_blind(first) && !is_blind(again) && (wrote || !(died || could_not_write)) {
                    let (first, again, id) = (self.at(first.at), self.at(again.at), &first.id);
                    broken.push(format!("5: {id} was told at {first} and again at {again}"));
                }
            }
        }
        broken
    }

    /// Whether the store failed somebody who wanted to read or write a record, or its mark.
    fn store_failed_with(&self, key: &str) -> bool {
        // What one host leaves for another about a capture's end has a key that only they can tell.
        let is_it = |failed: &String| failed == key || failed.starts_with("over:");
        self.could_not_be_written(key) || self.happened.failures.iter().any(|(_, failed, ..)| is_it(failed))
    }

    /// How often the store failed a host that wanted to see whether a message was told.
    fn store_failed_for(&self, id: &str, host: usize, incarnation: u32, until: Duration) -> usize {
        let keys = [format!("told:{id}"), format!("claim:{id}")];
        let failures =
            self.happened.failures.iter().filter(|(at, key, by, life)| {
                *at <= until && keys.contains(key) && (*by, *life) == (host, incarnation)
            });
        failures.count()
    }

    fn messages_are_true(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for capture in &self.ours {
            for (id, at, notice) in self.notices_of(capture) {
                let reason = notice["reason"].as_str().unwrap();
                let mut namesakes = self.ours.iter().filter(|other| other.name == capture.name);
                if !namesakes.any(|capture| self.is_true(reason, capture, self.at(at))) {
                    let so = format!("{:?}, started {:?}", capture.stop_reason, capture.started);
                    broken.push(format!("5: {id} tells {reason} of {}: {so}", capture.name));
                }
            }
        }
        broken
    }

    /// Whether that is how a capture has ended.
    fn is_true(&self, reason: &str, capture: &Capture, told: Timestamp) -> bool {
        let by_hand = |wanted: fn(&ByHand) -> bool| {
            self.happened.by_hand.iter().any(|(_, id, what)| *id == capture.id && wanted(what))
        };
        let has_ended = capture.ended.is_some_and(|ended| ended <= told);
        let key = capture_key(capture);
        let because = |reason: &str| has_ended && capture.stop_reason.as_deref() == Some(reason);
        match reason {
            "time_limit" => because("TimeExceeded"),
            "size_limit" => because("BytesExceeded"),
            // That nightcap itself stops one stands in its record, if the store lets it be seen.
            "stopped_by_hand" => {
                because("Manual") && (by_hand(|what| matches!(what, ByHand::Stop)) || self.store_failed_with(&key))
            }
            // Somebody may have been faster than nightcap, which wanted to.
            "resolved" => {
                let by_somebody = by_hand(|what| matches!(what, ByHand::Stop));
                because("Manual") && (self.was_asked_to_stop(capture) || by_somebody)
            }
            "capture_failed" => capture.status(told) == CaptureStatus::Error,
            "never_began" => capture.started.is_none(),
            // One that nightcap itself deletes leaves its end in its record, if the store lets it, and if the next one of
            // the same name has not begun before it could be written down.
            "vanished" => {
                let is_of_this_name = |other: &&Capture| other.name == capture.name && other.region == capture.region;
                let has_namesakes = self.ours.iter().filter(|other| is_of_this_name(other)).count() > 1;
                let by_somebody = by_hand(|what| matches!(what, ByHand::Delete));
                capture.deleted_at.is_some_and(|gone| gone <= told)
                    && (by_somebody || has_namesakes || self.store_failed_with(&key))
            }
            "lost_sight" => capture.created + LONG_ENOUGH <= told,
            _ => false,
        }
    }

    fn was_asked_to_stop(&self, capture: &Capture) -> bool {
        let address = format!("/{}/stop?", capture.name);
        self.transcript.iter().any(|asked| asked.status == 202 && asked.path.contains(&address))
            || self.happened.requests.iter().any(|asked| asked.ask == Ask::Stop && asked.struck)
    }

    fn requests_are_few(&self) -> Vec<String> {
        let count = self.transcript.len();
        if count > MOST_REQUESTS { vec![format!("8: {count} requests were sent")] } else { vec![] }
    }
}

fn on_the_same(one: &Capture, other: &Capture) -> bool {
    one.target.eq_ignore_ascii_case(&other.target) && one.properties.scope == other.properties.scope
}

/// From when to when a capture ran.
fn runs(capture: &Capture) -> Option<(Timestamp, Timestamp)> {
    Some((capture.started?, capture.ended?))
}

/// Where a capture's record lies.
fn capture_key(capture: &Capture) -> String {
    let (subscription, region) = (nightcap_simulator::SUBSCRIPTION, &capture.region);
    format!("capture:{subscription}:{region}:{}", capture.name).to_ascii_lowercase()
}

/// The slot of time that a name tells.
fn slot_of(name: &str) -> &str {
    name.split('_').nth(2).unwrap_or_default()
}

fn is_good(reason: &str) -> bool {
    ["time_limit", "size_limit", "stopped_by_hand", "resolved", "stopped"].contains(&reason)
}
