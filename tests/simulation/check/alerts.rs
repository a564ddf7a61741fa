//! 1: every alert that was taken ends, with a reason and a sentence, in a record.

use serde_json::Value;

use super::excuse::Excuse;
use super::ledger::Ledger;
use super::verdict::Verdict;
use crate::trouble::Ask;

pub fn check(ledger: &Ledger, verdict: &mut Verdict) {
    alerts_have_ended(ledger, verdict);
    each_machine_has_its_own_outcome(ledger, verdict);
    what_never_began_has_failed(ledger, verdict);
    what_was_answered_is_remembered(ledger, verdict);
    nothing_is_left(ledger, verdict);
    who_meets_another_joins(ledger, verdict);
}

fn alerts_have_ended(ledger: &Ledger, verdict: &mut Verdict) {
    for (key, record) in &ledger.happened.alerts {
        let outcomes = outcomes(record);
        if outcomes.is_empty() || !outcomes.iter().all(has_ended) {
            verdict.broken(format!("1: {key} has not ended: {record}"));
        } else if record["finished"] != true {
            let excuses = [(Excuse::LeftToTheDay, is_left_to_the_day(ledger, key))];
            verdict.broken_unless(&excuses, format!("1: {key} is not finished: {record}"));
        }
    }
    for key in ledger.happened.written.keys().filter(|key| key.starts_with("alert:")) {
        if ledger.record(key).is_none() {
            verdict.broken(format!("8: {key} was remembered once and is gone"));
        }
    }
}

/// Two machines of one alert may come to different ends at the same moment, and both stand in the record.
fn each_machine_has_its_own_outcome(ledger: &Ledger, verdict: &mut Verdict) {
    for (key, status, answer) in &ledger.happened.taken {
        let machines = |outcomes: &[Value]| {
            let ids = outcomes.iter().map(|outcome| outcome["target"].as_str().unwrap_or_default().to_lowercase());
            ids.collect::<Vec<_>>()
        };
        let answered = machines(outcomes(answer));
        let mut different = answered.clone();
        different.sort_unstable();
        different.dedup();
        let recorded = ledger.happened.alerts.get(key).map(|record| machines(outcomes(record)));
        if different.len() < answered.len() || recorded.as_ref().is_some_and(|recorded| *recorded != answered) {
            verdict
                .broken(format!("1: {key} was answered with {status} about {answered:?}, and tells of {recorded:?}"));
        }
    }
}

/// An alert was told that a capture was started. When the capture then fails to begin, the alert has failed for that machine.
fn what_never_began_has_failed(ledger: &Ledger, verdict: &mut Verdict) {
    for (_, capture) in ledger.under("capture:").filter(|(_, record)| record["end"]["reason"] == "never_began") {
        let Some(alert) = capture["askedBy"].as_str().and_then(|key| ledger.happened.alerts.get(key)) else { continue };
        let says_started = |outcome: &&Value| {
            outcome["outcome"] == "started"
                && outcome["capture"]["name"] == capture["name"]
                && outcome["capture"]["storagePath"] == capture["storagePath"]
        };
        if outcomes(alert).iter().any(|outcome| says_started(&outcome)) {
            let name = &capture["name"];
            let key = alert["key"].as_str().unwrap_or_default();
            let failed = [format!("alert:{key}"), format!("revised:{key}")];
            let excuses = [(Excuse::OutcomeRefusedByStore, failed.iter().any(|key| ledger.store_failed_about(key)))];
            verdict.broken_unless(&excuses, format!("1: {name} never began, and its alert was started: {alert}"));
        }
    }
}

pub fn outcomes(record: &Value) -> &[Value] {
    record["outcomes"].as_array().unwrap()
}

fn has_ended(outcome: &Value) -> bool {
    let word = outcome["outcome"].as_str().unwrap();
    ["started", "joined", "skipped", "failed"].contains(&word)
        && outcome["reason"].as_str().is_some_and(|reason| !reason.is_empty())
        && outcome["message"].as_str().is_some_and(|message| message.len() > 20)
}

/// An alert that two worked on at once, because it came twice or a sweep took it up, may be unfinished without its mark: one had
/// finished it, the other wrote what it knew over that, and its host died before it was looked whether the mark is needed. The
/// next day's look at all records marks it again.
fn is_left_to_the_day(ledger: &Ledger, key: &str) -> bool {
    let deliveries = ledger.happened.taken.iter().filter(|(taken, ..)| taken == key).count();
    let was_finished =
        ledger.happened.written.keys().any(|written| written.starts_with("index:alert:") && written.ends_with(key));
    let is_marked = ledger.record(&format!("open:alert:{key}")).is_some();
    !is_marked && (deliveries > 1 || was_finished) && !ledger.happened.deaths.is_empty()
}

/// An alert that was taken stands in a record. The store may refuse it to the end; then the caller has been told how the alert
/// ended, and one of which that was not known is asked to call again (DESIGN.md, "What the webhook answers").
fn what_was_answered_is_remembered(ledger: &Ledger, verdict: &mut Verdict) {
    for (key, status, answer) in &ledger.happened.taken {
        if ledger.happened.alerts.contains_key(key) {
            continue;
        }
        let is_open = outcomes(answer).iter().any(|one| one["outcome"] == "accepted");
        let record = format!("alert:{key}");
        let was_never_taken = ledger.could_not_be_written(&record) && !ledger.happened.written.contains_key(&record);
        if is_open || !was_never_taken {
            verdict.broken(format!("1: an alert was answered with {status} and {key} is not remembered: {answer}"));
        }
    }
}

fn nothing_is_left(ledger: &Ledger, verdict: &mut Verdict) {
    for (key, _) in ledger.under("open:").chain(ledger.under("notice:")) {
        verdict.broken(format!("1: {key} is left"));
    }
    for (key, record) in ledger.under("capture:") {
        if record["phase"] != "finished" || record["end"].is_null() {
            verdict.broken(format!("1: {key} has not ended: {record}"));
        }
    }
}

/// Whoever is refused because the name is taken looks at what has it and joins.
fn who_meets_another_joins(ledger: &Ledger, verdict: &mut Verdict) {
    let is_refused = |outcome: &Value| {
        let message = outcome["message"].as_str().unwrap_or_default();
        outcome["outcome"] == "failed" && ["Conflict", "RetryableError"].iter().any(|code| message.contains(code))
    };
    let is_struck = ledger.happened.requests.iter().any(|asked| asked.struck && asked.ask == Ask::Get);
    let is_throttled = ledger
        .transcript
        .iter()
        .any(|asked| asked.status == 429 && asked.method == "GET" && asked.path.contains("/packetCaptures/"));
    for (key, record) in &ledger.happened.alerts {
        if outcomes(record).iter().any(is_refused) {
            // That look met with trouble.
            let excuses = [(Excuse::LookAtRivalStruck, is_struck || is_throttled)];
            verdict.broken_unless(&excuses, format!("1: {key} failed where it could have joined: {record}"));
        }
    }
}
