//! An application that proves itself by a secret.

use super::token_request::{TokenRequest, to_entra};
use crate::azure::identity::Identity;
use crate::azure::origin::Origin;
use crate::azure::secret::Secret;

#[derive(Clone, Debug)]
pub struct ClientSecret {
    /// Entra tenant, a GUID or a domain name.
    pub tenant_id: String,
    pub client_id: String,
    pub client_secret: Secret,
}

impl ClientSecret {
    pub fn identity(&self) -> Identity {
        Identity::Application(self.client_id.clone(), self.tenant_id.clone())
    }

    pub fn token_request(&self, authority: &Origin, scope: &str) -> TokenRequest {
        let proof = [("client_secret", self.client_secret.expose())];
        to_entra(authority, &self.tenant_id, &self.client_id, scope, &proof)
    }
}
