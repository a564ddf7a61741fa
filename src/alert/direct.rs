//! Reads the flat body of the 2017 sample: a program asks for a capture by name.

use super::direct_call::DirectCall;
use super::notification::{Alert, BadAlert, alert};
use crate::alert::overrides::Overrides;
use crate::azure::capture_parameters::{bytes, seconds};
use crate::azure::packet_capture::checked_capture_name;
use crate::azure::packet_filter::{Filter, parse_filters};
use crate::azure::resource_id::ResourceId;
use crate::azure::resource_id::storage_account;
use crate::azure::target::Target;
use crate::json::Object;
use crate::text::clean;

/// Every member of a direct call.
const MEMBERS: [&str; 11] = [
    "targetVM",
    "packetCaptureName",
    "networkWatcherResourceGroup",
    "networkWatcherName",
    "subscriptionId",
    "storageID",
    "timeLimit",
    "totalBytesPerSession",
    "bytesToCapturePerPacket",
    "bytestToCapturePerPacket",
    "filters",
];

/// Whether a body is a direct call: no alert has members of these names.
pub(super) fn is_direct(body: Object) -> bool {
    ["targetVM", "packetCaptureName", "networkWatcherName"].into_iter().any(|name| body.has(name))
}

/// Reads a direct call. Unlike an alert it comes from a program, which wants its mistakes told.
pub(super) fn read(body: Object) -> Result<Alert, BadAlert> {
    if let Some(name) = body.unknown(&MEMBERS) {
        let known = MEMBERS.join(", ");
        return Err(bad(
            &clean(name, 80),
            &format!("is no member of a direct call; what is left out would not be noticed. Known are {known}"),
        ));
    }
    let target_id = text(body, "targetVM")?
        .ok_or_else(|| bad("targetVM", "is missing; it should be the resource id of a virtual machine"))?;
    let target = ResourceId::parse(&target_id)
        .map_err(|why| bad("targetVM", &format!("cannot be used: {why}")))
        .and_then(|id| {
            Target::new(id)
                .ok_or_else(|| bad("targetVM", "should be the resource id of a virtual machine or scale set"))
        })?;
    let name = value(body, "packetCaptureName", checked_capture_name)?;
    let call = DirectCall {
        watcher: watcher(body, &target)?,
        name: name.clone(),
        storage: value(body, "storageID", storage_account)?,
        overrides: Overrides {
            capture_seconds: value(body, "timeLimit", seconds)?,
            capture_bytes: value(body, "totalBytesPerSession", bytes)?,
            packet_bytes: packet_bytes(body)?,
            capture_filters: filters(body)?,
            ..Overrides::default()
        },
        by_hand: false,
    };
    Ok(Alert {
        targets: vec![target],
        direct: Some(call),
        ..alert(name.unwrap_or_default(), "direct call".to_owned(), vec![])
    })
}

fn watcher(body: Object, target: &Target) -> Result<Option<ResourceId>, BadAlert> {
    let subscription = text(body, "subscriptionId")?.unwrap_or_else(|| target.id().subscription());
    if !subscription.eq_ignore_ascii_case(&target.id().subscription()) {
        return Err(bad(
            "subscriptionId",
            "should be the subscription of targetVM, for Azure captures only within one",
        ));
    }
    match (text(body, "networkWatcherResourceGroup")?, text(body, "networkWatcherName")?) {
        (Some(group), Some(name)) => {
            // A name with slashes in it would make this the id of something else.
            let id = ResourceId::of(&subscription, &group, "Microsoft.Network", "networkWatchers", &name).to_string();
            match ResourceId::parse(&id) {
                Ok(id) if id.is_a("Microsoft.Network", &["networkWatchers"]) => Ok(Some(id)),
                _ => Err(bad(
                    "networkWatcherName or networkWatcherResourceGroup",
                    "has characters that Azure does not allow, or is too long",
                )),
            }
        }
        (None, None) => Ok(None),
        _ => Err(bad("networkWatcherName", "and networkWatcherResourceGroup go together")),
    }
}

/// The sample's own class misspelt the name, and so do its callers.
fn packet_bytes(body: Object) -> Result<Option<u64>, BadAlert> {
    Ok(value(body, "bytesToCapturePerPacket", bytes)?.or(value(body, "bytestToCapturePerPacket", bytes)?))
}

fn filters(body: Object) -> Result<Option<Vec<Filter>>, BadAlert> {
    let Some(written) = body.member("filters") else { return Ok(None) };
    let filters =
        parse_filters(&written.to_string()).map_err(|why| bad("filters", &format!("cannot be used: {why:#}")))?;
    Ok(Some(filters))
}

fn value<T>(body: Object, name: &str, parse: impl FnOnce(&str) -> anyhow::Result<T>) -> Result<Option<T>, BadAlert> {
    text(body, name)?.map(|text| parse(&text).map_err(|why| bad(name, &format!("cannot be used: {why:#}")))).transpose()
}

fn text(body: Object, name: &str) -> Result<Option<String>, BadAlert> {
    let text = body.text(name).map_err(|_| bad(name, "should be a text"))?;
    Ok(text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
}

fn bad(name: &str, why: &str) -> BadAlert {
    BadAlert::BadValue(format!("{name} {why}."))
}
