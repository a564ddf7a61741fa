//! One notification, whatever schema it came in.

use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoStaticStr};

use crate::alert::direct_call::DirectCall;
use crate::alert::reference::{Reference, Subjects};
use crate::azure::region::Region;
use crate::azure::target::Target;
use crate::digest::digest;
use crate::json::WrongType;
use crate::timestamp::Timestamp;

/// One notification, whatever schema it came in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// What the payload was like.
    #[serde(default)]
    pub schema: Schema,
    /// Azure's id of the alert, or the nearest thing that the payload has.
    pub id: String,
    /// Name of the alert rule.
    pub rule: String,
    /// `Sev0` to `Sev4`.
    pub severity: Option<String>,
    /// Whether the condition began or ended.
    pub condition: Condition,
    /// When the condition began.
    pub fired_at: Option<Timestamp>,
    /// When the condition ended, where Azure tells it.
    pub resolved_at: Option<Timestamp>,
    /// The machines that it is about; none when it is about something else.
    pub targets: Vec<Target>,
    /// How many more machines it names than are worked on.
    #[serde(default, skip_serializing_if = "crate::json::is_zero")]
    pub targets_left_out: usize,
    /// What it names in place of machines, for Azure to say which they are; none once that is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unresolved: Vec<Reference>,
    /// What it is about when that is no machine, for the sentence that says so.
    pub other_targets: Vec<String>,
    /// The machine's region, which only the retired classic payload tells.
    pub region: Option<Region>,
    /// What was measured, when the alert is about a measurement.
    pub reading: Option<Reading>,
    /// Custom properties of the alert rule.
    pub properties: Vec<(String, String)>,
    /// Whether this is the sample of the portal's Test button.
    pub test: bool,
    /// Set when a program called directly, in the manner of the 2017 sample.
    pub direct: Option<DirectCall>,
}

/// The kinds of payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, IntoStaticStr, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Schema {
    /// Azure Monitor's common alert schema.
    Common,
    Metric,
    ActivityLog,
    /// Log alerts of version 1.
    Log,
    Budget,
    /// The retired metric alerts.
    Classic,
    /// The flat body of the 2017 sample, from a program.
    Direct,
    /// No alert, but an operator who asked for a capture.
    ByHand,
    /// An earlier version of nightcap has not written it down.
    #[default]
    #[serde(other)]
    Unknown,
}

impl Schema {
    /// The word in records and metrics.
    pub fn word(self) -> &'static str {
        self.into()
    }
}

/// Whether an alert's condition began or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It began.
    Fired,
    /// It ended; Azure's own word for it.
    Over(String),
}

/// What answers, records and messages say of an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = Alert))]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// See [`Alert::id`].
    pub id: String,
    /// See [`Alert::rule`].
    pub rule: String,
    /// `Fired`, or Azure's word for the end.
    pub condition: String,
    /// See [`Alert::severity`].
    pub severity: Option<String>,
    /// See [`Alert::fired_at`].
    pub fired_at: Option<Timestamp>,
    /// See [`Alert::reading`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    /// Whether this is no alert at all, but an operator who asked for a capture.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_hand: bool,
}

/// What was measured when an alert fired, in Azure's own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    /// The metric's name, or the measured column of a log search.
    pub metric: String,
    /// How it is compared, such as `GreaterThan`.
    pub operator: Option<String>,
    /// What it is compared with.
    pub threshold: Option<String>,
    /// What was measured.
    pub value: Option<String>,
}

/// Why a body is not an alert. The caller is told the sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAlert {
    /// The bytes are not JSON.
    #[error("The body is not JSON: {0}.")]
    NotJson(String),
    /// JSON, but of no schema that Azure Monitor uses.
    #[error(
        "The body is JSON, but no alert that nightcap knows. It takes Azure Monitor's common alert schema, the older \
         schemas of metric, log and activity log alerts, and the parameters of the 2017 sample (targetVM and so on)."
    )]
    UnknownSchema,
    /// A known schema with something in it that cannot be.
    #[error("The body looks like {schema}, but {wrong}.")]
    WrongType {
        /// The schema that was recognised.
        schema: &'static str,
        /// The member.
        wrong: WrongType,
    },
    /// A direct call with a value that cannot be used.
    #[error("{0}")]
    BadValue(String),
}

impl Alert {
    /// Tells notifications apart: equal for every delivery of one notification, different for any two.
    ///
    /// Azure promises neither order nor single delivery, so this is made of the alert, its condition and its time.
    pub fn key(&self) -> String {
        let fired_at = self.fired_at.map(|time| time.to_string()).unwrap_or_default();
        let targets: Vec<String> = self.targets.iter().map(|target| target.id().key()).collect();
        let text = format!("{}\n{}\n{fired_at}\n{}", self.id, self.condition.word(), targets.join("\n"));
        digest(&text, 16)
    }

    /// Whether [`Alert::key`] is sure to tell this notification from any other.
    pub fn can_be_recognised(&self) -> bool {
        self.direct.is_none() && self.fired_at.is_some() && !self.id.is_empty()
    }

    /// What answers, records and messages say of this alert.
    pub fn summary(&self) -> Summary {
        Summary {
            id: self.id.clone(),
            rule: self.rule.clone(),
            condition: self.condition.word().to_owned(),
            severity: self.severity.clone(),
            fired_at: self.fired_at,
            reading: self.reading.clone(),
            by_hand: self.direct.as_ref().is_some_and(|direct| direct.by_hand),
        }
    }
}

/// A fired alert with nothing known but these.
pub fn alert(id: String, rule: String, ids: Vec<String>) -> Alert {
    let Subjects { targets, targets_left_out, references, others } = Subjects::of(ids);
    Alert {
        schema: Schema::default(),
        id,
        rule,
        severity: None,
        condition: Condition::Fired,
        fired_at: None,
        resolved_at: None,
        other_targets: if targets.is_empty() { others } else { vec![] },
        unresolved: if targets.is_empty() { references } else { vec![] },
        targets,
        targets_left_out,
        region: None,
        reading: None,
        properties: Default::default(),
        test: false,
        direct: None,
    }
}

impl Condition {
    /// Whether Azure has said that it ended; what else it may say of it one day means nothing yet.
    pub fn has_ended(&self) -> bool {
        matches!(self, Self::Over(word) if ["Resolved", "Deactivated"].iter().any(|end| end.eq_ignore_ascii_case(word)))
    }

    /// `Fired`, or Azure's word for the end.
    pub fn word(&self) -> &str {
        match self {
            Self::Fired => "Fired",
            Self::Over(word) => word,
        }
    }
}
