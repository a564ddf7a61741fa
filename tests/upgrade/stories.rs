//! The stories whose records are kept: each ends with a sudden end of the host, at another place of the way.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use http::Method;
use nightcap_simulator::{Effect, Fault, Service};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::common::alerts::{CONTOSO_VM, TEST_VM, common, flat, resolved};
use crate::common::instance::{BEGIN, Scene, Store};

const SET: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/testrg/providers/Microsoft.Compute/virtualMachineScaleSets/testvmss";

/// What stands in a record instead of the address of an operation, which is long and another one each time.
pub const OPERATION: &str = "the operation";

pub struct Story {
    pub name: &'static str,
    /// Settings beyond those of the simulator and of [`settings`](Story::settings).
    more: &'static [(&'static str, &'static str)],
    fault: Option<Fault>,
    /// What comes in, and after how many seconds.
    pub alerts: Vec<(u64, Value)>,
    /// After how many seconds the host ends.
    ends_after: u64,
    /// How each capture ends at last.
    pub reason: &'static str,
    /// How many messages are still to be told when the host has ended.
    pub untold: usize,
}

/// What is kept of a story.
#[derive(Deserialize, Serialize)]
pub struct Kept {
    pub begin: jiff::Timestamp,
    /// When the host ended.
    pub end: jiff::Timestamp,
    /// What was changed in Azure.
    pub requests: Vec<Request>,
    pub store: BTreeMap<String, Value>,
}

#[derive(Deserialize, Serialize)]
pub struct Request {
    pub at: jiff::Timestamp,
    pub method: String,
    /// Path and query.
    pub path: String,
    pub body: String,
}

pub fn stories() -> Vec<Story> {
    let hang = |method: Method, path: &str| Some(Fault::new(Effect::Hang).method(method).path(path));
    let refuse =
        Effect::Status { status: 503, code: "Busy".to_owned(), message: "Later.".to_owned(), retry_after: None };
    let story = |name, fault, ends_after| Story {
        name,
        more: &[],
        fault,
        alerts: vec![(0, common("cpu", TEST_VM))],
        ends_after,
        reason: "time_limit",
        untold: 1,
    };
    let both = || {
        let mut alert = common("cpu", TEST_VM);
        alert["data"]["essentials"]["alertTargetIDs"] = json!([TEST_VM, CONTOSO_VM]);
        alert
    };
    vec![
        story("alert-worked-on", hang(Method::POST, "/token"), 5),
        story("capture-asked-for", hang(Method::PUT, "/packetCaptures/"), 5),
        story("capture-creating", hang(Method::GET, "/operations/"), 15),
        story("capture-running", None, 30),
        Story {
            alerts: vec![(0, common("cpu", TEST_VM)), (20, common("disk", TEST_VM))],
            ..story("capture-joined", None, 40)
        },
        Story { alerts: vec![(0, both())], untold: 2, ..story("captures-of-one-alert", None, 30) },
        Story {
            more: &[("stop_on_resolve", "true"), ("capture_seconds", "600")],
            alerts: vec![(0, common("cpu", TEST_VM)), (30, resolved("cpu", TEST_VM))],
            reason: "resolved",
            ..story("capture-stopping", hang(Method::POST, "/stop"), 40)
        },
        Story {
            alerts: vec![(0, flat("PC1", TEST_VM, "NetworkWatcher_westcentralus"))],
            ..story("fixed-name", None, 20)
        },
        Story { alerts: vec![(0, common("cpu", SET))], ..story("scale-set", None, 30) },
        story("file-awaited", hang(Method::HEAD, ".cap"), 80),
        story("file-being-read", hang(Method::GET, ".cap"), 85),
        story("message-waiting", Some(Fault::new(refuse).service(Service::Sink)), 100),
        Story { untold: 0, ..story("message-told", None, 120) },
    ]
}

impl Story {
    pub fn settings(&self) -> Vec<(&'static str, &'static str)> {
        let told = [("notify_format", "cloudevents"), ("public_url", "https://nightcap.example.com")];
        told.into_iter().chain(self.more.iter().copied()).collect()
    }

    pub fn scene() -> Scene {
        // Without traffic of the machine, reports are small.
        Scene::with(BEGIN, |world| world.traffic_percent = 0)
    }

    /// Plays the story and gives what is left of it.
    pub async fn play(&self) -> Kept {
        let scene = Self::scene();
        let begin = scene.now();
        self.fault.iter().for_each(|fault| scene.azure.lock().unwrap().add_fault(fault.clone()));
        let store = Store::default();
        let nightcap = scene.instance_with(&self.settings(), store.clone());
        let deliver = async {
            for (after, alert) in &self.alerts {
                let due = Duration::from_secs(*after).saturating_sub(scene.now().duration_since(begin).unsigned_abs());
                tokio::time::sleep(due).await;
                nightcap.alert(alert).await;
            }
            std::future::pending::<()>().await;
        };
        let _ = tokio::time::timeout(Duration::from_secs(self.ends_after), deliver).await;
        nightcap.kill();
        let azure = scene.azure.lock().unwrap();
        let changes = azure.transcript().iter().filter(|asked| {
            let changes = matches!(asked.method.as_str(), "PUT" | "DELETE") || asked.path.contains("/stop?");
            changes && (200..300).contains(&asked.status)
        });
        let requests = changes.map(|asked| Request {
            at: asked.at,
            method: asked.method.clone(),
            path: asked.path.clone(),
            body: asked.body.clone(),
        });
        let values = store.values().into_iter().map(|(key, value)| (key, without_operation(&value)));
        Kept { begin, end: scene.now(), requests: requests.collect(), store: values.collect() }
    }
}

fn without_operation(value: &str) -> Value {
    let mut value: Value = serde_json::from_str(value).unwrap();
    if value["operation"].is_string() {
        value["operation"] = OPERATION.into();
    }
    value
}

/// Plays all stories and writes what is left of them.
pub async fn write(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for story in stories() {
        let kept = serde_json::to_string_pretty(&story.play().await).unwrap();
        std::fs::write(folder.join(format!("{}.json", story.name)), kept + "\n").unwrap();
    }
}
