//! Standard output and standard error of the component, cut into lines.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::record::Record;

/// One stream of one instance. Writing never waits, so that lines are recorded in the order in which
/// the component wrote them.
#[derive(Clone)]
pub(crate) struct LogStream(Arc<Lines>);

struct Lines {
    record: Arc<Record>,
    unfinished: Mutex<Vec<u8>>,
}

impl LogStream {
    pub fn new(record: &Arc<Record>) -> Self {
        LogStream(Arc::new(Lines { record: record.clone(), unfinished: Mutex::default() }))
    }
}

impl Lines {
    fn write(&self, bytes: &[u8]) {
        let mut unfinished = self.unfinished.lock().unwrap();
        unfinished.extend_from_slice(bytes);
        while let Some(end) = unfinished.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = unfinished.drain(..=end).collect();
            self.record.log(&String::from_utf8_lossy(&line[..end]));
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let rest = std::mem::take(self.unfinished.get_mut().unwrap());
        if !rest.is_empty() {
            self.record.log(&String::from_utf8_lossy(&rest));
        }
    }
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for LogStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.write(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 * 1024)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LogStream {
    async fn ready(&mut self) {}
}

impl AsyncWrite for LogStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.write(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_newlines_only() {
        let record = Arc::new(Record::default());
        let stream = LogStream::new(&record);
        stream.0.write(b"one\ntw");
        stream.0.write(b"o\n\nlast");
        assert_eq!(record.logs(), ["one", "two", ""]);
        drop(stream);
        assert_eq!(record.logs(), ["one", "two", "", "last"]);
    }
}
