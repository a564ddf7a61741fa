//! The last steps of a capture: people are told, and nothing remains to be done.

use crate::capture::note::note_capture;
use crate::capture::step::{enter, poll_again};
use crate::context::Context;
use crate::host::Host;
use crate::notify::{compose, outbox};
use crate::records::capture::{CaptureRecord, End, EndReason, Phase};
use crate::records::keys::target_key;
use crate::records::repository::AlertsOn;
use crate::records::target::TargetMemory;

/// How many polls may find a store that takes no message, or does not tell of whom it is to be, before it is sent all the same:
/// a little over a minute.
const POLLS_FOR_STORE: u32 = 4;

/// How often a message that the store does not take is sent before it is given up: for about half an hour.
const POLLS_FOR_PEOPLE: u32 = 12;

/// Writes down what people are to be told, and then that nothing remains to be done. Then tells them.
pub async fn finish<H: Host>(context: &Context<H>, record: &mut CaptureRecord) {
    let records = context.records();
    let now = context.host().now();
    let end = record.end.clone();
    let end = end.unwrap_or_else(|| End::lost_sight("The record does not tell how the capture ended."));
    if end.reason.is_notified() {
        let key = target_key(&record.target);
        let captured_until = if end.reason == EndReason::NeverBegan { None } else { Some(now) };
        let memory = records.load::<TargetMemory>(&key).await.unwrap_or_default();
        records.save(&key, &memory.after_end(&record.key(), captured_until, now)).await;
    }
    let AlertsOn { alerts, count, is_whole } = records.alerts_on(record).await;
    let notice = compose::capture_ended(record, &end, alerts, count, &context.settings.notify, now);
    let is_wanted = end.reason.is_notified() && context.settings.notify.wants(notice.event);
    // The message is told once, and for some of the alerts it may be the only one. What is not in the store does not wait: nobody
    // else would tell it.
    let may_wait = is_wanted && !is_whole && record.polls < POLLS_FOR_STORE;
    if may_wait && records.save_capture(record).await {
        return poll_again(record, context.azures_time());
    }
    // What cannot be written down has to be told before this record says that nothing remains to be done. Until it says so
    // nothing is lost.
    let is_kept = is_wanted && outbox::enqueue(&records, &notice).await;
    if is_wanted && !is_kept {
        if record.polls < POLLS_FOR_STORE {
            return poll_again(record, context.azures_time());
        }
        // Somebody else may seem to be sending it, and think the same.
        let is_told = outbox::deliver_unkept(&records, &context.settings.notify, notice.clone()).await;
        if !is_told && record.polls < POLLS_FOR_PEOPLE {
            return poll_again(record, context.azures_time());
        }
    }
    enter(record, Phase::Finished, context.azures_time(), "finished", "Nothing remains to be done.");
    note_capture(context, record, "finished");
    records.save_capture(record).await;
    if is_kept {
        outbox::deliver(&records, &context.settings.notify, notice, context.begin_until(outbox::DELIVERY_TAKES)).await;
    }
}
