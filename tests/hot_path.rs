//! What the request that starts a capture waits for, for every millisecond before it is evidence lost. `workflow.rs` counts the
//! requests to Azure; here it is what the store is asked.
//!
//! Each alert comes to an instance of its own, as on WASI 0.2, which knows nothing but what is in the store. What is read and
//! written while a request is on its way costs nothing. So two figures matter: on WASI 0.2, where the store holds up the whole
//! instance, how much it is asked while nothing is on its way; on WASI 0.3 how often it is waited for, one after the other.

mod common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use common::alerts::{CONTOSO_VM, TEST_VM, common};
use common::instance::{BEGIN, Instance, Scene, Store};
use nightcap_simulator::CaptureState;

fn scene() -> Scene {
    Scene::with(BEGIN, |world| world.timing.latency = Duration::from_millis(100))
}

/// Sends an alert to an instance of its own.
async fn alert(scene: &Scene, store: &Store, rule: &str, target: &str) -> Instance {
    let nightcap = scene.instance_with(&[("cooldown_seconds", "0")], store.clone());
    let (status, answer) = nightcap.alert(&common(rule, target)).await.json();
    assert_eq!(status, 201, "{answer}");
    nightcap
}

/// Reads and writes that the `PUT` had to wait for where the store holds up the whole instance.
async fn waited_for(scene: &Scene, store: &Store, rule: &str, target: &str) -> (Vec<String>, Vec<String>) {
    let nightcap = alert(scene, store, rule, target).await;
    let asked = nightcap.asked_before_put().into_iter();
    asked.filter(|asked| asked.is_waited_for).map(|asked| asked.what).partition(|what| what.starts_with("read"))
}

/// How often the `PUT` had to wait for a store that works on several things side by side.
async fn waits(scene: &Scene, store: &Store, rule: &str, target: &str, round_trips: u64) -> u64 {
    store.takes.store(1, Ordering::Relaxed);
    let begin = scene.now();
    alert(scene, store, rule, target).await;
    let azure = scene.azure.lock().unwrap();
    let put = azure.transcript().iter().rfind(|exchange| exchange.method == "PUT").unwrap().at;
    u64::try_from(put.duration_since(begin).as_millis()).unwrap() - round_trips * 100
}

/// Lets all work end that an alert has left.
async fn rest() {
    tokio::time::sleep(Duration::from_secs(20 * 60)).await;
}

fn both(reads: &[&str], writes: &[&str]) -> (Vec<String>, Vec<String>) {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    (owned(reads), owned(writes))
}

#[tokio::test(start_paused = true)]
async fn an_alert_without_a_token_waits_for_three_reads_and_two_writes() {
    let (scene, store) = (scene(), Store::default());
    let asked = waited_for(&scene, &store, "cpu", TEST_VM).await;
    // The token's place is read again after the lease was written there.
    assert_eq!(asked, both(&["read token", "read token", "read capture"], &["write token", "write open:capture"]));
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_was_never_seen_waits_for_three_reads_and_one_write() {
    let (scene, store) = (scene(), Store::default());
    alert(&scene, &store, "cpu", TEST_VM).await;
    let asked = waited_for(&scene, &store, "cpu", CONTOSO_VM).await;
    assert_eq!(asked, both(&["read token", "read target", "read capture"], &["write open:capture"]));
}

#[tokio::test(start_paused = true)]
async fn a_warm_alert_waits_for_three_reads_and_one_write() {
    let (scene, store) = (scene(), Store::default());
    alert(&scene, &store, "cpu", TEST_VM).await;
    rest().await;
    let asked = waited_for(&scene, &store, "disk", TEST_VM).await;
    assert_eq!(asked, both(&["read token", "read target", "read capture"], &["write open:capture"]));
}

#[tokio::test(start_paused = true)]
async fn where_the_store_lets_them_reads_go_side_by_side() {
    let (scene, store) = (scene(), Store::default());
    assert_eq!(waits(&scene, &store, "cpu", TEST_VM, 3).await, 5, "token, lease, whose it is; name, reservation");
    rest().await;
    assert_eq!(waits(&scene, &store, "disk", TEST_VM, 1).await, 3, "token beside memory; name, reservation");
}

#[tokio::test(start_paused = true)]
async fn captures_of_others_on_the_machine_are_waited_for_once_and_few_are_looked_up() {
    let (scene, store) = (scene(), Store::default());
    for number in 0..100 {
        scene.add_capture(&format!("theirs-{number}"), TEST_VM, 3600, CaptureState::Running);
    }
    assert_eq!(waits(&scene, &store, "cpu", TEST_VM, 3).await, 7, "their records, and whether a mark has them");
    let (reads, _) = waited_for(&scene, &store, "cpu", CONTOSO_VM).await;
    assert_eq!(reads.iter().filter(|read| *read == "read capture").count(), 1, "those of another machine are not");
    let again = scene.instance_with(&[], Store::default());
    again.alert(&common("disk", TEST_VM)).await;
    let reads = again.asked_before_put().into_iter().filter(|asked| asked.what == "read capture").count();
    assert!(reads <= 20, "{reads} records were read");
}
