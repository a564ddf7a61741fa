//! Where Azure is, and who nightcap is there.

use super::origin::Origin;
use super::secret::Secret;

/// One cloud and a way into it.
#[derive(Clone, Debug)]
pub struct Config {
    pub credential: ClientSecret,
    /// Where tokens come from.
    pub authority: Origin,
    pub arm: Origin,
    /// Where capture files lie.
    pub blob: Origin,
}

/// A service principal that proves itself by a secret.
#[derive(Clone, Debug)]
pub struct ClientSecret {
    /// Entra tenant, a GUID or a domain name.
    pub tenant_id: String,
    pub client_id: String,
    pub client_secret: Secret,
}
