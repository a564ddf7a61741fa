//! Subscriptions and resource groups, which only have to be there.

use http::StatusCode;
use serde_json::{Value, json};

use crate::answer::{self, Answer};
use crate::arm::call::Call;
use crate::arm::page::page;
use crate::state::State;

/// The subscriptions in which the application has any right (azure-rest-api-specs subscriptions.json).
pub(crate) fn list(state: &State, call: &Call) -> Answer {
    page(state, call, state.world.subscriptions.iter().map(|id| resource(id)).collect(), None)
}

pub(crate) fn get(call: &Call) -> Answer {
    answer::json(StatusCode::OK, &resource(&call.path.subscription))
}

fn resource(id: &str) -> Value {
    json!({
        "id": format!("/subscriptions/{id}"),
        "subscriptionId": id,
        "displayName": "Simulated subscription",
        "state": "Enabled",
    })
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
