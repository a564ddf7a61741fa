//! Alerts that name no machine, but something that leads to one: a network interface, a public IP address, a computer.

mod common;

use common::alerts::{CONTOSO_VM, TEST_VM, common};
use common::instance::{BEGIN, Scene, Store};
use nightcap_simulator::{Effect, Fault, Service};
use serde_json::{Value, json};

const GROUP: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/test-RG/providers";

fn network(resource: &str) -> String {
    format!("{GROUP}/Microsoft.Network/{resource}")
}

/// An alert on the interface of the sample machine.
fn on_interface() -> Value {
    common("dropped packets", &network("networkInterfaces/test-VM-nic"))
}

/// A log alert that is split by computer, as most rules about machines that people deploy.
fn on_computer(name: &str) -> Value {
    let workspace = format!("{GROUP}/Microsoft.OperationalInsights/workspaces/logs");
    let mut alert = common("no heartbeat", &workspace);
    let dimensions = json!([{"name": "Computer", "value": name}]);
    alert["data"]["alertContext"] = json!({"condition": {"allOf": [{"dimensions": dimensions}]}});
    alert
}

fn first(answer: &Value) -> (&str, &str) {
    let outcome = &answer["outcomes"][0];
    (outcome["outcome"].as_str().unwrap(), outcome["reason"].as_str().unwrap())
}

#[tokio::test(start_paused = true)]
async fn what_stands_before_a_machine_or_names_it_starts_a_capture_on_it() {
    let alerts = [
        on_interface(),
        common("ddos", &network("publicIPAddresses/test-VM-ip")),
        on_computer("test-VM"),
        on_computer("TEST-VM.internal.cloudapp.net"),
    ];
    for alert in alerts {
        let scene = Scene::new();
        let (status, answer) = scene.instance().alert(&alert).await.json();
        assert_eq!((status.as_u16(), first(&answer)), (201, ("started", "started")), "{answer}");
        assert!(answer["outcomes"][0]["target"].as_str().unwrap().eq_ignore_ascii_case(TEST_VM), "{answer}");
        assert_eq!(scene.running_on(TEST_VM).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_leads_to_no_machine_is_told_with_the_way_out() {
    for (alert, hint) in [
        (common("ddos", &network("publicIPAddresses/shop-front")), "shop-front"),
        (common("ddos", &network("publicIPAddresses/spare-ip")), "spare-ip"),
        (common("dropped", &network("networkInterfaces/gone")), "gone"),
        (on_computer("nobody"), "nobody"),
    ] {
        let scene = Scene::new();
        let (status, answer) = scene.instance().alert(&alert).await.json();
        assert_eq!((status.as_u16(), first(&answer)), (200, ("skipped", "no_virtual_machine")), "{answer}");
        let message = answer["outcomes"][0]["message"].as_str().unwrap();
        assert!(message.contains(hint) && message.contains("nightcap_target"), "{message}");
        assert!(scene.captures().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_machines_with_one_name_neither_is_taken() {
    let scene = Scene::with(BEGIN, |world| {
        let other = world.virtual_machines.iter_mut().find(|vm| vm.id.eq_ignore_ascii_case(CONTOSO_VM)).unwrap();
        other.computer_name = Some("test-vm".to_owned());
    });
    let answer = scene.instance().alert(&on_computer("test-VM")).await.json().1;
    assert_eq!(first(&answer), ("skipped", "no_virtual_machine"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn the_same_alert_once_more_joins_its_capture() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    nightcap.alert(&on_interface()).await;
    let answer = nightcap.alert(&on_interface()).await.json().1;
    assert_eq!(first(&answer), ("joined", "same_alert"), "{answer}");
    assert_eq!(scene.running_on(TEST_VM).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_not_allowed_is_not_asked() {
    let scene = Scene::new();
    let settings = [("allowed_subscriptions", "11111111-1111-1111-1111-111111111111")];
    let answer = scene.instance_with(&settings, Store::default()).alert(&on_interface()).await.json().1;
    assert_eq!(first(&answer), ("skipped", "subscription_not_allowed"), "{answer}");
    assert_eq!(scene.asked(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_right_that_is_missing_is_named_and_told() {
    let scene = Scene::new();
    let refused = Effect::Status {
        status: 403,
        code: "AuthorizationFailed".to_owned(),
        message: "No.".to_owned(),
        retry_after: None,
    };
    scene.azure.lock().unwrap().add_fault(Fault::new(refused).service(Service::Arm).path("/networkInterfaces/"));
    let settings = [("notify_url", "https://sink.example/hook"), ("notify_format", "cloudevents")];
    let nightcap = scene.instance_with(&settings, Store::default());
    let (status, answer) = nightcap.alert(&on_interface()).await.json();
    assert_eq!((status.as_u16(), first(&answer)), (200, ("failed", "not_authorized")), "{answer}");
    let message = answer["outcomes"][0]["message"].as_str().unwrap();
    assert!(message.contains("Microsoft.Network/networkInterfaces/read"), "{message}");
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    let told = scene.azure.lock().unwrap().messages().to_vec();
    assert_eq!(told.len(), 1, "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_alert_is_looked_up_only_to_stop_its_capture() {
    let mut over = on_interface();
    over["data"]["essentials"]["monitorCondition"] = "Resolved".into();
    for (stop_on_resolve, stopped) in [("false", 0), ("true", 1)] {
        let scene = Scene::new();
        let settings = [("stop_on_resolve", stop_on_resolve), ("capture_seconds", "3600")];
        let nightcap = scene.instance_with(&settings, Store::default());
        nightcap.alert(&on_interface()).await;
        tokio::time::sleep(std::time::Duration::from_secs(30)).await;
        let asked = scene.asked().len();
        let answer = nightcap.alert(&over).await.json().1;
        assert_eq!(first(&answer), ("skipped", "resolved"), "{answer}");
        assert_eq!(scene.asked_since(asked).contains(&"GET test-VM-nic".to_owned()), stopped == 1);
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        assert_eq!(scene.stopped().len(), stopped);
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_dies_while_it_looks_leaves_the_alert_to_another() {
    let scene = Scene::new();
    let slow = Fault::new(Effect::Delay(std::time::Duration::from_secs(8))).path("/networkInterfaces/").times(1);
    scene.azure.lock().unwrap().add_fault(slow);
    let store = Store::default();
    let first_host = scene.instance_with(&[], store.clone());
    let (status, answer) = first_host.alert(&on_interface()).await.json();
    assert_eq!((status.as_u16(), first(&answer)), (202, ("accepted", "working")), "{answer}");
    first_host.kill();
    scene.instance_with(&[], store).sweep().await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert_eq!(scene.running_on(TEST_VM).len(), 1);
}
