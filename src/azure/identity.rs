//! Who nightcap is to Azure.

use std::fmt;

/// Who nightcap is, in words for people and as what tells its tokens from another one's. It holds no secret.
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
