//! One line of the checks: what was looked at, whether it is good, and what mends it.

use serde::Serialize;
use serde_with::skip_serializing_none;
use strum::{EnumIter, IntoStaticStr};

use crate::azure::error::AzureError;
use crate::records::failure::Failure;
use crate::workflow::need::Need;

/// What is looked at. `docs/preflight.md` explains each; a test compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, IntoStaticStr, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Check {
    Settings,
    Key,
    Messages,
    Store,
    Sweep,
    Token,
    Subscription,
    Machine,
    Agent,
    Power,
    Watcher,
    Captures,
    StorageAccount,
    Right,
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Good,
    /// Alerts lead to captures, and something is probably not as it was meant.
    Attention,
    /// Alerts lead to no captures, or to less than they should.
    Bad,
    /// It could not be looked at, or would have changed something.
    NotTried,
}

/// One line.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = PreflightLine))]
pub struct Line {
    pub check: Check,
    /// What exactly was looked at: a setting, a resource, a right.
    pub about: Option<String>,
    pub verdict: Verdict,
    /// How it stands, for people.
    pub message: String,
    /// What mends it: a command to run, or the name of a setting.
    pub mend: Option<String>,
}

impl Line {
    pub fn good(check: Check, message: impl Into<String>) -> Self {
        Self { check, about: None, verdict: Verdict::Good, message: message.into(), mend: None }
    }

    pub fn attention(check: Check, message: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { verdict: Verdict::Attention, mend: Some(mend.into()), ..Self::good(check, message) }
    }

    pub fn bad(check: Check, message: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { verdict: Verdict::Bad, ..Self::attention(check, message, mend) }
    }

    pub fn not_tried(check: Check, message: impl Into<String>) -> Self {
        Self { verdict: Verdict::NotTried, ..Self::good(check, message) }
    }

    /// What Azure did not tell, and why. Without a token nothing can be asked, which has a line of its own. `mend` is for what no
    /// command in the sentence mends.
    pub fn unanswered(check: Check, error: &AzureError, failure: Failure, mend: impl Into<String>) -> Self {
        match error {
            AzureError::NoToken { .. } => Self::not_tried(check, "This could not be asked, for there was no token."),
            _ => {
                let mend = failure.command().unwrap_or_else(|| mend.into());
                Self::bad(check, failure.message, mend)
            }
        }
    }

    /// What a capture needs and is not there.
    pub fn needed(check: Check, need: Need, mend: impl Into<String>) -> Self {
        let mend = need.mend.unwrap_or_else(|| mend.into());
        Self::bad(check, need.message, mend)
    }

    /// The same line about something.
    pub fn about(self, about: impl Into<String>) -> Self {
        Self { about: Some(about.into()), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::IntoEnumIterator;

    #[test]
    fn every_check_is_explained_and_no_other() {
        let (_, section) = include_str!("../../../docs/preflight.md").split_once("## What is looked at").unwrap();
        let section = section.split("\n## ").next().unwrap();
        let explained = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        assert!(explained.eq(Check::iter().map(<&str>::from)), "docs/preflight.md, in this order");
    }
}
