//! Captures of somebody else that run on a machine. They are left alone, and named.

use std::time::Duration;

use futures::future::join_all;

use crate::azure::client::Azure;
use crate::azure::packet_capture::{Activity, CaptureResource, PacketCapture, Poll};
use crate::azure::target::Target;
use crate::capture::locate::Place;
use crate::capture::name::is_own;
use crate::context::Context;
use crate::host::Host;

/// How many captures are asked whether they run: the list does not tell, and each costs a piece of Azure's write budget.
const MOST_ASKED: usize = 3;

/// For how long they are asked. The alert's answer waits for it, the capture does not.
const ASK_FOR: Duration = Duration::from_secs(3);

/// The names of strangers' captures that ran on the target when its watcher was listed.
pub async fn running_beside<H: Host>(
    context: &Context<H>,
    place: &Place,
    target: &Target,
    created: &str,
) -> Vec<String> {
    let azure = context.azure(target, ASK_FOR);
    let others = place.listing.captures.iter().filter(|capture| {
        capture.covers(target) && capture.is_live() && !is_own(&capture.name) && !capture.has_name(created)
    });
    let asked = others.take(MOST_ASKED).map(|capture| is_a_running_stranger(context, &azure, place, capture));
    join_all(asked).await.into_iter().flatten().collect()
}

async fn is_a_running_stranger<H: Host>(
    context: &Context<H>,
    azure: &Azure<'_, H>,
    place: &Place,
    capture: &PacketCapture,
) -> Option<String> {
    // Programs give captures any name.
    let known = context.records().capture(&place.subscription, &place.region, &capture.name).await;
    if matches!(known, Ok(Some(_))) {
        return None;
    }
    let polled = CaptureResource::new(azure, &place.watcher, &capture.name).poll_until_answered().await;
    let runs = matches!(polled, Ok(Poll::Answered(status)) if status.activity == Activity::Running);
    runs.then(|| capture.name.clone())
}
