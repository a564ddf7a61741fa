//! The component's own host: what it is built for decides which files do the work.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

#[cfg(not(any(feature = "spin", feature = "spin-wasi03")))]
use super::directory as provider;
use super::random::random;
#[cfg(feature = "spin")]
use super::spin as provider;
#[cfg(feature = "spin-wasi03")]
use super::spin_wasi03 as provider;
#[cfg(feature = "wasi02")]
use super::wasi02 as wasi;
#[cfg(feature = "wasi03")]
use super::wasi03 as wasi;
use super::{FileUnreadable, Host, NoAnswer, Progress, SettingsUnreadable, StoreError, Task, clock};
use crate::timestamp::Timestamp;

/// What the component runs on.
#[derive(Clone, Copy, Debug)]
pub struct Runtime;

impl Host for Runtime {
    async fn send(&self, request: Request<Bytes>, progress: &Progress) -> Result<Response<Bytes>, NoAnswer> {
        wasi::send(request, || progress.note(clock::monotonic())).await
    }

    fn now(&self) -> Timestamp {
        clock::now()
    }

    fn monotonic(&self) -> Duration {
        clock::monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        wasi::sleep(duration).await;
    }

    fn random(&self) -> [u8; 16] {
        random()
    }

    async fn setting(&self, name: &'static str) -> Result<Option<String>, SettingsUnreadable> {
        provider::setting(name).await
    }

    fn given_settings(&self) -> Vec<String> {
        provider::given_settings()
    }

    fn has_store(&self) -> bool {
        provider::has_store()
    }

    async fn file(&self, path: String) -> Result<Vec<u8>, FileUnreadable> {
        std::fs::read(path).map_err(|error| FileUnreadable(error.to_string()))
    }

    async fn load(&self, key: String) -> Result<Option<Vec<u8>>, StoreError> {
        provider::load(key).await
    }

    async fn save(&self, key: String, value: Vec<u8>) -> Result<(), StoreError> {
        provider::save(key, value).await
    }

    async fn delete(&self, key: String) -> Result<(), StoreError> {
        provider::delete(key).await
    }

    async fn keys(&self, prefix: String) -> Result<Vec<String>, StoreError> {
        provider::keys(prefix).await
    }

    async fn spawn(&self, task: Task) {
        wasi::spawn(task).await;
    }

    fn log(&self, line: &str) {
        eprintln!("{line}");
    }
}
