//! The HTTP status of an outcome, for programs and people who want to branch on it.

use http::StatusCode;
use serde::Serialize;

use super::problem::Problem;
use crate::records::failure::Failure;
use crate::records::outcome::{Kind, Outcome};
use crate::records::reason::{Reason, RecordedReason};

/// Where to read how something ends.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct RecordLinks {
    /// The address of the record of an alert, or of a request by hand.
    pub record: String,
}

/// The problem that an outcome is; none when it is as good as was asked for.
pub fn problem(outcome: &Outcome) -> Option<Problem> {
    let is_problem = outcome.outcome == Kind::Failed || outcome.reason == Reason::SubscriptionNotAllowed;
    is_problem.then(|| Problem::new(status(&outcome.reason), outcome.message.clone()).with("reason", &outcome.reason))
}

/// The problem that a failure is.
pub fn of_failure(failure: &Failure) -> Problem {
    let status = status(&failure.reason.into());
    Problem::new(status, failure.message.clone()).with("reason", failure.reason.word())
}

fn status(reason: &RecordedReason) -> StatusCode {
    match reason {
        RecordedReason::Known(Reason::SubscriptionNotAllowed) => StatusCode::FORBIDDEN,
        RecordedReason::Known(Reason::LimitReached | Reason::NameInUse) => StatusCode::CONFLICT,
        RecordedReason::Known(
            Reason::MachineNotFound
            | Reason::MachineNotRunning
            | Reason::AgentMissing
            | Reason::AgentNotInstalled
            | Reason::NoStorageAccount
            | Reason::WatcherNotFound
            | Reason::NoNetworkWatcher
            | Reason::SubscriptionNotFound,
        ) => StatusCode::UNPROCESSABLE_ENTITY,
        RecordedReason::Known(_) | RecordedReason::Other(_) => StatusCode::BAD_GATEWAY,
    }
}
