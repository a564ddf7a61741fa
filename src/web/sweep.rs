//! `POST /api/sweep`: carries everything that is unfinished on, for a timer.

use axum::body::Body;
use futures::channel::oneshot;
use futures::future::{Either, select};
use http::{Response, StatusCode};
use serde::Serialize;

use super::operator::OperatorContext;
use super::problem::{Problem, json as answer};
use crate::host::Host;
use crate::records::keys::SWEPT;
use crate::records::sweep::Swept;
use crate::timestamp::Timestamp;
use crate::workflow::keeper::keep;
use crate::workflow::sweep::sweep;
use crate::workflow::unfinished::{Count, unfinished};

#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = SweepAnswer))]
pub struct Answer {
    /// What was unfinished when the sweep began.
    unfinished: Count,
    /// Records that cannot be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<SetAside>,
    /// Whether it has gone as far as it goes for now; work goes on otherwise.
    done: bool,
}

/// A record that cannot be read, and lies where no work waits for it.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct SetAside {
    /// Since when.
    at: Timestamp,
    key: String,
    problem: String,
}

/// Sweeps, and answers when all is done or when the caller has waited long enough. A store that takes nothing is told to whoever
/// looks at what the timer gets, for everything else seems to go well then.
pub async fn run<H: Host>(OperatorContext(context): OperatorContext<H>) -> Result<Response<Body>, Problem> {
    let is_kept = context.records().save(SWEPT, &Swept { at: context.host().now() }).await;
    let found = unfinished(&context).await;
    let count = found.count();
    let (done, is_done) = oneshot::channel();
    let instance = context.instance.clone();
    let patience = instance.host.sleep(context.settings.answer_within);
    let task = context.about("").staying();
    let work = async move {
        sweep(&task, found).await;
        // Whoever waited may have gone.
        let _ = done.send(());
        keep(&task).await;
    };
    instance.host.spawn(Box::pin(work)).await;
    let patience = std::pin::pin!(patience);
    let done = matches!(select(is_done, patience).await, Either::Left((Ok(()), _)));
    if !is_kept {
        let detail =
            "The store takes nothing, so what comes in is not remembered. The log tells why, as store_write_failed.";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail));
    }
    let status = if done { StatusCode::OK } else { StatusCode::ACCEPTED };
    let unreadable = context.records().unreadable().await.into_iter();
    let unreadable = unreadable.map(|one| SetAside { at: one.at, key: one.key, problem: one.problem }).collect();
    Ok(answer(status, &Answer { unfinished: count, unreadable, done }))
}
