//! What can be asked for directly: by a program in the manner of the 2017 sample, or by an operator.

use serde::{Deserialize, Serialize};

use crate::alert::overrides::Overrides;
use crate::azure::resource_id::ResourceId;

/// What was asked for beyond the machine. What it left out comes from the settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectCall {
    /// The network watcher to use, when the caller knows it.
    pub watcher: Option<ResourceId>,
    /// The capture's name; one that exists is deleted first, as the sample did.
    pub name: Option<String>,
    /// The storage account.
    pub storage: Option<ResourceId>,
    /// Limits and filters.
    pub overrides: Overrides,
    /// Whether an operator asks, whom no rule of the settings holds back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_hand: bool,
}
