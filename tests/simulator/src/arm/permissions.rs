//! What the caller may do at a scope (azure-rest-api-specs Microsoft.Authorization 2022-04-01, Permissions_ListForResource).

use http::StatusCode;
use serde_json::json;

use crate::answer::{self, Answer};
use crate::state::State;

/// Everything but what the world denies.
pub(crate) fn list(state: &State) -> Answer {
    let denied = &state.world.denied_actions;
    let permission = json!({"actions": ["*"], "notActions": denied, "dataActions": ["*"], "notDataActions": denied});
    answer::json(StatusCode::OK, &json!({"value": [permission]}))
}
