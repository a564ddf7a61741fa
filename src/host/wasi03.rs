//! What the component asks of WASI 0.3. An instance may serve many requests.

use std::fmt::Display;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join;
use http::{Request, Response};
use http_body_util::Full;
use spin_sdk::wasip3::http::types;
use spin_sdk::wasip3::http_compat::IncomingResponseBody;
use spin_sdk::wasip3::wit_bindgen::StreamResult;
use spin_sdk::wasip3::wit_future;

use super::room::room_for;
use super::{LARGEST_ANSWER, NoAnswer, Task};

/// How much room there is at least for what a body of unknown length still brings, in bytes.
const LEAST_ROOM: usize = 16 * 1024;

/// Sends a request, reads its answer whole, and tells whenever something of it has come.
pub async fn send(request: Request<Bytes>, more_came: impl Fn()) -> Result<Response<Bytes>, NoAnswer> {
    let method = request.method().clone();
    // The request's body is written by a task that is spawned on the way.
    let (answer, ()) = join(spin_sdk::http::send(request.map(Full::new)), let_spawned_begin()).await;
    let (head, body) = answer.map_err(no_answer)?.into_parts();
    more_came();
    let room = room_for(&method, &head.headers);
    let body = read_body(body, room, more_came).await?;
    // Seen with wasmtime 49: a body that ends well after its first 8 KiB.
    if body.len() < room {
        return Err(NoAnswer(format!("the answer ended after {} bytes, and says that it has {room}", body.len())));
    }
    Ok(Response::from_parts(head, body))
}

pub async fn sleep(duration: Duration) {
    spin_sdk::time::sleep(duration).await;
}

pub async fn spawn(task: Task) {
    spin_sdk::wasip3::spawn(task);
    let_spawned_begin().await;
}

/// Reads a body into that much room, or more. It goes from the host straight to where it stays: the body that the SDK offers
/// comes in frames of 16 KiB, which would have to be put together, and takes more time and memory for a capture's file.
async fn read_body(mut body: IncomingResponseBody, room: usize, more_came: impl Fn()) -> Result<Bytes, NoAnswer> {
    let Some(answer) = body.take_unstarted() else { return Ok(Bytes::new()) };
    let (_all_is_well, reader) = wit_future::new(|| Ok(()));
    let (mut stream, trailers) = types::Response::consume_body(answer, reader);
    // The end shows only where there is room for more.
    let mut bytes = Vec::with_capacity(room.saturating_add(1));
    loop {
        if bytes.len() == bytes.capacity() {
            bytes.reserve(LEAST_ROOM);
        }
        let (status, read) = stream.read(bytes).await;
        bytes = read;
        more_came();
        if bytes.len() > LARGEST_ANSWER {
            return Err(NoAnswer(format!("the answer is longer than {LARGEST_ANSWER} bytes")));
        }
        if matches!(status, StreamResult::Dropped) {
            trailers.await.map_err(no_answer)?;
            return Ok(bytes.into());
        }
    }
}

fn no_answer(error: impl Display) -> NoAnswer {
    NoAnswer(error.to_string())
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
