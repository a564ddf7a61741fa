//! What exists in the pretend Azure, and how fast it works.

use crate::resource_id::same;
use crate::world::resources::{
    NetworkInterface, PublicIpAddress, ScaleSet, ScaleSetFiles, StorageAccount, VirtualMachine, Watcher,
};
use crate::world::timing::{Throttle, Timing};
use crate::world::urls::Urls;

/// The directory of every world that is not given another.
pub const TENANT_ID: &str = "11111111-1111-1111-1111-111111111111";
/// The application of every world that is not given another.
pub const CLIENT_ID: &str = "22222222-2222-2222-2222-222222222222";
/// The application's secret. It opens nothing but this simulator.
pub const CLIENT_SECRET: &str = "simulated~secret+with/odd=characters&more";
/// What a federated issuer, such as a cluster, has given the application of every world.
pub const FEDERATED_TOKEN: &str = "simulated.federated.token";
/// The client id of the managed identity that what runs in every world has, system-assigned.
pub const MANAGED_IDENTITY: &str = "33333333-3333-3333-3333-333333333333";
/// What an app shows to get its identity's token.
pub const IDENTITY_HEADER: &str = "simulated-identity-header";
/// The subscription of every world that is not given another.
pub const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";

/// Everything that exists before the first request. Resource groups exist when something is in them.
#[derive(Debug, Clone)]
pub struct World {
    pub urls: Urls,
    pub tenant_id: String,
    pub client_id: String,
    pub client_secret: String,
    /// What the application's federated credential takes now; `None` when it has none.
    pub federated_token: Option<String>,
    /// The client ids of the managed identities of what nightcap runs on, and whether each is the system-assigned one.
    pub managed_identities: Vec<(String, bool)>,
    pub identity_header: String,
    /// The names of the keys that Entra publishes for the tokens it signs.
    pub signing_key_ids: Vec<String>,
    /// Ids of the subscriptions.
    pub subscriptions: Vec<String>,
    pub virtual_machines: Vec<VirtualMachine>,
    pub scale_sets: Vec<ScaleSet>,
    pub network_interfaces: Vec<NetworkInterface>,
    pub public_ip_addresses: Vec<PublicIpAddress>,
    pub watchers: Vec<Watcher>,
    pub storage_accounts: Vec<StorageAccount>,
    pub timing: Timing,
    /// Parallel capture sessions per subscription and region. Azure's published limit is 10,000
    /// (azure-docs, network-watcher-limits).
    pub session_limit: usize,
    /// Machines on one page of a list; `None` for one page with all.
    pub machines_per_page: Option<usize>,
    /// Watchers on one page of a list; `None` for one page with all.
    pub watchers_per_page: Option<usize>,
    /// Captures on one page of a list; `None` for one page with all.
    pub captures_per_page: Option<usize>,
    /// `queryStatus` answers its 202 with an empty body, so that the status is only at `Location`.
    pub empty_status_202: bool,
    /// How fast a capture grows, in bytes per second; when set, `totalBytesPerSession` ends captures.
    pub session_bytes_per_second: Option<u64>,
    pub scale_set_files: ScaleSetFiles,
    /// Actions that the application has no right to, such as
    /// `Microsoft.Network/networkWatchers/packetCaptures/write`. Compared without case.
    pub denied_actions: Vec<String>,
    /// Refuses Resource Manager requests beyond a rate.
    pub throttle: Option<Throttle>,
    /// How much traffic the capture files hold, in percent of the usual one to two megabytes. A simulation that
    /// reads thousands of files wants little.
    pub traffic_percent: u32,
}

impl World {
    /// A world with these URLs, one application, one subscription and nothing in it.
    pub fn empty(urls: Urls) -> World {
        World {
            urls,
            tenant_id: TENANT_ID.into(),
            client_id: CLIENT_ID.into(),
            client_secret: CLIENT_SECRET.into(),
            federated_token: Some(FEDERATED_TOKEN.into()),
            managed_identities: vec![(MANAGED_IDENTITY.into(), true)],
            identity_header: IDENTITY_HEADER.into(),
            signing_key_ids: vec!["simulated-key-1".into()],
            subscriptions: vec![SUBSCRIPTION.into()],
            virtual_machines: Vec::new(),
            scale_sets: Vec::new(),
            network_interfaces: Vec::new(),
            public_ip_addresses: Vec::new(),
            watchers: Vec::new(),
            storage_accounts: Vec::new(),
            timing: Timing::default(),
            session_limit: 10_000,
            machines_per_page: None,
            watchers_per_page: None,
            captures_per_page: None,
            empty_status_202: false,
            session_bytes_per_second: None,
            scale_set_files: ScaleSetFiles::BesidePath,
            denied_actions: Vec::new(),
            throttle: None,
            traffic_percent: 100,
        }
    }

    pub(crate) fn virtual_machine(&self, id: &str) -> Option<&VirtualMachine> {
        self.virtual_machines.iter().find(|machine| same(&machine.id, id))
    }

    pub(crate) fn scale_set(&self, id: &str) -> Option<&ScaleSet> {
        self.scale_sets.iter().find(|set| same(&set.id, id))
    }

    pub(crate) fn network_interface(&self, id: &str) -> Option<&NetworkInterface> {
        self.network_interfaces.iter().find(|interface| same(&interface.id, id))
    }

    pub(crate) fn public_ip_address(&self, id: &str) -> Option<&PublicIpAddress> {
        self.public_ip_addresses.iter().find(|address| same(&address.id, id))
    }

    pub(crate) fn watcher(&self, id: &str) -> Option<&Watcher> {
        self.watchers.iter().find(|watcher| same(&watcher.id, id))
    }

    pub(crate) fn storage_account(&self, id: &str) -> Option<&StorageAccount> {
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
        let interfaces = self.network_interfaces.iter().map(|interface| &interface.id);
        let addresses = self.public_ip_addresses.iter().map(|address| &address.id);
        let compute = machines.chain(sets);
        let network = watchers.chain(interfaces).chain(addresses);
        compute.chain(network).chain(accounts).map(String::as_str)
    }
}
