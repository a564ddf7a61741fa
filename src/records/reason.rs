//! Why an alert ended as it did for a target, for machines. `docs/troubleshooting.md` has a remedy for each; a test compares.

use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

/// Every reason that nightcap gives, written in `snake_case`. The sentence beside it says the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, EnumString, IntoStaticStr, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs)]
pub enum Reason {
    // Started.
    Started,
    // Joined.
    AlreadyRunning,
    SameAlert,
    // Skipped.
    AlreadyResolved,
    Cooldown,
    DryRun,
    Duplicate,
    IgnoredByAlert,
    IgnoredByRule,
    NoVirtualMachine,
    Resolved,
    SubscriptionNotAllowed,
    TestNotification,
    // Failed.
    AgentMissing,
    AgentNotInstalled,
    AzureLimit,
    AzureRefused,
    AzureUnavailable,
    AzureUnreachable,
    ForeignUrl,
    LimitReached,
    MachineNotFound,
    MachineNotRunning,
    NameInUse,
    NeverBegan,
    NoNetworkWatcher,
    NoStorageAccount,
    NotAuthorized,
    OutOfTime,
    ProviderNotRegistered,
    SubscriptionNotFound,
    Throttled,
    TokenRefused,
    TooLate,
    UnreadableAnswer,
    WatcherNotFound,
    // Accepted.
    InstallingAgent,
    Working,
}

impl Reason {
    /// The word in answers, records and logs.
    pub fn word(self) -> &'static str {
        self.into()
    }
}

/// A reason as a record holds it: one of today's, or a word that another version of nightcap wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RecordedReason {
    /// One of today's.
    Known(Reason),
    /// Any other, kept as it was written.
    Other(String),
}

impl RecordedReason {
    /// The word as it is written.
    pub fn word(&self) -> &str {
        match self {
            Self::Known(reason) => reason.word(),
            Self::Other(word) => word,
        }
    }
}

impl From<Reason> for RecordedReason {
    fn from(reason: Reason) -> Self {
        Self::Known(reason)
    }
}

impl PartialEq<Reason> for RecordedReason {
    fn eq(&self, other: &Reason) -> bool {
        matches!(self, Self::Known(reason) if reason == other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::IntoEnumIterator;

    #[test]
    fn every_reason_has_one_word_that_leads_back_to_it() {
        for reason in Reason::iter() {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.word());
            assert_eq!(reason.word().parse(), Ok(reason));
            let recorded: RecordedReason = serde_json::from_value(reason.word().into()).unwrap();
            assert!(recorded == reason, "{recorded:?}");
        }
    }

    #[test]
    fn troubleshooting_has_a_remedy_for_every_reason_and_no_other() {
        crate::records::assert_explained("## Reasons of an alert", Reason::iter().map(Reason::word));
    }

    #[test]
    fn the_word_of_another_version_is_kept() {
        let recorded: RecordedReason = serde_json::from_str("\"moon_in_the_way\"").unwrap();
        assert_eq!(recorded.word(), "moon_in_the_way");
        assert_eq!(serde_json::to_string(&recorded).unwrap(), "\"moon_in_the_way\"");
    }
}
