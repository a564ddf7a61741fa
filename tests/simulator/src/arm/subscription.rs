//! Subscriptions and resource groups, which only have to be there.

use http::StatusCode;
use serde_json::json;

use crate::answer::{self, Answer};
use crate::arm::call::Call;

pub(crate) fn get(call: &Call) -> Answer {
    let id = &call.path.subscription;
    let body = json!({
        "id": format!("/subscriptions/{id}"),
        "subscriptionId": id,
        "displayName": "Simulated subscription",
        "state": "Enabled",
    });
    answer::json(StatusCode::OK, &body)
}

pub(crate) fn get_group(call: &Call) -> Answer {
    let group = call.path.group.as_deref().unwrap_or_default();
    let body = json!({
        "id": format!("/subscriptions/{}/resourceGroups/{group}", call.path.subscription),
        "name": group,
        "type": "Microsoft.Resources/resourceGroups",
        "properties": { "provisioningState": "Succeeded" },
    });
    answer::json(StatusCode::OK, &body)
}
