//! Slows down whoever tries one operator key after the other, across all instances.
//!
//! Only a wrong key waits. A right one is let in before any of this is looked at, so nobody can lock an operator out. And only
//! so many wrong ones wait at a time: each holds an instance, and a storm of them must not take the room that alerts need.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::host::Host;
use crate::records::store;
use crate::timestamp::Timestamp;

/// Where it stands how many there were. It is one value, however many there are.
const WRONG_KEYS: &str = "wrong-keys";

/// How long the first wrong key waits. Each that follows waits twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long ago the last wrong key must be for all of them to be forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// How many may wait at a time.
const MOST_WAITING: u32 = 16;

/// The wrong keys that were tried lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrongKeys {
    /// When the last one was tried.
    at: Timestamp,
    count: u32,
    /// When those began to wait that may still do so.
    waiting_since: Timestamp,
    waiting: u32,
}

/// Has a caller wait that has shown a wrong key, and tells how many there were lately.
pub async fn slow_down<H: Host>(host: &H) -> u32 {
    let now = host.now();
    // Two at once may count as one, and a store that fails slows nobody down; the log tells all of them.
    let before: Option<WrongKeys> = store::load(host, WRONG_KEYS).await.unwrap_or_default();
    let wrong = WrongKeys::after(before, now);
    if let Some(pause) = wrong.pause() {
        let _ = store::save(host, WRONG_KEYS, &wrong).await;
        host.sleep(pause).await;
    }
    wrong.count
}

impl WrongKeys {
    fn after(before: Option<Self>, now: Timestamp) -> Self {
        // Hosts' clocks differ; what is still to come is not old.
        let is_recent = |at: Timestamp, age| {
            now.since(at).is_none_or(|since| since < age) && at.since(now).is_none_or(|ahead| ahead < age)
        };
        let recent = before.filter(|before| is_recent(before.at, FORGOTTEN_AFTER));
        let waiting = recent.filter(|recent| is_recent(recent.waiting_since, LONGEST_PAUSE));
        Self {
            at: now,
            count: recent.map_or(0, |recent| recent.count).saturating_add(1),
            waiting_since: waiting.map_or(now, |waiting| waiting.waiting_since),
            waiting: waiting.map_or(0, |waiting| waiting.waiting).saturating_add(1),
        }
    }

    /// How long it waits; `None` when as many wait as may.
    fn pause(&self) -> Option<Duration> {
        let doubled = 1_u32.checked_shl(self.count.saturating_sub(1).min(10)).unwrap_or(u32::MAX);
        (self.waiting <= MOST_WAITING).then(|| FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_unix_millis(1_795_000_000_000 + millis)
    }

    #[test]
    fn each_waits_longer_up_to_a_bound_and_only_so_many_at_a_time() {
        let mut wrong = None;
        let mut pauses = Vec::new();
        for step in 0..6 {
            let next = WrongKeys::after(wrong, at(step * 3000));
            pauses.push(next.pause().unwrap().as_millis());
            wrong = Some(next);
        }
        assert_eq!(pauses, [250, 500, 1000, 2000, 2000, 2000]);
        let calm = WrongKeys::after(wrong, at(15_000 + 60_000));
        assert_eq!((calm.count, calm.pause()), (1, Some(FIRST_PAUSE)));

        let storm = (0..100).fold(None, |before, _| Some(WrongKeys::after(before, at(0)))).unwrap();
        assert_eq!((storm.count, storm.pause()), (100, None));
        assert!(WrongKeys::after(Some(storm), at(2000)).pause().is_some(), "those have gone");
        let wrong_clock = WrongKeys { at: at(3_600_000), ..storm };
        assert_eq!(WrongKeys::after(Some(wrong_clock), at(0)).count, 1);
    }
}
