//! Lists of Azure Resource Manager, which may come in pages.

use http::Uri;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::action::Action;
use super::answer::{read, unreadable};
use super::client::Azure;
use super::clock::Clock;
use super::error::AzureError;
use super::lenient;
use crate::host::Host;

/// A bound on the pages of a list, so that a `nextLink` that goes in circles ends.
const MOST_PAGES: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "T: DeserializeOwned")]
struct Page<T> {
    value: Items<T>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    next_link: Option<String>,
}

/// What can be read of a page. A list that is none makes the page unreadable.
#[derive(Deserialize)]
#[serde(from = "Vec<Value>", bound = "T: DeserializeOwned")]
struct Items<T>(Vec<T>);

impl<T: DeserializeOwned> From<Vec<Value>> for Items<T> {
    fn from(items: Vec<Value>) -> Self {
        Self(items.into_iter().filter_map(|item| T::deserialize(item).ok()).collect())
    }
}

/// Reads a list with all its pages, and the time of the first.
pub async fn list<H: Host, T: DeserializeOwned>(
    azure: &Azure<'_, H>,
    action: Action,
    path: &str,
    api_version: &str,
) -> Result<(Vec<T>, Clock), AzureError> {
    list_from(azure, action, azure.uri(action, path, api_version)?).await
}

/// The same from an address.
pub async fn list_from<H: Host, T: DeserializeOwned>(
    azure: &Azure<'_, H>,
    action: Action,
    first: Uri,
) -> Result<(Vec<T>, Clock), AzureError> {
    let mut answer = azure.get(action, first).await?;
    let clock = azure.clock.read(&answer, azure.log.host);
    let mut items = Vec::new();
    for _ in 0..MOST_PAGES {
        let page: Page<T> = read(action, &answer)?;
        items.extend(page.value.0);
        match page.next_link.filter(|link| !link.is_empty()) {
            Some(link) => answer = azure.get(action, azure.given_uri(action, &link)?).await?,
            None => return Ok((items, clock)),
        }
    }
    Err(unreadable(action, format!("a list of more than {MOST_PAGES} pages")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::fake::Stage;
    use crate::host::fake::Answer;

    #[tokio::test(start_paused = true)]
    async fn a_list_without_end_is_an_error_and_not_a_shorter_list() {
        let next = r#"{"value": [1], "nextLink": "https://management.azure.com/next"}"#;
        let stage = Stage::new(move |_| Answer::json(200, next));
        let listed = list::<_, u64>(&stage.azure(), Action::Watchers, "/x", "1").await;
        assert!(matches!(listed, Err(AzureError::Unreadable { .. })), "{listed:?}");
    }
}
