//! The routes.

mod alert_list;
mod alerts;
mod auth;
mod body;
mod byte_range;
mod capture;
mod captures;
mod conditional;
mod cross_site;
mod file;
mod form;
mod health;
mod machines;
mod mcp;
mod metrics;
mod numbered;
mod openapi;
mod operator;
mod outcome;
mod pages;
mod paging;
mod preflight;
mod problem;
mod query;
mod records;
mod report;
mod secure_webhook;
mod session;
mod settings;
mod sweep;
mod wrong_keys;

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
        .route("/api/alerts", get(alert_list::list::<H>).post(alerts::receive::<H>))
        .route("/api/alerts/{key}", get(records::alert::<H>))
        .route("/api/captures", get(captures::list::<H>).post(captures::start::<H>))
        .route("/api/captures/{subscription}/{region}/{name}", get(capture::show::<H>).delete(capture::delete::<H>))
        .route("/api/captures/{subscription}/{region}/{name}/status", get(capture::status::<H>))
        .route("/api/captures/{subscription}/{region}/{name}/stop", post(capture::stop::<H>))
        .route("/api/captures/{subscription}/{region}/{name}/report", get(report::show::<H>))
        .route("/api/captures/{subscription}/{region}/{name}/file", get(file::send::<H>))
        .route("/api/machine", get(machines::show::<H>))
        .route("/api/machines", get(machines::list::<H>))
        .route("/api/preflight", get(preflight::show::<H>))
        .route("/api/preflight/alert", post(preflight::alert::<H>))
        .route("/api/preflight/message", post(preflight::message::<H>))
        .route("/api/subscriptions", get(machines::subscriptions::<H>))
        .route("/api/sweep", post(sweep::run::<H>))
        .route("/metrics", get(metrics::show::<H>))
        .route("/mcp", post(mcp::answer::<H>))
        .route("/", get(pages::overview::show::<H>))
        .route("/captures/{subscription}/{region}/{name}", get(pages::capture::show::<H>))
        .route("/captures/{subscription}/{region}/{name}/stop", post(pages::capture::stop::<H>))
        .route("/captures/{subscription}/{region}/{name}/delete", post(pages::capture::delete::<H>))
        .route("/captures/{subscription}/{region}/{name}/report", get(pages::capture::report::<H>))
        .route("/alerts/{key}", get(pages::alert::show::<H>))
        .route("/preflight", get(pages::preflight::show::<H>))
        .route("/preflight/message", post(pages::preflight::message::<H>))
        .route("/preflight/alert", post(pages::preflight::alert::<H>))
        .route("/start", get(pages::start::show::<H>).post(pages::start::send::<H>))
        .route("/sign-in", get(pages::sign_in::show::<H>).post(pages::sign_in::sign_in::<H>))
        .route("/sign-out", post(pages::sign_in::sign_out::<H>))
        .route("/openapi.json", get(openapi::show))
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

#[cfg(test)]
mod tests {
    /// Every route as this file has it: `get /healthz`. The router itself cannot be asked.
    pub fn routes() -> Vec<String> {
        let (_, router) = include_str!("mod.rs").split_once("Router::new()").unwrap();
        let (router, _) = router.split_once(".fallback(").unwrap();
        let mut routes = Vec::new();
        for route in router.split(".route(").skip(1) {
            let path = route.split('"').nth(1).unwrap();
            for method in ["get", "post", "put", "delete"] {
                let is_taken = [" ", ".", "\n"].iter().any(|before| route.contains(&format!("{before}{method}(")));
                if is_taken {
                    routes.push(format!("{method} {path}"));
                }
            }
        }
        routes
    }

    /// Whether a route is for people, and not described for programs.
    pub fn is_page(route: &str) -> bool {
        let (_, path) = route.split_once(' ').unwrap();
        !path.starts_with("/api/") && !["/healthz", "/metrics", "/openapi.json"].contains(&path)
    }

    #[test]
    fn the_routes_are_found() {
        let routes = routes();
        assert!(routes.contains(&"delete /api/captures/{subscription}/{region}/{name}".to_owned()), "{routes:?}");
        assert!(routes.len() > 15 && routes.iter().filter(|route| route.ends_with(" /api/alerts")).count() == 2);
    }
}
