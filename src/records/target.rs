//! What is remembered of a machine.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::azure::compute::Machine;
use crate::capture::locate::Place;
use crate::plan::Start;
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

impl TargetMemory {
    /// What there is to remember after a capture was asked for.
    pub fn new(start: &Start, place: &Place, now: Timestamp) -> Self {
        let limit = Duration::from_secs(u64::from(start.parameters.capture_seconds));
        Self { machine: place.machine.clone(), captured_until: Some(now.after(limit)) }
    }
}
