//! Azure's secure webhook: the action group shows an Entra token instead of a key in the address.

use std::time::Duration;

use crate::azure::access_token::{BadToken, Expected};
use crate::azure::config::Config;
use crate::azure::signing_keys::{NoKey, SigningKeys};
use crate::azure::transport::Transport;
use crate::context::Instance;
use crate::host::Host;
use crate::log::Log;

/// How long Entra is asked for its keys while a caller waits, who gives up after ten seconds.
const TIME: Duration = Duration::from_secs(4);

/// Why a caller stays out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It did not pass this check.
    Token(BadToken),
    /// Whether it passes cannot be told, for Entra gives no keys just now.
    NoKeys,
}

/// Lets in whoever shows a token that Entra made for nightcap's webhook.
pub async fn admit<H: Host>(
    Instance { host, tally, .. }: &Instance<H>,
    config: &Config,
    expected: &Expected,
    token: &str,
) -> Result<(), Refused> {
    let claimed = expected.check(token, &config.authority, host.now()).map_err(Refused::Token)?;
    let log = Log { host, alert: "", client_request_id: "", tally };
    let transport = Transport { log, target: None, deadline: host.monotonic().saturating_add(TIME) };
    let key = SigningKeys { transport, config, expected }.find(&claimed.key_id).await.map_err(|error| match error {
        NoKey::Unknown => Refused::Token(BadToken::UnknownKey),
        NoKey::Unavailable => Refused::NoKeys,
    })?;
    claimed.verify(&key).map_err(Refused::Token)
}
