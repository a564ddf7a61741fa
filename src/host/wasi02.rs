//! What the component asks of WASI 0.2. An instance serves one request, and lives until all work has ended that was spawned for
//! it.

use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use wstd::http::{Body, Client};
use wstd::runtime;
use wstd::task;

use super::room::room_for;
use super::{LARGEST_ANSWER, NoAnswer, Task};

/// Sends a request, reads its answer whole, and tells whenever something of it has come.
pub async fn send(request: Request<Bytes>, more_came: impl Fn()) -> Result<Response<Bytes>, NoAnswer> {
    let method = request.method().clone();
    // `wstd` writes bytes to the host even if there are none. A host that has sent the head of a request without a body has
    // closed the stream by then, and the write fails as if the connection had been reset. `Full` hands over no empty bytes.
    let request = request.map(|body| Body::from_http_body(Full::new(body)));
    let (head, body) = Client::new().send(request).await.map_err(no_answer)?.into_parts();
    more_came();
    let body = read_body(body, room_for(&method, &head.headers), more_came).await?;
    Ok(Response::from_parts(head, body))
}

pub async fn sleep(duration: Duration) {
    task::sleep(duration.into()).await;
}

pub async fn spawn(task: Task) {
    runtime::spawn(task).detach();
}

/// Reads a body into that much room, or more.
async fn read_body(body: Body, room: usize, more_came: impl Fn()) -> Result<Bytes, NoAnswer> {
    let mut body = body.into_boxed_body();
    let mut bytes = Vec::with_capacity(room);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(no_answer)?.into_data() else { continue };
        more_came();
        if bytes.len().saturating_add(data.len()) > LARGEST_ANSWER {
            return Err(NoAnswer(format!("the answer is longer than {LARGEST_ANSWER} bytes")));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.into())
}

fn no_answer(error: impl Display) -> NoAnswer {
    NoAnswer(format!("{error:#}"))
}
