//! An identity that Azure gives to the machine, container or app that nightcap runs in. Its tokens come from an endpoint on
//! that machine itself, so there is nothing to prove.
//!
//! Virtual machines, scale sets and AKS nodes have the Instance Metadata Service at a fixed address (azure-identity,
//! `imds.py`). Container Apps and App Service name their endpoint, and a header that keeps others out, in the environment,
//! and replace both at will (azure-identity, `app_service.py`; azure-docs, container-apps/managed-identity).

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode};
use url::{Host as UrlHost, Url};

use super::token_request::TokenRequest;
use crate::azure::error::AzureError;
use crate::azure::identity::Identity;
use crate::host::Host;

/// The Instance Metadata Service.
pub const METADATA_SERVICE: &str = "http://169.254.169.254/metadata/identity/oauth2/token";

/// An identity that was given a moment ago is not known there at once, and the service is away while it is updated
/// (azure-identity, `imds.py`).
const PASSING: &[StatusCode] = &[StatusCode::NOT_FOUND, StatusCode::GONE];

#[derive(Clone, Debug)]
pub struct ManagedIdentity {
    /// Which of several, a user-assigned one; without it the machine's own.
    pub client_id: Option<String>,
}

impl ManagedIdentity {
    pub fn identity(&self) -> Identity {
        self.client_id.clone().map_or(Identity::SystemAssigned, Identity::UserAssigned)
    }

    pub async fn token_request<H: Host>(&self, host: &H, scope: &str) -> Result<TokenRequest, AzureError> {
        let setting = async |name| host.setting(name).await.ok().flatten().filter(|value| !value.trim().is_empty());
        let given = setting("identity_endpoint").await;
        let (place, api_version, header, value) = match &given {
            None => (METADATA_SERVICE, "2018-02-01", "metadata", "true".to_owned()),
            Some(given) => {
                let header = setting("identity_header").await.unwrap_or_default();
                (given.as_str(), "2019-08-01", "x-identity-header", header)
            }
        };
        let no_endpoint = || self.no_token("identity_endpoint_unusable");
        let mut url = endpoint(place).map_err(|_| no_endpoint())?;
        url.query_pairs_mut()
            .append_pair("api-version", api_version)
            .append_pair("resource", scope.trim_end_matches("/.default"))
            .extend_pairs(self.client_id.as_ref().map(|client| ("client_id", client)));
        let mut value = HeaderValue::try_from(value.trim()).map_err(|_| no_endpoint())?;
        value.set_sensitive(true);
        let passing = if given.is_none() { PASSING } else { &[] };
        Ok(TokenRequest {
            request: Request::builder().uri(url.as_str()).header(header, value),
            body: Bytes::new(),
            passing,
        })
    }

    fn no_token(&self, code: &str) -> AzureError {
        AzureError::NoToken { identity: self.identity(), code: code.to_owned(), transient: false }
    }
}

/// Reads the address of an endpoint for tokens. They are handed out in plain text there, so it must be on the machine itself
/// or on the link that nobody routes (RFC 3927), or be reached by TLS.
pub fn endpoint(text: &str) -> anyhow::Result<Url> {
    let url = Url::parse(text.trim()).context("it should be a URL such as http://localhost:42356/msi/token")?;
    let is_near = match url.host() {
        Some(UrlHost::Domain(name)) => name == "localhost",
        Some(UrlHost::Ipv4(address)) => address.is_loopback() || address.is_link_local(),
        Some(UrlHost::Ipv6(address)) => address.is_loopback() || address.is_unicast_link_local(),
        None => false,
    };
    let is_safe = url.scheme() == "https" && url.has_host() || url.scheme() == "http" && is_near;
    ensure!(is_safe, "it should be on the machine itself, at a link-local address, or use https");
    ensure!(url.username().is_empty() && url.password().is_none(), "it should name no user");
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_asked_for_nearby_or_by_tls() {
        for fine in [
            METADATA_SERVICE,
            "http://localhost:42356/msi/token",
            "http://169.254.129.4:8081/msi/token",
            "http://[::1]:80/x",
            "https://identity.example/token",
        ] {
            assert!(endpoint(fine).is_ok(), "{fine}");
        }
        for wrong in
            ["", "localhost:1/x", "http://10.0.0.4/x", "http://localhost.evil.example/x", "http://a@127.0.0.1/x"]
        {
            assert!(endpoint(wrong).is_err(), "{wrong}");
        }
    }
}
