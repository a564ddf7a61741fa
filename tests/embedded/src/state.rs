//! What outlives a killed host.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

/// The durable memory of a host: a key-value store for the builds for Spin, a directory for the
/// others. Clones share it, and it lives as long as the last of them.
#[derive(Clone, Default)]
pub struct State(Arc<Inner>);

#[derive(Default)]
struct Inner {
    values: Mutex<BTreeMap<String, Vec<u8>>>,
    directory: Mutex<Option<TempDir>>,
    without_directory: bool,
    reads_fail: AtomicBool,
    writes_fail: AtomicBool,
    lists_like_redis: AtomicBool,
    has_unreadable_key: AtomicBool,
}

impl State {
    /// No state at all: the builds for other hosts get no directory, as without `--dir`. Spin, which has a
    /// store, refuses to start with it.
    pub fn none() -> Self {
        State(Arc::new(Inner { without_directory: true, ..Inner::default() }))
    }

    /// Every key, in order; for the builds with a directory the path of every file, relative to the directory.
    pub fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.0.values.lock().unwrap().keys().cloned().collect();
        if let Some(directory) = &*self.0.directory.lock().unwrap() {
            list_files(directory.path(), "", &mut keys);
        }
        keys.sort();
        keys
    }

    /// The value of a key, or the bytes of a file.
    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        if let Some(value) = self.0.values.lock().unwrap().get(key) {
            return Some(value.clone());
        }
        let directory = self.0.directory.lock().unwrap();
        std::fs::read(directory.as_ref()?.path().join(key)).ok()
    }

    /// Puts a value into the key-value store, as another program may that shares the database.
    pub fn put(&self, key: &str, value: impl Into<Vec<u8>>) {
        self.with_values(|values| values.insert(key.to_owned(), value.into()));
    }

    /// Leaves a file in the directory that was written so long ago.
    pub fn leave_file(&self, name: &str, age: Duration) -> io::Result<()> {
        let Some(directory) = self.directory()? else { return Ok(()) };
        let file = std::fs::File::create(directory.join(name))?;
        file.set_modified(SystemTime::now() - age)
    }

    /// Makes the key-value store list its keys as Spin's does over Redis, or as the others do. It scans the whole
    /// database, whoever the keys belong to, and a scan gives the keys in no order and may give a key more than once
    /// (redis/redis issue 12302): here every fifth one comes twice.
    pub fn list_like_redis(&self, like_redis: bool) {
        self.0.lists_like_redis.store(like_redis, SeqCst);
    }

    /// Has somebody put a key that is no UTF-8 into the key-value store, or take it out again. Spin's store over Redis
    /// cannot hand it out: the listing breaks off there with an error.
    pub fn hold_unreadable_key(&self, hold: bool) {
        self.0.has_unreadable_key.store(hold, SeqCst);
    }

    /// Makes every later read fail, or mend. The key-value store obeys at once. A directory is given to
    /// an instance when that starts, so there it holds for instances that start later, and they get no
    /// directory at all.
    pub fn fail_reads(&self, fail: bool) {
        self.0.reads_fail.store(fail, SeqCst);
    }

    /// Makes every later write fail, or mend; [`State::fail_reads`] says when. A directory is read-only
    /// meanwhile.
    pub fn fail_writes(&self, fail: bool) {
        self.0.writes_fail.store(fail, SeqCst);
    }

    pub(crate) fn is_none(&self) -> bool {
        self.0.without_directory
    }

    pub(crate) fn reads_fail(&self) -> bool {
        self.0.reads_fail.load(SeqCst)
    }

    pub(crate) fn writes_fail(&self) -> bool {
        self.0.writes_fail.load(SeqCst)
    }

    pub(crate) fn lists_like_redis(&self) -> bool {
        self.0.lists_like_redis.load(SeqCst)
    }

    pub(crate) fn has_unreadable_key(&self) -> bool {
        self.0.has_unreadable_key.load(SeqCst)
    }

    /// The directory to preopen, made on first use so that a `State` for Spin leaves no trace on disk.
    pub(crate) fn directory(&self) -> io::Result<Option<PathBuf>> {
        if self.0.without_directory {
            return Ok(None);
        }
        let mut directory = self.0.directory.lock().unwrap();
        if directory.is_none() {
            *directory = Some(TempDir::with_prefix("nightcap-state-")?);
        }
        Ok(directory.as_ref().map(|it| it.path().to_owned()))
    }

    pub(crate) fn with_values<T>(&self, f: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> T) -> T {
        f(&mut self.0.values.lock().unwrap())
    }
}

fn list_files(directory: &Path, prefix: &str, keys: &mut Vec<String>) {
    // A file may vanish while a running component works on the directory; that is no error here.
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            list_files(&entry.path(), &format!("{name}/"), keys);
        } else {
            keys.push(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_listed_recursively() {
        let state = State::default();
        let directory = state.directory().unwrap().unwrap();
        std::fs::create_dir_all(directory.join("a/b")).unwrap();
        std::fs::write(directory.join("a/b/c.json"), "1").unwrap();
        std::fs::write(directory.join("z"), "2").unwrap();
        assert_eq!(state.keys(), ["a/b/c.json", "z"]);
        assert_eq!(state.clone().get("a/b/c.json").unwrap(), b"1");
        assert_eq!(state.get("missing"), None);
    }

    #[test]
    fn none_has_no_directory() {
        assert_eq!(State::none().directory().unwrap(), None);
        assert!(State::none().keys().is_empty());
    }
}
