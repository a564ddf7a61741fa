//! Machines: where they are, what they run, and whether they can capture.

use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::action::Action;
use super::answer::{read, unreadable};
use super::client::Azure;
use super::error::AzureError;
use super::lenient;
use super::region::Region;
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
}

/// Reads a machine. `None` when there is none, or none that nightcap may see.
pub async fn machine<H: Host>(azure: &Azure<'_, H>, target: &Target) -> Result<Option<Machine>, AzureError> {
    let uri = azure.uri(Action::Machine, &target.resource().to_string(), API_VERSION)?;
    let answer = match azure.get(Action::Machine, uri).await {
        Err(AzureError::Refused { status: StatusCode::NOT_FOUND, .. }) => return Ok(None),
        other => other?,
    };
    let resource: Resource = read(Action::Machine, &answer)?;
    let machine = Machine::of(resource, target);
    machine.map(Some).ok_or_else(|| unreadable(Action::Machine, "no location"))
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
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StorageProfile {
    #[serde(deserialize_with = "lenient::or_default")]
    os_disk: OsDisk,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OsDisk {
    #[serde(deserialize_with = "lenient::or_default")]
    os_type: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Extension {
    #[serde(deserialize_with = "lenient::or_default")]
    properties: ExtensionProperties,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ExtensionProperties {
    #[serde(deserialize_with = "lenient::or_default")]
    publisher: String,
    #[serde(rename = "type", deserialize_with = "lenient::or_default")]
    kind: String,
}

impl Machine {
    fn of(resource: Resource, target: &Target) -> Option<Self> {
        let Resource { id, location, properties, resources } = resource;
        Some(Self {
            id: id.unwrap_or_else(|| target.resource().to_string()),
            region: location?,
            os: properties.storage_profile.os_disk.os_type,
            agent: (target.kind() == TargetKind::VirtualMachine).then(|| resources.iter().any(Extension::is_agent)),
        })
    }
}

impl Extension {
    /// The agent is told by publisher and type, for its instance may have any name ("Manage Network Watcher Agent").
    fn is_agent(&self) -> bool {
        let begins = |text: &str, wanted| text.to_ascii_lowercase().starts_with(wanted);
        begins(&self.properties.publisher, "microsoft.azure.networkwatcher")
            && begins(&self.properties.kind, "networkwatcheragent")
    }
}
