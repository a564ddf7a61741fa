//! Machines: where they are, what they run, and whether they can capture.

use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::answer::{read, unreadable};
use super::client::Azure;
use super::error::{AzureError, Step};
use super::region::Region;
use super::target::{Kind, Target};
use crate::host::Host;
use crate::json::Object;

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

/// Reads a machine. `None` when there is none, or none that nightcap may see.
pub async fn machine<H: Host>(azure: &Azure<'_, H>, target: &Target) -> Result<Option<Machine>, AzureError> {
    let uri = azure.uri(Step::Machine, &target.resource().to_string(), API_VERSION)?;
    let answer = match azure.get(Step::Machine, uri).await {
        Err(AzureError::Refused { status: StatusCode::NOT_FOUND, .. }) => return Ok(None),
        other => other?,
    };
    let answer = read(Step::Machine, &answer)?;
    let read = Object::of(&answer).and_then(|answer| Machine::read(answer, target));
    read.map(Some).ok_or_else(|| unreadable(Step::Machine, "no location"))
}

impl Machine {
    fn read(answer: Object, target: &Target) -> Option<Self> {
        let profile = answer
            .object_or_nothing("properties")
            .and_then(|properties| properties.object_or_nothing("storageProfile"));
        let disk = profile.and_then(|profile| profile.object_or_nothing("osDisk"));
        let mut extensions = answer.list_or_nothing("resources").iter().filter_map(Object::of);
        Some(Self {
            id: answer.text_or_nothing("id").unwrap_or_else(|| target.resource().to_string()),
            region: Region::new(&answer.text_or_nothing("location")?)?,
            os: disk.and_then(|disk| disk.text_or_nothing("osType")),
            agent: (target.kind() == Kind::VirtualMachine).then(|| extensions.any(is_agent)),
        })
    }
}

/// The agent is told by publisher and type, for its instance may have any name ("Manage Network Watcher Agent").
fn is_agent(extension: Object) -> bool {
    let Some(properties) = extension.object_or_nothing("properties") else { return false };
    let is = |name: &str, wanted: &str| {
        properties.text_or_nothing(name).is_some_and(|text| text.to_ascii_lowercase().starts_with(wanted))
    };
    is("publisher", "microsoft.azure.networkwatcher") && is("type", "networkwatcheragent")
}
