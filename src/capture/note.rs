//! What is noted of a capture elsewhere than in its own record: in the log, and in the alert that asked for it.

use crate::context::Context;
use crate::host::Host;
use crate::log::Event;
use crate::records::alert::AlertRecord;
use crate::records::capture::{CaptureRecord, EndReason};
use crate::records::keys::alert_key;
use crate::records::outcome::{Kind, Outcome};

/// Writes into the log what became of a capture.
pub fn note_capture<H: Host>(context: &Context<H>, record: &CaptureRecord, step: &str) {
    let end = record.end.as_ref().map(|end| end.reason);
    let is_fine = end.is_none_or(|end| end.is_good() || !end.is_told());
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

/// The alert that the capture was asked for ended otherwise than it was told at first.
pub async fn revise_outcome<H: Host>(context: &Context<H>, record: &CaptureRecord, outcome: Outcome) {
    let records = context.records();
    let Some(mut alert) = records.load::<AlertRecord>(&alert_key(&record.requested_by)).await else { return };
    let about_this = |own: &&mut Outcome| own.outcome == Kind::Started && own.is_for(&record.target);
    if let Some(own) = alert.outcomes.iter_mut().find(about_this) {
        *own = outcome.for_target(&record.target);
        records.save_alert(&alert).await;
    }
}
