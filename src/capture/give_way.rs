//! A capture gives way to one that another instance started a moment earlier for the same target.

use crate::capture::note::revise_outcome;
use crate::context::Context;
use crate::host::Host;
use crate::records::capture::{CaptureRecord, Phase, Requested};
use crate::records::outcome::{CaptureRef, Outcome};

/// Hands the alerts over to the earlier capture. Gives the record of the earlier one when nobody has written it yet, so that it is
/// watched from here.
pub async fn give_way<H: Host>(
    context: &Context<H>,
    record: &mut CaptureRecord,
    name: &str,
    storage_path: Option<String>,
) -> Option<CaptureRecord> {
    let records = context.records();
    if record.superseded_by.is_none() {
        record.count_polls_anew();
    }
    record.superseded_by = Some(name.to_owned());
    // From here on whoever joins this capture sees that it has given way.
    records.save_capture(record).await;
    let mut survivor = record_of_earlier(record, name, storage_path.clone());
    let mut found = None;
    match records.capture(&survivor.subscription, &survivor.region, name).await {
        Ok(Some(known)) => survivor = known,
        Ok(None) | Err(_) => {
            let now = context.azures_time();
            survivor.note(now, "found", "It was found running; nothing is known here of its beginning.");
            records.save_capture(&mut survivor).await;
            found = Some(survivor.clone());
        }
    }
    for on in records.alerts_on(record).await.alerts {
        records.add_alert(&survivor, &on).await;
    }
    let public_url = &context.settings.notify.public_url;
    let reference = CaptureRef::new(public_url, &record.subscription, &record.region, name, storage_path);
    revise_outcome(context, record, Outcome { capture: Some(reference), ..Outcome::joined() }).await;
    found
}

/// The record of the earlier capture when nobody has written one. What happened to this capture says nothing of that one.
fn record_of_earlier(record: &CaptureRecord, name: &str, storage_path: Option<String>) -> CaptureRecord {
    let requested = Requested {
        subscription: record.subscription.clone(),
        region: record.region.clone(),
        name: name.to_owned(),
        target: record.target.clone(),
        machine: record.machine.clone(),
        watcher: record.watcher.clone(),
        parameters: record.parameters.clone(),
        by: String::new(),
        alert: None,
        at: record.requested_at,
    };
    CaptureRecord { storage_path, phase: Phase::Creating, settled: true, ..CaptureRecord::new(requested) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::step;
    use crate::records::capture::tests::record;
    use crate::records::capture::{End, EndReason};

    #[test]
    fn the_earlier_capture_takes_nothing_over_of_what_happened_to_the_later_one() {
        let now = record().requested_at;
        let mut later = CaptureRecord {
            operation: Some("https://operation".to_owned()),
            began_at: Some(now),
            polls: 7,
            poll_at: Some(now),
            stopping: Some(EndReason::Resolved),
            superseded_by: Some("earlier".to_owned()),
            replaced: true,
            file_problem: Some("There is none.".to_owned()),
            report: vec!["Nothing answered.".to_owned()],
            report_problem: Some("It was cut off.".to_owned()),
            report_attempts: 2,
            ..record()
        };
        step::end(&mut later, End::superseded("earlier"), now);
        let path = Some("https://store/earlier.cap".to_owned());
        let fresh = CaptureRecord {
            form: crate::records::form::FORM,
            name: "earlier".to_owned(),
            requested_by: String::new(),
            requested_for: None,
            storage_path: path.clone(),
            phase: Phase::Creating,
            settled: true,
            ..record()
        };
        assert_eq!(record_of_earlier(&later, "earlier", path), fresh);
    }
}
