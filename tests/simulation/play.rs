//! One story, from its seed to the end of everything that was begun in it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use futures::future::join_all;
use http::{Method, Request, StatusCode};
use nightcap_simulator::{OPERATOR_KEY, WEBHOOK_KEY};
use serde_json::Value;

use crate::plan::{ByHand, Form, SWEEP_EVERY};
use crate::stage::Stage;

/// The pauses after which an action group repeats a call that failed, in seconds.
const REPEATS: [u64; 5] = [5, 20, 5, 40, 5];

/// The pauses after which a program calls again when nobody has answered or nothing could be remembered.
const CALLS_AGAIN: [u64; 2] = [1, 10];

/// How often a timer sweeps at most when the storm is over, for all to come to its end.
const MOST_SWEEPS: u32 = 180;

/// How long it must stay quiet, for what is still on its way.
const STRAGGLERS: Duration = Duration::from_secs(30);

pub async fn play(stage: &Arc<Stage>) {
    let deliveries: Vec<_> =
        (0..stage.plan.deliveries.len()).map(|number| tokio::spawn(deliver(stage.clone(), number))).collect();
    tokio::spawn(sweep_now_and_then(stage.clone()));
    tokio::spawn(meddle(stage.clone()));
    tokio::spawn(turn_clocks(stage.clone()));
    tokio::spawn(change_settings(stage.clone()));
    tokio::time::sleep(stage.plan.storm).await;
    stage.end_the_storm();
    for delivery in deliveries {
        delivery.await.unwrap();
    }
    for _ in 0..MOST_SWEEPS {
        tokio::time::sleep(SWEEP_EVERY).await;
        let number = stage.chance().below(stage.plan.hosts as u64) as usize;
        sweep(stage.clone(), number).await;
        if is_quiet(stage) {
            tokio::time::sleep(STRAGGLERS).await;
            if is_quiet(stage) {
                break;
            }
        }
    }
    stage.tell(|| "the end".to_owned());
    read_alerts(stage).await;
}

/// Asks nightcap itself for the record of every alert that it remembers.
async fn read_alerts(stage: &Arc<Stage>) {
    let keys: BTreeSet<String> = {
        let store = stage.store.lock().unwrap();
        store.keys().filter_map(|key| key.strip_prefix("alert:")?.split(':').next()).map(str::to_owned).collect()
    };
    for key in keys {
        let request = Request::builder()
            .uri(format!("/api/alerts/{key}"))
            .header("authorization", format!("Bearer {OPERATOR_KEY}"))
            .body(Body::empty());
        match stage.call(0, request.unwrap()).await {
            Some((StatusCode::OK, body)) => {
                let record = serde_json::from_slice(&body).unwrap();
                stage.happened().alerts.insert(key, record);
            }
            answer => stage.broken(format!("1: the record of {key} is not shown: {answer:?}")),
        }
    }
}

/// Whether nothing remains to be done.
fn is_quiet(stage: &Stage) -> bool {
    let store = stage.store.lock().unwrap();
    !store.keys().any(|key| key.starts_with("open:") || key.starts_with("notice:"))
}

/// Sends an alert as an action group does, until somebody takes it; or calls as a program does.
async fn deliver(stage: Arc<Stage>, number: usize) {
    let delivery = &stage.plan.deliveries[number];
    tokio::time::sleep(delivery.at).await;
    let mut to = delivery.to;
    let repeats: &[u64] = if delivery.form == Form::Alert { &REPEATS } else { &CALLS_AGAIN };
    let mut repeats = repeats.iter();
    loop {
        stage.tell(|| format!("host {to}: alert {} comes in", delivery.what));
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/api/alerts?code={WEBHOOK_KEY}"))
            .header("content-type", "application/json")
            .body(Body::from(delivery.body.clone()));
        let answer = stage.call(to, request.unwrap()).await;
        let repeat = match &answer {
            None => true,
            Some((status, _)) => matches!(status.as_u16(), 408 | 429 | 503 | 504),
        };
        stage.tell(|| {
            let what = answer.as_ref().map_or("no answer".to_owned(), |(status, body)| told(*status, body));
            format!("host {to}: alert {}: {what}", delivery.what)
        });
        if let Some((status, body)) = answer {
            note_answer(&stage, delivery.form, status, &body);
        }
        let Some(pause) = repeats.next().filter(|_| repeat) else { return };
        tokio::time::sleep(Duration::from_secs(*pause)).await;
        to = stage.chance().below(stage.plan.hosts as u64) as usize;
    }
}

fn told(status: StatusCode, body: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let outcomes = answer["outcomes"].as_array().into_iter().flatten();
    let words: Vec<String> = outcomes
        .map(|one| {
            let name = one["capture"]["name"].as_str().unwrap_or_default();
            format!("{} {} {name}", one["outcome"], one["reason"])
        })
        .collect();
    format!("{} {}", status.as_u16(), words.join(", "))
}

fn note_answer(stage: &Stage, form: Form, status: StatusCode, body: &[u8]) {
    let answer: Value = serde_json::from_slice(body).unwrap();
    let expected: &[u16] = match form {
        Form::Alert => &[200, 201, 202, 503],
        Form::Nonsense => &[400],
        Form::BadCall => &[422],
        Form::DirectCall => statuses_for_program(&answer["outcomes"][0]),
    };
    if !expected.contains(&status.as_u16()) {
        stage.broken(format!("1: {form:?} was answered with {status}: {answer}"));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        return;
    }
    if let Some(link) = answer["links"]["record"].as_str() {
        let key = link.rsplit('/').next().unwrap().to_owned();
        stage.happened().taken.push((key, status, answer));
    } else if status.is_success() {
        stage.broken(format!("1: {form:?} was answered with {status} and no record: {answer}"));
    }
}

/// With which statuses a program is told of an outcome: whether there is a capture, and if not whose matter that is.
fn statuses_for_program(outcome: &Value) -> &'static [u16] {
    match (outcome["outcome"].as_str().unwrap_or_default(), outcome["reason"].as_str().unwrap_or_default()) {
        ("started", _) if outcome["capture"]["storagePath"].as_str().is_some_and(|path| path.ends_with(".cap")) => {
            &[201]
        }
        ("joined", _) if outcome["capture"]["name"].is_string() => &[200],
        ("skipped", "dry_run") if outcome["requests"].as_array().is_some_and(|requests| !requests.is_empty()) => &[200],
        ("accepted", _) => &[202, 503],
        ("failed", "limit_reached" | "name_in_use") => &[409],
        ("failed", "machine_not_found" | "agent_missing" | "no_storage_account") => &[422],
        ("failed", "watcher_not_found" | "no_network_watcher" | "subscription_not_found") => &[422],
        ("failed", _) => &[502],
        _ => &[],
    }
}

async fn sweep_now_and_then(stage: Arc<Stage>) {
    let sweeps = stage.plan.sweeps.iter().map(|at| {
        let stage = stage.clone();
        async move {
            tokio::time::sleep(*at).await;
            let number = stage.chance().below(stage.plan.hosts as u64) as usize;
            sweep(stage, number).await;
        }
    });
    join_all(sweeps).await;
}

async fn sweep(stage: Arc<Stage>, number: usize) {
    let request = Request::builder()
        .method(Method::POST)
        .uri("/api/sweep")
        .header("authorization", format!("Bearer {OPERATOR_KEY}"))
        .body(Body::empty());
    let answer = stage.call(number, request.unwrap()).await;
    let what = answer.map_or("no answer".to_owned(), |(_, body)| String::from_utf8_lossy(&body).into_owned());
    // When a sweep finds what the one before has found, nothing has happened.
    if std::mem::replace(&mut stage.happened().swept, what.clone()) != what {
        stage.tell(|| format!("host {number}: sweep: {what}"));
    }
}

/// Somebody does something in the portal.
async fn meddle(stage: Arc<Stage>) {
    let mut all = stage.plan.by_hand.clone();
    all.sort_by_key(|(at, _)| *at);
    for (at, what) in all {
        tokio::time::sleep(at.saturating_sub(stage.elapsed())).await;
        let now = stage.now();
        let mut azure = stage.azure.lock().unwrap();
        let there: Vec<String> = azure
            .captures()
            .into_iter()
            .skip(stage.plan.there_before.len())
            .filter(|capture| capture.exists(now) && (capture.is_running(now) || matches!(what, ByHand::Delete)))
            .map(|capture| capture.id)
            .collect();
        if there.is_empty() {
            continue;
        }
        let id = stage.chance().pick(&there).clone();
        let done = match what {
            ByHand::Stop => azure.stop_by_hand(now, &id),
            ByHand::Delete => azure.delete_by_hand(now, &id),
        };
        if done {
            stage.tell(|| format!("somebody: {what:?} {}", id.rsplit('/').next().unwrap_or_default()));
            stage.happened().by_hand.push((now, id, what));
        }
    }
}

/// Somebody gives hosts other settings, for which each is stopped and started again.
async fn change_settings(stage: Arc<Stage>) {
    let mut all: Vec<_> = stage.plan.changes.iter().filter(|change| !change.at.is_zero()).collect();
    all.sort_by_key(|change| change.at);
    for change in all {
        tokio::time::sleep(change.at.saturating_sub(stage.elapsed())).await;
        stage.tell(|| format!("host {}: {} becomes {:?}", change.host, change.setting, change.value));
        stage.restart(change.host);
    }
}

async fn turn_clocks(stage: Arc<Stage>) {
    let mut all = stage.plan.jumps.clone();
    all.sort_by_key(|(at, ..)| *at);
    for (at, host, skew) in all {
        tokio::time::sleep(at.saturating_sub(stage.elapsed())).await;
        stage.set_clock(host, skew);
    }
}
