//! The door: who may come in, what is taken, and that nothing secret ever goes out.

mod common;

use std::time::Duration;

use common::alerts::{CONTOSO_VM, TEST_VM, common, flat, resolved};
use common::instance::{BEGIN, Scene, Store};
use http::Method;
use nightcap::{SECRET_SETTINGS, SETTINGS};
use nightcap_simulator::{CLIENT_SECRET, Effect, Fault, OPERATOR_KEY, WEBHOOK_KEY};
use serde_json::{Value, json};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test(start_paused = true)]
async fn only_a_key_opens_the_webhook() {
    let scene = Scene::new();
    let nightcap = scene.instance_with(&[("webhook_key", "old,new")], Store::default());
    let alert = resolved("cpu", TEST_VM).to_string();
    let with = async |url: &str, header: (&str, &str)| {
        nightcap.send(Method::POST, url, &[JSON, header], alert.clone()).await.status.as_u16()
    };
    let nothing = ("x-nothing", "");
    assert_eq!(with("/api/alerts?code=old", nothing).await, 200);
    assert_eq!(with("/api/alerts?a=1&code=new", nothing).await, 200);
    assert_eq!(with("/api/alerts", ("x-functions-key", "new")).await, 200);
    assert_eq!(with("/api/alerts", ("authorization", "Basic YXp1cmU6bmV3")).await, 200);
    assert_eq!(with("/api/alerts", nothing).await, 401);
    assert_eq!(with("/api/alerts?code=", nothing).await, 401);
    assert_eq!(with("/api/alerts?code=old,new", nothing).await, 401);
    assert_eq!(with("/api/alerts", ("x-functions-key", "older")).await, 401);
    assert_eq!(with("/api/alerts", ("authorization", "Bearer new")).await, 401);
}

#[tokio::test(start_paused = true)]
async fn without_a_key_nobody_gets_in_and_the_log_says_so() {
    let scene = Scene::new();
    let nightcap = scene.instance_with(&[("webhook_key", "")], Store::default());
    let answer = nightcap.send(Method::POST, "/api/alerts?code=", &[JSON], "not even JSON").await;
    assert_eq!(answer.status, 401, "the key is looked at before the body");
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert!(nightcap.logs().iter().any(|line| line.contains("no_webhook_key_is_set") && line.contains("webhook_key")));
    assert_eq!(scene.asked(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_is_no_alert_gets_its_status() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    let url = format!("/api/alerts?code={WEBHOOK_KEY}");
    let post =
        async |headers: &[(&str, &str)], body: Vec<u8>| nightcap.send(Method::POST, &url, headers, body).await.json();
    let nested = "[".repeat(100_000).into_bytes();
    for (headers, body, expected) in [
        (&[JSON][..], b"".to_vec(), 400),
        (&[JSON], b"not JSON".to_vec(), 400),
        (&[JSON], b"\xff\xfe{}".to_vec(), 400),
        (&[JSON], b"{}".to_vec(), 400),
        (&[JSON], b"[1,2]".to_vec(), 400),
        (&[JSON], nested, 400),
        // Told by its shape alone. With a right `schemaId` it would be taken, for Azure stops calling who refuses its alerts.
        (&[JSON], br#"{"status":"Activated","context":"x"}"#.to_vec(), 400),
        (&[JSON], br#"{"schemaId":7,"data":[],"status":{}}"#.to_vec(), 400),
        (&[JSON], vec![b' '; 10_000_000], 413),
        (&[JSON], vec![b'['; 524_289], 413),
        (&[("content-type", "text/plain")], resolved("cpu", TEST_VM).to_string().into_bytes(), 415),
        (&[("content-type", "application/x-www-form-urlencoded")], b"a=b".to_vec(), 415),
    ] {
        let (status, problem) = post(headers, body).await;
        assert_eq!(status, expected, "{problem}");
        assert_eq!(problem["status"], expected, "{problem}");
        assert!(problem["detail"].as_str().unwrap().len() > 20, "{problem}");
    }
    for content_type in ["application/json; charset=utf-8", "Application/JSON", "application/cloudevents+json"] {
        let (status, answer) =
            post(&[("content-type", content_type)], resolved("cpu", TEST_VM).to_string().into_bytes()).await;
        assert_eq!(status, 200, "{content_type}: {answer}");
    }
    assert_eq!(nightcap.send(Method::PUT, &url, &[], "").await.status, 405);
    assert_eq!(nightcap.send(Method::GET, "/favicon.ico", &[], "").await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn unusable_settings_are_named_without_their_values() {
    let scene = Scene::new();
    let nightcap = scene.instance_with(
        &[("capture_seconds", "a-secret-value"), ("notify_url", "https://hooks.example/s3cret")],
        Store::default(),
    );
    let (status, problem) = nightcap.alert(&common("cpu", TEST_VM)).await.json();
    assert_eq!(status, 500);
    let named: Vec<_> =
        problem["settings"].as_array().unwrap().iter().map(|error| error["setting"].as_str().unwrap()).collect();
    assert_eq!(named, ["capture_seconds", "notify_url"]);
    assert!(!problem.to_string().contains("s3cret") && !problem.to_string().contains("a-secret-value"));
    let (status, _) = nightcap.send(Method::GET, "/healthz", &[], "").await.json();
    assert_eq!(status, 503);
    let (status, health) = scene.instance().send(Method::GET, "/healthz", &[], "").await.json();
    assert_eq!((status.as_u16(), health["status"].as_str()), (200, Some("ok")));
}

#[tokio::test(start_paused = true)]
async fn settings_that_cannot_be_read_just_now_cost_a_repeat_and_no_alert() {
    let scene = Scene::new();
    let store = Store::default();
    let nightcap = scene.instance_with(&[], store.clone());
    store.fail_settings.store(true, std::sync::atomic::Ordering::Relaxed);
    let answer = nightcap.alert(&common("cpu", TEST_VM)).await;
    assert_eq!(answer.status, 503, "Azure repeats this");
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(nightcap.send(Method::GET, "/healthz", &[], "").await.status, 503);
    store.fail_settings.store(false, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(nightcap.alert(&common("cpu", TEST_VM)).await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn records_are_for_operators() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    let (_, answer) = nightcap.alert(&common("cpu", TEST_VM)).await.json();
    let bearer = format!("Bearer {OPERATOR_KEY}");
    for link in [
        answer["links"]["record"].as_str().unwrap(),
        answer["outcomes"][0]["capture"]["links"]["self"].as_str().unwrap(),
    ] {
        assert_eq!(nightcap.send(Method::GET, link, &[], "").await.status, 401);
        assert_eq!(
            nightcap.send(Method::GET, link, &[("authorization", &format!("Bearer {WEBHOOK_KEY}"))], "").await.status,
            401
        );
        assert_eq!(nightcap.send(Method::GET, link, &[("authorization", &bearer)], "").await.status, 200);
        assert_eq!(
            nightcap.send(Method::GET, &format!("{link}x"), &[("authorization", &bearer)], "").await.status,
            404
        );
    }
    for hostile in [
        "/api/alerts/..%2f..%2fetc",
        "/api/captures/a/b%2f..%2f/c",
        "/api/captures/%ff/eastus/x",
        "/api/captures/x/eastus/..",
    ] {
        let status = nightcap.send(Method::GET, hostile, &[("authorization", &bearer)], "").await.status;
        assert!(status.is_client_error(), "{hostile}: {status}");
    }
    let closed = scene.instance_with(&[("operator_key", "")], nightcap.store.clone());
    assert_eq!(
        closed
            .send(Method::GET, answer["links"]["record"].as_str().unwrap(), &[("authorization", "Bearer ")], "")
            .await
            .status,
        401
    );
}

#[tokio::test(start_paused = true)]
async fn links_begin_where_people_reach_nightcap() {
    let scene = Scene::new();
    let nightcap = scene.instance_with(&[("public_url", "https://nightcap.example.com/")], Store::default());
    let (_, answer) = nightcap.alert(&common("cpu", TEST_VM)).await.json();
    assert!(answer["links"]["record"].as_str().unwrap().starts_with("https://nightcap.example.com/api/alerts/"));
    let capture = &answer["outcomes"][0]["capture"];
    let name = capture["name"].as_str().unwrap();
    assert_eq!(
        capture["links"]["self"],
        format!("https://nightcap.example.com/api/captures/00000000-0000-0000-0000-000000000000/westcentralus/{name}")
    );
}

/// Goes through everything that can be said, and looks for every secret in all of it.
#[tokio::test(start_paused = true)]
async fn no_secret_is_in_any_log_answer_or_record() {
    let scene = Scene::with(BEGIN, |world| world.timing.retry_after = 1);
    let notify = "https://hooks.example/a-secret-path";
    let settings = [("notify_url", notify), ("notify_origin", "https://hooks.example"), ("cooldown_seconds", "0")];
    let wrong_secret = "a-wrong-client-secret";
    let mut said = Vec::new();
    let mut instances = vec![
        scene.instance_with(&settings, Store::default()),
        scene.instance_with(&[("client_secret", wrong_secret)], Store::default()),
        scene.instance_with(&[("capture_seconds", "x"), ("notify_url", notify)], Store::default()),
        scene.instance_with(&[("dry_run", "true")], Store::default()),
    ];
    let failing = Store::default();
    failing.fail_writes.store(true, std::sync::atomic::Ordering::Relaxed);
    instances.push(scene.instance_with(&[], failing));
    let bearer = format!("Bearer {OPERATOR_KEY}");
    let effects = [
        None,
        Some(Effect::Status {
            status: 403,
            code: "AuthorizationFailed".into(),
            message: "no".into(),
            retry_after: None,
        }),
        Some(Effect::Html { status: 200 }),
        Some(Effect::CutAfter),
        Some(Effect::ExpiredToken),
        Some(Effect::SmuggleHost("https://evil.example".into())),
    ];
    for effect in effects {
        scene.azure.lock().unwrap().clear_faults();
        if let Some(effect) = effect {
            scene.azure.lock().unwrap().add_fault(Fault::new(effect));
        }
        for nightcap in &instances {
            for body in [
                common("cpu", TEST_VM),
                flat("pc1", CONTOSO_VM, "NetworkWatcher_westcentralus"),
                json!({"schemaId": WEBHOOK_KEY}),
            ] {
                let answer = nightcap.alert(&body).await;
                said.push(format!("{:?} {:?}", answer.headers, answer.body));
                if let Ok(json) = serde_json::from_slice::<Value>(&answer.body)
                    && let Some(link) = json["links"]["record"].as_str()
                {
                    said.push(format!(
                        "{:?}",
                        nightcap.send(Method::GET, link, &[("authorization", &bearer)], "").await.body
                    ));
                }
            }
            said.push(format!("{:?}", nightcap.send(Method::GET, "/healthz", &[], "").await.body));
            said.push(format!(
                "{:?}",
                nightcap.send(Method::POST, "/api/alerts?code=wrong-key-of-a-caller", &[JSON], "{}").await.body
            ));
        }
        tokio::time::sleep(Duration::from_secs(300)).await;
    }
    for nightcap in &instances {
        said.extend(nightcap.logs());
        said.extend(nightcap.store.values().into_iter().map(|(key, value)| format!("{key} {value}")));
    }
    let mut secrets = vec![
        CLIENT_SECRET.to_owned(),
        WEBHOOK_KEY.into(),
        OPERATOR_KEY.into(),
        "a-secret-path".into(),
        wrong_secret.into(),
        "wrong-key-of-a-caller".into(),
    ];
    let azure = scene.azure.lock().unwrap();
    let tokens = azure.transcript().iter().filter_map(|exchange| exchange.header("authorization"));
    secrets.extend(tokens.map(|header| header.trim_start_matches("Bearer ").to_owned()));
    assert!(secrets.len() > 20, "tokens were seen");
    assert!(said.len() > 200, "a lot was said");
    for text in &said {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{secret} in {text}");
        }
    }
    for exchange in azure.transcript() {
        assert!(!exchange.path.contains(CLIENT_SECRET) && !exchange.path.contains("Bearer"), "{}", exchange.path);
    }
}

#[test]
fn the_manifest_declares_every_setting_with_its_default() {
    let manifest: toml::Table = include_str!("../spin.toml").parse().unwrap();
    let variables = manifest["variables"].as_table().unwrap();
    let declared: Vec<_> =
        variables.iter().map(|(name, variable)| (name.as_str(), variable["default"].as_str().unwrap())).collect();
    let mut settings = SETTINGS.to_vec();
    settings.sort_unstable();
    let mut sorted = declared.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, settings);
    let secret: Vec<_> = variables
        .iter()
        .filter(|(_, variable)| variable.get("secret").is_some())
        .map(|(name, _)| name.as_str())
        .collect();
    let mut expected = SECRET_SETTINGS.to_vec();
    let mut secret = secret;
    expected.sort_unstable();
    secret.sort_unstable();
    assert_eq!(secret, expected);
    let component = manifest["component"]["nightcap"].as_table().unwrap();
    for (name, _) in SETTINGS {
        assert_eq!(component["variables"][name].as_str(), Some(format!("{{{{ {name} }}}}").as_str()));
    }
}

#[test]
fn the_settings_page_explains_every_setting_and_its_default() {
    let page = include_str!("../docs/settings.md");
    for (name, default) in SETTINGS {
        let default = if default.is_empty() { String::new() } else { format!("`{default}` ") };
        let row = format!("| `{name}` | {default}| ");
        assert!(page.contains(&row), "docs/settings.md has no row that begins with {row}");
    }
}
