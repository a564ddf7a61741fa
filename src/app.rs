//! What an instance keeps from one request to the next: its token, and its settings once they are known to be good.

use std::sync::{Arc, Mutex, PoisonError};

use futures::future::try_join_all;

use crate::azure::token::TokenCache;
use crate::host::{Host, SettingsUnreadable};
use crate::settings::{Keys, SETTINGS, SettingError, Settings};

/// One instance of nightcap.
#[derive(Debug)]
pub struct App<H> {
    /// What the runtime offers.
    pub host: H,
    /// The token for Azure Resource Manager.
    pub tokens: TokenCache,
    loaded: Mutex<Option<Loaded>>,
}

/// What the settings say, be it good or bad.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Who may send alerts.
    pub webhook_keys: Keys,
    /// Who may look and steer.
    pub operator_keys: Keys,
    /// Everything else.
    pub settings: Result<Arc<Settings>, Arc<Vec<SettingError>>>,
}

impl<H: Host> App<H> {
    /// An instance that has not done anything yet.
    pub fn new(host: H) -> Self {
        Self { host, tokens: TokenCache::default(), loaded: Mutex::new(None) }
    }

    /// The settings, read from the host once they are good: a provider may ask a vault for each of them, and an
    /// instance lives for seconds.
    pub async fn load(&self) -> Result<Loaded, SettingsUnreadable> {
        let kept = self.loaded.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(loaded) = kept {
            return Ok(loaded);
        }
        let loaded = self.read().await?;
        if loaded.settings.is_ok() {
            *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) = Some(loaded.clone());
        }
        Ok(loaded)
    }

    async fn read(&self) -> Result<Loaded, SettingsUnreadable> {
        let values = try_join_all(SETTINGS.iter().map(|(name, _)| self.host.setting(name))).await?;
        let given: Vec<(&'static str, String)> =
            SETTINGS.iter().zip(values).filter_map(|((name, _), value)| Some((*name, value?))).collect();
        let keys = |name| Keys::parse(given.iter().find(|(own, _)| *own == name).map_or("", |(_, value)| value));
        Ok(Loaded {
            webhook_keys: keys("webhook_key"),
            operator_keys: keys("operator_key"),
            settings: Settings::parse(&given).map(Arc::new).map_err(Arc::new),
        })
    }
}
