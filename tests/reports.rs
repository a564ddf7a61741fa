//! Alerts that users have reported, each in a world that has what it is about. With `NIGHTCAP_ORACLES` set to a folder that
//! holds `reports`.

mod common;

use std::path::{Path, PathBuf};

use common::alerts::common;
use common::instance::{BEGIN, Scene, Store};
use nightcap_simulator::{
    CaptureState, NetworkInterface, PublicIpAddress, StorageAccount, VirtualMachine, Watcher, World,
};
use serde_json::{Map, Value};

/// The subscription of the reports, and the one that the simulator has.
const THEIRS: &str = "7d3c1f52-94ab-4e60-8b17-2ac5d90e4f38";
const OURS: &str = "00000000-0000-0000-0000-000000000000";

const GROUPS: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups";

/// The folder of one report and its alerts, each with how it ends.
const ALERTS: [(&str, &str, &str); 14] = [
    ("01-", "alert.json", "started"),
    ("05-", "workspace-scope.json", "started"),
    ("05-", "machine-scope.json", "started"),
    ("06-", "alert.json", "started"),
    ("12-", "arg-id.json", "started"),
    ("12-", "only-configuration-items.json", "started"),
    ("12-", "resource.json", "started"),
    ("13-", "alert.json", "started"),
    ("14-", "public-ip-ddos.json", "started"),
    ("14-", "nic.json", "started"),
    ("14-", "load-balancer.json", "no_virtual_machine"),
    ("14-", "application-gateway.json", "no_virtual_machine"),
    ("20-", "alert-target-ids-is-a-text.json", "started"),
    ("20-", "target-resource-instead.json", "started"),
];

fn report(number: &str) -> Option<PathBuf> {
    let Some(oracles) = std::env::var_os("NIGHTCAP_ORACLES") else {
        println!("skipped: NIGHTCAP_ORACLES is not set to the folder that holds reports");
        return None;
    };
    let folders = std::fs::read_dir(PathBuf::from(oracles).join("reports")).unwrap();
    let mut paths = folders.map(|folder| folder.unwrap().path());
    let is_it = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(number);
    Some(paths.find(is_it).unwrap_or_else(|| panic!("there is no report {number}")))
}

fn read(folder: &Path, file: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder.join(file)).unwrap().replace(THEIRS, OURS)).unwrap()
}

fn gate() -> String {
    format!("{GROUPS}/harbour/providers/Microsoft.Compute/virtualMachines/gate-01")
}

/// The world that the reports tell of: a machine with its interface and public address.
fn harbour(world: &mut World) {
    let network = format!("{GROUPS}/harbour/providers/Microsoft.Network");
    let interface = NetworkInterface {
        id: format!("{network}/networkInterfaces/gate-01-nic"),
        location: "westeurope".into(),
        virtual_machine: Some(gate()),
        private_address: [10, 40, 0, 4].into(),
    };
    world.public_ip_addresses.push(PublicIpAddress {
        id: format!("{network}/publicIPAddresses/harbour-front"),
        location: "westeurope".into(),
        address: [203, 0, 113, 44].into(),
        ip_configuration: Some(interface.ip_configuration()),
    });
    world.network_interfaces.push(interface);
    let mut machine: VirtualMachine = world.virtual_machines[1].clone();
    machine.id = gate();
    machine.location = "westeurope".into();
    world.virtual_machines.push(machine);
    world.watchers.retain(|watcher| watcher.location != "westeurope");
    world.watchers.push(Watcher {
        id: format!("{GROUPS}/NetworkWatcherRG/providers/Microsoft.Network/networkWatchers/NetworkWatcher_westeurope"),
        location: "westeurope".into(),
    });
    world.storage_accounts.retain(|account| account.location != "westeurope");
    world.storage_accounts.push(StorageAccount {
        id: format!("{GROUPS}/harbour/providers/Microsoft.Storage/storageAccounts/harbourcargo"),
        location: "westeurope".into(),
        shared_key_access: true,
    });
}

#[tokio::test(start_paused = true)]
async fn every_alert_finds_its_machine() {
    for (number, file, expected) in ALERTS {
        let Some(folder) = report(number) else { return };
        let scene = Scene::with(BEGIN, harbour);
        let nightcap = scene.instance_with(&[], Store::default());
        let answer = nightcap.alert(&read(&folder, file)).await.json().1;
        assert_eq!(answer["outcomes"][0]["reason"], expected, "{number}{file}: {answer}");
        assert_eq!(scene.running_on(&gate()).len(), usize::from(expected == "started"), "{number}{file}");
    }
}

/// The captures of a list that Azure gave, in the simulator's watcher.
fn add_listed(scene: &Scene, listed: &Value, state: CaptureState) {
    let mut azure = scene.azure.lock().unwrap();
    for capture in listed["value"].as_array().unwrap() {
        let id = capture["id"].as_str().unwrap();
        let (watcher, name) = id.split_once("/packetCaptures/").unwrap();
        let properties = capture["properties"].as_object().unwrap();
        let limit = std::time::Duration::from_secs(properties["timeLimitInSeconds"].as_u64().unwrap_or(18_000));
        let target = properties["target"].as_str().unwrap();
        azure.add_capture(scene.now(), watcher, name, target, limit, state);
        let is_unusual = |(member, value): &(&String, &Value)| value.is_null() || *member == "captureSettings";
        let shown: Map<_, _> =
            properties.iter().filter(is_unusual).map(|(member, value)| (member.clone(), value.clone())).collect();
        assert!(azure.show_capture_as(id, shown));
    }
}

#[tokio::test(start_paused = true)]
async fn ten_old_captures_of_other_people_stop_no_alert() {
    let Some(folder) = report("01-") else { return };
    let scene = Scene::with(BEGIN, harbour);
    add_listed(&scene, &read(&folder, "list-answer.json"), CaptureState::Finished);
    let answer = scene.instance().alert(&read(&folder, "alert.json")).await.json().1;
    assert_eq!(answer["outcomes"][0]["reason"], "started", "{answer}");
    assert_eq!(scene.captures().len(), 11);
}

#[tokio::test(start_paused = true)]
async fn a_capture_of_somebody_else_on_the_machine_is_named() {
    let Some(folder) = report("25-") else { return };
    for (state, is_named) in [(CaptureState::Running, true), (CaptureState::Finished, false)] {
        let scene = Scene::with(BEGIN, harbour);
        add_listed(&scene, &read(&folder, "list-answer.json"), state);
        let answer = scene.instance().alert(&common("cpu", &gate())).await.json().1;
        assert_eq!(answer["outcomes"][0]["outcome"], "started", "{answer}");
        let message = answer["outcomes"][0]["message"].as_str().unwrap();
        assert_eq!(message.contains("by-hand"), is_named, "{message}");
    }
}
