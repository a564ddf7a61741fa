//! A world that is ready to use: its ids are those of Azure's published sample alerts.

use std::net::Ipv4Addr;

use crate::world::inventory::{SUBSCRIPTION, World};
use crate::world::resources::{OperatingSystem, ScaleSet, StorageAccount, VirtualMachine, Watcher};
use crate::world::urls::Urls;

const AGENT: &str = "AzureNetworkWatcherExtension";

impl World {
    /// Six machines, a scale set, watchers with usual and unusual names, and a storage account for each region.
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
            instances: ["0", "1", "2"].map(String::from).into(),
        }];
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
        os,
        agent: agent.map(String::from),
        private_address: Ipv4Addr::new(10, 0, 0, last_octet),
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
