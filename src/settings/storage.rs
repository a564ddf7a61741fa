//! Where captures are stored.

use anyhow::{Context, ensure};
use serde_json::{Map, Value};

use crate::azure::region::Region;
use crate::azure::resource_id::{ResourceId, storage_account};
use crate::json::BadJson;

const SHAPE: &str = "it must be set to the resource id of a storage account (/subscriptions/…/storageAccounts/name) or to a \
                     JSON object from region to such an id";

/// Storage accounts for capture files. Azure wants the account in the region of the machine.
#[derive(Clone, Debug)]
pub enum StorageAccounts {
    One(ResourceId),
    ByRegion(Vec<(Region, ResourceId)>),
}

impl StorageAccounts {
    /// All accounts, each with the region that it is for, where one was said.
    pub fn all(&self) -> Vec<(Option<&Region>, &ResourceId)> {
        match self {
            Self::One(account) => vec![(None, account)],
            Self::ByRegion(accounts) => accounts.iter().map(|(region, account)| (Some(region), account)).collect(),
        }
    }

    /// The account for machines of a region.
    pub fn in_region(&self, region: &Region) -> Option<&ResourceId> {
        match self {
            Self::One(account) => Some(account),
            Self::ByRegion(accounts) => accounts.iter().find(|(own, _)| own == region).map(|(_, account)| account),
        }
    }
}

impl Default for StorageAccounts {
    fn default() -> Self {
        Self::ByRegion(Vec::new())
    }
}

/// Reads one id, or a JSON object from region to id.
pub fn storage_accounts(text: &str) -> anyhow::Result<StorageAccounts> {
    if text.starts_with('{') {
        by_region(text).map(StorageAccounts::ByRegion).context(SHAPE)
    } else {
        storage_account(text).map(StorageAccounts::One).context(SHAPE)
    }
}

fn by_region(json: &str) -> anyhow::Result<Vec<(Region, ResourceId)>> {
    let written: Map<String, Value> = serde_json::from_str(json).map_err(BadJson::from)?;
    ensure!(!written.is_empty(), "there is none in it");
    let account = |(name, id): (&String, &Value)| {
        let region = Region::new(name).context("one key is not the name of a region")?;
        let id = id.as_str().with_context(|| format!("for {region} it is not a text"))?;
        let account = storage_account(id).with_context(|| format!("for {region}"))?;
        Ok((region, account))
    };
    written.iter().map(account).collect()
}
