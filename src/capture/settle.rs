//! Two captures of one machine become one.

use futures::future::join_all;

use crate::azure::client::Azure;
use crate::azure::error::AzureError;
use crate::azure::packet_capture::{Activity, CaptureResource, PacketCapture, Poll, list};
use crate::capture::name::{SLOT, asked_at, is_own, is_own_of, precedence, slot};
use crate::capture::ours::is_recorded;
use crate::context::Context;
use crate::host::Host;
use crate::records::capture::{CaptureRecord, End};

/// Closes the gaps through which two can create captures of different names for one target: they met on either side of
/// the boundary of two slots, only one of them saw that a name had become free, or one of them has a name that somebody
/// fixed. Whoever has created one looks once more,
/// and all that run but the earliest are stopped. Only who created last is sure to see all of them, and is so at any time
/// after.
///
/// Whoever watches one of those that are stopped finds that written down, and stops it as well. Gives the earliest when it is
/// not the one that was started here.
pub async fn settle<H: Host>(
    context: &Context<H>,
    azure: &Azure<'_, H>,
    started: &CaptureRecord,
) -> Result<Option<PacketCapture>, AzureError> {
    let records = &context.records();
    let CaptureRecord { name, target, watcher, subscription, region, .. } = started;
    let own_slot = asked_at(name).unwrap_or_else(|| slot(started.requested_at));
    let neighbours = [own_slot.before(SLOT), own_slot, own_slot.after(SLOT)].map(Some);
    let mut live = {
        let _turn = context.turn_to_list(name).await;
        list(azure, watcher).await?.captures
    };
    live.retain(PacketCapture::is_live);
    let mut rivals = Vec::new();
    for other in live {
        // Whoever had no time from Azure has named its capture by a clock that may be wrong.
        let is_near = other.is_beginning() || neighbours.contains(&asked_at(&other.name));
        let is_rival = match is_own(&other.name) {
            true => is_own_of(target, &other.name) && is_near,
            false => other.covers(target) && is_recorded(records, subscription, region, &other).await,
        };
        if is_rival {
            rivals.push(other);
        }
    }
    if rivals.iter().all(|rival| rival.has_name(name)) {
        return Ok(None);
    }
    rivals.sort_unstable_by_key(|other| precedence(&other.name));
    let looks = join_all(rivals.iter().map(|rival| may_run(azure, started, rival))).await;
    let mut running = Vec::new();
    for (rival, may_run) in rivals.into_iter().zip(looks) {
        if may_run? {
            running.push(rival);
        }
    }
    if running.iter().all(|rival| rival.name != *name) {
        return Ok(None);
    }
    let mut rivals = running.into_iter();
    let Some(first) = rivals.next() else { return Ok(None) };
    for late in rivals {
        let record = CaptureRecord {
            name: late.name.clone(),
            storage_path: late.storage_path.clone(),
            replaced: false,
            ..started.clone()
        };
        records.note_end(&record, End::superseded(&first.name), Some(first.name.clone())).await;
        // Its own watcher stops it, and again if that fails; this is sooner.
        if late.name != *name {
            let _ = CaptureResource::new(azure, watcher, &late.name).stop().await;
        }
    }
    Ok((first.name != *name).then_some(first))
}

/// Whether a rival runs. Who looks late, because the first one to do so has died, may see captures that followed each other.
async fn may_run<H: Host>(
    azure: &Azure<'_, H>,
    started: &CaptureRecord,
    rival: &PacketCapture,
) -> Result<bool, AzureError> {
    let resource = CaptureResource::new(azure, &started.watcher, &rival.name);
    // Nothing is stopped for a capture of which Azure tells nothing.
    let may_run = match resource.poll_until_answered().await? {
        Poll::Answered(status) => matches!(status.activity, Activity::NotStarted | Activity::Running),
        Poll::Gone => false,
        Poll::Later(_) => true,
    };
    // The answer is about what has the name by now, which may be the next capture of a name that somebody fixed.
    Ok(may_run
        && (is_own(&rival.name) || resource.get().await?.is_some_and(|there| there.storage_path == rival.storage_path)))
}
