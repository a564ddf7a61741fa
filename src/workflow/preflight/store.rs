//! The store, and when the timer last came.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use serde::{Deserialize, Serialize};

use super::line::{Check, Line};
use super::wanted::ASK_FOR;
use crate::azure::client::new_request_id;
use crate::host::{Host, StoreError};
use crate::measure::length;
use crate::records::keys::{SWEPT, lease_key};
use crate::records::repository::Records;
use crate::records::store::{self, ReadError};
use crate::records::sweep::Swept;
use crate::timestamp::Timestamp;

/// Alerts wait for a write of the store and two reads; a slower one costs evidence.
const SLOW: Duration = Duration::from_millis(500);

/// A timer comes every minute. One that has not come for so long has stopped.
const TIMER_HAS_STOPPED: Duration = Duration::from_mins(15);

/// What is written to see whether the store takes it. It lies where leases on messages lie, and has their form, so that it is pruned
/// as those are when a host dies before it has taken it away.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Trial {
    by: String,
    at: Timestamp,
}

/// Writes a value, reads it, and takes it away.
pub async fn store<H: Host>(records: &Records<'_, H>) -> Line {
    let host = records.log.host;
    let began = host.monotonic();
    let too_late = || Err(StoreError(format!("no answer within {} seconds", ASK_FOR.as_secs())));
    let outcome = in_time(host, try_out(host)).await.unwrap_or_else(too_late);
    judge(outcome, host.has_store(), host.monotonic().saturating_sub(began))
}

async fn try_out<H: Host>(host: &H) -> Result<(), StoreError> {
    // Two who look at once must not see each other's.
    let own = new_request_id(host);
    let key = lease_key(&own.replace('-', ""));
    let value = Trial { by: own, at: host.now() };
    store::save(host, &key, &value).await?;
    let found = store::load::<Trial>(host, &key).await;
    host.delete(key.clone()).await?;
    match found {
        Ok(Some(found)) if found == value => {}
        Ok(_) => return Err(StoreError("what was written was not there when it was read".to_owned())),
        Err(ReadError::Store(detail) | ReadError::Unreadable { problem: detail, .. }) => {
            return Err(StoreError(detail));
        }
    }
    match host.load(key).await? {
        None => Ok(()),
        Some(_) => Err(StoreError("what was deleted was still there when it was read".to_owned())),
    }
}

fn judge(outcome: Result<(), StoreError>, is_kept: bool, took: Duration) -> Line {
    const MEND: &str = "key_value_stores of the component, or the directory /state";
    let took_millis = took.as_millis();
    match outcome {
        Err(StoreError(detail)) => {
            let message = format!("The store does not do what it should: {detail}. What comes in is not remembered.");
            Line::bad(Check::Store, message, MEND)
        }
        Ok(()) if !is_kept => {
            let message = "No directory is mounted at /state, so records last only as long as an instance.";
            Line::bad(Check::Store, message, "--dir HOST_DIRECTORY::/state")
        }
        Ok(()) if took >= SLOW => {
            let message = format!(
                "The store took {took_millis} ms to write, read, delete and read. Captures begin later by about half of that."
            );
            Line::attention(Check::Store, message, MEND)
        }
        Ok(()) => Line::good(Check::Store, format!("A value was written, read and deleted in {took_millis} ms.")),
    }
}

/// When work that hosts left behind was last looked for.
pub async fn sweep<H: Host>(records: &Records<'_, H>) -> Line {
    let host = records.log.host;
    match in_time(host, store::load::<Swept>(host, SWEPT)).await {
        Some(Ok(swept)) => judge_sweep(swept, host.now()),
        Some(Err(_)) | None => Line::not_tried(Check::Sweep, "The store did not tell when the last sweep was."),
    }
}

/// What the store answers, unless it takes too long.
async fn in_time<H: Host, T>(host: &H, answer: impl Future<Output = T>) -> Option<T> {
    match select(pin!(answer), pin!(host.sleep(ASK_FOR))).await {
        Either::Left((answer, _)) => Some(answer),
        Either::Right(_) => None,
    }
}

fn judge_sweep(swept: Option<Swept>, now: Timestamp) -> Line {
    const MEND: &str = "POST /api/sweep every minute: deploy/sweep";
    match swept.map(|swept| now.since(swept.at).unwrap_or_default()) {
        None => {
            let message =
                "No timer has called POST /api/sweep yet. What a host leaves when it dies waits for the next alert.";
            Line::attention(Check::Sweep, message, MEND)
        }
        Some(age) if age > TIMER_HAS_STOPPED => {
            let message = format!("The last sweep was {} ago; the timer seems to have stopped.", length(age));
            Line::attention(Check::Sweep, message, MEND)
        }
        Some(age) => Line::good(Check::Sweep, format!("The last sweep was {} ago.", length(age))),
    }
}
