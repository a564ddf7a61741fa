//! The ports: everything that nightcap needs from the outside world, and nothing else.
//!
//! `runtime.rs` makes them for the component: of `wasi02.rs` or `wasi03.rs`, and of `spin*.rs` or `directory.rs` for settings and
//! the store. Tests bring another maker with a clock that they turn.

#[cfg(target_arch = "wasm32")]
mod clock;
#[cfg(all(target_arch = "wasm32", not(any(feature = "spin", feature = "spin-wasi03"))))]
mod directory;
#[cfg(test)]
pub(crate) mod fake;
mod progress;
#[cfg(target_arch = "wasm32")]
mod random;
#[cfg(any(test, target_arch = "wasm32"))]
mod room;
#[cfg(all(target_arch = "wasm32", any(feature = "wasi02", feature = "wasi03")))]
pub mod runtime;
pub(crate) mod send;
#[cfg(all(target_arch = "wasm32", feature = "spin"))]
mod spin;
#[cfg(all(target_arch = "wasm32", feature = "spin-wasi03"))]
mod spin_wasi03;
#[cfg(all(target_arch = "wasm32", feature = "wasi02"))]
mod wasi02;
#[cfg(all(target_arch = "wasm32", feature = "wasi03"))]
mod wasi03;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

use crate::timestamp::Timestamp;
pub use progress::Progress;

/// Work that goes on by itself.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A request that got no answer: refused by the host, no connection, cut off.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoAnswer(pub String);

/// A store that did not do as it was told. The text is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// A setting that the host could not read, though it may be set. The text is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsUnreadable(pub String);

/// A file that is not there, or that the host does not show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FileUnreadable(pub String);

/// The largest answer of a service that is read whole, in bytes. A list of 10,000 captures stays below it.
pub const LARGEST_ANSWER: usize = 16 * 1024 * 1024;

/// What a runtime offers.
pub trait Host: Send + Sync + 'static {
    /// Sends a request, reads its answer whole, and notes the progress of it. It may take for ever: `send.rs` does not.
    fn send(
        &self,
        request: Request<Bytes>,
        progress: &Progress,
    ) -> impl Future<Output = Result<Response<Bytes>, NoAnswer>> + Send;

    /// The time of day, which may jump.
    fn now(&self) -> Timestamp;

    /// Time since some moment in the past, which only grows.
    fn monotonic(&self) -> Duration;

    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;

    /// Sixteen random bytes, for ids and jitter.
    fn random(&self) -> [u8; 16];

    /// A setting as it was given, or `None` when it was not.
    fn setting(&self, name: &'static str) -> impl Future<Output = Result<Option<String>, SettingsUnreadable>> + Send;

    /// The names of all settings that were given, known or not, where the host can list them.
    fn given_settings(&self) -> Vec<String>;

    /// Whether the store outlives the instance, as far as that can be told without using it.
    fn has_store(&self) -> bool;

    /// What a file holds at this moment.
    fn file(&self, path: String) -> impl Future<Output = Result<Vec<u8>, FileUnreadable>> + Send;

    /// What the store holds under a key.
    fn load(&self, key: String) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send;

    /// Puts a value under a key, over what was there.
    fn save(&self, key: String, value: Vec<u8>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Takes a key out of the store, if it is there.
    fn delete(&self, key: String) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The keys of the store that begin with a prefix, in no order.
    fn keys(&self, prefix: String) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;

    /// Begins work that may outlive the answer to the request that began it.
    fn spawn(&self, task: Task) -> impl Future<Output = ()> + Send;

    /// Writes one line to the log.
    fn log(&self, line: &str);
}
