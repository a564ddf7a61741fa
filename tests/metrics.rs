//! What Prometheus collects, against the simulator's core.

mod common;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use common::alerts::{CONTOSO_VM, TEST_VM, common};
use common::instance::{BEARER, Instance, Scene, Store};
use common::story::{add, fault, refuse, seconds, start, telling, telling_from};
use http::Method;
use nightcap_simulator::Effect;

/// What an operator's Prometheus is told, by name and labels.
async fn scrape(nightcap: &Instance) -> BTreeMap<String, f64> {
    let text = page(nightcap).await;
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

async fn page(nightcap: &Instance) -> String {
    let answer = nightcap.send(Method::GET, "/metrics", &[("authorization", BEARER)], "").await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    String::from_utf8(answer.body.to_vec()).unwrap()
}

/// Whether no counter has gone down.
fn assert_not_less(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>) {
    for (name, value) in before.iter().filter(|(name, _)| name.contains("_total") || name.contains("_put_")) {
        assert!(after[name] >= *value, "{name} went from {value} to {}", after[name]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_came_of_an_alert_is_counted_once_however_often_somebody_asks() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    start(&nightcap, TEST_VM).await;
    assert_eq!(nightcap.alert(&common("cpu", &TEST_VM.replace("test-vm", "nobody"))).await.status, 200);
    seconds(200).await;
    for _ in 0..3 {
        let told = scrape(&nightcap).await;
        let value = |name: &str| told.get(&format!("nightcap_{name}")).copied();
        assert_eq!(value(r#"alerts_total{schema="common",outcome="started"}"#), Some(1.0), "{told:#?}");
        assert_eq!(value(r#"alerts_total{schema="common",outcome="failed"}"#), Some(1.0));
        assert_eq!(value(r#"alerts_total{schema="classic",outcome="failed"}"#), Some(0.0));
        assert_eq!(value(r#"alert_reasons_total{outcome="failed",reason="machine_not_found"}"#), Some(1.0));
        assert_eq!(value(r#"captures_total{end="time_limit"}"#), Some(1.0));
        assert_eq!(value(r#"reports_total{result="read"}"#), Some(1.0));
        assert!(value("report_read_bytes_total") > Some(1000.0));
        assert_eq!(value(r#"messages_total{result="sent"}"#), Some(2.0));
        assert_eq!(value("alert_to_put_seconds_count"), Some(1.0));
        assert_eq!(value("unfinished_records"), Some(0.0));
        assert_eq!(value("last_sweep_timestamp_seconds"), Some(0.0));
    }
}

/// Azure's own books are the measure: what it was asked up to the last record is what was counted.
#[tokio::test(start_paused = true)]
async fn every_request_to_azure_is_counted_with_its_status() {
    let scene = Scene::new();
    add(&scene, fault(refuse(429, "TooManyRequests"), Method::PUT, "packetCaptures").times(1));
    let store = Store::default();
    let nightcap = telling_from(&scene, &[], store.clone());
    start(&nightcap, TEST_VM).await;
    seconds(200).await;
    // Whoever is asked has done nothing of it.
    let told = scrape(&telling_from(&scene, &[], store)).await;
    let value = |labels: &str| told.get(&format!("nightcap_azure_requests_total{{{labels}}}")).copied();
    assert_eq!(value(r#"operation="create",status="429""#), Some(1.0), "{told:#?}");
    assert_eq!(value(r#"operation="create",status="201""#), Some(1.0));
    assert_eq!(value(r#"operation="token",status="200""#), Some(2.0), "one for ARM, one for storage");
    let polls = scene.asked().iter().filter(|asked| asked.contains("queryStatus")).count();
    let counted: f64 =
        told.iter().filter(|(name, _)| name.contains(r#"operation="status""#)).map(|(_, value)| value).sum();
    assert!(polls >= 2 && counted as usize == polls, "{counted} of {polls}: {told:#?}");
}

#[tokio::test(start_paused = true)]
async fn the_time_to_the_put_is_what_the_alert_has_waited() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    add(&scene, fault(Effect::Delay(std::time::Duration::from_secs(3)), Method::GET, "virtualMachines"));
    start(&nightcap, TEST_VM).await;
    seconds(200).await;
    let told = scrape(&nightcap).await;
    let up_to = |end: &str| told[&format!(r#"nightcap_alert_to_put_seconds_bucket{{le="{end}"}}"#)];
    assert_eq!((up_to("2.5"), up_to("5"), up_to("+Inf")), (0.0, 1.0, 1.0), "{told:#?}");
    assert!((3.0..5.0).contains(&told["nightcap_alert_to_put_seconds_sum"]));
}

#[tokio::test(start_paused = true)]
async fn counters_go_on_where_they_were_when_records_are_taken_away() {
    let scene = Scene::new();
    let store = Store::default();
    let nightcap = telling_from(&scene, &[("retention_days", "1")], store.clone());
    start(&nightcap, TEST_VM).await;
    seconds(200).await;
    let before = scrape(&nightcap).await;
    seconds(50 * 3600).await;
    nightcap.sweep().await;
    seconds(60).await;
    assert!(!store.values().keys().any(|key| key.starts_with("capture:")), "{:?}", store.values().keys());
    let after = scrape(&nightcap).await;
    assert_not_less(&before, &after);
    assert_eq!(after[r#"nightcap_captures_total{end="time_limit"}"#], 1.0);
    let swept = after["nightcap_last_sweep_timestamp_seconds"];
    assert!((scene.now().as_second() as f64 - swept - 60.0).abs() < 2.0, "{swept}");
    // Nothing that is gone has to be known any more.
    assert_eq!(store.json("metrics")["counted"], "");
}

/// Two Prometheus servers ask two instances. Neither sees a counter go down, nor anything twice, whose write ever wins.
#[tokio::test(start_paused = true)]
async fn two_who_ask_at_once_count_nothing_twice() {
    let scene = Scene::new();
    let store = Store::default();
    let [one, other] = [telling_from(&scene, &[], store.clone()), telling_from(&scene, &[], store.clone())];
    start(&one, TEST_VM).await;
    seconds(200).await;
    let first = scrape(&one).await;
    let early = store.values()["metrics"].clone();
    start(&other, CONTOSO_VM).await;
    seconds(200).await;
    let both = scrape(&other).await;
    assert_not_less(&first, &both);
    // What one has read before the other one wrote may be written last.
    store.put("metrics", &early);
    assert_eq!(scrape(&one).await, both, "the same records give the same sums");
    assert_eq!(both[r#"nightcap_captures_total{end="time_limit"}"#], 2.0);
}

#[tokio::test(start_paused = true)]
async fn failures_of_the_store_are_counted_and_while_it_fails_nothing_is_told() {
    let scene = Scene::new();
    let store = Store::default();
    let nightcap = telling_from(&scene, &[], store.clone());
    *store.refuse.lock().unwrap() = Some("index:");
    start(&nightcap, TEST_VM).await;
    seconds(20).await;
    *store.refuse.lock().unwrap() = None;
    seconds(200).await;
    let told = scrape(&nightcap).await;
    assert!(told[r#"nightcap_store_errors_total{operation="write"}"#] >= 1.0, "{told:#?}");
    store.fail_reads.store(true, std::sync::atomic::Ordering::Relaxed);
    let answer = nightcap.send(Method::GET, "/metrics", &[("authorization", BEARER)], "").await;
    assert_eq!(answer.status, 502);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_nobody_takes_is_seen_waiting_and_then_given_up() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    let refused =
        nightcap_simulator::Fault::new(refuse(500, "")).service(nightcap_simulator::Service::Sink).times(u32::MAX);
    add(&scene, refused);
    start(&nightcap, TEST_VM).await;
    seconds(300).await;
    assert_eq!(scrape(&nightcap).await["nightcap_messages_waiting"], 1.0);
    seconds(49 * 3600).await;
    nightcap.sweep().await;
    seconds(60).await;
    let told = scrape(&nightcap).await;
    assert_eq!(told["nightcap_messages_waiting"], 0.0);
    assert_eq!(told[r#"nightcap_messages_total{result="failed"}"#], 1.0);
}

/// Prometheus's own tool reads it and finds nothing to say. Where it is not installed, there is nothing to ask.
#[tokio::test(start_paused = true)]
async fn promtool_has_nothing_to_say() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    start(&nightcap, TEST_VM).await;
    seconds(200).await;
    let text = page(&nightcap).await;
    let promtool =
        Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut promtool) = promtool else {
        assert!(std::env::var_os("NIGHTCAP_ORACLES").is_none(), "promtool is not installed");
        return eprintln!("promtool is not installed, so it was not asked");
    };
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
}

/// What the rules and the dashboard ask for is there.
#[tokio::test(start_paused = true)]
async fn rules_and_dashboard_ask_for_nothing_else() {
    let text = page(&Scene::new().instance()).await;
    let mut told: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    told.extend([
        "nightcap_alert_to_put_seconds_bucket",
        "nightcap_alert_to_put_seconds_sum",
        "nightcap_alert_to_put_seconds_count",
    ]);
    for file in ["rules.yaml", "rules_test.yaml", "dashboard.json"] {
        let path = format!("{}/deploy/monitoring/{file}", env!("CARGO_MANIFEST_DIR"));
        let asks = std::fs::read_to_string(path).unwrap();
        let mut found = 0;
        for asked in asks.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_')) {
            if asked.starts_with("nightcap_") {
                assert!(told.contains(&asked), "{file} asks for {asked}");
                found += 1;
            }
        }
        assert!(found > 5, "{file}");
    }
    assert!(told.len() > 12);
}
