//! Lists of Azure Resource Manager, which may come in pages.

use serde_json::Value;

use super::answer::{read, unreadable};
use super::client::Azure;
use super::clock::Clock;
use super::error::{AzureError, Step};
use crate::host::Host;
use crate::json::Object;

/// A bound on the pages of a list, so that a `nextLink` that goes in circles ends.
const MOST_PAGES: usize = 100;

/// Reads a list with all its pages, and the time of the first.
pub async fn list<H: Host>(
    azure: &Azure<'_, H>,
    step: Step,
    path: &str,
    api_version: &str,
) -> Result<(Vec<Value>, Clock), AzureError> {
    let first = azure.get(step, azure.uri(step, path, api_version)?).await?;
    let clock = Clock::of(&first, azure.log.host);
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
