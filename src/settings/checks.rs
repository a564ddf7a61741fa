//! What a value must look like, setting by setting. No error quotes the value.

use std::time::Duration;

use anyhow::{Context, ensure};
use url::Url;

use crate::azure::capture_parameters::number;
use crate::azure::packet_capture::checked_capture_name;
use crate::azure::resource_id::is_guid;

/// Anything but nothing.
pub fn present(text: &str) -> anyhow::Result<String> {
    ensure!(!text.is_empty(), "it must be set");
    Ok(text.to_owned())
}

/// An Entra tenant: a GUID, or a domain name.
pub fn tenant(text: &str) -> anyhow::Result<String> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let is_tenant = !text.is_empty() && !text.contains("..") && text.chars().all(fine);
    ensure!(is_tenant, "it must be set to the directory (tenant) id, a GUID, or a domain of the tenant");
    Ok(text.to_owned())
}

/// The id of an application.
pub fn client(text: &str) -> anyhow::Result<String> {
    ensure!(!text.is_empty(), "it must be set to the application (client) id");
    Ok(text.to_owned())
}

/// A name for all captures, if any.
pub fn capture_name(text: &str) -> anyhow::Result<Option<String>> {
    if text.is_empty() { Ok(None) } else { checked_capture_name(text).map(Some) }
}

/// How long work may go on, if not to its end.
pub fn stay(text: &str) -> anyhow::Result<Option<Duration>> {
    if text.is_empty() { Ok(None) } else { number(text, 1, 86_400).map(|seconds| Some(Duration::from_secs(seconds))) }
}

/// A comma separated list of GUIDs, in lower case.
pub fn subscriptions(text: &str) -> anyhow::Result<Option<Vec<String>>> {
    let listed = text.split(',').map(|part| part.trim().to_ascii_lowercase()).filter(|part| !part.is_empty());
    let listed: Vec<String> = listed.collect();
    let all_are_ids = listed.iter().all(|part| is_guid(part));
    ensure!(all_are_ids, "it should be a comma separated list of subscription ids, each a GUID");
    Ok((!listed.is_empty()).then_some(listed))
}

/// Where people reach nightcap, without a slash at the end; empty when nobody said.
pub fn public_url(text: &str) -> anyhow::Result<String> {
    const SHAPE: &str = "it should be the URL under which people reach nightcap, such as https://nightcap.example.com";
    if text.is_empty() {
        return Ok(String::new());
    }
    let url = Url::parse(text).context(SHAPE)?;
    let is_base = matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none();
    ensure!(is_base, SHAPE);
    Ok(url.as_str().trim_end_matches('/').to_owned())
}
