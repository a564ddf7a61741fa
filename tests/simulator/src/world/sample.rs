//! A world that is ready to use: its ids are those of Azure's published sample alerts.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::resource_id::name_of;
use crate::world::inventory::{SUBSCRIPTION, World};
use crate::world::resources::{
    AgentState, NetworkInterface, OperatingSystem, PublicIpAddress, ScaleSet, StorageAccount, VirtualMachine, Watcher,
};
use crate::world::urls::Urls;

const AGENT: &str = "AzureNetworkWatcherExtension";
const FRONT_END: &str = "shop-lb/frontendIPConfigurations/front";

impl World {
    /// Seven machines, a scale set, their network interfaces, public IP addresses, watchers with usual and unusual names, and a storage account for each region.
    ///
    /// | machine | what is special |
    /// |---|---|
    /// | `test-RG/test-VM` | Windows, `westcentralus` |
    /// | `ContosoExampleRG/ContosoVM` | Linux, `westcentralus` |
    /// | `pipelinealertrg/wcus-r2-gen2` | its location is spelled `West Central US`, its agent has another name |
    /// | `example-rg/example-vm`, `ai-engineering/testvm` | `eastus` |
    /// | `test-RG/no-agent` | has no Network Watcher agent |
    /// | `platform-app/europe-vm` | its region's watcher is `platform-net/nw-westeurope-custom` |
    /// | `testrg/testvmss` | a scale set with instances 0 to 2, `eastus` |
    ///
    /// A machine's interface is named as the machine, with `-nic` behind; an instance's is `testvmss-nic`.
    ///
    /// | public IP address | belongs to |
    /// |---|---|
    /// | `test-RG/test-VM-ip` | the interface of `test-VM` |
    /// | `test-RG/shop-front` | the front end of a load balancer |
    /// | `test-RG/spare-ip` | nothing |
    pub fn sample(urls: Urls) -> World {
        use OperatingSystem::{Linux, Windows};
        let mut world = World::empty(urls);
        world.virtual_machines = vec![
            machine("test-RG", "test-VM", "westcentralus", Windows, Some(AGENT), 4),
            machine("ContosoExampleRG", "ContosoVM", "westcentralus", Linux, Some(AGENT), 5),
            machine("pipelinealertrg", "wcus-r2-gen2", "West Central US", Linux, Some("NetworkWatcherAgent"), 6),
            machine("example-rg", "example-vm", "eastus", Linux, Some(AGENT), 7),
            machine("ai-engineering", "testvm", "eastus", Linux, Some(AGENT), 8),
            machine("test-RG", "no-agent", "westcentralus", Linux, None, 9),
            machine("platform-app", "europe-vm", "westeurope", Linux, Some(AGENT), 10),
        ];
        world.scale_sets = vec![ScaleSet {
            id: id("testrg", "Microsoft.Compute/virtualMachineScaleSets", "testvmss"),
            location: "eastus".into(),
            os: Linux,
            agent: Some(AGENT.into()),
            agent_state: AgentState::default(),
            instances: ["0", "1", "2"].map(String::from).into(),
            upgrades_by_hand: false,
            instances_behind: Vec::new(),
            instances_upgrading: Vec::new(),
            instance_agents: BTreeMap::new(),
            quiet_instances: Vec::new(),
        }];
        let machines = world.virtual_machines.iter();
        world.network_interfaces = machines.map(interface).collect();
        world.network_interfaces.extend(world.scale_sets.iter().flat_map(instance_interfaces));
        world.public_ip_addresses = vec![
            address("test-VM-ip", 44, Some(world.network_interfaces[0].ip_configuration())),
            address("shop-front", 45, Some(id("test-RG", "Microsoft.Network/loadBalancers", FRONT_END))),
            address("spare-ip", 46, None),
        ];
        world.watchers = vec![
            watcher("NetworkWatcherRG", "NetworkWatcher_westcentralus", "westcentralus"),
            watcher("NetworkWatcherRG", "NetworkWatcher_eastus", "eastus"),
            watcher("platform-net", "nw-westeurope-custom", "westeurope"),
        ];
        world.storage_accounts = vec![
            account("ContosoExampleRG", "contosoexamplergdiag374", "westcentralus"),
            account("example-rg", "examplecaptureseastus", "eastus"),
            account("platform-app", "platformcaptureseurope", "westeurope"),
        ];
        world
    }
}

fn id(group: &str, kind: &str, name: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/{kind}/{name}")
}

fn machine(
    group: &str,
    name: &str,
    location: &str,
    os: OperatingSystem,
    agent: Option<&str>,
    last_octet: u8,
) -> VirtualMachine {
    VirtualMachine {
        id: id(group, "Microsoft.Compute/virtualMachines", name),
        location: location.into(),
        computer_name: None,
        os,
        agent: agent.map(String::from),
        agent_state: AgentState::default(),
        power: "running".into(),
        private_address: Ipv4Addr::new(10, 0, 0, last_octet),
    }
}

fn interface(machine: &VirtualMachine) -> NetworkInterface {
    let id = machine.id.replace("Microsoft.Compute/virtualMachines", "Microsoft.Network/networkInterfaces");
    NetworkInterface {
        id: format!("{id}-nic"),
        location: machine.location.clone(),
        virtual_machine: Some(machine.id.clone()),
        private_address: machine.private_address,
    }
}

fn instance_interfaces(set: &ScaleSet) -> Vec<NetworkInterface> {
    let instances = set.instances.iter().map(|instance| format!("{}/virtualMachines/{instance}", set.id));
    let interfaces = (4..).zip(instances).map(|(last_octet, instance)| NetworkInterface {
        id: format!("{instance}/networkInterfaces/{}-nic", name_of(&set.id)),
        location: set.location.clone(),
        virtual_machine: Some(instance),
        private_address: Ipv4Addr::new(10, 1, 0, last_octet),
    });
    interfaces.collect()
}

fn address(name: &str, last_octet: u8, ip_configuration: Option<String>) -> PublicIpAddress {
    PublicIpAddress {
        id: id("test-RG", "Microsoft.Network/publicIPAddresses", name),
        location: "westcentralus".into(),
        address: Ipv4Addr::new(203, 0, 113, last_octet),
        ip_configuration,
    }
}

fn watcher(group: &str, name: &str, location: &str) -> Watcher {
    Watcher { id: id(group, "Microsoft.Network/networkWatchers", name), location: location.into() }
}

fn account(group: &str, name: &str, location: &str) -> StorageAccount {
    StorageAccount {
        id: id(group, "Microsoft.Storage/storageAccounts", name),
        location: location.into(),
        shared_key_access: true,
    }
}
