//! What a capture listens to: a machine, or instances of a scale set.

use crate::arm::call::Call;
use crate::capture::properties::CaptureProperties;
use crate::error::ArmError;
use crate::resource_id::normalized_region;
use crate::world::inventory::World;
use crate::world::resources::{OperatingSystem, Watcher};

#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) id: String,
    pub(crate) location: String,
    pub(crate) os: OperatingSystem,
    pub(crate) has_agent: bool,
    /// The captured instances, when it is a scale set.
    pub(crate) instances: Option<Vec<String>>,
}

pub(crate) fn find(world: &World, properties: &CaptureProperties) -> Result<Target, ArmError> {
    let id = &properties.target;
    if is_instance(id) {
        let message = format!("The target resource id {id} is not supported.");
        return Err(ArmError::bad_request("UnsupportedTargetResourceId", message).on("properties.target"));
    }
    let is_set = id.to_lowercase().contains("/virtualmachinescalesets/");
    let declared = properties.target_type.as_deref();
    if is_set != (declared == Some("AzureVMSS")) {
        return Err(ArmError::invalid("properties.targetType", "the type does not fit the target"));
    }
    let target = if is_set { scale_set_target(world, properties)? } else { machine_target(world, properties)? };
    target.ok_or_else(|| unknown_reference(id, "properties.target"))
}

/// An instance of a scale set is captured by its set's id and a scope; its own id is refused (kevoreilly/CAPEv2 issue
/// 2229, which does not tell the status).
fn is_instance(id: &str) -> bool {
    let id = id.to_lowercase();
    id.split_once("/virtualmachinescalesets/").is_some_and(|(_, rest)| rest.contains("/virtualmachines/"))
}

fn machine_target(world: &World, properties: &CaptureProperties) -> Result<Option<Target>, ArmError> {
    let scope = properties.scope.clone().unwrap_or_default();
    if !scope.include.is_empty() || !scope.exclude.is_empty() {
        return Err(ArmError::invalid("properties.scope", "only a scale set has instances"));
    }
    Ok(world.virtual_machine(&properties.target).map(|machine| Target {
        id: machine.id.clone(),
        location: machine.location.clone(),
        os: machine.os,
        has_agent: machine.has_agent(),
        instances: None,
    }))
}

fn scale_set_target(world: &World, properties: &CaptureProperties) -> Result<Option<Target>, ArmError> {
    let Some(set) = world.scale_set(&properties.target) else { return Ok(None) };
    let scope = properties.scope.clone().unwrap_or_default();
    if let Some(unknown) = scope.include.iter().chain(&scope.exclude).find(|one| !set.instances.contains(one)) {
        return Err(ArmError::invalid("properties.scope", &format!("there is no instance '{unknown}'")));
    }
    let included = |one: &&String| scope.include.is_empty() || scope.include.contains(one);
    let instances = set.instances.iter().filter(included).filter(|one| !scope.exclude.contains(one));
    let instances: Vec<String> = instances.cloned().collect();
    Ok(Some(Target {
        id: set.id.clone(),
        location: set.location.clone(),
        os: set.os,
        has_agent: instances.iter().all(|instance| set.has_agent_on(instance)),
        instances: Some(instances),
    }))
}

impl Target {
    /// Whether this watcher can capture it: a machine of its subscription and region, with the agent.
    pub(crate) fn check(&self, call: &Call, watcher: &Watcher) -> Result<(), ArmError> {
        let subscription = format!("/subscriptions/{}/", call.path.subscription).to_lowercase();
        let is_near = normalized_region(&self.location) == normalized_region(&watcher.location);
        if !is_near || !self.id.to_lowercase().starts_with(&subscription) {
            return Err(ArmError::invalid(
                "properties.target",
                "the target is not in the network watcher's subscription and region",
            ));
        }
        if self.has_agent {
            return Ok(());
        }
        let message = format!("Network Watcher extension is not installed on the target {}.", self.id);
        Err(ArmError::bad_request("NetworkWatcherVmExtensionNotInstalled", message))
    }
}

/// The refusal of an id that names nothing.
pub(crate) fn unknown_reference(id: &str, member: &str) -> ArmError {
    let message = format!(
        "Resource {id} referenced by {member} was not found. Please make sure that the referenced resource exists, \
         and that both resources are in the same region."
    );
    ArmError::bad_request("InvalidResourceReference", message).on(member)
}
