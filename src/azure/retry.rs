//! Which answers are worth another try, and when.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header::RETRY_AFTER};

/// The first pause when the server names none; it doubles with every attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(400);

/// The longest pause when the server names none.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The longest wait that a server's word is taken for. Azure names ten minutes at most ("Asynchronous Operations" of the
/// Resource Provider Contract).
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(1);

/// The statuses that Azure's own SDKs try again (azure-core, `RetryPolicy`).
pub fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// How long the server asked to wait, up to an hour. Azure Resource Manager writes whole seconds.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER))
}

/// The pause before attempt `attempt + 1`: half fixed, half chance, so that instances that failed together do not come
/// back together.
pub fn pause(attempt: u32, chance: u8) -> Duration {
    let half = FIRST_PAUSE.saturating_mul(1 << attempt.min(10)).min(LONGEST_PAUSE).as_millis() / 2;
    let millis = half.saturating_add(half.saturating_mul(u128::from(chance)) / 255);
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_bounded() {
        assert_eq!(pause(0, 255), FIRST_PAUSE);
        assert_eq!(pause(0, 0), FIRST_PAUSE / 2);
        assert!(pause(2, 0) > pause(1, 0));
        assert_eq!(pause(u32::MAX, 255), LONGEST_PAUSE);
    }

    #[test]
    fn no_server_makes_anybody_wait_for_ever() {
        for seconds in ["3601", "253402300800", "18446744073709551615"] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, seconds.parse().unwrap())]);
            assert_eq!(retry_after(&headers), Some(LONGEST_RETRY_AFTER), "{seconds}");
        }
    }

    #[test]
    fn only_whole_seconds_are_a_retry_after() {
        let with = |value: &'static str| {
            retry_after(&HeaderMap::from_iter([(RETRY_AFTER, http::HeaderValue::from_static(value))]))
        };
        assert_eq!(with("17"), Some(Duration::from_secs(17)));
        for odd in ["", "-1", "soon", "Fri, 31 Dec 1999 23:59:59 GMT"] {
            assert_eq!(with(odd), None, "{odd}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
