//! `GET /healthz`: whether the settings are usable, and which nightcap this is.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::problem::{Problem, json as json_answer};
use super::settings::{unreadable, unusable};
use crate::context::Instance;
use crate::host::Host;

pub async fn show<H: Host>(State(instance): State<Arc<Instance<H>>>) -> Result<Response<Body>, Problem> {
    let loaded = instance.load().await.map_err(|_| unreadable())?;
    // A probe takes an instance out of service for this status.
    loaded.settings.map_err(|errors| unusable(StatusCode::SERVICE_UNAVAILABLE, &errors))?;
    Ok(json_answer(StatusCode::OK, &healthy(option_env!("NIGHTCAP_COMMIT"))))
}

/// `commit` is what `build.rs` found, and empty where it was told to say nothing.
fn healthy(commit: Option<&str>) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    match commit.filter(|commit| !commit.is_empty()) {
        Some(commit) => json!({"status": "ok", "version": version, "commit": commit}),
        None => json!({"status": "ok", "version": version}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commit_is_left_out_where_it_is_not_known() {
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(healthy(Some("4f2c")), json!({"status": "ok", "version": version, "commit": "4f2c"}));
        for unknown in [None, Some("")] {
            assert_eq!(healthy(unknown), json!({"status": "ok", "version": version}));
        }
    }
}
