//! Machines: where they are, what they run, and whether they can capture.

use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::action::Action;
use super::answer::{read, unreadable};
use super::client::Azure;
use super::error::AzureError;
use super::extension::Extension;
use super::instance_view::InstanceView;
use super::lenient;
use super::list::list;
use super::region::Region;
use super::resource_id::ResourceId;
use super::storage_profile::StorageProfile;
use super::target::{Target, TargetKind};
use crate::host::Host;

/// The version of `Microsoft.Compute` that is spoken.
pub const API_VERSION: &str = "2024-07-01";

/// What nightcap needs to know of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// The id in Azure's own spelling, for people.
    pub id: String,
    pub region: Region,
    /// `Linux` or `Windows`, when Azure says.
    pub os: Option<String>,
    /// Whether the Network Watcher agent is installed; `None` for scale sets, whose model is no proof either way.
    pub agent: Option<bool>,
    /// Whether the agent is there and could not be provisioned. It may be mended any time, so nothing remembers it.
    #[serde(skip)]
    pub is_agent_broken: bool,
    /// What the machine does, such as `running`, when that was asked and Azure said.
    #[serde(skip)]
    pub power: Option<String>,
}

/// Reads a machine. `None` when there is none, or none that nightcap may see.
pub async fn machine<H: Host>(azure: &Azure<'_, H>, target: &Target) -> Result<Option<Machine>, AzureError> {
    read_machine(azure, target, &[]).await
}

/// The same with what the machine does, in the same answer. Scale sets do nothing themselves.
pub async fn machine_and_power<H: Host>(azure: &Azure<'_, H>, target: &Target) -> Result<Option<Machine>, AzureError> {
    let is_machine = target.kind() == TargetKind::VirtualMachine;
    read_machine(azure, target, if is_machine { &[("$expand", "instanceView")] } else { &[] }).await
}

async fn read_machine<H: Host>(
    azure: &Azure<'_, H>,
    target: &Target,
    query: &[(&str, &str)],
) -> Result<Option<Machine>, AzureError> {
    let uri = azure.uri_with(Action::Machine, &target.resource().to_string(), API_VERSION, query)?;
    let answer = match azure.get(Action::Machine, uri).await {
        Err(AzureError::Refused { status: StatusCode::NOT_FOUND, .. }) => return Ok(None),
        other => other?,
    };
    let resource: Resource = read(Action::Machine, &answer)?;
    let machine = Machine::of(resource, target);
    machine.map(Some).ok_or_else(|| unreadable(Action::Machine, "no location"))
}

/// The machines of a subscription that have a name, or whose computers have it.
pub async fn find_by_name<H: Host>(
    azure: &Azure<'_, H>,
    subscription: &str,
    name: &str,
) -> Result<Vec<Target>, AzureError> {
    let path = format!("/subscriptions/{subscription}/providers/Microsoft.Compute/virtualMachines");
    let (machines, _) = list::<_, Listed>(azure, Action::Machines, &path, API_VERSION).await?;
    let named = machines.into_iter().filter(|machine| machine.is_named(name));
    Ok(named.filter_map(|machine| Target::new(machine.id?)).collect())
}

/// A virtual machine in a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Listed {
    #[serde(deserialize_with = "lenient::or_default")]
    id: Option<ResourceId>,
    #[serde(deserialize_with = "lenient::or_default")]
    name: String,
    #[serde(deserialize_with = "lenient::or_default")]
    properties: ListedProperties,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ListedProperties {
    #[serde(deserialize_with = "lenient::or_default")]
    os_profile: OsProfile,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OsProfile {
    #[serde(deserialize_with = "lenient::or_default")]
    computer_name: String,
}

impl Listed {
    fn is_named(&self, name: &str) -> bool {
        let is = |own: &str| own.eq_ignore_ascii_case(name);
        is(&self.name) || is(&self.properties.os_profile.computer_name)
    }
}

/// A virtual machine or scale set, as Azure tells it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resource {
    #[serde(deserialize_with = "lenient::or_default")]
    id: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    location: Option<Region>,
    #[serde(deserialize_with = "lenient::or_default")]
    properties: Properties,
    /// The extensions.
    #[serde(deserialize_with = "lenient::items")]
    resources: Vec<Extension>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Properties {
    #[serde(deserialize_with = "lenient::or_default")]
    storage_profile: StorageProfile,
    #[serde(deserialize_with = "lenient::or_default")]
    instance_view: InstanceView,
}

impl Machine {
    fn of(resource: Resource, target: &Target) -> Option<Self> {
        let Resource { id, location, properties, resources } = resource;
        Some(Self {
            id: id.unwrap_or_else(|| target.resource().to_string()),
            region: location?,
            is_agent_broken: resources.iter().any(|extension| extension.is_agent() && extension.is_broken()),
            power: properties.instance_view.power(),
            os: properties.storage_profile.os(),
            agent: (target.kind() == TargetKind::VirtualMachine).then(|| resources.iter().any(Extension::is_agent)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::fake::Stage;
    use crate::host::fake::Answer;
    use serde_json::json;

    #[tokio::test(start_paused = true)]
    async fn a_computer_is_found_by_its_own_name_and_by_its_machines() {
        let stage = Stage::new(|_| {
            let vm = |name: &str, computer: serde_json::Value| {
                let id = format!(
                    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/{name}"
                );
                json!({"id": id, "name": name, "properties": {"osProfile": {"computerName": computer}}})
            };
            let machines =
                json!([vm("gate-01", json!(null)), vm("GATE-02", json!("two")), vm("other", json!("gate-02")), null]);
            Answer::json(200, json!({"value": machines}).to_string())
        });
        let azure = stage.azure();
        for (name, found) in
            [("GATE-01", &["gate-01"][..]), ("two", &["GATE-02"]), ("gate-02", &["GATE-02", "other"]), ("x", &[])]
        {
            let machines = find_by_name(&azure, "00000000-0000-0000-0000-000000000000", name).await.unwrap();
            assert_eq!(machines.iter().map(|target| target.name()).collect::<Vec<_>>(), found, "{name}");
        }
    }
}
