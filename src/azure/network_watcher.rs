//! Finding the network watcher that captures in a region.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::action::Action;
use super::client::Azure;
use super::error::AzureError;
use super::lenient;
use super::list::list;
use super::region::Region;
use super::resource_id::ResourceId;
use crate::host::Host;

/// The version of `Microsoft.Network` that is spoken. Captures look the same in all since 2023-11-01, and sovereign
/// clouds get new ones late.
pub const API_VERSION: &str = "2024-05-01";

/// The watcher that Azure itself creates in a region ("Create an Azure Network Watcher instance").
pub fn by_convention(subscription: &str, region: &Region) -> ResourceId {
    let name = format!("NetworkWatcher_{region}");
    ResourceId::of(subscription, "NetworkWatcherRG", "Microsoft.Network", "networkWatchers", &name)
}

/// Lists a subscription's watchers, one for each region, for those that people made have any name and group.
pub async fn list_all<H: Host>(
    azure: &Azure<'_, H>,
    subscription: &str,
) -> Result<BTreeMap<Region, ResourceId>, AzureError> {
    let path = format!("/subscriptions/{subscription}/providers/Microsoft.Network/networkWatchers");
    let (watchers, _) = list::<_, Watcher>(azure, Action::Watchers, &path, API_VERSION).await?;
    Ok(watchers.into_iter().filter_map(|watcher| Some((watcher.location?, watcher.id?))).collect())
}

/// A watcher as Azure tells it.
#[derive(Debug, Deserialize)]
struct Watcher {
    #[serde(default, deserialize_with = "lenient::or_default")]
    id: Option<ResourceId>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    location: Option<Region>,
}
