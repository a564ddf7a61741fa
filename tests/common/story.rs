//! What tests do again and again when they watch a capture to its end.

use std::time::Duration;

use http::Method;
use nightcap_simulator::{Effect, Fault};
use serde_json::Value;

use super::alerts::common;
use super::instance::{Instance, Scene, Store};

/// Settings under which everything that happens is told, in a form that tests can read.
pub const TELL_ALL: [(&str, &str); 3] = [
    ("notify_format", "cloudevents"),
    ("notify_on", "started,joined,finished,failed,skipped"),
    ("public_url", "https://nightcap.example.com"),
];

pub async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// An instance that tells of ends, with more settings.
pub fn telling(scene: &Scene, more: &[(&str, &str)]) -> Instance {
    telling_from(scene, more, Store::default())
}

pub fn telling_from(scene: &Scene, more: &[(&str, &str)], store: Store) -> Instance {
    let [format, _, url] = TELL_ALL;
    let settings: Vec<_> = [format, url].into_iter().chain(more.iter().copied()).collect();
    scene.instance_with(&settings, store)
}

/// What people were told, oldest first.
pub fn told(scene: &Scene) -> Vec<Value> {
    let messages = scene.azure.lock().unwrap().messages().to_vec();
    messages.iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
}

/// The one message that people were told.
pub fn the_message(scene: &Scene) -> Value {
    let told = told(scene);
    assert_eq!(told.len(), 1, "{told:#?}");
    told[0].clone()
}

pub fn fault(effect: Effect, method: Method, path: &str) -> Fault {
    Fault::new(effect).method(method).path(path)
}

pub fn refuse(status: u16, code: &str) -> Effect {
    Effect::Status { status, code: code.to_owned(), message: "As told.".to_owned(), retry_after: None }
}

pub fn add(scene: &Scene, fault: Fault) {
    scene.azure.lock().unwrap().add_fault(fault);
}

pub async fn start(nightcap: &Instance, target: &str) -> Value {
    let (status, answer) = nightcap.alert(&common("cpu", target)).await.json();
    assert_eq!(status, 201, "{answer}");
    answer["outcomes"][0]["capture"].clone()
}

pub fn path(capture: &Value) -> String {
    let text = |name: &str| capture[name].as_str().unwrap();
    format!("/api/captures/{}/{}/{}", text("subscription"), text("region"), text("name"))
}

/// Keys of work that is not finished.
pub fn left_open(store: &Store) -> Vec<String> {
    let unfinished = |key: &String| ["open:", "notice:", "claim:"].iter().any(|prefix| key.starts_with(prefix));
    store.values().into_keys().filter(unfinished).collect()
}
