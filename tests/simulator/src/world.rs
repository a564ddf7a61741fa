//! What exists in the pretend Azure, and how fast it works.

use std::net::Ipv4Addr;
use std::time::Duration;

/// Where each service is reached: origins without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urls {
    /// Microsoft Entra's login endpoint.
    pub authority: String,
    /// Azure Resource Manager.
    pub arm: String,
    /// Blob storage. With a `*`, the account's name stands in its place; without, it is the first part of the path.
    pub blob: String,
    /// Where messages are posted.
    pub sink: String,
}

impl Urls {
    /// The hosts of Azure's public cloud, and `https://sink.example` for messages.
    pub fn public() -> Urls {
        Urls {
            authority: "https://login.microsoftonline.com".into(),
            arm: "https://management.azure.com".into(),
            blob: "https://*.blob.core.windows.net".into(),
            sink: "https://sink.example".into(),
        }
    }

    /// The address of a storage account, as its blobs' URLs begin.
    pub fn blob_account(&self, account: &str) -> String {
        if self.blob.contains('*') { self.blob.replacen('*', account, 1) } else { format!("{}/{account}", self.blob) }
    }
}

/// Everything that exists before the first request. Resource groups exist when something is in them.
#[derive(Debug, Clone)]
pub struct World {
    /// Where the services are reached.
    pub urls: Urls,
    /// The directory that issues tokens.
    pub tenant_id: String,
    /// The application that may sign in.
    pub client_id: String,
    /// The application's secret.
    pub client_secret: String,
    /// Ids of the subscriptions.
    pub subscriptions: Vec<String>,
    /// Virtual machines.
    pub virtual_machines: Vec<VirtualMachine>,
    /// Virtual machine scale sets.
    pub scale_sets: Vec<ScaleSet>,
    /// Network watchers.
    pub watchers: Vec<Watcher>,
    /// Storage accounts.
    pub storage_accounts: Vec<StorageAccount>,
    /// How long things take.
    pub timing: Timing,
    /// Parallel capture sessions per subscription and region. Azure's published limit is 10,000
    /// (azure-docs, network-watcher-limits).
    pub session_limit: usize,
    /// Watchers on one page of a list; `None` for one page with all.
    pub watchers_per_page: Option<usize>,
    /// Captures on one page of a list; `None` for one page with all.
    pub captures_per_page: Option<usize>,
    /// `queryStatus` answers its 202 with an empty body, so that the status is only at `Location`.
    pub empty_status_202: bool,
    /// How fast a capture grows, in bytes per second; when set, `totalBytesPerSession` ends captures.
    pub session_bytes_per_second: Option<u64>,
    /// Actions that the application has no right to, such as
    /// `Microsoft.Network/networkWatchers/packetCaptures/write`. Compared without case.
    pub denied_actions: Vec<String>,
    /// Refuses Resource Manager requests beyond a rate.
    pub throttle: Option<Throttle>,
    /// How much traffic the capture files hold, in percent of the usual one to two megabytes. A simulation that
    /// reads thousands of files wants little.
    pub traffic_percent: u32,
}

/// A virtual machine.
#[derive(Debug, Clone)]
pub struct VirtualMachine {
    /// The Resource Manager id, in the case that answers show.
    pub id: String,
    /// The region, spelled as answers show it: `westeurope` or `West Europe`.
    pub location: String,
    /// What it runs.
    pub os: OperatingSystem,
    /// The instance name of the Network Watcher agent extension; `None` when it is not installed.
    pub agent: Option<String>,
    /// The machine's address inside its network, which its capture files show.
    pub private_address: Ipv4Addr,
}

/// A virtual machine scale set with uniform orchestration.
#[derive(Debug, Clone)]
pub struct ScaleSet {
    /// The Resource Manager id.
    pub id: String,
    /// The region.
    pub location: String,
    /// What its instances run.
    pub os: OperatingSystem,
    /// The instance name of the Network Watcher agent extension in its model; `None` when there is none.
    pub agent: Option<String>,
    /// Instance ids, such as `"0"`.
    pub instances: Vec<String>,
}

/// What a machine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatingSystem {
    /// Windows.
    Windows,
    /// Linux.
    Linux,
}

impl OperatingSystem {
    pub(crate) fn name(self) -> &'static str {
        match self {
            OperatingSystem::Windows => "Windows",
            OperatingSystem::Linux => "Linux",
        }
    }

    /// The extension type of the Network Watcher agent (azure-docs, network-watcher-agent-manage).
    pub(crate) fn agent_type(self) -> &'static str {
        match self {
            OperatingSystem::Windows => "NetworkWatcherAgentWindows",
            OperatingSystem::Linux => "NetworkWatcherAgentLinux",
        }
    }
}

/// A network watcher: one for each subscription and region.
#[derive(Debug, Clone)]
pub struct Watcher {
    /// The Resource Manager id.
    pub id: String,
    /// The region whose machines it serves.
    pub location: String,
}

/// A storage account.
#[derive(Debug, Clone)]
pub struct StorageAccount {
    /// The Resource Manager id.
    pub id: String,
    /// The region; a capture's account must be in the machine's.
    pub location: String,
    /// Whether keys may be used. Network Watcher writes with a shared access signature, so a capture into an
    /// account without is lost (azure-docs, packet-capture-manage).
    pub shared_key_access: bool,
}

/// How long things take.
#[derive(Debug, Clone)]
pub struct Timing {
    /// From the PUT to the start of the capture.
    pub create: Duration,
    /// From the DELETE until the capture is gone.
    pub delete: Duration,
    /// From the stop request until the capture has stopped.
    pub stop: Duration,
    /// From `queryStatus` until its `Location` has the result.
    pub status: Duration,
    /// From the end of a capture until its file is visible.
    pub file_delay: Duration,
    /// `Retry-After` of operations, in seconds.
    pub retry_after: u64,
    /// How long tokens live, as `expires_in` tells: in seconds.
    pub token_seconds: u64,
    /// Added to the time that every answer takes.
    pub latency: Duration,
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            create: Duration::from_secs(4),
            delete: Duration::from_secs(8),
            stop: Duration::from_secs(3),
            status: Duration::from_secs(3),
            file_delay: Duration::from_secs(3),
            retry_after: 10,
            token_seconds: 3599,
            latency: Duration::ZERO,
        }
    }
}

/// So many Resource Manager requests in a window of time; the rest is refused with 429 and `Retry-After`.
#[derive(Debug, Clone, Copy)]
pub struct Throttle {
    /// Requests that pass in one window.
    pub requests: u32,
    /// Length of a window. Windows follow each other from the first request on.
    pub window: Duration,
}

impl World {
    /// A world with these URLs, one application, one subscription and nothing in it.
    pub fn empty(urls: Urls) -> World {
        World {
            urls,
            tenant_id: crate::TENANT_ID.into(),
            client_id: crate::CLIENT_ID.into(),
            client_secret: crate::CLIENT_SECRET.into(),
            subscriptions: vec![crate::SUBSCRIPTION.into()],
            virtual_machines: Vec::new(),
            scale_sets: Vec::new(),
            watchers: Vec::new(),
            storage_accounts: Vec::new(),
            timing: Timing::default(),
            session_limit: 10_000,
            watchers_per_page: None,
            captures_per_page: None,
            empty_status_202: false,
            session_bytes_per_second: None,
            denied_actions: Vec::new(),
            throttle: None,
            traffic_percent: 100,
        }
    }

    /// The virtual machine with this id, in any case.
    pub fn virtual_machine(&self, id: &str) -> Option<&VirtualMachine> {
        self.virtual_machines.iter().find(|machine| same(&machine.id, id))
    }

    /// The scale set with this id, in any case.
    pub fn scale_set(&self, id: &str) -> Option<&ScaleSet> {
        self.scale_sets.iter().find(|set| same(&set.id, id))
    }

    /// The network watcher with this id, in any case.
    pub fn watcher(&self, id: &str) -> Option<&Watcher> {
        self.watchers.iter().find(|watcher| same(&watcher.id, id))
    }

    /// The storage account with this id, in any case.
    pub fn storage_account(&self, id: &str) -> Option<&StorageAccount> {
        self.storage_accounts.iter().find(|account| same(&account.id, id))
    }

    pub(crate) fn has_subscription(&self, subscription: &str) -> bool {
        self.subscriptions.iter().any(|known| same(known, subscription))
    }

    pub(crate) fn has_resource_group(&self, subscription: &str, group: &str) -> bool {
        let prefix = format!("/subscriptions/{subscription}/resourceGroups/{group}/").to_lowercase();
        self.resource_ids().any(|id| id.to_lowercase().starts_with(&prefix))
    }

    fn resource_ids(&self) -> impl Iterator<Item = &str> {
        let machines = self.virtual_machines.iter().map(|machine| &machine.id);
        let sets = self.scale_sets.iter().map(|set| &set.id);
        let watchers = self.watchers.iter().map(|watcher| &watcher.id);
        let accounts = self.storage_accounts.iter().map(|account| &account.id);
        machines.chain(sets).chain(watchers).chain(accounts).map(String::as_str)
    }
}

/// Whether two ids or names are the same to Resource Manager, which does not look at case.
pub(crate) fn same(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
}

/// A region as it is compared: `West Central US` and `westcentralus` are one.
pub(crate) fn region(location: &str) -> String {
    location.chars().filter(|letter| !letter.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// The last part of a resource id: the resource's name.
pub(crate) fn name_of(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}
