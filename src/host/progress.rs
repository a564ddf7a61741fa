//! How far an answer has come.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// When something of an answer came last. A host notes its head, and every piece of its body.
#[derive(Debug, Default)]
pub struct Progress {
    /// In milliseconds on the host's monotonic clock; zero before anything came.
    last: AtomicU64,
}

impl Progress {
    /// Something came. `now` is the time on the host's monotonic clock.
    pub fn note(&self, now: Duration) {
        self.last.store(u64::try_from(now.as_millis()).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
    }

    /// When something came last, if anything has.
    pub fn last(&self) -> Option<Duration> {
        Some(self.last.load(Ordering::Relaxed)).filter(|millis| *millis > 0).map(Duration::from_millis)
    }
}
