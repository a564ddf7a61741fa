//! The built component, both builds, in the embedded host over real sockets against the simulator.

mod common;

use std::time::Duration;

use common::alerts::{CONTOSO_VM, TEST_VM, classic, common, common_at, flat};
use common::http::{get, post};
use common::served::{Served, builds, until};
use futures::future::join_all;
use http::Method;
use nightcap_embedded::{Build, Options, State};
use nightcap_simulator::{
    CLIENT_SECRET, OPERATOR_KEY, TENANT_ID, WEBHOOK_KEY, World, action_group_claims, sign, token_header,
};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_starts_from_each_kind_of_body() {
    let others = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/pipelinealertrg/providers/Microsoft.Compute/virtualMachines/wcus-r2-gen2";
    for build in builds() {
        for (body, expected) in [
            (common("cpu", TEST_VM), ["GET test-vm", "GET packetCaptures", "PUT nightcap"]),
            (classic("tcp", CONTOSO_VM, "westcentralus"), ["GET ContosoVM", "GET packetCaptures", "PUT nightcap"]),
            (
                flat("pc1", others, "NetworkWatcher_westcentralus"),
                ["GET wcus-r2-gen2", "GET packetCaptures", "PUT pc1"],
            ),
        ] {
            let expected = expected.map(str::to_owned);
            let scene = Served::new(build).await;
            let (status, answer) = scene.alert(&body).await;
            assert_eq!(
                (status.as_u16(), answer["outcomes"][0]["outcome"].as_str()),
                (201, Some("started")),
                "{answer}"
            );
            let asked = scene.asked();
            let (mut between, mut expected_between) = (asked[1..3].to_vec(), expected[..2].to_vec());
            // What goes side by side may arrive in either order.
            between.sort();
            expected_between.sort();
            assert_eq!(
                (asked[0].as_str(), between, asked[3].as_str()),
                ("POST token", expected_between, expected[2].as_str())
            );
            // Close to the boundary of a slot nightcap looks for rivals once more.
            assert!(asked[4..].iter().all(|asked| asked == "GET packetCaptures") && asked.len() <= 5, "{asked:?}");
            scene.assert_no_trap();
            let link = answer["outcomes"][0]["capture"]["links"]["self"].as_str().unwrap();
            let (status, record) = scene.look(link).await;
            assert_eq!((status.as_u16(), record["phase"].as_str()), (200, Some("creating")), "{record}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_an_action_group_opens_a_webhook_without_a_key() {
    const AUDIENCE: &str = "api://77777777-7777-7777-7777-777777777777";
    let entra = json!({"tenant": TENANT_ID, "audience": AUDIENCE}).to_string();
    for build in builds() {
        let scene = Served::with(build, |_| (), &[("webhook_key", ""), ("webhook_entra", &entra)]).await;
        let url = format!("{}/api/alerts", scene.nightcap.url());
        let mut claims = {
            let azure = scene.azure.azure();
            let world = azure.lock().unwrap().world().clone();
            action_group_claims(&world, jiff::Timestamp::now(), AUDIENCE)
        };
        let call = async |token: String| {
            let bearer = format!("Bearer {token}");
            let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
            post(&url, &headers, common("cpu", TEST_VM).to_string()).await.status
        };
        assert_eq!(call(sign(&token_header("simulated-key-1"), &claims)).await, 201, "{build:?}");
        claims["aud"] = "api://somebody-else".into();
        assert_eq!(call(sign(&token_header("simulated-key-1"), &claims)).await, 401, "{build:?}");
        assert_eq!(scene.alert(&common("cpu", TEST_VM)).await.0, 401, "{build:?}: no key opens it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_request_is_on_its_way_the_store_is_asked_and_not_before() {
    let scene = Served::with(Build::Spin, |world| world.timing.latency = Duration::from_millis(100), &[]).await;
    scene.alert(&common("cpu", TEST_VM)).await;
    // In short: `PUT packetCaptures`, `write open:capture`.
    let short = |step: &String| {
        let (verb, what) = step.split_once(' ').unwrap();
        let places = ["token", "virtualMachines", "packetCaptures"];
        let is_at = |place: &&str| what.starts_with('/') && what.to_lowercase().contains(&place.to_lowercase());
        let place = places.into_iter().find(is_at);
        let parts = if what.starts_with("open:") { 2 } else { 1 };
        let kind = what.split(':').take(parts).collect::<Vec<_>>().join(":");
        format!("{verb} {}", place.map_or(kind, str::to_owned))
    };
    let steps: Vec<String> = scene.nightcap.steps().iter().map(short).collect();
    let put = steps.iter().position(|step| step == "PUT packetCaptures").unwrap();
    let expected = [
        "read token",
        "write token",
        "read token",
        "POST token",
        "read target",
        "read alert",
        "write open:alert",
        "write alert",
        "GET virtualMachines",
        "write token",
        "read watchers",
        "GET packetCaptures",
        "read capture",
        "write open:capture",
        "PUT packetCaptures",
        "read capture",
        "write capture",
    ];
    assert_eq!(steps[..put + 3], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_at_once_and_later_make_one_capture() {
    for build in builds() {
        let scene = Served::with(build, |world| world.timing.latency = Duration::from_millis(30), &[]).await;
        let alert = common("cpu", TEST_VM);
        let answers = join_all((0..5).map(|_| scene.alert(&alert))).await;
        let started = answers.iter().filter(|(status, _)| *status == 201).count();
        let joined = answers.iter().filter(|(_, answer)| answer["outcomes"][0]["outcome"] == "joined").count();
        assert_eq!((started, joined), (1, 4), "{answers:#?}");
        let (status, answer) = scene.alert(&alert).await;
        assert_eq!((status.as_u16(), answer["outcomes"][0]["reason"].as_str()), (200, Some("same_alert")), "{answer}");
        let (status, answer) = scene.alert(&common("disk", TEST_VM)).await;
        assert_eq!(
            (status.as_u16(), answer["outcomes"][0]["reason"].as_str()),
            (200, Some("already_running")),
            "{answer}"
        );
        assert_eq!(scene.captures(), 1);
        scene.assert_no_trap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_agent_is_installed_and_the_capture_runs_though_the_host_dies_meanwhile() {
    for build in builds() {
        for dies in [false, true] {
            let change = |world: &mut World| {
                (world.timing.install_agent, world.timing.create) = (Duration::from_secs(4), Duration::from_secs(1));
            };
            let mut scene =
                Served::with(build, change, &[("install_agent", "true"), ("capture_seconds", "3600")]).await;
            let agentless = TEST_VM.replace("test-vm", "no-agent");
            let (status, answer) = scene.alert(&common("cpu", &agentless)).await;
            let outcome = &answer["outcomes"][0];
            assert_eq!((status.as_u16(), outcome["reason"].as_str()), (202, Some("installing_agent")), "{answer}");
            let asked_for = async |scene: &Served| {
                let asked = |scene: &Served| scene.asked().iter().any(|asked| asked.starts_with("PUT AzureNetwork"));
                until("the installation", async || asked(scene).then_some(())).await;
            };
            asked_for(&scene).await;
            if dies {
                scene = scene.restart().await;
                scene.sweep().await;
            }
            let link = answer["links"]["record"].as_str().unwrap();
            let ended = async || Some(scene.look(link).await.1).filter(|record| record["finished"] == true);
            let record = until("the end of the alert", ended).await;
            let outcome = &record["outcomes"][0];
            assert_eq!(outcome["outcome"], "started", "{build:?} {record}");
            assert!(outcome["message"].as_str().unwrap().contains("installed first, which took "), "{record}");
            let capture = outcome["capture"]["links"]["self"].as_str().unwrap();
            let runs = async || Some(scene.look(capture).await.1).filter(|record| record["phase"] == "running");
            until("the capture", runs).await;
            let installations = scene.asked().iter().filter(|asked| asked.starts_with("PUT AzureNetwork")).count();
            assert_eq!((installations, scene.captures()), (1, 1), "{build:?}: {:?}", scene.asked());
            scene.assert_no_trap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_of_one_instance_wait_for_one_token_without_a_trap() {
    for build in builds() {
        let scene = Served::with(build, |world| world.timing.latency = Duration::from_millis(60), &[]).await;
        // Several machines in one alert share an instance for certain; several alerts at once mostly do.
        let mut many = common("cpu", TEST_VM);
        let machines = [
            "test-RG/providers/Microsoft.Compute/virtualMachines/test-VM",
            "ContosoExampleRG/providers/Microsoft.Compute/virtualMachines/ContosoVM",
            "pipelinealertrg/providers/Microsoft.Compute/virtualMachines/wcus-r2-gen2",
        ];
        let ids: Vec<_> = machines
            .iter()
            .map(|rest| format!("/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/{rest}"))
            .collect();
        many["data"]["essentials"]["alertTargetIDs"] = json!(ids);
        let (status, answer) = scene.alert(&many).await;
        assert_eq!(status, 201, "{answer}");
        assert!(
            answer["outcomes"].as_array().unwrap().iter().all(|outcome| outcome["outcome"] == "started"),
            "{answer}"
        );
        assert_eq!(scene.asked().iter().filter(|asked| *asked == "POST token").count(), 1);
        let alerts: Vec<_> = (0..24).map(|number| common(&format!("rule{number}"), &ids[number % 3])).collect();
        let answers = join_all(alerts.iter().map(|alert| scene.alert(alert))).await;
        assert!(
            answers.iter().all(|(status, answer)| *status == 200 && answer["outcomes"][0]["outcome"] == "joined"),
            "{answers:#?}"
        );
        assert_eq!(scene.captures(), 3);
        scene.assert_no_trap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_comes_in_traps_the_component() {
    for build in builds() {
        let scene = Served::new(build).await;
        for (body, expected) in [
            (b"".to_vec(), 400),
            (b"not JSON".to_vec(), 400),
            (b"\xff\xfe{}".to_vec(), 400),
            ("[".repeat(300_000).into_bytes(), 400),
            ("{\"a\":".repeat(60_000).into_bytes(), 400),
            (br#"{"schemaId":"azureMonitorCommonAlertSchema","data":{"essentials":[],"alertContext":7}}"#.to_vec(), 200),
            (br#"{"schemaId":"azureMonitorCommonAlertSchema","data":{"essentials":{"alertTargetIDs":{"a":1},"monitorCondition":[]}}}"#.to_vec(), 200),
            (vec![b' '; 10_000_000], 413),
        ] {
            let size = body.len();
            assert_eq!(scene.post(body).await.status, expected, "{size} bytes");
        }
        let url = scene.nightcap.url();
        assert_eq!(post(&format!("{url}/api/alerts"), &[("content-type", "application/json")], "{}").await.status, 401);
        assert_eq!(
            post(&format!("{url}/api/alerts?code={WEBHOOK_KEY}"), &[("content-type", "text/plain")], "{}").await.status,
            415
        );
        let healthz = get(&format!("{url}/healthz"), &[]).await;
        assert_eq!(healthz.status, 200);
        scene.assert_no_trap();
        assert_eq!(scene.asked(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn work_goes_on_after_the_answer_and_its_record_outlives_the_host() {
    for build in builds() {
        let slow = |world: &mut World| {
            world.timing.latency = Duration::from_millis(700);
            world.timing.create = Duration::from_secs(1);
            world.timing.retry_after = 1;
        };
        let scene = Served::with(build, slow, &[("answer_seconds", "1")]).await;
        let (status, answer) = scene.alert(&common("cpu", TEST_VM)).await;
        assert_eq!((status.as_u16(), answer["outcomes"][0]["outcome"].as_str()), (202, Some("accepted")), "{answer}");
        let link = answer["links"]["record"].as_str().unwrap().to_owned();
        let record = until("the end of the work", async || {
            let (_, record) = scene.look(&link).await;
            (record["finished"] == true).then_some(record)
        })
        .await;
        assert_eq!(record["outcomes"][0]["outcome"], "started", "{record}");
        let capture = record["outcomes"][0]["capture"]["links"]["self"].as_str().unwrap().to_owned();
        until("the capture's running", async || (scene.look(&capture).await.1["phase"] == "running").then_some(()))
            .await;
        scene.assert_no_trap();

        let scene = scene.restart().await;
        assert_eq!(scene.look(&capture).await.1["phase"], "running", "remembered");
        let before = scene.asked().len();
        let (status, answer) = scene.alert(&common("cpu", TEST_VM)).await;
        assert_eq!((status.as_u16(), answer["outcomes"][0]["reason"].as_str()), (200, Some("same_alert")), "{answer}");
        // While the record is read, the list may be on its way already.
        let more = scene.asked().split_off(before);
        assert!(more.len() <= 1 && more.iter().all(|asked| asked == "GET packetCaptures"), "{more:?}");
        assert!(
            scene.options.state.keys().iter().any(|key| key.contains("capture")),
            "{:?}",
            scene.options.state.keys()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_directory_the_wasi_build_remembers_in_memory_and_says_so() {
    let mut options = Options::new(Build::Wasmtime);
    options.state = State::none();
    let scene = Served::on(options, |_| (), &[]).await;
    let (status, answer) = scene.alert(&common("cpu", TEST_VM)).await;
    assert_eq!(status, 201, "{answer}");
    assert!(scene.nightcap.logs().iter().any(|line| line.contains("store_is_memory")), "{:#?}", scene.nightcap.logs());
    scene.assert_no_trap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_json_lines_without_secrets_and_requests_go_to_azure_only() {
    for build in builds() {
        let scene = Served::new(build).await;
        scene.alert(&common("cpu", TEST_VM)).await;
        scene.alert(&common_at("cpu", "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/x/providers/Microsoft.Compute/virtualMachines/nobody", "2026-11-20T03:00:00Z")).await;
        scene.post("garbage").await;
        let logs = scene.nightcap.logs();
        assert!(logs.len() >= 8, "{logs:#?}");
        let azure = scene.azure.azure();
        let azure = azure.lock().unwrap();
        let tokens: Vec<_> =
            azure.transcript().iter().filter_map(|exchange| exchange.header("authorization")).collect();
        for line in &logs {
            let event: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
            assert!(event["event"].is_string() && event["time"].is_string(), "{line}");
            if event["step"] == "create" {
                let told = ["alert", "target", "capture", "ms", "clientRequestId", "requestId", "correlationId"];
                assert!(told.iter().all(|field| !event[field].is_null()), "{line}");
            }
            assert!(![CLIENT_SECRET, WEBHOOK_KEY, OPERATOR_KEY].iter().any(|secret| line.contains(secret)), "{line}");
            assert!(!tokens.iter().any(|token| line.contains(token.trim_start_matches("Bearer "))), "{line}");
        }
        let ids: Vec<_> =
            azure.transcript().iter().filter_map(|exchange| exchange.header("x-ms-client-request-id")).collect();
        assert!(
            !ids.is_empty() && ids.iter().all(|id| logs.iter().any(|line| line.contains(id))),
            "Azure's support can find our requests"
        );
        let urls = scene.azure.urls();
        for request in scene.nightcap.outbound() {
            assert!(request.ends_with(&urls.arm) || request.ends_with(&urls.authority), "{request}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn spin_lets_nothing_out_but_what_the_settings_name() {
    let scene = Served::with(Build::Spin, |_| (), &[("arm_url", "http://127.0.0.1:9")]).await;
    let (_, answer) = scene.alert(&common("cpu", TEST_VM)).await;
    assert_ne!(answer["outcomes"][0]["outcome"], "started");
    assert!(
        scene.nightcap.outbound().iter().all(|request| !request.ends_with("refused")),
        "{:?}",
        scene.nightcap.outbound()
    );
    scene.assert_no_trap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_task_of_the_rest_how_to_is_one_call() {
    let here = "subscription=00000000-0000-0000-0000-000000000000&region=westcentralus";
    for build in builds() {
        let quick = |world: &mut World| {
            let soon = Duration::from_millis(100);
            (world.timing.create, world.timing.stop, world.timing.delete, world.timing.file_delay) =
                (soon, soon, soon, soon);
            world.timing.retry_after = 1;
        };
        let scene = Served::with(build, quick, &[]).await;
        let (status, machines) = scene.look("/api/machines?subscription=00000000-0000-0000-0000-000000000000").await;
        assert_eq!((status.as_u16(), machines["machines"].as_array().unwrap().len()), (200, 8), "{machines}");
        let id = machines["machines"][0]["id"].as_str().unwrap();

        let body =
            json!({"target": id, "name": "by-hand", "timeLimitInSeconds": 600, "filters": [{"localPort": "443"}]});
        let (status, started) = scene.operate(Method::POST, "/api/captures", &body.to_string()).await.json();
        assert_eq!((status.as_u16(), started["outcome"].as_str()), (201, Some("started")), "{started}");
        let capture = started["capture"]["links"]["self"].as_str().unwrap().to_owned();
        until("the capture's running", async || (scene.look(&capture).await.1["phase"] == "running").then_some(()))
            .await;
        let (_, live) = scene.look(&format!("{capture}/status")).await;
        assert_eq!(live["packetCaptureStatus"], "Running", "{live}");
        let (_, page) = scene.look(&format!("/api/captures?{here}")).await;
        assert_eq!((&page["captures"][0]["name"], &page["watcher"]["captures"]), (&json!("by-hand"), &json!(1)));

        let (status, stopped) = scene.operate(Method::POST, &format!("{capture}/stop"), "").await.json();
        assert_eq!((status.as_u16(), stopped["result"].as_str()), (200, Some("done")), "{stopped}");
        until("the report", async || (scene.look(&capture).await.1["phase"] == "finished").then_some(())).await;
        assert_eq!(scene.look(&capture).await.1["end"]["reason"], "stopped_by_hand");
        let (status, deleted) = scene.operate(Method::DELETE, &capture, "").await.json();
        assert_eq!((status.as_u16(), deleted["result"].as_str()), (200, Some("done")), "{deleted}");
        let file = format!("{capture}/file");
        let head = scene.operate(Method::HEAD, &file, "").await;
        assert!(head.status == 200 && head.body.is_empty() && head.headers["content-length"] != "0");
        assert_eq!(
            scene.operate(Method::GET, &file, "").await.body.len().to_string(),
            head.headers["content-length"].to_str().unwrap()
        );
        let (status, description) = scene.look("/openapi.json").await;
        assert_eq!((status.as_u16(), &description["openapi"]), (200, &json!("3.1.0")));
        scene.assert_no_trap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_an_alert_needs_is_looked_at_and_a_misspelt_setting_is_told_where_it_can_be_seen() {
    for build in builds() {
        let is_elsewhere = !matches!(build, Build::Spin | Build::SpinWasi03);
        let mut settings = vec![("public_url", "https://nightcap.example.com")];
        if is_elsewhere {
            settings.push(("capture_second", "30"));
        }
        let scene = Served::with(build, |_| (), &settings).await;
        let (status, answer) = scene.look(&format!("/api/preflight?target={TEST_VM}")).await;
        assert_eq!((status.as_u16(), &answer["ready"]), (200, &json!(true)), "{answer:#}");
        let lines = answer["lines"].as_array().unwrap();
        let good = |check: &str| lines.iter().any(|line| line["check"] == check && line["verdict"] == "good");
        for check in
            ["settings", "key", "store", "token", "machine", "agent", "power", "watcher", "storage_account", "right"]
        {
            assert!(good(check), "{check}: {answer:#}");
        }
        let is_told = lines.iter().any(|line| line["about"] == "capture_second" && line["verdict"] == "attention");
        assert_eq!(is_told, is_elsewhere, "{answer:#}");
        scene.assert_no_trap();
    }
}
