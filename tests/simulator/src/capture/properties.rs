//! The members of a capture, in requests and in answers (azure-rest-api-specs networkWatcher.json,
//! PacketCaptureParameters).

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CaptureProperties {
    /// Resource Manager id of the machine or scale set.
    pub(crate) target: String,
    /// `AzureVM` or `AzureVMSS`; since api-version 2022-01-01.
    pub(crate) target_type: Option<String>,
    /// The instances of a scale set; since api-version 2022-01-01.
    pub scope: Option<CaptureScope>,
    /// Bytes kept of each packet; 0 keeps all.
    pub(crate) bytes_to_capture_per_packet: Option<i64>,
    pub(crate) total_bytes_per_session: Option<i64>,
    pub(crate) time_limit_in_seconds: Option<i64>,
    pub(crate) storage_location: StorageLocation,
    /// Which packets are kept: those that any filter matches, or all without a filter.
    pub(crate) filters: Option<Vec<CaptureFilter>>,
    /// Set for the ring buffer of api-version 2023-11-01 and later.
    pub(crate) continuous_capture: Option<bool>,
    pub(crate) capture_settings: Option<CaptureSettings>,
}

/// Which instances of a scale set are captured; both empty for all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptureScope {
    #[serde(default)]
    pub(crate) include: Vec<String>,
    #[serde(default)]
    pub(crate) exclude: Vec<String>,
}

#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct StorageLocation {
    pub(crate) storage_id: Option<String>,
    /// URL of the blob, or of a container; made by the service when absent.
    pub(crate) storage_path: Option<String>,
    pub(crate) file_path: Option<String>,
    /// Path on the machine, for continuous captures.
    pub(crate) local_path: Option<String>,
}

#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaptureFilter {
    /// `TCP`, `UDP` or `Any`.
    pub(crate) protocol: Option<String>,
    #[serde(rename = "localIPAddress")]
    pub(crate) local_ip_address: Option<String>,
    #[serde(rename = "remoteIPAddress")]
    pub(crate) remote_ip_address: Option<String>,
    #[serde(rename = "localPort")]
    pub(crate) local_port: Option<String>,
    #[serde(rename = "remotePort")]
    pub(crate) remote_port: Option<String>,
}

/// The ring buffer of a continuous capture.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CaptureSettings {
    pub(crate) file_count: Option<i64>,
    pub(crate) file_size_in_bytes: Option<i64>,
    pub(crate) session_time_limit_in_seconds: Option<i64>,
}

/// Azure takes an empty string for an absent one.
pub(crate) fn given(member: &Option<String>) -> Option<&str> {
    member.as_deref().filter(|value| !value.is_empty())
}
