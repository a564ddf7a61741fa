//! Takes away what is too old to be of interest, once a day, and looks at all records while it is at it.

use std::time::Duration;

use serde_json::Value;

use crate::context::Context;
use crate::host::Host;
use crate::log::Event;
use crate::notify::outbox::Pending;
use crate::records::alert::AlertRecord;
use crate::records::capture::CaptureRecord;
use crate::records::keys::{NOTICE, OPEN, UNREADABLE, is_own_key};
use crate::records::repository::{Records, is_unfinished};
use crate::records::unreadable::Unreadable;
use crate::timestamp::Timestamp;
use crate::workflow::listed::Listed;

/// How often old records are looked for.
const EVERY: Duration = Duration::from_hours(24);

/// The pause between two records that are looked at for their age.
const BREATH: Duration = Duration::from_millis(1);

/// Where it stands when old records were last looked for.
const PRUNED: &str = "pruned";

/// What lies under the keys that begin alike.
struct Kind {
    prefix: &'static str,
    /// Where the moment stands from which its age counts.
    moment: &'static str,
    /// Members that every version has written. What lacks one is somebody else's.
    members: &'static [&'static str],
}

const KINDS: [Kind; 17] = [
    Kind { prefix: "alert:", moment: "/receivedAt", members: &["key", "alert", "receivedAt", "finished", "outcomes"] },
    Kind {
        prefix: "capture:",
        moment: "/askedAt",
        members: &["name", "watcher", "askedBy", "askedAt", "phase", "steps"],
    },
    Kind { prefix: "baseline:", moment: "/at", members: &["at", "captures"] },
    Kind { prefix: "claim:", moment: "/at", members: &["by", "at"] },
    Kind { prefix: "index:", moment: "/at", members: &["at"] },
    Kind { prefix: NOTICE, moment: "/notice/at", members: &["notice", "attempts"] },
    Kind { prefix: "on:", moment: "/at", members: &["alert", "at"] },
    Kind { prefix: OPEN, moment: "/at", members: &["at"] },
    Kind { prefix: "over:", moment: "/at", members: &["at", "end"] },
    Kind { prefix: "report:", moment: "/at", members: &["at", "report", "page"] },
    Kind { prefix: "resolved:", moment: "/at", members: &["at"] },
    Kind { prefix: "revised:", moment: "/at", members: &["at", "outcome"] },
    Kind { prefix: "seen:", moment: "/at", members: &["at", "value", "ms"] },
    Kind { prefix: "target:", moment: "/at", members: &["machine", "capturedUntil"] },
    Kind { prefix: "token:", moment: "/at", members: &["at", "nonce", "sealed"] },
    Kind { prefix: "told:", moment: "/at", members: &["at", "taken"] },
    Kind { prefix: UNREADABLE, moment: "/at", members: &["at", "key", "problem", "text"] },
];

/// Takes away what ended longer ago than records are kept, once a day. What is unfinished is marked once more, and what has
/// become readable is put back.
pub async fn prune<H: Host>(context: &Context<H>) {
    let records = context.records();
    let now = context.host().now();
    let last: Option<Timestamp> = records.load(PRUNED).await;
    let is_recent = |last: Timestamp| now.since(last).is_some_and(|age| age < EVERY);
    if last.is_some_and(is_recent) || !records.save(PRUNED, &now).await {
        return;
    }
    let mut pruned = 0_usize;
    let listed = Listed::load(&records).await;
    for kind in KINDS {
        for key in records.keys(kind.prefix).await.into_iter().filter(|key| is_own_key(key)) {
            // A store of files is read without a pause, and alerts must not wait until all of them are.
            context.host().sleep(BREATH).await;
            match kind.prefix {
                // Version 0.1 took capital letters into keys.
                "capture:" => drop(records.capture_at(&key).await),
                UNREADABLE => put_back(&records, &key).await,
                _ => {}
            }
            let Some(value) = records.load::<Value>(&key).await else { continue };
            if !kind.members.iter().all(|member| value.get(member).is_some()) {
                continue;
            }
            if !is_over(kind.prefix, &value) {
                // Where two wrote at once and the store failed one of them, the mark may have been lost.
                records.mark_open(&key).await;
            } else if is_older(&value, kind.moment, now, context.settings.retention) {
                pruned = pruned.saturating_add(usize::from(records.delete(&key).await));
            } else {
                // What an earlier version has left, or a store has not taken.
                listed.see_to(&records, &key, value).await;
            }
        }
    }
    let log = context.log();
    log.write(&Event { count: Some(pruned), ..log.event("pruned", "info") });
}

/// Whether nobody will come back to this. Work that is unfinished after so long stays unfinished all the same.
fn is_over(prefix: &str, value: &Value) -> bool {
    !["alert:", "capture:"].contains(&prefix) || !is_unfinished(value)
}

fn is_older(value: &Value, moment: &str, now: Timestamp, age: Duration) -> bool {
    // What is remembered of a machine had no moment of its own in version 0.1.
    let moment = value
        .pointer(moment)
        .or_else(|| value.pointer("/capturedUntil"))
        .and_then(Value::as_str)
        .and_then(Timestamp::parse);
    moment.and_then(|moment| now.since(moment)).is_some_and(|since| since > age)
}

/// Puts a record back that an earlier version has set aside and that this one can read, unless it was written anew.
async fn put_back<H: Host>(records: &Records<'_, H>, key: &str) {
    let Some(Unreadable { key: place, text, .. }) = records.load(key).await else { return };
    let is_readable = match place.split(':').next() {
        Some("alert") => serde_json::from_str::<AlertRecord>(&text).is_ok(),
        Some("capture") => serde_json::from_str::<CaptureRecord>(&text).is_ok(),
        _ => serde_json::from_str::<Pending>(&text).is_ok(),
    };
    if is_readable && records.put_back(&place, text.into_bytes()).await {
        records.delete(key).await;
    }
}
