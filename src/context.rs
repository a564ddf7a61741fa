//! What an instance keeps from one request to the next: its token, and its settings once they are known to be good.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::try_join_all;

use crate::azure::token::Tokens;
use crate::host::{Host, SettingsUnreadable};
use crate::records::reservation::Asking;
use crate::settings::{Keys, SETTINGS, SettingError, Settings};

/// One instance of nightcap.
#[derive(Debug)]
pub struct App<H> {
    /// What the runtime offers.
    pub host: H,
    /// The tokens for Azure.
    pub tokens: Tokens,
    /// The captures that it is asking for.
    pub asking: Asking,
    loaded: Mutex<Option<Loaded>>,
    at_work: Mutex<HashSet<String>>,
    swept_at: Mutex<Option<Duration>>,
}

/// That this instance works on a record, until this is dropped.
#[derive(Debug)]
pub struct AtWork<'a, H> {
    app: &'a App<H>,
    key: String,
}

impl<H> Drop for AtWork<'_, H> {
    fn drop(&mut self) {
        self.app.at_work.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
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
        Self {
            host,
            tokens: Tokens::default(),
            asking: Asking::default(),
            loaded: Mutex::new(None),
            at_work: Mutex::default(),
            swept_at: Mutex::default(),
        }
    }

    /// Begins to work on the record with this key, unless this instance does so already.
    pub fn work_on(&self, key: &str) -> Option<AtWork<'_, H>> {
        let is_new = self.at_work.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
        is_new.then(|| AtWork { app: self, key: key.to_owned() })
    }

    /// Whether it is time for this instance to look for unfinished work again, which is so once in every `pause`.
    pub fn may_sweep(&self, pause: Duration) -> bool {
        let now = self.host.monotonic();
        let mut swept_at = self.swept_at.lock().unwrap_or_else(PoisonError::into_inner);
        let may = swept_at.is_none_or(|before| now.saturating_sub(before) >= pause);
        if may {
            *swept_at = Some(now);
        }
        may
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
