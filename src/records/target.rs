//! What is remembered of a machine.

use serde::{Deserialize, Serialize};

use crate::azure::compute::Machine;
use crate::timestamp::Timestamp;

/// What is remembered of a machine, so that the next alert need not ask.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TargetMemory {
    /// Region, system and agent; only kept for machines that can capture.
    pub machine: Option<Machine>,
    /// When its last capture was over, or will be at the latest.
    pub captured_until: Option<Timestamp>,
}
