//! What is noted of a capture elsewhere than in its own record: in the log, and in the alert that asked for it.

use crate::context::Context;
use crate::host::Host;
use crate::log::Event;
use crate::records::alert::Revision;
use crate::records::capture::{CaptureRecord, EndReason};
use crate::records::failure::Failure;
use crate::records::keys::revision_key;
use crate::records::outcome::Outcome;
use crate::records::reason::Reason;

/// Writes into the log what became of a capture.
pub fn note_capture<H: Host>(context: &Context<H>, record: &CaptureRecord, step: &str) {
    let end = record.end.as_ref().map(|end| end.reason);
    let is_fine = end.is_none_or(|end| end.is_good() || !end.is_notified());
    let target = record.target.id().to_string();
    let log = context.log();
    log.write(&Event {
        target: Some(&target),
        capture: Some(&record.name),
        step: Some(step),
        reason: end.map(EndReason::word),
        ..log.event("capture", if is_fine { "info" } else { "error" })
    });
}

/// The alert has failed when its capture never began. Whoever saw that has said so, unless it was one who only needed the
/// capture's name or place.
pub async fn note_that_it_never_began<H: Host>(context: &Context<H>, record: &CaptureRecord) {
    let Some(end) = record.end.as_ref().filter(|end| end.reason == EndReason::NeverBegan) else { return };
    let key = revision_key(&record.requested_by, &record.target, &record.name);
    let said: Option<Revision> = context.records().load(&key).await;
    if said.is_none_or(|said| said.storage_path != record.storage_path) {
        let failure = Failure::lasting(Reason::NeverBegan, end.message.clone());
        revise_outcome(context, record, Outcome::failed(&record.target, failure)).await;
    }
}

/// The alert that the capture was asked for ended otherwise than it was told at first.
pub async fn revise_outcome<H: Host>(context: &Context<H>, record: &CaptureRecord, outcome: Outcome) {
    if record.requested_by.is_empty() {
        return;
    }
    let revision = Revision {
        at: context.host().now(),
        capture: record.name.clone(),
        storage_path: record.storage_path.clone(),
        outcome: outcome.for_target(&record.target),
    };
    let key = revision_key(&record.requested_by, &record.target, &record.name);
    context.records().save(&key, &revision).await;
    context.records().relist_alert(&record.requested_by).await;
}
