//! Waiting for longer than an instance may live: whoever waits writes down for how long it has, and the next one waits for the
//! rest.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::host::Host;
use crate::records::keys::seen_key;
use crate::records::repository::Records;
use crate::records::store::{self, ReadError};
use crate::timestamp::Timestamp;

/// How often it is looked at and written down.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// For how long a value has been seen to stand.
#[derive(Serialize, Deserialize)]
struct Seen {
    at: Timestamp,
    value: Value,
    ms: u64,
}

/// What came of waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stood {
    /// It had stood for long enough before, and nobody had to wait.
    Before,
    /// Now it has.
    ByNow,
    /// It is not what it was.
    No,
}

/// Waits until what lies under a key has stood unchanged for so long.
///
/// This counts on monotonic clocks only. Of several who wait at once each adds to what it began with, so what is written down is
/// never more than the time that has passed. A store that does not take that only makes the next one wait longer.
pub async fn stand_for<H: Host>(records: &Records<'_, H>, key: &str, long: Duration) -> Result<Stood, ReadError> {
    let host = records.log.host;
    let Some(value) = store::load::<Value>(host, key).await? else { return Ok(Stood::No) };
    let seen_key = seen_key(key);
    let seen = records.load::<Seen>(&seen_key).await.filter(|seen| seen.value == value);
    let before = seen.map(|seen| Duration::from_millis(seen.ms)).unwrap_or_default();
    if before >= long {
        return Ok(Stood::Before);
    }
    let began = host.monotonic();
    let mut waited = before;
    while waited < long {
        host.sleep(LOOK_EVERY.min(long.saturating_sub(waited))).await;
        waited = before.saturating_add(host.monotonic().saturating_sub(began));
        if store::load::<Value>(host, key).await?.is_none_or(|now| now != value) {
            return Ok(Stood::No);
        }
        let ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        records.save(&seen_key, &Seen { at: host.now(), value: value.clone(), ms }).await;
    }
    Ok(Stood::ByNow)
}
