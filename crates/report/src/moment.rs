//! Times of packets, to the nanosecond.

use serde::{Serialize, Serializer};
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use crate::calendar::written;

const PLAIN: &[BorrowedFormatItem] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3] UTC");

/// When a packet was captured: nanoseconds since the beginning of 1970 in UTC; RFC 3339 in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i64);

impl Moment {
    /// Seconds from another moment to this one.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        seconds(self.0.saturating_sub(earlier.0))
    }

    /// Writes `2026-11-20 02:13:41.123 UTC`, for people.
    pub fn plain(self) -> String {
        written(self.0.into(), PLAIN).unwrap_or_default()
    }
}

/// From when to when something was the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TimeRange {
    pub from: Moment,
    pub to: Moment,
}

impl TimeRange {
    /// The same with one more time, in nanoseconds since the beginning of 1970.
    pub(crate) fn with(range: Option<Self>, time: i64) -> Option<Self> {
        let at = Moment(time);
        let range = range.unwrap_or(Self { from: at, to: at });
        Some(Self { from: range.from.min(at), to: range.to.max(at) })
    }
}

/// Nanoseconds as seconds, for people and JSON.
pub fn seconds(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = written(self.0.into(), &Rfc3339);
        serializer.serialize_str(&text.ok_or_else(|| serde::ser::Error::custom("a time beyond the calendar"))?)
    }
}
