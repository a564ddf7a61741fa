//! The body of an answer, which may break off before the announced length.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use hyper::body::{Body, Frame, SizeHint};

use crate::answer::Answer;

/// An answer as it goes over the wire. One that announces more than it has breaks off, unless it is for a HEAD.
pub(crate) fn breakable(answer: Answer, is_head: bool) -> Response<BreakableBody> {
    let announced: Option<u64> =
        answer.headers().get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    let falls_short = !is_head && announced.is_some_and(|length| length > answer.body().len() as u64);
    answer.map(|bytes| BreakableBody { rest: Some(bytes), falls_short, has_flushed: false })
}

pub(crate) struct BreakableBody {
    rest: Option<Bytes>,
    falls_short: bool,
    has_flushed: bool,
}

impl Body for BreakableBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(bytes) = self.rest.take().filter(|bytes| !bytes.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if !self.falls_short {
            return Poll::Ready(None);
        }
        if self.has_flushed {
            return Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::ConnectionAborted))));
        }
        // What was given so far must be on its way before the connection breaks.
        self.has_flushed = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        !self.falls_short && self.rest.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.rest {
            _ if self.falls_short => SizeHint::default(),
            rest => SizeHint::with_exact(rest.as_ref().map_or(0, Bytes::len) as u64),
        }
    }
}
