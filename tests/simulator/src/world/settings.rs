//! The settings with which nightcap finds a world.

use crate::world::inventory::World;

/// The key of the webhook in [`World::settings`]. It guards nothing but a trial on this machine.
pub const WEBHOOK_KEY: &str = "simulated-webhook-key";
/// The operator's key in [`World::settings`].
pub const OPERATOR_KEY: &str = "simulated-operator-key";

impl World {
    /// The settings that point nightcap at this world, by name.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let accounts =
            self.storage_accounts.iter().map(|account| (account.location.clone(), account.id.clone().into()));
        let accounts: serde_json::Map<String, serde_json::Value> = accounts.collect();
        vec![
            ("tenant_id", self.tenant_id.clone()),
            ("client_id", self.client_id.clone()),
            ("client_secret", self.client_secret.clone()),
            ("authority_url", self.urls.authority.clone()),
            ("arm_url", self.urls.arm.clone()),
            ("blob_url", self.urls.blob.clone()),
            ("storage_account_id", serde_json::Value::from(accounts).to_string()),
            ("webhook_key", WEBHOOK_KEY.into()),
            ("operator_key", OPERATOR_KEY.into()),
            ("notify_url", format!("{}/teams", self.urls.sink)),
            ("notify_origin", self.urls.sink.clone()),
            ("notify_format", "teams".into()),
        ]
    }
}
