//! What people learn of a capture's file: in the message, as JSON, as a page, and the file itself.

mod common;

use std::time::Duration;

use common::alerts::{CONTOSO_VM, TEST_VM, common};
use common::http::Answer;
use common::instance::{BEGIN, Instance, Scene, Store};
use futures::future::join_all;
use http::Method;
use nightcap_simulator::{Effect, Fault, ScaleSetFiles, World};
use serde_json::Value;

const BEARER: (&str, &str) = ("authorization", common::instance::BEARER);

const PUBLIC_URL: &str = "https://nightcap.example";

/// A capture that is over, and who watched it.
struct Captured {
    scene: Scene,
    nightcap: Instance,
    path: String,
}

impl Captured {
    async fn new(change: impl FnOnce(&mut World), settings: &[(&str, &str)], fault: Option<Fault>) -> Self {
        Self::on(TEST_VM, change, settings, fault).await
    }

    async fn on(
        target: &str,
        change: impl FnOnce(&mut World),
        settings: &[(&str, &str)],
        fault: Option<Fault>,
    ) -> Self {
        let scene = Scene::with(BEGIN, change);
        if let Some(fault) = fault {
            scene.azure.lock().unwrap().add_fault(fault);
        }
        let settings: Vec<_> = settings.iter().copied().chain([("notify_format", "cloudevents")]).collect();
        let nightcap = scene.instance_with(&settings, Store::default());
        let (status, answer) = nightcap.alert(&common("cpu", target)).await.json();
        assert_eq!(status, 201, "{answer}");
        let path = answer["outcomes"][0]["capture"]["links"]["self"].as_str().unwrap();
        let path = path.trim_start_matches(PUBLIC_URL).to_owned();
        tokio::time::sleep(Duration::from_secs(600)).await;
        Self { scene, nightcap, path }
    }

    async fn get(&self, what: &str, headers: &[(&str, &str)]) -> Answer {
        let headers: Vec<_> = headers.iter().copied().chain([BEARER]).collect();
        self.nightcap.send(Method::GET, &format!("{}/{what}", self.path), &headers, "").await
    }

    /// The address of the capture, or of something about it, for people.
    fn url(&self, what: &str) -> String {
        format!("{PUBLIC_URL}{}{what}", self.path)
    }

    /// The one message that people were told.
    fn message(&self) -> Value {
        let messages = self.scene.azure.lock().unwrap().messages().to_vec();
        assert_eq!(messages.len(), 1);
        serde_json::from_str(&messages[0].body).unwrap()
    }

    fn lines(&self) -> Vec<String> {
        serde_json::from_value(self.message()["data"]["capture"]["report"].clone()).unwrap()
    }
}

/// Packets in a classic capture file, and their bytes on the wire.
fn packets_in(file: &[u8]) -> (u64, u64) {
    let (mut rest, mut packets, mut bytes) = (&file[24..], 0, 0);
    while !rest.is_empty() {
        let field = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
        (packets, bytes) = (packets + 1, bytes + u64::from(field(12)));
        rest = &rest[16 + field(8) as usize..];
    }
    (packets, bytes)
}

#[tokio::test(start_paused = true)]
async fn the_message_the_report_and_the_file_tell_the_same() {
    let captured = Captured::new(|_| (), &[], None).await;
    let file = captured.get("file", &[]).await;
    let length = captured.nightcap.store.json("capture:")["files"][0]["bytes"].to_string();
    assert_eq!((file.status.as_u16(), file.body.len().to_string()), (200, length.clone()));
    assert_eq!(file.headers["content-length"], length.as_str());
    assert_eq!(file.headers["content-type"], "application/vnd.tcpdump.pcap");
    assert!(file.headers["content-disposition"].to_str().unwrap().ends_with(".cap\""));
    let (packets, bytes) = packets_in(&file.body);

    let (status, report) = captured.get("report", &[("accept", "*/*")]).await.json();
    assert_eq!(status, 200);
    assert_eq!((&report["version"], &report["file"]["isComplete"]), (&1.into(), &true.into()));
    assert_eq!((&report["packets"]["count"], &report["packets"]["bytes"]), (&packets.into(), &bytes.into()));

    let lines = captured.lines();
    assert_eq!(lines.len(), 3, "{lines:?}");
    let digits: String = lines[2].split(" packets").next().unwrap().replace(',', "");
    assert_eq!(digits, packets.to_string(), "{lines:?}");
    let found = report["findings"][0]["sentence"].as_str().expect("the burst to a database that is too slow");
    assert!(lines[0].starts_with(found), "what was found comes first, with what to do: {lines:?}");
    let filters = &captured.message()["data"]["capture"]["filters"];
    assert_eq!(filters[0], report["findings"][0]["filter"]);
    assert_eq!(captured.nightcap.store.json("capture:")["filters"], *filters);
}

#[tokio::test(start_paused = true)]
async fn a_browser_gets_a_page_and_a_program_the_report() {
    let captured = Captured::new(|_| (), &[("public_url", PUBLIC_URL)], None).await;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let page = captured.get("report", &[("accept", browser)]).await;
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(text.contains("<svg") && text.contains("test-VM") && !text.contains("<script"), "{text}");
    let links: Vec<&str> = text.split("<a href=\"").skip(1).filter_map(|link| link.split('"').next()).collect();
    let [machine, file, record] = links[..] else { panic!("{links:?}") };
    assert!(machine.starts_with("https://portal.azure.com/#resource/subscriptions/"), "{machine}");
    let own = captured.url("").replace("/api/", "/");
    assert_eq!((file, record), (&*captured.url("/file"), &*own), "with public_url they lead somewhere");
    let report = captured.get("report", &[]).await.json().1;
    let filter = report["findings"][0]["filter"].as_str().unwrap().replace('&', "&amp;");
    assert!(text.contains(&format!("Wireshark: <code>{filter}</code>")), "{filter}: {text}");
    for accepted in ["application/json", "application/json, text/html;q=0.5", "*/*"] {
        let answer = captured.get("report", &[("accept", accepted)]).await;
        assert_eq!(answer.headers["content-type"], "application/json", "{accepted}");
    }
}

/// What all names in the simulator's traffic end in.
const NAMES: &str = "contoso.example";

#[tokio::test(start_paused = true)]
async fn with_report_names_off_no_name_from_the_wire_is_told_or_kept() {
    for (setting, is_told) in [("true", true), ("false", false)] {
        let captured = Captured::new(|_| (), &[("report_names", setting)], None).await;
        let json = captured.get("report", &[]).await;
        let page = captured.get("report", &[("accept", "text/html")]).await;
        for shown in [&json, &page] {
            assert_eq!(shown.status, 200);
            let text = String::from_utf8_lossy(&shown.body);
            assert_eq!(text.contains(NAMES), is_told, "{setting}");
            assert!(text.contains("168.63.129.16") && text.contains("Azure platform and DNS"), "{setting}");
        }
        let stored = captured.nightcap.store.values();
        assert_eq!(stored.values().any(|value| value.contains(NAMES)), is_told, "{setting}");
        assert!(is_told || !captured.message().to_string().contains(NAMES));
        assert!(is_told || String::from_utf8_lossy(&page.body).contains("as the setting report_names asks"));
    }
}

#[tokio::test(start_paused = true)]
async fn only_operators_see_reports_and_files() {
    let captured = Captured::new(|_| (), &[], None).await;
    for what in ["report", "file"] {
        let url = format!("{}/{what}", captured.path);
        assert_eq!(captured.nightcap.send(Method::GET, &url, &[], "").await.status, 401, "{what}");
        let unknown = format!("{}x/{what}", captured.path);
        assert_eq!(captured.nightcap.send(Method::GET, &unknown, &[BEARER], "").await.status, 404, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_file_is_read_in_pieces_and_passes_through_whole() {
    let captured = Captured::new(|world| world.traffic_percent = 2000, &[], None).await;
    let file = captured.get("file", &[]).await;
    assert!(file.body.len() > 2 * nightcap::PIECE as usize, "{}", file.body.len());
    let (packets, bytes) = packets_in(&file.body);
    let (_, report) = captured.get("report", &[]).await.json();
    assert_eq!((&report["packets"]["count"], &report["packets"]["bytes"]), (&packets.into(), &bytes.into()));
}

#[tokio::test(start_paused = true)]
async fn of_a_scale_set_each_instance_is_read_and_the_worst_is_told_first() {
    let set = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/testrg/providers/Microsoft.Compute/virtualMachineScaleSets/testvmss";
    let first_is_quiet = |world: &mut World| {
        world.scale_set_files = ScaleSetFiles::InFolder;
        world.scale_sets[0].quiet_instances = vec!["0".into()];
    };
    let captured = Captured::on(set, first_is_quiet, &[], None).await;
    let lines = captured.lines();
    let record = captured.nightcap.store.json("capture:");
    let sizes: Vec<u64> = (0..3).map(|index| record["files"][index]["bytes"].as_u64().unwrap()).collect();
    assert_eq!(sizes[0], 24, "an empty capture: {sizes:?}");
    for (number, size) in (1..).zip(&sizes) {
        let file = captured.get(&format!("file?number={number}"), &[]).await;
        assert_eq!((file.status.as_u16(), file.body.len() as u64), (200, *size), "{number}");
    }
    let report = captured.get("report", &[]).await.json().1;
    let instances = report["instances"].as_array().unwrap().clone();
    let names: Vec<&str> = instances.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!((names.len(), names[2]), (3, "testvmss_0"), "what has captured nothing comes last: {instances:?}");
    let worst = &instances[0];
    assert!(lines[0].starts_with(&format!("{}: {}", names[0], worst["worst"].as_str().unwrap())), "{lines:?}");
    assert!(lines[1].ends_with(" Nothing was captured on testvmss_0."), "{lines:?}");
    let packets: u64 = instances.iter().map(|one| one["packets"].as_u64().unwrap()).sum();
    let digits = lines[2].trim_start_matches("testvmss: ").split(" packets").next().unwrap().replace(',', "");
    assert_eq!(digits, packets.to_string(), "{lines:?}");
    assert_eq!((&report["packets"]["count"], &report["findings"][0]["sentence"]), (&worst["packets"], &worst["worst"]));
    for instance in &instances {
        let number = &instance["number"];
        let file = captured.get(&format!("file?number={number}"), &[]).await;
        assert_eq!(instance["packets"], packets_in(&file.body).0);
        let name = file.headers["content-disposition"].to_str().unwrap();
        assert!(name.ends_with(&format!("_{}.cap\"", instance["name"].as_str().unwrap())), "{name}");
        let own = captured.get(&format!("report?number={number}"), &[]).await.json().1;
        assert_eq!(own["packets"]["count"], instance["packets"]);
    }
    let led_by = captured.get("file", &[]).await;
    assert_eq!(worst["packets"], packets_in(&led_by.body).0, "the file that the report is about");
    let page = captured.get("report", &[("accept", "text/html")]).await;
    let page = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(page.contains(&format!("<h1>Packet capture on {}</h1>", names[0])), "{page}");
    for number in ["1", "2", "3"] {
        let links = [format!("<a href=\"?number={number}\">"), format!("<a href=\"file?number={number}\">")];
        assert!(links.iter().all(|link| page.contains(link)), "{links:?} {page}");
    }
    assert_eq!(captured.message()["data"]["capture"]["files"].as_array().unwrap().len(), 3);
    for number in ["0", "4", "-1", "x", ""] {
        let (status, problem) = captured.get(&format!("file?number={number}"), &[]).await.json();
        assert_eq!(status, 404, "{number}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains("from 1 to 3"), "{problem}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_capture_is_compared_with_the_last_one_of_its_machine() {
    let scene = Scene::new();
    let store = Store::default();
    let nightcap = scene.instance_with(&[("cooldown_seconds", "0"), ("notify_format", "cloudevents")], store.clone());
    let report_on = async |rule: &str, machine: &str| {
        let answer = nightcap.alert(&common(rule, machine)).await.json().1;
        let capture = answer["outcomes"][0]["capture"].clone();
        tokio::time::sleep(Duration::from_secs(600)).await;
        let path = format!("{}/report", capture["links"]["self"].as_str().unwrap());
        (capture["name"].clone(), nightcap.look(&path).await)
    };
    let (first, report) = report_on("one", TEST_VM).await;
    assert_eq!(report["comparison"], Value::Null, "there was none before it");
    scene.azure.lock().unwrap().world_mut().traffic_percent = 1000;
    let (_, report) = report_on("other", CONTOSO_VM).await;
    assert_eq!(report["comparison"], Value::Null, "that was another machine");
    let (_, report) = report_on("two", TEST_VM).await;
    let comparison = &report["comparison"];
    assert_eq!((&comparison["capture"], &comparison["wasQuiet"]), (&first, &false.into()));
    let grown = comparison["changes"].as_array().unwrap().iter().find(|change| change["kind"] == "grown").unwrap();
    assert!(grown["now"].as_f64().unwrap() > 4.0 * grown["before"].as_f64().unwrap(), "{comparison}");
    let messages = scene.azure.lock().unwrap().messages().to_vec();
    let lines = |index: usize| {
        let message: Value = serde_json::from_str(&messages[index].body).unwrap();
        message["data"]["capture"]["report"].as_array().unwrap().clone()
    };
    assert_eq!([0, 1, 2].map(|index| lines(index).len()), [3, 3, 4]);
    let sentence = lines(2)[1].as_str().unwrap().to_owned();
    assert!(sentence.starts_with("Compared with 2026-11-20 02:1"), "{sentence}");
    assert!(sentence.contains(" UTC, the last capture: ") && sentence.contains(" has grown from "), "{sentence}");
    let values = store.values();
    let kept: Vec<&String> =
        values.iter().filter(|(key, _)| key.starts_with("baseline:")).map(|(_, kept)| kept).collect();
    assert_eq!(kept.len(), 2, "one a machine");
    assert!(kept.iter().all(|kept| kept.len() < 10_000), "{kept:?}");
}

#[tokio::test(start_paused = true)]
async fn an_instance_sends_no_more_files_at_once_than_its_memory_is_for() {
    let captured = Captured::new(|_| (), &[], None).await;
    captured.scene.azure.lock().unwrap().add_fault(Fault::new(Effect::Delay(Duration::from_secs(5))).path(".cap"));
    let statuses: Vec<u16> =
        join_all((0..6).map(|_| captured.get("file", &[]))).await.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 503, 503]);
    assert_eq!(captured.get("file", &[]).await.status, 200, "as soon as the others have theirs");
}

#[tokio::test(start_paused = true)]
async fn an_instance_reads_one_file_after_the_other() {
    let scene = Scene::with(BEGIN, |world| {
        world.traffic_percent = 2000;
        world.timing.latency = Duration::from_millis(100);
    });
    let nightcap = scene.instance();
    let (one, other) = (common("cpu", TEST_VM), common("cpu", CONTOSO_VM));
    futures::future::join(nightcap.alert(&one), nightcap.alert(&other)).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    let azure = scene.azure.lock().unwrap();
    let read = azure.transcript().iter().filter(|asked| asked.method == "GET" && asked.path.contains(".cap"));
    let mut files: Vec<&str> = read.map(|asked| asked.path.as_str()).collect();
    assert!(files.len() > 4, "several pieces of each: {files:?}");
    files.dedup();
    assert_eq!(files.len(), 2, "{files:?}");
}

#[tokio::test(start_paused = true)]
async fn reading_stops_where_it_was_told_to_and_says_so() {
    let more = |world: &mut World| world.traffic_percent = 1000;
    let captured = Captured::new(more, &[("report_bytes", "1000")], None).await;
    let (_, report) = captured.get("report", &[]).await.json();
    assert_eq!(report["file"]["isComplete"], false);
    assert!(report["packets"]["count"].as_u64().unwrap() > 0);
    assert!(captured.lines().iter().any(|line| line.contains(" Only the first 3.9 MiB of ")), "{:?}", captured.lines());
}

#[tokio::test(start_paused = true)]
async fn people_are_told_without_a_report_when_the_file_cannot_be_read() {
    let effect = Effect::Status {
        status: 403,
        code: "AuthorizationPermissionMismatch".to_owned(),
        message: "As told.".to_owned(),
        retry_after: None,
    };
    let fault = Fault::new(effect).method(Method::GET).path(".cap");
    let captured = Captured::new(|_| (), &[], Some(fault)).await;
    assert_eq!(captured.message()["type"], "nightcap.capture.finished");
    assert_eq!(captured.lines(), Vec::<String>::new());
    let (status, problem) = captured.get("report", &[]).await.json();
    assert_eq!(status, 404);
    assert!(problem["detail"].as_str().unwrap().contains("Storage Blob Data Reader"), "{problem}");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_slow_to_come_does_not_keep_the_message_for_long() {
    let fault = Fault::new(Effect::Delay(Duration::from_secs(3600))).method(Method::GET).path(".cap");
    let captured = Captured::new(|_| (), &[("report_seconds", "5")], Some(fault)).await;
    assert_eq!(captured.message()["type"], "nightcap.capture.finished");
}

#[tokio::test(start_paused = true)]
async fn reports_can_be_switched_off() {
    let captured = Captured::new(|_| (), &[("report_seconds", "0")], None).await;
    assert_eq!(captured.lines(), Vec::<String>::new());
    assert!(!captured.scene.asked().contains(&"GET file".to_owned()));
    assert_eq!(captured.get("report", &[]).await.status, 404);
}
