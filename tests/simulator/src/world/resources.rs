//! The resources that exist: machines, scale sets, what stands before them, watchers, storage accounts.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use strum::IntoStaticStr;

#[derive(Debug, Clone)]
pub struct VirtualMachine {
    /// The Resource Manager id, in the case that answers show.
    pub id: String,
    /// The region, spelled as answers show it: `westeurope` or `West Europe`.
    pub location: String,
    /// The name that the machine itself goes by, when it is not the resource's.
    pub computer_name: Option<String>,
    pub os: OperatingSystem,
    /// The instance name of the Network Watcher agent extension; `None` when it is not installed.
    pub agent: Option<String>,
    /// How that extension is.
    pub agent_state: AgentState,
    /// What it does: the last part of its `PowerState/` code, such as `running` or `deallocated`.
    pub power: String,
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
    /// How that extension of the model is.
    pub agent_state: AgentState,
    /// Instance ids, such as `"0"`.
    pub instances: Vec<String>,
    /// Whether somebody has to ask for it before instances follow the model: `upgradePolicy.mode` is `Manual`.
    pub upgrades_by_hand: bool,
    /// Those of the instances that have not followed the latest model yet.
    pub instances_behind: Vec<String>,
    /// Those of the instances that are at work on following it.
    pub instances_upgrading: Vec<String>,
    /// Those of the instances that have the agent by themselves, whatever the model says.
    pub instance_agents: BTreeMap<String, AgentState>,
    /// Those of the instances that have no traffic: their files have no packet.
    pub quiet_instances: Vec<String>,
}

/// How an extension of a machine is: its `provisioningState`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AgentState {
    #[default]
    Succeeded,
    Creating,
    Updating,
    /// It could not be provisioned; the machine reported why.
    Failed(String),
}

impl AgentState {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            AgentState::Succeeded => "Succeeded",
            AgentState::Creating => "Creating",
            AgentState::Updating => "Updating",
            AgentState::Failed(_) => "Failed",
        }
    }

    pub(crate) fn is_under_way(&self) -> bool {
        matches!(self, AgentState::Creating | AgentState::Updating)
    }
}

impl VirtualMachine {
    /// Whether the agent works. How captures fail where it is installed and broken is not published; they are refused as
    /// where it is missing.
    pub(crate) fn has_agent(&self) -> bool {
        self.agent.is_some() && self.agent_state == AgentState::Succeeded
    }
}

impl ScaleSet {
    /// Whether the agent works on an instance.
    pub(crate) fn has_agent_on(&self, instance: &str) -> bool {
        let follows_model = !self.instances_behind.iter().any(|one| one == instance);
        self.instance_agents.get(instance) == Some(&AgentState::Succeeded)
            || (self.agent.is_some() && self.agent_state == AgentState::Succeeded && follows_model)
    }
}

/// How the files of a scale set's capture are named. It is not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScaleSetFiles {
    /// Beside each other, named as the storage path with the instance behind: `x_0.cap`.
    BesidePath,
    /// In a folder that is named as the storage path: `x/set_0_x.cap`, as people have seen it (kevoreilly/CAPEv2 issue
    /// 2229, which does not tell the endings).
    InFolder,
}

/// A network interface with one address.
#[derive(Debug, Clone)]
pub struct NetworkInterface {
    /// The Resource Manager id, which is below the instance when the interface is a scale set's.
    pub id: String,
    pub location: String,
    /// The id of the machine or of the instance; `None` when it belongs to none, as a private endpoint's does.
    pub virtual_machine: Option<String>,
    pub private_address: Ipv4Addr,
}

impl NetworkInterface {
    /// The id that a public IP address names when it is this interface's.
    pub fn ip_configuration(&self) -> String {
        format!("{}/ipConfigurations/ipconfig1", self.id)
    }
}

#[derive(Debug, Clone)]
pub struct PublicIpAddress {
    pub id: String,
    pub location: String,
    pub address: Ipv4Addr,
    /// The id of what has the address: [`NetworkInterface::ip_configuration`], or the front end of a load balancer or
    /// an application gateway; `None` when nothing has it.
    pub ip_configuration: Option<String>,
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
