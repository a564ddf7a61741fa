//! What a host of an earlier version has left is carried on by one of today's.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Method;
use nightcap_simulator::{CLIENT_ID, CLIENT_SECRET, Outcome, Service, TENANT_ID};
use serde_json::Value;

use crate::common::instance::{Instance, Scene, Store};
use crate::common::story::{left_open, seconds, told};
use crate::stories::{Kept, OPERATION, Story, stories};

#[tokio::test(start_paused = true)]
async fn what_every_version_has_left_is_carried_to_its_end_and_told_once() {
    let folders = entries(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/records"));
    assert!(folders.iter().any(|folder| folder.ends_with("0.1")), "{folders:?}");
    for folder in folders {
        let files = entries(&folder);
        assert!(files.len() >= 13, "{}: {files:?}", folder.display());
        for file in files {
            let name = file.file_stem().unwrap().to_str().unwrap();
            let story = stories().into_iter().find(|story| story.name == name);
            let story = story.unwrap_or_else(|| panic!("{} has no story", file.display()));
            let kept = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            carry_on(&story, kept, &file.display().to_string()).await;
        }
    }
}

/// What would be written today, so that the stories still do what their names say when a version is released.
#[tokio::test(start_paused = true)]
async fn what_this_version_leaves_is_carried_to_its_end_and_told_once() {
    for story in stories() {
        carry_on(&story, story.play().await, story.name).await;
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

async fn carry_on(story: &Story, kept: Kept, what: &str) {
    let scene = Story::scene();
    assert_eq!(scene.now(), kept.begin, "{what}");
    let store = Store::default();
    let operation = replay(&scene, &kept, what).await;
    for (key, value) in &kept.store {
        store.put(key, &value.to_string().replace(OPERATION, &operation));
    }
    let settings = story.settings();
    let nightcap = scene.instance_with(&settings, store.clone());
    for _ in 0..30 {
        nightcap.sweep().await;
        seconds(60).await;
    }
    assert_eq!(told(&scene).len(), story.untold, "{what}: {:#?}", told(&scene));
    assert_eq!(left_open(&store), Vec::<String>::new(), "{what}");
    let values = store.values();
    assert!(!values.keys().any(|key| key.starts_with("unreadable:")), "{what}: {values:#?}");
    let records =
        |kind: &'static str| values.iter().filter(move |(key, _)| key.starts_with(kind)).map(|(_, value)| value);
    let ledger = scene.azure.lock().unwrap().captures().len();
    assert_eq!(records("capture:").count(), ledger, "{what}: {:?}", values.keys());
    for record in records("capture:") {
        has_ended(&nightcap, &serde_json::from_str(record).unwrap(), story, what).await;
    }
    for record in records("alert:") {
        let record: Value = serde_json::from_str(record).unwrap();
        let accepted = record["outcomes"].as_array().unwrap().iter().any(|outcome| outcome["outcome"] == "accepted");
        assert!(record["finished"] == true && !accepted, "{what}: {record:#}");
    }

    // Whoever gets the same alert again, or another one so soon, knows what there was.
    let before = scene.captures();
    let (_, alert) = story.alerts.first().unwrap();
    let is_direct = alert["packetCaptureName"].is_string();
    if !is_direct {
        let (status, answer) = nightcap.alert(alert).await.json();
        assert_eq!((status.as_u16(), &answer["outcomes"][0]["reason"]), (200, &"duplicate".into()), "{what}: {answer}");
        assert_eq!(scene.captures(), before, "{what}");
    }
    seconds(60).await;
    assert_eq!(told(&scene).len(), story.untold, "{what}: it was told before");
}

async fn has_ended(nightcap: &Instance, record: &Value, story: &Story, what: &str) {
    let text = |name: &str| record[name].as_str().unwrap();
    assert_eq!((text("phase"), &record["end"]["reason"]), ("finished", &story.reason.into()), "{what}: {record:#}");
    let address = format!("/api/captures/{}/{}/{}", text("subscription"), text("region"), text("name"));
    let seen = nightcap.look(&address).await;
    assert_eq!(seen["told"]["taken"], true, "{what}: {seen:#}");
    assert!(!seen["alerts"].as_array().unwrap().is_empty(), "{what}: {seen:#}");
    let report = nightcap.look(&format!("{address}/report")).await;
    assert!(report["packets"].is_object(), "{what}: {report:#}");
}

/// Changes in Azure what the earlier host had changed, each at its time, until that host's end. Gives the address of the
/// operation that began last.
async fn replay(scene: &Scene, kept: &Kept, what: &str) -> String {
    let wait = async |until: jiff::Timestamp| {
        let left = until.duration_since(scene.now());
        tokio::time::sleep(Duration::try_from(left).unwrap_or_default()).await;
    };
    let mut operation = String::new();
    for request in &kept.requests {
        wait(request.at).await;
        let method: Method = request.method.parse().unwrap();
        let answer = ask(scene, method, &request.path, &request.body);
        assert!(answer.status().is_success(), "{what}: {} {}", request.method, request.path);
        if let Some(address) = answer.headers().get("azure-asyncoperation") {
            operation = address.to_str().unwrap().to_owned();
        }
    }
    wait(kept.end).await;
    operation
}

/// Asks Azure as an earlier host did.
fn ask(scene: &Scene, method: Method, path: &str, body: &str) -> http::Response<bytes::Bytes> {
    let mut azure = scene.azure.lock().unwrap();
    let mut send = |service, request: http::request::Builder, body: String| match azure
        .handle(scene.now(), service, request.body(body.into()).unwrap())
        .outcome
    {
        Outcome::Response(answer) => answer,
        Outcome::Cut => panic!("there was no answer"),
    };
    let secret: String = url::form_urlencoded::byte_serialize(CLIENT_SECRET.as_bytes()).collect();
    let form = format!(
        "grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={secret}&scope=https%3A%2F%2Fmanagement.azure.com%2F.default"
    );
    let login = format!("https://login.microsoftonline.com/{TENANT_ID}/oauth2/v2.0/token");
    let login = http::Request::post(login).header("content-type", "application/x-www-form-urlencoded");
    let token: Value = serde_json::from_slice(send(Service::Entra, login, form).body()).unwrap();
    let request = http::Request::builder()
        .method(method)
        .uri(format!("https://management.azure.com{path}"))
        .header("authorization", format!("Bearer {}", token["access_token"].as_str().unwrap()))
        .header("content-type", "application/json");
    send(Service::Arm, request, body.to_owned())
}
