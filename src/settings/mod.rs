//! Every setting: read in one place, checked, and turned into types that cannot be wrong.

use std::time::Duration;

use http::Uri;
use serde_json::{Map, Value};
use subtle::Choice;

use crate::alert::overrides::boolean;
use crate::azure::capture_parameters::{Parameters, Scope, bytes, number, seconds};
use crate::azure::config::{ClientSecret, Config};
use crate::azure::origin::Origin;
use crate::azure::packet_capture::checked_capture_name;
use crate::azure::packet_filter::parse_filters;
use crate::azure::region::Region;
use crate::azure::resource_id::{ResourceId, is_guid, storage_account};
use crate::azure::secret::Secret;
use crate::json::explain;
use crate::notify::Event;
use crate::plan::policy::Policy;
use crate::plan::rule::parse_rules;

/// Every setting's name and its default. `spin.toml` declares the same; a test compares the two.
pub const SETTINGS: &[(&str, &str)] = &[
    ("tenant_id", ""),
    ("client_id", ""),
    ("client_secret", ""),
    ("authority_url", "https://login.microsoftonline.com"),
    ("arm_url", "https://management.azure.com"),
    ("blob_url", "https://*.blob.core.windows.net"),
    ("webhook_key", ""),
    ("operator_key", ""),
    ("storage_account_id", ""),
    ("capture_seconds", "60"),
    ("capture_bytes", "1073741824"),
    ("packet_bytes", "0"),
    ("capture_filters", "[]"),
    ("capture_name", ""),
    ("capture_limit", "10"),
    ("cooldown_seconds", "600"),
    ("rules", "[]"),
    ("allowed_subscriptions", ""),
    ("stop_on_resolve", "false"),
    ("dry_run", "false"),
    ("answer_seconds", "5"),
    ("report_seconds", "30"),
    ("report_bytes", "1073741824"),
    ("retention_days", "30"),
    ("notify_url", ""),
    ("notify_origin", "https://notify.invalid"),
    ("notify_format", ""),
    ("notify_on", "finished,failed"),
    ("public_url", ""),
];

const DAY: Duration = Duration::from_hours(24);

/// The settings that must never be shown.
pub const SECRET_SETTINGS: &[&str] = &["client_secret", "webhook_key", "operator_key", "notify_url"];

/// A setting that cannot be used, told without its value.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SettingError {
    /// Name of the setting.
    pub setting: &'static str,
    /// What it should look like.
    pub message: String,
}

/// Everything that nightcap was told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where Azure is, and who nightcap is there.
    pub azure: Config,
    /// Where captures are stored, by region or for all.
    pub storage: StorageAccounts,
    /// What is done about alerts.
    pub policy: Policy,
    /// Captures in one watcher before one is evicted or the alert is refused.
    pub capture_limit: usize,
    /// Whether a resolved alert stops the capture that it started.
    pub stop_on_resolve: bool,
    /// Whether to tell what would be done instead of doing it.
    pub dry_run: bool,
    /// The longest that a caller waits for the outcome.
    pub answer_within: Duration,
    /// How long a capture's file is read for its report before people are told; nothing is read when it is zero.
    pub report_within: Duration,
    /// How many bytes of a capture's file are read for its report.
    pub report_bytes: u64,
    /// How long records of what is over are kept.
    pub retention: Duration,
    /// Where and how people are told, if anywhere.
    pub notify: Option<Notify>,
    /// Where links lead, without a slash at the end; empty for links relative to the host.
    pub public_url: String,
}

/// Where and how people are told.
#[derive(Clone, Debug)]
pub struct Notify {
    /// The webhook that takes messages.
    pub url: Secret,
    /// How messages are written.
    pub format: NotifyFormat,
    /// What is told.
    pub on: Vec<Event>,
}

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotifyFormat {
    /// An Adaptive Card for Microsoft Teams Workflows.
    Teams,
    /// Slack's Block Kit.
    Slack,
    /// A CloudEvents 1.0 event as JSON.
    CloudEvents,
}

/// Keys that callers may show; several are valid at once, so that one can be replaced without a gap.
#[derive(Clone, Debug)]
pub struct Keys(Vec<Secret>);

impl Keys {
    /// Reads a comma separated list.
    pub fn parse(text: &str) -> Self {
        Self(text.split(',').map(str::trim).filter(|key| !key.is_empty()).map(Secret::new).collect())
    }

    /// Whether there is no key, so that nobody is let in.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the offered text is one of the keys. Every key is compared, whichever matches.
    pub fn accept(&self, offered: &str) -> bool {
        self.0.iter().fold(Choice::from(0), |found, key| found | key.matches(offered)).into()
    }
}

/// Storage accounts for capture files. Azure wants the account in the region of the machine.
#[derive(Clone, Debug)]
pub enum StorageAccounts {
    /// One account for every machine.
    One(ResourceId),
    /// One account a region.
    ByRegion(Vec<(Region, ResourceId)>),
}

impl StorageAccounts {
    /// The account for machines of a region.
    pub fn in_region(&self, region: &Region) -> Option<&ResourceId> {
        match self {
            Self::One(account) => Some(account),
            Self::ByRegion(accounts) => accounts.iter().find(|(own, _)| own == region).map(|(_, account)| account),
        }
    }
}

impl Default for StorageAccounts {
    fn default() -> Self {
        Self::ByRegion(Vec::new())
    }
}

impl Settings {
    /// Checks all settings at once, so that somebody who sets nightcap up sees every mistake in one go.
    ///
    /// A setting that is missing from `given` or empty has its default.
    pub fn parse(given: &[(&'static str, String)]) -> Result<Self, Vec<SettingError>> {
        let mut reader = Reader { given, errors: Vec::new() };
        reader.take("webhook_key", present);
        let settings = Self {
            azure: Config {
                credential: ClientSecret {
                    tenant_id: reader.take("tenant_id", tenant),
                    client_id: reader.take("client_id", client),
                    client_secret: reader.take("client_secret", |text| present(text).map(Secret::new)),
                },
                authority: reader.take("authority_url", Origin::parse),
                arm: reader.take("arm_url", Origin::parse),
                blob: reader.take("blob_url", Origin::parse),
            },
            storage: reader.take("storage_account_id", storage_accounts),
            policy: Policy {
                capture: Parameters {
                    capture_seconds: reader.take("capture_seconds", seconds),
                    capture_bytes: reader.take("capture_bytes", bytes),
                    packet_bytes: reader.take("packet_bytes", bytes),
                    capture_filters: reader.take("capture_filters", parse_filters),
                    scope: Scope::default(),
                },
                capture_name: reader.take("capture_name", capture_name),
                cooldown: Duration::from_secs(reader.take("cooldown_seconds", |text| number(text, 0, 31_536_000))),
                rules: reader.take("rules", parse_rules),
                allowed_subscriptions: reader.take("allowed_subscriptions", subscriptions),
            },
            capture_limit: reader.take("capture_limit", |text| number(text, 1, 10_000)) as usize,
            stop_on_resolve: reader.take("stop_on_resolve", boolean),
            dry_run: reader.take("dry_run", boolean),
            answer_within: Duration::from_secs(reader.take("answer_seconds", |text| number(text, 1, 60))),
            report_within: Duration::from_secs(reader.take("report_seconds", |text| number(text, 0, 3600))),
            report_bytes: reader.take("report_bytes", |text| number(text, 1, 1 << 40)),
            retention: DAY.saturating_mul(reader.take("retention_days", |text| number(text, 1, 3650)) as u32),
            notify: notify(&mut reader),
            public_url: reader.take("public_url", public_url),
        };
        if reader.errors.is_empty() { Ok(settings) } else { Err(reader.errors) }
    }
}

/// Takes one setting after the other and keeps what is wrong.
struct Reader<'a> {
    given: &'a [(&'static str, String)],
    errors: Vec<SettingError>,
}

impl Reader<'_> {
    fn text(&self, setting: &'static str) -> &str {
        let given = self.given.iter().find(|(name, _)| *name == setting).map(|(_, text)| text.trim());
        let given = given.filter(|text| !text.is_empty());
        let default = || SETTINGS.iter().find(|(name, _)| *name == setting).map_or("", |(_, default)| default);
        given.unwrap_or_else(default)
    }

    /// The parsed setting. After a mistake it is an empty value that never leaves [`Settings::parse`].
    fn take<T: Default>(&mut self, setting: &'static str, parse: impl FnOnce(&str) -> Result<T, String>) -> T {
        parse(self.text(setting)).unwrap_or_else(|message| {
            self.errors.push(SettingError { setting, message });
            T::default()
        })
    }
}

fn present(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("it must be set".to_owned()) } else { Ok(text.to_owned()) }
}

fn tenant(text: &str) -> Result<String, String> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    if !text.is_empty() && !text.contains("..") && text.chars().all(fine) {
        Ok(text.to_owned())
    } else {
        Err("it must be set to the directory (tenant) id, a GUID, or a domain of the tenant".to_owned())
    }
}

fn client(text: &str) -> Result<String, String> {
    present(text).map_err(|_| "it must be set to the application (client) id of the service principal".to_owned())
}

fn storage_accounts(text: &str) -> Result<StorageAccounts, String> {
    const SHAPE: &str = "it must be set to the resource id of a storage account \
                         (/subscriptions/…/storageAccounts/name) or to a JSON object from region to such an id";
    if !text.starts_with('{') {
        return storage_account(text).map(StorageAccounts::One).map_err(|why| format!("{SHAPE}; {why}"));
    }
    let written: Map<String, Value> =
        serde_json::from_str(text).map_err(|why| format!("{SHAPE}; {}", explain(&why)))?;
    let mut accounts = Vec::new();
    for (name, id) in &written {
        let region = Region::new(name).ok_or_else(|| format!("{SHAPE}; one key is not the name of a region"))?;
        let id = id.as_str().ok_or_else(|| format!("{SHAPE}; for {region} it is not a text"))?;
        let account = storage_account(id).map_err(|why| format!("{SHAPE}; for {region}: {why}"))?;
        accounts.push((region, account));
    }
    if accounts.is_empty() { Err(SHAPE.to_owned()) } else { Ok(StorageAccounts::ByRegion(accounts)) }
}

fn capture_name(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() { Ok(None) } else { checked_capture_name(text).map(Some) }
}

fn subscriptions(text: &str) -> Result<Option<Vec<String>>, String> {
    let listed: Vec<String> =
        text.split(',').map(|part| part.trim().to_ascii_lowercase()).filter(|part| !part.is_empty()).collect();
    if listed.iter().all(|part| is_guid(part)) {
        Ok((!listed.is_empty()).then_some(listed))
    } else {
        Err("it should be a comma separated list of subscription ids, each a GUID".to_owned())
    }
}

fn public_url(text: &str) -> Result<String, String> {
    let uri = text.parse::<Uri>().ok().filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
    if text.is_empty() || uri.is_some_and(|uri| uri.query().is_none()) {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err("it should be the URL under which people reach nightcap, such as https://nightcap.example.com".to_owned())
    }
}

fn notify(reader: &mut Reader) -> Option<Notify> {
    let on = reader.take("notify_on", |text| {
        let events: Option<Vec<Event>> = text.split(',').map(|part| Event::parse(part.trim())).collect();
        events.ok_or_else(|| {
            "it should be a comma separated list of started, joined, finished, failed, skipped".to_owned()
        })
    });
    if reader.text("notify_url").is_empty() {
        return None;
    }
    let format = reader.take("notify_format", |text| match text.to_ascii_lowercase().as_str() {
        "teams" => Ok(Some(NotifyFormat::Teams)),
        "slack" => Ok(Some(NotifyFormat::Slack)),
        "cloudevents" => Ok(Some(NotifyFormat::CloudEvents)),
        _ => Err("with notify_url set, it should be teams, slack or cloudevents".to_owned()),
    });
    let origin = reader.take("notify_origin", Origin::parse);
    let url = reader.take("notify_url", |text| match text.parse::<Uri>() {
        Ok(uri) if origin.holds(&uri) => Ok(Secret::new(text)),
        _ => Err("it should be a URL whose scheme, host and port are those of notify_origin".to_owned()),
    });
    Some(Notify { url, format: format?, on })
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(settings.capture_limit, 10);
        assert_eq!(settings.policy.cooldown, Duration::from_secs(600));
        assert_eq!(settings.answer_within, Duration::from_secs(5));
        assert_eq!(settings.azure.arm.to_string(), "https://management.azure.com");
        assert!(
            settings.policy.capture_name.is_none()
                && settings.notify.is_none()
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
            ("cooldown_seconds", "ten"),
            ("rules", "[{\"unknown\":1}]"),
            ("allowed_subscriptions", "prod"),
            ("stop_on_resolve", "yes"),
            ("dry_run", "1"),
            ("answer_seconds", "0"),
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
    fn a_notify_url_needs_its_format_and_origin() {
        let url = ("notify_url", "https://hooks.example/secret-path");
        let errors = Settings::parse(&with(&[url])).unwrap_err();
        assert_eq!(errors.iter().map(|error| error.setting).collect::<Vec<_>>(), ["notify_format", "notify_url"]);
        assert!(!format!("{errors:?}").contains("secret-path"));
        let given = with(&[url, ("notify_format", "slack"), ("notify_origin", "https://hooks.example")]);
        assert_eq!(Settings::parse(&given).unwrap().notify.unwrap().format, NotifyFormat::Slack);
    }

    #[test]
    fn storage_accounts_go_by_region_in_any_spelling() {
        let accounts = format!("{{\"West US\":\"{}\",\"eastus\":\"{}\"}}", account("west"), account("east"));
        let storage = Settings::parse(&with(&[("storage_account_id", &accounts)])).unwrap().storage;
        assert_eq!(storage.in_region(&Region::new("westus").unwrap()).unwrap().name(), "west");
        assert_eq!(storage.in_region(&Region::new("East US").unwrap()).unwrap().name(), "east");
        assert!(storage.in_region(&Region::new("northeurope").unwrap()).is_none());
    }

    #[test]
    fn any_of_several_keys_opens() {
        let keys = Keys::parse(" k1,k2 ,");
        assert!(keys.accept("k1") && keys.accept("k2"));
        assert!(!keys.accept("k3") && !keys.accept("") && !keys.accept("k1,k2"));
        assert!(Keys::parse("").is_empty() && !Keys::parse("").accept(""));
    }
}
