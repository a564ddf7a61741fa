//! What is said to Azure. `client.rs` is the way in, and everything that it sends goes through `transport.rs`.

pub mod action;
mod answer;
pub mod blob;
pub mod capture_parameters;
pub mod client;
pub mod clock;
pub mod cloud;
pub mod compute;
pub mod config;
pub mod error;
mod lenient;
mod list;
pub mod network_watcher;
pub mod operation;
pub mod origin;
pub mod packet_capture;
pub mod packet_filter;
pub mod region;
pub mod resource_id;
pub mod retry;
pub mod secret;
pub mod target;
pub mod token;
mod transport;
