//! What an operator does through the API, against the simulator's core: every task of Microsoft's REST how-to of 2017, and what
//! nightcap adds to it. The table in `docs/api.md` names the tests.

mod common;

use common::alerts::{CONTOSO_VM, TEST_VM, common};
use common::instance::{BEARER, Instance, Scene};
use common::story::{fault, left_open, path, refuse, seconds, start, telling, the_message, told};
use http::Method;
use nightcap_simulator::{CaptureState, Effect};
use serde_json::{Value, json};

const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";
const HERE: &str = "subscription=00000000-0000-0000-0000-000000000000&region=westcentralus";
const SET: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/testrg/providers/Microsoft.Compute/virtualMachineScaleSets/testvmss";

async fn ask(nightcap: &Instance, method: Method, url: &str, body: &Value) -> (u16, http::HeaderMap, Value) {
    let headers = [("authorization", BEARER), ("content-type", "application/json")];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = nightcap.send(method, url, &headers, body).await;
    let json = serde_json::from_slice(&answer.body).unwrap_or_default();
    (answer.status.as_u16(), answer.headers, json)
}

async fn get(nightcap: &Instance, url: &str) -> (u16, Value) {
    let (status, _, answer) = ask(nightcap, Method::GET, url, &Value::Null).await;
    (status, answer)
}

async fn post(nightcap: &Instance, url: &str, body: Value) -> (u16, Value) {
    let (status, _, answer) = ask(nightcap, Method::POST, url, &body).await;
    (status, answer)
}

async fn delete(nightcap: &Instance, url: &str) -> (u16, Value) {
    let (status, _, answer) = ask(nightcap, Method::DELETE, url, &Value::Null).await;
    (status, answer)
}

fn names(page: &Value) -> Vec<&str> {
    page["captures"].as_array().unwrap().iter().map(|capture| capture["name"].as_str().unwrap()).collect()
}

/// Starts a capture by hand.
async fn start_by_hand(nightcap: &Instance, body: Value) -> Value {
    let (status, answer) = post(nightcap, "/api/captures", body).await;
    assert_eq!((status, answer["outcome"].as_str()), (201, Some("started")), "{answer}");
    answer["capture"].clone()
}

// ---- Finding machines

#[tokio::test(start_paused = true)]
async fn machines_scale_sets_and_watchers_are_found_with_what_a_capture_needs_there() {
    let scene = Scene::with(common::instance::BEGIN, |world| world.virtual_machines[1].power = "deallocated".into());
    let nightcap = scene.instance();
    let (status, found) = get(&nightcap, "/api/subscriptions").await;
    assert_eq!((status, &found["subscriptions"][0]["id"]), (200, &json!(SUBSCRIPTION)));
    let (status, found) = get(&nightcap, &format!("/api/machines?subscription={SUBSCRIPTION}")).await;
    assert_eq!((status, found["machines"].as_array().unwrap().len(), &found["problems"]), (200, 8, &json!([])));
    let machine = |name: &str| {
        let machines = found["machines"].as_array().unwrap();
        machines.iter().find(|machine| machine["name"] == name).unwrap().clone()
    };
    let windows = machine("test-VM");
    assert_eq!((&windows["os"], &windows["power"]), (&json!("Windows"), &json!("running")));
    assert!(windows["watcher"].as_str().unwrap().ends_with("/NetworkWatcher_westcentralus"));
    assert!(windows["storageAccount"].as_str().unwrap().ends_with("/contosoexamplergdiag374"));
    assert!(machine("europe-vm")["watcher"].as_str().unwrap().ends_with("/nw-westeurope-custom"));
    assert_eq!(machine("testvmss")["kind"], "scale_set");
    assert_eq!(found["watchers"].as_array().unwrap().len(), 3);

    let needs = async |id: &str| get(&nightcap, &format!("/api/machine?id={id}")).await;
    let (status, good) = needs(TEST_VM).await;
    assert_eq!((status, &good["problems"], &good["machine"]["agent"]), (200, &json!([]), &json!(true)));
    let (_, stopped) = needs(CONTOSO_VM).await;
    assert_eq!(stopped["problems"][0]["reason"], "machine_not_running", "{stopped}");
    let (_, agentless) = needs(&TEST_VM.replace("test-vm", "no-agent")).await;
    assert_eq!(agentless["problems"][0]["reason"], "agent_missing");
    assert!(agentless["problems"][0]["message"].as_str().unwrap().contains("az vm extension set"));
    assert_eq!(needs(&TEST_VM.replace("test-vm", "nobody")).await.0, 422);
    scene.azure.lock().unwrap().world_mut().storage_accounts[0].shared_key_access = false;
    assert_eq!(needs(TEST_VM).await.1["problems"][0]["reason"], "storage_without_shared_keys");
}

// ---- Starting

#[tokio::test(start_paused = true)]
async fn a_capture_that_is_started_by_hand_is_watched_read_and_told_like_any_other() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[("rules", r#"[{"ignore": true}]"#)]);
    let capture = start_by_hand(&nightcap, json!({"target": TEST_VM, "timeLimitInSeconds": 30})).await;
    seconds(20).await;
    assert_eq!(get(&nightcap, &path(&capture)).await.1["phase"], "running");
    seconds(60).await;
    let (_, record) = get(&nightcap, &path(&capture)).await;
    assert_eq!((&record["phase"], &record["end"]["reason"]), (&json!("finished"), &json!("time_limit")));
    assert_eq!((&record["alerts"][0]["byHand"], &record["whose"]), (&json!(true), &json!("nightcap")));
    let message = the_message(&scene);
    assert_eq!(message["data"]["alert"]["byHand"], true, "{message}");
    assert_eq!(left_open(&nightcap.store), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn every_parameter_of_azure_reaches_it() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    let account = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/ContosoExampleRG/providers/Microsoft.Storage/storageAccounts/contosoexamplergdiag374";
    let file = "https://contosoexamplergdiag374.blob.core.windows.net/captures/mine.cap";
    let properties = json!({
        "bytesToCapturePerPacket": 96, "totalBytesPerSession": 5000, "timeLimitInSeconds": 45,
        "storageLocation": {"storageId": account, "storagePath": file, "filePath": "D:\\mine.cap"},
        "filters": [{"protocol": "TCP", "localIPAddress": "10.0.0.4", "remoteIPAddress": "10.0.0.1-10.0.0.9",
                     "localPort": "443", "remotePort": "1-65535"}],
    });
    let mut body = properties.clone();
    body["target"] = json!(TEST_VM);
    body["targetType"] = json!("AzureVM");
    body["name"] = json!("mine");
    body["watcher"] = json!(common::instance::WATCHER);
    let capture = start_by_hand(&nightcap, body).await;
    assert_eq!((&capture["name"], &capture["storagePath"]), (&json!("mine"), &json!(file)));
    let sent =
        scene.azure.lock().unwrap().transcript().iter().find(|exchange| exchange.method == "PUT").unwrap().body.clone();
    let sent: Value = serde_json::from_str(&sent).unwrap();
    for (name, value) in properties.as_object().unwrap() {
        assert_eq!(&sent["properties"][name], value, "{name}");
    }

    let ring = json!({
        "target": SET, "scope": {"include": ["0", "2"]}, "continuousCapture": true,
        "captureSettings": {"fileCount": 3, "fileSizeInBytes": 5000, "sessionTimeLimitInSeconds": 7200},
        "storageLocation": {"localPath": "/var/captures/ring.cap"},
    });
    let capture = start_by_hand(&nightcap, ring.clone()).await;
    let sent = scene
        .azure
        .lock()
        .unwrap()
        .transcript()
        .iter()
        .rfind(|exchange| exchange.method == "PUT")
        .unwrap()
        .body
        .clone();
    let sent: Value = serde_json::from_str(&sent).unwrap();
    for name in ["scope", "continuousCapture", "captureSettings", "storageLocation"] {
        assert_eq!(sent["properties"][name], ring[name], "{name}");
    }
    // It runs for two hours, and its file is where nobody but the machine's owner gets at it.
    seconds(3600).await;
    assert_eq!(get(&nightcap, &path(&capture)).await.1["phase"], "running");
    seconds(3700).await;
    let (_, record) = get(&nightcap, &path(&capture)).await;
    assert_eq!((&record["phase"], &record["end"]["reason"]), (&json!("finished"), &json!("time_limit")));
    assert!(record["fileProblem"].as_str().unwrap().contains("/var/captures/ring.cap"), "{record}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_asked_for_is_pointed_at_and_nothing_is_sent() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    let body = json!({"target": TEST_VM, "timeLimitInSeconds": 0, "filters": [{"localPort": "http"}]});
    let (status, problem) = post(&nightcap, "/api/captures", body).await;
    let errors = problem["errors"].as_array().unwrap().iter();
    let pointers: Vec<_> = errors.map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!((status, pointers), (422, vec!["#/timeLimitInSeconds", "#/filters/0/localPort"]));
    assert_eq!(post(&nightcap, "/api/captures?dryrun=true", json!({"target": TEST_VM})).await.0, 400);
    assert_eq!(post(&nightcap, "/api/captures", json!({"target": "vm"})).await.0, 422);
    let big = json!({"target": "x".repeat(70_000)});
    assert_eq!(post(&nightcap, "/api/captures", big).await.0, 413);
    assert_eq!(scene.asked(), Vec::<String>::new());
    assert_eq!(nightcap.store.values().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failure_to_start_has_a_status_of_its_own() {
    let scene = Scene::new();
    let nightcap = scene.instance_with(&[("allowed_subscriptions", SUBSCRIPTION)], Default::default());
    let elsewhere = TEST_VM.replace("00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000001");
    for (target, expected, reason) in [
        (TEST_VM.replace("test-vm", "nobody"), 422, "machine_not_found"),
        (TEST_VM.replace("test-vm", "no-agent"), 422, "agent_missing"),
        (elsewhere, 403, "subscription_not_allowed"),
    ] {
        let (status, problem) = post(&nightcap, "/api/captures", json!({"target": target})).await;
        assert_eq!((status, problem["reason"].as_str()), (expected, Some(reason)), "{problem}");
    }
    common::story::add(&scene, fault(refuse(403, "AuthorizationFailed"), Method::PUT, "/packetCaptures/"));
    let (status, problem) = post(&nightcap, "/api/captures", json!({"target": TEST_VM})).await;
    assert_eq!((status, problem["reason"].as_str()), (502, Some("not_authorized")));
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_azure_does_not_have_is_the_callers_mistake() {
    let nightcap = Scene::new().instance();
    let unknown = "00000000-0000-0000-0000-000000000001";
    for url in
        [format!("/api/machines?subscription={unknown}"), format!("/api/captures/{unknown}/westcentralus/pc1/status")]
    {
        let (status, problem) = get(&nightcap, &url).await;
        assert_eq!((status, problem["reason"].as_str()), (422, Some("subscription_not_found")), "{url}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(unknown), "{problem}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_exact_request_can_be_seen_before_it_is_sent() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    let body = json!({"target": TEST_VM, "timeLimitInSeconds": 30});
    let (status, answer) = post(&nightcap, "/api/captures?dry_run=true", body.clone()).await;
    assert_eq!((status, answer["reason"].as_str()), (200, Some("dry_run")), "{answer}");
    assert!(!scene.asked().iter().any(|asked| asked.starts_with("PUT")), "{:?}", scene.asked());
    let left: Vec<_> = nightcap.store.values().into_keys().filter(|key| !key.starts_with("token:")).collect();
    assert_eq!(left, Vec::<String>::new(), "nothing is remembered");
    start_by_hand(&nightcap, body.clone()).await;
    let azure = scene.azure.lock().unwrap();
    let put = azure.transcript().iter().find(|exchange| exchange.method == "PUT").unwrap();
    let request = &answer["requests"][0];
    assert!(request["url"].as_str().unwrap().ends_with(&put.path), "{request} {}", put.path);
    assert_eq!(request["body"], serde_json::from_str::<Value>(&put.body).unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_start_that_takes_long_is_answered_with_where_to_look() {
    let scene = Scene::with(common::instance::BEGIN, |world| world.timing.latency = std::time::Duration::from_secs(3));
    let nightcap = telling(&scene, &[]);
    let (status, headers, answer) = ask(&nightcap, Method::POST, "/api/captures", &json!({"target": TEST_VM})).await;
    assert_eq!((status, answer["outcome"].as_str()), (202, Some("accepted")));
    seconds(30).await;
    let record = headers["location"].to_str().unwrap().trim_start_matches("https://nightcap.example.com");
    let (_, record) = get(&nightcap, record).await;
    assert_eq!(record["outcomes"][0]["outcome"], "started", "{record}");
}

// ---- Looking

#[tokio::test(start_paused = true)]
async fn a_status_is_azures_own_and_costs_one_request() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    let capture = start(&nightcap, TEST_VM).await;
    seconds(20).await;
    let before = scene.asked().len();
    let (status, live) = get(&nightcap, &format!("{}/status", path(&capture))).await;
    assert_eq!((status, live["packetCaptureStatus"].as_str()), (200, Some("Running")), "{live}");
    assert!(live["captureStartTime"].is_string());
    assert_eq!(scene.asked_since(before), ["POST queryStatus"]);
    scene.add_capture("theirs", CONTOSO_VM, 600, CaptureState::Running);
    let address = format!("/api/captures/{SUBSCRIPTION}/westcentralus");
    assert_eq!(get(&nightcap, &format!("{address}/theirs/status")).await.1["packetCaptureStatus"], "Running");
    assert_eq!(get(&nightcap, &format!("{address}/nobody/status")).await.0, 404);
    scene.azure.lock().unwrap().world_mut().empty_status_202 = true;
    scene.azure.lock().unwrap().world_mut().timing.status = std::time::Duration::from_secs(30);
    let (status, headers, _) = ask(&nightcap, Method::GET, &format!("{address}/theirs/status"), &Value::Null).await;
    assert_eq!((status, headers["location"].to_str().unwrap()), (202, format!("{address}/theirs/status").as_str()));
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_capture_is_shown_as_azure_has_it() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    scene.add_capture("theirs", CONTOSO_VM, 600, CaptureState::Running);
    let address = format!("/api/captures/{SUBSCRIPTION}/westcentralus");
    let (status, shown) = get(&nightcap, &format!("{address}/theirs")).await;
    assert_eq!((status, shown["whose"].as_str()), (200, Some("somebody_else")), "{shown}");
    assert_eq!(shown["azure"]["target"], CONTOSO_VM);
    assert_eq!(shown["azure"]["timeLimitInSeconds"], 600);
    assert_eq!(get(&nightcap, &format!("{address}/nobody")).await.0, 404);
    assert_eq!(get(&nightcap, &format!("/api/captures/{SUBSCRIPTION}/nowhere/theirs")).await.0, 422);
}

// ---- Stopping

#[tokio::test(start_paused = true)]
async fn a_stop_by_hand_is_remembered_as_such() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    let capture = start(&nightcap, TEST_VM).await;
    seconds(20).await;
    let (status, headers, answer) =
        ask(&nightcap, Method::POST, &format!("{}/stop", path(&capture)), &Value::Null).await;
    assert_eq!((status, answer["result"].as_str()), (202, Some("under_way")), "Azure names ten seconds");
    assert!(headers["location"].to_str().unwrap().ends_with(&path(&capture)));
    seconds(40).await;
    let (_, record) = get(&nightcap, &path(&capture)).await;
    assert_eq!((&record["phase"], &record["end"]["reason"]), (&json!("finished"), &json!("stopped_by_hand")));
    assert!(record["end"]["message"].as_str().unwrap().contains("through nightcap"), "{record}");
    assert_eq!(the_message(&scene)["data"]["reason"], "stopped_by_hand");
    let (status, again) = post(&nightcap, &format!("{}/stop", path(&capture)), Value::Null).await;
    assert_eq!((status, again["result"].as_str()), (200, Some("already")));
    let stops = scene.asked().iter().filter(|asked| *asked == "POST stop").count();
    assert_eq!(stops, 1, "{:?}", scene.asked());
    assert_eq!(left_open(&nightcap.store), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_azure_did_not_hear_is_carried_out_by_whoever_watches() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    let capture = start(&nightcap, TEST_VM).await;
    seconds(20).await;
    common::story::add(&scene, fault(refuse(409, "Conflict"), Method::POST, "/stop").times(1));
    let (status, problem) = post(&nightcap, &format!("{}/stop", path(&capture)), Value::Null).await;
    assert_eq!((status, problem["reason"].as_str()), (502, Some("azure_refused")));
    seconds(60).await;
    let (_, record) = get(&nightcap, &path(&capture)).await;
    assert_eq!(record["end"]["reason"], "stopped_by_hand", "{record}");
    assert_eq!(scene.stopped().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_capture_can_be_stopped_and_deleted() {
    let scene = Scene::with(common::instance::BEGIN, |world| world.timing.retry_after = 1);
    let nightcap = scene.instance();
    scene.add_capture("theirs", CONTOSO_VM, 600, CaptureState::Running);
    let address = format!("/api/captures/{SUBSCRIPTION}/westcentralus/theirs");
    let (status, problem) = delete(&nightcap, &address).await;
    assert_eq!((status, problem["reason"].as_str()), (409, Some("still_running")));
    let (status, answer) = post(&nightcap, &format!("{address}/stop"), Value::Null).await;
    assert_eq!((status, answer["result"].as_str()), (200, Some("done")), "{answer}");
    assert_eq!(delete(&nightcap, &address).await.0, 202);
    seconds(10).await;
    assert_eq!(scene.captures(), Vec::<String>::new());
    assert_eq!(delete(&nightcap, &address).await.0, 404);
    assert_eq!(nightcap.store.values().keys().filter(|key| key.starts_with("capture:")).count(), 0);
}

// ---- Deleting

#[tokio::test(start_paused = true)]
async fn deleting_takes_the_resource_and_leaves_file_and_record() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    let capture = start(&nightcap, TEST_VM).await;
    seconds(20).await;
    assert_eq!(delete(&nightcap, &path(&capture)).await.0, 409, "it runs");
    seconds(100).await;
    let (status, headers, _) = ask(&nightcap, Method::DELETE, &path(&capture), &Value::Null).await;
    assert_eq!((status, headers["location"].to_str().unwrap().ends_with(&path(&capture))), (202, true));
    seconds(20).await;
    assert_eq!(scene.captures(), Vec::<String>::new());
    let (_, record) = get(&nightcap, &path(&capture)).await;
    assert_eq!(
        (&record["end"]["reason"], &record["steps"].as_array().unwrap().last().unwrap()["step"]),
        (&json!("time_limit"), &json!("deleted"))
    );
    let file = nightcap.send(Method::GET, &format!("{}/file", path(&capture)), &[("authorization", BEARER)], "").await;
    assert_eq!((file.status.as_u16(), &file.body[..4]), (200, &[0xd4, 0xc3, 0xb2, 0xa1][..]));
    let (status, again) = delete(&nightcap, &path(&capture)).await;
    assert_eq!((status, again["result"].as_str()), (200, Some("already")));
    assert_eq!(told(&scene).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_insists_deletes_a_capture_that_runs_and_its_end_says_so() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    let capture = start(&nightcap, TEST_VM).await;
    seconds(20).await;
    assert_eq!(delete(&nightcap, &format!("{}?force=true", path(&capture))).await.0, 202);
    seconds(200).await;
    let (_, record) = get(&nightcap, &path(&capture)).await;
    assert_eq!(record["end"]["reason"], "vanished");
    assert!(record["end"]["message"].as_str().unwrap().contains("An operator deleted"), "{record}");
    assert_eq!(scene.captures(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_capture_whose_end_nobody_has_seen_is_told_as_it_ended_when_it_is_deleted() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    let capture = start(&nightcap, TEST_VM).await;
    seconds(20).await;
    scene.by_hand(Method::POST, capture["name"].as_str().unwrap(), "/stop");
    seconds(5).await;
    assert_eq!(delete(&nightcap, &path(&capture)).await.0, 202);
    seconds(120).await;
    let (_, record) = get(&nightcap, &path(&capture)).await;
    assert_eq!(record["end"]["reason"], "stopped_by_hand", "{record}");
}

#[tokio::test(start_paused = true)]
async fn with_dry_run_nothing_is_changed_and_the_requests_are_told() {
    let scene = Scene::new();
    let nightcap = scene.instance_with(&[("dry_run", "true")], Default::default());
    scene.add_capture("theirs", CONTOSO_VM, 600, CaptureState::Finished);
    scene.add_capture("running", CONTOSO_VM, 600, CaptureState::Running);
    let address = format!("/api/captures/{SUBSCRIPTION}/westcentralus");
    let (status, answer) = delete(&nightcap, &format!("{address}/theirs")).await;
    assert_eq!((status, &answer["request"]["method"]), (200, &json!("DELETE")), "{answer}");
    let (_, answer) = post(&nightcap, &format!("{address}/running/stop"), Value::Null).await;
    assert!(answer["request"]["url"].as_str().unwrap().contains("/running/stop?api-version="), "{answer}");
    let (status, answer) = post(&nightcap, "/api/captures", json!({"target": TEST_VM})).await;
    assert_eq!((status, answer["reason"].as_str()), (200, Some("dry_run")));
    let changing = ["PUT", "DELETE", "POST stop"];
    assert!(
        !scene.asked().iter().any(|asked| changing.iter().any(|change| asked.starts_with(change))),
        "{:?}",
        scene.asked()
    );
}

// ---- Lists

#[tokio::test(start_paused = true)]
async fn records_and_azures_captures_are_one_list_newest_first() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    scene.add_capture("theirs", CONTOSO_VM, 600, CaptureState::Running);
    seconds(10).await;
    let first = start(&nightcap, TEST_VM).await;
    seconds(200).await;
    let second = start_by_hand(&nightcap, json!({"target": CONTOSO_VM, "name": "mine"})).await;
    seconds(20).await;
    let (status, page) = get(&nightcap, &format!("/api/captures?{HERE}")).await;
    assert_eq!(status, 200);
    assert_eq!(names(&page), ["mine", first["name"].as_str().unwrap(), "theirs"], "{page:#}");
    let whose: Vec<_> = page["captures"].as_array().unwrap().iter().map(|capture| &capture["whose"]).collect();
    assert_eq!(whose, ["nightcap", "nightcap", "somebody_else"]);
    assert_eq!(page["watcher"]["captures"], 3);
    assert_eq!(page["captures"][0]["azure"]["provisioningState"], "Succeeded");
    assert_eq!(page["captures"][0]["phase"], "running");
    assert_eq!(page["captures"][1]["end"]["reason"], "time_limit");

    let list = async |query: &str| get(&nightcap, &format!("/api/captures?{query}")).await.1;
    assert_eq!(names(&list("").await), ["mine", first["name"].as_str().unwrap()], "what nightcap knows");
    assert_eq!(names(&list("phase=unfinished").await), ["mine"]);
    assert_eq!(names(&list("phase=running").await), ["mine"]);
    assert_eq!(names(&list("phase=finished").await), [first["name"].as_str().unwrap()]);
    assert_eq!(names(&list("phase=ended").await), Vec::<&str>::new());
    assert_eq!(names(&list(&format!("target={CONTOSO_VM}&{HERE}")).await), ["mine", "theirs"]);
    assert_eq!(names(&list(&format!("target={TEST_VM}")).await), [first["name"].as_str().unwrap()]);
    let later = scene.now() - std::time::Duration::from_secs(60);
    assert_eq!(names(&list(&format!("since={later}&{HERE}")).await), ["mine"]);
    assert_eq!(names(&list(&format!("until={later}")).await), [first["name"].as_str().unwrap()]);
    assert_eq!(names(&list("region=eastus").await), Vec::<&str>::new());
    assert_eq!(second["name"], "mine");

    // One after the other, until there is no more.
    let mut next = format!("/api/captures?{HERE}&limit=1");
    let mut seen = Vec::new();
    loop {
        let (_, page) = get(&nightcap, &next).await;
        seen.extend(names(&page).into_iter().map(str::to_owned));
        let Some(address) = page["next"].as_str() else { break };
        next = address.to_owned();
    }
    assert_eq!(seen, ["mine", first["name"].as_str().unwrap(), "theirs"]);
    for wrong in [
        "phase=gone",
        "limit=0",
        "limit=201",
        "since=yesterday",
        "after=x",
        "target=vm",
        "colour=red",
        "limit=1&limit=2",
    ] {
        assert_eq!(get(&nightcap, &format!("/api/captures?{wrong}")).await.0, 400, "{wrong}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_without_azure_says_why_and_still_shows_what_is_known() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    let capture = start(&nightcap, TEST_VM).await;
    seconds(20).await;
    common::story::add(&scene, fault(refuse(403, "AuthorizationFailed"), Method::GET, "/packetCaptures?"));
    let (status, page) = get(&nightcap, &format!("/api/captures?{HERE}")).await;
    assert_eq!((status, names(&page)), (200, vec![capture["name"].as_str().unwrap()]));
    assert!(page["watcher"]["problem"].as_str().unwrap().contains("packetCaptures/read"), "{page}");
}

#[tokio::test(start_paused = true)]
async fn a_fixed_name_is_one_entry_a_capture() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    for _ in 0..3 {
        let (status, answer) =
            post(&nightcap, "/api/captures", json!({"target": TEST_VM, "name": "PC1", "timeLimitInSeconds": 20})).await;
        assert!([201, 202].contains(&status), "{answer}");
        seconds(200).await;
    }
    let (_, page) = get(&nightcap, &format!("/api/captures?{HERE}")).await;
    assert_eq!(names(&page), ["PC1", "PC1", "PC1"]);
    let times: Vec<_> =
        page["captures"].as_array().unwrap().iter().map(|capture| capture["askedAt"].as_str().unwrap()).collect();
    assert!(times[0] > times[1] && times[1] > times[2], "{times:?}");
    let in_azure = page["captures"].as_array().unwrap().iter().filter(|capture| !capture["azure"].is_null()).count();
    assert_eq!(in_azure, 1, "the name is the last one's");
}

#[tokio::test(start_paused = true)]
async fn records_of_earlier_versions_are_listed_too() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    let capture = start(&nightcap, TEST_VM).await;
    seconds(200).await;
    nightcap.store.lose("index:");
    nightcap.store.lose("listed");
    let (_, page) = get(&nightcap, "/api/captures").await;
    assert_eq!(names(&page), [capture["name"].as_str().unwrap()]);
    assert_eq!(get(&nightcap, "/api/alerts").await.1["alerts"].as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn alerts_are_listed_newest_first_and_by_how_they_ended() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    start(&nightcap, TEST_VM).await;
    seconds(5).await;
    nightcap.alert(&common("disk", TEST_VM)).await;
    seconds(5).await;
    nightcap.alert(&common("net", &TEST_VM.replace("test-vm", "nobody"))).await;
    seconds(5).await;
    let rules = async |query: &str| -> Vec<String> {
        let (status, page) = get(&nightcap, &format!("/api/alerts?{query}")).await;
        assert_eq!(status, 200, "{page}");
        let alerts = page["alerts"].as_array().unwrap().iter();
        alerts.map(|alert| alert["alert"]["rule"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(rules("").await, ["net", "disk", "cpu"]);
    assert_eq!(rules("outcome=failed").await, ["net"]);
    assert_eq!(rules("outcome=joined").await, ["disk"]);
    let (_, page) = get(&nightcap, "/api/alerts?limit=2").await;
    let (_, rest) = get(&nightcap, page["next"].as_str().unwrap()).await;
    assert_eq!(rest["alerts"][0]["alert"]["rule"], "cpu");
    assert_eq!(rest["alerts"].as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_in_an_alert_hides_or_turns_around_what_stands_beside_it() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    let hidden = "cpu\u{202e}gnihton\u{200b}";
    let mut alert = common(hidden, TEST_VM);
    alert["data"]["customProperties"] = json!({"nightcap_capture_seconds": hidden});
    nightcap.alert(&alert).await;
    seconds(5).await;
    let (_, page) = get(&nightcap, "/api/alerts").await;
    let of_alert = page["alerts"][0]["links"]["self"].as_str().unwrap().to_owned();
    let of_capture = page["alerts"][0]["outcomes"][0]["capture"]["links"]["self"].as_str().unwrap().to_owned();
    for url in ["/api/alerts".to_owned(), of_alert, of_capture] {
        let (status, page) = get(&nightcap, &url).await;
        let text = page.to_string();
        assert_eq!(status, 200, "{text}");
        assert!(text.contains("cpu gnihton"), "{url}: {text}");
        assert!(!text.contains(['\u{202e}', '\u{200b}']), "{url}: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_alert_that_is_worked_on_keeps_no_other_off_the_list() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    nightcap.alert(&common("disk", &TEST_VM.replace("test-vm", "nobody"))).await;
    seconds(5).await;
    common::story::add(&scene, fault(refuse(503, "ServerBusy"), Method::GET, "/packetCaptures?"));
    nightcap.alert(&common("cpu", TEST_VM)).await;
    let (_, page) = get(&nightcap, "/api/alerts?limit=1").await;
    assert_eq!((&page["alerts"][0]["alert"]["rule"], &page["alerts"][0]["finished"]), (&json!("cpu"), &json!(false)));
    let (_, rest) = get(&nightcap, page["next"].as_str().unwrap()).await;
    assert_eq!((&rest["alerts"][0]["alert"]["rule"], &rest["next"]), (&json!("disk"), &Value::Null));
    let (_, accepted) = get(&nightcap, "/api/alerts?outcome=accepted").await;
    assert_eq!(accepted["alerts"].as_array().unwrap().len(), 1, "{accepted}");
}

#[tokio::test(start_paused = true)]
async fn an_alert_whose_capture_never_began_is_listed_as_failed() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    common::story::add(
        &scene,
        fault(
            Effect::FailedOperation { code: "InternalError".into(), message: String::new() },
            Method::PUT,
            "/packetCaptures/",
        ),
    );
    start(&nightcap, TEST_VM).await;
    seconds(300).await;
    let (_, page) = get(&nightcap, "/api/alerts?outcome=failed").await;
    assert_eq!(page["alerts"][0]["outcomes"][0]["reason"], "azure_refused", "{page}");
    assert_eq!(get(&nightcap, "/api/alerts?outcome=started").await.1["alerts"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn what_has_not_changed_is_not_sent_again() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    let capture = start(&nightcap, TEST_VM).await;
    seconds(200).await;
    for url in
        ["/api/captures".to_owned(), path(&capture), "/api/alerts".to_owned(), format!("/api/machine?id={TEST_VM}")]
    {
        let first = nightcap.send(Method::GET, &url, &[("authorization", BEARER)], "").await;
        let etag = first.headers["etag"].to_str().unwrap();
        assert_eq!(first.headers["cache-control"], "private, no-cache");
        let headers = [("authorization", BEARER), ("if-none-match", etag)];
        let again = nightcap.send(Method::GET, &url, &headers, "").await;
        assert_eq!((again.status.as_u16(), again.body.len()), (304, 0), "{url}");
    }
    let before = nightcap.send(Method::GET, "/api/captures", &[("authorization", BEARER)], "").await;
    start(&nightcap, CONTOSO_VM).await;
    let headers = [("authorization", BEARER), ("if-none-match", before.headers["etag"].to_str().unwrap())];
    assert_eq!(nightcap.send(Method::GET, "/api/captures", &headers, "").await.status, 200);
}

// ---- Files

#[tokio::test(start_paused = true)]
async fn a_file_is_sent_in_parts_to_those_who_ask_for_a_part() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    let capture = start(&nightcap, TEST_VM).await;
    seconds(200).await;
    let url = format!("{}/file", path(&capture));
    let ask = async |method: Method, more: &[(&str, &str)]| {
        let headers: Vec<_> = [("authorization", BEARER)].into_iter().chain(more.iter().copied()).collect();
        nightcap.send(method, &url, &headers, "").await
    };
    let whole = ask(Method::GET, &[]).await;
    let length = whole.body.len();
    let etag = whole.headers["etag"].to_str().unwrap();
    assert_eq!((whole.status.as_u16(), whole.headers["accept-ranges"].to_str().unwrap()), (200, "bytes"));
    let head = ask(Method::HEAD, &[]).await;
    assert_eq!(
        (head.status.as_u16(), head.headers["content-length"].to_str().unwrap()),
        (200, length.to_string().as_str())
    );
    assert_eq!(head.headers["etag"], etag);
    for (range, expected) in [("bytes=0-23", 0..24), ("bytes=100-", 100..length), ("bytes=-10", length - 10..length)] {
        let part = ask(Method::GET, &[("range", range)]).await;
        assert_eq!((part.status.as_u16(), &part.body[..]), (206, &whole.body[expected.clone()]), "{range}");
        let told = format!("bytes {}-{}/{length}", expected.start, expected.end - 1);
        assert_eq!(part.headers["content-range"], told.as_str());
        assert_eq!(part.headers["content-length"], (expected.len()).to_string().as_str());
    }
    let beyond = ask(Method::GET, &[("range", &format!("bytes={length}-"))]).await;
    assert_eq!(
        (beyond.status.as_u16(), beyond.headers["content-range"].to_str().unwrap()),
        (416, format!("bytes */{length}").as_str())
    );
    assert_eq!(ask(Method::GET, &[("range", "bytes=0-1"), ("if-range", "\"other\"")]).await.body.len(), length);
    assert_eq!(ask(Method::GET, &[("range", "bytes=0-1"), ("if-range", etag)]).await.body.len(), 2);
    assert_eq!(ask(Method::GET, &[("if-none-match", etag)]).await.status, 304);
}

#[tokio::test(start_paused = true)]
async fn every_file_of_a_scale_set_can_be_had() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    let capture = start_by_hand(&nightcap, json!({"target": SET, "timeLimitInSeconds": 30})).await;
    seconds(200).await;
    let (_, record) = get(&nightcap, &path(&capture)).await;
    assert_eq!(record["files"].as_array().unwrap().len(), 3, "{record}");
    for number in 1..=3 {
        let url = format!("{}/file?number={number}", path(&capture));
        let head = nightcap.send(Method::HEAD, &url, &[("authorization", BEARER)], "").await;
        let bytes = record["files"][number - 1]["bytes"].to_string();
        assert_eq!((head.status.as_u16(), head.headers["content-length"].to_str().unwrap()), (200, bytes.as_str()));
    }
    assert_eq!(get(&nightcap, &format!("{}/file?number=4", path(&capture))).await.0, 404);
}
