//! Time, as the standard library has it from the host.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use crate::timestamp::Timestamp;

static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The time of day.
pub fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_millis(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
}

/// Time since the instance began.
pub fn monotonic() -> Duration {
    BEGINNING.elapsed()
}
