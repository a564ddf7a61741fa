//! What both makers share, for it is the same WASI 0.3 on every host: requests, clocks, chance, and work that goes on.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use jiff::Timestamp;

use super::{LARGEST_ANSWER, NoAnswer, Task};

static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

pub async fn send(request: Request<Bytes>) -> Result<Response<Bytes>, NoAnswer> {
    let answer = spin_sdk::http::send(request.map(Full::new)).await.map_err(|error| NoAnswer(format!("{error:?}")))?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, LARGEST_ANSWER).collect().await.map_err(|error| NoAnswer(error.to_string()))?;
    Ok(Response::from_parts(head, body.to_bytes()))
}

pub fn now() -> Timestamp {
    Timestamp::now()
}

pub fn monotonic() -> Duration {
    BEGINNING.elapsed()
}

pub async fn sleep(duration: Duration) {
    spin_sdk::time::sleep(duration).await;
}

pub fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    let (first, second) = bytes.split_at_mut(8);
    first.copy_from_slice(&spin_sdk::wasip3::random::random::get_random_u64().to_le_bytes());
    second.copy_from_slice(&spin_sdk::wasip3::random::random::get_random_u64().to_le_bytes());
    bytes
}

pub fn spawn(task: Task) {
    spin_sdk::wasip3::spawn(task);
}

/// Hosts collect a component's standard error.
pub fn log(line: &str) {
    eprintln!("{line}");
}
