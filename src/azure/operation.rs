//! Long-running operations, followed to their end.
//!
//! The rules are those of "Track asynchronous Azure operations": `Azure-AsyncOperation` before `Location`, addresses
//! used as they are, and a status read that fails says nothing about the operation.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, Uri};
use serde::Deserialize;

use super::action::Action;
use super::answer::read;
use super::client::Azure;
use super::error::{AzureError, Detail};
use super::{lenient, retry};
use crate::host::Host;

/// The pause between two polls when Azure names none. `Microsoft.Network` always names 10 seconds.
pub const USUAL_PAUSE: Duration = Duration::from_secs(10);

/// The shortest pause, whatever an answer says.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);

/// Where an operation can be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Tracker {
    /// A status document, always answered 200 while the operation is known.
    Status(Uri),
    /// The result itself, answered 202 until it is there.
    Result(Uri),
}

/// Waits until the operation that an answer began has ended well, and gives the last answer. An answer that began none
/// has ended already.
pub async fn wait<H: Host>(
    azure: &Azure<'_, H>,
    begun_by: Action,
    answer: &Response<Bytes>,
) -> Result<Response<Bytes>, AzureError> {
    let Some(mut tracker) = tracker(azure, answer.headers())? else { return Ok(answer.clone()) };
    let mut pause = retry::retry_after(answer.headers()).unwrap_or(USUAL_PAUSE);
    loop {
        pause = pause.max(SHORTEST_PAUSE);
        if pause >= azure.time_left() {
            return Err(AzureError::OutOfTime { action: begun_by });
        }
        azure.log.host.sleep(pause).await;
        let (Tracker::Status(uri) | Tracker::Result(uri)) = &tracker;
        let answer = azure.get(Action::Operation, uri.clone()).await?;
        pause = retry::retry_after(answer.headers()).unwrap_or(pause);
        match tracker {
            Tracker::Status(_) => {
                if ended(begun_by, read(Action::Operation, &answer)?)? {
                    return Ok(answer);
                }
            }
            Tracker::Result(_) if answer.status() != StatusCode::ACCEPTED => return Ok(answer),
            Tracker::Result(_) => {
                if let Some(Tracker::Result(moved)) = self::tracker(azure, answer.headers())? {
                    tracker = Tracker::Result(moved);
                }
            }
        }
    }
}

/// Where an operation can be polled later, by whoever then has the time: its `Azure-AsyncOperation`.
pub fn address(answer: &Response<Bytes>) -> Option<String> {
    answer.headers().get("azure-asyncoperation").and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Asks for an operation once. `None` while it goes on.
pub async fn poll<H: Host>(azure: &Azure<'_, H>, begun_by: Action, address: &str) -> Result<Option<()>, AzureError> {
    let answer = azure.get(Action::Operation, azure.given_uri(Action::Operation, address)?).await?;
    Ok(ended(begun_by, read(Action::Operation, &answer)?)?.then_some(()))
}

fn tracker<H: Host>(azure: &Azure<'_, H>, headers: &HeaderMap) -> Result<Option<Tracker>, AzureError> {
    let address = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(address) = address("azure-asyncoperation") {
        return azure.given_uri(Action::Operation, address).map(|uri| Some(Tracker::Status(uri)));
    }
    address("location").map(|address| azure.given_uri(Action::Operation, address).map(Tracker::Result)).transpose()
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OperationStatus {
    #[serde(deserialize_with = "lenient::or_default")]
    status: String,
    #[serde(deserialize_with = "lenient::or_default")]
    error: Detail,
}

/// Whether the operation has ended well; unknown words mean that it goes on.
fn ended(begun_by: Action, OperationStatus { status, error }: OperationStatus) -> Result<bool, AzureError> {
    if ["Failed", "Canceled"].into_iter().any(|end| end.eq_ignore_ascii_case(&status)) {
        let Detail { code, message } = error.cleaned();
        let code = if code.is_empty() { status } else { code };
        return Err(AzureError::OperationFailed { action: begun_by, code, message });
    }
    Ok(status.eq_ignore_ascii_case("Succeeded"))
}
