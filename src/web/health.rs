//! `GET /healthz`: whether the settings are usable.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use http::{Response, StatusCode};
use serde_json::json;

use super::problem::{Problem, json as json_answer};
use super::settings::{unreadable, unusable};
use crate::context::Instance;
use crate::host::Host;

pub async fn show<H: Host>(State(instance): State<Arc<Instance<H>>>) -> Result<Response<Body>, Problem> {
    let loaded = instance.load().await.map_err(|_| unreadable())?;
    // A probe takes an instance out of service for this status.
    loaded.settings.map_err(|errors| unusable(StatusCode::SERVICE_UNAVAILABLE, &errors))?;
    Ok(json_answer(StatusCode::OK, &json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")})))
}
