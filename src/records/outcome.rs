//! How an alert ends for a target: started, joined, skipped, failed, or still being worked on.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::{EnumIter, IntoStaticStr};

use crate::azure::region::Region;
use crate::azure::target::Target;
use crate::records::explanation::{Explanation, RuleTried};
use crate::records::failure::Failure;
use crate::records::reason::{Reason, RecordedReason};

/// The five ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, IntoStaticStr, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = OutcomeKind))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// A capture was started for this alert.
    Started,
    /// A capture on the target already runs; the alert was added to it.
    Joined,
    /// Nothing was to be done.
    Skipped,
    /// Something was to be done and could not be.
    Failed,
    /// Work goes on after the answer.
    Accepted,
}

impl Kind {
    /// The word in answers, records and logs.
    pub fn word(self) -> &'static str {
        self.into()
    }
}

/// How an alert ended for one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The target's resource id, or `null` when the alert is about no machine.
    pub target: Option<String>,
    /// Which of the five ways.
    pub outcome: Kind,
    /// Why, for machines.
    #[cfg_attr(test, schema(value_type = String))]
    pub reason: RecordedReason,
    /// Why, for people: a sentence or two.
    pub message: String,
    /// The capture, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<CaptureRef>,
    /// With `dry_run`, the requests that would have been sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, schema(value_type = Vec<Object>))]
    pub requests: Vec<Value>,
    /// With `dry_run`, how it came to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
    /// Whether the same alert may end better later.
    #[serde(skip)]
    pub repeat_helps: bool,
}

/// What dry run keeps from Azure.
#[derive(Clone, Debug, Default)]
pub struct WouldSend {
    /// The requests, in order.
    pub requests: Vec<Value>,
    /// The captures that they would delete.
    pub evicted: Vec<String>,
}

/// Where a capture is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CaptureRef {
    /// Subscription of watcher and machine.
    pub subscription: String,
    pub region: Region,
    pub name: String,
    /// The address that the file will have, as far as Azure told it.
    pub storage_path: Option<String>,
    pub links: Links,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Links {
    #[serde(rename = "self")]
    pub this: String,
}

impl Outcome {
    pub fn accepted() -> Self {
        Self::new(Kind::Accepted, Reason::Working, "nightcap is at work on this; the record tells how it ends.")
    }

    /// The agent is missing or broken, and Azure is about to install it.
    pub fn installing_agent(machine: &str) -> Self {
        let message = format!(
            "{machine} has no Network Watcher agent that works. nightcap has it installed, as the setting install_agent says, \
             and then captures; the record tells how it ends."
        );
        Self::new(Kind::Accepted, Reason::InstallingAgent, message)
    }

    /// Whether the agent is being installed first.
    pub fn awaits_agent(&self) -> bool {
        self.outcome == Kind::Accepted && self.reason == Reason::InstallingAgent
    }

    /// The same where the agent was installed first.
    pub fn after_installation(mut self, sentence: &str) -> Self {
        self.message.push(' ');
        self.message.push_str(sentence);
        self
    }

    /// A capture was created.
    pub fn started(machine: &str, capture_seconds: u32) -> Self {
        let message = format!("A packet capture of at most {capture_seconds} seconds was started on {machine}.");
        Self::new(Kind::Started, Reason::Started, message)
    }

    /// The same with sentences about what in the alert could not be used.
    pub fn complaining(mut self, complaints: &[String]) -> Self {
        for complaint in complaints {
            self.message.push_str(&format!(" {complaint}"));
        }
        self
    }

    /// The same where captures of somebody else run on the machine.
    pub fn beside(mut self, strangers: &[String]) -> Self {
        for name in strangers {
            self.message.push_str(&format!(" Somebody else's capture {name} runs there as well."));
        }
        self
    }

    /// The alert was over before it was received.
    pub fn already_resolved() -> Self {
        let message = "The alert had resolved before this notification of its beginning came, so nothing was captured.";
        Self::new(Kind::Skipped, Reason::AlreadyResolved, message)
    }

    /// The alert is over, and a capture serves it.
    pub fn resolved(word: &str, capture: &str) -> Self {
        let message =
            format!("The alert is {word}. The capture {capture} is stopped as soon as all its alerts have resolved.");
        Self::new(Kind::Skipped, Reason::Resolved, message)
    }

    /// The alert came too long ago to be worked on still.
    pub fn too_late() -> Self {
        let message = "nightcap was interrupted while it worked on this alert, and when it came back too much time had \
                       passed for a capture to show what had fired.";
        Self::new(Kind::Failed, Reason::TooLate, message)
    }

    pub fn joined() -> Self {
        let message = "A capture on this machine already runs; the alert was added to it.";
        Self::new(Kind::Joined, Reason::AlreadyRunning, message)
    }

    /// The same notification came before, and its capture may still run.
    pub fn same_alert() -> Self {
        let message = "This alert was delivered before and has led to a capture, which may still run.";
        Self::new(Kind::Joined, Reason::SameAlert, message)
    }

    /// The same notification came before, and its capture is over.
    pub fn duplicate() -> Self {
        Self::new(Kind::Skipped, Reason::Duplicate, "This alert was delivered before and has led to a capture.")
    }

    /// Nothing was to be changed.
    pub fn dry_run(would_send: WouldSend) -> Self {
        let message = "The setting dry_run is on: these requests would have been sent, and nothing was changed.";
        Self::would_send(message, would_send)
    }

    /// Nothing was to be changed, and the agent would have to be installed first.
    pub fn would_install_agent(machine: &str, request: Value) -> Self {
        let message = format!(
            "{machine} has no Network Watcher agent that works. This request installs it, and the capture follows once it is \
             there. Nothing was changed."
        );
        Self::would_send(&message, WouldSend { requests: vec![request], evicted: vec![] })
    }

    /// Somebody only wanted to know.
    pub fn preview(would_send: WouldSend) -> Self {
        Self::would_send("These requests would be sent. Nothing was changed.", would_send)
    }

    fn would_send(message: &str, WouldSend { requests, evicted }: WouldSend) -> Self {
        let explanation = Some(Explanation { evicted, ..Explanation::default() });
        Self { requests, explanation, ..Self::new(Kind::Skipped, Reason::DryRun, message) }
    }

    /// The same with what the entries of `rules` came to.
    pub fn explained(mut self, rules: Vec<RuleTried>) -> Self {
        self.explanation.get_or_insert_default().rules = rules;
        self
    }

    /// The same, and a capture runs.
    pub fn would_join() -> Self {
        let message = "A capture on this machine already runs, so nothing would be sent.";
        Self::new(Kind::Skipped, Reason::DryRun, message)
    }

    /// Nothing was to be done.
    pub fn skipped(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(Kind::Skipped, reason, message)
    }

    /// Something could not be done. The portal's sample events name a machine that does not exist, and that is no
    /// failure.
    pub fn failed(target: &Target, failure: Failure) -> Self {
        if failure.reason == Reason::MachineNotFound && target.is_of_the_portals_sample() {
            let message =
                "This is a test notification: its machine, test-VM in test-RG, does not exist. Nothing was captured.";
            return Self::new(Kind::Skipped, Reason::TestNotification, message);
        }
        Self::of_failure(failure)
    }

    /// The same, about no machine that is known.
    pub fn of_failure(failure: Failure) -> Self {
        Self { repeat_helps: failure.repeat_helps, ..Self::new(Kind::Failed, failure.reason, failure.message) }
    }

    fn new(kind: Kind, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            target: None,
            outcome: kind,
            reason: reason.into(),
            message: message.into(),
            capture: None,
            requests: vec![],
            explanation: None,
            repeat_helps: false,
        }
    }

    /// Whether this is about a target.
    pub fn is_for(&self, target: &Target) -> bool {
        self.target.as_deref().and_then(Target::parse).as_ref() == Some(target)
    }

    /// The same outcome for a target.
    pub fn for_target(self, target: &Target) -> Self {
        Self { target: Some(target.id().to_string()), ..self }
    }
}

impl CaptureRef {
    /// A reference with its links.
    pub fn new(
        public_url: &str,
        subscription: &str,
        region: &Region,
        name: &str,
        storage_path: Option<String>,
    ) -> Self {
        Self {
            subscription: subscription.to_owned(),
            region: region.clone(),
            name: name.to_owned(),
            storage_path,
            links: Links { this: format!("{public_url}/api/captures/{subscription}/{region}/{name}") },
        }
    }
}
