//! What both makers share, for it is the same WASI 0.3 on every host: requests, clocks, chance, and work that goes on.

use std::future::poll_fn;
use std::sync::LazyLock;
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use futures::future::join;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};

use super::{LARGEST_ANSWER, NoAnswer, Task};
use crate::timestamp::Timestamp;

static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

pub async fn send(request: Request<Bytes>) -> Result<Response<Bytes>, NoAnswer> {
    // The request's body is written by a task that is spawned on the way.
    let (answer, ()) = join(spin_sdk::http::send(request.map(Full::new)), let_spawned_begin()).await;
    let answer = answer.map_err(|error| NoAnswer(error.to_string()))?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, LARGEST_ANSWER).collect().await.map_err(|error| NoAnswer(error.to_string()))?;
    Ok(Response::from_parts(head, body.to_bytes()))
}

pub fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_millis(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
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

pub async fn spawn(task: Task) {
    spin_sdk::wasip3::spawn(task);
    let_spawned_begin().await;
}

/// Has the current request polled once more. Without it wit-bindgen 0.57 leaves a spawned task alone until some other
/// event of the same request comes along, be it the end of a timeout.
async fn let_spawned_begin() {
    let mut polled = false;
    poll_fn(|context| {
        if polled {
            return Poll::Ready(());
        }
        polled = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Hosts collect a component's standard error.
pub fn log(line: &str) {
    eprintln!("{line}");
}
