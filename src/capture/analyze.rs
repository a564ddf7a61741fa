//! Reads a capture's file out of Blob storage into a report: piece by piece, the next one on its way while this one is
//! counted.

use std::time::Duration;

use futures::future::join;

use crate::azure::blob;
use crate::azure::client::Azure;
use crate::azure::error::AzureError;
use crate::host::Host;
use crate::report::{Analysis, Report};

/// How much of a file is read, and told.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For how long.
    pub time: Duration,
    /// How many bytes, to the next piece.
    pub bytes: u64,
    /// Whether the report may tell names.
    pub names: bool,
}

/// The report of a file. What has been read tells it when the limits or a failure end the reading early; only a failure
/// before the first piece is an error.
pub async fn read<H: Host>(azure: &Azure<'_, H>, url: &str, limits: Limits) -> Result<Report, AzureError> {
    let until = azure.log.host.monotonic().saturating_add(limits.time);
    let mut analysis = if limits.names { Analysis::default() } else { Analysis::without_names() };
    let mut piece = blob::piece(azure, url, None).await?;
    loop {
        let goes_on = !piece.is_last() && piece.end < limits.bytes && azure.log.host.monotonic() < until;
        let next = async { if goes_on { Some(blob::piece(azure, url, Some(&piece)).await) } else { None } };
        let (next, ()) = join(next, async { analysis.push(&piece.bytes) }).await;
        match next {
            _ if analysis.fault().is_some() => return Ok(analysis.finish()),
            Some(Ok(next)) => piece = next,
            None if piece.is_last() => return Ok(analysis.finish()),
            None | Some(Err(_)) => return Ok(analysis.stop()),
        }
    }
}
