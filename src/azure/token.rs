//! Entra tokens by client credentials: cached in the instance, refreshed early, by one request however many wait.

use std::time::Duration;

use futures::lock::{Mutex, MutexGuard};
use http::{Method, StatusCode};
use serde::Deserialize;

use super::action::Action;
use super::answer::{read, unreadable};
use super::config::{ClientSecret, Config};
use super::error::AzureError;
use super::secret::Secret;
use super::transport::{Attempt, Transport};
use super::{lenient, retry};
use crate::host::Host;
use crate::text::clean;

/// How many seconds before its end a token is replaced; the refresh offset of Azure's SDKs (azure-identity).
const REFRESH_BEFORE_END: u64 = 300;

/// No token is kept for longer than this many seconds, whatever its answer says.
const LONGEST_LIFETIME: u64 = 86_400;

/// The pause between two looks at a cache that somebody else is filling.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(5);

/// One token for each audience, for none is good for another.
#[derive(Debug, Default)]
pub struct Tokens {
    pub arm: TokenCache,
    pub storage: TokenCache,
}

/// The token of one scope, shared by all requests of an instance.
#[derive(Debug, Default)]
pub struct TokenCache(Mutex<Option<Token>>);

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
    /// A token that is good for some minutes. Whoever comes while one is fetched waits for that one.
    pub async fn token<H: Host>(
        &self,
        transport: &Transport<'_, H>,
        config: &Config,
        scope: &str,
    ) -> Result<Secret, AzureError> {
        let host = transport.log.host;
        let mut held = self.lock(host).await;
        if let Some(token) = held.as_ref().filter(|token| host.monotonic() < token.replace_at) {
            return Ok(token.text.clone());
        }
        let token = fetch(transport, config, scope).await?;
        let text = token.text.clone();
        *held = Some(token);
        Ok(text)
    }

    /// Forgets a token that Azure no longer takes, unless it was replaced meanwhile.
    pub async fn forget(&self, host: &impl Host, refused: &Secret) {
        let mut held = self.lock(host).await;
        if held.as_ref().is_some_and(|token| token.text == *refused) {
            *held = None;
        }
    }

    /// Waits for the cache by looking again and again. Requests of one instance share it, and a request that wakes
    /// another traps the component: wit-bindgen 0.57 panics without its feature `inter-task-wakeup`, and with it
    /// wasmtime 48 traps (bytecodealliance/wit-bindgen#1638).
    async fn lock(&self, host: &impl Host) -> MutexGuard<'_, Option<Token>> {
        loop {
            if let Some(held) = self.0.try_lock() {
                return held;
            }
            host.sleep(LOOK_AGAIN_AFTER).await;
        }
    }
}

async fn fetch<H: Host>(transport: &Transport<'_, H>, config: &Config, scope: &str) -> Result<Token, AzureError> {
    let ClientSecret { tenant_id, client_id, client_secret } = &config.credential;
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", client_id)
        .append_pair("client_secret", client_secret.expose())
        .append_pair("scope", scope)
        .finish();
    let url = format!("{}/{}/oauth2/v2.0/token", config.authority, tenant_id);
    let request = http::Request::builder()
        .method(Method::POST)
        .uri(url)
        .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(http::header::ACCEPT, "application/json");
    let asked_at = transport.log.host.monotonic();
    let attempt = Attempt { action: Action::Token, capture: None, request, body: body.into(), repeat: true };
    let answer = transport.attempt(attempt).await?;
    if answer.status() != StatusCode::OK {
        return Err(no_token(answer.status(), answer.body()));
    }
    let granted: Granted = read(Action::Token, &answer)?;
    let text = granted.access_token.ok_or_else(|| unreadable(Action::Token, "no access_token"))?;
    let lifetime = granted.expires_in.unwrap_or_default().min(LONGEST_LIFETIME);
    let early = Duration::from_secs(lifetime.checked_sub(REFRESH_BEFORE_END).unwrap_or(lifetime / 2));
    Ok(Token { text: Secret::new(text), replace_at: asked_at.saturating_add(early) })
}

fn no_token(status: StatusCode, body: &[u8]) -> AzureError {
    let refusal: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let number = refusal.error_codes.first().copied();
    let word = refusal.error.map(|word| clean(&word, 80));
    let code = number.map(|number| format!("AADSTS{number}")).or(word).unwrap_or_else(|| status.as_str().to_owned());
    // Entra's own passing conditions come with 400: the loop guard and a transient fault.
    AzureError::NoToken { transient: matches!(number, Some(50196 | 90033)) || retry::is_transient(status), code }
}
