//! What a piece of work carries, and what the instance that it runs in keeps.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::try_join_all;

use crate::azure::client::Azure;
use crate::azure::client::new_request_id;
use crate::azure::clock::AzureClock;
use crate::azure::target::Target;
use crate::azure::token::Tokens;
use crate::host::{Host, SettingsUnreadable};
use crate::log::{self, Event, Log};
use crate::records::repository::Records;
use crate::records::reservation::Reservations;
use crate::settings::{Keys, Remark, SETTINGS, SettingError, Settings, remarks};
use crate::tally::Tally;
use crate::timestamp::Timestamp;

/// What an instance keeps from one request to the next.
#[derive(Debug)]
pub struct Instance<H> {
    pub(crate) host: H,
    pub(crate) tokens: Tokens,
    pub(crate) azure_clock: AzureClock,
    /// Places in watchers for the captures that it is about to create.
    pub(crate) reservations: Reservations,
    pub(crate) tally: Tally,
    loaded: Mutex<Option<Loaded>>,
    in_progress: Mutex<HashSet<String>>,
}

/// What the settings say, be it good or bad.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Who may send alerts.
    pub webhook_keys: Keys,
    /// Who may look and steer.
    pub operator_keys: Keys,
    /// What of it is surely not as it was meant.
    pub remarks: Arc<[Remark]>,
    /// Everything else.
    pub settings: Result<Arc<Settings>, Arc<Vec<SettingError>>>,
}

/// That this instance works on something, until this is dropped. It excludes nobody in another instance.
#[derive(Debug)]
pub struct InProgress<H> {
    instance: Arc<Instance<H>>,
    key: String,
}

/// One piece of work: an alert, a capture on its way, a sweep, or an operator's request.
#[derive(Debug)]
pub struct Context<H> {
    pub instance: Arc<Instance<H>>,
    pub settings: Arc<Settings>,
    /// The key of the alert's record, for the log; empty where the work is about no alert.
    pub alert: String,
    /// A GUID that all requests of this work carry, so that Azure's support can find them.
    pub client_request_id: String,
    /// When it began; for an alert, when that was received.
    pub began_at: Timestamp,
    /// When the host may end this work, on its monotonic clock; nothing where it may go on to its end.
    pub until: Option<Duration>,
    /// Turns at reading the list of a watcher's captures. They are those of one piece of work, for no request wakes another one.
    turns: Arc<[Turn; LISTS_AT_ONCE]>,
}

/// How many lists of captures a piece of work reads at once. Each may be of thousands, and one keeper looks after all captures.
const LISTS_AT_ONCE: usize = 8;

type Turn = futures::lock::Mutex<()>;

impl<H: Host> Context<H> {
    pub fn new(instance: &Arc<Instance<H>>, settings: &Arc<Settings>, alert: &str) -> Self {
        Self {
            instance: instance.clone(),
            settings: settings.clone(),
            alert: alert.to_owned(),
            client_request_id: new_request_id(&instance.host),
            began_at: instance.host.now(),
            until: None,
            turns: Arc::default(),
        }
    }

    /// The same work, as far as it is about another alert.
    pub fn about(&self, alert: &str) -> Self {
        Self {
            instance: self.instance.clone(),
            settings: self.settings.clone(),
            alert: alert.to_owned(),
            client_request_id: self.client_request_id.clone(),
            began_at: self.began_at,
            until: self.until,
            turns: self.turns.clone(),
        }
    }

    /// The same work, which begins to use up the time that the host lets it go on, unless it has begun to before.
    pub fn staying(self) -> Self {
        let until = self.settings.stay.map(|stay| self.host().monotonic().saturating_add(stay));
        Self { until: self.until.or(until), ..self }
    }

    /// How long the host still lets this work go on; nothing where that is to its end.
    pub fn time_left(&self) -> Option<Duration> {
        self.until.map(|until| until.saturating_sub(self.host().monotonic()))
    }

    /// The last moment, on the monotonic clock, when something may begin that takes so long and had better not be cut off. Where the
    /// host gives hardly more time than that, it may begin in the first half of it.
    pub fn begin_until(&self, takes: Duration) -> Option<Duration> {
        let stay = self.settings.stay.unwrap_or_default();
        self.until.map(|until| until.saturating_sub(takes.min(stay.checked_div(2).unwrap_or_default())))
    }

    /// Waits until few others read a list. Whoever does it for the same capture has the same turn.
    pub async fn turn_to_list(&self, capture: &str) -> Option<futures::lock::MutexGuard<'_, ()>> {
        let number = capture.bytes().map(usize::from).sum::<usize>() % LISTS_AT_ONCE;
        Some(self.turns.get(number)?.lock().await)
    }

    pub fn host(&self) -> &H {
        &self.instance.host
    }

    /// Azure's time, which is one for all hosts, as far as this instance has heard it.
    pub fn azures_time(&self) -> Timestamp {
        self.instance.azure_clock.now(self.host())
    }

    pub fn log(&self) -> Log<'_, H> {
        self.instance.log(&self.alert, &self.client_request_id)
    }

    pub fn records(&self) -> Records<'_, H> {
        Records { log: self.log() }
    }

    /// What is said to Azure about a machine, for `time` at most.
    pub fn azure<'a>(&'a self, target: &'a Target, time: Duration) -> Azure<'a, H> {
        Azure { target: Some(target), ..self.azure_at_large(time) }
    }

    /// The same about no machine.
    pub fn azure_at_large(&self, time: Duration) -> Azure<'_, H> {
        Azure {
            log: self.log(),
            config: &self.settings.azure,
            tokens: &self.instance.tokens,
            clock: &self.instance.azure_clock,
            target: None,
            deadline: self.instance.host.monotonic().saturating_add(time),
        }
    }
}

impl<H: Host> Instance<H> {
    /// An instance that has not done anything yet.
    pub fn new(host: H) -> Self {
        Self {
            host,
            tokens: Tokens::default(),
            azure_clock: AzureClock::default(),
            reservations: Reservations::default(),
            tally: Tally::default(),
            loaded: Mutex::new(None),
            in_progress: Mutex::default(),
        }
    }

    /// The log of what is done about an alert, or about none; `client_request_id` is how Azure knows these requests.
    pub fn log<'a>(&'a self, alert: &'a str, client_request_id: &'a str) -> Log<'a, H> {
        Log { host: &self.host, alert, client_request_id, tally: &self.tally }
    }

    /// Begins to work on the record with this key, unless this instance does so already.
    pub fn begin(self: &Arc<Self>, key: &str) -> Option<InProgress<H>> {
        let is_new = self.in_progress.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
        is_new.then(|| InProgress { instance: self.clone(), key: key.to_owned() })
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
        let remarks = remarks(&given, &self.host.given_settings());
        for remark in &remarks {
            let (setting, detail) = (Some(remark.setting.as_str()), Some(remark.message.as_str()));
            log::write(&self.host, &Event { event: "odd_setting", level: "warn", setting, detail, ..Event::default() });
        }
        Ok(Loaded {
            remarks: remarks.into(),
            webhook_keys: keys("webhook_key"),
            operator_keys: keys("operator_key"),
            settings: Settings::parse(&given).map(Arc::new).map_err(Arc::new),
        })
    }
}

impl<H> Drop for InProgress<H> {
    fn drop(&mut self) {
        self.instance.in_progress.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
