//! What there is to capture on, for somebody who chooses: subscriptions, machines and scale sets, and what a capture would need
//! there.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{join3, join4};
use serde::Serialize;
use serde_with::skip_serializing_none;

use crate::azure::error::AzureError;
use crate::azure::instance_view::RUNNING;
use crate::azure::inventory::{self, Listed};
use crate::azure::region::Region;
use crate::azure::resource_id::ResourceId;
use crate::azure::storage_account::storage_account;
use crate::azure::subscription;
use crate::azure::target::{Target, TargetKind};
use crate::azure::{compute, network_watcher};
use crate::context::Context;
use crate::host::Host;
use crate::plan::not_allowed;
use crate::records::failure::Failure;
use crate::records::reason::Reason;
use crate::workflow::need::Need;

/// How long Azure is asked.
const ASK_FOR: Duration = Duration::from_secs(20);

/// A subscription that may be captured in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct SubscriptionChoice {
    /// Its GUID.
    pub id: String,
    /// Its name for people.
    pub name: String,
}

/// Everything that a capture can be started on in a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Choices {
    pub machines: Vec<MachineChoice>,
    pub watchers: Vec<WatcherChoice>,
    /// What could not be found out, in sentences.
    pub problems: Vec<String>,
}

/// A machine or a scale set, and what a capture would need there.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MachineChoice {
    /// Its resource id.
    pub id: String,
    pub name: String,
    pub kind: MachineKind,
    pub region: Option<Region>,
    /// `Linux` or `Windows`, when Azure says.
    pub os: Option<String>,
    /// Azure's word for what it does, such as `running` or `deallocated`, when Azure says.
    pub power: Option<String>,
    /// Whether the Network Watcher agent is installed; only a single machine tells.
    pub agent: Option<bool>,
    /// The network watcher of its region, if there is one.
    pub watcher: Option<String>,
    /// The storage account that the settings have for its region, if there is one.
    pub storage_account: Option<String>,
}

/// The kinds of machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MachineKind {
    VirtualMachine,
    ScaleSet,
    ScaleSetInstance,
}

/// A network watcher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct WatcherChoice {
    /// Its resource id.
    pub id: String,
    pub region: Region,
}

/// One machine, and what is missing there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Needs {
    pub machine: MachineChoice,
    /// What would keep a capture from working, and what to run to mend it.
    pub problems: Vec<Need>,
}

/// The subscriptions that nightcap sees and may capture in.
pub async fn subscriptions<H: Host>(context: &Context<H>) -> Result<Vec<SubscriptionChoice>, Failure> {
    let found = subscription::subscriptions(&context.azure_at_large(ASK_FOR)).await;
    let found = found.map_err(|error| Failure::of_search(&error, "of nightcap's"))?;
    let allowed = found
        .into_iter()
        .filter(|found| not_allowed(&context.settings.policy, &found.id.to_ascii_lowercase()).is_none());
    Ok(allowed.map(|found| SubscriptionChoice { id: found.id, name: found.display_name }).collect())
}

/// The machines, scale sets and watchers of a subscription. What can only be told by asking each machine is left out.
pub async fn choices<H: Host>(context: &Context<H>, subscription: &str) -> Result<Choices, Failure> {
    allow(context, subscription)?;
    let azure = context.azure_at_large(ASK_FOR);
    let (machines, sets, watchers, powers) = join4(
        inventory::machines(&azure, subscription),
        inventory::scale_sets(&azure, subscription),
        network_watcher::list_all(&azure, subscription),
        inventory::power_states(&azure, subscription),
    )
    .await;
    let failure = |error: &AzureError| Failure::of_search(error, subscription);
    // Without machines there is nothing to choose; anything else is missed less.
    let machines = machines.map_err(|error| failure(&error))?;
    let mut problems = Vec::new();
    let sets = told(sets, &mut problems, failure);
    let watchers = told(watchers, &mut problems, failure);
    let powers = told(powers, &mut problems, failure);
    let choice = |listed: Listed| {
        let power = powers.get(&listed.target.id().key()).cloned();
        let Listed { target, region, os } = listed;
        MachineChoice { power, os, ..MachineChoice::new(context, &target, region, &watchers) }
    };
    Ok(Choices {
        machines: machines.into_iter().chain(sets).map(choice).collect(),
        watchers: watchers
            .iter()
            .map(|(region, id)| WatcherChoice { id: id.to_string(), region: region.clone() })
            .collect(),
        problems,
    })
}

/// One machine with everything that a capture needs there.
pub async fn needs<H: Host>(context: &Context<H>, target: &Target) -> Result<Needs, Failure> {
    let subscription = target.id().subscription();
    allow(context, &subscription)?;
    let azure = context.azure(target, ASK_FOR);
    let (machine, watchers, power) = join3(
        compute::machine(&azure, target),
        network_watcher::list_all(&azure, &subscription),
        inventory::power_state(&azure, target),
    )
    .await;
    let failure = |error: &AzureError| Failure::from_azure(error, target, None);
    let machine = machine.map_err(|error| failure(&error))?.ok_or_else(|| Failure::machine_not_found(target))?;
    let mut problems = Vec::new();
    if machine.agent == Some(false) {
        problems.push(Need::of(Failure::agent_missing(target, machine.os.as_deref())));
    }
    let (watchers, watchers_problem) = match watchers {
        Ok(watchers) => (watchers, None),
        Err(error) => (BTreeMap::new(), Some(failure(&error))),
    };
    let region = machine.region;
    let choice = MachineChoice {
        os: machine.os,
        agent: machine.agent,
        power: power.unwrap_or_default(),
        ..MachineChoice::new(context, target, Some(region.clone()), &watchers)
    };
    if choice.watcher.is_none() {
        let missing = watchers_problem.unwrap_or_else(|| Failure::no_network_watcher(&subscription, &region));
        problems.push(Need::of(missing));
    }
    if let Some(power) = choice.power.as_deref().filter(|power| *power != RUNNING) {
        problems.push(Need::not_running(target, power));
    }
    match context.settings.storage.in_region(&region) {
        None => problems.push(Need::of(Failure::no_storage_account(&region))),
        Some(account) => {
            let found = storage_account(&azure, account).await;
            problems.extend(Need::of_account(account, Some(&region), found.map_err(|error| failure(&error))));
        }
    }
    Ok(Needs { machine: choice, problems })
}

fn allow<H: Host>(context: &Context<H>, subscription: &str) -> Result<(), Failure> {
    match not_allowed(&context.settings.policy, &subscription.to_ascii_lowercase()) {
        Some(sentence) => Err(Failure::lasting(Reason::SubscriptionNotAllowed, sentence)),
        None => Ok(()),
    }
}

fn told<T: Default>(
    found: Result<T, AzureError>,
    problems: &mut Vec<String>,
    failure: impl Fn(&AzureError) -> Failure,
) -> T {
    found.unwrap_or_else(|error| {
        problems.push(failure(&error).message);
        T::default()
    })
}

impl MachineChoice {
    fn new<H: Host>(
        context: &Context<H>,
        target: &Target,
        region: Option<Region>,
        watchers: &BTreeMap<Region, ResourceId>,
    ) -> Self {
        let watcher = region.as_ref().and_then(|region| watchers.get(region)).map(ResourceId::to_string);
        let storage = region.as_ref().and_then(|region| context.settings.storage.in_region(region));
        Self {
            id: target.id().to_string(),
            name: target.name(),
            kind: match target.kind() {
                TargetKind::VirtualMachine => MachineKind::VirtualMachine,
                TargetKind::ScaleSet => MachineKind::ScaleSet,
                TargetKind::ScaleSetInstance => MachineKind::ScaleSetInstance,
            },
            watcher,
            storage_account: storage.map(ResourceId::to_string),
            region,
            os: None,
            power: None,
            agent: None,
        }
    }
}
