//! 2, 3, 4: what runs beside what, what is stopped and deleted, and how many captures there are.

use std::time::Duration;

use jiff::Timestamp;
use nightcap_simulator::{Capture, CaptureStatus};

use super::excuse::Excuse;
use super::ledger::{Ledger, Own, is_own_name, record_key};
use super::verdict::Verdict;
use crate::plan::{ByHand, SWEEP_EVERY};

/// How long those who raced across the boundary of two slots take to settle it when nothing is in their way. What a sweep has
/// started is settled when its round is over, a quarter of a minute later at times; then come a list, two polls that Azure
/// answers in a second request each, and a stop of up to ten seconds.
const SETTLING: Duration = Duration::from_secs(40);

/// How long one that is being created cannot be seen by another one that is, at most: a list is fresh for 15 seconds.
const RACING: Duration = Duration::from_secs(40);

/// How long a slot of time is, as names of captures tell it.
const SLOT: Duration = Duration::from_secs(300);

/// How long it takes at most from looking which alerts are on a capture to asking for its stop.
const STOPPING: Duration = Duration::from_secs(3);

pub fn check(ledger: &Ledger, verdict: &mut Verdict) {
    one_runs_on_a_machine(ledger, verdict);
    nothing_is_stopped_too_early(ledger, verdict);
    only_our_own_and_finished_are_deleted(ledger, verdict);
    the_limit_holds(ledger, verdict);
}

/// Of two captures of one machine, all but one are stopped at once. Two are made at all only by those who race, neither of
/// whom can see the other's in a list, and who ask for different names so that Azure does not refuse one: where two slots of
/// time meet, where a name has just become free, or where somebody has fixed one. One that somebody is deleting counts no more,
/// for nobody can join it.
fn one_runs_on_a_machine(ledger: &Ledger, verdict: &mut Verdict) {
    let own = ledger.own();
    for (index, late) in own.iter().map(|own| own.capture).enumerate() {
        for early in own.iter().take(index).map(|own| own.capture).filter(|early| on_the_same(early, late)) {
            let (Some(first), Some(second)) = (runs(early), runs(late)) else { continue };
            let (from, to) = (first.0.max(second.0), first.1.min(second.1));
            if from >= to || ledger.done_by_hand(early, ByHand::Delete).any(|at| at <= late.created) {
                continue;
            }
            // What an instance was at that its host ends goes on with the next sweep.
            let next_sweep = if ledger.stage.plan.stay.is_some() { SWEEP_EVERY } else { Duration::ZERO };
            let settled = late.settled.max(early.settled) + SETTLING + next_sweep;
            let settled = after_throttling(ledger, settled);
            let is_race = late.created <= early.created + RACING;
            if is_race && to <= settled {
                continue;
            }
            let is_in_trouble = was_trouble(ledger, late.created - Duration::from_secs(30), settled);
            let excuses = [
                (Excuse::TroubleWhileSettling, is_race && is_in_trouble),
                // Only its record tells that one with a name that somebody fixed is ours, and a capture does not wait for a store
                // that cannot be read. A second capture is a waste; to join one that is somebody else's would be a loss.
                // By its name it should be over.
                (Excuse::BegunLongAfterItsName, early.started.is_some_and(|began| early.created + SLOT <= began)),
                (Excuse::OursUnreadable, !is_own_name(&early.name) && was_unreadable(ledger, early, late.created)),
            ];
            let both = format!("{} and {}", early.name, late.name);
            verdict.broken_unless(&excuses, format!("2: {both} ran on one machine from {from} to {to}"));
        }
    }
}

/// Until when something takes that has to be done by a moment, when Azure throttles those who are at it.
fn after_throttling(ledger: &Ledger, by: Timestamp) -> Timestamp {
    let throttled = ledger.transcript.iter().filter(|asked| asked.status == 429).map(|asked| asked.at);
    throttled.fold(by, |by, at| if by - SETTLING <= at && at <= by { at + SETTLING } else { by })
}

/// Whether the store failed somebody with the record of a capture between its creation and a later moment.
fn was_unreadable(ledger: &Ledger, capture: &Capture, until: Timestamp) -> bool {
    let key = record_key(capture);
    ledger.happened.failures.iter().any(|(at, failed, ..)| {
        let at = ledger.at(*at);
        failed.strip_prefix("open:").unwrap_or(failed) == key && capture.created <= at && at <= until
    })
}

/// Whether anything went wrong between two moments that can keep those who race from settling it.
fn was_trouble(ledger: &Ledger, from: Timestamp, to: Timestamp) -> bool {
    let within = |elapsed: Duration| from <= ledger.at(elapsed) && ledger.at(elapsed) <= to;
    ledger.happened.deaths.iter().any(|death| within(death.at))
        || ledger.happened.failures.iter().any(|failure| within(failure.0))
        || ledger.happened.requests.iter().any(|asked| asked.struck && within(asked.at))
        || ledger.transcript.iter().any(|asked| asked.status == 429 && from <= asked.at && asked.at <= to)
}

/// A capture is stopped for its alerts have resolved only when all of them have.
fn nothing_is_stopped_too_early(ledger: &Ledger, verdict: &mut Verdict) {
    for (key, record) in ledger.under("capture:").filter(|(_, record)| record["stopping"] == "resolved") {
        let name = record["name"].as_str().unwrap();
        let is_it = |capture: &&Capture| record["storagePath"] == capture.storage_path.as_str();
        let Some(capture) = ledger.captures.iter().find(is_it) else { continue };
        let Some(stop) = ledger.stops_of(capture).next() else { continue };
        let on_name = key.trim_start_matches("capture:").split(':').take(3).collect::<Vec<_>>().join(":");
        let on_name = format!("on:{on_name}:");
        let joined = ledger.under(&on_name).filter_map(|(on, alert)| {
            // Those of before are on a capture that had the name then.
            let came_at = ledger.at(*ledger.happened.written.get(on)?);
            (capture.created <= came_at && came_at <= stop.at).then(|| (came_at, alert.clone()))
        });
        let first = (capture.created, record["askedFor"].clone());
        for (came_at, alert) in joined.chain([first]) {
            let Some(id) = alert["alert"]["id"].as_str() else { continue };
            let deliveries = &ledger.stage.plan.deliveries;
            let is_over = deliveries
                .iter()
                .any(|delivery| delivery.ends.as_deref() == Some(id) && ledger.at(delivery.at) <= stop.at);
            if is_over {
                continue;
            }
            // Who comes while it is being stopped comes too late.
            let excuses = [(Excuse::JoinedWhileStopping, came_at + STOPPING >= stop.at)];
            verdict.broken_unless(
                &excuses,
                format!("2: {name} was stopped at {} although {id}, on it since {came_at}, had not resolved", stop.at),
            );
        }
    }
}

/// Nothing is deleted but what has a name of our own, or one that somebody fixed; and nothing before its end. A DELETE names
/// its capture by nothing but the name. So of several who want one fixed name at once, one may delete what another has just
/// made: whoever fixes a name has it deleted and created anew each time.
fn only_our_own_and_finished_are_deleted(ledger: &Ledger, verdict: &mut Verdict) {
    let fixed = ledger.fixed_names();
    let may_go = |name: &str| is_own_name(name) || fixed.iter().any(|fixed| fixed.eq_ignore_ascii_case(name));
    let by_hand = |capture: &Capture| ledger.was_done_by_hand(capture, ByHand::Delete);
    for capture in ledger.captures.iter().filter(|capture| capture.deleted_at.is_some() && !by_hand(capture)) {
        if !may_go(&capture.name) {
            verdict.broken(format!("3: {} is not ours and was deleted", capture.name));
        }
    }
    for asked in ledger.transcript.iter().filter(|asked| asked.method == "DELETE" && asked.status == 202) {
        let id = asked.path.split('?').next().unwrap_or_default();
        let name = id.rsplit('/').next().unwrap_or_default();
        let has_id = |capture: &Capture| capture.id.eq_ignore_ascii_case(id);
        let there = ledger.captures.iter().rfind(|capture| has_id(capture) && capture.exists(asked.at));
        let Some(capture) = there.filter(|_| may_go(name)) else {
            verdict.broken(format!("3: {} is not ours and was to be deleted", asked.path));
            continue;
        };
        let failed = capture.status(asked.at) == CaptureStatus::Error;
        if failed || capture.ended.is_some_and(|ended| ended <= asked.at) {
            continue;
        }
        let is_confused = ledger.may_have_been_meant_for_former(capture, asked.at);
        if is_confused && !is_own_name(name) {
            continue;
        }
        let excuses = [(Excuse::DeletedForFormerNamesake, is_confused)];
        verdict.broken_unless(&excuses, format!("3: {name} was to be deleted before its end"));
    }
}

/// By our doing there are never more captures than the limit, but for as many as race: a list shows nobody what others are
/// about to create, and each instance keeps to the limit by itself. Two hosts with different limits each keep to their own.
fn the_limit_holds(ledger: &Ledger, verdict: &mut Verdict) {
    let own = ledger.own();
    for Own { capture, settings } in &own {
        let limit: usize = settings["capture_limit"].parse().unwrap();
        let there = ledger.captures.iter().filter(|other| other.watcher.eq_ignore_ascii_case(&capture.watcher));
        let count = there.filter(|other| other.exists(capture.created)).count();
        let racing = |other: &&Own| {
            let other = other.capture;
            other.created + RACING > capture.created && other.created <= capture.created && other.id != capture.id
        };
        let racers = own.iter().filter(racing).count();
        let plan = &ledger.stage.plan;
        if count > limit + if plan.instance_each { racers } else { racers.min(plan.hosts) } {
            // A list in pages that somebody shortens meanwhile misses what moves from one page to the one before.
            let is_recent = |gone: Timestamp| gone <= capture.created && capture.created <= gone + RACING;
            let was_shortened = ledger.captures.iter().filter_map(|other| other.deleted_at).any(is_recent);
            verdict.broken_unless(
                &[(Excuse::ListShortened, ledger.lists_have_pages && was_shortened)],
                format!("4: {} is capture number {count} and the limit is {limit}", capture.name),
            );
        }
    }
}

fn on_the_same(one: &Capture, other: &Capture) -> bool {
    one.target.eq_ignore_ascii_case(&other.target) && one.properties.scope == other.properties.scope
}

/// From when to when a capture ran.
fn runs(capture: &Capture) -> Option<(Timestamp, Timestamp)> {
    Some((capture.started?, capture.ended?))
}
