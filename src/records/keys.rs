//! Where everything lies in the store: keys within the limits of Spin's (256 bytes; on Azure Cosmos DB no slash, backslash,
//! question mark or hash).

use crate::alert::Summary;
use crate::azure::region::Region;
use crate::azure::resource_id::is_guid;
use crate::azure::target::Target;
use crate::digest::digest;

/// What the keys of unfinished work begin with; the key of its record follows.
pub const OPEN: &str = "open:";

/// What the keys of messages that wait to be delivered begin with.
pub const NOTICE: &str = "notice:";

/// What the keys of records begin with that were set aside; the key of the record follows.
pub const UNREADABLE: &str = "unreadable:";

/// Where it stands when the last sweep began.
pub const SWEPT: &str = "swept";

/// Kinds of values whose keys have a digest behind the kind, and nothing else.
const OF_DIGESTS: [&str; 12] = [
    "baseline",
    "claim",
    "notice",
    "over",
    "report",
    "resolved",
    "seen",
    "signing_asked",
    "signing_keys",
    "target",
    "token",
    "told",
];

/// Whether a key has the form of one of ours. Redis lists other people's keys too, and those may begin like ours.
pub fn is_own_key(key: &str) -> bool {
    let is_digest = |text: &str| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_capture = |text: &str| {
        let parts: Vec<&str> = text.split(':').collect();
        matches!(parts.as_slice(), [subscription, _, _] | [subscription, _, _, _] if is_guid(subscription))
    };
    let is_entry = |entry: &str| match entry.splitn(4, ':').collect::<Vec<_>>().as_slice() {
        ["capture", _, _, capture] => is_capture(capture),
        ["alert", _, _, alert] => is_digest(alert),
        _ => false,
    };
    let is_record = |key: &str| match key.split_once(':') {
        Some(("alert", key)) => is_digest(key),
        Some(("capture", key)) => is_capture(key),
        _ => false,
    };
    match key.split_once(':') {
        Some(("open", record)) => is_record(record),
        Some(("unreadable", key)) => is_record(key) || key.strip_prefix(NOTICE).is_some_and(is_digest),
        Some(("on", key)) => key.rsplit_once(':').is_some_and(|(capture, on)| is_capture(capture) && is_digest(on)),
        Some(("revised", key)) => key.split(':').count() == 2 && key.split(':').all(is_digest),
        Some((kind, key)) if OF_DIGESTS.contains(&kind) => is_digest(key),
        Some(("index", entry)) => is_entry(entry),
        _ => is_record(key),
    }
}

/// Where an alert's record lies.
pub fn alert_key(key: &str) -> String {
    format!("alert:{key}")
}

/// Where it stands how an alert ended for a target after all, for which a capture of that name had been started. Two who worked
/// on one alert may each have started one.
pub fn revision_key(alert: &str, target: &Target, capture: &str) -> String {
    format!("revised:{alert}:{}", digest(&format!("{}\n{}", target.id().key(), capture.to_ascii_lowercase()), 16))
}

/// Where a capture's record lies. Azure compares names without case, and so do keys.
pub fn capture_key(subscription: &str, region: &Region, name: &str) -> String {
    spelt_capture_key(subscription, region, name).to_ascii_lowercase()
}

/// Where it lay in version 0.1: under the name as it was spelt.
pub fn spelt_capture_key(subscription: &str, region: &Region, name: &str) -> String {
    format!("capture:{}:{region}:{name}", subscription.to_ascii_lowercase())
}

/// What the keys of the alerts on all captures begin with that have or had a name.
pub fn alerts_prefix(capture: &str) -> String {
    format!("on:{}:", capture.trim_start_matches("capture:"))
}

/// Where it stands that a record is unfinished.
pub fn open_key(record: &str) -> String {
    format!("{OPEN}{record}")
}

/// Where a record lies that was set aside.
pub fn unreadable_key(key: &str) -> String {
    format!("{UNREADABLE}{key}")
}

/// Where it stands that an alert is over for a target.
pub fn resolved_key(target: &Target, alert: &Summary) -> String {
    format!("resolved:{}", alert_on(target, alert))
}

/// Where the memory of a machine lies. Ids may be longer than a key, so it is their digest.
pub fn target_key(target: &Target) -> String {
    format!("target:{}", digest(&target.id().key(), 16))
}

/// Where earlier captures of a machine are remembered, or of an instance of a scale set, whose name tells it from the others.
pub fn baseline_key(target: &Target, machine: &str) -> String {
    format!("baseline:{}", digest(&format!("{}\n{}", target.resource().key(), machine.to_ascii_lowercase()), 16))
}

/// Where a subscription's watchers are remembered by region, if one has not the conventional name. The key is known before the
/// region is, so that it can be read while Azure is asked for that.
pub fn watchers_key(subscription: &str) -> String {
    format!("watchers:{}", subscription.to_ascii_lowercase())
}

/// Where a message waits to be delivered.
pub fn notice_key(id: &str) -> String {
    format!("{NOTICE}{id}")
}

/// Where it stands that a message was delivered.
pub fn delivered_key(id: &str) -> String {
    format!("told:{id}")
}

/// Where the lease on a message lies.
pub fn lease_key(id: &str) -> String {
    format!("claim:{id}")
}

/// Where it stands for how long a value has been seen unchanged.
pub fn seen_key(key: &str) -> String {
    format!("seen:{}", digest(key, 16))
}

/// One alert for one target, as part of a key: the same when it fires and when it is over.
pub fn alert_on(target: &Target, alert: &Summary) -> String {
    let id = if alert.id.is_empty() { &alert.rule } else { &alert.id };
    digest(&format!("{}\n{}", id.to_ascii_lowercase(), target.id().key()), 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::capture::tests::record;

    #[test]
    fn every_key_of_ours_is_known_as_one() {
        let record = record();
        let alert: Summary =
            serde_json::from_value(serde_json::json!({"id": "", "rule": "cpu", "condition": "Fired"})).unwrap();
        let id = digest("an alert or a message", 16);
        let aside = crate::records::capture::CaptureRecord { replaced: true, ..record.clone() };
        for key in [
            alert_key(&id),
            revision_key(&id, &record.target, &record.name),
            record.key(),
            aside.key(),
            spelt_capture_key(&record.subscription, &record.region, "PC1"),
            record.on_key(&alert),
            aside.on_key(&alert),
            record.end_note_key(),
            record.report_key(),
            open_key(&alert_key(&id)),
            open_key(&aside.key()),
            unreadable_key(&record.key()),
            unreadable_key(&notice_key(&id)),
            resolved_key(&record.target, &alert),
            target_key(&record.target),
            baseline_key(&record.target, "web_3"),
            notice_key(&id),
            delivered_key(&id),
            lease_key(&id),
            seen_key(&id),
            crate::records::index::CaptureEntry::of(&aside).key(),
            format!("index:alert:0000000000000:fs:{id}"),
        ] {
            assert!(is_own_key(&key), "{key}");
        }
        for key in [
            "alert:cpu",
            "open:alert:cpu",
            "capture:a:b:c",
            "open:told:x",
            "told:",
            "on:x",
            "index:x:1:2:3",
            "session:1",
            "",
        ] {
            assert!(!is_own_key(key), "{key}");
        }
    }
}
