//! The disks of a machine, or of what the machines of a scale set are made of, as far as they tell the operating system.

use serde::Deserialize;

use super::lenient;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StorageProfile {
    #[serde(deserialize_with = "lenient::or_default")]
    os_disk: OsDisk,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OsDisk {
    #[serde(deserialize_with = "lenient::or_default")]
    os_type: Option<String>,
}

impl StorageProfile {
    /// `Windows` or `Linux`, in Azure's spelling, when Azure says.
    pub fn os(self) -> Option<String> {
        self.os_disk.os_type
    }

    pub fn is_windows(&self) -> bool {
        self.os_disk.os_type.as_ref().is_some_and(|os| os.eq_ignore_ascii_case("windows"))
    }
}
