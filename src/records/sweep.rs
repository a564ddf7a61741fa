//! When work that hosts left behind was last looked for.

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;

/// Lies under [`SWEPT`](crate::records::keys::SWEPT).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swept {
    /// When the sweep began.
    pub at: Timestamp,
}
