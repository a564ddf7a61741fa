//! A capture gives way to one that another instance started a moment earlier for the same target.

use crate::capture::note::revise_outcome;
use crate::capture::step;
use crate::context::Context;
use crate::host::Host;
use crate::records::capture::{CaptureRecord, End, Phase, Requested};
use crate::records::outcome::{CaptureRef, Outcome};

/// Hands the alerts over to the earlier capture and ends this one. Gives the record of the earlier one when nobody has
/// written it yet, so that it is watched from here.
pub async fn give_way<H: Host>(
    context: &Context<H>,
    record: &mut CaptureRecord,
    name: &str,
    storage_path: Option<String>,
) -> Option<CaptureRecord> {
    let records = context.records();
    record.superseded_by = Some(name.to_owned());
    // From here on whoever joins this capture sees that it has given way.
    records.save_capture(record).await;
    // What happened to this capture says nothing of that one.
    let requested = Requested {
        subscription: record.subscription.clone(),
        region: record.region.clone(),
        name: name.to_owned(),
        target: record.target.clone(),
        machine: record.machine.clone(),
        watcher: record.watcher.clone(),
        parameters: record.parameters.clone(),
        by: String::new(),
        at: record.requested_at,
    };
    let mut survivor = CaptureRecord {
        storage_path: storage_path.clone(),
        phase: Phase::Creating,
        settled: true,
        ..CaptureRecord::new(requested)
    };
    let mut found = None;
    match records.capture(&survivor.subscription, &survivor.region, name).await {
        Ok(Some(known)) => survivor = known,
        Ok(None) | Err(_) => {
            let now = context.host().now();
            survivor.note(now, "found", "It was found running; nothing is known here of its beginning.");
            records.save_capture(&mut survivor).await;
            found = Some(survivor.clone());
        }
    }
    for on in records.alerts_on(record).await.0 {
        records.add_alert(&survivor, &on).await;
    }
    let public_url = &context.settings.notify.public_url;
    let reference = CaptureRef::new(public_url, &record.subscription, &record.region, name, storage_path);
    revise_outcome(context, record, Outcome { capture: Some(reference), ..Outcome::joined() }).await;
    step::end(record, End::superseded(name), context.host().now());
    found
}
