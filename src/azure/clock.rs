//! Azure's clock, told by the `Date` of its answers.
//!
//! Instances on several machines must agree on the time, to choose the same name and to see what may still run. Their own
//! clocks may be wrong or jump; Azure's is one for all.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, header};

use crate::host::Host;
use crate::timestamp::Timestamp;

/// Azure's time at the moment when an answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    server_time: Timestamp,
    received_at: Duration,
}

impl Clock {
    /// Reads an answer's `Date`. Without one the host's own time must do.
    pub fn of(answer: &Response<Bytes>, host: &impl Host) -> Self {
        let date = answer.headers().get(header::DATE).and_then(|date| date.to_str().ok());
        let server_time = date.and_then(Timestamp::parse_http_date).unwrap_or_else(|| host.now());
        Self { server_time, received_at: host.monotonic() }
    }

    /// The time at Azure when it answered.
    pub fn server_time(self) -> Timestamp {
        self.server_time
    }

    /// When the answer came, on the host's monotonic clock.
    pub fn received_at(self) -> Duration {
        self.received_at
    }

    pub fn age(self, host: &impl Host) -> Duration {
        host.monotonic().saturating_sub(self.received_at)
    }
}
