//! A client of an Azure that is made up, for unit tests.

use std::time::Duration;

use bytes::Bytes;
use http::Request;

use super::client::Azure;
use super::clock::AzureClock;
use super::config::Config;
use super::credential::{ClientSecret, Credential};
use super::origin::Origin;
use super::secret::Secret;
use super::token::Tokens;
use crate::host::fake::{Answer, FakeHost};
use crate::log::Log;
use crate::tally::Tally;

pub struct Stage {
    pub host: FakeHost,
    config: Config,
    tokens: Tokens,
    clock: AzureClock,
    tally: Tally,
}

impl Stage {
    /// Entra grants every token; the rest is answered by `azure`.
    pub fn new(azure: impl Fn(&Request<Bytes>) -> Answer + Send + Sync + 'static) -> Self {
        let host = FakeHost::new(move |request| match request.uri().host() {
            Some("login.microsoftonline.com") => Answer::json(200, r#"{"access_token": "t", "expires_in": 3599}"#),
            _ => azure(request),
        });
        Self {
            host,
            config: config(),
            tokens: Tokens::default(),
            clock: AzureClock::default(),
            tally: Tally::default(),
        }
    }

    pub fn azure(&self) -> Azure<'_, FakeHost> {
        Azure {
            log: Log { host: &self.host, alert: "", client_request_id: "", tally: &self.tally },
            config: &self.config,
            tokens: &self.tokens,
            clock: &self.clock,
            target: None,
            deadline: Duration::from_secs(60),
        }
    }
}

pub fn config() -> Config {
    let origin = |text| Origin::parse(text).unwrap();
    Config {
        credential: Credential::ClientSecret(ClientSecret {
            tenant_id: "contoso.example".to_owned(),
            client_id: "app".to_owned(),
            client_secret: Secret::new("s3cret"),
        }),
        sealing: Some(Secret::new("s3cret")),
        authority: origin("https://login.microsoftonline.com"),
        arm: origin("https://management.azure.com"),
        blob: origin("https://*.blob.core.windows.net"),
    }
}
