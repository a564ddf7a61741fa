//! How many finished captures of our own stay listed in a watcher. Only the resource goes; its file stays.

use std::time::Duration;

use crate::azure::client::Azure;
use crate::azure::error::AzureError;
use crate::azure::packet_capture::{CaptureResource, Over, PacketCapture, list};
use crate::capture::limit::{candidates, may_still_run};
use crate::context::Context;
use crate::host::Host;
use crate::records::capture::CaptureRecord;

/// How long Azure is asked.
const TIDY_FOR: Duration = Duration::from_secs(60);

/// How many captures go at one capture's end. Each costs two pieces of Azure's write budget.
const MOST_AT_ONCE: usize = 10;

/// Deletes the oldest finished captures beyond `capture_keep` from the watcher of a capture that has just ended.
///
/// Nobody waits for it. What fails is logged with its request, and is tried again when the next capture ends.
pub async fn retain<H: Host>(context: &Context<H>, ended: &CaptureRecord) {
    let keep = context.settings.capture_keep;
    if keep == 0 || context.settings.dry_run {
        return;
    }
    let azure = context.azure(&ended.target, TIDY_FOR);
    let Ok(listing) = list(&azure, &ended.watcher).await else { return };
    let now = listing.clock.server_time();
    let is_over = |own: &&PacketCapture| own.has_name(&ended.name) || !may_still_run(own, now);
    let over: Vec<_> = candidates(&listing.captures).into_iter().filter(is_over).collect();
    let excess = over.len().saturating_sub(keep);
    for capture in over.into_iter().take(excess.min(MOST_AT_ONCE)) {
        if is_done_with(context, ended, &capture.name).await && delete_if_over(&azure, ended, capture).await.is_err() {
            return;
        }
    }
}

/// Whether nobody will ask Azure about a capture any more.
async fn is_done_with<H: Host>(context: &Context<H>, ended: &CaptureRecord, name: &str) -> bool {
    match context.records().capture(&ended.subscription, &ended.region, name).await {
        Ok(record) => record.is_none_or(|record| record.is_finished()),
        Err(_) => false,
    }
}

async fn delete_if_over<H: Host>(
    azure: &Azure<'_, H>,
    ended: &CaptureRecord,
    capture: &PacketCapture,
) -> Result<(), AzureError> {
    let resource = CaptureResource::new(azure, &ended.watcher, &capture.name);
    if let Some(Over::Ended(_) | Over::Failed) = resource.over(capture).await? {
        resource.delete().await?;
    }
    Ok(())
}
