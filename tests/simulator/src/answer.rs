//! Small makers of answers, and small readers of requests.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use serde_json::Value;

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
