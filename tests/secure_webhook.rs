//! Azure's secure webhook: the right token opens it, and no other does.

mod common;

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use common::alerts::{CONTOSO_VM, common};
use common::instance::{Instance, Scene, Store};
use http::{Method, StatusCode};
use nightcap_simulator::{
    ACTION_GROUPS, Effect, Fault, Service, TENANT_ID, action_group_claims, public_modulus, sign, token_header,
};
use serde_json::{Value, json};

const AUDIENCE: &str = "api://77777777-7777-7777-7777-777777777777";
const KEY: &str = "simulated-key-1";

fn entra() -> String {
    json!({"tenant": TENANT_ID, "audience": AUDIENCE}).to_string()
}

fn nightcap(scene: &Scene) -> Instance {
    scene.instance_with(&[("webhook_entra", &entra()), ("webhook_key", "")], Store::default())
}

fn claims(scene: &Scene) -> Value {
    action_group_claims(scene.azure.lock().unwrap().world(), scene.now(), AUDIENCE)
}

fn token(scene: &Scene) -> String {
    sign(&token_header(KEY), &claims(scene))
}

async fn call(nightcap: &Instance, rule: &str, token: &str) -> StatusCode {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    nightcap.send(Method::POST, "/api/alerts", &headers, common(rule, CONTOSO_VM).to_string()).await.status
}

/// How often Entra was asked for its keys.
fn looks(scene: &Scene) -> usize {
    scene.asked().iter().filter(|asked| *asked == "GET keys").count()
}

/// The claims with one of them changed, or taken away by `null`.
fn changed(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

#[tokio::test(start_paused = true)]
async fn the_right_token_opens_the_webhook() {
    let scene = Scene::new();
    assert_eq!(call(&nightcap(&scene), "one", &token(&scene)).await, 201);
}

#[tokio::test(start_paused = true)]
async fn a_token_of_version_1_opens_it_too() {
    let scene = Scene::new();
    let mut claims = changed(&claims(&scene), "azp", Value::Null);
    claims["ver"] = "1.0".into();
    claims["iss"] = format!("https://sts.windows.net/{TENANT_ID}/").into();
    claims["appid"] = ACTION_GROUPS.into();
    assert_eq!(call(&nightcap(&scene), "one", &sign(&token_header(KEY), &claims)).await, 201);
}

#[tokio::test(start_paused = true)]
async fn wrong_tokens_stay_out_and_the_log_says_why() {
    let scene = Scene::new();
    let (right, header, now) = (claims(&scene), token_header(KEY), scene.now().as_second());
    let with = |name: &str, value: Value| sign(&header, &changed(&right, name, value));
    let headed = |header: Value| sign(&header, &right);
    let whole = token(&scene);
    let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    let (signed, signature) = whole.rsplit_once('.').unwrap();
    let (head, body) = signed.split_once('.').unwrap();
    let v1 = |issuer: String, caller: &str| {
        let claims = changed(&changed(&right, "ver", "1.0".into()), "iss", issuer.into());
        sign(&header, &changed(&claims, caller, ACTION_GROUPS.into()))
    };
    let other = "99999999-9999-9999-9999-999999999999";
    let hs256 = hmac_with_the_public_key(&right);
    let flipped = {
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
        bytes[100] ^= 1;
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
    };
    let wrong = [
        ("three parts", String::new()),
        ("three parts", "x".to_owned()),
        ("three parts", "a.b".to_owned()),
        ("three parts", "a.b.c".to_owned()),
        ("three parts", format!("{whole}=")),
        ("three parts", format!("{head}.{body}!.{signature}")),
        ("RS256", format!("{}.{body}.{signature}", part("[1]"))),
        ("three parts", format!("{head}.{}.{signature}", part("null"))),
        ("three parts", format!("{head}.{}.{signature}", part(&"[".repeat(5000)))),
        ("16 KiB", with("aud", "a".repeat(20_000).into())),
        ("RS256", format!("{}.{body}.", part(r#"{"alg":"none","kid":"simulated-key-1"}"#))),
        ("RS256", headed(json!({"alg": "none", "kid": KEY}))),
        ("RS256", headed(json!({"alg": "rs256", "kid": KEY}))),
        ("RS256", headed(json!({"kid": KEY}))),
        ("RS256", headed(json!({"alg": ["RS256"], "kid": KEY}))),
        ("RS256", hs256),
        ("crit", headed(json!({"alg": "RS256", "kid": KEY, "crit": ["b64"]}))),
        ("kid", headed(json!({"alg": "RS256"}))),
        ("kid", headed(json!({"alg": "RS256", "kid": 7}))),
        ("kid", headed(json!({"alg": "RS256", "kid": "another"}))),
        ("tid", with("tid", other.into())),
        ("tid", with("tid", Value::Null)),
        ("iss", with("iss", format!("https://login.microsoftonline.com/{other}/v2.0").into())),
        ("iss", with("iss", format!("https://evil.example/{TENANT_ID}/v2.0").into())),
        ("iss", with("iss", format!("https://sts.windows.net/{TENANT_ID}/").into())),
        ("iss", with("ver", "3.0".into())),
        ("iss", with("ver", Value::Null)),
        ("iss", v1(format!("https://login.microsoftonline.com/{TENANT_ID}/v2.0"), "appid")),
        ("aud", with("aud", "api://another".into())),
        ("aud", with("aud", json!([AUDIENCE]))),
        ("aud", with("aud", Value::Null)),
        ("appid", with("azp", other.into())),
        ("appid", with("azp", Value::Null)),
        ("appid", v1(format!("https://sts.windows.net/{TENANT_ID}/"), "oid")),
        ("roles", with("roles", json!(["Reader"]))),
        ("roles", with("roles", "ActionGroupsSecureWebhook".into())),
        ("roles", with("roles", Value::Null)),
        ("exp", with("exp", (now - 301).into())),
        ("exp", with("exp", Value::Null)),
        ("exp", with("exp", "soon".into())),
        ("exp", with("exp", json!(1e300))),
        ("nbf", with("nbf", (now + 301).into())),
        ("nbf", with("nbf", u64::MAX.into())),
        ("signature", flipped),
        ("signature", format!("{signed}.")),
        ("signature", format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode([0; 256]))),
        ("signature", format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(vec![1; 4000]))),
        ("signature", format!("{head}.{}.{signature}", part(&changed(&right, "exp", (now + 9999).into()).to_string()))),
    ];
    for (check, token) in wrong {
        let nightcap = nightcap(&scene);
        assert_eq!(call(&nightcap, "one", &token).await, 401, "{check}: {token}");
        let log = nightcap.logs().join("\n");
        if !token.is_empty() {
            assert!(log.contains("wrong_token") && log.contains(check), "{check}: {log}");
        }
        assert!(token.len() < 20 || !log.contains(&token[..20]), "the log shows the token: {log}");
    }
    assert!(scene.azure.lock().unwrap().captures().is_empty());
}

/// The oldest trick: a token that is signed with what everybody knows.
fn hmac_with_the_public_key(claims: &Value) -> String {
    use chacha20poly1305::aead::KeyInit;
    use hkdf::hmac::{Hmac, Mac};
    let part = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "HS256", "kid": KEY})), part(claims));
    let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(&public_modulus()).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

#[tokio::test(start_paused = true)]
async fn clocks_may_differ_by_five_minutes() {
    let scene = Scene::new();
    let (right, now) = (claims(&scene), scene.now().as_second());
    for (name, value) in [("exp", now - 298), ("nbf", now + 298)] {
        let token = sign(&token_header(KEY), &changed(&right, name, value.into()));
        assert_ne!(call(&nightcap(&scene), name, &token).await, 401, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn kept_keys_cost_no_round_trip_to_any_instance() {
    let scene = Scene::new();
    let first = nightcap(&scene);
    call(&first, "one", &token(&scene)).await;
    for rule in ["two", "three"] {
        let next = scene.instance_with(&[("webhook_entra", &entra()), ("webhook_key", "")], first.store.clone());
        assert_eq!(call(&next, rule, &token(&scene)).await, 200);
    }
    assert_eq!(looks(&scene), 1);
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_looked_for_but_not_for_everybody_who_makes_one_up() {
    let scene = Scene::new();
    let nightcap = nightcap(&scene);
    call(&nightcap, "one", &token(&scene)).await;
    tokio::time::sleep(Duration::from_secs(301)).await;
    for forged in 0..20 {
        let token = sign(&token_header(&format!("forged-{forged}")), &claims(&scene));
        assert_eq!(call(&nightcap, "two", &token).await, 401);
    }
    assert_eq!(looks(&scene), 2, "once in five minutes");
    scene.azure.lock().unwrap().world_mut().signing_key_ids.push("simulated-key-2".to_owned());
    tokio::time::sleep(Duration::from_secs(301)).await;
    let token = sign(&token_header("simulated-key-2"), &claims(&scene));
    assert_ne!(call(&nightcap, "three", &token).await, 401);
}

#[tokio::test(start_paused = true)]
async fn the_last_good_keys_serve_while_there_are_no_newer_ones() {
    let scene = Scene::new();
    let nightcap = nightcap(&scene);
    call(&nightcap, "one", &token(&scene)).await;
    tokio::time::sleep(Duration::from_secs(25 * 3600)).await;
    let gone = Effect::Status { status: 500, code: String::new(), message: String::new(), retry_after: None };
    scene.azure.lock().unwrap().add_fault(Fault::new(gone).service(Service::Entra).path("/keys"));
    assert_ne!(call(&nightcap, "two", &token(&scene)).await, 401);
}

#[tokio::test(start_paused = true)]
async fn without_any_keys_azure_is_asked_to_call_again() {
    let scene = Scene::new();
    scene.azure.lock().unwrap().add_fault(Fault::new(Effect::Hang).service(Service::Entra).path("/keys"));
    assert_eq!(call(&nightcap(&scene), "one", &token(&scene)).await, 503);
}

#[tokio::test(start_paused = true)]
async fn keys_in_the_address_open_it_only_where_there_are_any() {
    let scene = Scene::new();
    let body = common("one", CONTOSO_VM).to_string();
    let json = [("content-type", "application/json")];
    let without = nightcap(&scene);
    for key in ["", "?code=", "?code=simulated-webhook-key"] {
        assert_eq!(without.send(Method::POST, &format!("/api/alerts{key}"), &json, body.clone()).await.status, 401);
    }
    let both = scene.instance_with(&[("webhook_entra", &entra())], Store::default());
    assert_eq!(both.post(body).await.status, 201);
    assert_ne!(call(&both, "two", &token(&scene)).await, 401);
}

#[tokio::test(start_paused = true)]
async fn whoever_may_send_alerts_may_not_operate() {
    let scene = Scene::new();
    let nightcap = nightcap(&scene);
    let bearer = format!("Bearer {}", token(&scene));
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(nightcap.send(Method::POST, "/api/sweep", &headers, "").await.status, 401);
}
