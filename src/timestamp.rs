//! Moments of the day's time, to the millisecond, as RFC 3339 on the outside.

use std::fmt;
use std::time::Duration;

use nightcap_report::calendar;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

/// `3/22/2019 1:36:31 PM`, in UTC: how log alerts of version 1 write dates.
const AMERICAN: &[BorrowedFormatItem] = format_description!(
    "[month padding:none]/[day padding:none]/[year] [hour repr:12 padding:none]:[minute]:[second] [period]"
);

/// RFC 3339 without its offset, taken as UTC.
const WITHOUT_OFFSET: &[BorrowedFormatItem] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");

const WRITTEN: &[BorrowedFormatItem] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// To the minute, fit for names.
const COMPACT: &[BorrowedFormatItem] = format_description!("[year][month][day]T[hour][minute]Z");

/// To the second, as people read it.
const PLAIN: &[BorrowedFormatItem] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");

/// As Azure puts it into the addresses of files of captures (Microsoft Learn, "Manage packet captures with the Azure CLI").
const IN_ADDRESS: &[BorrowedFormatItem] =
    format_description!("[year]/[month]/[day]/packetcapture_[hour]_[minute]_[second]_[subsecond digits:3]");

/// As headers write it (RFC 9110, 5.6.7).
const HTTP_DATE: &[BorrowedFormatItem] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// The first and last moments that RFC 3339 can write, in milliseconds: the years 0000 and 9999.
const FIRST: i64 = -62_167_219_200_000;
const LAST: i64 = 253_402_300_799_999;

/// A moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    unix_millis: i64,
}

impl Timestamp {
    /// The moment so many milliseconds after the beginning of 1970 in UTC.
    pub fn from_unix_millis(unix_millis: i64) -> Self {
        Self { unix_millis }
    }

    /// Milliseconds since the beginning of 1970 in UTC.
    pub fn unix_millis(self) -> i64 {
        self.unix_millis
    }

    /// Reads any kind of date that Azure Monitor writes.
    pub fn parse(text: &str) -> Option<Self> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok().and_then(Self::of);
        moment.or_else(|| Self::parse_utc(text, AMERICAN)).or_else(|| Self::parse_utc(text, WITHOUT_OFFSET))
    }

    /// Reads `20261120T0213Z`.
    pub fn parse_compact(text: &str) -> Option<Self> {
        Self::parse_utc(text, COMPACT)
    }

    /// Reads `Fri, 20 Nov 2026 02:13:41 GMT`.
    pub fn parse_http_date(text: &str) -> Option<Self> {
        Self::parse_utc(text, HTTP_DATE)
    }

    /// Reads `2026/11/20/packetcapture_02_13_41_077`.
    pub fn parse_in_address(text: &str) -> Option<Self> {
        Self::parse_utc(text, IN_ADDRESS)
    }

    fn parse_utc(text: &str, format: &[BorrowedFormatItem]) -> Option<Self> {
        Self::of(PrimitiveDateTime::parse(text, format).ok()?.assume_utc())
    }

    fn of(moment: OffsetDateTime) -> Option<Self> {
        i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000)).ok().map(Self::from_unix_millis)
    }

    /// Writes `20261120T0213Z`.
    pub fn compact(self) -> String {
        self.written(COMPACT).unwrap_or_default()
    }

    /// Writes `2026-11-20 02:13:41 UTC`, for people; nothing for a time beyond the calendar.
    pub fn plain(self) -> String {
        self.written(PLAIN).unwrap_or_default()
    }

    /// The moment a while later, or the last one of the calendar.
    pub fn after(self, while_: Duration) -> Self {
        let after = self.unix_millis.saturating_add(millis(while_));
        Self::from_unix_millis(after.min(LAST.max(self.unix_millis)))
    }

    /// The moment a while earlier.
    pub fn before(self, while_: Duration) -> Self {
        Self::from_unix_millis(self.unix_millis.saturating_sub(millis(while_)))
    }

    /// How long ago an earlier moment was, or `None` when it is still to come.
    pub fn since(self, earlier: Self) -> Option<Duration> {
        u64::try_from(self.unix_millis.saturating_sub(earlier.unix_millis)).ok().map(Duration::from_millis)
    }

    /// The last moment, at or before this one, that is a whole number of steps after the beginning of 1970.
    pub fn round_down(self, step: Duration) -> Self {
        let step = millis(step).max(1);
        Self::from_unix_millis(self.unix_millis.saturating_sub(self.unix_millis.rem_euclid(step)))
    }

    fn written(self, format: &[BorrowedFormatItem]) -> Option<String> {
        calendar::written(i128::from(self.unix_millis).saturating_mul(1_000_000), format)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.written(WRITTEN).as_deref().unwrap_or("a time beyond the calendar"))
    }
}

impl Serialize for Timestamp {
    /// What is written can be read back, whatever the time.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Self::from_unix_millis(self.unix_millis.clamp(FIRST, LAST)))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a date in RFC 3339"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_date_is_read() {
        let expected = Timestamp::from_unix_millis(1_553_261_791_000);
        for text in [
            "2019-03-22T13:36:31Z",
            "2019-03-22T13:36:31.0000000Z",
            "2019-03-22T14:36:31+01:00",
            "3/22/2019 1:36:31 PM",
            "03/22/2019 01:36:31 PM",
            "2019-03-22T13:36:31",
        ] {
            assert_eq!(Timestamp::parse(text), Some(expected), "{text}");
        }
        for text in ["", "yesterday", "22/3/2019 1:36:31 PM", "2019-02-30T00:00:00Z", "9999999-01-01T00:00:00Z"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn moments_are_written_as_they_are_read() {
        let moment = Timestamp::parse("2026-11-20T02:13:41.1239999Z").unwrap();
        assert_eq!(moment.to_string(), "2026-11-20T02:13:41.123Z");
        assert_eq!(Timestamp::parse(&moment.to_string()), Some(moment));
        assert_eq!(moment.compact(), "20261120T0213Z");
        assert_eq!(moment.plain(), "2026-11-20 02:13:41 UTC");
        assert_eq!(Timestamp::parse_compact("20261120T0213Z"), Some(moment.round_down(Duration::from_secs(60))));
    }

    #[test]
    fn dates_of_headers_are_read() {
        let expected = Timestamp::parse("2026-11-20T02:13:41Z");
        assert_eq!(Timestamp::parse_http_date("Fri, 20 Nov 2026 02:13:41 GMT"), expected);
        for text in ["", "Fri, 20 Nov 2026 02:13:41", "Friday, 20-Nov-26 02:13:41 GMT", "Fri, 32 Nov 2026 02:13:41 GMT"]
        {
            assert_eq!(Timestamp::parse_http_date(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_can_be_read_back() {
        let now = Timestamp::parse("2026-11-20T02:13:41.123Z").unwrap();
        let written = |moment: Timestamp| serde_json::to_value(moment).unwrap();
        let far = [now.after(Duration::MAX), Timestamp::from_unix_millis(i64::MAX)];
        for (moment, text) in far
            .into_iter()
            .map(|far| (far, "9999-12-31T23:59:59.999Z"))
            .chain([(now, "2026-11-20T02:13:41.123Z"), (now.before(Duration::MAX), "0000-01-01T00:00:00.000Z")])
        {
            assert_eq!(written(moment), text);
            assert!(serde_json::from_value::<Timestamp>(written(moment)).is_ok(), "{text}");
        }
        assert_eq!(now.after(Duration::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn arithmetic_stays_within_bounds() {
        let last = Timestamp::from_unix_millis(i64::MAX);
        assert_eq!(last.after(Duration::MAX), last);
        assert_eq!(last.to_string(), "a time beyond the calendar");
        assert_eq!(Timestamp::from_unix_millis(5).since(Timestamp::from_unix_millis(9)), None);
        assert_eq!(Timestamp::from_unix_millis(-1).round_down(Duration::from_secs(1)).unix_millis(), -1000);
    }
}
