//! What would be done about an alert, or for somebody who starts a capture by hand. Nothing is changed, and nothing remembered.

use std::sync::Arc;

use futures::future::join_all;

use crate::alert::Alert;
use crate::context::{Context, Instance};
use crate::host::Host;
use crate::plan::{Plan, nothing_to_do};
use crate::records::alert::OnCapture;
use crate::records::outcome::Outcome;
use crate::settings::Settings;
use crate::workflow::target::{ForTarget, Origin};

/// How the alert would end for each of its targets, with the requests that would be sent.
pub async fn preview<H: Host>(instance: &Arc<Instance<H>>, settings: &Settings, alert: &Alert) -> Vec<Outcome> {
    if let Some(Plan::Skip { reason, message }) = nothing_to_do(alert) {
        return vec![Outcome::skipped(reason, message)];
    }
    let settings = Arc::new(Settings { dry_run: true, ..settings.clone() });
    let context = Context::new(instance, &settings, "");
    let at = alert.fired_at.unwrap_or_else(|| context.host().now());
    let on = OnCapture { alert: alert.summary(), at };
    let for_target = alert.targets.iter().map(|target| ForTarget {
        context: &context,
        alert,
        on: on.clone(),
        origin: Origin::Received,
        target,
    });
    let for_target: Vec<_> = for_target.collect();
    let outcomes = for_target.iter().map(|work| async { work.preview().await.for_target(work.target) });
    join_all(outcomes).await
}
