//! Speaks to Azure with a token, on behalf of one piece of work.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use serde::de::IgnoredAny;
use url::Url;

use super::action::Action;
use super::answer::{refused, unreadable};
use super::clock::AzureClock;
use super::cloud::{self, Audience};
use super::config::Config;
use super::error::AzureError;
use super::origin::Origin;
use super::secret::Secret;
use super::target::Target;
use super::token::{TokenCache, Tokens};
use super::transport::{Attempt, Transport};
use crate::host::Host;
use crate::log::Log;
use crate::timestamp::Timestamp;

/// The version of Blob storage that is spoken. Since 2017-11-09 it takes tokens.
const STORAGE_API_VERSION: &str = "2021-12-02";

/// Talks to Azure on behalf of one alert.
#[derive(Debug)]
pub struct Azure<'a, H> {
    /// Where requests are told, and the host that sends them.
    pub log: Log<'a, H>,
    /// Where Azure is, and who nightcap is there.
    pub config: &'a Config,
    pub tokens: &'a Tokens,
    pub clock: &'a AzureClock,
    /// The machine that this is about, for the log, once it is known.
    pub target: Option<&'a Target>,
    /// When to stop trying, on the host's monotonic clock.
    pub deadline: Duration,
}

/// One request that carries a token.
#[derive(Debug)]
pub struct Call<'a> {
    pub audience: Audience,
    pub action: Action,
    pub method: Method,
    pub uri: Uri,
    /// Its JSON body; empty for none.
    pub body: Bytes,
    /// Whether it may be sent again when it is unclear what became of it.
    pub repeat: bool,
    /// The capture that it is about, for the log.
    pub capture: Option<&'a str>,
    pub headers: HeaderMap,
}

impl<'a, H: Host> Azure<'a, H> {
    /// A GET of a resource or list.
    pub async fn get(&self, action: Action, uri: Uri) -> Result<Response<Bytes>, AzureError> {
        let audience = Audience::Arm;
        let (method, body, headers) = (Method::GET, Bytes::new(), HeaderMap::new());
        self.call(Call { audience, action, method, uri, body, repeat: true, capture: None, headers }).await
    }

    /// Sends a request with a token. A token that Azure no longer takes is replaced once.
    pub async fn call(&self, call: Call<'_>) -> Result<Response<Bytes>, AzureError> {
        let origin = match call.audience {
            Audience::Arm => &self.config.arm,
            Audience::Storage => &self.config.blob,
        };
        if !origin.holds(&call.uri) {
            return Err(AzureError::ForeignUrl { action: call.action });
        }
        let token = self.token(call.audience).await?;
        let mut answer = self.send(&call, &token).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            let scope = self.scope(call.audience);
            self.tokens_for(call.audience).forget(&self.transport(), self.config, &scope, &token).await?;
            let token = self.token(call.audience).await?;
            answer = self.send(&call, &token).await?;
        }
        if call.audience == Audience::Arm {
            self.clock.read(&answer, self.log.host);
        }
        if !answer.status().is_success() {
            return Err(refused(call.action, &answer));
        }
        // A proxy's page comes with a good status, too, and must not pass for a delete that was accepted.
        let is_fine = call.audience == Audience::Storage
            || answer.body().is_empty()
            || serde_json::from_slice::<IgnoredAny>(answer.body()).is_ok();
        if is_fine { Ok(answer) } else { Err(unreadable(call.action, "not JSON")) }
    }

    /// A token, kept for the requests that need it.
    pub async fn token(&self, audience: Audience) -> Result<Secret, AzureError> {
        self.tokens_for(audience).token(&self.transport(), self.config, &self.scope(audience)).await
    }

    /// Leaves a token that was fetched here to other instances. Requests do so by themselves.
    pub async fn share_token(&self, audience: Audience) {
        self.tokens_for(audience).share(&self.transport(), self.config, &self.scope(audience)).await;
    }

    /// The address of a resource of Azure Resource Manager.
    pub fn uri(&self, action: Action, path: &str, api_version: &str) -> Result<Uri, AzureError> {
        self.uri_with(action, path, api_version, &[])
    }

    /// The same with more in its query.
    pub fn uri_with(
        &self,
        action: Action,
        path: &str,
        api_version: &str,
        query: &[(&str, &str)],
    ) -> Result<Uri, AzureError> {
        address(&self.config.arm, path, api_version, query).map_err(|error| unreadable(action, error))
    }

    /// An address that Azure handed back, to be used as it is. Whether it is Azure's own is seen when it is called.
    pub fn given_uri(&self, action: Action, address: &str) -> Result<Uri, AzureError> {
        address.parse().map_err(|_| AzureError::ForeignUrl { action })
    }

    /// Azure's time, as far as it was heard.
    pub fn now(&self) -> Timestamp {
        self.clock.now(self.log.host)
    }

    pub fn time_left(&self) -> Duration {
        self.transport().time_left()
    }

    fn transport(&self) -> Transport<'a, H> {
        Transport { log: self.log, target: self.target, deadline: self.deadline }
    }

    fn tokens_for(&self, audience: Audience) -> &'a TokenCache {
        match audience {
            Audience::Arm => &self.tokens.arm,
            Audience::Storage => &self.tokens.storage,
        }
    }

    fn scope(&self, audience: Audience) -> String {
        cloud::scope(audience, &self.config.arm)
    }

    /// Sends a request, and while it is under way leaves the token that may have been fetched for it to other instances.
    async fn send(&self, call: &Call<'_>, token: &Secret) -> Result<Response<Bytes>, AzureError> {
        let transport = self.transport();
        join(transport.attempt(self.with_token(call, token)), self.share_token(call.audience)).await.0
    }

    fn with_token<'c>(&self, call: &Call<'c>, token: &Secret) -> Attempt<'c> {
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(call.uri.clone())
            .header("x-ms-client-request-id", self.log.client_request_id);
        request = match call.audience {
            Audience::Arm => {
                request.header(header::ACCEPT, "application/json").header("x-ms-return-client-request-id", "true")
            }
            Audience::Storage => request.header("x-ms-version", STORAGE_API_VERSION),
        };
        if let Ok(mut bearer) = HeaderValue::try_from(format!("Bearer {}", token.expose())) {
            bearer.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, bearer);
        }
        if !call.body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        Attempt {
            action: call.action,
            capture: call.capture,
            request,
            body: call.body.clone(),
            repeat: call.repeat,
            passing: &[],
        }
    }
}

/// Ids may have letters outside ASCII.
fn address(arm: &Origin, path: &str, api_version: &str, query: &[(&str, &str)]) -> anyhow::Result<Uri> {
    let mut url = Url::parse(&arm.to_string())?;
    url.set_path(path);
    url.query_pairs_mut().append_pair("api-version", api_version).extend_pairs(query);
    Ok(url.as_str().parse()?)
}

/// An id for the requests of one piece of work, so that Azure's support can find them.
pub fn new_request_id(host: &impl Host) -> String {
    uuid::Builder::from_random_bytes(host.random()).into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_outside_ascii_are_encoded_in_paths() {
        let arm = Origin::parse("https://management.azure.com").unwrap();
        let path = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/gruppe-größe";
        let uri = address(&arm, path, "2024-07-01", &[]).unwrap();
        assert!(uri.path().contains("gruppe-gr%C3%B6%C3%9Fe"));
        assert!(uri.path().starts_with("/subscriptions/"));
        assert_eq!(uri.query(), Some("api-version=2024-07-01"));
    }
}
