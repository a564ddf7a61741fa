//! The routes.

mod alerts;
mod auth;
mod file;
mod health;
mod numbered;
mod operator;
mod problem;
mod records;
mod report;
mod settings;
mod sweep;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use http::StatusCode;

use crate::context::Instance;
use crate::host::Host;
use problem::Problem;

/// Everything that nightcap answers, one line a route.
pub fn router<H: Host>(instance: Arc<Instance<H>>) -> Router {
    Router::new()
        .route("/api/alerts", post(alerts::receive::<H>))
        .route("/api/alerts/{key}", get(records::alert::<H>))
        .route("/api/captures/{subscription}/{region}/{name}", get(records::capture::<H>))
        .route("/api/captures/{subscription}/{region}/{name}/report", get(report::show::<H>))
        .route("/api/captures/{subscription}/{region}/{name}/file", get(file::send::<H>))
        .route("/api/sweep", post(sweep::run::<H>))
        .route("/healthz", get(health::show::<H>))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(instance)
}

async fn not_found() -> Problem {
    Problem::not_found("nightcap has nothing at this address. Alerts are sent to POST /api/alerts.")
}

async fn method_not_allowed() -> Problem {
    let detail = "This address does not take this method; the header Allow names those that it takes.";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}
