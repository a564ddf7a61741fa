//! A small HTTP client.

use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use nightcap_simulator::OPERATOR_KEY;
use serde_json::Value;

/// The longest that an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// Posts JSON the way an action group does.
pub async fn post(url: &str, body: &Value) -> anyhow::Result<(StatusCode, Value)> {
    let request = Request::post(url).header(header::CONTENT_TYPE, "application/json");
    let (status, body) = send(request.body(Full::from(body.to_string()))?).await?;
    let body = serde_json::from_slice(&body).with_context(|| format!("the answer {status} is not JSON"))?;
    Ok((status, body))
}

/// Gets something as the operator.
pub async fn get(url: &str) -> anyhow::Result<(StatusCode, Bytes)> {
    let request = Request::get(url).header(header::AUTHORIZATION, format!("Bearer {OPERATOR_KEY}"));
    send(request.body(Full::default())?).await
}

async fn send(request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, Bytes)> {
    let what = format!("{} {}", request.method(), request.uri().path());
    let exchange = async {
        let answer = Client::builder(TokioExecutor::new()).build_http().request(request).await?;
        let status = answer.status();
        anyhow::Ok((status, answer.into_body().collect().await?.to_bytes()))
    };
    let answer = tokio::time::timeout(PATIENCE, exchange).await;
    answer
        .with_context(|| format!("no answer to {what} within {} seconds", PATIENCE.as_secs()))?
        .with_context(|| format!("{what} was not answered"))
}
