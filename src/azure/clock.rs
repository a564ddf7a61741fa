//! Azure's clock, told by the `Date` of its answers.
//!
//! Instances on several machines must agree on the time, to choose the same name, to see what may still run, and to poll when
//! it is due. Their own clocks may be wrong or jump; Azure's is one for all.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Response, header};

use crate::host::Host;
use crate::timestamp::Timestamp;

/// How exactly a `Date` tells the time: it has whole seconds.
const PRECISION: Duration = Duration::from_secs(1);

/// Azure's time at the moment when an answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    server_time: Timestamp,
    received_at: Duration,
    is_azures: bool,
}

impl Clock {
    /// The time at Azure when it answered.
    pub fn server_time(self) -> Timestamp {
        self.server_time
    }

    /// Whether Azure has told it. As long as no answer had a `Date` it is the host's own, which may be wrong.
    pub fn is_azures(self) -> bool {
        self.is_azures
    }

    /// When the answer came, on the host's monotonic clock.
    pub fn received_at(self) -> Duration {
        self.received_at
    }

    pub fn age(self, host: &impl Host) -> Duration {
        host.monotonic().saturating_sub(self.received_at)
    }
}

/// Azure's time, as far as an instance has heard it.
#[derive(Debug, Default)]
pub struct AzureClock(Mutex<Option<Clock>>);

impl AzureClock {
    /// Azure's time when an answer came. One without a `Date` is timed by an earlier one.
    pub fn read(&self, answer: &Response<Bytes>, host: &impl Host) -> Clock {
        let date = answer.headers().get(header::DATE).and_then(|date| date.to_str().ok());
        let received_at = host.monotonic();
        let reckoned = self.now(host);
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(server_time) = date.and_then(Timestamp::parse_http_date) else {
            return Clock { server_time: reckoned, received_at, is_azures: last.is_some() };
        };
        let clock = Clock { server_time, received_at, is_azures: true };
        // What is reckoned is more exact, as long as both agree.
        let is_reckoned = reckoned.since(server_time).is_some_and(|ahead| ahead < PRECISION);
        if last.is_none() || !is_reckoned {
            *last = Some(clock);
        }
        clock
    }

    /// Azure's time now. As long as nothing was heard of it the host's own must do, which may be wrong.
    pub fn now(&self, host: &impl Host) -> Timestamp {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.map_or_else(|| host.now(), |clock| clock.server_time.after(clock.age(host)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::{Answer, FakeHost};

    fn answer(date: Option<&str>) -> Response<Bytes> {
        let mut answer = Response::new(Bytes::new());
        if let Some(date) = date {
            answer.headers_mut().insert(header::DATE, date.parse().unwrap());
        }
        answer
    }

    #[tokio::test(start_paused = true)]
    async fn azures_time_goes_on_between_answers_that_tell_it() {
        let host = FakeHost::new(|_| Answer::status(500));
        let clock = AzureClock::default();
        let at = |text: &str| Timestamp::parse(text).unwrap();
        assert_eq!(clock.read(&answer(None), &host).server_time(), host.now(), "nothing was heard of it");
        let told = clock.read(&answer(Some("Fri, 20 Nov 2026 02:13:40 GMT")), &host);
        assert_eq!(told.server_time(), at("2026-11-20T02:13:40Z"));
        tokio::time::sleep(Duration::from_millis(2500)).await;
        assert_eq!(clock.read(&answer(None), &host).server_time(), at("2026-11-20T02:13:42.5Z"));
        clock.read(&answer(Some("Fri, 20 Nov 2026 02:13:42 GMT")), &host);
        assert_eq!(clock.now(&host), at("2026-11-20T02:13:42.5Z"), "it does not go back");
        clock.read(&answer(Some("Fri, 20 Nov 2026 02:13:44 GMT")), &host);
        assert_eq!(clock.now(&host), at("2026-11-20T02:13:44Z"));
    }
}
