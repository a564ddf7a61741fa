//! `spin.toml`, as far as it decides what the component may see and do.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use crate::allowed_hosts::AllowedHosts;

/// The component's id in `spin.toml`.
const COMPONENT: &str = "nightcap";

/// A manifest with all its variables filled in.
#[derive(Clone, Debug)]
pub(crate) struct Application {
    /// What the component can ask for, by name.
    pub variables: BTreeMap<String, String>,
    pub allowed_hosts: AllowedHosts,
    pub key_value_stores: Vec<String>,
}

#[derive(Deserialize)]
struct Manifest {
    spin_manifest_version: u32,
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    #[serde(default)]
    component: BTreeMap<String, Component>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Variable {
    default: Option<String>,
    #[serde(default)]
    required: bool,
    #[serde(default, rename = "secret")]
    _secret: bool,
    #[serde(rename = "description")]
    _description: Option<String>,
}

#[derive(Deserialize)]
struct Component {
    #[serde(default)]
    allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    key_value_stores: Vec<String>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
}

impl Application {
    pub fn read(path: &Path, settings: &BTreeMap<String, String>) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
        Self::parse(&text, settings).with_context(|| format!("{} is no use", path.display()))
    }

    fn parse(text: &str, settings: &BTreeMap<String, String>) -> anyhow::Result<Self> {
        let manifest: Manifest = toml::from_str(text)?;
        ensure!(manifest.spin_manifest_version == 2, "spin_manifest_version is not 2");
        let component =
            manifest.component.get(COMPONENT).with_context(|| format!("it has no component {COMPONENT:?}"))?;
        let values = application_values(&manifest.variables, settings)?;

        let mut variables = BTreeMap::new();
        for (name, template) in &component.variables {
            check_name(name)?;
            let value = fill(template, &values).with_context(|| format!("the component's variable {name:?}"))?;
            variables.insert(name.clone(), value);
        }
        let allowed: Vec<String> = component
            .allowed_outbound_hosts
            .iter()
            .map(|template| {
                fill(template, &values).with_context(|| format!("`allowed_outbound_hosts` has {template:?}"))
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Application {
            variables,
            allowed_hosts: AllowedHosts::parse(&allowed)?,
            key_value_stores: component.key_value_stores.clone(),
        })
    }
}

/// The application's variables: defaults, and settings over them.
fn application_values(
    variables: &BTreeMap<String, Variable>,
    settings: &BTreeMap<String, String>,
) -> anyhow::Result<BTreeMap<String, String>> {
    if let Some(name) = settings.keys().find(|name| !variables.contains_key(*name)) {
        bail!("it declares no variable {name:?}, which a setting of the host gives a value to");
    }
    let mut values = BTreeMap::new();
    for (name, variable) in variables {
        check_name(name)?;
        ensure!(
            variable.required != variable.default.is_some(),
            "the variable {name:?} must be either required or have a default"
        );
        let value = settings
            .get(name)
            .or(variable.default.as_ref())
            .with_context(|| format!("the required variable {name:?} was given no value"))?;
        values.insert(name.clone(), value.clone());
    }
    Ok(values)
}

/// Puts values into a template: `{{ name }}` stands for the application's variable `name`.
fn fill(template: &str, values: &BTreeMap<String, String>) -> anyhow::Result<String> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((literal, expression)) = rest.split_once("{{") {
        let (name, after) = expression.split_once("}}").context("a `{{` has no `}}` after it")?;
        let name = name.trim();
        let value = values.get(name).with_context(|| format!("the application declares no variable {name:?}"))?;
        filled.push_str(literal);
        filled.push_str(value);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Whether Spin takes this name for a variable.
pub(crate) fn valid_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('_')
        && !name.contains("__")
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn check_name(name: &str) -> anyhow::Result<()> {
    ensure!(valid_name(name), "{name:?} is no name for a variable");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
        spin_manifest_version = 2

        [application]
        name = "nightcap"

        [variables]
        arm_url = { default = "https://management.azure.com" }
        client_secret = { required = true, secret = true }
        unused = { default = "" }

        [[trigger.http]]
        route = "/..."
        component = "nightcap"

        [component.nightcap]
        source = "nightcap.wasm"
        allowed_outbound_hosts = ["{{ arm_url }}", "https://*.blob.core.windows.net"]
        key_value_stores = ["default"]

        [component.nightcap.variables]
        arm_url = "{{ arm_url }}"
        client_secret = "<{{client_secret}}>"
    "#;

    fn settings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    fn error(text: &str, pairs: &[(&str, &str)]) -> String {
        format!("{:#}", Application::parse(text, &settings(pairs)).unwrap_err())
    }

    #[test]
    fn settings_reach_variables_and_hosts() {
        let settings = settings(&[("arm_url", "http://127.0.0.1:4711"), ("client_secret", "hush")]);
        let application = Application::parse(MANIFEST, &settings).unwrap();
        assert_eq!(application.variables["arm_url"], "http://127.0.0.1:4711");
        assert_eq!(application.variables["client_secret"], "<hush>");
        assert!(!application.variables.contains_key("unused"));
        assert_eq!(application.key_value_stores, ["default"]);
        let allows = |uri: &str| application.allowed_hosts.allows(&uri.parse().unwrap());
        assert!(allows("http://127.0.0.1:4711/subscriptions"));
        assert!(allows("https://a.blob.core.windows.net/"));
        assert!(!allows("https://management.azure.com/"));
    }

    #[test]
    fn a_required_variable_needs_a_value() {
        assert!(error(MANIFEST, &[]).contains("client_secret"));
    }

    #[test]
    fn a_setting_must_be_declared() {
        let message = error(MANIFEST, &[("client_secret", ""), ("arm_ulr", "")]);
        assert!(message.contains("arm_ulr"), "{message}");
    }

    #[test]
    fn an_allowed_host_may_not_be_left_empty() {
        let message = error(MANIFEST, &[("client_secret", ""), ("arm_url", "")]);
        assert!(message.contains("allowed_outbound_hosts"), "{message}");
    }

    #[test]
    fn templates_name_declared_variables() {
        let text = MANIFEST.replace("<{{client_secret}}>", "{{ secret }}");
        assert!(error(&text, &[("client_secret", "")]).contains("secret"));
        let text = MANIFEST.replace("<{{client_secret}}>", "{{ client_secret");
        assert!(error(&text, &[("client_secret", "")]).contains("}}"));
    }

    #[test]
    fn names_follow_spin() {
        for name in ["a", "arm_url", "a1_b2"] {
            assert!(valid_name(name), "{name}");
        }
        for name in ["", "1a", "_a", "a_", "a__b", "A", "a-b"] {
            assert!(!valid_name(name), "{name}");
        }
    }
}
