//! The Network Watcher agent as an extension of machines, scale sets and their instances
//! (azure-rest-api-specs ComputeRP, VirtualMachineExtensions_CreateOrUpdate; azure-docs, network-watcher-agent-manage). It is
//! provisioned while an operation runs, and the resource tells how far it is.

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::answer::{self, Answer};
use crate::arm::call::{Call, resource_not_found};
use crate::arm::operation;
use crate::error::ArmError;
use crate::installation::{Change, Installation};
use crate::operation::{OperationFault, OperationResult, TerminalStatus};
use crate::resource_id::{normalized_region, same};
use crate::state::State;
use crate::world::resources::{AgentState, OperatingSystem, ScaleSet, VirtualMachine};

/// What the documentation calls the extension.
pub(crate) const USUAL_NAME: &str = "AzureNetworkWatcherExtension";

/// Lets everything have happened that is over by now.
pub(crate) fn carry_out_what_is_due(state: &mut State, now: Timestamp) {
    for Installation { owner, change, .. } in state.installations.extract_if(.., |one| one.ends <= now) {
        let machine = state.world.virtual_machines.iter_mut().find(|machine| same(&machine.id, &owner));
        let set = state.world.scale_sets.iter_mut().find(|set| same(&set.id, &owner));
        match (change, machine, set) {
            (Change::Machine(agent), Some(machine), _) => machine.agent_state = agent,
            (Change::Model(agent), _, Some(set)) => {
                set.agent_state = agent;
                if !set.upgrades_by_hand {
                    set.instances_behind.clear();
                }
            }
            (Change::Instance(instance, agent), _, Some(set)) => drop(set.instance_agents.insert(instance, agent)),
            (Change::Upgrade(instances), _, Some(set)) => {
                set.instances_upgrading.retain(|one| !instances.contains(one));
                set.instances_behind.retain(|one| !instances.contains(one));
            }
            _ => {}
        }
    }
}

pub(crate) fn put_on_machine(state: &mut State, call: &Call) -> Result<Answer, ArmError> {
    let id = call.path.id(2);
    let index = state.world.virtual_machines.iter().position(|machine| same(&machine.id, &id));
    let index = index.ok_or_else(|| resource_not_found(call))?;
    let machine = &state.world.virtual_machines[index];
    let body = read(call, machine.os)?;
    check_location(&body, machine)?;
    check_handler(call, machine.agent.as_deref(), machine.os)?;
    // As people have met it: hashicorp/terraform-provider-azurerm issues 477 and 6098.
    if machine.power != "running" {
        let message = "Cannot modify extensions in the VM when the VM is not running.";
        return Err(ArmError::new(StatusCode::CONFLICT, "OperationNotAllowed", message));
    }
    check_not_busy(&machine.agent_state, machine.agent.is_some())?;
    let (owner, location, is_new) = (machine.id.clone(), machine.location.clone(), machine.agent.is_none());
    let (begun, ended, answer) = begin(state, call, &location, is_new, body);
    let machine = &mut state.world.virtual_machines[index];
    (machine.agent, machine.agent_state) = (Some(name_of_extension(call)), begun);
    let (ends, agent) = ended;
    state.installations.push(Installation { ends, owner, change: Change::Machine(agent) });
    Ok(answer)
}

pub(crate) fn put_into_scale_set(state: &mut State, call: &Call) -> Result<Answer, ArmError> {
    let index = scale_set(state, call)?;
    let set = &state.world.scale_sets[index];
    let body = read(call, set.os)?;
    check_handler(call, set.agent.as_deref(), set.os)?;
    check_not_busy(&set.agent_state, set.agent.is_some())?;
    let (owner, location, is_new) = (set.id.clone(), set.location.clone(), set.agent.is_none());
    let (begun, ended, answer) = begin(state, call, &location, is_new, body);
    let set = &mut state.world.scale_sets[index];
    (set.agent, set.agent_state) = (Some(name_of_extension(call)), begun);
    set.instances_behind.clone_from(&set.instances);
    let (ends, agent) = ended;
    state.installations.push(Installation { ends, owner, change: Change::Model(agent) });
    Ok(answer)
}

pub(crate) fn put_on_instance(state: &mut State, call: &Call) -> Result<Answer, ArmError> {
    let index = scale_set(state, call)?;
    let set = &state.world.scale_sets[index];
    let instance = instance(set, call)?;
    let body = read(call, set.os)?;
    let own = set.instance_agents.get(&instance);
    check_not_busy(own.unwrap_or(&AgentState::Succeeded), own.is_some())?;
    let (owner, location, is_new) = (set.id.clone(), set.location.clone(), own.is_none());
    let (begun, ended, answer) = begin(state, call, &location, is_new, body);
    state.world.scale_sets[index].instance_agents.insert(instance.clone(), begun);
    let (ends, agent) = ended;
    state.installations.push(Installation { ends, owner, change: Change::Instance(instance, agent) });
    Ok(answer)
}

/// `POST …/manualupgrade`: instances follow the model. `"*"` means all of them.
pub(crate) fn upgrade_instances(state: &mut State, call: &Call) -> Result<Answer, ArmError> {
    let index = scale_set(state, call)?;
    let set = &state.world.scale_sets[index];
    let body: Value = serde_json::from_slice(call.request.body()).map_err(|_| ArmError::invalid("body", "not JSON"))?;
    let wanted = body["instanceIds"].as_array().filter(|wanted| !wanted.is_empty());
    let wanted = wanted.ok_or_else(|| ArmError::invalid("instanceIds", "the member is required"))?;
    let is_wanted = |one: &&String| wanted.iter().any(|wanted| wanted == "*" || wanted == one.as_str());
    let instances: Vec<String> = set.instances.iter().filter(is_wanted).cloned().collect();
    let (owner, region) = (set.id.clone(), normalized_region(&set.location));
    let (fault, takes) = (OperationFault::of(call.effect), state.world.timing.upgrade);
    let started = operation::start(state, call, &fault, &region, takes, OperationResult::Empty(StatusCode::OK));
    if started.succeeds {
        state.world.scale_sets[index].instances_upgrading.clone_from(&instances);
        let change = Change::Upgrade(instances);
        state.installations.push(Installation { ends: started.ends, owner, change });
    }
    let mut answer = answer::empty(StatusCode::ACCEPTED);
    answer::set(&mut answer, "azure-asyncoperation", &started.status_url);
    answer::set(&mut answer, "location", &started.result_url);
    answer::set(&mut answer, "retry-after", &state.world.timing.retry_after.to_string());
    Ok(answer)
}

fn scale_set(state: &State, call: &Call) -> Result<usize, ArmError> {
    let id = call.path.id(2);
    let index = state.world.scale_sets.iter().position(|set| same(&set.id, &id));
    index.ok_or_else(|| resource_not_found(call))
}

fn instance(set: &ScaleSet, call: &Call) -> Result<String, ArmError> {
    let instance = set.instances.iter().find(|one| call.path.rest.get(3) == Some(one));
    instance.cloned().ok_or_else(|| resource_not_found(call))
}

fn name_of_extension(call: &Call) -> String {
    call.path.rest.last().cloned().unwrap_or_default()
}

/// The extension that the body describes. No other than the agent is known here.
fn read(call: &Call, os: OperatingSystem) -> Result<Value, ArmError> {
    let body: Value = serde_json::from_slice(call.request.body()).map_err(|_| ArmError::invalid("body", "not JSON"))?;
    let properties = &body["properties"];
    for member in ["publisher", "type", "typeHandlerVersion"] {
        if properties[member].as_str().is_none_or(str::is_empty) {
            let message = format!("Required parameter '{member}' is missing (null).");
            return Err(ArmError::bad_request("InvalidParameter", message).on(member));
        }
    }
    if properties["publisher"] != "Microsoft.Azure.NetworkWatcher" || properties["type"] != os.agent_type() {
        let message = format!("The extension is not one for {}.", os.name());
        return Err(ArmError::bad_request("OperationNotAllowed", message));
    }
    Ok(body)
}

fn check_location(body: &Value, machine: &VirtualMachine) -> Result<(), ArmError> {
    let location = body["location"].as_str().filter(|location| !location.is_empty()).ok_or_else(|| {
        ArmError::bad_request("LocationRequired", "The location property is required for this definition.")
    })?;
    if normalized_region(location) == normalized_region(&machine.location) {
        return Ok(());
    }
    Err(ArmError::bad_request("InvalidParameter", "The location is not that of the virtual machine.").on("location"))
}

/// A machine has an extension of one kind once, whatever its name (MicrosoftDocs/azure-docs issue 55085).
fn check_handler(call: &Call, there: Option<&str>, os: OperatingSystem) -> Result<(), ArmError> {
    match there.filter(|there| !same(there, &name_of_extension(call))) {
        None => Ok(()),
        Some(there) => {
            let message = format!(
                "Multiple VMExtensions per handler not supported for OS type '{}'. VMExtension '{there}' with handler \
                 'Microsoft.Azure.NetworkWatcher.{}' already added or specified in input.",
                os.name(),
                os.agent_type()
            );
            Err(ArmError::bad_request("BadRequest", message))
        }
    }
}

fn check_not_busy(agent: &AgentState, is_there: bool) -> Result<(), ArmError> {
    if is_there && agent.is_under_way() {
        let message = "The request failed due to conflict with a concurrent request.";
        return Err(ArmError::new(StatusCode::CONFLICT, "Conflict", message));
    }
    Ok(())
}

/// Starts the operation: how the agent is while it goes on, when that is over and how it is then, and the answer.
fn begin(
    state: &mut State,
    call: &Call,
    location: &str,
    is_new: bool,
    mut body: Value,
) -> (AgentState, (Timestamp, AgentState), Answer) {
    let (fault, takes) = (OperationFault::of(call.effect), state.world.timing.install_agent);
    let region = normalized_region(location);
    let started = operation::start(state, call, &fault, &region, takes, OperationResult::Empty(StatusCode::OK));
    let (status, begun) = match is_new {
        true => (StatusCode::CREATED, AgentState::Creating),
        false => (StatusCode::OK, AgentState::Updating),
    };
    let ended = match fault.terminal_status {
        TerminalStatus::Succeeded => AgentState::Succeeded,
        TerminalStatus::Failed { message, .. } => AgentState::Failed(message),
        TerminalStatus::Canceled => AgentState::Failed("The operation was canceled.".into()),
    };
    body["name"] = json!(name_of_extension(call));
    body["properties"]["provisioningState"] = json!(begun.word());
    let mut answer = answer::json(status, &body);
    answer::set(&mut answer, "azure-asyncoperation", &started.status_url);
    answer::set(&mut answer, "retry-after", &state.world.timing.retry_after.to_string());
    (begun, (started.ends, ended), answer)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json as value};

    use crate::testing::{Client, capture_body, code, header, json};
    use crate::world::resources::AgentState;
    use crate::{Effect, Fault, SUBSCRIPTION, World};

    const GROUP: &str =
        "https://management.azure.com/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups";

    fn put(client: &mut Client, owner: &str, name: &str, body: &Value) -> crate::answer::Answer {
        let url = format!("{GROUP}/{owner}/extensions/{name}?api-version=2024-07-01");
        client.arm("PUT", &url, &body.to_string())
    }

    fn agent(system: &str) -> Value {
        value!({"location": "westcentralus", "properties": {
            "publisher": "Microsoft.Azure.NetworkWatcher", "type": format!("NetworkWatcherAgent{system}"),
            "typeHandlerVersion": "1.4", "autoUpgradeMinorVersion": true,
        }})
    }

    const MACHINE: &str = "test-RG/providers/Microsoft.Compute/virtualMachines/no-agent";
    const SET: &str = "testrg/providers/Microsoft.Compute/virtualMachineScaleSets/testvmss";

    fn capture(client: &mut Client) -> (u16, String) {
        let mut body = capture_body(60);
        let target = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{MACHINE}");
        body["properties"]["target"] = value!(target);
        let answer = client.arm("PUT", &client.capture("pc1"), &body.to_string());
        (answer.status().as_u16(), if answer.status() == 201 { String::new() } else { code(&answer) })
    }

    #[test]
    fn an_agent_takes_its_time_and_then_captures() {
        let mut client = Client::new(World::sample);
        let installing = put(&mut client, MACHINE, "nw", &agent("Linux"));
        assert_eq!(
            (installing.status().as_u16(), &json(&installing)["properties"]["provisioningState"]),
            (201, &"Creating".into())
        );
        assert!(header(&installing, "azure-asyncoperation").contains("/providers/Microsoft.Compute/locations/"));
        assert_eq!(code(&put(&mut client, MACHINE, "nw", &agent("Linux"))), "Conflict");
        client.pass(37);
        assert_eq!(capture(&mut client), (400, "NetworkWatcherVmExtensionNotInstalled".into()));
        client.pass(1);
        assert_eq!(capture(&mut client), (201, String::new()));
        let other = put(&mut client, MACHINE, "another", &agent("Linux"));
        assert_eq!((other.status().as_u16(), code(&other)), (400, "BadRequest".into()), "one of a kind");
        assert_eq!(put(&mut client, MACHINE, "NW", &agent("Linux")).status(), 200, "an update");
    }

    #[test]
    fn an_agent_may_fail_or_be_refused() {
        let mut client = Client::new(World::sample);
        let failing =
            Effect::FailedOperation { code: "VMExtensionProvisioningError".into(), message: "No disk.".into() };
        client.azure.add_fault(Fault::new(failing).path("/extensions/").times(1));
        put(&mut client, MACHINE, "nw", &agent("Linux"));
        client.pass(38);
        let machine = format!("{GROUP}/{MACHINE}?api-version=2024-07-01&$expand=instanceView");
        let machine = json(&client.arm("GET", &machine, ""));
        assert_eq!(machine["resources"][0]["properties"]["provisioningState"], "Failed");
        assert_eq!(machine["properties"]["instanceView"]["extensions"][0]["statuses"][0]["message"], "No disk.");
        assert_eq!(capture(&mut client).0, 400);

        assert_eq!(put(&mut client, MACHINE, "nw", &agent("Windows")).status(), 400, "of another system");
        let nowhere = value!({"properties": agent("Linux")["properties"]});
        assert_eq!(code(&put(&mut client, MACHINE, "nw", &nowhere)), "LocationRequired");
        client.azure.world_mut().virtual_machines.iter_mut().for_each(|machine| machine.power = "deallocated".into());
        assert_eq!(code(&put(&mut client, MACHINE, "nw", &agent("Linux"))), "OperationNotAllowed");
        client.azure.world_mut().denied_actions = vec!["Microsoft.Compute/virtualMachines/extensions/write".into()];
        assert_eq!(put(&mut client, MACHINE, "nw", &agent("Linux")).status(), 403);
    }

    #[test]
    fn instances_follow_the_model_by_themselves_or_by_hand() {
        for by_hand in [false, true] {
            let mut client = Client::new(World::sample);
            let set = &mut client.azure.world_mut().scale_sets[0];
            (set.agent, set.upgrades_by_hand) = (None, by_hand);
            assert_eq!(put(&mut client, SET, "nw", &agent("Linux")).status(), 201);
            client.pass(38);
            client.arm("GET", &format!("{GROUP}/{SET}?api-version=2024-07-01"), "");
            let has_agent = |client: &Client| client.azure.world().scale_sets[0].has_agent_on("1");
            assert_eq!(has_agent(&client), !by_hand);
            let upgrade = format!("{GROUP}/{SET}/manualupgrade?api-version=2024-07-01");
            assert_eq!(client.arm("POST", &upgrade, r#"{"instanceIds": ["*"]}"#).status(), 202);
            client.pass(30);
            client.arm("GET", &format!("{GROUP}/{SET}?api-version=2024-07-01"), "");
            assert!(has_agent(&client));
        }
    }

    #[test]
    fn an_instance_may_have_an_agent_of_its_own() {
        let mut client = Client::new(World::sample);
        client.azure.world_mut().scale_sets[0].agent = None;
        assert_eq!(put(&mut client, &format!("{SET}/virtualMachines/1"), "nw", &agent("Linux")).status(), 201);
        client.pass(38);
        let instance = format!("{GROUP}/{SET}/virtualMachines/1?api-version=2024-07-01");
        assert_eq!(
            json(&client.arm("GET", &instance, ""))["resources"][0]["properties"]["provisioningState"],
            "Succeeded"
        );
        assert_eq!(client.azure.world().scale_sets[0].instance_agents["1"], AgentState::Succeeded);
        assert!(!client.azure.world().scale_sets[0].has_agent_on("0"));
    }
}
