//! What the settings say about alerts and captures in general.

use std::time::Duration;

use super::rule::Rule;
use crate::azure::capture_parameters::Parameters;

/// What holds for every alert.
#[derive(Clone, Debug)]
pub struct Policy {
    /// When set, no other subscription is touched. In lower case.
    pub allowed_subscriptions: Option<Vec<String>>,
    /// Exceptions, first match first.
    pub rules: Vec<Rule>,
    /// Rest per target after its last capture.
    pub cooldown: Duration,
    /// What every capture does unless a rule or an alert says otherwise.
    pub capture: Parameters,
    /// A name that every capture gets, or `None` for a name of its own per capture.
    pub capture_name: Option<String>,
}
