//! The runtime of the component on WASI 0.2. An instance serves one request, and lives until all work has ended that was
//! spawned for it.

use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use wstd::http::{Body, Client};
use wstd::runtime;
use wstd::task;

#[cfg(not(feature = "spin"))]
use super::directory as own;
use super::random::random;
use super::room::room_for;
#[cfg(feature = "spin")]
use super::spin as own;
use super::{FileUnreadable, Host, LARGEST_ANSWER, NoAnswer, Progress, SettingsUnreadable, StoreError, Task, clock};
use crate::timestamp::Timestamp;

/// What the component runs on.
#[derive(Clone, Copy, Debug)]
pub struct Runtime;

impl Runtime {
    /// Whether the host gives a store that outlives the instance.
    pub fn has_store(&self) -> bool {
        own::has_store()
    }
}

impl Host for Runtime {
    async fn send(&self, request: Request<Bytes>, progress: &Progress) -> Result<Response<Bytes>, NoAnswer> {
        let method = request.method().clone();
        let (head, body) = Client::new().send(request).await.map_err(no_answer)?.into_parts();
        progress.note(self.monotonic());
        let body = read_body(body, room_for(&method, &head.headers), || progress.note(self.monotonic())).await?;
        Ok(Response::from_parts(head, body))
    }

    fn now(&self) -> Timestamp {
        clock::now()
    }

    fn monotonic(&self) -> Duration {
        clock::monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        task::sleep(duration.into()).await;
    }

    fn random(&self) -> [u8; 16] {
        random()
    }

    async fn setting(&self, name: &'static str) -> Result<Option<String>, SettingsUnreadable> {
        own::setting(name).await
    }

    async fn file(&self, path: String) -> Result<Vec<u8>, FileUnreadable> {
        std::fs::read(path).map_err(|error| FileUnreadable(error.to_string()))
    }

    async fn load(&self, key: String) -> Result<Option<Vec<u8>>, StoreError> {
        own::load(key).await
    }

    async fn save(&self, key: String, value: Vec<u8>) -> Result<(), StoreError> {
        own::save(key, value).await
    }

    async fn delete(&self, key: String) -> Result<(), StoreError> {
        own::delete(key).await
    }

    async fn keys(&self, prefix: String) -> Result<Vec<String>, StoreError> {
        own::keys(prefix).await
    }

    async fn spawn(&self, task: Task) {
        runtime::spawn(task).detach();
    }

    fn log(&self, line: &str) {
        eprintln!("{line}");
    }
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
