//! What is remembered, where it lies, and what becomes of it when it is old, damaged, or somebody else's.

mod common;

use common::alerts::{CONTOSO_VM, TEST_VM, common, flat};
use common::instance::{BEARER, BEGIN, Instance, Scene, Store};
use common::story::{add, fault, left_open, path, refuse, seconds, start, telling, telling_from, the_message, told};
use http::Method;
use nightcap_simulator::Effect;
use serde_json::{Value, json};

// ---- Keys

/// Puts everything about a capture under keys with its name as it is spelt, as version 0.1 did, which had no lists.
fn spell_keys(store: &Store, name: &str) {
    store.lose("index:");
    for (key, value) in store.values() {
        if key.contains(&name.to_lowercase()) {
            store.lose(&key);
            store.put(&key.replace(&name.to_lowercase(), name), &value);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn records_with_capital_letters_in_their_keys_are_found_and_moved() {
    let scene = Scene::new();
    let store = Store::default();
    let first = telling_from(&scene, &[], store.clone());
    let capture = start(&first, TEST_VM).await;
    seconds(20).await;
    first.kill();
    let name = capture["name"].as_str().unwrap();
    assert!(name.contains("T0210Z"), "{name}");
    spell_keys(&store, name);
    let under = |prefix: &str| store.values().keys().filter(|key| key.starts_with(prefix)).count();
    assert_eq!((under("capture:"), under("on:")), (1, 0));

    // Whoever asks for a capture finds it, whoever joins it is on it beside the first, and whoever sweeps goes on.
    let second = telling_from(&scene, &[], store.clone());
    let (_, answer) = second.alert(&common("disk", TEST_VM)).await.json();
    assert_eq!(answer["outcomes"][0]["outcome"], "joined", "{answer}");
    assert_eq!(second.look(&path(&capture)).await["alertsCount"], 2);
    second.kill();
    spell_keys(&store, name);
    let third = telling_from(&scene, &[], store.clone());
    assert_eq!(third.look(&path(&capture)).await["phase"], "running");
    spell_keys(&store, name);
    third.sweep().await;
    seconds(120).await;
    assert_eq!(the_message(&scene)["data"]["othersCount"], 1);
    spell_keys(&store, name);
    seconds(25 * 3600).await;
    third.sweep().await;
    assert!(!store.values().keys().any(|key| key.contains(name)), "{:#?}", store.values());
    assert_eq!((under("capture:"), under("on:")), (1, 1));
    assert_eq!(left_open(&store), Vec::<String>::new());
    assert_eq!(third.look(&path(&capture)).await["told"]["taken"], true);
}

#[tokio::test(start_paused = true)]
async fn a_name_in_another_case_is_the_same_capture() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    let call = |name: &str| flat(name, TEST_VM, "NetworkWatcher_westcentralus").to_string();
    assert_eq!(nightcap.post(call("PC1")).await.status, 201);
    seconds(5).await;
    let address = |name: &str| format!("/api/captures/00000000-0000-0000-0000-000000000000/westcentralus/{name}");
    assert_eq!(nightcap.look(&address("pc1")).await["name"], "PC1");
    seconds(900).await;
    assert_eq!(nightcap.post(call("pc1")).await.status, 202, "the former one is deleted first");
    seconds(900).await;
    let names = |message: &Value| message["data"]["capture"]["name"].as_str().unwrap().to_owned();
    assert_eq!(told(&scene).iter().map(names).collect::<Vec<_>>(), ["PC1", "pc1"]);
    assert_eq!(nightcap.look(&address("Pc1")).await["name"], "pc1", "the later of two");
    assert_eq!(left_open(&nightcap.store), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_fails_takes_no_record_away_that_another_one_of_the_same_alert_has_written() {
    let scene = Scene::with(BEGIN, |world| world.timing.latency = std::time::Duration::from_millis(80));
    let nightcap = telling(&scene, &[]);
    // The first one creates the capture and cannot know it. The second one comes too late, and cannot see it either.
    add(&scene, fault(Effect::Truncated, Method::PUT, "/packetCaptures/").times(1));
    let busy = Effect::Status {
        status: 429,
        code: "TooManyRequests".to_owned(),
        message: "Later.".to_owned(),
        retry_after: Some(20),
    };
    add(&scene, fault(busy, Method::PUT, "/packetCaptures/").times(1));
    add(&scene, fault(refuse(404, "ResourceNotFound"), Method::GET, "/packetCaptures/nightcap_").times(1));
    add(&scene, fault(refuse(403, "AuthorizationFailed"), Method::GET, "/packetCaptures?").skip(2));
    let alert = common("cpu", TEST_VM);
    let (first, _) = futures::future::join(nightcap.alert(&alert), nightcap.alert(&alert)).await;
    assert_eq!(first.json().1["outcomes"][0]["outcome"], "failed");
    seconds(40).await;
    assert_eq!(nightcap.alert_record().await["outcomes"][0]["outcome"], "failed");
    assert_eq!(scene.running_on(TEST_VM).len(), 1);
    scene.azure.lock().unwrap().clear_faults();
    nightcap.sweep().await;
    seconds(120).await;
    nightcap.sweep().await;
    seconds(60).await;
    let ended = told(&scene).into_iter().filter(|message| message["data"]["reason"] == "time_limit").count();
    assert_eq!(ended, 1, "{:#?}", told(&scene));
}

// ---- What cannot be written

#[tokio::test(start_paused = true)]
async fn a_report_that_the_store_does_not_take_is_kept_later_and_people_do_not_wait_for_it() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    *nightcap.store.refuse.lock().unwrap() = Some("report:");
    let capture = start(&nightcap, TEST_VM).await;
    seconds(90).await;
    let message = the_message(&scene);
    assert!(!message["data"]["capture"]["report"].as_array().unwrap().is_empty(), "{message}");
    let report = format!("{}/report", path(&capture));
    assert_eq!(problem(&nightcap, &report).await.0, 404);
    *nightcap.store.refuse.lock().unwrap() = None;
    seconds(60).await;
    assert!(nightcap.look(&report).await["packets"].is_object(), "{}", nightcap.look(&report).await);
    assert_eq!(left_open(&nightcap.store), Vec::<String>::new());
}

// ---- What cannot be read

/// The one key that begins like this.
fn key_of(store: &Store, prefix: &str) -> String {
    let keys: Vec<_> = store.values().into_keys().filter(|key| key.starts_with(prefix)).collect();
    assert_eq!(keys.len(), 1, "{keys:?}");
    keys[0].clone()
}

async fn sweep(nightcap: &Instance) -> Value {
    nightcap.sweep().await.json().1
}

/// The status and the words with which an operator is told why there is no record.
async fn problem(nightcap: &Instance, address: &str) -> (u16, String) {
    let answer = nightcap.send(Method::GET, address, &[("authorization", BEARER)], "").await;
    let (status, answer) = answer.json();
    (status.as_u16(), answer["detail"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_is_set_aside_and_shown_and_the_sweep_goes_on() {
    type Damage = fn(&str) -> String;
    let damages: [(&str, Damage); 3] = [
        ("not JSON", |record| record[..record.len() / 2].to_owned()),
        ("another shape", |_| "{\"phase\":\"running\"}".to_owned()),
        ("no time", |record| record.replace("2026-11-20T02:1", "+12026-11-20T02:1")),
    ];
    for (what, damage) in damages {
        let scene = Scene::new();
        let store = Store::default();
        let first = telling_from(&scene, &[("retention_days", "2")], store.clone());
        let capture = start(&first, TEST_VM).await;
        let key = key_of(&store, "capture:");
        start_on(&first, CONTOSO_VM).await;
        seconds(20).await;
        first.kill();
        let record = store.values()[&key].clone();
        store.put(&key, &damage(&record));
        assert_ne!(store.values()[&key], record, "{what}");

        let second = telling_from(&scene, &[("retention_days", "2")], store.clone());
        assert_eq!(problem(&second, &path(&capture)).await.0, 500, "{what}");
        let answer = sweep(&second).await;
        assert_eq!(answer["unreadable"][0]["key"], key.as_str(), "{what}: {answer}");
        seconds(200).await;
        assert_eq!(the_message(&scene)["data"]["machine"], "ContosoVM", "{what}: the other one goes on");
        let answer = sweep(&second).await;
        assert_eq!((answer["done"].as_bool(), &answer["unfinished"]["captures"]), (Some(true), &json!(0)), "{what}");
        assert_eq!(left_open(&store), Vec::<String>::new(), "{what}");
        let (status, words) = problem(&second, &path(&capture)).await;
        assert!(status == 500 && words.contains("set it aside at 2026-11-20"), "{what}: {status} {words}");
        let lines = second.logs().into_iter().filter(|line| line.contains("record_unreadable")).count();
        assert_eq!(lines, 1, "{what}: {:#?}", second.logs());
        assert_eq!(store.json("unreadable:")["text"], damage(&record), "{what}: nothing is lost");

        seconds(50 * 3600).await;
        sweep(&second).await;
        assert_eq!(second.look(&path(&capture)).await["whose"], "nightcap_unrecorded", "{what}: only Azure has it");
        assert!(sweep(&second).await["unreadable"].is_null(), "{what}");
    }
}

async fn start_on(nightcap: &Instance, target: &str) {
    assert_eq!(nightcap.alert(&common("disk", target)).await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn an_alert_and_a_message_that_cannot_be_read_are_set_aside_too() {
    let scene = Scene::new();
    let store = Store::default();
    let id = "0123456789abcdef0123456789abcdef";
    for (key, value) in [
        (format!("alert:{id}"), "{\"key\":".to_owned()),
        (format!("open:alert:{id}"), "{\"at\":\"2026-11-20T02:12:30.000Z\"}".to_owned()),
        (format!("notice:{id}"), format!("{{\"form\":7,\"notice\":{{\"id\":\"{id}\"}}}}")),
    ] {
        store.put(&key, &value);
    }
    let nightcap = telling_from(&scene, &[], store.clone());
    let answer = sweep(&nightcap).await;
    let keys: Vec<_> = answer["unreadable"].as_array().unwrap().iter().map(|one| one["key"].clone()).collect();
    assert_eq!(keys, [format!("alert:{id}"), format!("notice:{id}")], "{answer}");
    let problem_of_notice = answer["unreadable"][1]["problem"].as_str().unwrap();
    assert!(problem_of_notice.starts_with("It has form 7, and this version of nightcap knows up to"), "{answer}");
    assert_eq!(left_open(&store), Vec::<String>::new());
    assert_eq!(problem(&nightcap, &format!("/api/alerts/{id}")).await.0, 500);
}

#[tokio::test(start_paused = true)]
async fn whoever_watches_a_capture_whose_record_is_damaged_goes_on() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    let capture = start(&nightcap, TEST_VM).await;
    seconds(20).await;
    nightcap.store.put(&key_of(&nightcap.store, "capture:"), "}");
    seconds(100).await;
    assert_eq!(the_message(&scene)["data"]["reason"], "time_limit");
    assert_eq!(nightcap.look(&path(&capture)).await["phase"], "finished");
    assert_eq!(nightcap.store.json("unreadable:")["text"], "}");
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_version_could_not_read_is_put_back_by_one_that_can() {
    let scene = Scene::new();
    let store = Store::default();
    let first = telling_from(&scene, &[("capture_seconds", "18000")], store.clone());
    start(&first, TEST_VM).await;
    seconds(20).await;
    first.kill();
    let key = key_of(&store, "capture:");
    let aside = json!({
        "at": "2026-11-20T02:13:00.000Z", "key": key, "problem": "It has form 1.", "text": store.values()[&key]
    });
    store.lose(&key);
    store.lose("open:capture:");
    store.put(&format!("unreadable:{key}"), &aside.to_string());
    let second = telling_from(&scene, &[], store.clone());
    sweep(&second).await;
    seconds(6 * 3600).await;
    sweep(&second).await;
    seconds(60).await;
    assert_eq!(the_message(&scene)["data"]["reason"], "time_limit");
    assert!(sweep(&second).await["unreadable"].is_null());
    assert_eq!(left_open(&store), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_others_keep_in_the_same_store_is_left_alone() {
    let scene = Scene::new();
    let store = Store::default();
    let digest = "d41d8cd98f00b204e9800998ecf8427e";
    let old = "2020-01-01T00:00:00Z";
    let foreign = [
        ("alert:cpu".to_owned(), json!({"receivedAt": old, "finished": false}).to_string()),
        (format!("alert:{digest}"), json!({"receivedAt": old, "finished": false}).to_string()),
        ("capture:cam1".to_owned(), json!({"askedAt": old, "phase": "done"}).to_string()),
        (format!("target:{digest}"), json!({"at": old, "machine": 7}).to_string()),
        ("target:door".to_owned(), json!({"capturedUntil": old}).to_string()),
        ("told:you".to_owned(), json!({"at": old, "taken": true}).to_string()),
        (format!("notice:{digest}"), "a notice on the wall".to_owned()),
        ("notice:board".to_owned(), "another".to_owned()),
        ("open:alert:window".to_owned(), json!({"at": old}).to_string()),
        ("open:capture:valve".to_owned(), "yes".to_owned()),
        ("claim:insurance".to_owned(), json!({"at": old, "by": "me"}).to_string()),
        ("report:2020".to_owned(), json!({"at": old, "report": 1, "page": 2}).to_string()),
        ("unreadable:handwriting".to_owned(), json!({"at": old}).to_string()),
    ];
    for (key, value) in &foreign {
        store.put(key, value);
    }
    let nightcap = telling_from(&scene, &[], store.clone());
    for _ in 0..2 {
        let answer = sweep(&nightcap).await;
        assert!(answer["unreadable"].is_null(), "{answer}");
        seconds(25 * 3600).await;
    }
    let values = store.values();
    for (key, value) in &foreign {
        assert_eq!(values.get(key), Some(value), "{key}");
    }
    assert_eq!(
        values.len(),
        foreign.len() + 3,
        "and the times of the last sweep and look, and the last nudge: {values:#?}"
    );
}
