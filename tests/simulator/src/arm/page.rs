//! Lists in pages.

use http::StatusCode;
use serde_json::{Value, json};

use crate::answer::{self, Answer};
use crate::arm::call::Call;
use crate::state::State;

/// A list, or the page of it that `$skiptoken` names.
pub(crate) fn page(state: &State, call: &Call, items: Vec<Value>, size: Option<usize>) -> Answer {
    let start = answer::query(call.request, "$skiptoken").and_then(|token| token.parse().ok()).unwrap_or(0);
    let size = size.unwrap_or(usize::MAX).max(1);
    let total = items.len();
    let page: Vec<Value> = items.into_iter().skip(start).take(size).collect();
    let end = start.saturating_add(page.len());
    let mut body = json!({ "value": page });
    if end < total {
        let path = call.request.uri().path();
        let link = format!("{}{path}?api-version={}&%24skiptoken={end}", state.world.urls.arm, call.version);
        body["nextLink"] = json!(link);
    }
    answer::json(StatusCode::OK, &body)
}
