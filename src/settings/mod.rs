//! Every setting: read in one place, checked, and turned into types that cannot be wrong.

mod checks;
mod credential;
mod keys;
mod notify;
mod reader;
mod remarks;
mod storage;
mod table;
mod webhook;

use std::time::Duration;

use anyhow::ensure;

pub use keys::Keys;
pub use reader::SettingError;
pub use remarks::{Remark, remarks};
pub(crate) use storage::StorageAccounts;
pub use table::{SECRET_SETTINGS, SETTINGS};

use crate::alert::overrides::boolean;
use crate::azure::access_token::Expected;
use crate::azure::capture_parameters::{Parameters, bytes, number, seconds};
use crate::azure::config::Config;
use crate::azure::origin::Origin;
use crate::azure::packet_filter::parse_filters;
use crate::plan::policy::Policy;
use crate::plan::rule::parse_rules;
use checks::{capture_name, stay, subscriptions};
use credential::{credential, sealing};
use notify::notify;
use reader::Reader;
use storage::storage_accounts;
use webhook::webhook_entra;

const DAY: Duration = Duration::from_hours(24);

/// Everything that nightcap was told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where Azure is, and who nightcap is there.
    pub azure: Config,
    /// Whose tokens open the webhook, if any do.
    pub webhook_entra: Option<Expected>,
    /// Where captures are stored, by region or for all.
    pub storage: StorageAccounts,
    /// What is done about alerts.
    pub policy: Policy,
    /// Captures in one watcher before one is evicted or the alert is refused.
    pub capture_limit: usize,
    /// Finished captures of our own that stay listed in one watcher; all of them when it is zero.
    pub capture_keep: usize,
    /// Whether a resolved alert stops the capture that it started.
    pub stop_on_resolve: bool,
    /// Whether the agent is installed where it is missing or broken.
    pub install_agent: bool,
    /// Whether to tell what would be done instead of doing it.
    pub dry_run: bool,
    /// The longest that a caller waits for the outcome.
    pub answer_within: Duration,
    /// How long work may go on after an answer; to its end when nothing is set.
    pub stay: Option<Duration>,
    /// How long a capture's file is read for its report before people are told; nothing is read when it is zero.
    pub report_within: Duration,
    /// How many bytes of a capture's file are read for its report.
    pub report_bytes: u64,
    /// Whether a report may tell names of hosts, zones and servers.
    pub report_names: bool,
    /// How long records of what is over are kept.
    pub retention: Duration,
    /// Where and how people are told.
    pub notify: crate::notify::config::Config,
}

impl Settings {
    /// Checks all settings at once, so that somebody who sets nightcap up sees every mistake in one go.
    ///
    /// A setting that is missing from `given` or empty has its default.
    pub fn parse(given: &[(&'static str, String)]) -> Result<Self, Vec<SettingError>> {
        let mut reader = Reader { given, errors: Vec::new() };
        let webhook_entra = reader.take("webhook_entra", webhook_entra);
        if webhook_entra.is_none() {
            reader.take("webhook_key", |text| {
                ensure!(!Keys::parse(text).is_empty(), "it must be set");
                Ok(())
            });
        }
        let azure = Config {
            credential: credential(&mut reader),
            sealing: sealing(&reader),
            authority: reader.take("authority_url", Origin::parse),
            arm: reader.take("arm_url", Origin::parse),
            blob: reader.take("blob_url", Origin::parse),
        };
        let settings = Self {
            storage: reader.take("storage_account_id", storage_accounts),
            policy: Policy {
                capture: Parameters {
                    capture_seconds: reader.take("capture_seconds", seconds),
                    capture_bytes: reader.take("capture_bytes", bytes),
                    packet_bytes: reader.take("packet_bytes", bytes),
                    capture_filters: reader.take("capture_filters", parse_filters),
                    ..Parameters::default()
                },
                capture_name: reader.take("capture_name", capture_name),
                cooldown: Duration::from_secs(reader.take("cooldown_seconds", |text| number(text, 0, 31_536_000))),
                rules: reader.take("rules", parse_rules),
                allowed_subscriptions: reader.take("allowed_subscriptions", subscriptions),
            },
            capture_limit: reader.take("capture_limit", |text| number(text, 1, 10_000)) as usize,
            capture_keep: reader.take("capture_keep", |text| number(text, 0, 10_000)) as usize,
            stop_on_resolve: reader.take("stop_on_resolve", boolean),
            install_agent: reader.take("install_agent", boolean),
            dry_run: reader.take("dry_run", boolean),
            answer_within: Duration::from_secs(reader.take("answer_seconds", |text| number(text, 1, 60))),
            stay: reader.take("stay_seconds", stay),
            report_within: Duration::from_secs(reader.take("report_seconds", |text| number(text, 0, 3600))),
            report_bytes: reader.take("report_bytes", |text| number(text, 1, 1 << 40)),
            report_names: reader.take("report_names", boolean),
            retention: DAY.saturating_mul(reader.take("retention_days", |text| number(text, 1, 3650)) as u32),
            notify: notify(&mut reader, azure.arm.clone()),
            azure,
            webhook_entra,
        };
        if reader.errors.is_empty() { Ok(settings) } else { Err(reader.errors) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::region::Region;

    fn usable() -> Vec<(&'static str, String)> {
        vec![
            ("tenant_id", "72f988bf-0000-0000-0000-000000000000".to_owned()),
            ("client_id", "11111111-1111-1111-1111-111111111111".to_owned()),
            ("client_secret", "s3cret-of-the-app".to_owned()),
            ("webhook_key", "k1, k2".to_owned()),
            ("storage_account_id", account("one")),
        ]
    }

    fn with(changes: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let mut given = usable();
        given.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        given.extend(changes.iter().map(|(name, value)| (*name, (*value).to_owned())));
        given
    }

    fn account(name: &str) -> String {
        format!(
            "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/{name}"
        )
    }

    fn errors_with(setting: &'static str, value: &str) -> Vec<SettingError> {
        Settings::parse(&with(&[(setting, value)])).err().unwrap_or_default()
    }

    #[test]
    fn the_defaults_are_the_documented_ones() {
        let settings = Settings::parse(&usable()).unwrap();
        assert_eq!(settings.policy.capture.capture_seconds, 60);
        assert_eq!(settings.policy.capture.capture_bytes, 1_073_741_824);
        assert_eq!((settings.capture_limit, settings.capture_keep), (10_000, 100));
        assert_eq!(settings.policy.cooldown, Duration::from_secs(600));
        assert_eq!(settings.answer_within, Duration::from_secs(5));
        assert_eq!(settings.azure.arm.to_string(), "https://management.azure.com");
        assert!(
            settings.policy.capture_name.is_none()
                && settings.notify.receiver.is_none()
                && settings.policy.allowed_subscriptions.is_none()
        );
    }

    #[test]
    fn an_empty_value_is_the_default() {
        let required = usable();
        let others = SETTINGS.iter().filter(|(name, _)| required.iter().all(|(own, _)| own != name));
        let given: Vec<_> = others.map(|(name, _)| (*name, " ".to_owned())).chain(usable()).collect();
        let settings = Settings::parse(&given).unwrap();
        assert_eq!(settings.policy.capture, Settings::parse(&usable()).unwrap().policy.capture);
    }

    #[test]
    fn every_missing_setting_is_told_at_once() {
        let errors = Settings::parse(&[]).unwrap_err();
        let named: Vec<_> = errors.iter().map(|error| error.setting).collect();
        assert_eq!(named, ["webhook_key", "tenant_id", "client_id", "client_secret", "storage_account_id"]);
    }

    #[test]
    fn a_bad_value_names_its_setting() {
        for (setting, value) in [
            ("webhook_key", ",, ,"),
            ("tenant_id", "../x"),
            ("client_id", ""),
            ("authority_url", "login.microsoftonline.com"),
            ("arm_url", "http://management.azure.com"),
            ("blob_url", "https://blob.example/path"),
            ("storage_account_id", "mystorage"),
            (
                "storage_account_id",
                "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm",
            ),
            ("storage_account_id", "{\"eastus\":\"mystorage\"}"),
            ("storage_account_id", "{}"),
            ("capture_seconds", "0"),
            ("capture_seconds", "18001"),
            ("capture_seconds", "a minute"),
            ("capture_bytes", "4294967296"),
            ("packet_bytes", "-1"),
            ("capture_filters", "[{\"localAddress\":\"10.0.0.1\"}]"),
            ("capture_name", "a/b"),
            ("capture_limit", "0"),
            ("capture_keep", "10001"),
            ("cooldown_seconds", "ten"),
            ("rules", "[{\"unknown\":1}]"),
            ("allowed_subscriptions", "prod"),
            ("stop_on_resolve", "yes"),
            ("install_agent", "yes"),
            ("dry_run", "1"),
            ("answer_seconds", "0"),
            ("stay_seconds", "0"),
            ("report_names", "no"),
            ("retention_days", "0"),
            ("notify_on", "finished,sometimes"),
            ("public_url", "ftp://pages.example.com"),
        ] {
            let errors = errors_with(setting, value);
            assert_eq!(errors.len(), 1, "{setting} = {value}: {errors:?}");
            assert_eq!(errors[0].setting, setting);
            let told = errors[0].message.contains(value) && value.len() > 3;
            assert!(!told, "{setting}: the value is told: {}", errors[0].message);
        }
    }

    #[test]
    fn each_credential_takes_settings_of_its_own() {
        let without_secret = [("tenant_id", ""), ("client_id", ""), ("client_secret", "")];
        let with = |settings: &[(&'static str, &'static str)]| {
            let errors = Settings::parse(&with(&[settings, &without_secret].concat())).err().unwrap_or_default();
            errors.iter().map(|error| error.setting).collect::<Vec<_>>()
        };
        let (machine, app) = ("http://169.254.169.254", "http://localhost:42356/msi/token");
        for (settings, wrong) in [
            (vec![("credential", "certificate")], vec!["credential", "tenant_id", "client_id", "client_secret"]),
            (vec![("credential", "managed_identity")], vec![]),
            (vec![("credential", "managed_identity"), ("identity_origin", machine)], vec![]),
            (vec![("credential", "managed_identity"), ("identity_origin", app)], vec!["identity_origin"]),
            (vec![("credential", "managed_identity"), ("identity_endpoint", app)], vec![]),
            (
                vec![("credential", "managed_identity"), ("identity_endpoint", app), ("identity_origin", machine)],
                vec!["identity_origin"],
            ),
            (
                vec![("credential", "managed_identity"), ("identity_endpoint", "http://10.0.0.4/x")],
                vec!["identity_endpoint"],
            ),
            (vec![("credential", "workload_identity")], vec!["tenant_id", "client_id", "federated_token_file"]),
            (
                vec![
                    ("credential", "workload_identity"),
                    ("tenant_id", "t"),
                    ("client_id", "c"),
                    ("federated_token", "x"),
                ],
                vec![],
            ),
        ] {
            assert_eq!(with(&settings), wrong, "{settings:?}");
        }
    }

    #[test]
    fn a_notify_url_needs_its_format_and_origin() {
        let url = ("notify_url", "https://hooks.example/secret-path");
        let errors = Settings::parse(&with(&[url])).unwrap_err();
        assert_eq!(errors.iter().map(|error| error.setting).collect::<Vec<_>>(), ["notify_format", "notify_url"]);
        assert!(!format!("{errors:?}").contains("secret-path"));
        let given = with(&[url, ("notify_format", "slack"), ("notify_origin", "https://hooks.example")]);
        assert_eq!(
            Settings::parse(&given).unwrap().notify.receiver.unwrap().format,
            crate::notify::format::Format::Slack
        );
    }

    #[test]
    fn storage_accounts_go_by_region_in_any_spelling() {
        let accounts = format!("{{\"West US\":\"{}\",\"eastus\":\"{}\"}}", account("west"), account("east"));
        let storage = Settings::parse(&with(&[("storage_account_id", &accounts)])).unwrap().storage;
        assert_eq!(storage.in_region(&Region::new("westus").unwrap()).unwrap().name(), "west");
        assert_eq!(storage.in_region(&Region::new("East US").unwrap()).unwrap().name(), "east");
        assert!(storage.in_region(&Region::new("northeurope").unwrap()).is_none());
    }
}
