//! The names of all settings.

/// Nowhere: a name that never resolves (RFC 6761), for a list of hosts has no empty entries.
pub const NO_IDENTITY: &str = "https://identity.invalid";

/// Every setting's name and its default. `spin.toml` declares the same; a test compares the two.
pub const SETTINGS: &[(&str, &str)] = &[
    ("credential", "secret"),
    ("tenant_id", ""),
    ("client_id", ""),
    ("client_secret", ""),
    ("identity_endpoint", ""),
    ("identity_header", ""),
    ("identity_origin", NO_IDENTITY),
    ("federated_token_file", ""),
    ("federated_token", ""),
    ("authority_url", "https://login.microsoftonline.com"),
    ("arm_url", "https://management.azure.com"),
    ("blob_url", "https://*.blob.core.windows.net"),
    ("webhook_key", ""),
    ("webhook_entra", ""),
    ("operator_key", ""),
    ("storage_account_id", ""),
    ("capture_seconds", "60"),
    ("capture_bytes", "1073741824"),
    ("packet_bytes", "0"),
    ("capture_filters", "[]"),
    ("capture_name", ""),
    ("capture_limit", "10000"),
    ("capture_keep", "100"),
    ("cooldown_seconds", "600"),
    ("rules", "[]"),
    ("allowed_subscriptions", ""),
    ("stop_on_resolve", "false"),
    ("install_agent", "false"),
    ("dry_run", "false"),
    ("answer_seconds", "5"),
    ("stay_seconds", ""),
    ("report_seconds", "30"),
    ("report_bytes", "1073741824"),
    ("report_names", "true"),
    ("retention_days", "30"),
    ("notify_url", ""),
    ("notify_origin", "https://notify.invalid"),
    ("notify_format", ""),
    ("notify_on", "finished,failed"),
    ("public_url", ""),
];

/// The settings that must never be shown.
pub const SECRET_SETTINGS: &[&str] =
    &["client_secret", "identity_header", "federated_token", "webhook_key", "operator_key", "notify_url"];
