//! Any other WASI 0.3 host, such as `wasmtime serve`: settings are environment variables, and the store is the directory
//! `/state`, or memory when the host gives none.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;
use std::{env, fs, io};

use bytes::Bytes;
use http::{Request, Response};

use super::{Host, NoAnswer, SettingsUnreadable, StoreError, Task, wasip3};
use crate::log::{self, Event};
use crate::timestamp::Timestamp;

/// Where the host mounts the directory for records.
const STATE: &str = "/state";

/// Records of an instance without a directory.
static MEMORY: Mutex<BTreeMap<String, Vec<u8>>> = Mutex::new(BTreeMap::new());

/// Whether there is a directory; told once in the log when there is none.
static HAS_STATE: LazyLock<bool> = LazyLock::new(|| {
    let there = Path::new(STATE).is_dir();
    if !there {
        let detail = "no directory is mounted at /state: records last only as long as this instance";
        log::write(
            &Runtime,
            &Event { event: "store_is_memory", level: "warn", detail: Some(detail), ..Event::default() },
        );
    }
    there
});

/// The runtime of `wasmtime serve` and its kin.
#[derive(Clone, Copy, Debug)]
pub struct Runtime;

impl Host for Runtime {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, NoAnswer> {
        wasip3::send(request).await
    }

    fn now(&self) -> Timestamp {
        wasip3::now()
    }

    fn monotonic(&self) -> Duration {
        wasip3::monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        wasip3::sleep(duration).await;
    }

    fn random(&self) -> [u8; 16] {
        wasip3::random()
    }

    async fn setting(&self, name: &'static str) -> Result<Option<String>, SettingsUnreadable> {
        let variable = format!("NIGHTCAP_{}", name.to_ascii_uppercase());
        match env::var(&variable) {
            Ok(value) => Ok(Some(value)),
            Err(env::VarError::NotPresent) => Ok(None),
            Err(env::VarError::NotUnicode(_)) => Err(SettingsUnreadable(format!("{variable} is not UTF-8"))),
        }
    }

    async fn load(&self, key: String) -> Result<Option<Vec<u8>>, StoreError> {
        if !*HAS_STATE {
            return Ok(MEMORY.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned());
        }
        match fs::read(path(&key)) {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&error)),
        }
    }

    async fn save(&self, key: String, value: Vec<u8>) -> Result<(), StoreError> {
        if !*HAS_STATE {
            MEMORY.lock().unwrap_or_else(PoisonError::into_inner).insert(key, value);
            return Ok(());
        }
        write(&path(&key), &value).map_err(|error| failed(&error))
    }

    async fn spawn(&self, task: Task) {
        wasip3::spawn(task).await;
    }

    fn log(&self, line: &str) {
        wasip3::log(line);
    }
}

/// The file of a key: its parts are directories. Keys are made of checked names, and `..` cannot be one of them.
fn path(key: &str) -> PathBuf {
    Path::new(STATE).join(format!("{key}.json"))
}

/// Writes beside the file and then over it, so that a reader never sees half a record and a kill leaves the old one.
fn write(path: &Path, value: &[u8]) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let [a, b, c, d, ..] = wasip3::random();
    let unique = u32::from_le_bytes([a, b, c, d]);
    let beside = path.with_extension(format!("{unique:08x}{}.new", COUNT.fetch_add(1, Ordering::Relaxed)));
    fs::write(&beside, value)?;
    fs::rename(&beside, path)
}

fn failed(error: &io::Error) -> StoreError {
    StoreError(format!("directory /state: {error}"))
}
