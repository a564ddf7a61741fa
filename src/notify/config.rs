//! Where and how people are told.

use super::format::Format;
use super::notice::Event;
use crate::azure::origin::Origin;
use crate::azure::secret::Secret;

#[derive(Clone, Debug)]
pub struct Config {
    /// Who takes messages; `None` when nobody is to be told.
    pub receiver: Option<Receiver>,
    /// Where links to nightcap lead, without a slash at the end; empty for links relative to the host.
    pub public_url: String,
    /// Azure Resource Manager, which tells the portal that links to machines lead to.
    pub arm: Origin,
}

/// The webhook that takes messages.
#[derive(Clone, Debug)]
pub struct Receiver {
    pub url: Secret,
    pub format: Format,
    /// What it is told.
    pub on: Vec<Event>,
}

impl Config {
    /// Whether people want to be told this.
    pub fn wants(&self, event: Event) -> bool {
        self.receiver.as_ref().is_some_and(|receiver| receiver.on.contains(&event))
    }
}
