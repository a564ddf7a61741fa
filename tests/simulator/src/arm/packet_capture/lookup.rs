//! Which watcher and which capture a request is about.

use http::StatusCode;
use jiff::Timestamp;

use crate::arm::call::{Call, resource_not_found};
use crate::capture::lifecycle::Capture;
use crate::error::ArmError;
use crate::resource_id::same;
use crate::state::State;
use crate::world::resources::Watcher;

pub(crate) fn watcher_of(state: &State, call: &Call) -> Result<Watcher, ArmError> {
    state.world.watcher(&call.path.id(2)).cloned().ok_or_else(|| {
        let message = format!(
            "Can not perform requested operation on nested resource. Parent resource '{}' not found.",
            call.path.rest.get(1).map(String::as_str).unwrap_or_default()
        );
        ArmError::not_found("ParentResourceNotFound", message)
    })
}

/// Where in the ledger the capture is that the call's path names.
pub(crate) fn capture_of(state: &State, call: &Call) -> Result<usize, ArmError> {
    let watcher = watcher_of(state, call)?;
    let name = call.path.rest.get(3).map(String::as_str).unwrap_or_default();
    find_capture(state, call.now, &watcher, name).ok_or_else(|| resource_not_found(call))
}

pub(crate) fn find_capture(state: &State, now: Timestamp, watcher: &Watcher, name: &str) -> Option<usize> {
    let is_it =
        |capture: &Capture| same(&capture.name, name) && same(&capture.watcher, &watcher.id) && capture.exists(now);
    state.captures.iter().rposition(is_it)
}

pub(crate) fn check_not_busy(state: &State, call: &Call, index: usize) -> Result<(), ArmError> {
    let capture = &state.captures[index];
    if !capture.is_busy(call.now) {
        return Ok(());
    }
    let message = format!(
        "Operation on resource {} is being blocked by another operation. The operation is retryable.",
        capture.id
    );
    Err(ArmError::new(StatusCode::TOO_MANY_REQUESTS, "RetryableErrorDueToAnotherOperation", message)
        .retry_after(state.world.timing.retry_after))
}
