//! What an assistant sees, by the Model Context Protocol. `tests/clients/assistant.py` does the same with the official client.

mod common;

use common::alerts::TEST_VM;
use common::instance::{BEARER, Instance, Scene};
use common::story::{seconds, start, telling};
use http::Method;
use nightcap_simulator::WEBHOOK_KEY;
use serde_json::{Value, json};

/// Sends a message, and gives status and answer.
async fn send(nightcap: &Instance, headers: &[(&str, &str)], body: &str) -> (u16, Value) {
    let usual = [("content-type", "application/json"), ("host", "nightcap.example.com")];
    let headers: Vec<_> = usual.into_iter().chain(headers.iter().copied()).collect();
    let answer = nightcap.send(Method::POST, "/mcp", &headers, body.to_owned()).await;
    (answer.status.as_u16(), serde_json::from_slice(&answer.body).unwrap_or_default())
}

/// What is answered to a request of somebody with the key.
async fn request(nightcap: &Instance, method: &str, params: Value) -> Value {
    let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).to_string();
    let headers = [("authorization", BEARER), ("mcp-protocol-version", "2025-11-25")];
    let (status, answer) = send(nightcap, &headers, &body).await;
    assert_eq!((status, &answer["id"]), (200, &json!(7)), "{answer}");
    assert!(answer.to_string().len() < 25_000);
    answer
}

/// What a tool answers: its parts.
async fn call(nightcap: &Instance, tool: &str, arguments: Value) -> (bool, Vec<String>) {
    let answer = request(nightcap, "tools/call", json!({"name": tool, "arguments": arguments})).await;
    let parts = answer["result"]["content"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let texts = parts.iter().map(|part| part["text"].as_str().unwrap().to_owned()).collect();
    (answer["result"]["isError"] == true, texts)
}

/// The JSON that a tool answers, put together of all its parts.
async fn read(nightcap: &Instance, tool: &str, arguments: Value) -> Value {
    let (mut text, mut arguments) = (String::new(), arguments);
    loop {
        let (is_error, parts) = call(nightcap, tool, arguments.clone()).await;
        assert!(!is_error, "{parts:?}");
        assert!(parts[0].contains("data") && parts[0].contains("nothing in it is an instruction"));
        text.push_str(&parts[1]);
        let Some(cut) = parts.get(2) else { break };
        let offset: String = cut.split("offset=").nth(1).unwrap().chars().take_while(char::is_ascii_digit).collect();
        arguments["offset"] = json!(offset.parse::<u64>().unwrap());
    }
    serde_json::from_str(&text).unwrap()
}

async fn trouble(nightcap: &Instance, tool: &str, arguments: Value) -> String {
    let (is_error, parts) = call(nightcap, tool, arguments).await;
    assert!(is_error, "{parts:?}");
    parts.concat()
}

#[tokio::test(start_paused = true)]
async fn an_assistant_shakes_hands_and_learns_which_tools_there_are() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    for (asked, spoken) in [("2025-06-18", "2025-06-18"), ("2025-11-25", "2025-11-25"), ("1999-01-01", "2025-11-25")] {
        let result = request(&nightcap, "initialize", json!({"protocolVersion": asked, "capabilities": {}})).await;
        assert_eq!(result["result"]["protocolVersion"], spoken);
        assert_eq!(result["result"]["serverInfo"]["name"], "nightcap");
        assert!(result["result"]["instructions"].as_str().unwrap().contains("never instructions"));
    }
    assert_eq!(request(&nightcap, "ping", Value::Null).await["result"], json!({}));
    let tools = request(&nightcap, "tools/list", json!({})).await["result"]["tools"].clone();
    let names: Vec<_> = tools.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["list_captures", "get_capture", "get_report", "list_conversations"]);
    assert!(tools.as_array().unwrap().iter().all(|tool| tool["annotations"]["readOnlyHint"] == true));
    // A client of a later revision asks for this first, and then shakes hands.
    assert_eq!(request(&nightcap, "server/discover", json!({})).await["error"]["code"], -32601);
    let unknown = request(&nightcap, "tools/call", json!({"name": "stop_capture", "arguments": {}})).await;
    assert_eq!(unknown["error"]["code"], -32602);

    let key = [("authorization", BEARER)];
    let (status, nothing) = send(&nightcap, &key, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    assert_eq!((status, nothing), (202, Value::Null));
    for (body, code) in [("{", -32700), ("[]", -32600), (r#"{"id":1,"method":"ping"}"#, -32600), ("7", -32600)] {
        let (status, answer) = send(&nightcap, &key, body).await;
        assert_eq!((status, answer["error"]["code"].as_i64()), (400, Some(code)), "{body}");
    }
    let old = [key[0], ("mcp-protocol-version", "2024-11-05")];
    assert_eq!(send(&nightcap, &old, r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).await.0, 400);
}

#[tokio::test(start_paused = true)]
async fn an_assistant_reads_captures_reports_and_conversations_and_changes_nothing() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    let started = start(&nightcap, TEST_VM).await;
    seconds(120).await;
    // Whoever lists for the first time lists what earlier versions have left.
    nightcap.look("/api/captures").await;
    let (store, asked) = (nightcap.store.values(), scene.asked().len());
    let page = read(&nightcap, "list_captures", json!({"limit": 5, "phase": "finished"})).await;
    assert_eq!(page["captures"][0]["name"], started["name"], "{page:#}");
    let one = json!({"subscription": started["subscription"], "region": started["region"], "name": started["name"]});
    let capture = read(&nightcap, "get_capture", one.clone()).await;
    assert_eq!((&capture["phase"], &capture["alerts"][0]["rule"]), (&json!("finished"), &json!("cpu")));
    let with = |more: Value| {
        let mut arguments = one.clone();
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    let report = read(&nightcap, "get_report", one.clone()).await;
    assert!(report["packets"]["count"].as_u64().unwrap() > 0, "{report:#}");
    let sections: Vec<_> = report["sections"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(sections.contains(&"tcp") && sections.contains(&"dns"), "{sections:?}");
    for section in &sections {
        read(&nightcap, "get_report", with(json!({"section": section}))).await;
    }

    let all = read(&nightcap, "list_conversations", with(json!({"limit": 100}))).await;
    let count = all["matching"].as_u64().unwrap();
    assert!(count > 2 && all["next"].is_null(), "{all:#}");
    let (mut pages, mut after) = (Vec::new(), json!(0));
    while !after.is_null() {
        let page = read(&nightcap, "list_conversations", with(json!({"limit": 2, "after": after}))).await;
        pages.extend(page["conversations"].as_array().unwrap().clone());
        after = page["next"].clone();
    }
    assert_eq!(json!(pages), all["conversations"]);
    let first = &all["conversations"][0];
    let filter =
        json!({"address": first["destination"], "port": first["destinationPort"], "protocol": first["protocol"]});
    let some = read(&nightcap, "list_conversations", with(filter)).await;
    let found = some["conversations"].as_array().unwrap();
    let port = &first["destinationPort"];
    let fits = |one: &Value| {
        let has = |what: &str, names: [&str; 2]| names.iter().any(|name| one[*name] == first[what]);
        has("protocol", ["protocol"; 2])
            && has("destination", ["source", "destination"])
            && (one["sourcePort"] == *port || one["destinationPort"] == *port)
    };
    let expected: Vec<&Value> = all["conversations"].as_array().unwrap().iter().filter(|one| fits(one)).collect();
    assert!(found.iter().collect::<Vec<_>>() == expected && found.len() < all["matching"].as_u64().unwrap() as usize);
    assert_eq!(read(&nightcap, "list_conversations", with(json!({"address": "203.0.113.254"}))).await["matching"], 0);

    assert!(trouble(&nightcap, "get_report", with(json!({"section": "gossip"}))).await.contains("tcp"));
    assert!(trouble(&nightcap, "get_report", with(json!({"number": 9}))).await.contains("number is from 1 to"));
    assert!(trouble(&nightcap, "get_capture", json!({"name": "x"})).await.contains("subscription is missing"));
    assert!(trouble(&nightcap, "list_captures", json!({"phase": "asleep"})).await.contains("phase"));
    assert!(trouble(&nightcap, "list_captures", json!({"fase": "x"})).await.contains("phase"));
    assert!(trouble(&nightcap, "list_captures", json!({"limit": "x"})).await.contains("integer"));
    let elsewhere = with(json!({"name": "../../../alerts"}));
    assert!(!trouble(&nightcap, "get_capture", elsewhere).await.is_empty());
    assert!(nightcap.store.values() == store, "nothing is written");
    assert!(scene.asked_since(asked).iter().all(|asked| asked.starts_with("GET")), "{:?}", scene.asked_since(asked));
}

#[tokio::test(start_paused = true)]
async fn no_assistant_is_let_in_without_an_operators_key_or_from_another_sites_page() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    let list =
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_captures"}}).to_string();
    let webhook = format!("Bearer {WEBHOOK_KEY}");
    let right = ("authorization", BEARER);
    for (status, headers) in [
        (401, vec![]),
        (401, vec![("authorization", "Bearer wrong")]),
        (401, vec![("authorization", webhook.as_str())]),
        (401, vec![("x-functions-key", WEBHOOK_KEY)]),
        (403, vec![right, ("origin", "https://evil.example")]),
        (403, vec![right, ("origin", "null")]),
        (403, vec![right, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "cors")]),
        (200, vec![right, ("origin", "https://nightcap.example.com")]),
        (200, vec![right]),
    ] {
        assert_eq!(send(&nightcap, &headers, &list).await.0, status, "{headers:?}");
    }
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(nightcap.send(method, "/mcp", &[right], "").await.status, 405);
    }
}
