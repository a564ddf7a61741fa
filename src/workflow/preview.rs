//! What would be done about an alert, or for somebody who starts a capture by hand. Nothing is changed, and nothing remembered.

use std::sync::Arc;

use futures::future::ready;
use futures::stream::{self, StreamExt};

use crate::alert::{Alert, Condition};
use crate::context::{Context, Instance};
use crate::host::Host;
use crate::records::alert::{AlertRecord, OnCapture};
use crate::records::outcome::Outcome;
use crate::settings::Settings;
use crate::workflow::machines::{find, is_to_be_found};
use crate::workflow::resolve::{serving, stops_captures};
use crate::workflow::run::{MOST_TARGETS_AT_ONCE, first_outcomes};
use crate::workflow::target::{ForTarget, Origin};

/// How the alert would end for each of its targets, with the requests that would be sent: what `dry_run` answers.
pub async fn preview<H: Host>(instance: &Arc<Instance<H>>, settings: &Settings, mut alert: Alert) -> Vec<Outcome> {
    let settings = Arc::new(Settings { dry_run: true, ..settings.clone() });
    let context = Context::new(instance, &settings, "");
    if is_to_be_found(&alert, &settings)
        && let Some(problem) = find(&context, &alert.unresolved).await.put_into(&mut alert)
    {
        return vec![problem];
    }
    let would_start = alert.condition == Condition::Fired && !alert.test && !alert.targets.is_empty();
    if would_start { of_targets(&context, &alert).await } else { of_the_end(&context, &alert).await }
}

async fn of_targets<H: Host>(context: &Context<H>, alert: &Alert) -> Vec<Outcome> {
    let at = alert.fired_at.unwrap_or_else(|| context.host().now());
    let on = OnCapture { alert: alert.summary(), at };
    let earlier = earlier_delivery(context, alert).await;
    let outcomes: Vec<_> = alert
        .targets
        .iter()
        .map(|target| {
            let (on, earlier) = (on.clone(), earlier.clone());
            async move {
                let work = ForTarget { context, alert, on, origin: Origin::Received, target, agent: None };
                work.preview(ready(earlier)).await.for_target(target)
            }
        })
        .collect();
    stream::iter(outcomes).buffered(MOST_TARGETS_AT_ONCE).collect().await
}

/// The record of the same notification, when it was delivered before.
async fn earlier_delivery<H: Host>(context: &Context<H>, alert: &Alert) -> Option<Arc<AlertRecord>> {
    if !alert.can_be_recognised() {
        return None;
    }
    context.records().alert(&alert.key()).await.ok().flatten().map(Arc::new)
}

/// How one ends for which nothing is captured. With `stop_on_resolve` it may stop captures.
async fn of_the_end<H: Host>(context: &Context<H>, alert: &Alert) -> Vec<Outcome> {
    let mut outcomes = first_outcomes(alert);
    if stops_captures(context, alert) {
        for (index, record) in serving(context, alert).await {
            if let Some(outcome) = outcomes.get_mut(index) {
                *outcome = Outcome::resolved(alert.condition.word(), &record.name).for_target(&record.target);
            }
        }
    }
    outcomes
}
