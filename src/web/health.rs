//! `GET /healthz`: whether the settings are usable, without a single value.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use http::{Response, StatusCode};
use serde_json::json;

use super::problem::{Problem, json as json_answer};
use crate::context::App;
use crate::host::Host;
use crate::settings::SettingError;

/// Tells how nightcap is.
pub async fn show<H: Host>(State(app): State<Arc<App<H>>>) -> Response<Body> {
    let Ok(loaded) = app.load().await else {
        return settings_unreadable();
    };
    match &loaded.settings {
        Ok(_) => json_answer(
            StatusCode::OK,
            "application/json",
            &json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}),
        ),
        Err(errors) => {
            let mut answer = unusable(errors);
            *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            answer
        }
    }
}

/// Settings that the host did not give.
pub fn settings_unreadable() -> Response<Body> {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The host could not read nightcap's settings.").answer()
}

/// Settings that cannot be used: a 500 that names them.
pub fn unusable(errors: &[SettingError]) -> Response<Body> {
    let sentences: Vec<String> = errors.iter().map(|error| format!("{}: {}", error.setting, error.message)).collect();
    let detail = format!("nightcap cannot work with these settings. {}.", sentences.join("; "));
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail).with("settings", errors).answer()
}
