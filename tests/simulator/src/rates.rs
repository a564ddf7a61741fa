//! How many Resource Manager requests there were: the subscription's budgets, and the throttle.

use std::time::Duration;

use http::{Method, StatusCode};
use jiff::Timestamp;

use crate::error::ArmError;
use crate::time::later;
use crate::world::timing::Throttle;

/// What has been spent of the subscription's budget, which is made up every hour.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    hour_began: Option<Timestamp>,
    reads: u32,
    writes: u32,
    deletes: u32,
    window_began: Option<Timestamp>,
    in_window: u32,
}

impl Rates {
    pub(crate) fn check(&mut self, throttle: &Throttle, now: Timestamp) -> Result<(), ArmError> {
        let ends = self.window_began.map(|began| later(began, throttle.window)).filter(|ends| now < *ends);
        let Some(ends) = ends else {
            self.window_began = Some(now);
            self.in_window = 1;
            return Ok(());
        };
        if self.in_window < throttle.requests {
            self.in_window += 1;
            return Ok(());
        }
        let seconds = ends.duration_since(now).as_secs_f64().ceil().max(1.0);
        let message = "The request is being throttled.";
        Err(ArmError::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message).retry_after(seconds as u64))
    }

    /// Counts a request; gives the header that tells what is left of its kind, and how much that is.
    pub(crate) fn spend(&mut self, method: &Method, now: Timestamp) -> (&'static str, u32) {
        let hour = Duration::from_secs(3600);
        if self.hour_began.is_none_or(|began| later(began, hour) <= now) {
            self.hour_began = Some(now);
            (self.reads, self.writes, self.deletes) = (0, 0, 0);
        }
        let (header, spent, budget) = match *method {
            Method::GET | Method::HEAD => ("x-ms-ratelimit-remaining-subscription-reads", &mut self.reads, 12_000),
            Method::DELETE => ("x-ms-ratelimit-remaining-subscription-deletes", &mut self.deletes, 15_000),
            _ => ("x-ms-ratelimit-remaining-subscription-writes", &mut self.writes, 1_200),
        };
        *spent = spent.saturating_add(1);
        (header, u32::saturating_sub(budget, *spent))
    }
}
