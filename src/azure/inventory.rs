//! The machines and scale sets of a subscription, for somebody to choose one, and whether they run.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Deserialize;

use super::action::Action;
use super::answer::read;
use super::client::Azure;
use super::compute::API_VERSION;
use super::error::AzureError;
use super::instance_view::InstanceView;
use super::lenient;
use super::list::{list, list_from};
use super::region::Region;
use super::resource_id::ResourceId;
use super::storage_profile::StorageProfile;
use super::target::{Target, TargetKind};
use crate::host::Host;

/// A machine or a scale set in a list. Its extensions are not there: only the machine itself tells them in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub target: Target,
    pub region: Option<Region>,
    /// `Linux` or `Windows`, when Azure says.
    pub os: Option<String>,
}

/// The virtual machines of a subscription.
pub async fn machines<H: Host>(azure: &Azure<'_, H>, subscription: &str) -> Result<Vec<Listed>, AzureError> {
    listed(azure, Action::Inventory, &path(subscription, "virtualMachines")).await
}

/// The scale sets of a subscription.
pub async fn scale_sets<H: Host>(azure: &Azure<'_, H>, subscription: &str) -> Result<Vec<Listed>, AzureError> {
    listed(azure, Action::ScaleSets, &path(subscription, "virtualMachineScaleSets")).await
}

/// What the virtual machines of a subscription do, such as `running`, by the [`key`](ResourceId::key) of their ids
/// ("Virtual Machines - List All", `statusOnly`).
pub async fn power_states<H: Host>(
    azure: &Azure<'_, H>,
    subscription: &str,
) -> Result<BTreeMap<String, String>, AzureError> {
    let query = [("statusOnly", "true")];
    let uri = azure.uri_with(Action::Power, &path(subscription, "virtualMachines"), API_VERSION, &query)?;
    let (machines, _) = list_from::<_, Resource>(azure, Action::Power, uri).await?;
    let state = |machine: Resource| Some((machine.id?.key(), machine.properties.instance_view.power()?));
    Ok(machines.into_iter().filter_map(state).collect())
}

/// What a virtual machine does; `None` when Azure does not say, or it is no machine.
pub async fn power_state<H: Host>(azure: &Azure<'_, H>, target: &Target) -> Result<Option<String>, AzureError> {
    if target.kind() != TargetKind::VirtualMachine {
        return Ok(None);
    }
    let uri = azure.uri_with(Action::Power, &target.id().to_string(), API_VERSION, &[("$expand", "instanceView")])?;
    match azure.get(Action::Power, uri).await {
        Err(AzureError::Refused { status: StatusCode::NOT_FOUND, .. }) => Ok(None),
        answer => Ok(read::<Resource>(Action::Power, &answer?)?.properties.instance_view.power()),
    }
}

async fn listed<H: Host>(azure: &Azure<'_, H>, action: Action, path: &str) -> Result<Vec<Listed>, AzureError> {
    let (resources, _) = list::<_, Resource>(azure, action, path, API_VERSION).await?;
    Ok(resources.into_iter().filter_map(Resource::listed).collect())
}

fn path(subscription: &str, kind: &str) -> String {
    format!("/subscriptions/{subscription}/providers/Microsoft.Compute/{kind}")
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resource {
    #[serde(deserialize_with = "lenient::or_default")]
    id: Option<ResourceId>,
    #[serde(deserialize_with = "lenient::or_default")]
    location: Option<Region>,
    #[serde(deserialize_with = "lenient::or_default")]
    properties: Properties,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Properties {
    #[serde(deserialize_with = "lenient::or_default")]
    storage_profile: StorageProfile,
    /// Where a scale set has its own.
    #[serde(deserialize_with = "lenient::or_default")]
    virtual_machine_profile: MachineProfile,
    #[serde(deserialize_with = "lenient::or_default")]
    instance_view: InstanceView,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct MachineProfile {
    #[serde(deserialize_with = "lenient::or_default")]
    storage_profile: StorageProfile,
}

impl Resource {
    fn listed(self) -> Option<Listed> {
        let Properties { storage_profile, virtual_machine_profile, .. } = self.properties;
        let os = storage_profile.os().or_else(|| virtual_machine_profile.storage_profile.os());
        Some(Listed { target: Target::new(self.id?)?, region: self.location, os })
    }
}
