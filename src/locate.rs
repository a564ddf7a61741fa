//! Where a capture belongs: the machine's region, the watcher of that region, and what the watcher holds already.
//!
//! What is known beforehand is not asked: memory, a caller or the classic payload may know the region or the watcher, and
//! then the watcher's list is read beside the machine instead of after it.

use futures::future::join;
use http::StatusCode;

use crate::alert::target::Target;
use crate::azure::compute::{self, Machine};
use crate::azure::error::AzureError;
use crate::azure::packet_capture::{self, PacketCapture};
use crate::azure::region::Region;
use crate::azure::resource_id::ResourceId;
use crate::azure::{Azure, network_watcher};
use crate::failure::Failure;
use crate::host::Host;
use crate::plan::Start;
use crate::record;

/// Where a capture belongs.
#[derive(Clone, Debug)]
pub struct Place {
    /// Subscription of machine and watcher.
    pub subscription: String,
    /// Their region.
    pub region: Region,
    /// The watcher.
    pub watcher: ResourceId,
    /// The machine, unless Azure would not show it and something else told the region.
    pub machine: Option<Machine>,
    /// The watcher's captures a moment ago.
    pub captures: Vec<PacketCapture>,
}

/// Finds the place.
pub async fn locate<H: Host>(
    azure: &Azure<'_, H>,
    start: &Start,
    told_region: Option<&Region>,
    remembered: Option<&Machine>,
) -> Result<Place, Failure> {
    let subscription = start.target.id().subscription();
    let known_region = remembered.map(|machine| &machine.region).or(told_region);
    let known_watcher = match (&start.watcher, known_region) {
        (Some(watcher), _) => Some(watcher.clone()),
        (None, Some(region)) => Some(likely_watcher(azure.host, &subscription, region).await),
        (None, None) => None,
    };
    let (machine, listed) = match (remembered, &known_watcher) {
        (Some(machine), None) => (Ok(machine.clone()), None),
        (Some(machine), Some(watcher)) => (Ok(machine.clone()), Some(packet_capture::list(azure, watcher).await)),
        (None, None) => (read_machine(azure, &start.target).await, None),
        (None, Some(watcher)) => {
            let (machine, listed) =
                join(read_machine(azure, &start.target), packet_capture::list(azure, watcher)).await;
            (machine, Some(listed))
        }
    };
    let (machine, region) = match (machine, told_region) {
        (Ok(machine), _) => {
            let region = machine.region.clone();
            (Some(machine), region)
        }
        (Err(failure), Some(region)) if failure.reason == "not_authorized" => (None, region.clone()),
        (Err(failure), _) => return Err(failure),
    };
    // A region that turns out to be another one than was told makes the list worthless.
    let listed = listed.filter(|_| start.watcher.is_some() || known_region == Some(&region));
    let (watcher, captures) = watcher_and_captures(azure, start, &subscription, &region, known_watcher, listed).await?;
    Ok(Place { subscription, region, watcher, machine, captures })
}

async fn read_machine<H: Host>(azure: &Azure<'_, H>, target: &Target) -> Result<Machine, Failure> {
    match compute::machine(azure, target).await {
        Ok(Some(machine)) if machine.agent == Some(false) => Err(Failure::agent_missing(target, machine.os.as_deref())),
        Ok(Some(machine)) => Ok(machine),
        Ok(None) => Err(Failure::machine_not_found(target)),
        Err(error) => Err(Failure::from_azure(&error, target, None)),
    }
}

/// The watcher that was found for this region before, or the one that Azure itself would have made.
async fn likely_watcher<H: Host>(host: &H, subscription: &str, region: &Region) -> ResourceId {
    let remembered = record::load(host, &record::watcher_key(subscription, region)).await;
    remembered.ok().flatten().unwrap_or_else(|| network_watcher::by_convention(subscription, region))
}

type Listed = Result<Vec<PacketCapture>, AzureError>;

async fn watcher_and_captures<H: Host>(
    azure: &Azure<'_, H>,
    start: &Start,
    subscription: &str,
    region: &Region,
    known_watcher: Option<ResourceId>,
    listed: Option<Listed>,
) -> Result<(ResourceId, Vec<PacketCapture>), Failure> {
    let target = &start.target;
    let (watcher, listed) = match (known_watcher, listed) {
        (Some(watcher), Some(listed)) => (watcher, listed),
        _ => {
            let watcher = likely_watcher(azure.host, subscription, region).await;
            let listed = packet_capture::list(azure, &watcher).await;
            (watcher, listed)
        }
    };
    match listed {
        Ok(captures) => Ok((watcher, captures)),
        Err(error) if !is_missing(&error) => Err(Failure::from_azure(&error, target, Some(&watcher))),
        Err(_) if start.watcher.is_some() => Err(Failure::watcher_not_found(&watcher)),
        Err(_) => {
            let found = network_watcher::find(azure, subscription, region).await;
            let found = found.map_err(|error| Failure::from_azure(&error, target, None))?;
            let watcher = found.ok_or_else(|| Failure::no_network_watcher(subscription, region))?;
            let captures = packet_capture::list(azure, &watcher).await;
            let captures = captures.map_err(|error| Failure::from_azure(&error, target, Some(&watcher)))?;
            // Forgetting it costs two requests the next time and nothing else.
            let _ = record::save(azure.host, &record::watcher_key(subscription, region), &watcher).await;
            Ok((watcher, captures))
        }
    }
}

/// Whether the watcher is not there; a missing subscription is another matter.
fn is_missing(error: &AzureError) -> bool {
    matches!(error, AzureError::Refused { status: StatusCode::NOT_FOUND, code, .. } if code != "SubscriptionNotFound")
}
