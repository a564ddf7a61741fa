//! A host for unit tests: its answers are made up, and its time is tokio's, which tests may pause.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tokio::time::Instant;

use super::progress::Progress;
use super::{FileUnreadable, Host, NoAnswer, SettingsUnreadable, StoreError, Task};
use crate::timestamp::Timestamp;

/// What becomes of a request.
pub struct Answer {
    pub head_after: Duration,
    /// How long each piece of the body takes.
    pub pieces: Vec<Duration>,
    pub response: Response<Bytes>,
}

impl Answer {
    pub fn status(status: u16) -> Self {
        Self::json(status, "")
    }

    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        let mut response = Response::new(body.into());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        Self { head_after: Duration::ZERO, pieces: vec![], response }
    }

    pub fn after(self, head_after: Duration) -> Self {
        Self { head_after, ..self }
    }
}

type Script = Box<dyn Fn(&Request<Bytes>) -> Answer + Send + Sync>;

pub struct FakeHost {
    script: Script,
    begin: Instant,
    sent: Mutex<Vec<String>>,
}

impl FakeHost {
    pub fn new(script: impl Fn(&Request<Bytes>) -> Answer + Send + Sync + 'static) -> Self {
        Self { script: Box::new(script), begin: Instant::now(), sent: Mutex::default() }
    }

    /// The addresses that requests went to.
    pub fn sent(&self) -> Vec<String> {
        self.sent.lock().unwrap().clone()
    }
}

impl Host for FakeHost {
    async fn send(&self, request: Request<Bytes>, progress: &Progress) -> Result<Response<Bytes>, NoAnswer> {
        self.sent.lock().unwrap().push(request.uri().to_string());
        let Answer { head_after, pieces, response } = (self.script)(&request);
        tokio::time::sleep(head_after).await;
        progress.note(self.monotonic());
        for after in pieces {
            tokio::time::sleep(after).await;
            progress.note(self.monotonic());
        }
        Ok(response)
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(1_795_140_000_000).after(self.monotonic())
    }

    fn monotonic(&self) -> Duration {
        self.begin.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn random(&self) -> [u8; 16] {
        [7; 16]
    }

    async fn setting(&self, _: &'static str) -> Result<Option<String>, SettingsUnreadable> {
        Ok(None)
    }

    fn given_settings(&self) -> Vec<String> {
        Vec::new()
    }

    fn has_store(&self) -> bool {
        true
    }

    async fn file(&self, _: String) -> Result<Vec<u8>, FileUnreadable> {
        Ok(Vec::new())
    }

    async fn load(&self, _: String) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }

    async fn save(&self, _: String, _: Vec<u8>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn delete(&self, _: String) -> Result<(), StoreError> {
        Ok(())
    }

    async fn keys(&self, _: String) -> Result<Vec<String>, StoreError> {
        Ok(vec![])
    }

    async fn spawn(&self, task: Task) {
        tokio::spawn(task);
    }

    fn log(&self, _: &str) {}
}
