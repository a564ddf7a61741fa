//! What is remembered of a machine.

use serde::{Deserialize, Serialize};

use crate::azure::compute::Machine;
use crate::azure::resource_id::ResourceId;
use crate::timestamp::Timestamp;

/// What is remembered of a machine, so that the next alert need not ask.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TargetMemory {
    /// Region, system and agent; only kept for machines that can capture.
    pub machine: Option<Machine>,
    /// The watcher that captures there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watcher: Option<ResourceId>,
    /// When its last capture was over, or will be at the latest.
    pub captured_until: Option<Timestamp>,
    /// The key of that capture's record. The end of an earlier one does not change what is remembered of a later one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<String>,
    /// The last time that nightcap had the agent installed there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Installation>,
    /// When this was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// That nightcap asks Azure to install the agent. Whoever wrote it last asks, and the others wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Installation {
    /// Who asks: something that nobody else writes.
    pub by: String,
    pub at: Timestamp,
    /// Whether Azure has accepted it.
    pub accepted: bool,
}

impl TargetMemory {
    /// The same once a capture is over. One that never began leaves the machine free at once.
    pub fn after_end(self, capture: &str, captured_until: Option<Timestamp>, now: Timestamp) -> Self {
        let is_of_another = self.capture.as_deref().is_some_and(|own| !own.eq_ignore_ascii_case(capture));
        if is_of_another { self } else { Self { captured_until, at: Some(now), ..self } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_end_changes_nothing_about_the_next_capture() {
        let at = |seconds: i64| Timestamp::from_unix_millis(seconds * 1000);
        let memory =
            TargetMemory { captured_until: Some(at(900)), capture: Some("second".to_owned()), ..Default::default() };
        assert_eq!(memory.clone().after_end("first", Some(at(300)), at(300)).captured_until, Some(at(900)));
        assert_eq!(memory.after_end("second", Some(at(300)), at(300)).captured_until, Some(at(300)));
    }
}
