//! Azure Resource Manager ids of machines, storage accounts and network watchers.

use std::fmt;

use anyhow::ensure;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The longest name that Azure gives to anything in an id: a resource group's 90 characters
/// ("Naming rules and restrictions for Azure resources").
const LONGEST_NAME: usize = 90;

/// The longest id in bytes: room for the longest names, in any script, of a resource and several that it is part of.
const LONGEST_ID: usize = 4096;

/// The id of one resource: a subscription, a resource group, and a chain of types and names below one provider.
///
/// Azure compares ids without case and hands them out in any; so does this type.
#[derive(Clone, Debug)]
pub struct ResourceId {
    subscription: String,
    resource_group: String,
    provider: String,
    types: Vec<(String, String)>,
}

/// Why a text is not the id of a resource.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAResourceId(&'static str);

impl ResourceId {
    /// Reads `/subscriptions/{guid}/resourceGroups/{group}/providers/{provider}/{type}/{name}` with any number of
    /// further type and name pairs, in any case.
    pub fn parse(text: &str) -> Result<Self, NotAResourceId> {
        if text.len() > LONGEST_ID {
            return Err(NotAResourceId("the Azure resource id is too long"));
        }
        let mut segments = text.trim().trim_end_matches('/').split('/');
        if segments.next() != Some("") {
            return Err(NotAResourceId("an Azure resource id begins with /subscriptions/"));
        }
        let subscription = after(&mut segments, "subscriptions")?;
        let resource_group = after(&mut segments, "resourceGroups")?;
        let provider = after(&mut segments, "providers")?;
        let mut types = Vec::new();
        while let Some(kind) = segments.next() {
            let name = segments.next().ok_or(NotAResourceId("an Azure resource id ends with a name"))?;
            types.push((checked(kind)?, checked(name)?));
        }
        if types.is_empty() {
            return Err(NotAResourceId("an Azure resource id names a resource after its provider"));
        }
        Ok(Self { subscription, resource_group, provider, types })
    }

    /// Puts an id together from names that are already checked or are constants.
    pub fn of(subscription: &str, resource_group: &str, provider: &str, kind: &str, name: &str) -> Self {
        Self {
            subscription: subscription.to_owned(),
            resource_group: resource_group.to_owned(),
            provider: provider.to_owned(),
            types: vec![(kind.to_owned(), name.to_owned())],
        }
    }

    /// The subscription's GUID, in lower case.
    pub fn subscription(&self) -> String {
        self.subscription.to_ascii_lowercase()
    }

    /// The resource group's name as it was written.
    pub fn resource_group(&self) -> &str {
        &self.resource_group
    }

    /// The name of the resource itself: the last one of the chain.
    pub fn name(&self) -> &str {
        self.types.last().map_or("", |(_, name)| name)
    }

    /// Whether this is a resource of the given provider and chain of types, compared without case.
    pub fn is_a(&self, provider: &str, types: &[&str]) -> bool {
        self.provider.eq_ignore_ascii_case(provider)
            && self.types.len() == types.len()
            && self.types.iter().zip(types).all(|((own, _), wanted)| own.eq_ignore_ascii_case(wanted))
    }

    /// The resource that this one is part of, such as the scale set of an instance.
    pub fn parent(&self) -> Option<Self> {
        let mut parent = self.clone();
        parent.types.pop();
        (!parent.types.is_empty()).then_some(parent)
    }

    /// The id in lower case: equal for equal resources, fit for keys and comparisons.
    pub fn key(&self) -> String {
        self.to_string().to_ascii_lowercase()
    }
}

impl PartialEq for ResourceId {
    fn eq(&self, other: &Self) -> bool {
        self.subscription.eq_ignore_ascii_case(&other.subscription)
            && self.resource_group.eq_ignore_ascii_case(&other.resource_group)
            && self.provider.eq_ignore_ascii_case(&other.provider)
            && self.types.len() == other.types.len()
            && self.types.iter().zip(&other.types).all(|((kind, name), (other_kind, other_name))| {
                kind.eq_ignore_ascii_case(other_kind) && name.eq_ignore_ascii_case(other_name)
            })
    }
}

impl Eq for ResourceId {}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "/subscriptions/{}/resourceGroups/{}/providers/{}",
            self.subscription, self.resource_group, self.provider
        )?;
        self.types.iter().try_for_each(|(kind, name)| write!(f, "/{kind}/{name}"))
    }
}

impl Serialize for ResourceId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ResourceId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The name that follows a fixed segment.
fn after<'a>(segments: &mut impl Iterator<Item = &'a str>, fixed: &'static str) -> Result<String, NotAResourceId> {
    match segments.next() {
        Some(segment) if segment.eq_ignore_ascii_case(fixed) => {
            checked(segments.next().ok_or(NotAResourceId("the Azure resource id is cut off"))?)
        }
        _ => Err(NotAResourceId("an Azure resource id reads /subscriptions/…/resourceGroups/…/providers/…")),
    }
}

/// A name without anything that could change the meaning of a URL or a store key.
fn checked(name: &str) -> Result<String, NotAResourceId> {
    let harmless = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '(' | ')');
    let all_dots = name.chars().all(|c| c == '.');
    if all_dots || name.chars().count() > LONGEST_NAME || !name.chars().all(harmless) {
        return Err(NotAResourceId(
            "a name in the Azure resource id is empty, too long or has characters that Azure does not allow",
        ));
    }
    Ok(name.to_owned())
}

/// Whether a text is a GUID in its usual form, such as `00000000-0000-0000-0000-000000000000`.
pub fn is_guid(text: &str) -> bool {
    // Other forms have other lengths.
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

/// The id of a storage account, which callers and alerts may name as well.
pub fn storage_account(text: &str) -> anyhow::Result<ResourceId> {
    let id = ResourceId::parse(text)?;
    ensure!(id.is_a("Microsoft.Storage", &["storageAccounts"]), "the id is not that of a storage account");
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VM: &str = "/subscriptions/00000000-0000-0000-0000-00000000000A/resourceGroups/Test-RG/providers/Microsoft.Compute/virtualMachines/test-VM";

    #[test]
    fn ids_of_one_resource_are_equal_in_any_case() {
        let lower = ResourceId::parse(&VM.to_lowercase()).unwrap();
        assert_eq!(ResourceId::parse(VM).unwrap(), lower);
        assert_eq!(lower.key(), ResourceId::parse(VM).unwrap().key());
        assert!(lower.is_a("Microsoft.Compute", &["virtualMachines"]));
    }

    #[test]
    fn an_instance_knows_its_scale_set() {
        let set = VM.replace("virtualMachines/test-VM", "virtualMachineScaleSets/web");
        let instance = ResourceId::parse(&format!("{set}/virtualMachines/3")).unwrap();
        assert!(instance.is_a("microsoft.compute", &["virtualmachinescalesets", "virtualmachines"]));
        assert_eq!(instance.name(), "3");
        assert_eq!(instance.parent(), Some(ResourceId::parse(&set).unwrap()));
    }

    #[test]
    fn hostile_and_broken_ids_are_refused() {
        let broken = [
            "",
            "/",
            "not an id",
            "/subscriptions",
            "/subscriptions/00000000-0000-0000-0000-00000000000A",
            "a0a0a0a0-bbbb-cccc-dddd-e1e1e1e1e1e1",
        ];
        for text in broken {
            assert!(ResourceId::parse(text).is_err(), "{text}");
        }
        for name in ["..", ".", "", "a?b", "a#b", "a%2e", "a b", "a\nb", "a\\b", "a@b", "a\0", &"x".repeat(91)] {
            let text = VM.replace("test-VM", name);
            assert!(ResourceId::parse(&text).is_err(), "{name:?}");
        }
        assert!(ResourceId::parse(&format!("{VM}/extensions")).is_err(), "a type without a name");
    }
}
