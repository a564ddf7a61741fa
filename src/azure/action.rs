//! Everything that Azure is asked for.

use strum::IntoStaticStr;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Action {
    Token,
    /// Fetching the keys that Entra signs tokens with.
    SigningKeys,
    Machine,
    /// Looking for a machine by its computer's name.
    Machines,
    /// Listing a subscription's machines.
    Inventory,
    /// Listing its scale sets.
    ScaleSets,
    /// Reading instances of a scale set.
    Instances,
    InstallAgent,
    /// Letting the instances of a scale set follow its model.
    UpgradeInstances,
    /// Asking whether machines run.
    Power,
    Subscriptions,
    /// Reading what nightcap may do somewhere.
    Permissions,
    StorageAccount,
    /// Reading a network interface.
    Interface,
    /// Reading a public IP address.
    PublicIp,
    Watchers,
    /// Listing the watcher's captures.
    List,
    LookUp,
    /// Asking a capture for its state.
    Status,
    Delete,
    Create,
    Stop,
    /// Following an operation to its end.
    Operation,
    /// Looking for a capture's file.
    File,
}

impl Action {
    /// Its name in the log.
    pub fn name(self) -> &'static str {
        self.into()
    }
}
