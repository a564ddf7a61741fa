//! Finding the network watcher that captures in a region.

use serde_json::Value;

use super::clock::Clock;
use super::error::{AzureError, Step};
use super::region::Region;
use super::resource_id::ResourceId;
use super::{Azure, read, unreadable};
use crate::host::Host;
use crate::json::Object;

/// The version of `Microsoft.Network` that is spoken. Captures look the same in all since 2023-11-01, and sovereign
/// clouds get new ones late.
pub const API_VERSION: &str = "2024-05-01";

/// A bound on the pages of a list, so that a `nextLink` that goes in circles ends.
const MOST_PAGES: usize = 100;

/// The watcher that Azure itself creates in a region ("Create an Azure Network Watcher instance").
pub fn by_convention(subscription: &str, region: &Region) -> ResourceId {
    let name = format!("NetworkWatcher_{region}");
    ResourceId::of(subscription, "NetworkWatcherRG", "Microsoft.Network", "networkWatchers", &name)
}

/// Looks a region's watcher up among all of the subscription, for watchers that people made have any name and group.
pub async fn find<H: Host>(
    azure: &Azure<'_, H>,
    subscription: &str,
    region: &Region,
) -> Result<Option<ResourceId>, AzureError> {
    let path = format!("/subscriptions/{subscription}/providers/Microsoft.Network/networkWatchers");
    let (watchers, _) = list(azure, Step::Watchers, &path).await?;
    let text = |watcher: &Value, name: &str| Object::of(watcher).and_then(|watcher| watcher.text_or_nothing(name));
    let here =
        |watcher: &&Value| text(watcher, "location").and_then(|name| Region::new(&name)).as_ref() == Some(region);
    Ok(watchers.iter().filter(here).find_map(|watcher| ResourceId::parse(&text(watcher, "id")?).ok()))
}

/// Reads a list with all its pages, and the time of the first.
pub(super) async fn list<H: Host>(
    azure: &Azure<'_, H>,
    step: Step,
    path: &str,
) -> Result<(Vec<Value>, Clock), AzureError> {
    let first = azure.get(step, azure.uri(step, path, API_VERSION)?).await?;
    let clock = Clock::of(&first, azure.host);
    let mut items = Vec::new();
    let mut page = first;
    for _ in 0..MOST_PAGES {
        let value = read(step, &page)?;
        let object = Object::of(&value).filter(|page| page.has("value")).ok_or_else(|| unreadable(step, "no list"))?;
        items.extend_from_slice(object.list("value").map_err(|error| unreadable(step, error))?);
        match object.text_or_nothing("nextLink").filter(|link| !link.is_empty()) {
            Some(link) => page = azure.get(step, azure.given_uri(step, &link)?).await?,
            None => break,
        }
    }
    Ok((items, clock))
}
