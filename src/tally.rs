//! What an instance has counted: its requests to Azure and the failures of its store.
//!
//! An instance may live for one request, so what it counts goes into the store with the next record that it writes anyway
//! ([`Tally::take`]). What an instance counts after its last record is lost with it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// How often each of these was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Counts {
    /// Requests to Azure, by operation and status: `create 201`, or `create none` where there was no answer.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: BTreeMap<String, u64>,
    /// Failures of the store: `read` or `write`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub store_errors: BTreeMap<String, u64>,
}

impl Counts {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub fn add(&mut self, other: &Self) {
        for (what, count) in &other.requests {
            add(&mut self.requests, what, *count);
        }
        for (what, count) in &other.store_errors {
            add(&mut self.store_errors, what, *count);
        }
    }

    /// Of two who have counted on from the same numbers, the higher ones.
    pub fn merge(&mut self, other: &Self) {
        let both = [(&mut self.requests, &other.requests), (&mut self.store_errors, &other.store_errors)];
        for (own, others) in both {
            for (what, count) in others {
                let own = own.entry(what.clone()).or_default();
                *own = (*own).max(*count);
            }
        }
    }
}

pub fn add(counts: &mut BTreeMap<String, u64>, what: &str, count: u64) {
    let sum = counts.entry(what.to_owned()).or_default();
    *sum = sum.saturating_add(count);
}

/// What an instance has counted since it last wrote that down.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Counts>);

impl Tally {
    /// One request to Azure. A status that is no published one counts as `other`, so that their number is bounded.
    pub fn count_request(&self, operation: &str, status: Option<http::StatusCode>) {
        let status = match status {
            None => "none",
            Some(status) if status.canonical_reason().is_none() => "other",
            Some(ref status) => status.as_str(),
        };
        self.change(|counts| add(&mut counts.requests, &format!("{operation} {status}"), 1));
    }

    /// One failure of the store.
    pub fn count_store_error(&self, operation: &str) {
        self.change(|counts| add(&mut counts.store_errors, operation, 1));
    }

    /// What was counted, to be written down by whoever asks.
    pub fn take(&self) -> Counts {
        self.change(std::mem::take)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Counts) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
