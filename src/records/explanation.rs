//! How it came to what dry run says: for whoever tries rules out.

use serde::{Deserialize, Serialize};

/// What was looked at before anything would have been sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Explanation {
    /// Each entry of the setting `rules`, in its order.
    pub rules: Vec<RuleTried>,
    /// The captures that would be deleted first, to make room or because they have the name.
    pub evicted: Vec<String>,
}

/// An entry of the setting `rules` beside an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RuleTried {
    /// Which entry, from 1.
    pub number: usize,
    /// Whether it is the one that counts for this alert.
    pub applies: bool,
    /// Why it does not, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
}
