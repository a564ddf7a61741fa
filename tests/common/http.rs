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
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(request.body(Full::new(body)).expect("a request")).await.expect("an answer");
    let (head, body) = answer.into_parts();
    Answer { status: head.status, headers: head.headers, body: body.collect().await.expect("a body").to_bytes() }
}
