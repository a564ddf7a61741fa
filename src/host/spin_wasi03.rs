//! Spin on WASI 0.3: settings are variables, and the store is the default key-value store.
//!
//! Keys come one after the other, and Spin's store on SQLite holds a lock until the last one is taken. Another request of the
//! instance that asked the store meanwhile would wait for that lock with the thread that both run on, and nobody would take the
//! next key any more. So nobody asks while somebody lists, and nobody lists before all who asked have their answers.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::channel::oneshot;
use spin_sdk::key_value::{self, Store};
use spin_sdk::variables;

use super::{SettingsUnreadable, StoreError, wasi03};

/// The pause between two looks whether the store may be asked. A request that wakes another one traps the component.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(2);

/// How many of the instance's requests wait for an answer of the store.
static ASKING: AtomicUsize = AtomicUsize::new(0);

/// Whether one of them lists keys, or is about to.
static LISTING: AtomicBool = AtomicBool::new(false);

/// That the store is asked, until this is dropped.
struct Asking;

/// That keys are listed, until this is dropped.
struct Listing;

impl Asking {
    async fn begin() -> Self {
        while LISTING.load(Ordering::Relaxed) {
            spin_sdk::time::sleep(LOOK_AGAIN_AFTER).await;
        }
        ASKING.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        ASKING.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Listing {
    async fn begin() -> Self {
        while LISTING.swap(true, Ordering::Relaxed) {
            spin_sdk::time::sleep(LOOK_AGAIN_AFTER).await;
        }
        let listing = Self;
        while ASKING.load(Ordering::Relaxed) > 0 {
            spin_sdk::time::sleep(LOOK_AGAIN_AFTER).await;
        }
        listing
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        LISTING.store(false, Ordering::Relaxed);
    }
}

/// Whether it has one shows when it is used.
pub fn has_store() -> bool {
    true
}

/// Spin itself refuses variables that the manifest does not have.
pub fn given_settings() -> Vec<String> {
    Vec::new()
}

pub async fn setting(name: &'static str) -> Result<Option<String>, SettingsUnreadable> {
    match variables::get(name).await {
        Ok(value) => Ok(Some(value)),
        Err(variables::Error::Undefined(_)) => Ok(None),
        // A provider's own words may quote what it was asked for, so only the setting's name is told.
        Err(_) => Err(SettingsUnreadable(format!("the variable {name} could not be read from its provider"))),
    }
}

pub async fn load(key: String) -> Result<Option<Vec<u8>>, StoreError> {
    apart(async {
        let _asking = Asking::begin().await;
        let store = Store::open_default().await.map_err(failed)?;
        store.get(key).await.map_err(failed)
    })
    .await
}

pub async fn save(key: String, value: Vec<u8>) -> Result<(), StoreError> {
    apart(async {
        let _asking = Asking::begin().await;
        let store = Store::open_default().await.map_err(failed)?;
        store.set(key, value).await.map_err(failed)
    })
    .await
}

pub async fn delete(key: String) -> Result<(), StoreError> {
    apart(async {
        let _asking = Asking::begin().await;
        let store = Store::open_default().await.map_err(failed)?;
        store.delete(key).await.map_err(failed)
    })
    .await
}

pub async fn keys(prefix: String) -> Result<Vec<String>, StoreError> {
    apart(async move {
        let _listing = Listing::begin().await;
        let store = Store::open_default().await.map_err(failed)?;
        let mut all = store.get_keys().await;
        let mut wanted = Vec::new();
        while let Some(key) = all.next().await {
            if key.starts_with(&prefix) {
                wanted.push(key);
            }
        }
        all.result().await.map_err(failed)?;
        Ok(wanted)
    })
    .await
}

/// Brings to its end, in a task of its own, what keeps others from the store. Whoever waits for it may be left alone meanwhile, as
/// the keeper's work is while the keeper itself looks into the store, and would wait for each other.
async fn apart<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let (sender, answer) = oneshot::channel();
    let task = Box::pin(async {
        let _ = sender.send(work.await);
    });
    wasi03::spawn(task).await;
    answer.await.unwrap_or_else(|_| Err(StoreError("key-value store: nobody is left who asks it".to_owned())))
}

fn failed(error: key_value::Error) -> StoreError {
    StoreError(format!("key-value store: {error}"))
}
