//! An application that proves itself by a token of another issuer, such as a Kubernetes cluster: workload identity
//! federation (azure-identity, `WorkloadIdentityCredential`; azure-workload-identity).

use super::token_request::{TokenRequest, to_entra};
use crate::azure::error::AzureError;
use crate::azure::identity::Identity;
use crate::azure::origin::Origin;
use crate::azure::secret::Secret;
use crate::host::Host;

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

#[derive(Clone, Debug)]
pub struct WorkloadIdentity {
    /// Entra tenant, a GUID or a domain name.
    pub tenant_id: String,
    pub client_id: String,
    pub token: FederatedToken,
}

/// The issuer's token.
#[derive(Clone, Debug)]
pub enum FederatedToken {
    /// Lies in a file that the platform writes anew before the token ends, and that is therefore read each time.
    File(String),
    /// Was given as a setting, where a host gives no files.
    Setting(Secret),
}

impl WorkloadIdentity {
    pub fn identity(&self) -> Identity {
        Identity::Federated(self.client_id.clone(), self.tenant_id.clone())
    }

    pub async fn token_request<H: Host>(
        &self,
        host: &H,
        authority: &Origin,
        scope: &str,
    ) -> Result<TokenRequest, AzureError> {
        let token = match &self.token {
            FederatedToken::Setting(token) => token.clone(),
            FederatedToken::File(path) => self.read(host, path).await?,
        };
        let proof = [("client_assertion_type", JWT_BEARER), ("client_assertion", token.expose())];
        Ok(to_entra(authority, &self.tenant_id, &self.client_id, scope, &proof))
    }

    async fn read<H: Host>(&self, host: &H, path: &str) -> Result<Secret, AzureError> {
        let bytes = host.file(path.to_owned()).await.unwrap_or_default();
        let token = String::from_utf8(bytes).unwrap_or_default();
        match token.trim() {
            "" => Err(AzureError::NoToken {
                identity: self.identity(),
                code: "federated_token_missing".to_owned(),
                // The platform may be about to write it.
                transient: true,
            }),
            token => Ok(Secret::new(token)),
        }
    }
}
