//! An alert that names no machine, but something that leads to one: Azure is asked which machine that is.

use std::time::Duration;

use futures::future::join_all;

use crate::alert::reference::Reference;
use crate::alert::{Alert, Condition};
use crate::azure::client::Azure;
use crate::azure::compute::find_by_name;
use crate::azure::error::AzureError;
use crate::azure::network::{machine_of_interface, machine_of_public_ip};
use crate::azure::target::Target;
use crate::context::Context;
use crate::host::Host;
use crate::log::Event;
use crate::plan::not_allowed;
use crate::records::failure::Failure;
use crate::records::outcome::Outcome;
use crate::records::reason::Reason;
use crate::settings::Settings;

/// For how long Azure is asked. A machine that is found later can no longer show what had fired.
const LOOK_FOR: Duration = Duration::from_secs(60);

/// What Azure said.
#[derive(Debug, Default)]
pub struct Found {
    /// Machines, each once.
    pub targets: Vec<Target>,
    /// How the alert ends where there are none, unless it is that nothing leads to one.
    pub problem: Option<Outcome>,
}

/// Whether something is to be done for an alert as soon as its machine is known.
pub fn is_to_be_found(alert: &Alert, settings: &Settings) -> bool {
    let is_of_interest = alert.condition == Condition::Fired || settings.stop_on_resolve;
    let leads_on = |reference: &Reference| reference.subscription().is_some();
    !alert.test && alert.targets.is_empty() && is_of_interest && alert.unresolved.iter().any(leads_on)
}

/// The machines that an alert's references lead to.
pub async fn find<H: Host>(context: &Context<H>, references: &[Reference]) -> Found {
    let azure = context.azure_at_large(LOOK_FOR);
    let followed = join_all(references.iter().map(|reference| follow(context, &azure, reference))).await;
    let mut found = Found::default();
    for answer in followed {
        match answer {
            Ok(target) => target.into_iter().for_each(|target| found.add(target)),
            Err(problem) => found.problem = Some(problem),
        }
    }
    found
}

impl Found {
    /// Puts the machines into the alert. Gives how it ends where there are none, unless it is that nothing leads to one.
    pub fn put_into(self, alert: &mut Alert) -> Option<Outcome> {
        if !self.targets.is_empty() {
            alert.unresolved.clear();
        }
        alert.targets = self.targets;
        self.problem.filter(|_| alert.targets.is_empty())
    }

    fn add(&mut self, target: Target) {
        if !self.targets.contains(&target) {
            self.targets.push(target);
        }
    }
}

async fn follow<H: Host>(
    context: &Context<H>,
    azure: &Azure<'_, H>,
    reference: &Reference,
) -> Result<Option<Target>, Outcome> {
    let Some(subscription) = reference.subscription() else { return Ok(None) };
    if let Some(message) = not_allowed(&context.settings.policy, &subscription) {
        return Err(Outcome::skipped(Reason::SubscriptionNotAllowed, message));
    }
    machine_behind(azure, reference, &subscription).await.map_err(|error| {
        let failure = Failure::of_search(&error, &subscription);
        let log = context.log();
        log.write(&Event { reason: Some(failure.reason.word()), ..log.event("machine_not_found_out", "warn") });
        Outcome::of_failure(failure)
    })
}

async fn machine_behind<H: Host>(
    azure: &Azure<'_, H>,
    reference: &Reference,
    subscription: &str,
) -> Result<Option<Target>, AzureError> {
    match reference {
        Reference::NetworkInterface(id) => machine_of_interface(azure, id).await,
        Reference::PublicIpAddress(id) => machine_of_public_ip(azure, id).await,
        Reference::Computer { name, .. } => {
            let mut named = find_by_name(azure, subscription, name).await?;
            // Of two with one name, nobody knows which one is meant.
            Ok(if named.len() == 1 { named.pop() } else { None })
        }
        Reference::Node { .. } => Ok(None),
    }
}
