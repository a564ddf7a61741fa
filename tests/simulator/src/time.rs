//! Moments: one later than another, and how HTTP writes them.

use std::time::Duration;

use jiff::Timestamp;

/// A moment later than another; the end of time when there is no such moment.
pub(crate) fn later(moment: Timestamp, by: Duration) -> Timestamp {
    moment.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// A moment as HTTP headers have it (RFC 9110, 5.6.7).
pub(crate) fn http_date(moment: Timestamp) -> String {
    moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
