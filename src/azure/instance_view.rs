//! What a machine does and what it reports, as Azure sees it while it runs.

use serde::Deserialize;

use super::lenient;

/// What a machine does that can capture.
pub const RUNNING: &str = "running";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct InstanceView {
    #[serde(deserialize_with = "lenient::items")]
    statuses: Vec<Status>,
    #[serde(deserialize_with = "lenient::items")]
    extensions: Vec<ExtensionView>,
}

/// What the machine reports of an extension.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ExtensionView {
    #[serde(deserialize_with = "lenient::or_default")]
    name: String,
    #[serde(deserialize_with = "lenient::items")]
    statuses: Vec<Status>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    #[serde(deserialize_with = "lenient::or_default")]
    code: String,
    #[serde(deserialize_with = "lenient::or_default")]
    message: String,
}

impl InstanceView {
    /// `running` of `PowerState/running`.
    pub fn power(&self) -> Option<String> {
        let mut states = self.statuses.iter().filter_map(|status| status.code.strip_prefix("PowerState/"));
        states.next().map(str::to_owned)
    }

    /// What the machine reports of an extension, in its own words; empty when it says nothing.
    pub fn message_of(&self, extension: &str) -> String {
        let view = self.extensions.iter().find(|view| view.name.eq_ignore_ascii_case(extension));
        let mut messages = view.into_iter().flat_map(|view| &view.statuses).map(|status| status.message.trim());
        messages.find(|message| !message.is_empty()).unwrap_or_default().to_owned()
    }
}
