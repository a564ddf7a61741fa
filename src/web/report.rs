//! `GET /api/captures/{subscription}/{region}/{name}/report`: what a capture's file says.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::problem::{Problem, json};
use super::records::{Named, find, unreadable};
use crate::context::App;
use crate::host::Host;
use crate::records::capture::{CaptureRecord, ShownReport};
use crate::records::store;

/// Shows the report.
pub async fn show<H: Host>(
    State(app): State<Arc<App<H>>>,
    Path(named): Path<Named>,
    headers: HeaderMap,
) -> Response<Body> {
    let (_, record) = match find(&app, &headers, named).await {
        Ok(found) => found,
        Err(refusal) => return refusal,
    };
    match store::load::<ShownReport>(&app.host, &record.report_key()).await {
        Ok(Some(kept)) if wants_html(&headers) => page(kept.page),
        Ok(Some(kept)) => json(StatusCode::OK, "application/json", &kept.report),
        Ok(None) => Problem::new(StatusCode::NOT_FOUND, why_not(&record)).answer(),
        Err(error) => unreadable(&app, &error),
    }
}

/// Browsers name HTML first and take anything; programs take what they get.
fn wants_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|accepted| accepted.to_str().ok()).unwrap_or_default();
    let accepted = accepted.to_ascii_lowercase();
    let place = |wanted: &str| accepted.find(wanted);
    match (place("text/html"), place("application/json")) {
        (Some(html), Some(json)) => html < json,
        (html, _) => html.is_some(),
    }
}

fn page(page: String) -> Response<Body> {
    let mut answer = Response::new(Body::from(page));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

fn why_not(record: &CaptureRecord) -> String {
    let problem = record.report_problem.as_ref().or(record.file_problem.as_ref());
    match problem {
        Some(problem) => format!("There is no report on this capture: {problem}"),
        None if record.is_finished() => "There is no report on this capture; it left no file, its report was too old \
                                         to be kept, or reports are switched off with report_seconds."
            .to_owned(),
        None => "There is no report on this capture yet; its file is read when it is over.".to_owned(),
    }
}
