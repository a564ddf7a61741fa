//! The routes.

mod alerts;
mod auth;
mod file;
mod health;
mod problem;
mod records;
mod report;
mod sweep;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use http::{Response, StatusCode};

use crate::context::App;
use crate::host::Host;
use problem::Problem;

/// Everything that nightcap answers, one line a route.
pub fn router<H: Host>(app: Arc<App<H>>) -> Router {
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
        .with_state(app)
}

async fn not_found() -> Response<Body> {
    Problem::new(StatusCode::NOT_FOUND, "nightcap has nothing at this address. Alerts are sent to POST /api/alerts.")
        .answer()
}

async fn method_not_allowed() -> Response<Body> {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "This address does not take this method. Alerts are sent to POST /api/alerts.",
    )
    .answer()
}
