//! Runs the nightcap component the way its real hosts do, inside the process of a test.
//!
//! [`Host::start`] builds the component when needed and serves it on a loopback port: the builds for Spin
//! as `spin up` would, reading the real `spin.toml`, the others as `wasmtime serve` would. What
//! the component prints, sends and uses can be looked at from outside, and [`Host::kill`] ends it like
//! a power cut, with only its [`State`] left.

#![allow(missing_docs, reason = "a name that says everything needs no sentence")]

mod allowed_hosts;
mod bindings;
mod compile;
mod component;
mod guest;
mod host;
mod instances;
mod key_stream;
mod key_value;
mod key_value_wasi02;
mod log;
mod manifest;
mod options;
mod outbound;
mod pool;
mod record;
#[cfg(feature = "redis")]
mod redis;
mod server;
mod spin;
mod sqlite;
mod state;
mod store;
mod variables;

pub use component::{Build, component};
pub use host::Host;
pub use options::{Options, Reuse};
pub use state::State;
