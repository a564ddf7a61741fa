//! `GET /api/captures/{subscription}/{region}/{name}/report`: what a capture's file says.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::IntoResponse;
use http::{HeaderMap, Response, StatusCode, header};

use super::numbered::numbered;
use super::problem::{Problem, json};
use super::records::{Found, load};
use crate::context::Instance;
use crate::host::Host;
use crate::records::capture::CaptureRecord;
use crate::records::report::ShownReport;

pub async fn show<H: Host>(
    State(instance): State<Arc<Instance<H>>>,
    Found(record): Found,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    let key = match numbered(&record, query.as_deref())? {
        Some((number, file)) if record.files.len() > 1 && record.leading_file != Some(number) => {
            record.report_key_of(file)
        }
        _ => record.report_key(),
    };
    let kept: Option<ShownReport> = load(&instance.host, &key).await?;
    let kept = kept.ok_or_else(|| Problem::not_found(why_not(&record)))?;
    Ok(if wants_html(&headers) { page(kept.page) } else { json(StatusCode::OK, &kept.report) })
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
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, page).into_response()
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
