//! What becomes of a capture: how it is watched, how its end is told, and who goes on when a host has died.

mod common;

use std::time::Duration;

use common::alerts::{CONTOSO_VM, TEST_VM, common, common_at, flat, resolved};
use common::instance::{BEGIN, Instance, Scene, Store, WATCHER};
use common::story::{
    TELL_ALL, add, fault, left_open, path, refuse, seconds, start, telling, telling_from, the_message, told,
};
use http::Method;
use nightcap_simulator::{CaptureState, Effect, Fault, Service};
use serde_json::{Value, json};

const SET: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/testrg/providers/Microsoft.Compute/virtualMachineScaleSets/testvmss";

/// How the one capture in the store ended.
fn end(store: &Store) -> (String, String) {
    let record = store.json("capture:");
    assert_eq!(record["phase"], "finished", "{record:#}");
    let text = |name: &str| record["end"][name].as_str().unwrap_or_default().to_owned();
    (text("reason"), text("message"))
}

// ---- Watched to the end

#[tokio::test(start_paused = true)]
async fn a_capture_is_looked_at_early_and_at_its_end_and_its_file_is_found() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    let capture = start(&nightcap, TEST_VM).await;
    let before = scene.asked().len();
    seconds(120).await;
    assert_eq!(
        scene.asked_since(before),
        [
            "GET packetCaptures",
            "GET operation",
            "POST queryStatus",
            "POST queryStatus",
            "POST storage-token",
            "HEAD file",
            "HEAD file",
            "GET file",
            "GET packetCaptures"
        ],
        "the file appears a little after the end, and is read"
    );
    let record = nightcap.store.json("capture:");
    assert_eq!(end(&nightcap.store), ("time_limit".to_owned(), "The capture ran for its 60 seconds.".to_owned()));
    assert_eq!(record["files"][0]["url"], capture["storagePath"]);
    assert!(record["files"][0]["bytes"].as_u64().unwrap() > 24, "{record}");

    let message = the_message(&scene);
    let ledger = scene.azure.lock().unwrap().captures()[0].clone();
    assert_eq!(message["type"], "nightcap.capture.finished");
    let data = &message["data"];
    assert_eq!(data["alert"]["rule"], "cpu");
    assert_eq!(data["capture"]["files"][0]["url"], capture["storagePath"]);
    let time = |name: &str| data["capture"][name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(ledger.started.unwrap().duration_since(time("beganAt")).as_millis() < 1, "{data}");
    assert!(ledger.ended.unwrap().duration_since(time("endedAt")).as_millis() < 1, "{data}");
    let links = &data["links"];
    assert!(links["portal"].as_str().unwrap().starts_with("https://portal.azure.com/#resource/subscriptions/"));
    assert_eq!(links["record"], format!("https://nightcap.example.com{}", path(&capture)));
}

#[tokio::test(start_paused = true)]
async fn every_end_is_told_as_what_it_was() {
    type Change = fn(&mut nightcap_simulator::World);
    let nothing: Change = |_| ();
    let slow_disk: Change = |world| world.session_bytes_per_second = Some(100_000_000);
    for (effect, change, reason, event, words) in [
        (None, nothing, "time_limit", "finished", "60 seconds"),
        (None, slow_disk, "size_limit", "finished", "1073741824 bytes"),
        (Some(Effect::NeverStarts), nothing, "never_began", "failed", "never began"),
        (Some(Effect::CaptureError(vec!["AgentStopped".into()])), nothing, "capture_failed", "failed", "restart"),
        (Some(Effect::CaptureError(vec!["StorageFailed".into()])), nothing, "capture_failed", "failed", "shared keys"),
        (Some(Effect::CaptureError(vec!["Sunspots".into()])), nothing, "capture_failed", "failed", "Sunspots"),
        (Some(Effect::CanceledOperation), nothing, "never_began", "failed", "Canceled"),
    ] {
        let scene = Scene::with(BEGIN, change);
        if let Some(effect) = effect.clone() {
            add(&scene, fault(effect, Method::PUT, "/packetCaptures/"));
        }
        let nightcap = telling(&scene, &[]);
        start(&nightcap, TEST_VM).await;
        seconds(1200).await;
        let (ended, sentence) = end(&nightcap.store);
        assert_eq!(ended, reason, "{effect:?}");
        assert!(sentence.contains(words), "{effect:?}: {sentence}");
        let message = the_message(&scene);
        assert_eq!(message["type"], format!("nightcap.capture.{event}"), "{effect:?}");
        assert_eq!(message["data"]["message"], sentence, "{effect:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_capture_that_somebody_stops_or_deletes_is_told_as_such() {
    for (method, action, reason, event) in
        [(Method::POST, "/stop", "stopped_by_hand", "finished"), (Method::DELETE, "", "vanished", "failed")]
    {
        let scene = Scene::new();
        let nightcap = telling(&scene, &[]);
        let capture = start(&nightcap, TEST_VM).await;
        seconds(30).await;
        scene.by_hand(method, capture["name"].as_str().unwrap(), action);
        seconds(300).await;
        assert_eq!(end(&nightcap.store).0, reason);
        assert_eq!(the_message(&scene)["type"], format!("nightcap.capture.{event}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_without_a_body_is_fetched_where_azure_says() {
    let scene = Scene::with(BEGIN, |world| world.empty_status_202 = true);
    let nightcap = telling(&scene, &[]);
    start(&nightcap, TEST_VM).await;
    seconds(200).await;
    assert_eq!(end(&nightcap.store).0, "time_limit");
}

#[tokio::test(start_paused = true)]
async fn trouble_while_watching_is_waited_out_and_never_told_as_an_end() {
    for effect in [refuse(503, ""), Effect::CutBefore, Effect::Html { status: 200 }, refuse(429, "TooManyRequests")] {
        let scene = Scene::new();
        let nightcap = telling(&scene, &[]);
        start(&nightcap, TEST_VM).await;
        add(&scene, fault(effect.clone(), Method::POST, "/queryStatus"));
        seconds(600).await;
        assert!(told(&scene).is_empty(), "{effect:?}");
        scene.azure.lock().unwrap().clear_faults();
        seconds(400).await;
        assert_eq!(end(&nightcap.store).0, "time_limit", "{effect:?}");
        assert_eq!(the_message(&scene)["type"], "nightcap.capture.finished", "{effect:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn trouble_that_stays_is_told_as_lost_sight_with_its_remedy() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    start(&nightcap, TEST_VM).await;
    add(&scene, fault(refuse(403, "AuthorizationFailed"), Method::POST, "/queryStatus"));
    seconds(3600).await;
    let (reason, sentence) = end(&nightcap.store);
    assert_eq!(reason, "lost_sight");
    assert!(sentence.contains("may have ended well") && sentence.contains("queryStatus/action"), "{sentence}");
    let message = the_message(&scene);
    assert_eq!(message["type"], "nightcap.capture.failed");
    assert!(message["data"]["capture"]["files"][0]["bytes"].is_u64(), "the file was found all the same: {message}");
}

#[tokio::test(start_paused = true)]
async fn a_capture_that_makes_room_before_its_end_was_seen_is_told_as_what_it_was() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[("capture_limit", "1"), ("capture_seconds", "30"), ("answer_seconds", "60")]);
    start(&nightcap, TEST_VM).await;
    // Its time is up, and nightcap has not looked yet.
    tokio::time::sleep(Duration::from_millis(34_500)).await;
    assert_eq!(nightcap.store.json("capture:")["phase"], "running");
    start(&nightcap, CONTOSO_VM).await;
    seconds(300).await;
    let told = told(&scene);
    let ends: Vec<_> = told.iter().map(|message| (&message["data"]["machine"], &message["data"]["reason"])).collect();
    assert_eq!(ends, [(&"test-VM".into(), &"time_limit".into()), (&"ContosoVM".into(), &"time_limit".into())]);
}

#[tokio::test(start_paused = true)]
async fn a_capture_within_its_time_runs_though_azure_says_nothing_of_it() {
    let silence = [
        Effect::StatusWhileRunning(json!({})),
        Effect::StatusWhileRunning(json!({"packetCaptureStatus": null, "captureStartTime": null, "stopReason": null})),
        Effect::Empty { status: 200 },
    ];
    for silence in silence {
        let scene = Scene::new();
        let fault = Fault::new(silence.clone()).service(Service::Arm).path("/queryStatus");
        scene.azure.lock().unwrap().add_fault(fault);
        let nightcap = telling(&scene, &[("capture_seconds", "18000")]);
        start(&nightcap, TEST_VM).await;
        seconds(60).await;
        let answer = nightcap.alert(&common("disk", TEST_VM)).await.json().1;
        assert_eq!(answer["outcomes"][0]["outcome"], "joined", "{silence:?}: {answer}");
        seconds(4 * 3600).await;
        assert_ne!(nightcap.store.json("capture:")["phase"], "finished", "{silence:?}");
        assert!(told(&scene).is_empty());
        if silence != (Effect::Empty { status: 200 }) {
            seconds(2 * 3600).await;
            assert_eq!(end(&nightcap.store).0, "time_limit", "{silence:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_lets_work_go_on_for_seconds_only_is_helped_by_sweeps() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[("stay_seconds", "8"), ("capture_seconds", "300")]);
    start(&nightcap, TEST_VM).await;
    seconds(20).await;
    let asked = scene.asked().len();
    seconds(600).await;
    assert_eq!(scene.asked().len(), asked, "nothing goes on by itself");
    for _ in 0..5 {
        nightcap.sweep().await;
        seconds(60).await;
    }
    assert_eq!(end(&nightcap.store).0, "time_limit");
    assert_eq!(the_message(&scene)["data"]["reason"], "time_limit");
    assert_eq!(left_open(&nightcap.store), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn of_our_own_finished_captures_as_many_stay_listed_as_are_wanted() {
    for (keep, left) in [("2", 2), ("0", 4)] {
        let scene = Scene::new();
        scene.add_capture("theirs", CONTOSO_VM, 60, CaptureState::Finished);
        let settings = [("capture_keep", keep), ("cooldown_seconds", "0"), ("capture_seconds", "10")];
        let nightcap = telling(&scene, &settings);
        for number in 0..4 {
            nightcap.alert(&common(&format!("cpu-{number}"), TEST_VM)).await;
            // Longer than a capture of ten seconds may take to begin.
            seconds(15 * 60).await;
        }
        let captures = scene.captures();
        let own: Vec<_> = captures.iter().filter(|name| name.starts_with("nightcap_")).collect();
        assert_eq!(own.len(), left, "with {keep}: {captures:?}");
        assert!(captures.contains(&"theirs".to_owned()));
        assert_eq!(told(&scene).len(), 4);
        let messages = told(&scene);
        let file = messages[0]["data"]["capture"]["files"][0]["url"].as_str().unwrap().to_owned();
        assert!(file.ends_with(".cap"), "{file}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_used_again_is_another_capture_with_a_message_of_its_own() {
    // A program that calls as soon as it may.
    let scene = Scene::new();
    let nightcap = telling(&scene, &[("answer_seconds", "60")]);
    for _ in 0..3 {
        let mut call = flat("pc1", TEST_VM, "NetworkWatcher_westcentralus");
        call["timeLimit"] = 10.into();
        assert_eq!(nightcap.alert(&call).await.status, 201);
        tokio::time::sleep(Duration::from_millis(14_500)).await;
    }
    seconds(300).await;
    let paths = scene.azure.lock().unwrap().captures().into_iter().map(|capture| capture.storage_path);
    let told_paths: Vec<_> = told(&scene)
        .iter()
        .map(|message| {
            assert_eq!(message["data"]["reason"], "time_limit", "{message}");
            message["data"]["capture"]["files"][0]["url"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(told_paths, paths.collect::<Vec<_>>());
    assert_eq!(left_open(&nightcap.store), Vec::<String>::new());

    // Somebody deletes a capture, and within the same slot of time the next alert comes: no name is used again, for whoever
    // deleted the first may not be done.
    let scene = Scene::new();
    let nightcap = telling(&scene, &[("cooldown_seconds", "0"), ("capture_seconds", "90")]);
    let capture = start(&nightcap, TEST_VM).await;
    seconds(40).await;
    scene.by_hand(Method::DELETE, capture["name"].as_str().unwrap(), "");
    seconds(15).await;
    let (status, answer) = nightcap.alert(&common("disk", TEST_VM)).await.json();
    assert_eq!(status, 201, "{answer}");
    assert_ne!(answer["outcomes"][0]["capture"]["name"], capture["name"]);
    seconds(600).await;
    let told = told(&scene);
    let mut reasons: Vec<_> = told.iter().map(|message| message["data"]["reason"].as_str().unwrap()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["time_limit", "vanished"], "{told:#?}");
    assert_eq!(left_open(&nightcap.store), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn the_next_capture_of_a_name_tells_of_its_own_alerts_only() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[("capture_name", "watchdog"), ("capture_seconds", "10")]);
    for (rule, target) in [("cpu", TEST_VM), ("disk", CONTOSO_VM), ("memory", TEST_VM)] {
        assert!(nightcap.alert(&common(rule, target)).await.status.is_success(), "{rule}");
        seconds(900).await;
    }
    let told = told(&scene);
    let alerts: Vec<_> = told.iter().map(|one| (&one["data"]["alert"]["rule"], &one["data"]["othersCount"])).collect();
    let alone = |rule: &str| (Value::from(rule), Value::from(0));
    let expected = ["cpu", "disk", "memory"].map(alone);
    assert_eq!(alerts, expected.iter().map(|(rule, others)| (rule, others)).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn what_was_never_made_does_not_end_as_the_capture_that_has_its_name_on_another_machine() {
    let (scene, store) = (Scene::new(), Store::default());
    let settings = [("capture_name", "watchdog"), ("capture_seconds", "10")];
    // The first alert's host dies while Azure takes nothing.
    add(&scene, fault(Effect::CutBefore, Method::PUT, "/packetCaptures/"));
    let dying = telling_from(&scene, &settings, store.clone());
    let _ = tokio::time::timeout(Duration::from_secs(4), dying.alert(&common("cpu", TEST_VM))).await;
    dying.kill();
    scene.azure.lock().unwrap().clear_faults();
    scene.add_capture("watchdog", CONTOSO_VM, 10, CaptureState::Finished);
    seconds(60).await;

    telling_from(&scene, &settings, store.clone()).alert(&common("disk", TEST_VM)).await;
    seconds(1200).await;
    let told = told(&scene);
    let ends: Vec<_> = told.iter().map(|one| (&one["data"]["alert"]["rule"], &one["data"]["reason"])).collect();
    assert_eq!(
        ends.iter().filter(|(rule, _)| *rule == "disk").map(|(_, reason)| *reason).collect::<Vec<_>>(),
        ["time_limit"]
    );
    assert!(ends.iter().all(|(rule, reason)| *rule != "cpu" || *reason == "not_created"), "{ends:?}");
}

#[tokio::test(start_paused = true)]
async fn who_cannot_read_that_the_name_is_anothers_does_not_tell_that_its_own_never_began() {
    let scene = Scene::new();
    let settings = [("capture_name", "watchdog")];
    let first = telling(&scene, &settings);
    start(&first, TEST_VM).await;
    seconds(30).await;
    first.store.fail_reads.store(true, std::sync::atomic::Ordering::Relaxed);
    scene.by_hand(Method::DELETE, "watchdog", "");
    seconds(10).await;
    add(&scene, fault(Effect::NeverStarts, Method::PUT, "/packetCaptures/"));
    let second = telling(&scene, &settings);
    start(&second, CONTOSO_VM).await;
    seconds(600).await;
    first.store.fail_reads.store(false, std::sync::atomic::Ordering::Relaxed);
    seconds(600).await;
    let told = told(&scene);
    let mut ends: Vec<_> = told.iter().map(|one| [&one["data"]["machine"], &one["data"]["reason"]]).collect();
    ends.sort_unstable_by_key(|end| end[0].as_str());
    assert_eq!(ends, [["ContosoVM", "never_began"], ["test-VM", "vanished"]]);
}

#[tokio::test(start_paused = true)]
async fn a_capture_that_gave_way_is_not_told_by_whoever_takes_its_name() {
    let scene = Scene::with(BEGIN, |world| {
        world.timing.latency = Duration::from_millis(80);
        // One that Azure is creating cannot be stopped.
        world.timing.create = Duration::from_millis(100);
    });
    let store = Store::default();
    let calls = |name: &str, target: &str| flat(name, target, "NetworkWatcher_westcentralus");
    let hosts = [(); 2].map(|()| telling_from(&scene, &[], store.clone()));
    // With a token at hand neither sees the other's in its list.
    hosts[0].alert(&calls("pc0", &TEST_VM.replace("test-vm", "nobody"))).await;
    futures::future::join(hosts[0].alert(&calls("pc1", TEST_VM)), hosts[1].alert(&calls("pc2", TEST_VM))).await;
    add(&scene, fault(Effect::Hang, Method::POST, "/pc2/stop"));
    seconds(8).await;
    hosts.into_iter().for_each(Instance::kill);
    scene.azure.lock().unwrap().clear_faults();

    let survivor = telling_from(&scene, &[("cooldown_seconds", "0")], store.clone());
    seconds(60).await;
    assert_eq!(scene.stopped(), ["pc2"]);
    survivor.alert(&calls("pc2", CONTOSO_VM)).await;
    seconds(600).await;
    let ends = told(&scene).into_iter().filter(|message| message["data"]["capture"].is_object()).map(|message| {
        let data = &message["data"];
        (data["capture"]["name"].clone(), data["machine"].clone(), data["reason"].clone())
    });
    let ends: Vec<_> = ends.collect();
    let end = |name: &str, machine: &str| (name.into(), machine.into(), "time_limit".into());
    assert_eq!(ends, [end("pc1", "test-VM"), end("pc2", "ContosoVM")]);
    assert_eq!(left_open(&store), Vec::<String>::new());
}

// ---- The file

#[tokio::test(start_paused = true)]
async fn a_file_that_may_not_be_looked_at_or_is_not_there_is_told_with_what_helps() {
    for (effect, words) in [
        (refuse(403, "AuthorizationPermissionMismatch"), "Storage Blob Data Reader"),
        (refuse(403, "AuthorizationFailure"), "network rules"),
        (refuse(404, "BlobNotFound"), "There is no file"),
        (refuse(503, "ServerBusy"), "Blob storage"),
    ] {
        let scene = Scene::new();
        add(&scene, Fault::new(effect).service(Service::Blob));
        let nightcap = telling(&scene, &[]);
        start(&nightcap, TEST_VM).await;
        seconds(900).await;
        let message = the_message(&scene);
        let problem = message["data"]["capture"]["fileProblem"].as_str().unwrap().to_owned();
        assert!(problem.contains(words), "{problem}");
        assert_eq!(message["type"], "nightcap.capture.finished", "the capture itself ended well");
    }
}

#[tokio::test(start_paused = true)]
async fn each_service_gets_its_own_token_and_no_other() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    start(&nightcap, TEST_VM).await;
    seconds(120).await;
    let azure = scene.azure.lock().unwrap();
    let bearer = |service: Service| {
        let of = azure.transcript().iter().filter(move |exchange| exchange.service == service);
        of.map(|exchange| exchange.header("authorization").unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let (arm, blob) = (bearer(Service::Arm), bearer(Service::Blob));
    assert!(!blob.is_empty() && blob.iter().all(|token| token.starts_with("Bearer ") && !arm.contains(token)));
    assert!(bearer(Service::Sink).iter().chain(&bearer(Service::Entra)).all(String::is_empty));
}

#[tokio::test(start_paused = true)]
async fn a_scale_set_is_one_capture_with_a_file_for_each_instance() {
    for (target, properties, instances) in [
        (SET.to_owned(), serde_json::json!({}), &["0", "1", "2"][..]),
        (SET.to_owned(), serde_json::json!({"nightcap_scope_include": "0, 2"}), &["0", "2"]),
        (SET.to_owned(), serde_json::json!({"nightcap_scope_exclude": "1"}), &["0", "2"]),
        (format!("{SET}/virtualMachines/1"), serde_json::json!({}), &["1"]),
    ] {
        let scene = Scene::new();
        let nightcap = telling(&scene, &[]);
        let mut alert = common("cpu", &target);
        alert["data"]["customProperties"] = properties;
        assert_eq!(nightcap.alert(&alert).await.status, 201);
        seconds(300).await;
        let message = the_message(&scene);
        let files = message["data"]["capture"]["files"].as_array().unwrap().clone();
        let urls: Vec<_> = files.iter().map(|file| file["url"].as_str().unwrap().to_owned()).collect();
        assert_eq!(urls, scene.azure.lock().unwrap().captures()[0].files, "{target}");
        assert_eq!(urls.len(), instances.len());
        assert!(
            urls.iter().zip(instances).all(|(url, instance)| url.ends_with(&format!("_{instance}.cap"))),
            "{urls:?}"
        );
        assert!(files.iter().all(|file| file["bytes"].as_u64().is_some()));
        let line = message["data"]["capture"]["report"][0].as_str().unwrap();
        let names: Vec<_> = instances.iter().map(|instance| format!("testvmss_{instance}: ")).collect();
        assert_eq!(names.iter().any(|name| line.starts_with(name)), instances.len() > 1, "{line}");
    }
}

// ---- Who goes on

/// Runs until a request of this kind is under way, and kills the host there.
async fn killed_at(scene: &Scene, store: &Store, at: Fault, after: u64) {
    add(scene, at);
    let nightcap = telling_from(scene, &[("capture_seconds", "20")], store.clone());
    let begin = scene.now();
    let patience = Duration::from_secs(after);
    // Whether the caller is answered before the end is another matter.
    let _ = tokio::time::timeout(patience, nightcap.alert(&common("cpu", TEST_VM))).await;
    let spent = scene.now().duration_since(begin).unsigned_abs();
    tokio::time::sleep(patience.saturating_sub(spent)).await;
    nightcap.kill();
    scene.azure.lock().unwrap().clear_faults();
}

#[tokio::test(start_paused = true)]
async fn whenever_a_host_dies_a_sweep_of_another_goes_on_to_one_capture_one_end_and_one_message() {
    let hang = |method: Method, path: &str| fault(Effect::Hang, method, path);
    for (what, at, after) in [
        ("before anything was asked", hang(Method::POST, "/token"), 5),
        ("after the capture was asked for", hang(Method::PUT, "/packetCaptures/"), 5),
        ("while it was being created", hang(Method::GET, "/operations/"), 15),
        ("while it ran", hang(Method::POST, "/queryStatus").skip(1), 40),
        ("at its end", hang(Method::POST, "/queryStatus").skip(1), 60),
        ("while its file was looked for", hang(Method::HEAD, ".cap"), 60),
    ] {
        let scene = Scene::new();
        let store = Store::default();
        killed_at(&scene, &store, at, after).await;
        assert!(told(&scene).is_empty(), "{what}");
        let survivor = telling_from(&scene, &[("capture_seconds", "20")], store.clone());
        survivor.sweep().await;
        seconds(300).await;
        survivor.sweep().await;
        assert_eq!(scene.azure.lock().unwrap().captures().len(), 1, "{what}");
        assert_eq!(end(&store).0, "time_limit", "{what}");
        assert_eq!(the_message(&scene)["type"], "nightcap.capture.finished", "{what}");
        let alert = store.json("alert:");
        assert_eq!((&alert["finished"], &alert["outcomes"][0]["outcome"]), (&true.into(), &"started".into()), "{what}");
        assert_eq!(left_open(&store), Vec::<String>::new(), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_was_reserved_is_enough_to_go_on_with() {
    let (scene, store) = (Scene::new(), Store::default());
    // Azure makes the capture, and its answer is on its way when the host dies.
    let late = Effect::Delay(Duration::from_secs(8));
    killed_at(&scene, &store, fault(late, Method::PUT, "/packetCaptures/"), 5).await;
    assert_eq!(scene.captures().len(), 1);
    for unwritten in ["capture:", "on:", "alert:", "open:alert:"] {
        store.lose(unwritten);
    }
    telling_from(&scene, &[], store.clone()).sweep().await;
    seconds(120).await;
    assert_eq!(end(&store).0, "time_limit");
    assert_eq!(the_message(&scene)["data"]["alert"]["rule"], "cpu");
    assert_eq!(left_open(&store), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn whoever_dies_between_sending_and_writing_it_down_has_the_message_sent_twice_under_one_id() {
    let scene = Scene::new();
    let store = Store::default();
    killed_at(&scene, &store, Fault::new(Effect::Hang).service(Service::Sink), 36).await;
    assert_eq!(told(&scene).len(), 1);
    telling_from(&scene, &[], store.clone()).sweep().await;
    seconds(60).await;
    let told = told(&scene);
    assert_eq!(told.len(), 2);
    assert_eq!(told[0]["id"], told[1]["id"]);
    assert_eq!(left_open(&store), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn many_who_go_on_at_once_do_no_harm() {
    let scene = Scene::new();
    let store = Store::default();
    killed_at(&scene, &store, fault(Effect::Hang, Method::HEAD, ".cap"), 60).await;
    let survivors: Vec<_> = (0..5).map(|_| telling_from(&scene, &[], store.clone())).collect();
    let alert = common("disk", TEST_VM);
    let sweeps = futures::future::join_all(survivors.iter().map(Instance::sweep));
    let (_, answer) = futures::future::join(sweeps, survivors[0].alert(&alert)).await;
    assert_eq!(answer.status, 200, "in its rest");
    seconds(120).await;
    the_message(&scene);
}

#[tokio::test(start_paused = true)]
async fn any_alert_and_the_same_alert_again_carry_on_what_was_left() {
    for next in [common("cpu", TEST_VM), common("disk", CONTOSO_VM)] {
        let scene = Scene::new();
        let store = Store::default();
        killed_at(&scene, &store, fault(Effect::Hang, Method::HEAD, ".cap"), 60).await;
        let survivor = telling_from(&scene, &[], store.clone());
        survivor.alert(&next).await;
        seconds(300).await;
        let first = told(&scene).into_iter().filter(|message| message["data"]["machine"] == "test-VM").count();
        assert_eq!(first, 1, "{next}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_alert_whose_own_capture_runs_for_hours_carries_on_what_was_left() {
    let scene = Scene::new();
    let store = Store::default();
    killed_at(&scene, &store, fault(Effect::Hang, Method::HEAD, ".cap"), 60).await;
    let survivor = telling_from(&scene, &[("capture_seconds", "18000")], store.clone());
    start(&survivor, CONTOSO_VM).await;
    seconds(600).await;
    assert_eq!(scene.running_on(CONTOSO_VM).len(), 1, "its own capture still runs");
    assert_eq!(the_message(&scene)["data"]["machine"], "test-VM");
}

#[tokio::test(start_paused = true)]
async fn a_file_whose_reading_ends_the_host_twice_is_told_without_a_report() {
    let scene = Scene::new();
    let store = Store::default();
    let reading = || fault(Effect::Hang, Method::GET, ".cap");
    killed_at(&scene, &store, reading(), 40).await;
    add(&scene, reading());
    let second = telling_from(&scene, &[], store.clone());
    second.sweep().await;
    seconds(1).await;
    second.kill();
    assert!(told(&scene).is_empty());
    scene.azure.lock().unwrap().clear_faults();
    telling_from(&scene, &[], store.clone()).sweep().await;
    seconds(60).await;
    assert_eq!(the_message(&scene)["data"]["reason"], "time_limit");
    let problem = store.json("capture:")["reportProblem"].as_str().unwrap().to_owned();
    assert!(problem.contains("begun 2 times"), "{problem}");
    assert_eq!(left_open(&store), Vec::<String>::new());
}

/// Of the file the first two pieces come, and then nothing more.
fn two_pieces() -> Fault {
    fault(Effect::Hang, Method::GET, ".cap").skip(2)
}

fn long_file() -> Scene {
    Scene::with(BEGIN, |world| world.traffic_percent = 2000)
}

/// What people were told of a file of which two pieces were read.
fn assert_partly_read(scene: &Scene) {
    let message = the_message(scene);
    let lines = message["data"]["capture"]["report"].to_string();
    assert!(lines.contains(" Only the first 7.9 MiB of "), "{message:#}");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_was_cut_off_while_it_read_is_followed_by_one_that_takes_less_time() {
    let (scene, store) = (long_file(), Store::default());
    killed_at(&scene, &store, two_pieces(), 50).await;
    assert_eq!((store.json("capture:")["reportAttempts"].as_u64(), told(&scene).len()), (Some(1), 0));
    add(&scene, two_pieces());
    let second = telling_from(&scene, &[], store.clone());
    second.sweep().await;
    seconds(12).await;
    second.kill();
    assert_partly_read(&scene);
    let step = store.json("capture:")["steps"].to_string();
    assert!(step.contains("The first 7.9 MiB of the capture's file were read. There was no more time."), "{step}");
}

#[tokio::test(start_paused = true)]
async fn who_may_go_on_for_seconds_only_reads_as_much_as_fits_and_leaves_what_does_not_to_the_next_sweep() {
    let (scene, store) = (long_file(), Store::default());
    let settings = [("stay_seconds", "8"), ("capture_seconds", "20")];
    let nightcap = telling_from(&scene, &settings, store.clone());
    start(&nightcap, TEST_VM).await;
    seconds(20).await;
    nightcap.kill();
    // Whoever finds the file late has too little time to read it.
    add(&scene, fault(Effect::Delay(Duration::from_secs(5)), Method::HEAD, ".cap").times(1));
    add(&scene, two_pieces());
    let mut begun = vec![];
    for _ in 0..4 {
        seconds(52).await;
        let sweeper = telling_from(&scene, &settings, store.clone());
        sweeper.sweep().await;
        seconds(8).await;
        sweeper.kill();
        begun.push(store.json("capture:")["reportAttempts"].as_u64().unwrap());
    }
    assert_eq!(begun.first(), Some(&0), "{begun:?}");
    assert_eq!(begun.last(), Some(&1), "nobody was cut off: {begun:?}");
    assert_partly_read(&scene);
    assert_eq!(left_open(&store), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn an_alert_that_was_left_for_too_long_starts_nothing_and_says_so() {
    let scene = Scene::new();
    let store = Store::default();
    killed_at(&scene, &store, fault(Effect::Hang, Method::POST, "/token"), 5).await;
    seconds(4000).await;
    let survivor = telling_from(&scene, &[], store.clone());
    survivor.sweep().await;
    seconds(10).await;
    assert!(scene.captures().is_empty());
    assert_eq!(store.json("alert:")["outcomes"][0]["reason"], "too_late");
    assert_eq!(the_message(&scene)["type"], "nightcap.capture.failed");
}

#[tokio::test(start_paused = true)]
async fn a_sweep_is_for_operators_and_says_what_it_found() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    assert_eq!(nightcap.send(Method::POST, "/api/sweep", &[], "").await.status, 401);
    let (status, answer) = nightcap.sweep().await.json();
    assert_eq!(
        (status.as_u16(), answer),
        (200, serde_json::json!({"unfinished": {"alerts": 0, "captures": 0, "notices": 0}, "done": true}))
    );
    start(&nightcap, TEST_VM).await;
    let (status, answer) = nightcap.sweep().await.json();
    assert_eq!((status.as_u16(), answer["unfinished"]["captures"].as_u64()), (200, Some(1)), "{answer}");
}

// ---- When the condition is over

fn over_at(rule: &str, target: &str, time: &str) -> Value {
    let mut alert = resolved(rule, target);
    alert["data"]["essentials"]["resolvedDateTime"] = time.into();
    alert
}

#[tokio::test(start_paused = true)]
async fn a_resolved_alert_stops_the_capture_that_it_started_and_people_are_told_why() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[("stop_on_resolve", "true"), ("capture_seconds", "3600")]);
    start(&nightcap, TEST_VM).await;
    seconds(60).await;
    let (status, answer) = nightcap.alert(&over_at("cpu", TEST_VM, "2026-11-20T02:13:50Z")).await.json();
    assert_eq!((status.as_u16(), answer["outcomes"][0]["reason"].as_str()), (200, Some("resolved")), "{answer}");
    seconds(60).await;
    assert_eq!(scene.stopped().len(), 1);
    assert_eq!(end(&nightcap.store).0, "resolved");
    assert_eq!(the_message(&scene)["data"]["reason"], "resolved");
}

#[tokio::test(start_paused = true)]
async fn a_joined_capture_stops_when_all_its_alerts_have_resolved() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[("stop_on_resolve", "true"), ("capture_seconds", "3600")]);
    start(&nightcap, TEST_VM).await;
    nightcap.alert(&common("disk", TEST_VM)).await;
    seconds(60).await;
    nightcap.alert(&over_at("cpu", TEST_VM, "2026-11-20T02:13:50Z")).await;
    seconds(120).await;
    assert!(scene.stopped().is_empty(), "disk still fires");
    nightcap.alert(&over_at("disk", TEST_VM, "2026-11-20T02:15:50Z")).await;
    seconds(120).await;
    assert_eq!(scene.stopped().len(), 1);
    assert_eq!(end(&nightcap.store).0, "resolved");
}

#[tokio::test(start_paused = true)]
async fn an_end_that_comes_early_or_too_early_is_not_forgotten() {
    // While Azure is still creating the capture.
    let scene = Scene::new();
    let nightcap = telling(&scene, &[("stop_on_resolve", "true"), ("capture_seconds", "3600")]);
    start(&nightcap, TEST_VM).await;
    nightcap.alert(&over_at("cpu", TEST_VM, "2026-11-20T02:13:50Z")).await;
    seconds(120).await;
    assert_eq!(end(&nightcap.store).0, "resolved");

    // Before its beginning was heard of.
    let scene = Scene::new();
    let nightcap = telling(&scene, &[("stop_on_resolve", "true")]);
    nightcap.alert(&over_at("cpu", TEST_VM, "2026-11-20T02:13:50Z")).await;
    let (status, answer) = nightcap.alert(&common("cpu", TEST_VM)).await.json();
    assert_eq!((status.as_u16(), answer["outcomes"][0]["reason"].as_str()), (200, Some("already_resolved")));
    let later = common_at("cpu", TEST_VM, "2026-11-20T02:15:00Z");
    assert_eq!(nightcap.alert(&later).await.status, 201, "the next time it fires is another matter");
}

#[tokio::test(start_paused = true)]
async fn a_stop_of_ones_own_is_told_as_that_by_whoever_only_sees_the_end() {
    let scene = Scene::new();
    let store = Store::default();
    let settings = [("stop_on_resolve", "true"), ("capture_seconds", "3600")];
    let watcher = telling_from(&scene, &settings, store.clone());
    let busy = Effect::Status { status: 429, code: String::new(), message: String::new(), retry_after: Some(30) };
    add(&scene, fault(busy, Method::POST, "/queryStatus").times(1));
    start(&watcher, TEST_VM).await;
    seconds(15).await;
    let other = telling_from(&scene, &settings, store.clone());
    other.alert(&over_at("cpu", TEST_VM, "2026-11-20T02:13:50Z")).await;
    seconds(2).await;
    assert_eq!(scene.stopped().len(), 1);
    other.kill();
    seconds(120).await;
    assert_eq!(end(&store).0, "resolved");
    assert_eq!(the_message(&scene)["data"]["reason"], "resolved");
}

/// A capture whose host has died between writing down that it stops it and doing so, and the settings for that.
async fn stop_that_was_planned() -> (Scene, Store, [(&'static str, &'static str); 2]) {
    let scene = Scene::new();
    let store = Store::default();
    let settings = [("stop_on_resolve", "true"), ("capture_seconds", "3600")];
    let nightcap = telling_from(&scene, &settings, store.clone());
    start(&nightcap, TEST_VM).await;
    seconds(60).await;
    add(&scene, fault(refuse(503, "ServerBusy"), Method::POST, "/stop"));
    nightcap.alert(&over_at("cpu", TEST_VM, "2026-11-20T02:13:50Z")).await;
    seconds(2).await;
    assert_eq!(store.json("capture:")["stopping"], "resolved");
    nightcap.kill();
    scene.azure.lock().unwrap().clear_faults();
    (scene, store, settings)
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_was_planned_is_not_carried_out_when_another_alert_has_joined() {
    let (scene, store, settings) = stop_that_was_planned().await;
    let survivor = telling_from(&scene, &settings, store.clone());
    survivor.alert(&common("disk", TEST_VM)).await;
    survivor.sweep().await;
    seconds(300).await;
    survivor.sweep().await;
    assert!(scene.stopped().is_empty(), "disk still fires");
    survivor.alert(&over_at("disk", TEST_VM, "2026-11-20T02:19:50Z")).await;
    seconds(60).await;
    assert_eq!(scene.stopped().len(), 1);
    assert_eq!(end(&store).0, "resolved");
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_was_planned_is_not_sent_by_a_host_that_may_change_nothing() {
    let (scene, store, settings) = stop_that_was_planned().await;
    let dry = telling_from(&scene, &[("dry_run", "true"), settings[0], settings[1]], store.clone());
    dry.sweep().await;
    seconds(300).await;
    assert!(scene.stopped().is_empty());
    dry.kill();
    let other = telling_from(&scene, &settings, store.clone());
    other.sweep().await;
    seconds(1200).await;
    assert_eq!(scene.stopped().len(), 1, "it is left to a host that may");
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_failed_does_not_meet_the_next_capture_of_the_name() {
    let scene = Scene::with(BEGIN, |world| world.timing.delete = Duration::from_millis(500));
    let settings = [("stop_on_resolve", "true"), ("capture_seconds", "20"), ("capture_name", "watchdog")];
    let nightcap = telling(&scene, &settings);
    start(&nightcap, TEST_VM).await;
    seconds(15).await;
    let busy = Effect::Status { status: 503, code: String::new(), message: String::new(), retry_after: Some(38) };
    add(&scene, fault(busy, Method::POST, "/stop").times(1));
    nightcap.alert(&over_at("cpu", TEST_VM, "2026-11-20T02:13:50Z")).await;
    seconds(20).await;
    // The first has ended by itself.
    assert!(nightcap.alert(&common("disk", CONTOSO_VM)).await.status.is_success());
    seconds(300).await;
    let reasons: Vec<_> = told(&scene).iter().map(|message| message["data"]["reason"].clone()).collect();
    assert_eq!(reasons, ["time_limit", "time_limit"]);
    assert_eq!(scene.stopped(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_condition_that_azure_does_not_know_today_stops_nothing() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[("stop_on_resolve", "true")]);
    start(&nightcap, TEST_VM).await;
    seconds(20).await;
    let mut odd = over_at("cpu", TEST_VM, "2026-11-20T02:13:50Z");
    odd["data"]["essentials"]["monitorCondition"] = "Acknowledged".into();
    assert!(nightcap.alert(&odd).await.status.is_success());
    seconds(200).await;
    assert_eq!(end(&nightcap.store).0, "time_limit");
}

#[tokio::test(start_paused = true)]
async fn without_the_setting_a_resolved_alert_stops_nothing() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    start(&nightcap, TEST_VM).await;
    seconds(20).await;
    nightcap.alert(&over_at("cpu", TEST_VM, "2026-11-20T02:13:50Z")).await;
    seconds(200).await;
    assert_eq!(end(&nightcap.store).0, "time_limit");
}

// ---- Where no instance lives long

#[tokio::test(start_paused = true)]
async fn a_message_whose_sender_was_ended_is_told_by_instances_of_eight_seconds() {
    let scene = Scene::new();
    let store = Store::default();
    let sender = telling_from(&scene, &[], store.clone());
    start(&sender, TEST_VM).await;
    let leases = || store.values().into_keys().filter(|key| key.starts_with("claim:")).count();
    while leases() == 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    sender.kill();
    assert_eq!((told(&scene).len(), leases()), (0, 1), "it was ended before it sent");
    add(&scene, Fault::new(Effect::Delay(Duration::from_secs(4))).service(Service::Sink));
    for _ in 0..4 {
        let instance = telling_from(&scene, &[("stay_seconds", "8"), ("answer_seconds", "1")], store.clone());
        instance.sweep().await;
        seconds(8).await;
        instance.kill();
        seconds(51).await;
    }
    assert_eq!(the_message(&scene)["data"]["reason"], "time_limit");
    assert_eq!(left_open(&store), Vec::<String>::new());
    assert_eq!(leases(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_stands_for_nothing_is_taken_away_by_instances_of_eight_seconds() {
    let scene = Scene::new();
    let store = Store::default();
    store.put(&format!("open:alert:{}", "0".repeat(32)), r#"{"at": "2026-11-20T02:13:50Z"}"#);
    for _ in 0..4 {
        let instance = telling_from(&scene, &[("stay_seconds", "8"), ("answer_seconds", "1")], store.clone());
        instance.sweep().await;
        seconds(8).await;
        instance.kill();
    }
    assert_eq!(left_open(&store), Vec::<String>::new());
}

// ---- What is told

#[tokio::test(start_paused = true)]
async fn people_are_told_what_they_asked_to_be_told() {
    let scene = Scene::new();
    let nightcap = scene.instance_with(&TELL_ALL, Store::default());
    start(&nightcap, TEST_VM).await;
    nightcap.alert(&common("disk", TEST_VM)).await;
    nightcap.alert(&common("cpu", &TEST_VM.replace("test-vm", "nobody"))).await;
    nightcap.alert(&resolved("cpu", TEST_VM)).await;
    seconds(200).await;
    let told = told(&scene);
    let types: Vec<_> = told.iter().map(|message| message["type"].as_str().unwrap().to_owned()).collect();
    let expected =
        ["started", "joined", "failed", "skipped", "finished"].map(|word| format!("nightcap.capture.{word}"));
    assert_eq!(types, expected);
    let last = told.last().unwrap();
    assert_eq!((&last["data"]["alert"]["rule"], &last["data"]["others"][0]["rule"]), (&"cpu".into(), &"disk".into()));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_fails_harms_nothing_and_is_tried_again() {
    for effect in [refuse(500, ""), refuse(404, ""), Effect::CutBefore, refuse(429, "slow down")] {
        let scene = Scene::new();
        add(&scene, Fault::new(effect.clone()).service(Service::Sink));
        let nightcap = telling(&scene, &[]);
        let capture = start(&nightcap, TEST_VM).await;
        seconds(600).await;
        assert_eq!(end(&nightcap.store).0, "time_limit", "{effect:?}");
        assert!(told(&scene).is_empty());
        let record = nightcap.look(&path(&capture)).await;
        assert!(record["waiting"]["attempts"].as_u64().unwrap() >= 5, "{effect:?}: {record}");
        scene.azure.lock().unwrap().clear_faults();
        seconds(1800).await;
        nightcap.sweep().await;
        seconds(10).await;
        the_message(&scene);
        assert_eq!(left_open(&nightcap.store), Vec::<String>::new());
        nightcap.sweep().await;
        seconds(60).await;
        the_message(&scene);
        assert_eq!(nightcap.look(&path(&capture)).await["told"]["taken"], true);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_written_costs_neither_the_watch_nor_the_message() {
    let scene = Scene::new();
    let store = Store::default();
    store.fail_writes.store(true, std::sync::atomic::Ordering::Relaxed);
    let nightcap = telling_from(&scene, &[], store);
    start(&nightcap, TEST_VM).await;
    seconds(400).await;
    assert_eq!(the_message(&scene)["data"]["reason"], "time_limit");
}

#[tokio::test(start_paused = true)]
async fn a_message_waits_a_while_for_alerts_that_cannot_be_read() {
    for (withheld_for, others) in [(30, 1), (600, 0)] {
        let scene = Scene::new();
        let nightcap = telling(&scene, &[]);
        start(&nightcap, TEST_VM).await;
        nightcap.alert(&common("disk", TEST_VM)).await;
        seconds(50).await;
        *nightcap.store.withhold.lock().unwrap() = Some("on:");
        seconds(withheld_for).await;
        *nightcap.store.withhold.lock().unwrap() = None;
        seconds(600).await;
        let message = the_message(&scene);
        let named = message["data"]["others"].as_array().unwrap().len();
        assert_eq!((&message["data"]["alert"]["rule"], named), (&"cpu".into(), others), "{withheld_for}: {message:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_machines_of_one_alert_that_fail_at_once_are_both_remembered_as_failed() {
    let scene = Scene::new();
    let store = Store::default();
    store.takes.store(20, std::sync::atomic::Ordering::Relaxed);
    let nightcap = telling_from(&scene, &[], store);
    let failed = Effect::FailedOperation { code: "InternalServerError".to_owned(), message: "An error.".to_owned() };
    add(&scene, fault(failed, Method::PUT, "/packetCaptures/"));
    let mut alert = common("cpu", TEST_VM);
    alert["data"]["essentials"]["alertTargetIDs"] = serde_json::json!([TEST_VM, CONTOSO_VM]);
    let ends = |record: &Value| [0, 1].map(|target| record["outcomes"][target]["outcome"].as_str().unwrap().to_owned());
    let (_, answer) = nightcap.alert(&alert).await.json();
    assert_eq!(ends(&answer), ["started", "started"], "{answer}");
    seconds(120).await;
    let record = nightcap.alert_record().await;
    assert_eq!(ends(&record), ["failed", "failed"], "{record:#}");
    scene.azure.lock().unwrap().clear_faults();
    let (_, answer) = nightcap.alert(&alert).await.json();
    assert_eq!(ends(&answer), ["started", "started"], "a redelivery is no duplicate: {answer}");
    seconds(30).await;
    assert_eq!(ends(&nightcap.alert_record().await), ["started", "started"], "the failure was of another capture");
}

// ---- What is kept

#[tokio::test(start_paused = true)]
async fn what_has_ended_is_kept_for_so_many_days_and_no_longer() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[("retention_days", "2")]);
    start(&nightcap, TEST_VM).await;
    nightcap.alert(&common("disk", TEST_VM)).await;
    seconds(40 * 3600).await;
    nightcap.sweep().await;
    assert_eq!(nightcap.store.json("capture:")["phase"], "finished");
    start_again(&nightcap).await;
    nightcap.alert(&common_at("disk", TEST_VM, "2026-11-21T18:00:00Z")).await;
    seconds(40 * 3600).await;
    nightcap.sweep().await;
    let values = nightcap.store.values();
    let of = |kind: &str| values.keys().filter(|key| key.starts_with(kind)).count();
    assert_eq!((of("alert:"), of("capture:"), of("on:"), of("told:")), (2, 1, 1, 1), "the later of two: {values:#?}");
}

#[tokio::test(start_paused = true)]
async fn an_unfinished_record_that_lost_its_mark_is_marked_again_within_a_day() {
    let scene = Scene::new();
    let store = Store::default();
    let nightcap = telling_from(&scene, &[], store.clone());
    nightcap.sweep().await;
    seconds(10).await;
    killed_at(&scene, &store, fault(Effect::Hang, Method::POST, "/token"), 5).await;
    store.lose("open:");
    nightcap.sweep().await;
    seconds(3600).await;
    assert_eq!(store.json("alert:")["finished"], false, "nobody knows of it");
    seconds(24 * 3600).await;
    nightcap.sweep().await;
    seconds(60).await;
    nightcap.sweep().await;
    seconds(60).await;
    assert_eq!(store.json("alert:")["outcomes"][0]["reason"], "too_late");
    assert_eq!(left_open(&store), Vec::<String>::new());
}

async fn start_again(nightcap: &Instance) {
    let later = common_at("cpu", TEST_VM, "2026-11-21T18:00:00Z");
    assert_eq!(nightcap.alert(&later).await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_machine_counts_from_the_end_of_its_capture() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[("capture_seconds", "3600"), ("cooldown_seconds", "600")]);
    let capture = start(&nightcap, TEST_VM).await;
    seconds(60).await;
    scene.by_hand(Method::POST, capture["name"].as_str().unwrap(), "/stop");
    nightcap.sweep().await;
    seconds(3700).await;
    let early = common_at("disk", TEST_VM, "2026-11-20T03:20:00Z");
    let (_, answer) = nightcap.alert(&early).await.json();
    assert_eq!(answer["outcomes"][0]["reason"], "cooldown", "its end was seen when its time was up: {answer}");
    seconds(600).await;
    assert_eq!(nightcap.alert(&common_at("net", TEST_VM, "2026-11-20T03:30:00Z")).await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn a_capture_whose_record_is_lost_is_watched_by_whoever_joins_it() {
    let scene = Scene::new();
    scene.add_capture(
        "nightcap_test-vm_20261120T0210Z_caf62a9d",
        &TEST_VM.replace("resourcegroups", "resourceGroups"),
        300,
        CaptureState::Running,
    );
    assert!(!WATCHER.is_empty());
    let nightcap = telling(&scene, &[]);
    let (status, answer) = nightcap.alert(&common("cpu", TEST_VM)).await.json();
    assert_eq!((status.as_u16(), answer["outcomes"][0]["outcome"].as_str()), (200, Some("joined")), "{answer}");
    seconds(600).await;
    assert_eq!(the_message(&scene)["data"]["reason"], "time_limit");
}

#[tokio::test(start_paused = true)]
async fn a_capture_is_not_stopped_while_nobody_knows_which_alert_it_was_started_for() {
    let scene = Scene::new();
    let target = TEST_VM.replace("resourcegroups", "resourceGroups");
    scene.add_capture("nightcap_test-vm_20261120T0210Z_caf62a9d", &target, 300, CaptureState::Running);
    let nightcap = telling(&scene, &[("stop_on_resolve", "true")]);
    let (_, answer) = nightcap.alert(&common("disk", TEST_VM)).await.json();
    assert_eq!(answer["outcomes"][0]["outcome"], "joined", "{answer}");
    nightcap.alert(&over_at("disk", TEST_VM, "2026-11-20T02:15:50Z")).await;
    seconds(600).await;
    assert_eq!(scene.stopped(), Vec::<String>::new());
    assert_eq!(the_message(&scene)["data"]["reason"], "time_limit");
}
