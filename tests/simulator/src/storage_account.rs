//! Storage accounts as Resource Manager shows them (azure-rest-api-specs Microsoft.Storage).

use http::StatusCode;
use serde_json::json;

use crate::answer::{self, Answer, ArmError};
use crate::arm::{Call, resource_not_found};
use crate::azure::Azure;
use crate::world::name_of;

impl Azure {
    pub(crate) fn get_storage_account(&self, call: &Call) -> Result<Answer, ArmError> {
        let account = self.world.storage_account(&call.path.id(2)).ok_or_else(|| resource_not_found(call))?;
        let name = name_of(&account.id);
        let resource = json!({
            "id": account.id,
            "name": name,
            "type": "Microsoft.Storage/storageAccounts",
            "location": account.location,
            "kind": "StorageV2",
            "sku": { "name": "Standard_LRS", "tier": "Standard" },
            "tags": {},
            "properties": {
                "allowSharedKeyAccess": account.shared_key_access,
                "primaryEndpoints": { "blob": format!("{}/", self.world.urls.blob_account(name)) },
                "primaryLocation": account.location,
                "provisioningState": "Succeeded",
            },
        });
        Ok(answer::json(StatusCode::OK, &resource))
    }
}
