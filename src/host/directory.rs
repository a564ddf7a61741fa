//! Any other host, such as `wasmtime serve`: settings are environment variables, and the store is the
//! directory `/state`, or memory when the host gives none.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;
use std::{env, fs, io};

use super::random::random;
use super::{SettingsUnreadable, StoreError};

/// Where the host mounts the directory for records.
const STATE: &str = "/state";

/// How the names of variables begin that are settings.
const OURS: &str = "NIGHTCAP_";

/// How the names of records end.
const SUFFIX: &str = ".json";

/// How the names of those end that are being written.
const UNFINISHED: &str = ".new";

/// Nobody writes for so long.
const LONG_WRITTEN: Duration = Duration::from_hours(1);

/// What Azure itself puts into the environment of a container or pod that has an identity (azure-workload-identity,
/// azure-docs container-apps/managed-identity).
const AZURES_OWN: &[(&str, &str)] = &[
    ("tenant_id", "AZURE_TENANT_ID"),
    ("client_id", "AZURE_CLIENT_ID"),
    ("authority_url", "AZURE_AUTHORITY_HOST"),
    ("federated_token_file", "AZURE_FEDERATED_TOKEN_FILE"),
    ("identity_endpoint", "IDENTITY_ENDPOINT"),
    ("identity_header", "IDENTITY_HEADER"),
];

/// Records of an instance without a directory.
static MEMORY: Mutex<BTreeMap<String, Vec<u8>>> = Mutex::new(BTreeMap::new());

static HAS_STATE: LazyLock<bool> = LazyLock::new(|| Path::new(STATE).is_dir());

/// Whether there is a directory, so that records outlive the instance.
pub fn has_store() -> bool {
    *HAS_STATE
}

/// The names of all variables that are meant for nightcap, as names of settings.
pub fn given_settings() -> Vec<String> {
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter_map(|name| Some(name.strip_prefix(OURS)?.to_ascii_lowercase())).collect()
}

pub async fn setting(name: &'static str) -> Result<Option<String>, SettingsUnreadable> {
    let variable = format!("{OURS}{}", name.to_ascii_uppercase());
    if let Some(value) = variable_of(&variable)? {
        return Ok(Some(value));
    }
    match AZURES_OWN.iter().find(|(own, _)| *own == name) {
        Some((_, variable)) => variable_of(variable),
        None => Ok(None),
    }
}

fn variable_of(variable: &str) -> Result<Option<String>, SettingsUnreadable> {
    match env::var(variable) {
        Ok(value) => Ok(Some(value)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(SettingsUnreadable(format!("{variable} is not UTF-8"))),
    }
}

pub async fn load(key: String) -> Result<Option<Vec<u8>>, StoreError> {
    if !*HAS_STATE {
        return Ok(MEMORY.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned());
    }
    match fs::read(path(&key)?) {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(&error)),
    }
}

pub async fn save(key: String, value: Vec<u8>) -> Result<(), StoreError> {
    if !*HAS_STATE {
        MEMORY.lock().unwrap_or_else(PoisonError::into_inner).insert(key, value);
        return Ok(());
    }
    write(&path(&key)?, &value).map_err(|error| failed(&error))
}

pub async fn delete(key: String) -> Result<(), StoreError> {
    if !*HAS_STATE {
        MEMORY.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        return Ok(());
    }
    match fs::remove_file(path(&key)?) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(&error)),
        _ => Ok(()),
    }
}

pub async fn keys(prefix: String) -> Result<Vec<String>, StoreError> {
    if !*HAS_STATE {
        let memory = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
        return Ok(memory.keys().filter(|key| key.starts_with(&prefix)).cloned().collect());
    }
    let mut keys = Vec::new();
    let mut directories = vec![String::new()];
    while let Some(directory) = directories.pop() {
        for entry in entries(&directory).map_err(|error| failed(&error))? {
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.ends_with(UNFINISHED) {
                tidy(&entry);
                continue;
            }
            let key = if directory.is_empty() { name } else { format!("{directory}:{name}") };
            let may_lead_there = key.starts_with(&prefix) || prefix.starts_with(&key);
            if may_lead_there && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                directories.push(key);
            } else if let Some(key) = key.strip_suffix(SUFFIX).filter(|key| key.starts_with(&prefix)) {
                keys.push(key.to_owned());
            }
        }
    }
    Ok(keys)
}

/// What lies in the directory of a key's first parts; nothing when there is none.
fn entries(directory: &str) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(Path::new(STATE).join(directory.replace(':', "/"))) {
        Ok(entries) => entries.collect(),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The file of a key: its parts, which colons separate, are directories. Addresses of records come from callers, so a
/// part that would lead elsewhere is refused.
fn path(key: &str) -> Result<PathBuf, StoreError> {
    let harmless = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(['/', '\\', '\0']);
    if key.split(':').all(harmless) {
        Ok(Path::new(STATE).join(format!("{}{SUFFIX}", key.replace(':', "/"))))
    } else {
        Err(StoreError("a key that is no path below /state".to_owned()))
    }
}

/// Writes beside the file and then over it, so that a reader never sees half a record and a kill leaves the old one.
fn write(path: &Path, value: &[u8]) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let beside = path.with_extension(format!("{:032x}{UNFINISHED}", u128::from_le_bytes(random())));
    fs::write(&beside, value).and_then(|()| fs::rename(&beside, path)).inspect_err(|_| drop(fs::remove_file(&beside)))
}

/// Takes away what somebody has left behind who was ended while he wrote.
fn tidy(entry: &fs::DirEntry) {
    let age = entry.metadata().and_then(|file| file.modified()).ok().and_then(|written| written.elapsed().ok());
    if age.is_some_and(|age| age > LONG_WRITTEN) {
        let _ = fs::remove_file(entry.path());
    }
}

fn failed(error: &io::Error) -> StoreError {
    StoreError(format!("directory /state: {error}; can it be written, and has its disk room?"))
}
