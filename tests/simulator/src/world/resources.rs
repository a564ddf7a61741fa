//! The resources that exist: machines, scale sets, watchers, storage accounts.

use std::net::Ipv4Addr;

use strum::IntoStaticStr;

#[derive(Debug, Clone)]
pub struct VirtualMachine {
    /// The Resource Manager id, in the case that answers show.
    pub id: String,
    /// The region, spelled as answers show it: `westeurope` or `West Europe`.
    pub location: String,
    pub os: OperatingSystem,
    /// The instance name of the Network Watcher agent extension; `None` when it is not installed.
    pub agent: Option<String>,
    /// The machine's address inside its network, which its capture files show.
    pub private_address: Ipv4Addr,
}

/// A virtual machine scale set with uniform orchestration.
#[derive(Debug, Clone)]
pub struct ScaleSet {
    pub id: String,
    pub location: String,
    pub os: OperatingSystem,
    /// The instance name of the Network Watcher agent extension in its model; `None` when there is none.
    pub agent: Option<String>,
    /// Instance ids, such as `"0"`.
    pub instances: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
pub enum OperatingSystem {
    Windows,
    Linux,
}

impl OperatingSystem {
    /// `osType`, as answers have it.
    pub(crate) fn name(self) -> &'static str {
        self.into()
    }

    /// The extension type of the Network Watcher agent (azure-docs, network-watcher-agent-manage).
    pub(crate) fn agent_type(self) -> String {
        format!("NetworkWatcherAgent{}", self.name())
    }
}

/// A network watcher: one for each subscription and region.
#[derive(Debug, Clone)]
pub struct Watcher {
    pub id: String,
    /// The region whose machines it serves.
    pub location: String,
}

#[derive(Debug, Clone)]
pub struct StorageAccount {
    pub id: String,
    /// The region; a capture's account must be in the machine's.
    pub location: String,
    /// Whether keys may be used. Network Watcher writes with a shared access signature, so a capture into an
    /// account without is lost (azure-docs, packet-capture-manage).
    pub shared_key_access: bool,
}
