//! What is looked at before an alert comes, against the simulator's core.

mod common;

use std::time::Duration;

use common::alerts::{CONTOSO_VM, TEST_VM, common, resolved};
use common::instance::{BEARER, Instance, Scene, Store, WATCHER};
use common::story::{add, fault, path, refuse, seconds, start, told};
use http::Method;
use nightcap_simulator::{CaptureState, Effect, Fault};
use serde_json::{Value, json};

const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";

async fn ask(nightcap: &Instance, method: Method, url: &str, body: &Value) -> (u16, Value) {
    let headers = [("authorization", BEARER), ("content-type", "application/json")];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = nightcap.send(method, url, &headers, body).await;
    (answer.status.as_u16(), serde_json::from_slice(&answer.body).unwrap_or_default())
}

/// Everything that was looked at.
async fn look(nightcap: &Instance, query: &str) -> Value {
    let (status, answer) = ask(nightcap, Method::GET, &format!("/api/preflight{query}"), &Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    let any_bad = lines(&answer).iter().any(|line| line["verdict"] == "bad");
    assert_eq!(answer["ready"], json!(!any_bad), "{answer}");
    answer
}

async fn preview(nightcap: &Instance, alert: &Value) -> Value {
    let (status, answer) = ask(nightcap, Method::POST, "/api/preflight/alert", alert).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

fn lines(answer: &Value) -> Vec<Value> {
    answer["lines"].as_array().unwrap().clone()
}

/// The lines that are not good and not left out, as `check about-what verdict`; of ids only the last part.
fn complaints(answer: &Value) -> Vec<String> {
    let worst = lines(answer).into_iter().filter(|line| line["verdict"] == "bad" || line["verdict"] == "attention");
    let word = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let told = worst.map(|line| {
        assert!(!word(&line, "mend").is_empty(), "nothing mends {line}");
        let about = word(&line, "about");
        let about = if about.contains("/subscriptions/") { about.rsplit('/').next().unwrap() } else { &about };
        format!("{} {about} {}", word(&line, "check"), word(&line, "verdict"))
    });
    told.collect()
}

fn line<'a>(answer: &'a Value, check: &str, about: &str) -> &'a Value {
    let is_it = |line: &&Value| line["check"] == check && line["about"].as_str().unwrap_or_default().ends_with(about);
    answer["lines"].as_array().unwrap().iter().find(is_it).unwrap_or_else(|| panic!("no {check} {about}: {answer:#}"))
}

/// With links, and a timer that has come, there is nothing left to complain of.
fn instance(scene: &Scene, settings: &[(&str, &str)], store: Store) -> Instance {
    let account = scene.azure.lock().unwrap().world().storage_accounts[0].clone();
    let account = json!({account.location.as_str(): account.id.to_string()}).to_string();
    let usual = [("public_url", "https://nightcap.example.com"), ("storage_account_id", account.as_str())];
    let settings: Vec<_> = usual.into_iter().chain(settings.iter().copied()).collect();
    scene.instance_with(&settings, store)
}

async fn swept(scene: &Scene, settings: &[(&str, &str)]) -> Instance {
    let nightcap = instance(scene, settings, Store::default());
    nightcap.sweep().await;
    nightcap
}

#[tokio::test(start_paused = true)]
async fn where_everything_is_there_nothing_is_complained_of_and_nothing_is_changed() {
    let scene = Scene::new();
    let nightcap = swept(&scene, &[]).await;
    let before = nightcap.store.values();
    let answer = look(&nightcap, "").await;
    assert_eq!(complaints(&answer), Vec::<String>::new(), "{answer:#}");
    assert_eq!(answer["ready"], true);
    for (check, about) in [
        ("settings", ""),
        ("key", "webhook_key"),
        ("key", "operator_key"),
        ("store", ""),
        ("sweep", ""),
        ("token", "Azure Resource Manager"),
        ("token", "Blob storage"),
        ("subscription", SUBSCRIPTION),
        ("watcher", "/NetworkWatcher_westcentralus"),
        ("captures", "/NetworkWatcher_westcentralus"),
        ("storage_account", "/contosoexamplergdiag374"),
        ("right", "packetCaptures/write"),
        ("right", "packetCaptures/stop/action"),
        ("right", "storageAccounts/listKeys/action"),
        ("right", "containers/blobs/read"),
        ("right", "locations/operationResults/read"),
    ] {
        assert_eq!(line(&answer, check, about)["verdict"], "good", "{check} {about}");
    }
    assert_eq!(line(&answer, "messages", "")["verdict"], "not_tried");
    let mut changing = scene.asked();
    changing.retain(|asked| !asked.starts_with("GET"));
    assert_eq!(changing, ["POST token", "POST storage-token"]);
    assert_eq!(told(&scene), Vec::<Value>::new(), "a GET sends no message");
    let left: Vec<_> = nightcap.store.values().into_keys().filter(|key| !before.contains_key(key)).collect();
    assert!(left.iter().all(|key| key.starts_with("token:")), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_looked_at_with_its_agent_its_power_and_what_its_region_needs() {
    let scene = Scene::with(common::instance::BEGIN, |world| world.virtual_machines[1].power = "deallocated".into());
    let nightcap = swept(&scene, &[]).await;
    let good = look(&nightcap, &format!("?target={TEST_VM}")).await;
    assert_eq!(complaints(&good), Vec::<String>::new());
    for check in ["machine", "agent", "power"] {
        assert_eq!(line(&good, check, "/test-vm")["verdict"], "good", "{check}");
    }
    let stopped = look(&nightcap, &format!("?target={CONTOSO_VM}")).await;
    assert_eq!(complaints(&stopped).len(), 1, "{stopped:#}");
    assert!(line(&stopped, "power", "")["mend"].as_str().unwrap().starts_with("az vm start --resource-group"));
    let agentless = look(&nightcap, &format!("?target={}", TEST_VM.replace("test-vm", "no-agent"))).await;
    assert_eq!(complaints(&agentless), ["agent no-agent bad"]);
    assert!(line(&agentless, "agent", "")["mend"].as_str().unwrap().starts_with("az vm extension set --publisher"));
    let nobody = look(&nightcap, &format!("?target={}", TEST_VM.replace("test-vm", "nobody"))).await;
    assert_eq!(complaints(&nobody), ["machine nobody bad"]);
    // Its region has a watcher of another name, and no storage account in the settings.
    let europe = scene.machine(|machine| machine.id.to_string().ends_with("europe-vm"));
    let europe = look(&nightcap, &format!("?target={europe}")).await;
    assert_eq!(complaints(&europe), ["storage_account westeurope bad"]);
    assert_eq!(line(&europe, "watcher", "/nw-westeurope-custom")["verdict"], "good");
    let elsewhere = look(&nightcap, &format!("?subscription={SUBSCRIPTION}&region=brazilsouth")).await;
    assert_eq!(complaints(&elsewhere), ["watcher brazilsouth bad", "storage_account brazilsouth bad"]);
    assert!(line(&elsewhere, "watcher", "")["mend"].as_str().unwrap().starts_with("az network watcher configure"));
    assert_eq!(ask(&nightcap, Method::GET, "/api/preflight?machine=x", &Value::Null).await.0, 400);
}

#[tokio::test(start_paused = true)]
async fn each_right_that_is_missing_is_named_with_the_command_that_grants_it() {
    let scene = Scene::new();
    let nightcap = swept(&scene, &[]).await;
    let denied = [
        "Microsoft.Network/networkWatchers/packetCaptures/write",
        "Microsoft.Network/networkWatchers/packetCaptures/queryStatus/action",
        "Microsoft.Storage/storageAccounts/listKeys/action",
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",
        "Microsoft.Network/locations/operations/read",
    ];
    scene.azure.lock().unwrap().world_mut().denied_actions = denied.map(Into::into).into();
    let answer = look(&nightcap, "").await;
    assert_eq!(complaints(&answer).len(), denied.len(), "{answer:#}");
    for right in denied {
        let verdict = if right.contains("blobs") { "attention" } else { "bad" };
        assert_eq!(line(&answer, "right", right)["verdict"], verdict, "{right}");
    }
    let mend = |right: &str| line(&answer, "right", right)["mend"].as_str().unwrap().to_owned();
    assert!(mend(denied[0]).contains("\"nightcap captures\" --scope") && mend(denied[0]).ends_with(WATCHER));
    assert!(mend(denied[2]).contains("\"nightcap storage\"") && mend(denied[2]).ends_with("/contosoexamplergdiag374"));
    assert!(mend(denied[3]).contains("\"Storage Blob Data Reader\""));

    // What is read is proved by reading it, also where Azure does not tell what nightcap may do.
    let denied = ["Microsoft.Authorization/permissions/read", "Microsoft.Network/networkWatchers/packetCaptures/read"];
    scene.azure.lock().unwrap().world_mut().denied_actions = denied.map(Into::into).into();
    let answer = look(&nightcap, "").await;
    assert_eq!(complaints(&answer), ["captures NetworkWatcher_westcentralus bad"]);
    assert_eq!(line(&answer, "right", "/NetworkWatcher_westcentralus")["verdict"], "not_tried");
    assert_eq!(line(&answer, "storage_account", "")["verdict"], "good");
}

#[tokio::test(start_paused = true)]
async fn where_agents_are_installed_a_missing_one_is_no_obstacle_and_the_rights_are_looked_at() {
    let scene = Scene::new();
    let write = "Microsoft.Compute/virtualMachines/extensions/write";
    scene.azure.lock().unwrap().world_mut().denied_actions = vec![write.into()];
    let agentless = format!("?target={}", TEST_VM.replace("test-vm", "no-agent"));
    let off = look(&swept(&scene, &[]).await, &agentless).await;
    assert_eq!(complaints(&off), ["agent no-agent bad"]);
    let on = look(&swept(&scene, &[("install_agent", "true")]).await, &agentless).await;
    assert_eq!(complaints(&on), ["agent no-agent attention", &format!("right {write} attention")]);
    assert!(line(&on, "right", write)["mend"].as_str().unwrap().contains("\"nightcap agent\""));
}

#[tokio::test(start_paused = true)]
async fn one_line_that_fails_hides_none_of_the_others_and_the_answer_comes_in_time() {
    for effect in [Effect::Hang, Effect::CutBefore, Effect::Html { status: 200 }, refuse(500, "InternalServerError")] {
        let scene = Scene::new();
        let nightcap = swept(&scene, &[]).await;
        add(&scene, Fault::new(effect.clone()).path("/networkWatchers?"));
        let began = scene.now();
        let answer = look(&nightcap, "").await;
        let took = Duration::try_from(scene.now() - began).unwrap();
        assert!(took < Duration::from_secs(40), "{effect:?} {took:?}");
        assert_eq!(complaints(&answer), [format!("watcher {SUBSCRIPTION} bad")], "{effect:?}");
        for check in ["storage_account", "right", "store", "sweep", "subscription"] {
            assert_eq!(line(&answer, check, "")["verdict"], "good", "{effect:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_token_azure_is_not_tried_and_the_reason_is_told_once() {
    let scene = Scene::new();
    let nightcap = swept(&scene, &[("client_secret", "an-old-secret")]).await;
    let answer = look(&nightcap, &format!("?target={TEST_VM}")).await;
    assert_eq!(complaints(&answer), ["token Azure Resource Manager bad", "token Blob storage bad"]);
    let token = line(&answer, "token", "Azure Resource Manager");
    assert!(token["message"].as_str().unwrap().contains("AADSTS7000215"), "{token}");
    assert!(token["mend"].as_str().unwrap().contains("client_secret"));
    assert_eq!(line(&answer, "machine", "")["verdict"], "not_tried");
    assert_eq!(line(&answer, "store", "")["verdict"], "good");
    assert!(!answer.to_string().contains("an-old-secret"));
}

#[tokio::test(start_paused = true)]
async fn settings_that_are_wrong_or_surely_not_meant_are_told_and_no_value_of_a_secret() {
    let scene = Scene::new();
    let same = "simulated-operator-key";
    let odd = [
        ("webhook_key", same),
        ("notify_url", ""),
        ("public_url", "http://nightcap.example.com"),
        ("dry_run", "true"),
        ("capture_second", "30"),
    ];
    let nightcap = swept(&scene, &odd).await;
    let answer = look(&nightcap, "").await;
    assert_eq!(
        complaints(&answer),
        [
            "settings capture_second attention",
            "settings notify_format attention",
            "key operator_key attention",
            "messages  attention",
            "messages public_url attention",
            "settings dry_run attention",
        ]
    );
    assert!(!answer.to_string().contains(same));
    let odd: Vec<Value> = nightcap.logs().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(odd.iter().any(|line| line["event"] == "odd_setting" && line["setting"] == "capture_second"), "{odd:?}");

    let weak = swept(&scene, &[("webhook_key", "secret,abababababababababababab")]).await;
    assert_eq!(complaints(&look(&weak, "").await), ["key webhook_key attention"]);

    let entra = json!({"tenant": SUBSCRIPTION, "audience": "api://nightcap"}).to_string();
    let keyless = swept(&scene, &[("webhook_key", ""), ("webhook_entra", &entra)]).await;
    assert_eq!(complaints(&look(&keyless, "").await), Vec::<String>::new(), "tokens are as good as keys");

    let broken = instance(&scene, &[("capture_seconds", "soon"), ("webhook_key", ",,")], Store::default());
    let answer = look(&broken, "").await;
    let bad = ["settings webhook_key bad", "settings capture_seconds bad", "key webhook_key bad"];
    assert_eq!(complaints(&answer)[..3], bad, "{answer:#}");
    assert_eq!(line(&answer, "token", "")["verdict"], "not_tried");
    assert_eq!(line(&answer, "store", "")["verdict"], "good");
}

#[tokio::test(start_paused = true)]
async fn an_operator_key_that_has_none_in_it_lets_nobody_in_and_the_log_says_why() {
    let scene = Scene::new();
    let nightcap = instance(&scene, &[("operator_key", ",,")], Store::default());
    for key in ["Bearer ,,", "Bearer "] {
        for url in ["/api/preflight", "/"] {
            assert_eq!(nightcap.send(Method::GET, url, &[("authorization", key)], "").await.status, 401);
        }
    }
    assert_eq!(nightcap.send(Method::GET, "/", &[], "").await.status, 303, "to the page that says so");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(nightcap.send(Method::POST, "/sign-in", &form, "to=%2F&key=%2C%2C").await.status, 403);
    let logs: Vec<Value> = nightcap.logs().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |event: &str, reason: Value| {
        logs.iter().any(|line| line["event"] == event && line["setting"] == "operator_key" && line["reason"] == reason)
    };
    assert!(told("odd_setting", Value::Null), "{logs:?}");
    let refused = logs.iter().filter(|line| line["event"] == "refused").map(|line| &line["reason"]);
    assert_eq!(refused.collect::<Vec<_>>(), ["no_operator_key_is_set"; 6], "wherever it was");
    assert!(told("refused", json!("no_operator_key_is_set")), "and which setting that is: {logs:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_or_is_slow_and_a_timer_that_has_stopped_are_told() {
    let scene = Scene::new();
    let nightcap = swept(&scene, &[]).await;
    seconds(3600).await;
    let answer = look(&nightcap, "").await;
    assert_eq!(complaints(&answer), ["sweep  attention"]);
    assert!(line(&answer, "sweep", "")["message"].as_str().unwrap().contains("1 h"), "{answer:#}");
    nightcap.store.lose("swept");
    assert_eq!(complaints(&look(&nightcap, "").await), ["sweep  attention"]);
    nightcap.sweep().await;
    nightcap.store.takes.store(200, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(complaints(&look(&nightcap, "").await), ["store  attention"]);
    nightcap.store.takes.store(0, std::sync::atomic::Ordering::Relaxed);
    for switch in [&nightcap.store.fail_writes, &nightcap.store.fail_reads] {
        switch.store(true, std::sync::atomic::Ordering::Relaxed);
        let answer = look(&nightcap, "").await;
        assert_eq!(complaints(&answer), ["store  bad"]);
        assert_eq!(line(&answer, "watcher", "")["verdict"], "good");
        switch.store(false, std::sync::atomic::Ordering::Relaxed);
    }
    nightcap.store.takes.store(3_600_000, std::sync::atomic::Ordering::Relaxed);
    assert!(
        complaints(&look(&nightcap, "").await).contains(&"store  bad".to_owned()),
        "it hangs, and the answer comes"
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_host_leaves_that_dies_while_it_tries_the_store_is_pruned() {
    let scene = Scene::new();
    let nightcap = instance(&scene, &[], Store::default());
    nightcap.sweep().await;
    look(&nightcap, "").await;
    let before = nightcap.store.values();
    let left = || nightcap.store.values().into_keys().filter(|key| !before.contains_key(key)).collect::<Vec<_>>();
    // So slow that the time is up when it has been written.
    nightcap.store.takes.store(10_000, std::sync::atomic::Ordering::Relaxed);
    look(&nightcap, "").await;
    nightcap.store.takes.store(0, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(left().len(), 1, "{:?}", left());
    seconds(31 * 86_400).await;
    nightcap.sweep().await;
    assert_eq!(left(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_test_message_is_sent_on_request_and_remembered_nowhere() {
    let scene = Scene::new();
    let nightcap = instance(&scene, &[("notify_format", "cloudevents")], Store::default());
    let (status, answer) = ask(&nightcap, Method::POST, "/api/preflight/message", &Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    let told = told(&scene);
    assert_eq!((told.len(), &told[0]["type"]), (1, &json!("nightcap.capture.test")), "{told:#?}");
    assert!(told[0].to_string().contains("Nothing has fired"));
    assert_eq!(nightcap.store.values().len(), 0);
    add(&scene, fault(refuse(410, "Gone"), Method::POST, "/teams"));
    let (status, problem) = ask(&nightcap, Method::POST, "/api/preflight/message", &Value::Null).await;
    assert_eq!(status, 502);
    assert!(problem["detail"].as_str().unwrap().contains("status 410"), "{problem}");
    assert!(!problem.to_string().contains("/teams"), "the address may hold a secret");
    let silent = instance(&scene, &[("notify_url", "")], Store::default());
    assert_eq!(ask(&silent, Method::POST, "/api/preflight/message", &Value::Null).await.0, 422);
}

// ---- What would be done with an alert

#[tokio::test(start_paused = true)]
async fn a_sample_alert_tells_rules_requests_and_what_would_be_evicted_and_changes_nothing() {
    let scene = Scene::new();
    let rules = r#"[{"target": "db-*", "ignore": true}, {"rule": "cpu*", "capture_seconds": 30}, {"rule": "*"}]"#;
    let settings = [("rules", rules), ("capture_limit", "1")];
    let nightcap = instance(&scene, &settings, Store::default());
    scene.add_capture("nightcap_old_20261119T0000Z_00000000", CONTOSO_VM, 60, CaptureState::Finished);
    let captures = scene.captures();
    let answer = preview(&nightcap, &common("cpu", TEST_VM)).await;
    let outcome = &answer["outcomes"][0];
    assert_eq!((&answer["alert"]["rule"], &outcome["reason"]), (&json!("cpu"), &json!("dry_run")), "{answer:#}");
    let explanation = &outcome["explanation"];
    let applies: Vec<_> = explanation["rules"].as_array().unwrap().iter().map(|rule| rule["applies"].clone()).collect();
    assert_eq!(applies, [false, true, false]);
    assert!(explanation["rules"][0]["whyNot"].as_str().unwrap().contains("db-*"));
    assert!(explanation["rules"][2]["whyNot"].as_str().unwrap().contains("entry 2"));
    assert_eq!(explanation["evicted"], json!(captures));
    let methods: Vec<_> =
        outcome["requests"].as_array().unwrap().iter().map(|request| request["method"].clone()).collect();
    assert_eq!(methods, ["DELETE", "PUT"]);
    assert_eq!(outcome["requests"][1]["body"]["properties"]["timeLimitInSeconds"], 30);
    assert!(!scene.asked().iter().any(|asked| asked.starts_with("PUT") || asked.starts_with("DELETE")));
    assert_eq!(scene.captures(), captures);
    let left: Vec<_> = nightcap.store.values().into_keys().filter(|key| !key.starts_with("token:")).collect();
    assert_eq!(left, Vec::<String>::new(), "nothing is remembered");

    // The setting answers the same.
    let dry = instance(&scene, &[settings[0], settings[1], ("dry_run", "true")], Store::default());
    let (_, by_setting) = dry.alert(&common("cpu", TEST_VM)).await.json();
    for member in ["target", "outcome", "reason", "requests", "explanation"] {
        assert_eq!(by_setting["outcomes"][0][member], outcome[member], "{member}");
    }
    let ignored = preview(&nightcap, &common("cpu", &TEST_VM.replace("test-vm", "db-1"))).await;
    assert_eq!(ignored["outcomes"][0]["reason"], "ignored_by_rule", "{ignored:#}");
    assert_eq!(ignored["outcomes"][0]["explanation"]["rules"][0]["applies"], true);
}

#[tokio::test(start_paused = true)]
async fn what_would_happen_to_an_alert_is_told_as_it_would_happen() {
    let scene = Scene::new();
    let nightcap = instance(&scene, &[("stop_on_resolve", "true")], Store::default());
    let reason = async |alert: &Value| preview(&nightcap, alert).await["outcomes"][0]["reason"].clone();
    let first = common("cpu", TEST_VM);
    assert_eq!(reason(&first).await, "dry_run");
    assert_eq!(reason(&common("cpu", &TEST_VM.replace("test-vm", "no-agent"))).await, "agent_missing");
    let storage = &scene.azure.lock().unwrap().world().storage_accounts[0].id.to_string();
    assert_eq!(reason(&common("cpu", storage)).await, "no_virtual_machine");
    let capture = start(&nightcap, TEST_VM).await;
    assert_eq!(reason(&first).await, "same_alert");
    let answer = preview(&nightcap, &resolved("cpu", TEST_VM)).await;
    assert!(answer["outcomes"][0]["message"].as_str().unwrap().contains(capture["name"].as_str().unwrap()), "{answer}");
    seconds(30).await;
    assert_eq!(ask(&nightcap, Method::GET, &path(&capture), &Value::Null).await.1["phase"], "running", "it goes on");
    for (body, status) in [(json!({"schemaId": "unknown"}), 400), (json!({"targetVM": "no id"}), 422)] {
        assert_eq!(ask(&nightcap, Method::POST, "/api/preflight/alert", &body).await.0, status, "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_alert_that_only_leads_to_a_machine_is_followed_to_it() {
    let scene = Scene::new();
    let nightcap = instance(&scene, &[], Store::default());
    let interface = scene.azure.lock().unwrap().world().network_interfaces[0].id.to_string();
    let (_, real) =
        instance(&scene, &[("dry_run", "true")], Store::default()).alert(&common("nic", &interface)).await.json();
    let answer = preview(&nightcap, &common("nic", &interface)).await;
    assert_eq!(answer["outcomes"][0]["reason"], "dry_run", "{answer:#}");
    assert_eq!(answer["outcomes"][0]["target"], real["outcomes"][0]["target"]);
}
