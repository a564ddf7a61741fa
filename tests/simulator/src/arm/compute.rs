//! Virtual machines and scale sets, which only have to be there: their region, their system, their agent
//! (azure-rest-api-specs ComputeRP, VirtualMachine_Get example).

use http::StatusCode;
use serde_json::{Value, json};

use crate::answer::{self, Answer};
use crate::arm::call::{Call, resource_not_found};
use crate::arm::extension;
use crate::arm::page::page;
use crate::error::ArmError;
use crate::resource_id::{name_of, same};
use crate::state::State;
use crate::world::inventory::World;
use crate::world::resources::{AgentState, NetworkInterface, OperatingSystem, ScaleSet, VirtualMachine};

pub(crate) fn get_virtual_machine(state: &State, call: &Call) -> Result<Answer, ArmError> {
    let machine = state.world.virtual_machine(&call.path.id(2)).ok_or_else(|| resource_not_found(call))?;
    let mut resource = machine_resource(&state.world, machine);
    if answer::query(call.request, "$expand").is_some_and(|wanted| same(&wanted, "instanceView")) {
        resource["properties"]["instanceView"] = instance_view(machine);
    }
    Ok(found(resource))
}

pub(crate) fn list_virtual_machines(state: &State, call: &Call) -> Answer {
    let machines = state.world.virtual_machines.iter().filter(|machine| call.path.contains(&machine.id));
    let mut resources: Vec<Value> = machines.map(|machine| machine_resource(&state.world, machine)).collect();
    for resource in &mut resources {
        // Only the GET of one machine tells its extensions in full.
        resource.as_object_mut().and_then(|members| members.remove("resources"));
    }
    // What machines do is in another list than the rest ("Virtual Machines - List All", `statusOnly`).
    if answer::query(call.request, "statusOnly").is_some_and(|wanted| same(&wanted, "true")) {
        let machines = state.world.virtual_machines.iter().filter(|machine| call.path.contains(&machine.id));
        resources = machines.map(status_resource).collect();
    }
    page(state, call, resources, state.world.machines_per_page)
}

pub(crate) fn list_scale_sets(state: &State, call: &Call) -> Answer {
    let sets = state.world.scale_sets.iter().filter(|set| call.path.contains(&set.id));
    page(state, call, sets.map(set_resource).collect(), state.world.machines_per_page)
}

pub(crate) fn get_scale_set(state: &State, call: &Call) -> Result<Answer, ArmError> {
    let set = state.world.scale_set(&call.path.id(2)).ok_or_else(|| resource_not_found(call))?;
    Ok(found(set_resource(set)))
}

fn set_resource(set: &ScaleSet) -> Value {
    let mut resource = json!({
        "name": name_of(&set.id),
        "id": set.id,
        "type": "Microsoft.Compute/virtualMachineScaleSets",
        "location": set.location,
        "tags": {},
        "sku": { "name": "Standard_DS1_v2", "tier": "Standard", "capacity": set.instances.len() },
        "properties": {
            "orchestrationMode": "Uniform",
            "upgradePolicy": { "mode": if set.upgrades_by_hand { "Manual" } else { "Automatic" } },
            "provisioningState": "Succeeded",
            "virtualMachineProfile": { "storageProfile": storage_profile(set.os, name_of(&set.id)) },
        },
    });
    if let Some(agent) = &set.agent {
        resource["properties"]["virtualMachineProfile"]["extensionProfile"] =
            json!({ "extensions": [{ "name": agent, "properties": agent_properties(set.os, &set.agent_state) }] });
    }
    resource
}

pub(crate) fn list_scale_set_instances(state: &State, call: &Call) -> Result<Answer, ArmError> {
    let set = state.world.scale_set(&call.path.id(2)).ok_or_else(|| resource_not_found(call))?;
    let instances = set.instances.iter().map(|instance| instance_resource(set, instance)).collect();
    Ok(page(state, call, instances, None))
}

pub(crate) fn get_scale_set_instance(state: &State, call: &Call) -> Result<Answer, ArmError> {
    let set = state.world.scale_set(&call.path.id(2)).ok_or_else(|| resource_not_found(call))?;
    let instance = set.instances.iter().find(|instance| call.path.rest.last() == Some(instance));
    let instance = instance.ok_or_else(|| resource_not_found(call))?;
    let mut resource = instance_resource(set, instance);
    if answer::query(call.request, "$expand").is_some_and(|wanted| same(&wanted, "instanceView")) {
        let (name, state) = agent_on(set, instance);
        resource["properties"]["instanceView"] = view("running", name, set.os, &state);
    }
    Ok(found(resource))
}

/// A machine in the list of what machines do.
fn status_resource(machine: &VirtualMachine) -> Value {
    json!({
        "name": name_of(&machine.id),
        "id": machine.id,
        "type": "Microsoft.Compute/virtualMachines",
        "location": machine.location,
        "properties": { "instanceView": instance_view(machine), "provisioningState": "Succeeded" },
    })
}

fn instance_view(machine: &VirtualMachine) -> Value {
    view(&machine.power, machine.agent.as_deref(), machine.os, &machine.agent_state)
}

/// What a machine does, and what it reports of its extensions.
fn view(power: &str, agent: Option<&str>, os: OperatingSystem, state: &AgentState) -> Value {
    let mut view = json!({ "statuses": [
        { "code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded" },
        { "code": format!("PowerState/{power}"), "level": "Info", "displayStatus": "VM" },
    ] });
    let status = match state {
        AgentState::Succeeded => json!({
            "code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded",
        }),
        AgentState::Failed(message) => json!({
            "code": "ProvisioningState/failed/1", "level": "Error", "displayStatus": "Provisioning failed",
            "message": message,
        }),
        // The machine reports when it has something to report.
        AgentState::Creating | AgentState::Updating => return view,
    };
    if let Some(name) = agent {
        let kind = format!("Microsoft.Azure.NetworkWatcher.{}", os.agent_type());
        view["extensions"] = json!([{ "name": name, "type": kind, "statuses": [status] }]);
    }
    view
}

/// The agent on an instance of a scale set: its own, or the model's.
fn agent_on<'a>(set: &'a ScaleSet, instance: &str) -> (Option<&'a str>, AgentState) {
    if let Some(state) = set.instance_agents.get(instance) {
        return (Some(extension::USUAL_NAME), state.clone());
    }
    let follows_model = !set.instances_behind.iter().any(|one| one == instance);
    (set.agent.as_deref().filter(|_| follows_model), set.agent_state.clone())
}

fn found(resource: Value) -> Answer {
    answer::json(StatusCode::OK, &resource)
}

fn machine_resource(world: &World, machine: &VirtualMachine) -> Value {
    let name = name_of(&machine.id);
    let computer_name = machine.computer_name.as_deref().unwrap_or(name);
    let is_own = |interface: &&NetworkInterface| {
        interface.virtual_machine.as_deref().is_some_and(|owner| same(owner, &machine.id))
    };
    let interfaces = world.network_interfaces.iter().filter(is_own);
    let interfaces = interfaces.map(|interface| json!({ "id": interface.id, "properties": { "primary": true } }));
    let interfaces: Vec<Value> = interfaces.collect();
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
            "osProfile": { "computerName": computer_name, "adminUsername": "azureuser", "secrets": [] },
            "networkProfile": { "networkInterfaces": interfaces },
            "provisioningState": "Succeeded",
            "timeCreated": "2026-01-27T01:02:38.3138469+00:00",
        },
    });
    if let Some(agent) = &machine.agent {
        resource["resources"] =
            json!([agent_resource(&machine.id, &machine.location, agent, machine.os, &machine.agent_state)]);
    }
    resource
}

fn instance_resource(set: &ScaleSet, instance: &str) -> Value {
    let id = format!("{}/virtualMachines/{instance}", set.id);
    let name = format!("{}_{instance}", name_of(&set.id));
    let is_upgrading = set.instances_upgrading.iter().any(|one| one == instance);
    let mut resource = json!({
        "name": name,
        "id": id,
        "instanceId": instance,
        "type": "Microsoft.Compute/virtualMachineScaleSets/virtualMachines",
        "location": set.location,
        "properties": {
            "storageProfile": storage_profile(set.os, &name),
            "latestModelApplied": !set.instances_behind.iter().any(|one| one == instance),
            "provisioningState": if is_upgrading { "Updating" } else { "Succeeded" },
        },
    });
    if let (Some(agent), state) = agent_on(set, instance) {
        resource["resources"] = json!([agent_resource(&id, &set.location, agent, set.os, &state)]);
    }
    resource
}

fn storage_profile(os: OperatingSystem, name: &str) -> Value {
    json!({
        "osDisk": { "osType": os.name(), "name": format!("{name}_OsDisk"), "createOption": "FromImage", "diskSizeGB": 30 },
        "dataDisks": [],
    })
}

fn agent_resource(machine: &str, location: &str, agent: &str, os: OperatingSystem, state: &AgentState) -> Value {
    json!({
        "name": agent,
        "id": format!("{machine}/extensions/{agent}"),
        "type": "Microsoft.Compute/virtualMachines/extensions",
        "location": location,
        "properties": agent_properties(os, state),
    })
}

fn agent_properties(os: OperatingSystem, state: &AgentState) -> Value {
    json!({
        "autoUpgradeMinorVersion": true,
        "provisioningState": state.word(),
        "publisher": "Microsoft.Azure.NetworkWatcher",
        "type": os.agent_type(),
        "typeHandlerVersion": "1.4",
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{Client, code, json};
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

    #[test]
    fn the_machines_of_a_subscription_are_listed_in_pages_with_the_names_they_go_by() {
        let mut client = Client::new(World::sample);
        client.azure.world_mut().machines_per_page = Some(3);
        client.azure.world_mut().virtual_machines[1].computer_name = Some("CONTOSO-7".into());
        let list = format!("https://management.azure.com/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute");
        let mut next = Some(format!("{list}/virtualMachines?api-version=2024-07-01"));
        let (mut pages, mut names) = (Vec::new(), Vec::new());
        while let Some(url) = next {
            let page = json(&client.arm("GET", &url, ""));
            let machines = page["value"].as_array().unwrap();
            pages.push(machines.len());
            let named = machines.iter().map(|machine| machine["properties"]["osProfile"]["computerName"].to_string());
            names.extend(named.map(|name| name.trim_matches('"').to_owned()));
            next = page["nextLink"].as_str().map(String::from);
        }
        assert_eq!(pages, [3, 3, 1]);
        assert_eq!(names[..3], ["test-VM", "CONTOSO-7", "wcus-r2-gen2"]);

        client.azure.world_mut().denied_actions = vec!["Microsoft.Compute/virtualMachines/read".into()];
        let refused = client.arm("GET", &format!("{list}/virtualMachines?api-version=2024-07-01"), "");
        assert_eq!((refused.status().as_u16(), code(&refused)), (403, "AuthorizationFailed".into()));
    }

    #[test]
    fn what_a_machine_does_is_told_to_those_who_ask_for_it() {
        let mut client = Client::new(World::sample);
        client.azure.world_mut().virtual_machines[0].power = "deallocated".into();
        let machines = format!("https://management.azure.com/subscriptions/{SUBSCRIPTION}");
        let list = format!("{machines}/providers/Microsoft.Compute/virtualMachines?api-version=2024-07-01");
        let vm = format!("https://management.azure.com{}?api-version=2024-07-01", crate::testing::sample_vm());
        let plain = [json(&client.arm("GET", &list, ""))["value"][0].clone(), json(&client.arm("GET", &vm, ""))];
        assert!(plain.iter().all(|machine| machine["properties"].get("instanceView").is_none()));
        let asked = [
            json(&client.arm("GET", &format!("{list}&statusOnly=true"), ""))["value"][0].clone(),
            json(&client.arm("GET", &format!("{vm}&$expand=instanceView"), "")),
        ];
        for machine in asked {
            assert_eq!(machine["properties"]["instanceView"]["statuses"][1]["code"], "PowerState/deallocated");
        }
    }

    #[test]
    fn a_machine_names_its_interfaces() {
        let (_, machine) = get("test-RG/providers/Microsoft.Compute/virtualMachines/test-VM");
        let interface = machine["properties"]["networkProfile"]["networkInterfaces"][0]["id"].as_str().unwrap();
        assert!(
            interface.ends_with("/resourceGroups/test-RG/providers/Microsoft.Network/networkInterfaces/test-VM-nic")
        );
    }
}
