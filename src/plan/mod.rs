//! What is to be done for one target of an alert, and why. Pure: alert, policy and memory in, plan out.

pub(crate) mod policy;
pub(crate) mod rule;

use std::time::Duration;

use crate::alert::overrides::{Overrides, TARGET};
use crate::alert::reference::{MOST_TARGETS, Reference, instance_number};
use crate::alert::{Alert, Condition};
use crate::azure::capture_parameters::Parameters;
use crate::azure::resource_id::ResourceId;
use crate::azure::target::Target;
use crate::records::explanation::RuleTried;
use crate::records::reason::Reason;
use crate::timestamp::Timestamp;
use policy::Policy;
use rule::Subject;

/// What is to be done for one target.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// Start a capture, or join one that runs.
    Start(Box<Start>),
    /// Do nothing.
    Skip {
        /// Why, for machines.
        reason: Reason,
        /// Why, for people.
        message: String,
    },
}

/// How to start a capture.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// The machine.
    pub target: Target,
    /// What to capture.
    pub parameters: Parameters,
    /// The name, where somebody fixed it.
    pub fixed_name: Option<String>,
    /// The watcher, where the caller named it.
    pub watcher: Option<ResourceId>,
    /// The storage account, where the caller named it.
    pub storage: Option<ResourceId>,
    /// What in the alert could not be used, in sentences.
    pub complaints: Vec<String>,
}

/// Why an alert as a whole needs nothing done, whatever its targets.
pub fn nothing_to_do(alert: &Alert) -> Option<Plan> {
    if alert.test {
        return Some(skip(
            Reason::TestNotification,
            "This is a test notification; it was received well, and nothing was captured.",
        ));
    }
    // Which machine it was is not looked for when a condition ends, unless a capture is to be stopped.
    let is_over_unseen = alert.condition != Condition::Fired && !alert.unresolved.is_empty();
    if alert.targets.is_empty() && !is_over_unseen {
        return Some(skip(Reason::NoVirtualMachine, no_machine(alert)));
    }
    match &alert.condition {
        Condition::Fired => None,
        Condition::Over(word) => {
            Some(skip(Reason::Resolved, format!("The alert is {word}: nothing is captured when a condition ends.")))
        }
    }
}

/// Decides for one target. `captured_until` is when its last capture was over, or will be at the latest.
pub fn plan(
    alert: &Alert,
    target: &Target,
    policy: &Policy,
    captured_until: Option<Timestamp>,
    now: Timestamp,
) -> Plan {
    let subscription = target.id().subscription();
    if let Some(message) = not_allowed(policy, &subscription) {
        return skip(Reason::SubscriptionNotAllowed, message);
    }
    let ruled = rule::first_match(&policy.rules, subject(alert, target));
    let direct = alert.direct.clone();
    if ruled.ignore && !direct.as_ref().is_some_and(|direct| direct.by_hand) {
        return skip(Reason::IgnoredByRule, "The first matching entry of the setting rules says to ignore this alert.");
    }
    let (own, mut complaints) = Overrides::from_properties(&alert.properties);
    if own.ignore {
        return skip(
            Reason::IgnoredByAlert,
            "The alert rule's custom property nightcap_ignore says to ignore this alert.",
        );
    }
    if direct.is_none()
        && let Some(left) = captured_until.and_then(|until| cooldown_left(policy.cooldown, until, now))
    {
        return skip(
            Reason::Cooldown,
            format!(
                "The last capture on {} ended a short while ago; the next one may start in {left} seconds (setting \
                 cooldown_seconds).",
                target.name()
            ),
        );
    }
    if alert.targets_left_out > 0 {
        let more = alert.targets_left_out;
        complaints
            .push(format!("The alert names {more} machines more than the {MOST_TARGETS} that nightcap takes on."));
    }
    let direct = direct.unwrap_or_default();
    Plan::Start(Box::new(Start {
        target: target.clone(),
        parameters: direct.overrides.applied_to(own.applied_to(ruled.applied_to(policy.capture.clone()))),
        fixed_name: direct.name.or_else(|| policy.capture_name.clone()),
        watcher: direct.watcher,
        storage: direct.storage,
        complaints,
    }))
}

/// What the entries of the setting `rules` come to for one target.
pub fn rules_tried(alert: &Alert, target: &Target, policy: &Policy) -> Vec<RuleTried> {
    rule::tried(&policy.rules, subject(alert, target))
}

/// The sentence for a subscription that the settings do not allow.
pub fn not_allowed(policy: &Policy, subscription: &str) -> Option<String> {
    let allowed = policy.allowed_subscriptions.as_ref()?;
    let is_allowed = allowed.iter().any(|allowed| allowed == subscription);
    (!is_allowed)
        .then(|| format!("Subscription {subscription} is not in allowed_subscriptions, so nothing in it is touched."))
}

fn skip(reason: Reason, message: impl Into<String>) -> Plan {
    Plan::Skip { reason, message: message.into() }
}

fn subject<'a>(alert: &'a Alert, target: &'a Target) -> Subject<'a> {
    Subject {
        rule: &alert.rule,
        severity: alert.severity.as_deref().unwrap_or_default(),
        resource_group: target.id().resource_group(),
        target: target.id().name(),
    }
}

/// Why there is no machine to capture on, and what would name it.
fn no_machine(alert: &Alert) -> String {
    let about = match alert.other_targets.first() {
        Some(other) => {
            let shown: String = other.chars().take(200).collect();
            format!("The alert is about {shown}, which is no virtual machine or scale set.")
        }
        None if alert.unresolved.is_empty() => {
            "The alert names no virtual machine or scale set by its resource id.".to_owned()
        }
        None => String::new(),
    };
    let named = alert.unresolved.first().map(not_resolved).unwrap_or_default();
    let way_out = if alert.other_targets.is_empty() && alert.unresolved.is_empty() {
        String::new()
    } else {
        format!("The custom property {} of the alert rule can name the machine by its resource id.", TARGET)
    };
    let (_, complaints) = Overrides::from_properties(&alert.properties);
    let sentences = [about, named, way_out].into_iter().chain(complaints);
    sentences.filter(|sentence| !sentence.is_empty()).collect::<Vec<_>>().join(" ")
}

fn not_resolved(reference: &Reference) -> String {
    match reference {
        Reference::Computer { name, .. } => format!(
            "It names the computer {name} without a resource id, and not exactly one machine was found by that name. Split \
             the alert rule by _ResourceId instead."
        ),
        Reference::NetworkInterface(id) => format!("No machine was found behind the network interface {id}."),
        Reference::PublicIpAddress(id) => format!("No machine was found behind the public IP address {id}."),
        Reference::Node { name } => {
            let suffix = name.rsplit("-vmss").next().unwrap_or_default();
            let instance = instance_number(suffix).unwrap_or_default();
            format!(
                "It names the node {name} without a resource id; that is instance {instance} of its scale set. Keep the \
                 label microsoft.resourceid in the alert rule's query."
            )
        }
    }
}

/// Seconds until the target may be captured again, if that is not now. While its last capture still runs, there is no
/// cooldown: the alert joins it.
fn cooldown_left(cooldown: Duration, captured_until: Timestamp, now: Timestamp) -> Option<u64> {
    let left = cooldown.checked_sub(now.since(captured_until)?)?;
    (!left.is_zero()).then(|| left.as_secs().max(1))
}
