//! 5: every capture is told, truly and once.

use std::time::Duration;

use jiff::Timestamp;
use nightcap_simulator::{Capture, CaptureStatus};
use serde_json::Value;

use super::alerts::outcomes;
use super::excuse::Excuse;
use super::ledger::{Ledger, are_namesakes, is_own_name, record_key};
use super::verdict::Verdict;
use crate::plan::ByHand;
use crate::stage::Arrival;
use crate::trouble::Ask;

/// How long nightcap looks for a capture before it says that it has lost sight of it.
const LONG_ENOUGH: Duration = Duration::from_secs(15 * 60);

/// How often a claim is tried before a message is sent without one.
const CLAIM_ATTEMPTS: usize = 10;

pub fn check(ledger: &Ledger, verdict: &mut Verdict) {
    captures_are_told(ledger, verdict);
    failures_are_told(ledger, verdict);
    what_was_written_down_arrives(ledger, verdict);
    messages_arrive_once(ledger, verdict);
    messages_are_true(ledger, verdict);
    messages_name_alerts_of_their_machine(ledger, verdict);
}

/// Each capture has a record, and how it ended is told. A name may have been several captures', one after the other.
fn captures_are_told(ledger: &Ledger, verdict: &mut Verdict) {
    for namesakes in by_name(ledger.watched()) {
        let (first, name) = (namesakes[0], &namesakes[0].name);
        let records: Vec<Option<&Value>> = namesakes.iter().map(|capture| ledger.record_of(capture)).collect();
        let reasons = records.iter().flatten().map(|record| record["end"]["reason"].as_str().unwrap_or_default());
        let reasons: Vec<&str> = reasons.collect();
        for (capture, _) in namesakes.iter().zip(&records).filter(|(_, record)| record.is_none()) {
            // Nobody can remember what the store has never taken.
            let was_ever_known = ledger.happened.known_paths.contains(&capture.storage_path);
            if !was_ever_known && ledger.store_failed_while_there(capture) {
                continue;
            }
            // Nor can anybody know of one that was gone before Azure had told anybody who lives that it is there.
            let was_deleted = ledger.was_done_by_hand(capture, ByHand::Delete);
            if !was_ever_known && was_deleted && ledger.maker_died_while_there(capture) {
                continue;
            }
            let what = format!("5: {name} was made at {}, and there is no record of it", capture.created);
            verdict.broken_unless(&why_unknown(ledger, capture), what);
        }
        let unknown = namesakes.len() - reasons.len();
        // The alerts of one that gave way are told with the one that it gave way to.
        let is_told = |reason: &&&str| {
            **reason != "superseded" && ledger.is_wanted(if is_good(reason) { "finished" } else { "failed" })
        };
        let expected = reasons.iter().filter(is_told).count();
        let mut told: Vec<&str> =
            notices_of(ledger, first).map(|(id, ..)| id).filter(|id| has_arrived(ledger, id)).collect();
        told.sort_unstable();
        told.dedup();
        if told.len() < expected || told.len() > expected + unknown {
            let what =
                format!("5: {} captures were called {name}: {reasons:?}; {} were told", namesakes.len(), told.len());
            let excuses = [
                // What has a name that another one had before is told apart by what is remembered of that one.
                (Excuse::CaptureRecordUnreadable, namesakes.len() > 1 && ledger.store_failed_with(&record_key(first))),
                // Somebody deleted the first within moments, before anybody wrote down more than that it was asked for, and the
                // second was taken for it.
                (Excuse::NamesakeDeletedByHand, namesakes.len() > 1 && deleted_by_hand(ledger, &namesakes)),
            ];
            verdict.broken_unless(&excuses, what);
        }
    }
}

fn deleted_by_hand(ledger: &Ledger, captures: &[&Capture]) -> bool {
    captures.iter().any(|capture| ledger.was_done_by_hand(capture, ByHand::Delete))
}

/// Those of one name together.
fn by_name(captures: Vec<&Capture>) -> Vec<Vec<&Capture>> {
    let mut groups: Vec<Vec<&Capture>> = Vec::new();
    for capture in captures {
        match groups.iter_mut().find(|group| are_namesakes(group[0], capture)) {
            Some(group) => group.push(capture),
            None => groups.push(vec![capture]),
        }
    }
    groups
}

/// What may be why nightcap knows nothing of a capture that Azure has made for it.
fn why_unknown(ledger: &Ledger, capture: &Capture) -> Vec<(Excuse, bool)> {
    let key = record_key(capture);
    vec![
        // What cannot be read is written over by the next one of the name, so that at least that is known.
        (Excuse::CaptureRecordUnreadable, ledger.store_failed_with(&key)),
        // Whoever asked for it died before the answer, and somebody deleted it before anybody else has seen it.
        (Excuse::DeletedByHandUnseen, ledger.was_done_by_hand(capture, ByHand::Delete)),
        // Whoever asked for it died before the answer, and the next of the name has taken its place.
        (Excuse::NamesakeLostWithHost, !ledger.happened.deaths.is_empty()),
    ]
}

/// Whoever reads only messages learns of each machine for which an alert came to nothing: of each by a message of its own,
/// or of its capture that never began.
fn failures_are_told(ledger: &Ledger, verdict: &mut Verdict) {
    for (key, record) in &ledger.happened.alerts {
        for outcome in outcomes(record).iter().filter(|outcome| outcome["outcome"] == "failed") {
            let is_of_it = |notice: &Value| {
                let of_alert = notice["links"]["record"].as_str().is_some_and(|record| record.ends_with(key.as_str()));
                of_alert && same(&notice["target"], &outcome["target"])
            };
            let is_about_it = |notice: &Value| {
                let same_machine = same(&notice["target"], &outcome["target"]);
                let of_capture = notice["capture"]["name"].is_string() && is_among(&record["alert"], notice);
                notice["event"] == "failed" && (is_of_it(notice) || same_machine && of_capture)
            };
            let told = ledger
                .happened
                .notices
                .iter()
                .any(|(id, meant)| has_arrived(ledger, id) && meant.iter().any(|(_, notice)| is_about_it(notice)));
            if !told {
                let was_told_otherwise = ledger.happened.notices.iter().any(|(id, meant)| {
                    has_arrived(ledger, id)
                        && meant.iter().any(|(_, notice)| is_of_it(notice) && notice["event"] != "failed")
                });
                let excuses = [
                    // Told once: what an earlier delivery came to.
                    (Excuse::ToldBeforeOtherwise, was_told_otherwise),
                    // Two worked on it, and one could not see what the other had come to.
                    (Excuse::AlertUnreadable, ledger.store_failed_with(&format!("alert:{key}"))),
                ];
                verdict.broken_unless(
                    &excuses,
                    format!("5: {}, {key}, failed and nobody was told: {outcome}", record["alert"]["rule"]),
                );
            }
        }
    }
}

fn same(one: &Value, other: &Value) -> bool {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
    text(one) == text(other)
}

/// Whether a message names an alert.
fn is_among(alert: &Value, notice: &Value) -> bool {
    notice["alert"]["id"] == alert["id"]
        || notice["others"].as_array().into_iter().flatten().any(|other| other["id"] == alert["id"])
}

fn what_was_written_down_arrives(ledger: &Ledger, verdict: &mut Verdict) {
    for key in ledger.happened.written.keys() {
        if let Some(id) = key.strip_prefix("notice:")
            && !has_arrived(ledger, id)
        {
            verdict.broken(format!("5: {key} was written down and nobody was told"));
        }
    }
}

/// Every message of a capture's end, with when it was meant to be told.
fn notices_of<'a>(ledger: &'a Ledger, capture: &'a Capture) -> impl Iterator<Item = (&'a str, Duration, &'a Value)> {
    let all = ledger.happened.notices.iter();
    let all = all.flat_map(|(id, meant)| meant.iter().map(move |(at, notice)| (id.as_str(), *at, notice)));
    all.filter(|(.., notice)| {
        ["finished", "failed"].contains(&notice["event"].as_str().unwrap())
            && same(&notice["capture"]["name"], &capture.name.as_str().into())
            && notice["capture"]["region"] == capture.region.as_str()
    })
}

fn has_arrived(ledger: &Ledger, id: &str) -> bool {
    ledger.happened.arrivals.iter().any(|arrival| arrival.id == id)
}

/// A message comes once. It comes again, under its id, when the sender has died before it had written down that it was
/// taken, and when the answer was lost that says so: then the sender cannot know, and twice is better than never.
fn messages_arrive_once(ledger: &Ledger, verdict: &mut Verdict) {
    for (number, again) in ledger.happened.arrivals.iter().enumerate() {
        for first in ledger.happened.arrivals.iter().take(number).filter(|first| first.id == again.id) {
            let by_sender = |host: usize, incarnation: u32| (host, incarnation) == (first.host, first.incarnation);
            let died =
                ledger.happened.deaths.iter().any(|death| {
                    by_sender(death.host, death.incarnation) && first.at <= death.at && death.at <= again.at
                });
            let wrote = ledger.happened.told.iter().any(|(at, id, host, incarnation)| {
                *id == first.id && by_sender(*host, *incarnation) && first.at <= *at && *at <= again.at
            });
            if !first.heard || (died && !wrote) {
                continue;
            }
            let failed_to_write = ledger
                .happened
                .failed_writes
                .iter()
                .any(|(at, key)| *key == format!("told:{}", first.id) && first.at <= *at && *at <= again.at);
            let excuses = [
                // A store that keeps failing leaves only one answer: better twice than never.
                (Excuse::ClaimUnreadable, is_blind(ledger, first) || is_blind(ledger, again)),
                (Excuse::DeliveryNotWritten, failed_to_write && !wrote),
            ];
            let (first, again, id) = (ledger.at(first.at), ledger.at(again.at), &first.id);
            verdict.broken_unless(&excuses, format!("5: {id} was told at {first} and again at {again}"));
        }
    }
}

/// Whether the store kept failing a host that wanted to see whether a message was told.
fn is_blind(ledger: &Ledger, arrival: &Arrival) -> bool {
    let keys = [format!("told:{}", arrival.id), format!("claim:{}", arrival.id)];
    let failures = ledger.happened.failures.iter().filter(|(at, key, by, life)| {
        *at <= arrival.at && keys.contains(key) && (*by, *life) == (arrival.host, arrival.incarnation)
    });
    failures.count() >= CLAIM_ATTEMPTS
}

fn messages_are_true(ledger: &Ledger, verdict: &mut Verdict) {
    for namesakes in by_name(ledger.watched()) {
        let capture = namesakes[0];
        for (id, at, notice) in notices_of(ledger, capture) {
            let reason = notice["reason"].as_str().unwrap();
            let told = ledger.at(at);
            if namesakes.iter().any(|capture| is_true(ledger, reason, capture, told)) {
                continue;
            }
            let excuses: Vec<_> = namesakes.iter().flat_map(|capture| excuses(ledger, reason, capture, told)).collect();
            let so = namesakes.iter().map(|capture| {
                let Capture { stop_reason, started, ended, deleted_at, .. } = capture;
                format!("{stop_reason:?}, from {started:?} to {ended:?}, deleted {deleted_at:?}")
            });
            let so = so.collect::<Vec<_>>().join("; ");
            verdict.broken_unless(&excuses, format!("5: {id} tells {reason} of {}: {so}", capture.name));
        }
    }
}

/// Whether that is how a capture has ended.
fn is_true(ledger: &Ledger, reason: &str, capture: &Capture, told: Timestamp) -> bool {
    match reason {
        "time_limit" => ended_by("TimeExceeded", capture, told),
        "size_limit" => ended_by("BytesExceeded", capture, told),
        "stopped_by_hand" => ended_by("Manual", capture, told) && ledger.was_done_by_hand(capture, ByHand::Stop),
        "resolved" => ended_by("Manual", capture, told) && was_asked_to_stop(ledger, capture),
        "capture_failed" => capture.status(told) == CaptureStatus::Error,
        "never_began" => capture.started.is_none(),
        // By a person, or by another instance that wanted the fixed name. One that nightcap has deleted for its place leaves its
        // end where it is found, unless the store fails.
        "vanished" => capture.deleted_at.is_some_and(|gone| {
            let was_cut_off = capture.stop_reason.as_deref() == Some("Deleted");
            let had_failed = capture.started.is_none() && ledger.may_have_been_meant_for_former(capture, gone);
            let by_others = (was_cut_off || had_failed) && !is_own_name(&capture.name);
            let is_known = by_others || ledger.was_done_by_hand(capture, ByHand::Delete);
            gone <= told && (is_known || !ledger.stage.plan.store.is_empty())
        }),
        "lost_sight" => capture.created + LONG_ENOUGH <= told,
        _ => false,
    }
}

/// A name that somebody fixed is one machine's after another's, and each message is about the alerts of its own.
fn messages_name_alerts_of_their_machine(ledger: &Ledger, verdict: &mut Verdict) {
    let of_capture = |notice: &&Value| ["finished", "failed"].contains(&notice["event"].as_str().unwrap());
    let notices =
        ledger.happened.notices.iter().flat_map(|(id, meant)| meant.iter().map(move |(_, notice)| (id, notice)));
    for (id, notice) in notices.filter(|(_, notice)| notice["capture"]["name"].is_string() && of_capture(notice)) {
        let machine = notice["target"].as_str().unwrap_or_default().to_lowercase();
        // An alert about an instance joins a capture of its set.
        let is_about_it = |record: &&Value| {
            let targets = outcomes(record).iter().map(|outcome| outcome["target"].as_str().unwrap_or_default());
            targets.map(str::to_lowercase).any(|target| target.starts_with(&machine) || machine.starts_with(&target))
        };
        let alerts = notice["others"].as_array().unwrap().iter().chain([&notice["alert"]]);
        // Nothing tells one call of a program from another one's.
        for alert in alerts.filter(|alert| alert["rule"] != "direct call") {
            let mut records = ledger.happened.alerts.values().filter(|record| record["alert"]["id"] == alert["id"]);
            let is_known = records.clone().next().is_some();
            if is_known && !records.any(|record| is_about_it(&record)) {
                verdict.broken(format!("5: {id} is about {machine} and names an alert on another: {alert}"));
            }
        }
    }
}

fn ended_by(word: &str, capture: &Capture, told: Timestamp) -> bool {
    capture.ended.is_some_and(|ended| ended <= told) && capture.stop_reason.as_deref() == Some(word)
}

/// What lets a message off that is not true of a capture.
fn excuses(ledger: &Ledger, reason: &str, capture: &Capture, told: Timestamp) -> Vec<(Excuse, bool)> {
    let store_failed = ledger.store_failed_with(&record_key(capture));
    let was_stopped = ended_by("Manual", capture, told);
    match reason {
        // That nightcap itself stops one stands in its record, if the store lets it be seen.
        "stopped_by_hand" => vec![(Excuse::OwnStopUnreadable, was_stopped && store_failed)],
        // It was over, and the next capture's host meant the one before.
        "vanished" => {
            let gone = capture.deleted_at.filter(|gone| *gone <= told);
            let was_meant = gone.is_some_and(|gone| ledger.may_have_been_meant_for_former(capture, gone));
            vec![(Excuse::DeletedForFormerNamesake, was_meant)]
        }
        // Somebody was faster than nightcap, which wanted to.
        "resolved" => {
            vec![(Excuse::StoppedByHandFirst, was_stopped && ledger.was_done_by_hand(capture, ByHand::Stop))]
        }
        _ => vec![],
    }
}

fn was_asked_to_stop(ledger: &Ledger, capture: &Capture) -> bool {
    ledger.stops_of(capture).any(|asked| asked.status == 202)
        || ledger.happened.requests.iter().any(|asked| asked.ask == Ask::Stop && asked.struck)
}

fn is_good(reason: &str) -> bool {
    ["time_limit", "size_limit", "stopped_by_hand", "resolved", "stopped"].contains(&reason)
}
