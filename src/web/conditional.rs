//! Answers that a caller may have already (RFC 9110, 13.1.2): whoever looks again and again reads only what has changed.

use axum::body::Body;
use axum::response::IntoResponse;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// How much of the hash an `ETag` tells, in bytes.
const ETAG_BYTES: usize = 12;

/// What is kept by nobody but the caller, and asked for anew each time.
const CACHING: HeaderValue = HeaderValue::from_static("private, no-cache");

/// An answer in JSON, or 304 when the caller has it already.
pub fn json_or_not_modified(headers: &HeaderMap, body: &impl Serialize) -> Response<Body> {
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    let etag = etag_of(&bytes);
    let is_known = etag.as_ref().is_some_and(|etag| has(headers, etag));
    let mut answer = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], bytes).into_response()
    };
    answer.headers_mut().insert(header::CACHE_CONTROL, CACHING);
    answer.headers_mut().extend(etag.map(|etag| (header::ETAG, etag)));
    answer
}

/// What tells one state of something from any other.
pub fn etag_of(bytes: &[u8]) -> Option<HeaderValue> {
    let hash: String = Sha256::digest(bytes).iter().take(ETAG_BYTES).map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::try_from(format!("\"{hash}\"")).ok()
}

/// Whether the caller says that it has what this `ETag` tells.
pub fn has(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let Ok(etag) = etag.to_str() else { return false };
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|known| known.to_str().ok());
    known
        .flat_map(|known| known.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.trim_start_matches("W/") == etag.trim_start_matches("W/"))
}
