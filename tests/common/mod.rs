//! What several test files share.

#![allow(dead_code, reason = "each test file uses its own part")]

pub mod alerts;
pub mod crowd;
pub mod http;
pub mod instance;
pub mod redis;
pub mod served;
pub mod story;

use nightcap_simulator::{Azure, Service};

/// What Azure was asked, in order, as `METHOD last-part-of-the-path`; names of our own are cut to `nightcap`.
pub fn asked(azure: &Azure) -> Vec<String> {
    azure
        .transcript()
        .iter()
        .filter(|exchange| exchange.service != Service::Sink)
        .map(|exchange| {
            let path = exchange.path.split('?').next().unwrap_or_default();
            let last = path.rsplit('/').next().unwrap_or_default();
            let last = if path.contains("/operations/") { "operation" } else { last };
            let last = if last.starts_with("nightcap_") { "nightcap" } else { last };
            let last =
                if last == "token" && exchange.body.contains("storage.azure.com") { "storage-token" } else { last };
            let last = if last.ends_with(".cap") { "file" } else { last };
            format!("{} {last}", exchange.method)
        })
        .collect()
}
