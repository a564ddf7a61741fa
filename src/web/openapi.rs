//! `GET /openapi.json`: what this API takes and answers, by OpenAPI 3.1.
//!
//! The file is written from the code by the tests (`description.rs`), which also hold it against the routes, so that the component
//! only has to hand it out.

#[cfg(test)]
mod description;

use axum::body::Body;
use axum::response::IntoResponse;
use http::{Response, header};

const DESCRIPTION: &str = include_str!("openapi.json");

pub async fn show() -> Response<Body> {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=300")], DESCRIPTION)
        .into_response()
}
