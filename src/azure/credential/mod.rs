//! How nightcap proves to Entra who it is: a file for each way, and what they have in common.

mod client_secret;
mod managed_identity;
mod token_request;
mod workload_identity;

use super::error::AzureError;
use super::identity::Identity;
use super::origin::Origin;
use crate::host::Host;

pub use client_secret::ClientSecret;
pub use managed_identity::{METADATA_SERVICE, ManagedIdentity, endpoint};
pub use token_request::TokenRequest;
pub use workload_identity::{FederatedToken, WorkloadIdentity};

/// One of the ways to prove it.
#[derive(Clone, Debug)]
pub enum Credential {
    ClientSecret(ClientSecret),
    ManagedIdentity(ManagedIdentity),
    WorkloadIdentity(WorkloadIdentity),
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
