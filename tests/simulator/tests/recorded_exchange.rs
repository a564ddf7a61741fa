//! Replays an exchange that was recorded against the real service (azure-sdk-for-net, PacketCaptureTests of 2017)
//! and compares statuses, headers and bodies.
//!
//! The recording is no part of this repository: the test runs when `NIGHTCAP_ORACLES` names the folder that has it.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use nightcap_simulator::{
    AgentState, Azure, CLIENT_ID, CLIENT_SECRET, OperatingSystem, Outcome, SUBSCRIPTION, Service, TENANT_ID, Urls,
    VirtualMachine, Watcher, World,
};
use serde_json::Value;

/// The headers whose presence a client depends on.
const SIGNIFICANT: [&str; 6] =
    ["content-type", "retry-after", "azure-asyncoperation", "location", "etag", "x-ms-request-id"];
/// Members whose values are made anew each time.
const UNREPEATABLE: [&str; 2] = ["etag", "captureStartTime"];

#[test]
fn the_simulator_answers_as_the_service_did() {
    let Ok(folder) = std::env::var("NIGHTCAP_ORACLES") else {
        println!("skipped: NIGHTCAP_ORACLES does not name the folder of recordings");
        return;
    };
    let file = format!("{folder}/azure/arm/recorded-packet-capture-exchange-2017.json");
    let recording: Vec<Value> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let mut azure = Azure::new(recorded_world());
    let token = token(&mut azure, at(&recording[0]));
    let mut urls = HashMap::new();
    for exchange in &recording {
        let name = format!("{} {}", exchange["method"], exchange["path"]);
        let answer = send(&mut azure, exchange, &token, &urls);
        assert_eq!(answer.status().as_u16(), exchange["status"], "{name}");
        compare_headers(&name, &exchange["headers"], &answer, &mut urls);
        match serde_json::from_slice::<Value>(answer.body()) {
            Ok(body) => compare_bodies(&name, &exchange["body"], &body),
            Err(_) => assert!(exchange["body"].is_null() && answer.body().is_empty(), "{name}"),
        }
    }
    println!("replayed {} exchanges", recording.len());
}

fn recorded_world() -> World {
    let resource =
        |kind: &str| format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/azsmnet1544/providers/Microsoft.{kind}");
    let mut world = World::empty(Urls::public());
    world
        .watchers
        .push(Watcher { id: resource("Network/networkWatchers/azsmnet7964"), location: "westcentralus".into() });
    world.virtual_machines.push(VirtualMachine {
        id: resource("Compute/virtualMachines/azsmnet3995"),
        location: "westcentralus".into(),
        computer_name: None,
        os: OperatingSystem::Windows,
        agent: Some("NetworkWatcherAgent".into()),
        agent_state: AgentState::default(),
        power: "running".into(),
        private_address: Ipv4Addr::new(10, 0, 0, 4),
    });
    world
}

fn at(exchange: &Value) -> Timestamp {
    format!("2017-06-23T{}Z", exchange["at"].as_str().unwrap()).parse().unwrap()
}

fn token(azure: &mut Azure, now: Timestamp) -> String {
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", CLIENT_ID)
        .append_pair("client_secret", CLIENT_SECRET)
        .append_pair("scope", "https://management.azure.com/.default")
        .finish();
    let request = Request::post(format!("https://login.microsoftonline.com/{TENANT_ID}/oauth2/v2.0/token"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.into())
        .unwrap();
    let body: Value = serde_json::from_slice(response(azure, now, Service::Entra, request).body()).unwrap();
    body["access_token"].as_str().unwrap().into()
}

/// Sends what was sent, but follows the URLs that the simulator gave where the client followed the service's.
fn send(azure: &mut Azure, exchange: &Value, token: &str, urls: &HashMap<String, String>) -> Response<Bytes> {
    let recorded = format!("https://management.azure.com{}", exchange["path"].as_str().unwrap());
    let body = exchange.get("requestBody").map(Value::to_string).unwrap_or_default();
    let request = Request::builder()
        .method(exchange["method"].as_str().unwrap())
        .uri(urls.get(&recorded).unwrap_or(&recorded))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json; charset=utf-8")
        .body(body.into())
        .unwrap();
    response(azure, at(exchange), Service::Arm, request)
}

fn response(azure: &mut Azure, now: Timestamp, service: Service, request: Request<Bytes>) -> Response<Bytes> {
    match azure.handle(now, service, request).outcome {
        Outcome::Response(response) => response,
        Outcome::Cut => panic!("the connection was cut"),
    }
}

fn compare_headers(name: &str, recorded: &Value, answer: &Response<Bytes>, urls: &mut HashMap<String, String>) {
    let recorded = recorded.as_object().unwrap();
    for (header, value) in recorded {
        let header = header.to_lowercase();
        // In 2017 a DELETE was counted as a write; it has a budget of its own now.
        let counts_writes = header == "x-ms-ratelimit-remaining-subscription-writes" && !name.starts_with("\"DELETE");
        if SIGNIFICANT.contains(&header.as_str()) || counts_writes {
            let answered = answer.headers().get(&header).unwrap_or_else(|| panic!("{name}: {header} is missing"));
            if ["azure-asyncoperation", "location"].contains(&header.as_str()) {
                urls.insert(value.as_str().unwrap().into(), answered.to_str().unwrap().into());
            }
        }
    }
    let has = |header: &str| recorded.keys().any(|known| known.eq_ignore_ascii_case(header));
    for header in ["azure-asyncoperation", "location"] {
        assert_eq!(answer.headers().contains_key(header), has(header), "{name}: {header}");
    }
}

fn compare_bodies(path: &str, recorded: &Value, answered: &Value) {
    match (recorded, answered) {
        (Value::Object(left), Value::Object(right)) => {
            assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>(), "{path}");
            for (member, value) in left.iter().filter(|(member, _)| !UNREPEATABLE.contains(&member.as_str())) {
                compare_bodies(&format!("{path} .{member}"), value, &right[member]);
            }
        }
        (Value::Array(left), Value::Array(right)) => {
            assert_eq!(left.len(), right.len(), "{path}");
            left.iter().zip(right).for_each(|(left, right)| compare_bodies(path, left, right));
        }
        _ => assert_eq!(recorded, answered, "{path}"),
    }
}
