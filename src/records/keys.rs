//! Where everything lies in the store: keys within the limits of Spin's (256 bytes; on Azure Cosmos DB no slash, backslash,
//! question mark or hash).

use crate::alert::Summary;
use crate::azure::region::Region;
use crate::azure::target::Target;
use crate::digest::digest;

/// What the keys of unfinished work begin with; the key of its record follows.
pub const OPEN: &str = "open:";

/// What the keys of messages that wait to be delivered begin with.
pub const NOTICE: &str = "notice:";

/// Where an alert's record lies.
pub fn alert_key(key: &str) -> String {
    format!("alert:{key}")
}

/// Where it stands how an alert ended for a target after all.
pub fn revision_key(alert: &str, target: &Target) -> String {
    format!("revised:{alert}:{}", digest(&target.id().key(), 16))
}

/// Where a capture's record lies. Azure compares names without case, and so do keys.
pub fn capture_key(subscription: &str, region: &Region, name: &str) -> String {
    spelt_capture_key(subscription, region, name).to_ascii_lowercase()
}

/// Where it lay in version 0.1: under the name as it was spelt.
pub fn spelt_capture_key(subscription: &str, region: &Region, name: &str) -> String {
    format!("capture:{}:{region}:{name}", subscription.to_ascii_lowercase())
}

/// What the keys of the alerts on a capture begin with.
pub fn alerts_prefix(capture: &str) -> String {
    format!("on:{}:", capture.trim_start_matches("capture:"))
}

/// Where it stands that a record is unfinished.
pub fn open_key(record: &str) -> String {
    format!("{OPEN}{record}")
}

/// Where it stands that an alert is over for a target.
pub fn resolved_key(target: &Target, alert: &Summary) -> String {
    format!("resolved:{}", alert_on(target, alert))
}

/// Where the memory of a machine lies. Ids may be longer than a key, so it is their digest.
pub fn target_key(target: &Target) -> String {
    format!("target:{}", digest(&target.id().key(), 16))
}

/// Where a region's watcher is remembered, if it is not the conventional one.
pub fn watcher_key(subscription: &str, region: &Region) -> String {
    format!("watcher:{}:{region}", subscription.to_ascii_lowercase())
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

/// One alert for one target, as part of a key: the same when it fires and when it is over.
pub fn alert_on(target: &Target, alert: &Summary) -> String {
    let id = if alert.id.is_empty() { &alert.rule } else { &alert.id };
    digest(&format!("{}\n{}", id.to_ascii_lowercase(), target.id().key()), 16)
}
