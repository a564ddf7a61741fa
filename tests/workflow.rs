//! The whole workflow against the simulated Azure on a virtual clock: what is asked in which order, who wins a race, what
//! is evicted, and what an alert ends as.

mod common;

use std::time::Duration;

use common::alerts::{CONTOSO_VM, TEST_VM, classic, common, common_at, flat, resolved};
use common::instance::{BEGIN, Instance, Scene, Store, WATCHER};
use futures::future::join_all;
use http::Method;
use nightcap_simulator::{CaptureState, Effect, Fault, Service};
use serde_json::{Value, json};

async fn outcome(instance: &Instance, body: &Value) -> (u16, Value) {
    let (status, answer) = instance.alert(body).await.json();
    (status.as_u16(), answer["outcomes"][0].clone())
}

/// Status, outcome and reason in one.
async fn ends(instance: &Instance, body: &Value) -> (u16, String, String) {
    let (status, outcome) = outcome(instance, body).await;
    let text = |name: &str| outcome[name].as_str().unwrap_or_default().to_owned();
    assert!(is_sentence(&text("message")), "{outcome}");
    (status, text("outcome"), text("reason"))
}

/// Whether a person can read it: it begins and ends as sentences do, or ends with the command that mends what is wrong, and
/// nothing in it was left to be filled in.
fn is_sentence(message: &str) -> bool {
    let begins = message.starts_with(|c: char| c.is_alphanumeric());
    let ends = message.ends_with('.') || message.rsplit(": ").next().is_some_and(|last| last.starts_with("az "));
    begins && ends && message.split(' ').filter(|word| !word.is_empty()).count() > 4 && !message.contains(['{', '}'])
}

fn end(status: u16, outcome: &str, reason: &str) -> (u16, String, String) {
    (status, outcome.to_owned(), reason.to_owned())
}

async fn minutes(minutes: u64) {
    tokio::time::sleep(Duration::from_secs(60 * minutes)).await;
}

// ---- What is asked, and in which order

#[tokio::test(start_paused = true)]
async fn a_cold_start_takes_four_round_trips_and_a_warm_one_two() {
    let scene = Scene::new();
    let nightcap = scene.instance_with(&[("cooldown_seconds", "0")], Store::default());
    assert_eq!(ends(&nightcap, &common("cpu", TEST_VM)).await, end(201, "started", "started"));
    assert_eq!(scene.asked_for_it(0), ["POST token", "GET test-vm", "GET packetCaptures", "PUT nightcap"]);
    minutes(12).await;
    let before = scene.asked().len();
    assert_eq!(ends(&nightcap, &common("disk", TEST_VM)).await, end(201, "started", "started"));
    assert_eq!(scene.asked_for_it(before), ["GET packetCaptures", "PUT nightcap"]);
}

#[tokio::test(start_paused = true)]
async fn requests_that_can_go_side_by_side_do() {
    let scene = Scene::with(BEGIN, |world| world.timing.latency = Duration::from_millis(100));
    let took = async |body: Value| {
        let nightcap = scene.instance();
        let begin = scene.now();
        assert_eq!(ends(&nightcap, &body).await.1, "started");
        scene.now().duration_since(begin).as_millis()
    };
    assert_eq!(took(common("cpu", TEST_VM)).await, 400, "token, machine, list, create");
    assert_eq!(took(classic("tcp", CONTOSO_VM, "westcentralus")).await, 300, "the region is told: machine beside list");
    let vm = CONTOSO_VM.replace("ContosoExampleRG", "pipelinealertrg").replace("ContosoVM", "wcus-r2-gen2");
    assert_eq!(
        took(flat("pc1", &vm, "NetworkWatcher_westcentralus")).await,
        300,
        "the watcher is told: machine beside list"
    );
}

#[tokio::test(start_paused = true)]
async fn two_targets_of_one_alert_go_side_by_side() {
    let scene = Scene::with(BEGIN, |world| world.timing.latency = Duration::from_millis(100));
    let nightcap = scene.instance();
    let mut alert = common("cpu", TEST_VM);
    alert["data"]["essentials"]["alertTargetIDs"] = json!([TEST_VM, CONTOSO_VM]);
    let begin = scene.now();
    let (status, answer) = nightcap.alert(&alert).await.json();
    assert_eq!(status, 201);
    assert_eq!(answer["outcomes"].as_array().unwrap().len(), 2);
    assert!(answer["outcomes"].as_array().unwrap().iter().all(|outcome| outcome["outcome"] == "started"), "{answer}");
    assert!(scene.now().duration_since(begin).as_millis() < 450, "one token for both, and the rest side by side");
    assert_eq!(scene.asked().iter().filter(|asked| *asked == "POST token").count(), 1, "{:?}", scene.asked());
}

#[tokio::test(start_paused = true)]
async fn the_body_holds_what_azure_knows_and_nothing_else() {
    let scene = Scene::new();
    let put = |scene: &Scene| -> Value {
        let azure = scene.azure.lock().unwrap();
        let exchange = azure.transcript().iter().rev().find(|exchange| exchange.method == "PUT").unwrap();
        serde_json::from_str(&exchange.body).unwrap()
    };
    scene.instance().alert(&common("cpu", TEST_VM)).await;
    assert_eq!(
        put(&scene),
        json!({"properties": {
            "target": TEST_VM.replace("resourcegroups", "resourceGroups"),
            "bytesToCapturePerPacket": 0, "totalBytesPerSession": 1_073_741_824_u64, "timeLimitInSeconds": 60,
            "storageLocation": {"storageId": "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/ContosoExampleRG/providers/Microsoft.Storage/storageAccounts/contosoexamplergdiag374"}
        }})
    );
    let instance = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/testrg/providers/Microsoft.Compute/virtualMachineScaleSets/testvmss/virtualMachines/2";
    let mut alert = common("cpu", instance);
    alert["data"]["customProperties"] = json!({"nightcap_capture_seconds": "300", "nightcap_packet_bytes": "96", "nightcap_capture_filters": "[{\"protocol\":\"tcp\",\"localPort\":443}]"});
    let (status, outcome) = outcome(&scene.instance(), &alert).await;
    assert_eq!((status, outcome["outcome"].as_str()), (201, Some("started")), "{outcome}");
    let body = put(&scene);
    assert_eq!(body["properties"]["targetType"], "AzureVMSS");
    assert_eq!(body["properties"]["scope"], json!({"include": ["2"]}));
    assert_eq!(body["properties"]["timeLimitInSeconds"], 300);
    assert_eq!(body["properties"]["bytesToCapturePerPacket"], 96);
    assert_eq!(body["properties"]["filters"], json!([{"protocol": "TCP", "localPort": "443"}]));
}

#[tokio::test(start_paused = true)]
async fn a_property_that_cannot_be_used_is_named_whatever_comes_of_the_alert() {
    let scene = Scene::new();
    for (target, outcome_word) in
        [(TEST_VM, "started"), (TEST_VM, "joined"), (&TEST_VM.replace("test-vm", "no-agent"), "failed")]
    {
        let mut alert = common(outcome_word, target);
        alert["data"]["customProperties"] = json!({"nightcap_capture_seconds": "5s"});
        let (_, outcome) = outcome(&scene.instance(), &alert).await;
        assert_eq!(outcome["outcome"], outcome_word, "{outcome}");
        assert!(outcome["message"].as_str().unwrap().contains("nightcap_capture_seconds was not used"), "{outcome}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watcher_with_an_unusual_name_is_found_and_remembered() {
    let scene = Scene::with(BEGIN, |world| world.watchers_per_page = Some(1));
    let vm = scene.machine(|vm| vm.location.eq_ignore_ascii_case("westeurope"));
    let store = Store::default();
    let nightcap = scene.instance_with(&[("cooldown_seconds", "0")], store.clone());
    assert_eq!(ends(&nightcap, &common("cpu", &vm)).await.1, "started");
    let asked = scene.asked();
    assert_eq!(asked.iter().filter(|asked| *asked == "GET networkWatchers").count(), 3, "three pages: {asked:?}");
    minutes(20).await;
    let before = scene.asked().len();
    assert_eq!(ends(&nightcap, &common("disk", &vm)).await.1, "started");
    assert_eq!(scene.asked_for_it(before), ["GET packetCaptures", "PUT nightcap"]);
}

// ---- One capture for each machine

#[tokio::test(start_paused = true)]
async fn five_copies_at_once_and_one_later_make_one_capture() {
    let scene = Scene::with(BEGIN, |world| world.timing.latency = Duration::from_millis(40));
    let nightcap = scene.instance();
    let alert = common("cpu", TEST_VM);
    let mut ends_at_once: Vec<_> =
        join_all((0..5).map(|_| ends(&nightcap, &alert))).await.into_iter().map(|end| end.1).collect();
    ends_at_once.sort();
    assert_eq!(ends_at_once, ["joined", "joined", "joined", "joined", "started"]);
    assert_eq!(scene.running_on(TEST_VM).len(), 1);
    assert_eq!(scene.asked().iter().filter(|asked| *asked == "POST token").count(), 1, "one refresh however many wait");

    assert_eq!(ends(&nightcap, &alert).await, end(200, "joined", "same_alert"));
    assert_eq!(ends(&nightcap, &common("disk", TEST_VM)).await, end(200, "joined", "already_running"));
    minutes(30).await;
    let link = outcome(&nightcap, &alert).await.1["capture"]["links"]["self"].as_str().unwrap().to_owned();
    let record = nightcap.look(&link).await;
    let rules: Vec<_> =
        record["alerts"].as_array().unwrap().iter().map(|alert| alert["rule"].as_str().unwrap()).collect();
    assert_eq!((record["phase"].as_str(), rules), (Some("finished"), vec!["cpu", "disk"]), "nobody who joined is lost");
    assert_eq!(ends(&nightcap, &alert).await, end(200, "skipped", "duplicate"));
    assert_eq!(scene.captures().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_alert_is_answered_at_once_though_no_token_is_to_be_had() {
    let (scene, store) = (Scene::new(), Store::default());
    let alert = common("cpu", TEST_VM);
    assert_eq!(ends(&scene.instance_with(&[], store.clone()), &alert).await.1, "started");
    store.lose("token:");
    scene.azure.lock().unwrap().add_fault(Fault::new(Effect::Hang).service(Service::Entra));
    let begin = scene.now();
    assert_eq!(ends(&scene.instance_with(&[], store), &alert).await, end(200, "joined", "same_alert"));
    assert_eq!(scene.now().duration_since(begin).as_millis(), 0);
}

#[tokio::test(start_paused = true)]
async fn instances_that_share_nothing_but_azure_make_one_capture() {
    for copies_of_one_alert in [true, false] {
        let scene = Scene::with(BEGIN, |world| world.timing.latency = Duration::from_millis(40));
        let instances: Vec<_> = (0..4).map(|_| scene.instance()).collect();
        let alerts: Vec<_> = (0..4)
            .map(|number| {
                common(if copies_of_one_alert { "cpu".to_owned() } else { format!("rule{number}") }.as_str(), TEST_VM)
            })
            .collect();
        let ended = join_all(instances.iter().zip(&alerts).map(|(instance, alert)| ends(instance, alert))).await;
        assert_eq!(ended.iter().filter(|end| end.1 == "started").count(), 1, "{ended:?}");
        assert_eq!(ended.iter().filter(|end| end.1 == "joined").count(), 3, "{ended:?}");
        for instance in &instances {
            assert_eq!(
                instance.store.json("capture:")["name"],
                scene.running_on(TEST_VM)[0],
                "each store knows the capture"
            );
        }
        assert_eq!(scene.running_on(TEST_VM).len(), 1);
    }
}

/// A moment before a slot of time ends, in a world in which requests take a while.
fn before_the_boundary() -> Scene {
    Scene::with("2026-11-20T02:14:59.810Z", |world| world.timing.latency = Duration::from_millis(80))
}

/// How two alerts on one machine end that meet two hosts so shortly after each other that neither sees the other's capture.
async fn race(one: &Instance, other: &Instance) -> ((u16, String, String), (u16, String, String)) {
    let late = async {
        tokio::time::sleep(Duration::from_millis(40)).await;
        ends(other, &common("disk", TEST_VM)).await
    };
    futures::future::join(async { ends(one, &common("cpu", TEST_VM)).await }, late).await
}

#[tokio::test(start_paused = true)]
async fn a_race_across_the_boundary_of_two_slots_ends_with_one_capture() {
    let scene = before_the_boundary();
    let (one, other) = (scene.instance(), scene.instance());
    let (first, second) = race(&one, &other).await;
    assert_eq!((first.1.as_str(), second.1.as_str()), ("started", "started"), "neither could see the other");
    minutes(1).await;
    let running = scene.running_on(TEST_VM);
    assert!(running.is_empty() || running.iter().all(|name| name.contains("T0210Z")), "{running:?}");
    let record = other.alert_record().await;
    assert_eq!(record["outcomes"][0]["outcome"], "joined", "{record}");
    let stopped = scene.stopped();
    assert_eq!(stopped.len(), 1, "the later one was stopped: {stopped:?}");
    assert!(stopped[0].contains("T0215Z"));
}

#[tokio::test(start_paused = true)]
async fn a_capture_that_gives_way_is_stopped_though_that_fails_at_first() {
    let scene = before_the_boundary();
    let busy = Effect::Status { status: 503, code: String::new(), message: String::new(), retry_after: None };
    scene.azure.lock().unwrap().add_fault(Fault::new(busy).method(Method::POST).path("/stop").times(3));
    let for_long = || scene.instance_with(&[("capture_seconds", "3600")], Store::default());
    let (one, other) = (for_long(), for_long());
    race(&one, &other).await;
    minutes(2).await;
    assert_eq!(scene.stopped().len(), 1, "{:?}", scene.running_on(TEST_VM));
    assert_eq!(scene.running_on(TEST_VM).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_later_of_two_is_stopped_as_soon_however_many_there_were_before() {
    let mut took = Vec::new();
    for former in [0, 4] {
        let scene = before_the_boundary();
        let for_long = || scene.instance_with(&[("capture_seconds", "3600")], Store::default());
        let (one, other) = (for_long(), for_long());
        race(&one, &other).await;
        let first = scene.captures().into_iter().find(|name| name.contains("T0210Z")).unwrap();
        for number in 0..former {
            scene.add_capture(&format!("{first}_{}", number + 2), TEST_VM, 10, CaptureState::Finished);
        }
        let slow = Fault::new(Effect::Delay(Duration::from_secs(4))).method(Method::POST).path("/queryStatus");
        scene.azure.lock().unwrap().add_fault(slow);
        let begun = tokio::time::Instant::now();
        while scene.stopped().is_empty() && begun.elapsed() < Duration::from_secs(120) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        took.push(begun.elapsed());
    }
    assert!(took[1] <= took[0] + Duration::from_secs(2), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_has_the_name_of_a_rival_by_now_is_not_stopped_for_it() {
    let scene = Scene::with(BEGIN, |world| world.timing.latency = Duration::from_millis(80));
    let busy = Effect::Status { status: 503, code: String::new(), message: String::new(), retry_after: Some(20) };
    let slow = Fault::new(busy).method(Method::POST).path("/watchdog/queryStatus").times(2);
    scene.azure.lock().unwrap().add_fault(slow);
    let store = Store::default();
    let one = scene.instance_with(&[("capture_seconds", "3600")], store.clone());
    let other = scene.instance_with(&[("capture_seconds", "3600"), ("capture_name", "watchdog")], store.clone());
    let (alert, later) = (common("cpu", TEST_VM), common("disk", TEST_VM));
    let (first, second) = futures::future::join(ends(&one, &alert), ends(&other, &later)).await;
    assert_eq!((first.1.as_str(), second.1.as_str()), ("started", "started"), "neither could see the other");
    tokio::time::sleep(Duration::from_secs(5)).await;
    scene.by_hand(Method::DELETE, "watchdog", "");
    tokio::time::sleep(Duration::from_secs(10)).await;
    scene.add_capture("watchdog", TEST_VM, 3600, CaptureState::Running);
    minutes(3).await;
    assert_eq!(scene.stopped(), Vec::<String>::new(), "by now it is somebody else's");
}

#[tokio::test(start_paused = true)]
async fn hosts_whose_clocks_are_wrong_agree_all_the_same() {
    let scene = Scene::new();
    let hours = |hours: i64| scene.clone().with_skew(hours * 3_600_000).instance();
    assert_eq!(ends(&hours(0), &common("cpu", TEST_VM)).await.1, "started");
    assert_eq!(
        ends(&hours(7), &common("disk", TEST_VM)).await.1,
        "joined",
        "it is over by this clock, but not by Azure's"
    );
    assert_eq!(ends(&hours(-7), &common("net", TEST_VM)).await.1, "joined");
    tokio::time::sleep(Duration::from_secs(20)).await;
    let no_date = Fault::new(Effect::WithoutHeader("Date".to_owned())).method(Method::GET).times(2);
    scene.azure.lock().unwrap().add_fault(no_date);
    assert_eq!(
        ends(&hours(7), &common("mem", TEST_VM)).await.1,
        "joined",
        "nor by that of a host that was told no time"
    );
    assert_eq!(ends(&hours(5), &common("cpu", CONTOSO_VM)).await.1, "started");
    assert!(scene.captures().iter().all(|name| name.contains("_20261120T0210Z_")), "{:?}", scene.captures());
}

#[tokio::test(start_paused = true)]
async fn a_capture_that_ended_early_is_not_joined() {
    let scene = Scene::new();
    let (nightcap, name) = with_a_capture_that_was_stopped(&scene).await;
    assert_eq!(ends(&nightcap, &common("disk", TEST_VM)).await, end(201, "started", "started"));
    let captures = scene.captures();
    assert!(captures.contains(&format!("{name}_2")), "within one slot the name counts up: {captures:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_stopped_for_a_capture_of_which_azure_tells_nothing() {
    let scene = Scene::new();
    let (nightcap, name) = with_a_capture_that_was_stopped(&scene).await;
    let silent = Fault::new(Effect::Empty { status: 202 }).method(Method::POST).path(format!("{name}/queryStatus"));
    // The first one asks whether the capture can be joined, the second whether it races with the new one.
    scene.azure.lock().unwrap().add_fault(silent.skip(1).times(1));
    assert_eq!(ends(&nightcap, &common("disk", TEST_VM)).await, end(201, "started", "started"));
    minutes(2).await;
    assert_eq!(scene.running_on(TEST_VM), [format!("{name}_2")]);
}

/// An instance, and the name of the capture that it has made a while ago and that somebody stopped early.
async fn with_a_capture_that_was_stopped(scene: &Scene) -> (Instance, String) {
    let nightcap = scene.instance_with(&[("cooldown_seconds", "0"), ("capture_seconds", "3600")], Store::default());
    nightcap.alert(&common("cpu", TEST_VM)).await;
    minutes(1).await;
    let name = scene.running_on(TEST_VM).pop().unwrap();
    stop_in_azure(scene, &name);
    minutes(1).await;
    (nightcap, name)
}

/// Stops a capture as somebody in the portal would.
fn stop_in_azure(scene: &Scene, name: &str) {
    let mut azure = scene.azure.lock().unwrap();
    let token =
        azure.transcript().iter().find_map(|exchange| exchange.header("authorization").map(str::to_owned)).unwrap();
    let url = format!("https://management.azure.com{WATCHER}/packetCaptures/{name}/stop?api-version=2024-05-01");
    let request = http::Request::post(url).header("authorization", token).body(bytes::Bytes::new()).unwrap();
    azure.handle(scene.now(), nightcap_simulator::Service::Arm, request);
}

// ---- The limit

#[tokio::test(start_paused = true)]
async fn captures_of_strangers_are_never_deleted() {
    let scene = Scene::with(BEGIN, |world| world.captures_per_page = Some(4));
    for number in 0..10 {
        let state = [CaptureState::Running, CaptureState::Finished, CaptureState::Failed][number % 3];
        scene.add_capture(&format!("theirs-{number}"), CONTOSO_VM, 60, state);
    }
    let nightcap = scene.instance_with(&[("capture_limit", "10")], Store::default());
    let (status, outcome) = outcome(&nightcap, &common("cpu", TEST_VM)).await;
    assert_eq!(
        (status, outcome["outcome"].as_str(), outcome["reason"].as_str()),
        (200, Some("failed"), Some("limit_reached"))
    );
    assert!(outcome["message"].as_str().unwrap().contains("capture_limit allows 10"), "{outcome}");
    assert_eq!(scene.captures().len(), 10);
    assert!(scene.asked().iter().all(|asked| !asked.starts_with("DELETE")), "{:?}", scene.asked());
    assert_eq!(ends(&nightcap, &flat("mine", TEST_VM, "NetworkWatcher_westcentralus")).await.0, 409);
}

#[tokio::test(start_paused = true)]
async fn the_oldest_finished_capture_of_our_own_goes_and_its_end_is_awaited() {
    let scene = Scene::new();
    let add = |name: &str, state| scene.add_capture(name, CONTOSO_VM, 18_000, state);
    for number in 0..7 {
        add(&format!("theirs-{number}"), CaptureState::Finished);
    }
    add("nightcap_a_20261119T0000Z_00000001", CaptureState::Running);
    add("nightcap_b_20261119T0005Z_00000002", CaptureState::Finished);
    add("nightcap_c_20261119T0010Z_00000003", CaptureState::Finished);
    let settings = [("answer_seconds", "60"), ("capture_limit", "10")];
    let nightcap = scene.instance_with(&settings, Store::default());
    assert_eq!(ends(&nightcap, &common("cpu", TEST_VM)).await, end(201, "started", "started"));
    let captures = scene.captures();
    assert!(
        !captures.contains(&"nightcap_b_20261119T0005Z_00000002".to_owned()),
        "the oldest finished one is gone: {captures:?}"
    );
    assert!(captures.contains(&"nightcap_a_20261119T0000Z_00000001".to_owned()), "the older one still runs");
    assert_eq!(captures.len(), 10);
    let azure = scene.azure.lock().unwrap();
    let deleted = azure
        .captures()
        .into_iter()
        .find(|capture| capture.name.starts_with("nightcap_b"))
        .unwrap()
        .deleted_at
        .unwrap();
    let put = azure.transcript().iter().find(|exchange| exchange.method == "PUT").unwrap().at;
    assert!(deleted <= put, "created only after the delete had ended");
}

// ---- Fixed names

#[tokio::test(start_paused = true)]
async fn a_fixed_name_is_deleted_and_created_anew_but_never_while_it_runs() {
    let scene = Scene::new();
    let nightcap = scene.instance_with(
        &[("capture_name", "the-one"), ("cooldown_seconds", "0"), ("answer_seconds", "60")],
        Store::default(),
    );
    assert_eq!(ends(&nightcap, &common("cpu", TEST_VM)).await, end(201, "started", "started"));
    assert_eq!(ends(&nightcap, &common("disk", TEST_VM)).await, end(200, "joined", "already_running"));
    assert_eq!(ends(&nightcap, &common("cpu", CONTOSO_VM)).await, end(200, "failed", "name_in_use"));
    minutes(5).await;
    let before = scene.asked().len();
    assert_eq!(ends(&nightcap, &common("cpu", CONTOSO_VM)).await, end(201, "started", "started"));
    assert_eq!(
        scene.asked_for_it(before),
        [
            "GET ContosoVM",
            "GET packetCaptures",
            "POST queryStatus",
            // The status is that of whatever has the name.
            "GET the-one",
            "DELETE the-one",
            "GET operation",
            "PUT the-one"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_fixed_name_that_somebody_is_freeing_is_waited_for_and_not_deleted_again() {
    let scene = Scene::with(BEGIN, |world| world.timing.delete = Duration::from_secs(20));
    let settings = [("capture_name", "the-one"), ("cooldown_seconds", "0"), ("answer_seconds", "60")];
    let nightcap = scene.instance_with(&settings, Store::default());
    assert_eq!(ends(&nightcap, &common("cpu", TEST_VM)).await, end(201, "started", "started"));
    minutes(5).await;
    scene.by_hand(Method::DELETE, "the-one", "");
    let before = scene.asked().len();
    assert_eq!(ends(&nightcap, &common("disk", TEST_VM)).await, end(201, "started", "started"));
    let asked = scene.asked_for_it(before);
    assert!(!asked.iter().any(|asked| asked.starts_with("DELETE")), "it may be the next one's by then: {asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_program_gets_its_capture_and_real_status_codes() {
    let scene = Scene::new();
    let nightcap = scene.instance_with(&[("answer_seconds", "60")], Store::default());
    let call = flat("pc1", CONTOSO_VM, "NetworkWatcher_westcentralus");
    let (status, outcome) = outcome(&nightcap, &call).await;
    assert_eq!((status, outcome["outcome"].as_str()), (201, Some("started")), "{outcome}");
    assert!(outcome["capture"]["storagePath"].as_str().unwrap().ends_with(".cap"), "told where the file will be");
    assert_eq!(outcome["capture"]["name"], "pc1");
    minutes(2).await;
    assert_eq!(
        ends(&nightcap, &call).await.1,
        "started",
        "a program that asks again gets a new one, whatever the cooldown"
    );
    for (change, expected, reason) in [
        (json!({"targetVM": CONTOSO_VM.replace("ContosoVM", "nobody")}), 422, "machine_not_found"),
        (json!({"networkWatcherName": "none"}), 422, "watcher_not_found"),
        (json!({"timeLimit": 0}), 422, ""),
        (json!({"filters": [{"protocol": "ICMP"}]}), 422, ""),
        // Azure's own names, and a slip: everything would be captured, for as long as nobody asked.
        (json!({"timeLimitInSeconds": 7}), 422, ""),
        (json!({"filter": [{"protocol": "TCP"}]}), 422, ""),
    ] {
        let mut call = call.clone();
        call.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (status, problem) = nightcap.alert(&call).await.json();
        assert_eq!(status, expected, "{problem}");
        assert_eq!(problem["reason"].as_str().unwrap_or_default(), reason, "{problem}");
        assert!(problem["detail"].as_str().unwrap().len() > 20, "{problem}");
    }
}

// ---- What is not captured

#[tokio::test(start_paused = true)]
async fn settings_rules_and_properties_decide_without_asking_azure() {
    let scene = Scene::new();
    let with = |settings: &[(&str, &str)]| scene.instance_with(settings, Store::default());
    let alert = common("cpu", TEST_VM);
    assert_eq!(ends(&with(&[]), &resolved("cpu", TEST_VM)).await, end(200, "skipped", "resolved"));
    assert_eq!(
        ends(&with(&[]), &common("cpu", "/subscriptions/00000000-0000-0000-0000-000000000000")).await,
        end(200, "skipped", "no_virtual_machine")
    );
    assert_eq!(
        ends(&with(&[("allowed_subscriptions", "99999999-0000-0000-0000-000000000000")]), &alert).await,
        end(200, "skipped", "subscription_not_allowed")
    );
    assert_eq!(
        ends(&with(&[("rules", r#"[{"target":"TEST-*","ignore":true}]"#)]), &alert).await,
        end(200, "skipped", "ignored_by_rule")
    );
    let mut ignoring = alert.clone();
    ignoring["data"]["alertContext"]["properties"] = json!({"nightcap_ignore": "true"});
    assert_eq!(ends(&with(&[]), &ignoring).await, end(200, "skipped", "ignored_by_alert"));
    assert_eq!(scene.asked(), Vec::<String>::new());
    assert_eq!(
        ends(&with(&[("allowed_subscriptions", "00000000-0000-0000-0000-000000000000")]), &alert).await.1,
        "started"
    );
}

#[tokio::test(start_paused = true)]
async fn a_machine_rests_after_its_capture() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    nightcap.alert(&common("cpu", TEST_VM)).await;
    minutes(5).await;
    let before = scene.asked().len();
    assert_eq!(ends(&nightcap, &common("disk", TEST_VM)).await, end(200, "skipped", "cooldown"));
    assert_eq!(scene.asked_since(before), Vec::<String>::new());
    assert_eq!(ends(&nightcap, &common("disk", CONTOSO_VM)).await.1, "started", "others do not");
    minutes(7).await;
    assert_eq!(ends(&nightcap, &common("net", TEST_VM)).await, end(201, "started", "started"));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_tells_the_requests_and_changes_nothing() {
    let scene = Scene::new();
    let nightcap = scene.instance_with(&[("dry_run", "true")], Store::default());
    let (status, outcome) = outcome(&nightcap, &common("cpu", TEST_VM)).await;
    assert_eq!((status, outcome["reason"].as_str()), (200, Some("dry_run")));
    assert_eq!(outcome["requests"][0]["method"], "PUT");
    assert_eq!(outcome["requests"][0]["body"]["properties"]["timeLimitInSeconds"], 60);
    assert!(outcome["requests"][0]["url"].as_str().unwrap().contains("/packetCaptures/nightcap_test-vm_"));
    assert!(scene.asked().iter().all(|asked| asked.starts_with("GET") || asked == "POST token"), "{:?}", scene.asked());
    assert_eq!(scene.captures().len(), 0);
}

// ---- What is missing is told with its remedy

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_told_with_what_to_do() {
    let scene = Scene::with(BEGIN, |world| {
        world.watchers.retain(|watcher| !watcher.location.eq_ignore_ascii_case("eastus"));
    });
    let vm = |group: &str, name: &str| CONTOSO_VM.replace("ContosoExampleRG", group).replace("ContosoVM", name);
    let agentless = scene.machine(|vm| vm.agent.is_none());
    let east = scene.machine(|vm| vm.location == "eastus");
    for (target, reason, remedy) in [
        (agentless, "agent_missing", "az vm extension set"),
        (vm("ContosoExampleRG", "nobody"), "machine_not_found", "virtualMachines/read"),
        (east, "no_network_watcher", "az network watcher configure"),
        (
            vm("x", "y").replace("00000000-0000-0000-0000-000000000000", "99999999-9999-9999-9999-999999999999"),
            "machine_not_found",
            "service principal",
        ),
    ] {
        let (status, outcome) = outcome(&scene.instance(), &common("cpu", &target)).await;
        assert_eq!((status, outcome["reason"].as_str()), (200, Some(reason)), "{outcome}");
        assert!(outcome["message"].as_str().unwrap().contains(remedy), "{outcome}");
    }
    let asked = scene.asked();
    assert!(asked.iter().all(|asked| !asked.starts_with("PUT")), "what cannot succeed is not tried: {asked:?}");
    let one_region = r#"{"northeurope":"/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/north"}"#;
    let nightcap = scene.instance_with(&[("storage_account_id", one_region)], Store::default());
    assert_eq!(ends(&nightcap, &common("cpu", TEST_VM)).await, end(200, "failed", "no_storage_account"));
    assert_eq!(
        ends(&scene.instance(), &common("cpu", &vm("test-RG", "test-VM").replace("test-VM", "test-vm"))).await.1,
        "started",
        "a real test-VM is real"
    );
}

#[tokio::test(start_paused = true)]
async fn the_portals_sample_machine_is_no_failure() {
    let scene = Scene::with(BEGIN, |world| world.virtual_machines.retain(|vm| !vm.id.ends_with("test-VM")));
    assert_eq!(ends(&scene.instance(), &common("cpu", TEST_VM)).await, end(200, "skipped", "test_notification"));
    // A program that names it means it.
    let called = scene.instance().alert(&flat("pc1", TEST_VM, "NetworkWatcher_westcentralus")).await.json();
    assert_eq!((called.0.as_u16(), &called.1["reason"]), (422, &"machine_not_found".into()), "{}", called.1);
}

// ---- What becomes of it

#[tokio::test(start_paused = true)]
async fn the_record_tells_when_the_capture_runs_or_why_it_does_not() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    let (_, outcome) = outcome(&nightcap, &common("cpu", TEST_VM)).await;
    let link = outcome["capture"]["links"]["self"].as_str().unwrap().to_owned();
    assert_eq!(nightcap.look(&link).await["phase"], "creating");
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(nightcap.look(&link).await["phase"], "running");
    minutes(1).await;
    let record = nightcap.look(&link).await;
    assert_eq!((record["phase"].as_str(), record["end"]["reason"].as_str()), (Some("finished"), Some("time_limit")));

    let agent_gone = nightcap_simulator::Effect::FailedOperation {
        code: "NetworkWatcherVmExtensionNotInstalled".into(),
        message: "No agent.".into(),
    };
    scene.azure.lock().unwrap().add_fault(nightcap_simulator::Fault::new(agent_gone).method(Method::PUT));
    let other = scene.instance();
    assert_eq!(ends(&other, &common("cpu", CONTOSO_VM)).await.1, "started");
    minutes(1).await;
    let record = other.store.json("capture:");
    assert_eq!((record["phase"].as_str(), record["end"]["reason"].as_str()), (Some("finished"), Some("never_began")));
    let alert = other.alert_record().await;
    assert_eq!(
        (alert["outcomes"][0]["outcome"].as_str(), alert["outcomes"][0]["reason"].as_str()),
        (Some("failed"), Some("agent_missing"))
    );
    scene.azure.lock().unwrap().clear_faults();
    assert_eq!(
        ends(&other, &common("cpu", CONTOSO_VM)).await.1,
        "started",
        "the same alert again tries again: {:?}",
        scene.captures()
    );
}

#[tokio::test(start_paused = true)]
async fn a_slow_azure_is_answered_for_in_time_and_the_record_tells_the_end() {
    let scene = Scene::with(BEGIN, |world| world.timing.latency = Duration::from_secs(3));
    let nightcap = scene.instance();
    let begin = scene.now();
    let (status, answer) = nightcap.alert(&common("cpu", TEST_VM)).await.json();
    assert_eq!((status.as_u16(), answer["outcomes"][0]["outcome"].as_str()), (202, Some("accepted")));
    assert_eq!(scene.now().duration_since(begin).as_millis(), 4500, "a tenth before answer_seconds");
    let link = answer["links"]["record"].as_str().unwrap();
    assert_eq!(nightcap.look(link).await["finished"], false);
    minutes(1).await;
    let record = nightcap.look(link).await;
    assert_eq!(
        (record["finished"].as_bool(), record["outcomes"][0]["outcome"].as_str()),
        (Some(true), Some("started")),
        "{record}"
    );
    assert_eq!(scene.captures().len(), 1);
    assert_eq!(ends(&nightcap, &common_at("cpu2", TEST_VM, "2026-11-20T02:20:00Z")).await.0, 202);
}

#[tokio::test(start_paused = true)]
async fn two_calls_that_nothing_tells_apart_have_a_record_and_a_message_each() {
    let scene = Scene::new();
    let settings = [("notify_format", "cloudevents"), ("notify_on", "failed")];
    let nightcap = scene.instance_with(&settings, Default::default());
    let call = json!({"targetVM": CONTOSO_VM.replace("ContosoVM", "nobody")});
    nightcap.alert(&call).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    nightcap.alert(&call).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let records = nightcap.store.values().into_keys().filter(|key| key.starts_with("alert:")).count();
    let messages = scene.azure.lock().unwrap().messages().len();
    assert_eq!((records, messages), (2, 2));
}
