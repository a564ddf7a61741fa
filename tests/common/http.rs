//! A small HTTP client.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// An answer, read whole.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// Status and JSON.
    pub fn json(self) -> (StatusCode, Value) {
        let json = serde_json::from_slice(&self.body);
        (self.status, json.unwrap_or_else(|_| panic!("{} {:?}", self.status, self.body)))
    }
}

pub async fn post(url: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    send(Method::POST, url, headers, body.into()).await
}

pub async fn get(url: &str, headers: &[(&str, &str)]) -> Answer {
    send(Method::GET, url, headers, Bytes::new()).await
}

pub async fn send(method: Method, url: &str, headers: &[(&str, &str)], body: Bytes) -> Answer {
    try_send(method, url, headers, body).await.expect("an answer")
}

/// Like [`post`], of a host that may die meanwhile.
pub async fn try_post(url: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Option<Answer> {
    try_send(Method::POST, url, headers, body.into()).await
}

/// Like [`get`], of a host that may die meanwhile.
pub async fn try_get(url: &str, headers: &[(&str, &str)]) -> Option<Answer> {
    try_send(Method::GET, url, headers, Bytes::new()).await
}

async fn try_send(method: Method, url: &str, headers: &[(&str, &str)], body: Bytes) -> Option<Answer> {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(request.body(Full::new(body)).expect("a request")).await.ok()?;
    let (head, body) = answer.into_parts();
    Some(Answer { status: head.status, headers: head.headers, body: body.collect().await.ok()?.to_bytes() })
}
