//! Entra tokens: cached in the instance, shared between instances through the store, refreshed early,
//! by one request however many wait.

use std::time::Duration;

use futures::lock::{Mutex, MutexGuard};
use http::StatusCode;
use serde::Deserialize;

use super::action::Action;
use super::answer::{read, unreadable};
use super::config::Config;
use super::credential::TokenRequest;
use super::error::AzureError;
use super::identity::Identity;
use super::kept_token::{Kept, KeptToken};
use super::secret::Secret;
use super::transport::{Attempt, Transport};
use super::{lenient, retry};
use crate::host::Host;
use crate::text::clean;
use crate::timestamp::Timestamp;

/// How many seconds before its end a token is replaced; the refresh offset of Azure's SDKs (azure-identity).
const REFRESH_BEFORE_END: u64 = 300;

/// No token is kept for longer than this many seconds, whatever its answer says.
const LONGEST_LIFETIME: u64 = 86_400;

/// The pause between two looks at a cache that somebody else is filling.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(5);

/// How long a failure is shared with those who waited for the same token.
const FAILURE_HOLDS: Duration = Duration::from_secs(1);

/// One token for each audience, for none is good for another.
#[derive(Debug, Default)]
pub struct Tokens {
    pub arm: TokenCache,
    pub storage: TokenCache,
}

/// The token of one scope, shared by all requests of an instance.
#[derive(Debug, Default)]
pub struct TokenCache(Mutex<Cached>);

#[derive(Debug, Default)]
struct Cached {
    token: Option<Token>,
    /// Whether the token was fetched here, and other instances do not have it yet.
    is_unshared: bool,
    failure: Option<Failure>,
}

/// Why there was no token a moment ago.
#[derive(Debug)]
struct Failure {
    error: AzureError,
    /// On the host's monotonic clock.
    at: Duration,
}

#[derive(Clone, Debug)]
struct Token {
    text: Secret,
    /// On the host's monotonic clock, so that a jump of the time of day does not keep an old token.
    replace_at: Duration,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Granted {
    #[serde(deserialize_with = "lenient::or_default")]
    access_token: Option<String>,
    /// In seconds.
    #[serde(deserialize_with = "lenient::number")]
    expires_in: Option<u64>,
    /// In seconds since 1970. Container Apps and App Service tell no other.
    #[serde(deserialize_with = "lenient::number")]
    expires_on: Option<u64>,
}

/// What Entra answers when it grants none.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    #[serde(deserialize_with = "lenient::or_default")]
    error: Option<String>,
    /// The numbers of AADSTS codes.
    #[serde(deserialize_with = "lenient::items")]
    error_codes: Vec<u64>,
}

impl TokenCache {
    /// A token that is good for some minutes. Whoever comes while one is fetched waits for that one, for as long as there is
    /// time. One that was fetched here is for [`share`](Self::share) to hand on.
    pub async fn token<H: Host>(
        &self,
        transport: &Transport<'_, H>,
        config: &Config,
        scope: &str,
    ) -> Result<Secret, AzureError> {
        let host = transport.log.host;
        let mut cached = self.lock(transport).await?;
        if let Some(token) = cached.token.as_ref().filter(|token| host.monotonic() < token.replace_at) {
            return Ok(token.text.clone());
        }
        if let Some(failure) = cached.failure.as_ref().filter(|failure| failure.holds_for(transport)) {
            return Err(failure.error.clone());
        }
        match load_or_fetch(transport, config, scope).await {
            Ok((token, is_unshared)) => {
                let text = token.text.clone();
                *cached = Cached { token: Some(token), is_unshared, failure: None };
                Ok(text)
            }
            Err(error) => {
                cached.failure = Some(Failure { error: error.clone(), at: host.monotonic() });
                Err(error)
            }
        }
    }

    /// Leaves a token that was fetched here to other instances. What it was fetched for need not wait for the store.
    pub async fn share<H: Host>(&self, transport: &Transport<'_, H>, config: &Config, scope: &str) {
        let host = transport.log.host;
        let unshared = self.0.try_lock().and_then(|mut cached| {
            let is_unshared = std::mem::take(&mut cached.is_unshared);
            cached.token.clone().filter(|_| is_unshared)
        });
        if let Some(Token { text, replace_at }) = unshared {
            let good_for = replace_at.saturating_sub(host.monotonic());
            if let Some(kept_token) = KeptToken::new(host, config, scope) {
                kept_token.save(&text, good_for).await;
            }
        }
    }

    /// Forgets a token that Azure no longer takes, unless it was replaced meanwhile.
    pub async fn forget<H: Host>(
        &self,
        transport: &Transport<'_, H>,
        config: &Config,
        scope: &str,
        refused: &Secret,
    ) -> Result<(), AzureError> {
        let mut cached = self.lock(transport).await?;
        if cached.token.as_ref().is_some_and(|token| token.text == *refused) {
            cached.token = None;
        }
        if let Some(kept_token) = KeptToken::new(transport.log.host, config, scope) {
            kept_token.forget(refused).await;
        }
        Ok(())
    }

    /// Waits for the cache by looking again and again. Requests of one instance share it, and a request that wakes
    /// another traps the component: wit-bindgen 0.57 panics without its feature `inter-task-wakeup`, and with it
    /// wasmtime 48 traps (bytecodealliance/wit-bindgen#1638).
    async fn lock<H: Host>(&self, transport: &Transport<'_, H>) -> Result<MutexGuard<'_, Cached>, AzureError> {
        loop {
            if let Some(cached) = self.0.try_lock() {
                return Ok(cached);
            }
            if transport.time_left().is_zero() {
                return Err(AzureError::OutOfTime { action: Action::Token });
            }
            transport.log.host.sleep(LOOK_AGAIN_AFTER).await;
        }
    }
}

impl Failure {
    /// Whether another request would end in the same way: one that was refused a moment ago is refused again, and there must
    /// be time for one that may do better.
    fn holds_for<H: Host>(&self, transport: &Transport<'_, H>) -> bool {
        let age = transport.log.host.monotonic().saturating_sub(self.at);
        age < FAILURE_HOLDS && (!self.error.is_transient() || transport.time_left().is_zero())
    }
}

/// The token that another instance has left, or else one that is fetched here for all of them; and whether it is.
async fn load_or_fetch<H: Host>(
    transport: &Transport<'_, H>,
    config: &Config,
    scope: &str,
) -> Result<(Token, bool), AzureError> {
    let host = transport.log.host;
    let Some(kept_token) = KeptToken::new(host, config, scope) else {
        return fetch(transport, config, scope).await.map(|token| (token, false));
    };
    if let Some(Kept { text, good_for }) = kept_token.load_or_lease(transport.log.client_request_id).await {
        let good_for = good_for.min(Duration::from_secs(LONGEST_LIFETIME));
        return Ok((Token { text, replace_at: host.monotonic().saturating_add(good_for) }, false));
    }
    match fetch(transport, config, scope).await {
        Ok(token) => Ok((token, true)),
        Err(error) => {
            kept_token.give_up_lease().await;
            Err(error)
        }
    }
}

async fn fetch<H: Host>(transport: &Transport<'_, H>, config: &Config, scope: &str) -> Result<Token, AzureError> {
    let host = transport.log.host;
    let TokenRequest { request, body, passing } =
        config.credential.token_request(host, &config.authority, scope).await?;
    let asked_at = host.monotonic();
    let attempt = Attempt { action: Action::Token, capture: None, request, body, repeat: true, passing };
    let answer = transport.attempt(attempt).await?;
    if answer.status() != StatusCode::OK {
        return Err(no_token(config.credential.identity(), answer.status(), answer.body()));
    }
    let granted: Granted = read(Action::Token, &answer)?;
    let text = granted.access_token.ok_or_else(|| unreadable(Action::Token, "no access_token"))?;
    let until_end = |end: u64| {
        Some(Timestamp::from_unix_millis(i64::try_from(end).ok()?.checked_mul(1000)?).since(host.now())?.as_secs())
    };
    let lifetime = granted.expires_in.or_else(|| granted.expires_on.and_then(until_end)).unwrap_or_default();
    let lifetime = lifetime.min(LONGEST_LIFETIME);
    let early = Duration::from_secs(lifetime.checked_sub(REFRESH_BEFORE_END).unwrap_or(lifetime / 2));
    Ok(Token { text: Secret::new(text), replace_at: asked_at.saturating_add(early) })
}

fn no_token(identity: Identity, status: StatusCode, body: &[u8]) -> AzureError {
    let refusal: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let number = refusal.error_codes.first().copied();
    let word = refusal.error.map(|word| clean(&word, 80));
    let code = number.map(|number| format!("AADSTS{number}")).or(word).unwrap_or_else(|| status.as_str().to_owned());
    // Entra's own passing conditions come with 400: the loop guard and a transient fault.
    AzureError::NoToken {
        identity,
        transient: matches!(number, Some(50196 | 90033)) || retry::is_transient(status),
        code,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::future::join_all;

    use super::*;
    use crate::azure::fake::config;
    use crate::host::fake::{Answer, FakeHost};
    use crate::log::Log;
    use crate::tally::Tally;

    /// What those get who ask at once and have so long, and when each gets it.
    async fn ask(host: Arc<FakeHost>, time: &[u64]) -> Vec<(Result<(), AzureError>, Duration)> {
        let (tokens, config, tally) = (Tokens::default(), config(), Tally::default());
        let ask = |seconds: &u64| {
            let log = Log { host: host.as_ref(), alert: "", client_request_id: "", tally: &tally };
            let transport = Transport { log, target: None, deadline: Duration::from_secs(*seconds) };
            let (tokens, config) = (&tokens, &config);
            async move {
                let token = tokens.arm.token(&transport, config, "https://management.azure.com/.default").await;
                (token.map(|_| ()), transport.log.host.monotonic())
            }
        };
        join_all(time.iter().map(ask)).await
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_in_turn_behind_an_entra_that_hangs() {
        let host = Arc::new(FakeHost::new(|_| Answer::status(200).after(Duration::MAX)));
        for (result, after) in ask(host, &[30; 8]).await {
            assert!(result.is_err_and(|error| error.is_transient()));
            assert!(after <= Duration::from_secs(40), "{after:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_shared_with_all_who_waited() {
        let refusal = r#"{"error": "invalid_client", "error_codes": [7000215]}"#;
        let host = Arc::new(FakeHost::new(move |_| Answer::json(401, refusal).after(Duration::from_secs(1))));
        let identity = config().credential.identity();
        let refused = AzureError::NoToken { identity, code: "AADSTS7000215".to_owned(), transient: false };
        for (result, after) in ask(host.clone(), &[30; 8]).await {
            assert_eq!(result, Err(refused.clone()));
            assert!(after < Duration::from_millis(1100), "{after:?}");
        }
        assert_eq!(host.sent().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_time_left_asks_again_where_another_had_none() {
        let granted = r#"{"access_token": "t", "expires_in": 3599}"#;
        let begin = tokio::time::Instant::now();
        let host = Arc::new(FakeHost::new(move |_| {
            let hangs = begin.elapsed() < Duration::from_secs(15);
            Answer::json(200, granted).after(if hangs { Duration::MAX } else { Duration::ZERO })
        }));
        let results: Vec<_> = ask(host, &[5, 60]).await.into_iter().map(|(result, _)| result.is_ok()).collect();
        assert_eq!(results, [false, true]);
    }
}
