//! Virtual machines and scale sets, which only have to be there: their region, their system, their agent
//! (azure-rest-api-specs ComputeRP, VirtualMachine_Get example).

use http::StatusCode;
use serde_json::{Value, json};

use crate::answer::{self, Answer};
use crate::arm::call::{Call, resource_not_found};
use crate::arm::page::page;
use crate::error::ArmError;
use crate::resource_id::name_of;
use crate::state::State;
use crate::world::resources::{OperatingSystem, ScaleSet, VirtualMachine};

pub(crate) fn get_virtual_machine(state: &State, call: &Call) -> Result<Answer, ArmError> {
    let machine = state.world.virtual_machine(&call.path.id(2)).ok_or_else(|| resource_not_found(call))?;
    Ok(found(machine_resource(machine)))
}

pub(crate) fn list_virtual_machines(state: &State, call: &Call) -> Answer {
    let machines = state.world.virtual_machines.iter().filter(|machine| call.path.contains(&machine.id));
    let mut resources: Vec<Value> = machines.map(machine_resource).collect();
    for resource in &mut resources {
        // Only the GET of one machine tells its extensions in full.
        resource.as_object_mut().and_then(|members| members.remove("resources"));
    }
    page(state, call, resources, None)
}

pub(crate) fn get_scale_set(state: &State, call: &Call) -> Result<Answer, ArmError> {
    let set = state.world.scale_set(&call.path.id(2)).ok_or_else(|| resource_not_found(call))?;
    let mut resource = json!({
        "name": name_of(&set.id),
        "id": set.id,
        "type": "Microsoft.Compute/virtualMachineScaleSets",
        "location": set.location,
        "tags": {},
        "sku": { "name": "Standard_DS1_v2", "tier": "Standard", "capacity": set.instances.len() },
        "properties": {
            "orchestrationMode": "Uniform",
            "provisioningState": "Succeeded",
            "virtualMachineProfile": { "storageProfile": storage_profile(set.os, name_of(&set.id)) },
        },
    });
    if let Some(agent) = &set.agent {
        resource["properties"]["virtualMachineProfile"]["extensionProfile"] =
            json!({ "extensions": [{ "name": agent, "properties": agent_properties(set.os) }] });
    }
    Ok(found(resource))
}

pub(crate) fn list_scale_set_instances(state: &State, call: &Call) -> Result<Answer, ArmError> {
    let set = state.world.scale_set(&call.path.id(2)).ok_or_else(|| resource_not_found(call))?;
    let instances = set.instances.iter().map(|instance| instance_resource(set, instance)).collect();
    Ok(page(state, call, instances, None))
}

pub(crate) fn get_scale_set_instance(state: &State, call: &Call) -> Result<Answer, ArmError> {
    let set = state.world.scale_set(&call.path.id(2)).ok_or_else(|| resource_not_found(call))?;
    let instance = set.instances.iter().find(|instance| call.path.rest.last() == Some(instance));
    Ok(found(instance_resource(set, instance.ok_or_else(|| resource_not_found(call))?)))
}

fn found(resource: Value) -> Answer {
    answer::json(StatusCode::OK, &resource)
}

fn machine_resource(machine: &VirtualMachine) -> Value {
    let name = name_of(&machine.id);
    let mut resource = json!({
        "name": name,
        "id": machine.id,
        "type": "Microsoft.Compute/virtualMachines",
        "location": machine.location,
        "tags": {},
        "etag": "\"1\"",
        "properties": {
            "vmId": "0f47b100-583c-48e3-a4c0-aefc2c9bbcc1",
            "hardwareProfile": { "vmSize": "Standard_DS3_v2" },
            "storageProfile": storage_profile(machine.os, name),
            "osProfile": { "computerName": name, "adminUsername": "azureuser", "secrets": [] },
            "provisioningState": "Succeeded",
            "timeCreated": "2026-01-27T01:02:38.3138469+00:00",
        },
    });
    if let Some(agent) = &machine.agent {
        resource["resources"] = json!([agent_resource(&machine.id, &machine.location, agent, machine.os)]);
    }
    resource
}

fn instance_resource(set: &ScaleSet, instance: &str) -> Value {
    let id = format!("{}/virtualMachines/{instance}", set.id);
    let name = format!("{}_{instance}", name_of(&set.id));
    let mut resource = json!({
        "name": name,
        "id": id,
        "instanceId": instance,
        "type": "Microsoft.Compute/virtualMachineScaleSets/virtualMachines",
        "location": set.location,
        "properties": {
            "storageProfile": storage_profile(set.os, &name),
            "provisioningState": "Succeeded",
        },
    });
    if let Some(agent) = &set.agent {
        resource["resources"] = json!([agent_resource(&id, &set.location, agent, set.os)]);
    }
    resource
}

fn storage_profile(os: OperatingSystem, name: &str) -> Value {
    json!({
        "osDisk": { "osType": os.name(), "name": format!("{name}_OsDisk"), "createOption": "FromImage", "diskSizeGB": 30 },
        "dataDisks": [],
    })
}

fn agent_resource(machine: &str, location: &str, agent: &str, os: OperatingSystem) -> Value {
    json!({
        "name": agent,
        "id": format!("{machine}/extensions/{agent}"),
        "type": "Microsoft.Compute/virtualMachines/extensions",
        "location": location,
        "properties": agent_properties(os),
    })
}

fn agent_properties(os: OperatingSystem) -> Value {
    json!({
        "autoUpgradeMinorVersion": true,
        "provisioningState": "Succeeded",
        "publisher": "Microsoft.Azure.NetworkWatcher",
        "type": os.agent_type(),
        "typeHandlerVersion": "1.4",
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{Client, json};
    use crate::{SUBSCRIPTION, World};

    fn get(path: &str) -> (u16, serde_json::Value) {
        let mut client = Client::new(World::sample);
        let groups = format!("https://management.azure.com/subscriptions/{SUBSCRIPTION}/resourcegroups");
        let answer = client.arm("GET", &format!("{groups}/{path}?api-version=2024-07-01"), "");
        (answer.status().as_u16(), json(&answer))
    }

    #[test]
    fn a_machine_tells_region_system_and_agent_in_one_answer() {
        let (status, machine) = get("test-rg/providers/microsoft.compute/virtualmachines/TEST-vm");
        assert_eq!(status, 200, "ids are compared without case");
        assert_eq!(machine["location"], "westcentralus");
        assert_eq!(machine["properties"]["storageProfile"]["osDisk"]["osType"], "Windows");
        assert_eq!(machine["resources"][0]["properties"]["publisher"], "Microsoft.Azure.NetworkWatcher");
        assert_eq!(machine["resources"][0]["properties"]["type"], "NetworkWatcherAgentWindows");
        assert!(
            machine["id"]
                .as_str()
                .unwrap()
                .ends_with("/resourceGroups/test-RG/providers/Microsoft.Compute/virtualMachines/test-VM")
        );
    }

    #[test]
    fn a_machine_without_extensions_has_no_resources() {
        let (_, machine) = get("test-RG/providers/Microsoft.Compute/virtualMachines/no-agent");
        assert_eq!(machine.get("resources"), None);
    }

    #[test]
    fn scale_sets_and_their_instances_are_there() {
        let (status, set) = get("testrg/providers/Microsoft.Compute/virtualMachineScaleSets/testvmss");
        assert_eq!((status, &set["location"]), (200, &"eastus".into()));
        let (status, instance) =
            get("testrg/providers/Microsoft.Compute/virtualMachineScaleSets/testvmss/virtualMachines/2");
        assert_eq!((status, &instance["instanceId"]), (200, &"2".into()));
        assert_eq!(get("testrg/providers/Microsoft.Compute/virtualMachineScaleSets/testvmss/virtualMachines/3").0, 404);
    }
}
