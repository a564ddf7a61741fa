//! The subscriptions that nightcap's service principal sees.

use serde::Deserialize;

use super::action::Action;
use super::client::Azure;
use super::error::AzureError;
use super::lenient;
use super::list::list;
use crate::host::Host;

/// The version of `Microsoft.Resources` that is spoken.
const API_VERSION: &str = "2022-12-01";

/// A subscription, as Azure tells it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// Its GUID.
    #[serde(rename = "subscriptionId")]
    pub id: String,
    /// Its name for people.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub display_name: String,
}

/// Every subscription in which nightcap has a right.
pub async fn subscriptions<H: Host>(azure: &Azure<'_, H>) -> Result<Vec<Subscription>, AzureError> {
    Ok(list(azure, Action::Subscriptions, "/subscriptions", API_VERSION).await?.0)
}
