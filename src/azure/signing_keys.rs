//! The keys that Entra signs a tenant's tokens with. They are kept in the store, so that a call costs no round trip before its
//! answer, and fetched again as Microsoft advises (entra-docs, signing-key-rollover): after 24 hours, and for a key that is not
//! among them, but at most once in five minutes, whoever sends whatever.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use serde::{Deserialize, Serialize};

use super::access_token::{Expected, SigningKey};
use super::action::Action;
use super::answer::read;
use super::config::Config;
use super::error::AzureError;
use super::lenient;
use super::transport::{Attempt, Transport};
use crate::digest::digest;
use crate::host::Host;
use crate::timestamp::Timestamp;

const KEPT_FOR: Duration = Duration::from_hours(24);

const ASKED_AT_MOST_EVERY: Duration = Duration::from_mins(5);

/// How long somebody who finds no keys at all waits for those that another instance is fetching.
const PATIENCE: Duration = Duration::from_secs(3);

/// The pause between two looks for them.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Keys of one tenant that are kept. Entra has some ten.
const MOST_KEYS: usize = 64;

/// Why there is no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoKey {
    /// The tenant has none of this name.
    Unknown,
    /// There are no keys here, and Entra did not give any just now. A repeat helps.
    Unavailable,
}

/// The keys of one tenant.
pub struct SigningKeys<'a, H> {
    pub transport: Transport<'a, H>,
    pub config: &'a Config,
    pub expected: &'a Expected,
}

/// What lies in the store.
#[derive(Default, Serialize, Deserialize)]
struct Kept {
    at: Option<Timestamp>,
    keys: Vec<SigningKey>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Published {
    #[serde(deserialize_with = "lenient::items")]
    keys: Vec<SigningKey>,
}

impl<H: Host> SigningKeys<'_, H> {
    /// The key with this id.
    pub async fn find(&self, key_id: &str) -> Result<SigningKey, NoKey> {
        let mut kept = self.kept().await;
        if let Some(key) = kept.find(key_id).filter(|_| self.is_younger(kept.at, KEPT_FOR)) {
            return Ok(key);
        }
        if self.may_ask().await {
            kept = match self.fetch().await {
                Ok(keys) => self.keep(keys).await,
                Err(_) => kept,
            };
        } else if kept.keys.is_empty() {
            kept = self.await_others().await;
        }
        // The last good ones serve for as long as there are no newer ones.
        kept.find(key_id).ok_or(if kept.keys.is_empty() { NoKey::Unavailable } else { NoKey::Unknown })
    }

    /// Whether nobody has asked Entra a moment ago; then it is written down that this one does.
    async fn may_ask(&self) -> bool {
        let host = self.transport.log.host;
        let asked = host.load(self.key_of("signing_asked")).await.ok().flatten();
        let asked: Option<Timestamp> = asked.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        if self.is_younger(asked, ASKED_AT_MOST_EVERY) {
            return false;
        }
        let now = serde_json::to_vec(&host.now()).unwrap_or_default();
        // Where it cannot be written, one that is needed is still better fetched too often than not at all.
        let _ = host.save(self.key_of("signing_asked"), now).await;
        true
    }

    async fn fetch(&self) -> Result<Vec<SigningKey>, AzureError> {
        let Config { authority, .. } = self.config;
        let request = Request::builder().uri(format!("{authority}/{}/discovery/v2.0/keys", self.expected.tenant));
        let action = Action::SigningKeys;
        let attempt = Attempt { action, capture: None, request, body: Bytes::new(), repeat: true, passing: &[] };
        let answer = self.transport.attempt(attempt).await?;
        if !answer.status().is_success() {
            return Err(super::answer::refused(action, &answer));
        }
        let Published { mut keys } = read(action, &answer)?;
        keys.retain(|key| self.expected.may_be_signed_with(key, authority));
        keys.truncate(MOST_KEYS);
        Ok(keys)
    }

    /// Keeps what was fetched, unless that is nothing.
    async fn keep(&self, keys: Vec<SigningKey>) -> Kept {
        let host = self.transport.log.host;
        let fetched = Kept { at: Some(host.now()), keys };
        if let Some(bytes) = serde_json::to_vec(&fetched).ok().filter(|_| !fetched.keys.is_empty()) {
            let _ = host.save(self.key_of("signing_keys"), bytes).await;
        }
        fetched
    }

    async fn await_others(&self) -> Kept {
        let host = self.transport.log.host;
        let began = host.monotonic();
        loop {
            let kept = self.kept().await;
            if !kept.keys.is_empty() || host.monotonic().saturating_sub(began) >= PATIENCE {
                return kept;
            }
            host.sleep(LOOK_AGAIN_AFTER).await;
        }
    }

    async fn kept(&self) -> Kept {
        let bytes = self.transport.log.host.load(self.key_of("signing_keys")).await.ok().flatten();
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// A moment that is still to come is a clock's mistake, and old.
    fn is_younger(&self, at: Option<Timestamp>, than: Duration) -> bool {
        at.and_then(|at| self.transport.log.host.now().since(at)).is_some_and(|age| age < than)
    }

    fn key_of(&self, what: &str) -> String {
        format!("{what}:{}", digest(&format!("{}\n{}", self.config.authority, self.expected.tenant), 16))
    }
}

impl Kept {
    fn find(&self, key_id: &str) -> Option<SigningKey> {
        self.keys.iter().find(|key| key.key_id == key_id).cloned()
    }
}
