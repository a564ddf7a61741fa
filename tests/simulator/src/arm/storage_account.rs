//! Storage accounts as Resource Manager shows them (azure-rest-api-specs Microsoft.Storage).

use http::StatusCode;
use serde_json::json;

use crate::answer::{self, Answer};
use crate::arm::call::{Call, resource_not_found};
use crate::error::ArmError;
use crate::resource_id::name_of;
use crate::state::State;

pub(crate) fn get(state: &State, call: &Call) -> Result<Answer, ArmError> {
    let account = state.world.storage_account(&call.path.id(2)).ok_or_else(|| resource_not_found(call))?;
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
            "primaryEndpoints": { "blob": format!("{}/", state.world.urls.blob_account(name)) },
            "primaryLocation": account.location,
            "provisioningState": "Succeeded",
        },
    });
    Ok(answer::json(StatusCode::OK, &resource))
}
