//! Extensions that are being provisioned.

use jiff::Timestamp;

use crate::world::resources::AgentState;

/// What becomes of an extension, and when.
#[derive(Debug)]
pub(crate) struct Installation {
    pub(crate) ends: Timestamp,
    /// The id of the machine, the scale set, or the set of the instances.
    pub(crate) owner: String,
    pub(crate) change: Change,
}

#[derive(Debug)]
pub(crate) enum Change {
    Machine(AgentState),
    Model(AgentState),
    Instance(String, AgentState),
    /// These instances follow the model.
    Upgrade(Vec<String>),
}
