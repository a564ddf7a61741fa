//! Who is let in where an operator key is needed: over every route that the component says it has.

mod common;

use std::time::Duration;

use common::alerts::CONTOSO_VM;
use common::instance::{BEARER, Instance, Scene};
use http::Method;
use nightcap_simulator::{CaptureState, WEBHOOK_KEY};
use serde_json::{Value, json};

/// The methods that change nothing.
const SAFE: [Method; 2] = [Method::GET, Method::HEAD];

/// A scene in which each route has something that it could do, if somebody were let in.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.add_capture("theirs", CONTOSO_VM, 600, CaptureState::Running);
    scene
}

/// Every route that needs an operator key, with addresses of something that is there.
async fn operators_routes(nightcap: &Instance) -> Vec<(Method, String)> {
    let (status, description) = nightcap.send(Method::GET, "/openapi.json", &[], "").await.json();
    assert_eq!(status, 200);
    let mut routes = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let is_open = ["/openapi.json", "/healthz"].contains(&path.as_str());
            let is_webhook = path == "/api/alerts" && method == Method::POST;
            if !is_open && !is_webhook {
                let address = path
                    .replace("{subscription}", "00000000-0000-0000-0000-000000000000")
                    .replace("{region}", "westcentralus")
                    .replace("{name}", "theirs")
                    .replace("{key}", "d1b86065b1a99918a4d8a97961b99636");
                assert!(!address.contains('{'), "{address}");
                routes.push((method, address));
            }
        }
    }
    let changing = routes.iter().filter(|(method, _)| !SAFE.contains(method)).count();
    assert!(changing >= 4 && routes.len() > changing + 8, "{routes:?}");
    routes
}

async fn send(nightcap: &Instance, method: &Method, url: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let headers: Vec<_> = headers.iter().copied().chain([("host", "nightcap.example.com")]).collect();
    let body = if *method == Method::POST { json!({"target": CONTOSO_VM}).to_string() } else { String::new() };
    let (status, answer) = nightcap.send(method.clone(), url, &headers, body).await.json();
    (status.as_u16(), answer)
}

/// What the caller could see or change: the answer that says no is all that there is.
fn nothing_happened(scene: &Scene, nightcap: &Instance) {
    assert_eq!(scene.asked(), Vec::<String>::new());
    let left: Vec<_> = nightcap.store.values().into_keys().filter(|key| key != "wrong-keys").collect();
    assert_eq!(left, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn no_route_of_operators_is_open_to_anybody_else() {
    let scene = scene();
    let nightcap = scene.instance();
    let bearer = format!("Bearer {WEBHOOK_KEY}");
    // nightcap:simulated-webhook-key
    let basic = "Basic bmlnaHRjYXA6c2ltdWxhdGVkLXdlYmhvb2sta2V5";
    let with_code = |url: &str| format!("{url}{}code={WEBHOOK_KEY}", if url.contains('?') { '&' } else { '?' });
    for (method, url) in operators_routes(&nightcap).await {
        for (what, url, headers) in [
            ("no key", url.clone(), vec![]),
            ("the webhook's key in the address", with_code(&url), vec![]),
            ("the webhook's key in its header", url.clone(), vec![("x-functions-key", WEBHOOK_KEY)]),
            ("the webhook's key as a token", url.clone(), vec![("authorization", bearer.as_str())]),
            ("the webhook's key as a password", url.clone(), vec![("authorization", basic)]),
            ("a wrong key", url.clone(), vec![("authorization", "Bearer simulated-operator-kex")]),
            ("an empty key", url.clone(), vec![("authorization", "Bearer ")]),
        ] {
            let (status, problem) = send(&nightcap, &method, &url, &headers).await;
            assert_eq!((status, problem["status"].as_u64()), (401, Some(401)), "{method} {url} with {what}: {problem}");
        }
    }
    nothing_happened(&scene, &nightcap);
}

#[tokio::test(start_paused = true)]
async fn another_sites_page_changes_nothing_though_the_browser_sends_the_key() {
    let scene = scene();
    let nightcap = scene.instance();
    let key = ("authorization", BEARER);
    for (method, url) in operators_routes(&nightcap).await {
        let mut browsers = vec![
            vec![key, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")],
            vec![key, ("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")],
        ];
        if !SAFE.contains(&method) {
            // A form that is sent, and a browser that knows no better than to name the origin.
            browsers.push(vec![key, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]);
            browsers.push(vec![key, ("origin", "https://evil.example")]);
            browsers.push(vec![key, ("origin", "null")]);
        }
        for headers in browsers {
            let (status, problem) = send(&nightcap, &method, &url, &headers).await;
            assert_eq!(status, 403, "{method} {url} {headers:?}: {problem}");
        }
    }
    nothing_happened(&scene, &nightcap);

    let own = [key, ("sec-fetch-site", "same-origin"), ("origin", "https://nightcap.example.com")];
    let theirs = "/api/captures/00000000-0000-0000-0000-000000000000/westcentralus/theirs/stop";
    assert_eq!(send(&nightcap, &Method::POST, theirs, &own).await.0, 202, "its own page may");
}

#[tokio::test(start_paused = true)]
async fn wrong_keys_wait_longer_and_longer_whichever_instance_they_come_to_and_a_right_one_never() {
    let scene = scene();
    let one = scene.instance();
    let other = scene.instance_with(&[], one.store.clone());
    let ask = async |nightcap: &Instance, key: &str| {
        let before = scene.now();
        let (status, _) = send(nightcap, &Method::GET, "/api/captures", &[("authorization", key)]).await;
        (status, Duration::try_from(scene.now() - before).unwrap().as_millis())
    };
    assert_eq!(ask(&one, "Bearer guess-number-1").await, (401, 250));
    assert_eq!(ask(&other, "Bearer guess-number-2").await, (401, 500));
    assert_eq!(ask(&one, "Bearer guess-number-3").await, (401, 1000));
    assert_eq!(ask(&other, BEARER).await, (200, 0));
    let store = one.store.clone();
    for (nightcap, count) in [(one, 3), (other, 2)] {
        let logs = nightcap.logs();
        let refusals: Vec<Value> = logs.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let last = refusals.iter().rfind(|line| line["reason"] == "wrong_operator_key").unwrap();
        assert_eq!((&last["event"], &last["count"]), (&json!("refused"), &json!(count)));
        assert!(!logs.concat().contains("guess"), "{logs:?}");
    }
    assert!(!store.values().values().any(|value| value.contains("guess")));
}
