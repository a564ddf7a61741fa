//! The members of a capture, in requests and in answers (azure-rest-api-specs networkWatcher.json,
//! PacketCaptureParameters).

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// The members of a capture, as a request gives them and as answers show them.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CaptureProperties {
    /// Resource Manager id of the machine or scale set.
    pub target: String,
    /// `AzureVM` or `AzureVMSS`; since api-version 2022-01-01.
    pub target_type: Option<String>,
    /// The instances of a scale set; since api-version 2022-01-01.
    pub scope: Option<CaptureScope>,
    /// Bytes kept of each packet; 0 keeps all.
    pub bytes_to_capture_per_packet: Option<i64>,
    /// Bytes after which the session ends.
    pub total_bytes_per_session: Option<i64>,
    /// Seconds after which the session ends.
    pub time_limit_in_seconds: Option<i64>,
    /// Where the file goes.
    pub storage_location: StorageLocation,
    /// Which packets are kept: those that any filter matches, or all without a filter.
    pub filters: Option<Vec<CaptureFilter>>,
    /// Set for the ring buffer of api-version 2023-11-01 and later.
    pub continuous_capture: Option<bool>,
    /// Settings of the ring buffer.
    pub capture_settings: Option<CaptureSettings>,
}

/// Which instances of a scale set are captured; both empty for all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptureScope {
    /// Only these instances.
    #[serde(default)]
    pub include: Vec<String>,
    /// Not these instances.
    #[serde(default)]
    pub exclude: Vec<String>,
}

/// Where a capture's file goes.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StorageLocation {
    /// Resource Manager id of the storage account.
    pub storage_id: Option<String>,
    /// URL of the blob, or of a container; made by the service when absent.
    pub storage_path: Option<String>,
    /// Path on the machine.
    pub file_path: Option<String>,
    /// Path on the machine, for continuous captures.
    pub local_path: Option<String>,
}

/// Which packets a capture keeps.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptureFilter {
    /// `TCP`, `UDP` or `Any`.
    pub protocol: Option<String>,
    /// Addresses of the machine.
    #[serde(rename = "localIPAddress")]
    pub local_ip_address: Option<String>,
    /// Addresses of the other end.
    #[serde(rename = "remoteIPAddress")]
    pub remote_ip_address: Option<String>,
    /// Ports of the machine.
    #[serde(rename = "localPort")]
    pub local_port: Option<String>,
    /// Ports of the other end.
    #[serde(rename = "remotePort")]
    pub remote_port: Option<String>,
}

/// The ring buffer of a continuous capture.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CaptureSettings {
    /// Files in the ring.
    pub file_count: Option<i64>,
    /// Bytes of each file.
    pub file_size_in_bytes: Option<i64>,
    /// Seconds after which the session ends.
    pub session_time_limit_in_seconds: Option<i64>,
}

/// Azure takes an empty string for an absent one.
pub(crate) fn given(member: &Option<String>) -> Option<&str> {
    member.as_deref().filter(|value| !value.is_empty())
}
