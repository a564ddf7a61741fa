//! The services, each of which has an origin of its own.

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

/// The origins of the pretend Azure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Service {
    /// Microsoft Entra: tokens.
    Entra,
    /// Azure Resource Manager: machines, watchers, captures.
    Arm,
    /// Blob storage: capture files.
    Blob,
    /// Where messages are posted.
    Sink,
    /// Where managed identities get their tokens, on the machine or in the app itself.
    Identity,
}
