//! Times as texts.

use time::OffsetDateTime;
use time::formatting::Formattable;

/// Writes a time, given in nanoseconds since the beginning of 1970 in UTC; nothing for one beyond the calendar.
pub fn written(unix_nanos: i128, format: &(impl Formattable + ?Sized)) -> Option<String> {
    OffsetDateTime::from_unix_timestamp_nanos(unix_nanos).ok()?.format(format).ok()
}
