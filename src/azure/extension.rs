//! Extensions of machines, as answers list them.

use serde::Deserialize;

use super::lenient;

/// An extension that is installed, or on its way.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Extension {
    #[serde(deserialize_with = "lenient::or_default")]
    pub name: String,
    #[serde(deserialize_with = "lenient::or_default")]
    properties: ExtensionProperties,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ExtensionProperties {
    #[serde(deserialize_with = "lenient::or_default")]
    publisher: String,
    #[serde(rename = "type", deserialize_with = "lenient::or_default")]
    kind: String,
    #[serde(deserialize_with = "lenient::or_default")]
    provisioning_state: String,
}

impl Extension {
    /// The agent is told by publisher and type, for its instance may have any name ("Manage Network Watcher Agent").
    pub fn is_agent(&self) -> bool {
        let begins = |text: &str, wanted| text.to_ascii_lowercase().starts_with(wanted);
        begins(&self.properties.publisher, "microsoft.azure.networkwatcher")
            && begins(&self.properties.kind, "networkwatcheragent")
    }

    /// Whether Azure could not provision it.
    pub fn is_broken(&self) -> bool {
        self.is_in(&["Failed", "Canceled"])
    }

    /// Whether it is there for use, or nothing is said against that.
    pub fn is_provisioned(&self) -> bool {
        self.is_in(&["Succeeded", ""])
    }

    fn is_in(&self, states: &[&str]) -> bool {
        states.iter().any(|state| self.properties.provisioning_state.eq_ignore_ascii_case(state))
    }
}
