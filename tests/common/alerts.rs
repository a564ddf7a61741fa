//! Alerts as an action group sends them.

use nightcap_simulator::{VirtualMachine, World};
use serde_json::{Value, json};

/// A machine of the simulator's sample world.
pub const TEST_VM: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/test-rg/providers/microsoft.compute/virtualmachines/test-vm";

/// Another one in the same region.
pub const CONTOSO_VM: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/ContosoExampleRG/providers/Microsoft.Compute/virtualMachines/ContosoVM";

/// Puts so many more machines into the region of the sample's, and tells their ids.
pub fn many_machines(world: &mut World, count: usize) -> Vec<String> {
    let sample = world.virtual_machines[1].clone();
    let ids: Vec<String> =
        (0..count).map(|number| sample.id.replace("ContosoVM", &format!("machine-{number:03}"))).collect();
    world.virtual_machines.extend(ids.iter().map(|id| VirtualMachine { id: id.clone(), ..sample.clone() }));
    ids
}

/// A metric alert in the common schema.
pub fn common(rule: &str, target: &str) -> Value {
    common_at(rule, target, "2026-11-20T02:13:40.1234567Z")
}

/// The same, fired at a given time.
pub fn common_at(rule: &str, target: &str, fired: &str) -> Value {
    json!({
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {
            "essentials": {
                "alertId": format!("/subscriptions/00000000-0000-0000-0000-000000000000/providers/Microsoft.AlertsManagement/alerts/{rule}"),
                "alertRule": rule,
                "severity": "Sev2",
                "signalType": "Metric",
                "monitorCondition": "Fired",
                "monitoringService": "Platform",
                "alertTargetIDs": [target],
                "firedDateTime": fired
            },
            "alertContext": {"conditionType": "SingleResourceMultipleMetricCriteria"}
        }
    })
}

/// The same alert when its condition is over.
pub fn resolved(rule: &str, target: &str) -> Value {
    let mut alert = common(rule, target);
    alert["data"]["essentials"]["monitorCondition"] = "Resolved".into();
    alert
}

/// A retired classic metric alert, the only kind that tells the region.
pub fn classic(rule: &str, target: &str, region: &str) -> Value {
    json!({
        "status": "Activated",
        "context": {
            "timestamp": "2026-11-20T02:13:40.1234567Z",
            "id": format!("/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rules/providers/microsoft.insights/alertrules/{rule}"),
            "name": rule,
            "conditionType": "Metric",
            "condition": {"metricName": "\\TCPv4\\Segments Sent/sec", "metricValue": "120", "threshold": "100"},
            "resourceId": target,
            "resourceRegion": region
        }
    })
}

/// The parameters of the 2017 sample.
pub fn flat(name: &str, target: &str, watcher: &str) -> Value {
    json!({
        "subscriptionId": "00000000-0000-0000-0000-000000000000",
        "networkWatcherResourceGroup": "NetworkWatcherRG",
        "networkWatcherName": watcher,
        "packetCaptureName": name,
        "timeLimit": 15,
        "targetVM": target
    })
}
