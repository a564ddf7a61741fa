//! Entra tokens by client credentials: cached in the instance, refreshed early, by one request however many wait.

use std::time::Duration;

use futures::lock::Mutex;
use http::{Method, StatusCode};
use serde::Deserialize;

use super::error::{AzureError, Step};
use super::{Attempt, Azure, retry};
use crate::host::Host;
use crate::settings::Secret;

/// How long before its end a token is replaced; the refresh offset of Azure's SDKs (azure-identity).
const REFRESH_BEFORE_END: Duration = Duration::from_secs(300);

/// The token of one scope, shared by all requests of an instance.
#[derive(Debug, Default)]
pub struct TokenCache(Mutex<Option<Token>>);

#[derive(Clone, Debug)]
struct Token {
    text: Secret,
    /// On the host's monotonic clock, so that a jump of the time of day does not keep an old token.
    replace_at: Duration,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Seconds,
}

/// A number of seconds; the older endpoint writes it as a string.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

#[derive(Default, Deserialize)]
struct Refused {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_codes: Vec<u64>,
}

impl TokenCache {
    /// A token that is good for some minutes. Whoever comes while one is fetched waits for that one.
    pub async fn token<H: Host>(&self, azure: &Azure<'_, H>, scope: &str) -> Result<Secret, AzureError> {
        let mut held = self.0.lock().await;
        if let Some(token) = held.as_ref().filter(|token| azure.host.monotonic() < token.replace_at) {
            return Ok(token.text.clone());
        }
        let token = fetch(azure, scope).await?;
        let text = token.text.clone();
        *held = Some(token);
        Ok(text)
    }

    /// Forgets a token that Azure no longer takes, unless it was replaced meanwhile.
    pub async fn forget(&self, refused: &Secret) {
        let mut held = self.0.lock().await;
        if held.as_ref().is_some_and(|token| token.text == *refused) {
            *held = None;
        }
    }
}

async fn fetch<H: Host>(azure: &Azure<'_, H>, scope: &str) -> Result<Token, AzureError> {
    let settings = azure.settings;
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", &settings.client_id)
        .append_pair("client_secret", settings.client_secret.expose())
        .append_pair("scope", scope)
        .finish();
    let url = format!("{}/{}/oauth2/v2.0/token", settings.authority, settings.tenant_id);
    let request = http::Request::builder()
        .method(Method::POST)
        .uri(url)
        .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(http::header::ACCEPT, "application/json");
    let asked_at = azure.host.monotonic();
    let attempt = Attempt { step: Step::Token, request, body: body.into(), repeat: true };
    let answer = azure.attempt(attempt).await?;
    if answer.status() != StatusCode::OK {
        return Err(no_token(answer.status(), answer.body()));
    }
    let granted: Granted = serde_json::from_slice(answer.body())
        .map_err(|error| AzureError::Unreadable { step: Step::Token, detail: error.to_string() })?;
    let lifetime = granted.expires_in.duration();
    let early = lifetime.checked_sub(REFRESH_BEFORE_END).unwrap_or(lifetime / 2);
    Ok(Token { text: Secret::new(granted.access_token), replace_at: asked_at.saturating_add(early) })
}

fn no_token(status: StatusCode, body: &[u8]) -> AzureError {
    let refused: Refused = serde_json::from_slice(body).unwrap_or_default();
    let code = refused.error_codes.first().map(|code| format!("AADSTS{code}"));
    // Entra's own transient conditions come with 400: the loop guard and a passing fault.
    let passing = matches!(refused.error_codes.first(), Some(50196 | 90033));
    AzureError::NoToken {
        code: code.unwrap_or_else(|| if refused.error.is_empty() { status.as_str().to_owned() } else { super::error::clean(&refused.error, 80) }),
        transient: passing || retry::is_transient(status),
    }
}

impl Seconds {
    fn duration(&self) -> Duration {
        let seconds = match self {
            Self::Number(seconds) => *seconds,
            Self::Text(text) => text.trim().parse().unwrap_or(0),
        };
        Duration::from_secs(seconds.min(86_400))
    }
}
