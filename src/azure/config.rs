//! Where Azure is, and who nightcap is there.

use super::credential::Credential;
use super::origin::Origin;
use super::secret::Secret;

/// One cloud and a way into it.
#[derive(Clone, Debug)]
pub struct Config {
    pub credential: Credential,
    /// What the keys are made of that seal tokens in the store. The store never sees it; without it no token is kept there.
    pub sealing: Option<Secret>,
    /// Where tokens come from.
    pub authority: Origin,
    pub arm: Origin,
    /// Where capture files lie.
    pub blob: Origin,
}
