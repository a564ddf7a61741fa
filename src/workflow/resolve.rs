//! An alert that is over: with `stop_on_resolve` it stops the captures that are there for nothing else.

use crate::alert::Alert;
use crate::context::Context;
use crate::host::Host;
use crate::records::alert::Resolved;
use crate::records::capture::CaptureRecord;
use crate::records::keys::resolved_key;
use crate::timestamp::Timestamp;

/// Writes down that the alert is over, and gives the captures that serve it, each with the index of its target.
pub async fn resolve<H: Host>(
    context: &Context<H>,
    alert: &Alert,
    received_at: Timestamp,
) -> Vec<(usize, CaptureRecord)> {
    if !stops_captures(context, alert) {
        return vec![];
    }
    let at = alert.resolved_at.or(alert.fired_at).unwrap_or(received_at);
    let summary = alert.summary();
    for target in &alert.targets {
        context.records().save(&resolved_key(target, &summary), &Resolved { at }).await;
    }
    serving(context, alert).await
}

/// Whether the alert's end stops what was captured for nothing else.
pub fn stops_captures<H: Host>(context: &Context<H>, alert: &Alert) -> bool {
    context.settings.stop_on_resolve && !alert.test && alert.condition.has_ended()
}

/// The captures that serve the alert and are not over, each with the index of its target.
pub async fn serving<H: Host>(context: &Context<H>, alert: &Alert) -> Vec<(usize, CaptureRecord)> {
    let (records, summary) = (context.records(), alert.summary());
    let mut serving = Vec::new();
    for key in records.unfinished("capture:").await {
        let Ok(Some(record)) = records.capture_at(&key).await else { continue };
        let Some(index) = alert.targets.iter().position(|target| *target == record.target) else { continue };
        if records.is_on(&record, &summary).await {
            serving.push((index, record));
        }
    }
    serving
}
