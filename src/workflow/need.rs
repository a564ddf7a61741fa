//! What a capture needs on a machine and is not there, in sentences that say how to mend it. Pure.

use serde::Serialize;
use serde_with::skip_serializing_none;

use crate::azure::region::Region;
use crate::azure::resource_id::ResourceId;
use crate::azure::storage_account::StorageAccount;
use crate::azure::target::Target;
use crate::records::failure::Failure;

/// Something that would keep a capture from working.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Need {
    /// For machines; the same as an alert on the machine would end with, where it has one.
    pub reason: &'static str,
    /// For people.
    pub message: String,
    /// A command that mends it, or the name of the setting that does, where one is enough.
    pub mend: Option<String>,
}

impl Need {
    /// What stands in the way, as an alert would be told.
    pub fn of(failure: Failure) -> Self {
        Self { reason: failure.reason.word(), mend: failure.command(), message: failure.message }
    }

    /// The machine does not run.
    pub fn not_running(target: &Target, power: &str) -> Self {
        Self::of(Failure::machine_not_running(target, power))
    }

    /// What keeps Network Watcher from writing into an account ("Manage packet captures"), for machines of a region.
    pub fn of_account(
        id: &ResourceId,
        machine: Option<&Region>,
        found: Result<Option<StorageAccount>, Failure>,
    ) -> Vec<Self> {
        const SETTING: &str = "storage_account_id";
        let (name, group) = (id.name(), id.resource_group());
        let need = |reason, message, mend: &str| Self { reason, message, mend: Some(mend.to_owned()) };
        let account = match found {
            Ok(Some(account)) => account,
            Ok(None) => {
                let message = format!(
                    "Azure has no storage account {id}, or nightcap's service principal may not see it. Check the setting \
                     storage_account_id, and grant Microsoft.Storage/storageAccounts/read on it."
                );
                return vec![need("storage_account_not_found", message, SETTING)];
            }
            Err(failure) => return vec![Self::of(failure)],
        };
        let mut needs = Vec::new();
        if let Some((region, machine)) =
            account.region.as_ref().zip(machine).filter(|(region, machine)| region != machine)
        {
            let message = format!(
                "The storage account {name} is in {region} and the machine in {machine}. Azure stores a capture only in an \
                 account of the machine's own region; name one in storage_account_id."
            );
            needs.push(need("storage_in_another_region", message, SETTING));
        }
        if account.is_premium {
            let message = format!("The storage account {name} is of the premium tier, which takes no captures.");
            needs.push(need("storage_is_premium", message, SETTING));
        }
        if !account.takes_shared_keys {
            let command = format!(
                "az storage account update --resource-group {group} --name {name} --allow-shared-key-access true"
            );
            let message = format!(
                "The storage account {name} lets no shared keys in, and Network Watcher has no other way. Let them in with: \
                 {command}"
            );
            needs.push(need("storage_without_shared_keys", message, &command));
        }
        needs
    }
}
