//! Finding the network watcher that captures in a region.

use serde::Deserialize;

use super::error::{AzureError, Step};
use super::region::Region;
use super::resource_id::ResourceId;
use super::{Azure, read};
use crate::host::Host;

/// The version of `Microsoft.Network` that is spoken. Captures look the same in all since 2023-11-01, and sovereign
/// clouds get new ones late.
pub const API_VERSION: &str = "2024-05-01";

/// A bound on the pages of a list, so that a `nextLink` that goes in circles ends.
const MOST_PAGES: usize = 100;

/// One page of any list of Azure Resource Manager.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    #[serde(default = "Vec::new")]
    value: Vec<T>,
    next_link: Option<String>,
}

#[derive(Deserialize)]
struct Watcher {
    #[serde(default)]
    id: String,
    #[serde(default)]
    location: String,
}

/// The watcher that Azure itself creates in a region ("Create an Azure Network Watcher instance").
pub fn by_convention(subscription: &str, region: &Region) -> ResourceId {
    let name = format!("NetworkWatcher_{region}");
    ResourceId::of(subscription, "NetworkWatcherRG", "Microsoft.Network", "networkWatchers", &name)
}

/// Looks a region's watcher up among all of the subscription, for watchers that people made have any name and group.
pub async fn find<H: Host>(azure: &Azure<'_, H>, subscription: &str, region: &Region) -> Result<Option<ResourceId>, AzureError> {
    let path = format!("/subscriptions/{subscription}/providers/Microsoft.Network/networkWatchers");
    let watchers: Vec<Watcher> = list(azure, Step::Watchers, &path).await?;
    let here = |watcher: &Watcher| Region::new(&watcher.location).as_ref() == Some(region);
    Ok(watchers.into_iter().filter(here).find_map(|watcher| ResourceId::parse(&watcher.id).ok()))
}

/// Reads a list with all its pages.
pub(super) async fn list<T: serde::de::DeserializeOwned, H: Host>(
    azure: &Azure<'_, H>,
    step: Step,
    path: &str,
) -> Result<Vec<T>, AzureError> {
    let mut items = Vec::new();
    let mut next = Some(azure.uri(step, path, API_VERSION)?);
    for _ in 0..MOST_PAGES {
        let Some(uri) = next.take() else { break };
        let page: Page<T> = read(step, &azure.get(step, uri).await?)?;
        items.extend(page.value);
        let link = page.next_link.filter(|link| !link.is_empty());
        next = link.map(|link| azure.own_uri(step, &link)).transpose()?;
    }
    Ok(items)
}
