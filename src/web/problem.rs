//! Answers in JSON, and errors as RFC 9457 `application/problem+json`.

use axum::body::Body;
use axum::response::{AppendHeaders, IntoResponse};
use http::{Response, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};

/// An answer that tells what went wrong.
#[derive(Debug, Serialize)]
pub struct Problem {
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(flatten)]
    more: Map<String, Value>,
    #[serde(skip)]
    header: Option<(&'static str, String)>,
}

impl Problem {
    /// A problem with a sentence for people.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            more: Map::new(),
            header: None,
        }
    }

    /// Adds a member for programs.
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        self.more.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
        self
    }

    pub fn with_header(self, name: &'static str, value: impl Into<String>) -> Self {
        Self { header: Some((name, value.into())), ..self }
    }

    /// What a caller is told whose key is missing or wrong; `detail` says how to send it.
    pub fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail).with_header("www-authenticate", "Basic realm=\"nightcap\"")
    }

    /// For pages: what it is, in figures and words.
    pub fn shown(&self) -> (StatusCode, &'static str, &str) {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, self.title, &self.detail)
    }

    pub fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND.as_u16()
    }

    /// Whether nightcap cannot work with its settings.
    pub fn is_settings(&self) -> bool {
        self.more.contains_key("settings")
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let (status, ..) = self.shown();
        (AppendHeaders(self.header.clone()), typed_json(status, "application/problem+json", &self)).into_response()
    }
}

/// An answer with a JSON body, which nobody keeps.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    typed_json(status, "application/json", body)
}

fn typed_json(status: StatusCode, content_type: &'static str, body: &impl Serialize) -> Response<Body> {
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-store")], bytes).into_response()
}
