//! How long things take, and how many requests are too many.

use std::time::Duration;

#[derive(Debug, Clone)]
pub struct Timing {
    /// From the PUT to the start of the capture.
    pub create: Duration,
    /// From the DELETE until the capture is gone.
    pub delete: Duration,
    /// From the stop request until the capture has stopped.
    pub stop: Duration,
    /// From `queryStatus` until its `Location` has the result.
    pub status: Duration,
    /// From the end of a capture until its file is visible.
    pub file_delay: Duration,
    /// From the PUT of the agent's extension until it is provisioned: 37.5 seconds in azure-powershell's recording
    /// TestPacketCaptureVMWithRingBuffer.
    pub install_agent: Duration,
    /// Until the instances of a scale set follow its model once that was asked for.
    pub upgrade: Duration,
    /// `Retry-After` of operations, in seconds.
    pub retry_after: u64,
    /// How long tokens live, as `expires_in` tells: in seconds.
    pub token_seconds: u64,
    /// Added to the time that every answer takes.
    pub latency: Duration,
    /// How fast one connection of Blob storage is over sockets; as fast as it goes when nothing is said.
    pub blob_bytes_per_second: Option<u64>,
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            create: Duration::from_secs(4),
            delete: Duration::from_secs(8),
            stop: Duration::from_secs(3),
            status: Duration::from_secs(3),
            file_delay: Duration::from_secs(3),
            install_agent: Duration::from_millis(37_500),
            upgrade: Duration::from_secs(30),
            retry_after: 10,
            token_seconds: 3599,
            latency: Duration::ZERO,
            blob_bytes_per_second: None,
        }
    }
}

/// So many Resource Manager requests in a window of time; the rest is refused with 429 and `Retry-After`.
#[derive(Debug, Clone, Copy)]
pub struct Throttle {
    /// Requests that pass in one window.
    pub requests: u32,
    /// Length of a window. Windows follow each other from the first request on.
    pub window: Duration,
}
