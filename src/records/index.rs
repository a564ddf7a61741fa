//! What is listed newest first, told by keys alone, so that a list reads the records of one page and no others: the store
//! hands out all keys in one call, and nothing in any order.
//!
//! An entry is written when a record is, after Azure has been asked for the capture. Its key has the time turned around, so
//! that keys in their own order are newest first, and what lists are filtered by.

use serde::Serialize;

use crate::azure::region::Region;
use crate::azure::resource_id::is_guid;
use crate::azure::target::Target;
use crate::digest::digest;
use crate::records::alert::AlertRecord;
use crate::records::capture::CaptureRecord;
use crate::records::keys::{alert_key, capture_key};
use crate::records::outcome::Kind;
use crate::timestamp::Timestamp;

/// What the keys of entries begin with.
pub const CAPTURES: &str = "index:capture:";
pub const ALERTS: &str = "index:alert:";

/// Times are turned around at this one, in milliseconds since 1970: the year 2286, and thirteen digits.
const LAST: i64 = 9_999_999_999_999;
const DIGITS: usize = 13;

/// What stands under the key of an entry: the time by which it is taken away again.
#[derive(Serialize)]
pub struct Entry {
    pub at: Timestamp,
}

/// A capture in the index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CaptureEntry {
    /// See [`turned`].
    pub turned: String,
    /// Subscription, region and name, as the key of the record has them.
    pub capture: String,
    /// See [`target_mark`].
    pub target: String,
    /// Where its record lies behind the name, once that is another capture's ([`place_aside`](CaptureRecord::place_aside)).
    pub place: String,
}

/// An alert in the index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AlertEntry {
    /// See [`turned`].
    pub turned: String,
    /// The key of the alert's record, without `alert:`.
    pub alert: String,
    /// The first letters of its outcomes; see [`letter`].
    pub outcomes: String,
}

impl CaptureEntry {
    pub fn of(record: &CaptureRecord) -> Self {
        // A capture keeps its entry when its name goes to another one, and its record lies elsewhere.
        let key = capture_key(&record.subscription, &record.region, &record.name);
        Self {
            turned: turned(record.requested_at),
            capture: key.trim_start_matches("capture:").to_owned(),
            target: target_mark(&record.target),
            place: record.place_aside(),
        }
    }

    pub fn parse(key: &str) -> Option<Self> {
        let (turned, rest) = key.strip_prefix(CAPTURES)?.split_once(':')?;
        let (target, rest) = rest.split_once(':')?;
        let (capture, place) = rest.rsplit_once(':')?;
        let is_one =
            is_turned(turned) && capture.split(':').count() == 3 && capture.split(':').next().is_some_and(is_guid);
        let [turned, capture, target, place] = [turned, capture, target, place].map(str::to_owned);
        is_one.then_some(Self { turned, capture, target, place })
    }

    pub fn key(&self) -> String {
        format!("{CAPTURES}{}:{}:{}:{}", self.turned, self.target, self.capture, self.place)
    }

    /// Where its record lies, and where it lies when its name belongs to another capture by now; last as version 0.1 put it aside.
    pub fn records(&self) -> [String; 3] {
        let key = format!("capture:{}", self.capture);
        let moment = self.at().map(Timestamp::unix_millis).unwrap_or_default();
        let (aside, aside_by_moment) = (format!("{key}:{}", self.place), format!("{key}:{moment}"));
        [key, aside, aside_by_moment]
    }

    /// When it was asked for.
    pub fn at(&self) -> Option<Timestamp> {
        turned_back(&self.turned)
    }

    pub fn is_in_subscription(&self, subscription: &str) -> bool {
        self.capture.split(':').next().is_some_and(|own| own.eq_ignore_ascii_case(subscription))
    }

    pub fn is_in_region(&self, region: &Region) -> bool {
        self.capture.split(':').nth(1) == Some(region.as_str())
    }
}

impl AlertEntry {
    pub fn of(record: &AlertRecord) -> Self {
        let mut outcomes: Vec<char> = record.outcomes.iter().map(|outcome| letter(outcome.outcome)).collect();
        outcomes.sort_unstable();
        outcomes.dedup();
        let (turned, alert) = (turned(record.received_at), record.key.clone());
        Self { turned, alert, outcomes: outcomes.into_iter().collect() }
    }

    pub fn parse(key: &str) -> Option<Self> {
        let (turned, rest) = key.strip_prefix(ALERTS)?.split_once(':')?;
        let (outcomes, alert) = rest.split_once(':')?;
        let is_one = is_turned(turned) && alert.len() == 32 && alert.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_one.then(|| Self { turned: turned.to_owned(), alert: alert.to_owned(), outcomes: outcomes.to_owned() })
    }

    pub fn key(&self) -> String {
        format!("{ALERTS}{}:{}:{}", self.turned, self.outcomes, self.alert)
    }

    /// Where its record lies.
    pub fn record(&self) -> String {
        alert_key(&self.alert)
    }

    /// When it was received.
    pub fn at(&self) -> Option<Timestamp> {
        turned_back(&self.turned)
    }

    /// Whether it ended like this for one of its targets.
    pub fn has(&self, outcome: Kind) -> bool {
        self.outcomes.contains(letter(outcome))
    }
}

/// A time, so that later ones come first.
pub fn turned(at: Timestamp) -> String {
    let turned = LAST.saturating_sub(at.unix_millis().clamp(0, LAST));
    format!("{turned:0DIGITS$}")
}

/// What tells the machines of entries apart, as far as it can be told in so few letters: a list compares the machine itself as
/// well.
pub fn target_mark(target: &Target) -> String {
    digest(&target.id().key(), 4)
}

fn letter(outcome: Kind) -> char {
    match outcome {
        Kind::Started => 's',
        Kind::Joined => 'j',
        Kind::Skipped => 'n',
        Kind::Failed => 'f',
        Kind::Accepted => 'a',
    }
}

fn is_turned(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn turned_back(turned: &str) -> Option<Timestamp> {
    Some(Timestamp::from_unix_millis(LAST.checked_sub(turned.parse().ok()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::capture::tests::record;

    #[test]
    fn keys_in_their_order_are_newest_first_and_can_be_read_back() {
        let at = |millis| CaptureRecord { requested_at: Timestamp::from_unix_millis(millis), ..record() };
        let mut keys: Vec<String> = [5, 1_795_140_821_000, 0, 253_402_300_799_999]
            .into_iter()
            .map(|at_| CaptureEntry::of(&at(at_)).key())
            .collect();
        keys.sort();
        let times = keys.iter().map(|key| CaptureEntry::parse(key).unwrap().at().unwrap().unix_millis());
        assert_eq!(times.collect::<Vec<_>>(), [LAST, 1_795_140_821_000, 5, 0]);
        let entry = CaptureEntry::of(&record());
        assert_eq!(CaptureEntry::parse(&entry.key()), Some(entry.clone()));
        assert_eq!(entry.records()[0], record().key());
        let aside = CaptureRecord { replaced: true, ..record() };
        assert_eq!((CaptureEntry::of(&aside), entry.records()[1].clone()), (entry, aside.key()));
    }
}
