//! What nightcap's service principal may do somewhere, as Azure itself tells it ("Permissions - List For Resource").

use serde::Deserialize;
use wildmatch::WildMatch;

use super::action::Action;
use super::client::Azure;
use super::error::AzureError;
use super::lenient;
use super::list::list;
use crate::host::Host;

/// The version of `Microsoft.Authorization` that is spoken.
const API_VERSION: &str = "2022-04-01";

/// Everything that role assignments allow at a scope.
#[derive(Debug)]
pub struct Permissions(Vec<Permission>);

/// What one of them allows.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Permission {
    #[serde(deserialize_with = "lenient::items")]
    actions: Vec<String>,
    #[serde(deserialize_with = "lenient::items")]
    not_actions: Vec<String>,
    #[serde(deserialize_with = "lenient::items")]
    data_actions: Vec<String>,
    #[serde(deserialize_with = "lenient::items")]
    not_data_actions: Vec<String>,
}

/// Reads what nightcap may do at a scope: a subscription, or a resource by its id.
pub async fn permissions<H: Host>(azure: &Azure<'_, H>, scope: &str) -> Result<Permissions, AzureError> {
    let path = format!("{scope}/providers/Microsoft.Authorization/permissions");
    Ok(Permissions(list(azure, Action::Permissions, &path, API_VERSION).await?.0))
}

impl Permissions {
    /// Whether an action on resources is allowed.
    pub fn allow(&self, action: &str) -> bool {
        self.0.iter().any(|one| any(&one.actions, action) && !any(&one.not_actions, action))
    }

    /// Whether an action on data is allowed.
    pub fn allow_data(&self, action: &str) -> bool {
        self.0.iter().any(|one| any(&one.data_actions, action) && !any(&one.not_data_actions, action))
    }
}

fn any(patterns: &[String], action: &str) -> bool {
    patterns.iter().any(|pattern| WildMatch::new_case_insensitive(pattern).matches(action))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::fake::Stage;
    use crate::host::fake::Answer;

    #[tokio::test(start_paused = true)]
    async fn what_one_role_takes_away_another_may_give() {
        let stage = Stage::new(|_| {
            Answer::json(
                200,
                r#"{"value": [
                    {"actions": ["Microsoft.Network/networkWatchers/*"], "notActions": ["*/delete"], "dataActions": null},
                    {"actions": ["microsoft.network/networkwatchers/packetcaptures/stop/action"]},
                    {"actions": [], "dataActions": ["*/blobs/read"], "notDataActions": []}, null
                ]}"#,
            )
        });
        let found = permissions(&stage.azure(), "/subscriptions/s").await.unwrap();
        assert!(found.allow("Microsoft.Network/networkWatchers/packetCaptures/write"));
        assert!(found.allow("Microsoft.Network/networkWatchers/packetCaptures/stop/action"));
        for missing in
            ["Microsoft.Network/networkWatchers/packetCaptures/delete", "Microsoft.Compute/x/read", "a/blobs/read"]
        {
            assert!(!found.allow(missing), "{missing}");
        }
        assert!(found.allow_data("a/blobs/read") && !found.allow_data("a/blobs/write"));
    }
}
