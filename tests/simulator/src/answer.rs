//! Small makers of answers, and small readers of requests.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};

pub(crate) type Answer = Response<Bytes>;

pub(crate) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = status;
    answer
}

pub(crate) fn body(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer
}

pub(crate) fn json(status: StatusCode, value: &Value) -> Answer {
    body(status, "application/json; charset=utf-8", value.to_string())
}

pub(crate) fn html(status: StatusCode) -> Answer {
    let title = status.canonical_reason().unwrap_or("Error");
    let page = format!(
        "<!DOCTYPE html>\r\n<html><head><title>{title}</title></head><body><h2>Our services aren't available right \
         now</h2><p>{title}</p></body></html>"
    );
    body(status, "text/html", page)
}

/// Puts a header on an answer; a value that no header can hold is left out.
pub(crate) fn set(answer: &mut Answer, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

pub(crate) fn header<'a>(request: &'a Request<Bytes>, name: &str) -> Option<&'a str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

pub(crate) fn path_and_query(request: &Request<Bytes>) -> &str {
    request.uri().path_and_query().map_or("/", |both| both.as_str())
}

/// The first value of a query parameter, by its name in any case.
pub(crate) fn query(request: &Request<Bytes>, name: &str) -> Option<String> {
    form_urlencoded::parse(request.uri().query()?.as_bytes())
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.into_owned())
}

/// What Resource Manager says when it refuses: its error envelope (azure-resource-manager-rpc, common API details).
#[derive(Debug, Clone)]
pub(crate) struct ArmError {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) target: Option<String>,
    pub(crate) retry_after: Option<u64>,
}

impl ArmError {
    pub(crate) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> ArmError {
        ArmError { status, code: code.into(), message: message.into(), target: None, retry_after: None }
    }

    pub(crate) fn bad_request(code: &str, message: impl Into<String>) -> ArmError {
        ArmError::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn not_found(code: &str, message: impl Into<String>) -> ArmError {
        ArmError::new(StatusCode::NOT_FOUND, code, message)
    }

    pub(crate) fn on(mut self, target: impl Into<String>) -> ArmError {
        self.target = Some(target.into());
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> ArmError {
        self.retry_after = Some(seconds);
        self
    }

    /// The error object, as it also stands in failed operations.
    pub(crate) fn object(&self) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(target) = &self.target {
            error["target"] = json!(target);
        }
        error
    }

    pub(crate) fn into_answer(self) -> Answer {
        let mut answer = json(self.status, &json!({ "error": self.object() }));
        if let Some(seconds) = self.retry_after {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }
}
