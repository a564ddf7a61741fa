//! What to look at, and for how long.

use std::time::Duration;

use crate::azure::region::Region;
use crate::azure::target::Target;

/// How long Azure and the store are asked, each.
pub const ASK_FOR: Duration = Duration::from_secs(15);

/// What to look at; everything that the settings name when nothing is said.
#[derive(Debug, Default)]
pub struct Wanted {
    pub target: Option<Target>,
    /// In lower case.
    pub subscription: Option<String>,
    pub region: Option<Region>,
}
