//! With `install_agent`: where the Network Watcher agent is missing or broken, it is installed and the capture follows.

mod common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use common::alerts::{CONTOSO_VM, TEST_VM, common, common_at};
use common::instance::{BEGIN, Instance, Scene, Store};
use common::story::{TELL_ALL, add, refuse, seconds, told};
use http::Method;
use nightcap_simulator::{AgentState, Effect, Fault, World};
use serde_json::Value;

/// A scene in which nightcap has no agent to capture with, unless it is changed.
fn scene(change: impl FnOnce(&mut World)) -> Scene {
    Scene::with(BEGIN, change)
}

fn no_agent(scene: &Scene) -> String {
    scene.machine(|vm| vm.id.ends_with("/no-agent"))
}

fn installing(scene: &Scene, store: &Store) -> Instance {
    installing_with(scene, store, &[])
}

fn installing_with(scene: &Scene, store: &Store, more: &[(&str, &str)]) -> Instance {
    let settings: Vec<_> =
        TELL_ALL.into_iter().chain([("install_agent", "true")]).chain(more.iter().copied()).collect();
    scene.instance_with(&settings, store.clone())
}

/// Status and outcome of an alert that Azure fires on a machine.
async fn alert(nightcap: &Instance, rule: &str, target: &str) -> (u16, Value) {
    let (status, answer) = nightcap.alert(&common(rule, target)).await.json();
    (status.as_u16(), answer["outcomes"][0].clone())
}

/// Where everything is in the end: the alert's outcome and reason, as its record has them.
async fn end(nightcap: &Instance) -> (String, String, String) {
    let record = nightcap.alert_record().await;
    assert_eq!(record["finished"], true, "{record}");
    let text = |name: &str| record["outcomes"][0][name].as_str().unwrap().to_owned();
    (text("outcome"), text("reason"), text("message"))
}

/// How often Azure was asked for something, such as `PUT AzureNetworkWatcherExtension`.
fn count(scene: &Scene, wanted: &str) -> usize {
    scene.asked().iter().filter(|asked| asked.starts_with(wanted)).count()
}

const INSTALL: &str = "PUT AzureNetworkWatcherExtension";
const CAPTURE: &str = "PUT nightcap";

/// The seconds from the beginning of the story to the first capture that Azure was asked for and that it accepted.
fn captured_after(scene: &Scene) -> i64 {
    let azure = scene.azure.lock().unwrap();
    azure.captures()[0].created.duration_since(BEGIN.parse().unwrap()).as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_missing_agent_is_installed_and_the_capture_follows() {
    let (scene, store) = (scene(|_| ()), Store::default());
    let nightcap = installing(&scene, &store);
    let machine = no_agent(&scene);
    let (status, outcome) = alert(&nightcap, "cpu", &machine).await;
    assert_eq!(
        (status, outcome["outcome"].as_str(), outcome["reason"].as_str()),
        (202, Some("accepted"), Some("installing_agent"))
    );
    assert!(scene.now().duration_since(BEGIN.parse().unwrap()).as_secs() < 1, "nobody waits for it");
    assert_eq!(count(&scene, "PUT"), 0, "what cannot succeed is not tried");
    seconds(60).await;
    let (outcome, reason, message) = end(&nightcap).await;
    assert_eq!((outcome.as_str(), reason.as_str()), ("started", "started"));
    let took: i64 = message.split_once("which took ").unwrap().1.split_once(" seconds").unwrap().0.parse().unwrap();
    assert!((38..45).contains(&took), "{message}");
    assert!((took..48).contains(&captured_after(&scene)), "{}", captured_after(&scene));
    assert_eq!((count(&scene, INSTALL), count(&scene, CAPTURE)), (1, 1), "{:?}", scene.asked());
    assert_eq!(scene.running_on(&machine).len(), 1);
    seconds(180).await;
    let told = told(&scene);
    let types: Vec<_> =
        told.iter().map(|message| message["type"].as_str().unwrap().rsplit('.').next().unwrap()).collect();
    assert_eq!(types, ["started", "finished"], "{told:#?}");
    assert!(
        told.iter().all(|message| message.to_string().contains("had to be installed first, which took")),
        "{told:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_system_and_the_region_are_the_machines() {
    for (system, windows) in [("Linux", false), ("Windows", true)] {
        let scene = scene(|world| {
            let machine = &mut world.virtual_machines[0];
            machine.agent = None;
            machine.os = if windows {
                nightcap_simulator::OperatingSystem::Windows
            } else {
                nightcap_simulator::OperatingSystem::Linux
            };
        });
        let nightcap = installing(&scene, &Store::default());
        alert(&nightcap, "cpu", TEST_VM).await;
        seconds(60).await;
        assert_eq!(end(&nightcap).await.0, "started", "{system}: the simulator takes an agent of its own system only");
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_agent_is_installed_anew_under_its_own_name() {
    let scene = scene(|world| {
        let machine = &mut world.virtual_machines[0];
        (machine.agent, machine.agent_state) = (Some("watcher".into()), AgentState::Failed("Disk full.".into()));
    });
    let nightcap = installing(&scene, &Store::default());
    assert_eq!(alert(&nightcap, "cpu", TEST_VM).await.1["reason"], "installing_agent");
    seconds(60).await;
    assert_eq!(end(&nightcap).await.0, "started");
    assert_eq!((count(&scene, "PUT watcher"), count(&scene, CAPTURE)), (1, 1), "{:?}", scene.asked());
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_has_gone_since_is_missed_by_the_put() {
    let (scene, store) = (scene(|_| ()), Store::default());
    let nightcap = installing_with(&scene, &store, &[("cooldown_seconds", "0")]);
    assert_eq!(alert(&nightcap, "cpu", TEST_VM).await.0, 201);
    seconds(600).await;
    let first = scene.asked().len();
    scene.azure.lock().unwrap().world_mut().virtual_machines[0].agent = None;
    assert_eq!(alert(&nightcap, "disk", TEST_VM).await.1["reason"], "installing_agent");
    let asked = scene.asked_for_it(first);
    assert!(asked.len() == 2 && asked[1].starts_with(CAPTURE), "warm, the capture is asked for at once: {asked:?}");
    seconds(60).await;
    assert_eq!(scene.running_on(TEST_VM).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failing_installation_is_told_once_and_not_tried_again_at_once() {
    let (scene, store) = (scene(|_| ()), Store::default());
    let failing =
        Effect::FailedOperation { code: "VMExtensionProvisioningError".into(), message: "No disk space.".into() };
    add(&scene, Fault::new(failing).method(Method::PUT).path("/extensions/"));
    let nightcap = installing(&scene, &store);
    let machine = no_agent(&scene);
    alert(&nightcap, "cpu", &machine).await;
    seconds(120).await;
    let (outcome, reason, message) = end(&nightcap).await;
    assert_eq!((outcome.as_str(), reason.as_str()), ("failed", "agent_not_installed"));
    assert!(message.contains("No disk space") && message.contains("extensions"), "{message}");
    assert_eq!(told(&scene).len(), 1);
    // The next alert is told the same, and nothing is installed again for an hour.
    nightcap.alert(&common_at("disk", &machine, "2026-11-20T02:16:00Z")).await;
    seconds(60).await;
    assert_eq!((told(&scene).len(), count(&scene, INSTALL), count(&scene, CAPTURE)), (2, 1, 0), "{:?}", scene.asked());
    seconds(3600).await;
    nightcap.alert(&common_at("disk", &machine, "2026-11-20T03:16:00Z")).await;
    seconds(60).await;
    assert_eq!(count(&scene, INSTALL), 2);
}

#[tokio::test(start_paused = true)]
async fn an_installation_that_never_ends_is_given_up_ten_minutes_after_the_alert() {
    let scene = scene(|world| world.timing.install_agent = Duration::from_secs(7200));
    let nightcap = installing(&scene, &Store::default());
    alert(&nightcap, "cpu", &no_agent(&scene)).await;
    seconds(9 * 60).await;
    assert_eq!(nightcap.alert_record().await["finished"], false);
    seconds(70).await;
    let (outcome, reason, message) = end(&nightcap).await;
    assert_eq!((outcome.as_str(), reason.as_str()), ("failed", "agent_not_installed"));
    assert!(message.contains("10 minutes after the alert"), "{message}");
    assert_eq!((told(&scene).len(), count(&scene, INSTALL), count(&scene, CAPTURE)), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_off_is_told_and_nothing_is_sent_to_it() {
    for agent in [true, false] {
        let scene = scene(|world| {
            let machine = &mut world.virtual_machines[0];
            machine.power = "deallocated".into();
            machine.agent = machine.agent.take().filter(|_| agent);
        });
        let nightcap = installing(&scene, &Store::default());
        let (status, outcome) = alert(&nightcap, "cpu", TEST_VM).await;
        assert_eq!((status, outcome["reason"].as_str()), (200, Some("machine_not_running")), "{outcome}");
        assert!(outcome["message"].as_str().unwrap().contains("deallocated"), "{outcome}");
        assert!(
            outcome["message"].as_str().unwrap().ends_with("az vm start --resource-group test-rg --name test-vm"),
            "{outcome}"
        );
        assert_eq!(count(&scene, "PUT"), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_goes_off_meanwhile_is_told() {
    let scene = scene(|_| ());
    let nightcap = installing(&scene, &Store::default());
    let machine = no_agent(&scene);
    alert(&nightcap, "cpu", &machine).await;
    seconds(20).await;
    for vm in &mut scene.azure.lock().unwrap().world_mut().virtual_machines {
        vm.power = "stopped".into();
    }
    seconds(30).await;
    assert_eq!(end(&nightcap).await.1, "machine_not_running");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_dies_meanwhile_is_followed_by_the_next_sweep() {
    for dies_after in [0, 1, 3, 20, 50] {
        let (scene, store) = (scene(|_| ()), Store::default());
        let first = installing(&scene, &store);
        alert(&first, "cpu", &no_agent(&scene)).await;
        seconds(dies_after).await;
        first.kill();
        seconds(65).await;
        let second = installing(&scene, &store);
        second.sweep().await;
        seconds(60).await;
        let (outcome, _, message) = end(&second).await;
        assert_eq!(outcome, "started", "{dies_after}: {message}");
        assert_eq!((count(&scene, INSTALL), count(&scene, CAPTURE)), (1, 1), "{dies_after}: {:?}", scene.asked());
        seconds(180).await;
        let ends =
            told(&scene).iter().filter(|message| message["type"].as_str().unwrap().ends_with("finished")).count();
        assert_eq!(ends, 1, "{dies_after}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_back_too_late_installs_nothing() {
    let (scene, store) = (scene(|_| ()), Store::default());
    let first = installing(&scene, &store);
    alert(&first, "cpu", &no_agent(&scene)).await;
    first.kill();
    seconds(15 * 60).await;
    let second = installing(&scene, &store);
    second.sweep().await;
    seconds(30).await;
    assert_eq!(end(&second).await.1, "agent_not_installed");
    assert_eq!((count(&scene, "PUT"), told(&scene).len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn short_stays_and_a_timer_bring_it_to_its_end() {
    let (scene, store) = (scene(|_| ()), Store::default());
    alert(&installing_with(&scene, &store, &[("stay_seconds", "8")]), "cpu", &no_agent(&scene)).await;
    for _ in 0..6 {
        seconds(30).await;
        let swept = installing_with(&scene, &store, &[("stay_seconds", "8")]);
        assert!(swept.sweep().await.status.is_success());
    }
    let nightcap = installing(&scene, &store);
    assert_eq!(end(&nightcap).await.0, "started");
    assert_eq!((count(&scene, INSTALL), count(&scene, CAPTURE)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn alerts_at_once_and_on_several_hosts_lead_to_one_installation_and_one_capture() {
    let (scene, store) = (scene(|_| ()), Store::default());
    let machine = no_agent(&scene);
    store.takes.store(20, Ordering::Relaxed);
    let (one, other) = (installing(&scene, &store), installing(&scene, &store));
    futures::join!(alert(&one, "cpu", &machine), alert(&one, "disk", &machine), alert(&other, "memory", &machine));
    // Two who carry on at once, as a timer makes them.
    futures::join!(one.sweep(), other.sweep());
    seconds(70).await;
    assert_eq!(count(&scene, INSTALL), 1, "{:?}", scene.asked());
    assert_eq!(scene.running_on(&machine).len(), 1);
    let values = store.values();
    let records: Vec<Value> = values
        .iter()
        .filter(|(key, _)| key.starts_with("alert:"))
        .map(|(_, value)| serde_json::from_str(value).unwrap())
        .collect();
    let mut outcomes: Vec<_> =
        records.iter().map(|record| record["outcomes"][0]["outcome"].as_str().unwrap()).collect();
    outcomes.dedup();
    // Which of them is told to have started it depends on who writes last.
    assert!(!outcomes.is_empty() && outcomes.iter().all(|one| ["joined", "started"].contains(one)), "{records:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_missing_right_is_told_with_its_name() {
    let right = "Microsoft.Compute/virtualMachines/extensions/write";
    let scene = scene(|world| world.denied_actions = vec![right.into()]);
    let nightcap = installing(&scene, &Store::default());
    alert(&nightcap, "cpu", &no_agent(&scene)).await;
    seconds(10).await;
    let (_, reason, message) = end(&nightcap).await;
    assert_eq!(reason, "not_authorized");
    assert!(message.contains(right), "{message}");
    assert_eq!(told(&scene).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_waited_for() {
    for passing in [refuse(409, "Conflict"), refuse(503, "ServiceUnavailable"), Effect::CutAfter] {
        let scene = scene(|_| ());
        add(&scene, Fault::new(passing.clone()).method(Method::PUT).path("/extensions/").times(2));
        let nightcap = installing(&scene, &Store::default());
        alert(&nightcap, "cpu", &no_agent(&scene)).await;
        seconds(120).await;
        assert_eq!(end(&nightcap).await.0, "started", "{passing:?}: {:?}", scene.asked());
    }
}

#[tokio::test(start_paused = true)]
async fn scale_sets_get_it_with_all_their_instances() {
    for by_hand in [false, true] {
        let scene = scene(|world| {
            let set = &mut world.scale_sets[0];
            (set.agent, set.upgrades_by_hand) = (None, by_hand);
        });
        let set = scene.azure.lock().unwrap().world().scale_sets[0].id.clone();
        let nightcap = installing(&scene, &Store::default());
        assert_eq!(alert(&nightcap, "cpu", &set).await.1["reason"], "installing_agent");
        seconds(120).await;
        assert_eq!(end(&nightcap).await.0, "started", "{:?}", scene.asked());
        assert_eq!((count(&scene, INSTALL), count(&scene, "POST manualupgrade")), (1, usize::from(by_hand)));
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_of_a_scale_set_gets_its_own() {
    let scene = scene(|world| world.scale_sets[0].agent = None);
    let set = scene.azure.lock().unwrap().world().scale_sets[0].id.clone();
    let nightcap = installing(&scene, &Store::default());
    alert(&nightcap, "cpu", &format!("{set}/virtualMachines/1")).await;
    seconds(60).await;
    assert_eq!(end(&nightcap).await.0, "started", "{:?}", scene.asked());
    let azure = scene.azure.lock().unwrap();
    assert_eq!(azure.world().scale_sets[0].instance_agents.keys().collect::<Vec<_>>(), ["1"], "and no other one");
}

#[tokio::test(start_paused = true)]
async fn dry_run_and_preview_tell_the_request() {
    let scene = scene(|_| ());
    let nightcap = installing_with(&scene, &Store::default(), &[("dry_run", "true")]);
    let (status, outcome) = alert(&nightcap, "cpu", &no_agent(&scene)).await;
    assert_eq!((status, outcome["reason"].as_str()), (200, Some("dry_run")), "{outcome}");
    let request = &outcome["requests"][0];
    assert_eq!(request["method"], "PUT");
    assert!(
        request["url"].as_str().unwrap().contains("/virtualMachines/no-agent/extensions/AzureNetworkWatcherExtension?")
    );
    assert_eq!(request["body"]["properties"]["type"], "NetworkWatcherAgentLinux");
    assert!(outcome["message"].as_str().unwrap().contains("no Network Watcher agent"), "{outcome}");
    assert_eq!(count(&scene, "PUT"), 0);
}

#[tokio::test(start_paused = true)]
async fn off_it_is_as_it_was() {
    let (scene, store) = (scene(|_| ()), Store::default());
    let nightcap = scene.instance_with(&TELL_ALL, store.clone());
    let (status, outcome) = alert(&nightcap, "cpu", &no_agent(&scene)).await;
    assert_eq!(
        (status, outcome["outcome"].as_str(), outcome["reason"].as_str()),
        (200, Some("failed"), Some("agent_missing"))
    );
    assert_eq!(count(&scene, "PUT"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_fine_costs_no_request_and_no_read_more() {
    let asked = async |install: &str| {
        let (scene, store) = (scene(|_| ()), Store::default());
        let mut all = vec![];
        for rule in ["cpu", "disk"] {
            let settings = [("install_agent", install), ("cooldown_seconds", "0")];
            let nightcap = scene.instance_with(&settings, store.clone());
            assert_eq!(alert(&nightcap, rule, CONTOSO_VM).await.0, 201);
            seconds(600).await;
            all.extend(nightcap.asked().into_iter().map(|asked| asked.what));
        }
        (scene.asked(), all)
    };
    assert_eq!(asked("true").await, asked("false").await);
}
