//! Storage accounts, as far as a capture needs them: where they are, and whether Network Watcher can write there.

use http::StatusCode;
use serde::Deserialize;

use super::action::Action;
use super::answer::read;
use super::client::Azure;
use super::error::AzureError;
use super::lenient;
use super::region::Region;
use super::resource_id::ResourceId;
use crate::host::Host;

/// The version of `Microsoft.Storage` that is spoken.
const API_VERSION: &str = "2023-01-01";

/// What a capture needs to know of a storage account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageAccount {
    pub region: Option<Region>,
    /// Whether it is of the premium tier, which takes no captures ("Manage packet captures").
    pub is_premium: bool,
    /// Whether shared keys let callers in, which Network Watcher needs. Azure leaves the member out where they do.
    pub takes_shared_keys: bool,
}

/// Reads an account; `None` when there is none, or none that nightcap may see.
pub async fn storage_account<H: Host>(
    azure: &Azure<'_, H>,
    id: &ResourceId,
) -> Result<Option<StorageAccount>, AzureError> {
    let uri = azure.uri(Action::StorageAccount, &id.to_string(), API_VERSION)?;
    let account: Resource = match azure.get(Action::StorageAccount, uri).await {
        Err(AzureError::Refused { status: StatusCode::NOT_FOUND, .. }) => return Ok(None),
        answer => read(Action::StorageAccount, &answer?)?,
    };
    Ok(Some(StorageAccount {
        region: account.location,
        is_premium: account.sku.name.to_ascii_lowercase().starts_with("premium"),
        takes_shared_keys: account.properties.allow_shared_key_access.unwrap_or(true),
    }))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resource {
    #[serde(deserialize_with = "lenient::or_default")]
    location: Option<Region>,
    #[serde(deserialize_with = "lenient::or_default")]
    sku: Sku,
    #[serde(deserialize_with = "lenient::or_default")]
    properties: Properties,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Sku {
    #[serde(deserialize_with = "lenient::or_default")]
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Properties {
    #[serde(deserialize_with = "lenient::or_default")]
    allow_shared_key_access: Option<bool>,
}
