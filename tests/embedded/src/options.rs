//! What a host is started with.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::component::Build;
use crate::state::State;

#[derive(Clone)]
pub struct Options {
    /// Which of the two builds runs, and so which host is imitated.
    pub build: Build,
    /// Setting name in snake case, as in `arm_url`, and its value.
    pub settings: BTreeMap<String, String>,
    /// Where to listen; `None` takes a free loopback port.
    pub listen: Option<SocketAddr>,
    pub state: State,
    /// The database of Redis that Spin keeps records in instead, as in `redis://127.0.0.1:6379`.
    #[cfg(feature = "redis")]
    pub redis: Option<String>,
    pub reuse: Reuse,
}

impl Options {
    /// No settings, a free port, an empty state, and instances reused as the real hosts do.
    pub fn new(build: Build) -> Self {
        Options {
            build,
            settings: BTreeMap::new(),
            listen: None,
            state: State::default(),
            #[cfg(feature = "redis")]
            redis: None,
            reuse: Reuse::default(),
        }
    }

    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.settings.insert(name.to_owned(), value.into());
        self
    }
}

/// How requests share instances. The default is that of Spin and of `wasmtime serve`, which agree.
#[derive(Clone, Copy, Debug)]
pub struct Reuse {
    /// Requests that one instance serves at once.
    pub concurrent: usize,
    /// Requests that one instance serves in its life.
    pub total: usize,
    /// How long an instance without work is kept.
    pub idle: Duration,
}

impl Default for Reuse {
    fn default() -> Self {
        Reuse { concurrent: 16, total: 128, idle: Duration::from_secs(1) }
    }
}
