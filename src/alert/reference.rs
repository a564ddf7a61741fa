//! What an alert is about: machines, or something that leads to one.

use serde::{Deserialize, Serialize};

use crate::azure::resource_id::{ResourceId, is_guid};
use crate::azure::target::Target;

/// How many machines of one alert are worked on. Azure Monitor names one; nobody else may fill a record with thousands.
pub const MOST_TARGETS: usize = 64;

/// How many references of one alert are followed.
pub const MOST_REFERENCES: usize = 8;

/// The longest name of a computer (RFC 1035).
const LONGEST_NAME: usize = 63;

/// Something that an alert names in place of its machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reference {
    /// A computer by the name that it has itself, without its domain.
    Computer {
        name: String,
        /// Where it is looked for: the subscription of whatever else the alert names.
        subscription: Option<String>,
    },
    NetworkInterface(ResourceId),
    PublicIpAddress(ResourceId),
    /// A node of Kubernetes, which nothing leads to.
    Node {
        name: String,
    },
}

impl Reference {
    /// The reference that an id is, if it leads to a machine.
    fn new(id: ResourceId) -> Option<Self> {
        if id.is_a("Microsoft.Network", &["networkInterfaces"]) {
            Some(Self::NetworkInterface(id))
        } else if id.is_a("Microsoft.Network", &["publicIPAddresses"]) {
            Some(Self::PublicIpAddress(id))
        } else {
            None
        }
    }

    /// The subscription in which it is looked for; `None` when that is not known, or nothing leads to a machine.
    pub fn subscription(&self) -> Option<String> {
        match self {
            Self::Computer { subscription, .. } => subscription.clone(),
            Self::NetworkInterface(id) | Self::PublicIpAddress(id) => Some(id.subscription()),
            Self::Node { .. } => None,
        }
    }

    /// Whether this names the same, in any case.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Computer { name, .. } | Self::Node { name },
                Self::Computer { name: other, .. } | Self::Node { name: other },
            ) => name.eq_ignore_ascii_case(other),
            _ => self == other,
        }
    }

    /// A computer's name, unless the text cannot be one.
    pub fn computer(text: &str, subscription: Option<String>) -> Option<Self> {
        let name = text.trim().split('.').next().unwrap_or_default();
        let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        // Something else than digits, for an address is no name.
        let is_name =
            name.len() <= LONGEST_NAME && name.chars().all(fine) && name.contains(|c: char| !c.is_ascii_digit());
        is_name.then(|| Self::Computer { name: name.to_owned(), subscription })
    }

    /// A node of Azure Kubernetes Service, which is named after its scale set, `aks-{pool}-{number}-vmss00000c`.
    pub fn node(text: &str) -> Option<Self> {
        let (pool, instance) = text.rsplit_once("-vmss")?;
        let is_node = pool.starts_with("aks-") && instance_number(instance).is_some() && text.len() <= LONGEST_NAME;
        is_node.then(|| Self::Node { name: text.to_owned() })
    }
}

/// The number of an instance by the end of its computer's name: six digits of base 36.
pub fn instance_number(suffix: &str) -> Option<u64> {
    (suffix.len() == 6).then(|| u64::from_str_radix(suffix, 36).ok()).flatten()
}

/// What ids name, sorted.
#[derive(Debug, Default)]
pub struct Subjects {
    /// Machines, each once.
    pub targets: Vec<Target>,
    /// How many more machines there are than are worked on.
    pub targets_left_out: usize,
    pub references: Vec<Reference>,
    /// What leads to no machine.
    pub others: Vec<String>,
}

impl Subjects {
    pub fn of(ids: Vec<String>) -> Self {
        let mut subjects = Self::default();
        for text in ids {
            match ResourceId::parse(&text) {
                Ok(id) => subjects.add(id, text),
                Err(_) => subjects.others.push(text),
            }
        }
        subjects
    }

    fn add(&mut self, id: ResourceId, text: String) {
        if let Some(target) = Target::new(id.clone()) {
            let is_known = self.targets.contains(&target);
            match self.targets.len() {
                _ if is_known => {}
                MOST_TARGETS.. => self.targets_left_out = self.targets_left_out.saturating_add(1),
                _ => self.targets.push(target),
            }
        } else if let Some(reference) = Reference::new(id) {
            if !self.references.contains(&reference) && self.references.len() < MOST_REFERENCES {
                self.references.push(reference);
            }
        } else {
            self.others.push(text);
        }
    }
}

/// Whether a text is the id of a machine, or of something that leads to one.
pub fn leads_to_machine(text: &str) -> bool {
    ResourceId::parse(text).is_ok_and(|id| Target::new(id.clone()).is_some() || Reference::new(id).is_some())
}

/// The subscription of whatever an id names, be it the subscription itself.
pub fn subscription_of(id: &str) -> Option<String> {
    let mut segments = id.trim().split('/').skip(1);
    let is_subscription = segments.next()?.eq_ignore_ascii_case("subscriptions");
    segments.next().filter(|guid| is_subscription && is_guid(guid)).map(str::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers";

    fn computer(text: &str) -> Option<String> {
        match Reference::computer(text, None)? {
            Reference::Computer { name, .. } => Some(name),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_computers_name_is_told_from_addresses_and_prose() {
        assert_eq!(computer("gate-01.harbour.internal").as_deref(), Some("gate-01"));
        assert_eq!(computer(" GATE_01 ").as_deref(), Some("GATE_01"));
        for text in ["", ".", "10.40.0.4", "4711", "two words", "größe", "a/b", &"x".repeat(64), "::1"] {
            assert_eq!(computer(text), None, "{text}");
        }
    }

    #[test]
    fn a_node_is_told_by_its_scale_set() {
        assert!(Reference::node("aks-pool1-28735029-vmss00000c").is_some());
        assert_eq!(instance_number("00000c"), Some(12));
        for text in
            ["gate-01", "aks-pool1-28735029-vmss", "aks-pool1-28735029-vmss00000-", "web-vmss00000c", "-vmss00000c"]
        {
            assert_eq!(Reference::node(text), None, "{text}");
        }
    }

    #[test]
    fn thousands_of_machines_do_not_fill_a_record() {
        let vm = |number: usize| format!("{GROUP}/Microsoft.Compute/virtualMachines/vm{number}");
        let subjects = Subjects::of((0..5000).map(vm).chain([vm(0)]).collect());
        assert_eq!((subjects.targets.len(), subjects.targets_left_out), (MOST_TARGETS, 5000 - MOST_TARGETS));
    }

    #[test]
    fn a_subscription_is_found_in_every_id() {
        let guid = "00000000-0000-0000-0000-00000000000a";
        for id in ["", "/", "/resourceGroups/rg", "/providers/Microsoft.Insights/x"] {
            let id = format!("/Subscriptions/{}{id}", guid.to_uppercase());
            assert_eq!(subscription_of(&id).as_deref(), Some(guid), "{id}");
        }
        for text in [
            "",
            "gate-01",
            "/subscriptions",
            "/subscriptions/x/y",
            "subscriptions/00000000-0000-0000-0000-00000000000a",
        ] {
            assert_eq!(subscription_of(text), None, "{text}");
        }
    }
}
