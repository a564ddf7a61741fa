//! How long, how much and what to capture.

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use super::lenient;
use super::packet_filter::Filter;

/// The longest classic capture session, in seconds (azure-rest-api-specs, `timeLimitInSeconds`).
pub const LONGEST_SECONDS: u32 = 18_000;

/// The longest session of a capture into a ring of files, in seconds (`sessionTimeLimitInSeconds`).
pub const LONGEST_RING_SECONDS: u32 = 604_800;

/// How long such a session is when nobody says so, in seconds.
pub const USUAL_RING_SECONDS: u32 = 86_400;

/// The most files of a ring (`fileCount`).
pub const MOST_RING_FILES: u32 = 10_000;

/// The largest value of `totalBytesPerSession` and `bytesToCapturePerPacket` in bytes.
pub const LARGEST_BYTES: u64 = 4_294_967_295;

/// What a capture is told to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Parameters {
    /// Time limit in seconds, 1 to 18000.
    pub capture_seconds: u32,
    /// Limit of the whole session in bytes, 0 to 4294967295.
    pub capture_bytes: u64,
    /// Bytes kept of each packet, 0 for whole packets.
    pub packet_bytes: u64,
    /// Which packets to keep; none means all.
    pub capture_filters: Vec<Filter>,
    /// Which instances of a scale set to capture on.
    #[serde(default, skip_serializing_if = "Scope::is_everything")]
    pub scope: Scope,
    /// Where its file goes, unless that is left to Azure.
    #[serde(default, skip_serializing_if = "FilePlace::is_usual")]
    pub file: FilePlace,
    /// The ring of files that it writes; `None` for one file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring: Option<Ring>,
}

/// Where a capture's file goes (azure-rest-api-specs, `PacketCaptureStorageLocation`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct FilePlace {
    /// The URL of a blob or a container in the storage account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_path: Option<String>,
    /// The path of a file on the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_path: Option<String>,
    /// Whether nothing is written into a storage account.
    #[serde(default)]
    pub only_on_machine: bool,
}

/// A ring of files, each overwritten in its turn (azure-rest-api-specs, `continuousCapture`). Its time limit is that of the
/// capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Ring {
    /// `continuousCapture`. Azure's preview takes `false` for a ring as well.
    pub continuous: bool,
    /// How many files, 0 to 10000; Azure's default is 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u32>,
    /// How large each may grow, in bytes; Azure's default is 100 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_bytes: Option<u64>,
}

/// Instances of a scale set: all but the excluded, or only the included if any are named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Scope {
    /// The only instances that are meant; none means all.
    #[serde(default, deserialize_with = "lenient::items", skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// The instances that are not meant.
    #[serde(default, deserialize_with = "lenient::items", skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
}

impl FilePlace {
    /// Whether Azure chooses the place, in the storage account.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

impl Scope {
    pub fn only(instance: &str) -> Self {
        Self { include: vec![instance.to_owned()], exclude: vec![] }
    }

    pub fn takes_in(&self, instance: &str) -> bool {
        let named = |list: &[String]| list.iter().any(|own| own == instance);
        (self.include.is_empty() || named(&self.include)) && !named(&self.exclude)
    }

    /// Whether all instances are meant.
    pub fn is_everything(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }
}

pub fn seconds(text: &str) -> anyhow::Result<u32> {
    Ok(u32::try_from(number(text, 1, u64::from(LONGEST_SECONDS))?)?)
}

pub fn bytes(text: &str) -> anyhow::Result<u64> {
    number(text, 0, LARGEST_BYTES)
}

pub fn number(text: &str, least: u64, most: u64) -> anyhow::Result<u64> {
    let number = text.trim().parse().ok().filter(|number| (least..=most).contains(number));
    number.with_context(|| format!("it should be a whole number from {least} to {most}"))
}

/// The id of a scale set's instance: a number, or a name where the set is orchestrated flexibly.
pub fn instance(text: &str) -> anyhow::Result<String> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_one = (1..=80).contains(&text.len()) && text.chars().all(fine);
    ensure!(is_one, "it should list instances of a scale set, such as 0, 2");
    Ok(text.to_owned())
}
