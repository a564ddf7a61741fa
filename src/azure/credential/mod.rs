//! How nightcap proves to Entra who it is: a file for each way, and what they have in common.

mod client_secret;
mod managed_identity;
mod workload_identity;

use std::fmt;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header, request};

use super::error::AzureError;
use super::origin::Origin;
use crate::host::Host;

pub use client_secret::ClientSecret;
pub use managed_identity::{METADATA_SERVICE, ManagedIdentity, endpoint};
pub use workload_identity::{FederatedToken, WorkloadIdentity};

/// One of the ways to prove it.
#[derive(Clone, Debug)]
pub enum Credential {
    ClientSecret(ClientSecret),
    ManagedIdentity(ManagedIdentity),
    WorkloadIdentity(WorkloadIdentity),
}

/// Who nightcap is to Azure, in words for people and as what tells its tokens from another one's. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// An application with a secret: its client id and its tenant.
    Application(String, String),
    /// The same with a token of another issuer that Entra trusts.
    Federated(String, String),
    SystemAssigned,
    /// A managed identity, by its client id.
    UserAssigned(String),
}

/// A request for a token.
pub struct TokenRequest {
    pub request: request::Builder,
    pub body: Bytes,
    /// Statuses with which this endpoint says that it will know more in a moment, beside those of every service.
    pub passing: &'static [StatusCode],
}

impl Credential {
    pub fn identity(&self) -> Identity {
        match self {
            Self::ClientSecret(application) => application.identity(),
            Self::ManagedIdentity(identity) => identity.identity(),
            Self::WorkloadIdentity(identity) => identity.identity(),
        }
    }

    /// What to send for a token of a scope. What the platform replaces by and by is read anew each time.
    ///
    /// # Errors
    /// `NoToken`, when what it takes is not there.
    pub async fn token_request<H: Host>(
        &self,
        host: &H,
        authority: &Origin,
        scope: &str,
    ) -> Result<TokenRequest, AzureError> {
        match self {
            Self::ClientSecret(application) => Ok(application.token_request(authority, scope)),
            Self::ManagedIdentity(identity) => identity.token_request(host, scope).await,
            Self::WorkloadIdentity(identity) => identity.token_request(host, authority, scope).await,
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Application(client, tenant) => write!(f, "the application {client} of tenant {tenant}"),
            Self::Federated(client, tenant) => write!(f, "the federated application {client} of tenant {tenant}"),
            Self::SystemAssigned => f.write_str("the system-assigned managed identity"),
            Self::UserAssigned(client) => write!(f, "the user-assigned managed identity {client}"),
        }
    }
}

/// A request to Entra's token endpoint, version 2.0 (entra-docs, v2-oauth2-client-creds-grant-flow).
fn to_entra(authority: &Origin, tenant_id: &str, client_id: &str, scope: &str, proof: &[(&str, &str)]) -> TokenRequest {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", client_id)
        .extend_pairs(proof)
        .append_pair("scope", scope)
        .finish();
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("{authority}/{tenant_id}/oauth2/v2.0/token"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json");
    TokenRequest { request, body: body.into(), passing: &[] }
}
