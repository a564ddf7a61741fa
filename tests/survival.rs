//! The built component, both builds, when its host dies and when everything fires at once.

mod common;

use std::time::{Duration, Instant};

use common::alerts::{TEST_VM, common, common_at, many_machines};
use common::served::{Served, builds, until};
use futures::stream::{self, StreamExt};
use http::Method;
use nightcap_embedded::Build;
use nightcap_simulator::{Azure, Effect, Fault, Service, Throttle, World};
use serde_json::{Value, json};

/// Alerts of a storm that wait for their answer at once. `wasmtime serve` has room for some 330 instances, and those that have
/// answered stay for about a second.
const AT_ONCE: usize = 64;

/// Everything takes moments, so that the whole story does, too.
fn quick(world: &mut World) {
    let moment = Duration::from_millis(300);
    world.timing.create = moment;
    world.timing.file_delay = moment;
    world.timing.retry_after = 1;
}

fn hang(service: Service, method: Method, path: &str) -> Fault {
    Fault::new(Effect::Hang).service(service).method(method).path(path)
}

fn messages(azure: &Azure) -> Vec<Value> {
    azure.messages().iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
}

/// Lets a host run until a request of this kind is under way, and kills it there.
async fn killed_at(build: Build, fault: Fault, is_there: impl Fn(&Azure) -> bool) -> Served {
    let settings = [("capture_seconds", "2"), ("answer_seconds", "1"), ("notify_format", "cloudevents")];
    let scene = Served::with(build, quick, &settings).await;
    scene.on_azure(|azure| azure.add_fault(fault));
    let (status, answer) = scene.alert(&common("cpu", TEST_VM)).await;
    assert!([201, 202].contains(&status.as_u16()), "{answer}");
    until("the moment to die", async || scene.on_azure(|azure| is_there(azure)).then_some(())).await;
    scene.assert_no_trap();
    let scene = scene.restart().await;
    scene.on_azure(Azure::clear_faults);
    scene
}

fn was_asked(method: &'static str, part: &'static str) -> impl Fn(&Azure) -> bool {
    move |azure| azure.transcript().iter().any(|exchange| exchange.method == method && exchange.path.contains(part))
}

async fn ends_well(scene: &Served, copies: usize, what: &str) {
    scene.sweep().await;
    let told = until("the message", async || {
        let told = scene.on_azure(|azure| messages(azure));
        (told.len() >= copies).then_some(told)
    })
    .await;
    assert_eq!(told.len(), copies, "{what}");
    assert!(told.iter().all(|message| message["id"] == told[0]["id"]), "{what}: {told:#?}");
    assert_eq!(told[0]["data"]["reason"], "time_limit", "{what}");
    assert_eq!(scene.captures(), 1, "{what}");
    let count = until("the end of all work", async || {
        let (_, answer) = scene.sweep().await;
        (answer["unfinished"] == json!({"alerts": 0, "captures": 0, "notices": 0})).then_some(answer)
    });
    count.await;
    assert_eq!(scene.on_azure(|azure| messages(azure)).len(), copies, "{what}: nobody is told again");
    scene.assert_no_trap();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_each_step_and_swept_one_capture_ends_once_and_is_told_once() {
    for build in builds() {
        // What was under way has not been answered, so the last step that was written is the one before.
        let token = || killed_at(build, hang(Service::Entra, Method::POST, "/token"), was_asked("POST", "/token"));
        let put = || {
            let put = hang(Service::Arm, Method::PUT, "/packetCaptures/");
            killed_at(build, put, was_asked("PUT", "/packetCaptures/"))
        };
        let file = || killed_at(build, hang(Service::Blob, Method::HEAD, ".cap"), was_asked("HEAD", ".cap"));
        ends_well(&token().await, 1, "accepted").await;
        ends_well(&put().await, 1, "requested").await;
        ends_well(&file().await, 1, "ended").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_sending_and_writing_it_down_people_are_told_twice_under_one_id() {
    for build in builds() {
        let scene =
            killed_at(build, Fault::new(Effect::Hang).service(Service::Sink), |azure| !azure.messages().is_empty())
                .await;
        ends_well(&scene, 2, "told").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_five_hundred_alerts_in_a_storm_all_have_their_outcome_and_memory_stays_bounded() {
    for build in builds() {
        let mut machines = vec![];
        let slow = |world: &mut World| {
            machines = many_machines(world, 100);
            world.timing.latency = Duration::from_millis(200);
            world.throttle = Some(Throttle { requests: 400, window: Duration::from_secs(1) });
        };
        let settings = [("capture_limit", "1000"), ("answer_seconds", "3"), ("notify_on", "failed")];
        let scene = Served::with(build, slow, &settings).await;
        let alerts = (0..500).map(|number| {
            let alert = common_at(&format!("rule-{number}"), &machines[number % 100], "2026-11-20T02:13:40Z");
            let scene = &scene;
            async move {
                let sent = Instant::now();
                let (status, answer) = scene.alert(&alert).await;
                (status.as_u16(), answer, sent.elapsed())
            }
        });
        let answers: Vec<_> = stream::iter(alerts).buffer_unordered(AT_ONCE).collect().await;
        assert!(answers.iter().all(|(status, _, _)| [200, 201, 202].contains(status)), "{answers:#?}");
        let slowest = answers.iter().map(|(_, _, took)| *took).max().unwrap();
        let mut ends = std::collections::BTreeMap::<String, usize>::new();
        for (_, answer, _) in &answers {
            let link = answer["links"]["record"].as_str().unwrap();
            let record = until("the end of an alert", async || {
                let (_, record) = scene.look(link).await;
                (record["finished"] == true).then_some(record)
            })
            .await;
            *ends.entry(record["outcomes"][0]["outcome"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        println!(
            "{build:?}: {ends:?}; slowest answer {} ms; {} requests to Azure; most linear memory of an instance {} KiB",
            slowest.as_millis(),
            scene.asked().len(),
            scene.nightcap.peak_memory() / 1024
        );
        assert_eq!(ends.get("started"), Some(&100), "{ends:?}");
        assert_eq!(ends.get("joined"), Some(&400), "{ends:?}");
        assert_eq!(scene.captures(), 100);
        let tokens = scene.asked().iter().filter(|asked| *asked == "POST token").count();
        assert!(tokens <= 5, "a storm needs a handful of tokens, and {tokens} were fetched");
        assert!(scene.nightcap.peak_memory() < 32 * 1024 * 1024, "{} bytes", scene.nightcap.peak_memory());
        scene.assert_no_trap();
    }
}
