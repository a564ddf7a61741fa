//! Where a capture belongs: the machine's region, the watcher of that region, and what the watcher holds already.
//!
//! What is known beforehand is not asked: memory, a caller or the classic payload may know the region or the watcher,
//! and then the watcher's list is read beside the machine instead of after it.

use std::collections::BTreeMap;

use futures::future::join;
use http::StatusCode;

use crate::azure::client::Azure;
use crate::azure::compute::{self, Machine};
use crate::azure::error::AzureError;
use crate::azure::instance_view::RUNNING;
use crate::azure::network_watcher;
use crate::azure::packet_capture::{self, Listing, PacketCapture};
use crate::azure::region::Region;
use crate::azure::resource_id::ResourceId;
use crate::azure::target::Target;
use crate::host::Host;
use crate::plan::Start;
use crate::records::capture::{CaptureRecord, Phase, Requested};
use crate::records::failure::Failure;
use crate::records::keys::watchers_key;
use crate::records::store;
use crate::records::target::TargetMemory;
use crate::timestamp::Timestamp;

#[derive(Clone, Debug)]
pub struct Place {
    /// Subscription of machine and watcher.
    pub subscription: String,
    pub region: Region,
    pub watcher: ResourceId,
    /// The machine, unless Azure would not show it and something else told the region.
    pub machine: Option<Machine>,
    /// What the watcher held a moment ago.
    pub listing: Listing,
}

pub async fn locate<H: Host>(
    azure: &Azure<'_, H>,
    start: &Start,
    told_region: Option<&Region>,
    memory: &TargetMemory,
    installs_agent: bool,
) -> Result<Place, Failure> {
    let subscription = start.target.id().subscription();
    let likely_region = memory.machine.as_ref().map(|machine| &machine.region).or(told_region);
    let known_watcher = start.watcher.as_ref().or(memory.watcher.as_ref());
    let machine = async {
        match &memory.machine {
            Some(machine) => Ok(Some(machine.clone())),
            None => read_machine(azure, &start.target, told_region.is_some(), installs_agent).await,
        }
    };
    let early = async {
        let watchers = match known_watcher {
            Some(_) => BTreeMap::new(),
            None => remembered_watchers(azure.log.host, &subscription).await,
        };
        let in_region = || Some(watcher_of(&subscription, likely_region?, &watchers));
        let listed = match known_watcher.cloned().or_else(in_region) {
            Some(watcher) => Some((packet_capture::list(azure, &watcher).await, watcher)),
            None => None,
        };
        (watchers, listed)
    };
    // The request for the machine goes out before the store is read.
    let (machine, (watchers, early)) = join(machine, early).await;
    let machine = machine?;
    let region = machine.as_ref().map(|machine| &machine.region).or(told_region).cloned();
    let region = region.ok_or_else(|| Failure::machine_not_found(&start.target))?;

    let (listed, watcher) = match early {
        Some(early) if known_watcher.is_some() || likely_region == Some(&region) => early,
        // Nothing was known of the region, or it turned out to be another one.
        _ => {
            let watcher = watcher_of(&subscription, &region, &watchers);
            (packet_capture::list(azure, &watcher).await, watcher)
        }
    };
    let (watcher, listing) = match listed {
        Ok(listing) => (watcher, listing),
        Err(error) if !is_missing(&error) => return Err(Failure::from_azure(&error, &start.target, Some(&watcher))),
        Err(_) if start.watcher.is_some() => return Err(Failure::watcher_not_found(&watcher)),
        Err(_) => find_watcher(azure, &start.target, &subscription, &region).await?,
    };
    Ok(Place { subscription, region, watcher, machine, listing })
}

impl Place {
    /// What is known of a capture that Azure is asked for here.
    pub fn request_for(&self, plan: &Start, name: String, at: Timestamp) -> Requested {
        Requested {
            subscription: self.subscription.clone(),
            region: self.region.clone(),
            name,
            target: plan.target.clone(),
            machine: self.machine.as_ref().map(|machine| machine.id.clone()),
            watcher: self.watcher.clone(),
            parameters: plan.parameters.clone(),
            by: String::new(),
            alert: None,
            at,
        }
    }

    /// The record of a capture that was found running, because its maker died or has another store. `seen_at` is Azure's time
    /// then, which tells it from the next one of its name.
    pub fn found(&self, plan: &Start, capture: &PacketCapture, seen_at: Timestamp, now: Timestamp) -> CaptureRecord {
        let requested = self.request_for(plan, capture.name.clone(), seen_at);
        let mut record = CaptureRecord::new(requested);
        record.phase = if capture.is_beginning() { Phase::Creating } else { Phase::Created };
        record.storage_path = capture.storage_path.clone();
        if let Some(seconds) = capture.time_limit.and_then(|seconds| u32::try_from(seconds).ok()) {
            record.parameters.capture_seconds = seconds;
        }
        record.note(now, "found", "It was found running; nothing is known here of its beginning.");
        record
    }
}

/// The watcher of a region, whether nightcap has captured there before or not.
pub async fn watcher_in<H: Host>(
    azure: &Azure<'_, H>,
    subscription: &str,
    region: &Region,
) -> Result<ResourceId, Failure> {
    let host = azure.log.host;
    if let Some(watcher) = remembered_watchers(host, subscription).await.remove(region) {
        return Ok(watcher);
    }
    let mut found = network_watcher::list_all(azure, subscription)
        .await
        .map_err(|error| Failure::of_search(&error, subscription))?;
    // Forgetting them costs a request the next time and nothing else.
    let _ = store::save(host, &watchers_key(subscription), &found).await;
    found.remove(region).ok_or_else(|| Failure::no_network_watcher(subscription, region))
}

/// The machine; `None` when nightcap may not see it and can do without.
async fn read_machine<H: Host>(
    azure: &Azure<'_, H>,
    target: &Target,
    can_do_without: bool,
    installs_agent: bool,
) -> Result<Option<Machine>, Failure> {
    // In the same answer Azure tells whether the machine runs, and takes longer for it.
    let machine = match installs_agent {
        true => compute::machine_and_power(azure, target).await,
        false => compute::machine(azure, target).await,
    };
    match machine {
        Ok(Some(Machine { power: Some(power), .. })) if power != RUNNING => {
            Err(Failure::machine_not_running(target, &power))
        }
        Ok(Some(machine)) if machine.agent == Some(false) || (installs_agent && machine.is_agent_broken) => {
            Err(Failure::agent_missing(target, machine.os.as_deref()))
        }
        Ok(Some(machine)) => Ok(Some(machine)),
        Ok(None) => Err(Failure::machine_not_found(target)),
        Err(error) if can_do_without && error.status() == Some(403) => Ok(None),
        Err(error) => Err(Failure::from_azure(&error, target, None)),
    }
}

/// A subscription's watchers, if some have not the names that Azure itself would give.
async fn remembered_watchers<H: Host>(host: &H, subscription: &str) -> BTreeMap<Region, ResourceId> {
    store::load(host, &watchers_key(subscription)).await.ok().flatten().unwrap_or_default()
}

/// The watcher that was found for a region before, or the one that Azure itself would have made.
fn watcher_of(subscription: &str, region: &Region, remembered: &BTreeMap<Region, ResourceId>) -> ResourceId {
    remembered.get(region).cloned().unwrap_or_else(|| network_watcher::by_convention(subscription, region))
}

/// Looks the region's watcher up among all, and lists it.
async fn find_watcher<H: Host>(
    azure: &Azure<'_, H>,
    target: &Target,
    subscription: &str,
    region: &Region,
) -> Result<(ResourceId, Listing), Failure> {
    let found = network_watcher::list_all(azure, subscription).await;
    let found = found.map_err(|error| Failure::from_azure(&error, target, None))?;
    let watcher = found.get(region).ok_or_else(|| Failure::no_network_watcher(subscription, region))?;
    let listing = packet_capture::list(azure, watcher).await;
    let listing = listing.map_err(|error| Failure::from_azure(&error, target, Some(watcher)))?;
    // Forgetting them costs two requests the next time and nothing else.
    let _ = store::save(azure.log.host, &watchers_key(subscription), &found).await;
    Ok((watcher.clone(), listing))
}

/// Whether the watcher is not there; a missing subscription is another matter.
fn is_missing(error: &AzureError) -> bool {
    matches!(error, AzureError::Refused { status: StatusCode::NOT_FOUND, code, .. } if code != "SubscriptionNotFound")
}
