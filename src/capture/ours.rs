//! Which captures are ours: those with a name of our own, and those whose record says that nightcap has asked for them under a
//! name that somebody fixed.

use crate::azure::packet_capture::PacketCapture;
use crate::azure::region::Region;
use crate::host::Host;
use crate::records::repository::Records;

/// Whether there is an unfinished record of a capture that Azure lists, and not of one that had the name before.
pub async fn is_recorded<H: Host>(
    records: &Records<'_, H>,
    subscription: &str,
    region: &Region,
    capture: &PacketCapture,
) -> bool {
    let Ok(Some(record)) = records.capture(subscription, region, &capture.name).await else { return false };
    let is_same = match (&record.storage_path, &capture.storage_path) {
        (Some(own), Some(theirs)) => own == theirs,
        _ => true,
    };
    is_same && !record.is_finished()
}
