//! Who may send alerts: whose Entra tokens are taken, beside or instead of keys.

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::azure::access_token::Expected;
use crate::azure::resource_id::is_guid;
use crate::json::BadJson;

/// The application of Azure Monitor that calls secure webhooks, in every tenant (azure-monitor-docs, action-groups).
const ACTION_GROUPS: &str = "461e8683-5575-4561-ac7f-899cc907d62a";

/// The role that Microsoft's script for secure webhooks defines and assigns (azure-monitor-docs, action-groups).
const ACTION_GROUPS_ROLE: &str = "ActionGroupsSecureWebhook";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    tenant: String,
    audience: OneOrMore,
    #[serde(default)]
    applications: Vec<String>,
    role: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// Reads `webhook_entra`; nothing when it is empty.
pub fn webhook_entra(text: &str) -> anyhow::Result<Option<Expected>> {
    if text.is_empty() {
        return Ok(None);
    }
    let Written { tenant, audience, mut applications, role } =
        serde_json::from_str(text).map_err(BadJson::from).context(
            "it should be a JSON object such as {\"tenant\": \"GUID\", \"audience\": \"api://GUID\"}, perhaps with \
         applications and role",
        )?;
    let audiences = match audience {
        OneOrMore::One(audience) => vec![audience],
        OneOrMore::More(audiences) => audiences,
    };
    ensure!(is_guid(&tenant), "its tenant should be the id of the directory, a GUID");
    ensure!(!audiences.is_empty() && audiences.iter().all(|one| !one.is_empty()), "its audience should not be empty");
    ensure!(applications.iter().all(|one| is_guid(one)), "each of its applications should be a client id, a GUID");
    if applications.is_empty() {
        applications.push(ACTION_GROUPS.to_owned());
    }
    let role = role.unwrap_or_else(|| ACTION_GROUPS_ROLE.to_owned());
    ensure!(!role.is_empty(), "its role should not be empty");
    Ok(Some(Expected { tenant: tenant.to_ascii_lowercase(), audiences, applications, role }))
}
