//! What is said to Azure. `client.rs` is the way in, and everything that it sends goes through `transport.rs`.

pub(crate) mod access_token;
pub(crate) mod action;
mod answer;
pub mod blob;
pub(crate) mod capture_parameters;
pub(crate) mod client;
pub(crate) mod clock;
pub(crate) mod cloud;
pub(crate) mod compute;
pub(crate) mod config;
pub(crate) mod credential;
pub(crate) mod error;
#[cfg(test)]
pub mod fake;
pub(crate) mod identity;
pub(crate) mod inventory;
mod kept_token;
mod lenient;
mod list;
pub(crate) mod network;
pub(crate) mod network_watcher;
pub(crate) mod operation;
pub(crate) mod origin;
pub mod packet_capture;
pub(crate) mod packet_filter;
pub(crate) mod permissions;
pub(crate) mod region;
pub(crate) mod resource_id;
pub(crate) mod retry;
pub(crate) mod seal;
pub(crate) mod secret;
pub(crate) mod signing_keys;
pub(crate) mod storage_account;
pub(crate) mod subscription;
pub mod target;
pub(crate) mod token;
pub(crate) mod transport;
