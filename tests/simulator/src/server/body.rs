//! The body of an answer, which may break off before the announced length, and may come no faster than a connection carries it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::answer::Answer;

/// How much goes out at once where the speed is limited, in bytes: a timer is not finer than a millisecond.
const FRAME: usize = 256 * 1024;

/// An answer as it goes over the wire, at so many bytes a second if that is limited. One that announces more than it has breaks
/// off, unless it is for a HEAD.
pub(crate) fn breakable(answer: Answer, is_head: bool, speed: Option<u64>) -> Response<BreakableBody> {
    let announced: Option<u64> =
        answer.headers().get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    let falls_short = !is_head && announced.is_some_and(|length| length > answer.body().len() as u64);
    answer.map(|bytes| BreakableBody { rest: bytes, falls_short, has_flushed: false, pace: speed.map(Pace::new) })
}

pub(crate) struct BreakableBody {
    rest: Bytes,
    falls_short: bool,
    has_flushed: bool,
    pace: Option<Pace>,
}

/// How far a body may have come by now.
struct Pace {
    bytes_per_second: u64,
    /// When the next bytes may go.
    next: Pin<Box<Sleep>>,
}

impl Pace {
    fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second: bytes_per_second.max(1), next: Box::pin(sleep_until(Instant::now())) }
    }

    /// So much has gone. A body that was kept waiting does not catch up.
    fn sent(&mut self, bytes: usize) {
        let takes = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        let late = Instant::now().saturating_duration_since(self.next.deadline());
        let begun = if late > takes { Instant::now() } else { self.next.deadline() };
        self.next.as_mut().reset(begun + takes);
    }
}

impl Body for BreakableBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        if let Some(pace) = &mut this.pace {
            ready!(pace.next.as_mut().poll(context));
        }
        if !this.rest.is_empty() {
            let length = if this.pace.is_some() { FRAME.min(this.rest.len()) } else { this.rest.len() };
            let frame = this.rest.split_to(length);
            this.pace.iter_mut().for_each(|pace| pace.sent(length));
            return Poll::Ready(Some(Ok(Frame::data(frame))));
        }
        if !this.falls_short {
            return Poll::Ready(None);
        }
        if this.has_flushed {
            return Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::ConnectionAborted))));
        }
        // What was given so far must be on its way before the connection breaks.
        this.has_flushed = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        !self.falls_short && self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        if self.falls_short { SizeHint::default() } else { SizeHint::with_exact(self.rest.len() as u64) }
    }
}
