//! From the `.wasm` file to machine code, once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::Context;
use wasmtime::component::Component;
use wasmtime::{Cache, CacheConfig, Config, Engine, OptLevel, RegallocAlgorithm};

/// The compiled component, which also knows its engine. Kept for the life of the process, and on disk
/// beside the file for the next one.
pub(crate) fn compile(path: &Path) -> anyhow::Result<Component> {
    static COMPILED: Mutex<BTreeMap<PathBuf, Component>> = Mutex::new(BTreeMap::new());
    // Held while compiling: whoever comes second waits rather than compile the same again.
    let mut compiled = COMPILED.lock().unwrap();
    if let Some(component) = compiled.get(path) {
        return Ok(component.clone());
    }
    let mut cache = CacheConfig::new();
    cache.with_directory(path.with_file_name("wasmtime-cache"));
    let mut config = Config::new();
    config.wasm_component_model_async(true).epoch_interruption(true).cache(Some(Cache::new(cache)?));
    // Tests and the demo wait longer for a compiler that takes pains than for the code that it makes. Benchmarks, which are
    // built without debug assertions, do not.
    if cfg!(debug_assertions) {
        config.cranelift_opt_level(OptLevel::None).cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
    }
    let component = Component::from_file(&Engine::new(&config)?, path)
        .map_err(anyhow::Error::from)
        .with_context(|| format!("{} cannot be compiled", path.display()))?;
    compiled.insert(path.to_owned(), component.clone());
    Ok(component)
}
