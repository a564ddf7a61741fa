//! Machines: where they are, what they run, and whether they can capture.

use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::error::{AzureError, Step};
use super::region::Region;
use super::resource_id::ResourceId;
use super::{Azure, read};
use crate::alert::target::{Kind, Target};
use crate::host::Host;

/// The version of `Microsoft.Compute` that is spoken.
pub const API_VERSION: &str = "2024-07-01";

/// What nightcap needs to know of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// The id in Azure's own spelling, for people.
    pub id: String,
    /// Where it runs.
    pub region: Region,
    /// `Linux` or `Windows`, when Azure says.
    pub os: Option<String>,
    /// Whether the Network Watcher agent is installed; `None` for scale sets, whose model is no proof either way.
    pub agent: Option<bool>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    id: String,
    location: Region,
    #[serde(default)]
    properties: Properties,
    #[serde(default)]
    resources: Vec<Extension>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Properties {
    storage_profile: StorageProfile,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StorageProfile {
    os_disk: OsDisk,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OsDisk {
    os_type: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Extension {
    properties: ExtensionProperties,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ExtensionProperties {
    publisher: Option<String>,
    r#type: Option<String>,
}

/// Reads a machine. `None` when there is none, or none that nightcap may see.
pub async fn machine<H: Host>(azure: &Azure<'_, H>, target: &Target) -> Result<Option<Machine>, AzureError> {
    let resource: ResourceId = target.resource();
    let uri = azure.uri(Step::Machine, &resource.path(), API_VERSION)?;
    let answer = match azure.get(Step::Machine, uri).await {
        Err(AzureError::Refused { status: StatusCode::NOT_FOUND, .. }) => return Ok(None),
        other => other?,
    };
    let answer: Answer = read(Step::Machine, &answer)?;
    let agent = (target.kind() == Kind::VirtualMachine).then(|| answer.resources.iter().any(Extension::is_agent));
    let id = if answer.id.is_empty() { resource.to_string() } else { answer.id };
    Ok(Some(Machine { id, region: answer.location, os: answer.properties.storage_profile.os_disk.os_type, agent }))
}

impl Extension {
    /// The agent is told by publisher and type, for its instance may have any name ("Manage Network Watcher Agent").
    fn is_agent(&self) -> bool {
        let is = |member: &Option<String>, wanted: &str| {
            member.as_ref().is_some_and(|text| text.to_ascii_lowercase().starts_with(wanted))
        };
        is(&self.properties.publisher, "microsoft.azure.networkwatcher") && is(&self.properties.r#type, "networkwatcheragent")
    }
}
