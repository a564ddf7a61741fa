//! What an alert is about: a virtual machine, a scale set, or one instance of a scale set.

use serde::{Deserialize, Serialize};

use super::resource_id::ResourceId;

/// A machine that packets can be captured on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ResourceId", into = "ResourceId")]
pub struct Target {
    id: ResourceId,
    kind: TargetKind,
}

/// The kinds of machines that Network Watcher captures on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// A virtual machine.
    VirtualMachine,
    /// All instances of a scale set.
    ScaleSet,
    /// One instance of a scale set.
    ScaleSetInstance,
}

impl Target {
    /// The target with this id, or `None` when it is the id of something else.
    pub fn new(id: ResourceId) -> Option<Self> {
        let kind = if id.is_a("Microsoft.Compute", &["virtualMachines"]) {
            TargetKind::VirtualMachine
        } else if id.is_a("Microsoft.Compute", &["virtualMachineScaleSets"]) {
            TargetKind::ScaleSet
        } else if id.is_a("Microsoft.Compute", &["virtualMachineScaleSets", "virtualMachines"]) {
            TargetKind::ScaleSetInstance
        } else {
            return None;
        };
        Some(Self { id, kind })
    }

    /// The target in a text that may or may not be the id of one.
    pub fn parse(text: &str) -> Option<Self> {
        ResourceId::parse(text).ok().and_then(Self::new)
    }

    /// The id that the alert named.
    pub fn id(&self) -> &ResourceId {
        &self.id
    }

    /// Which kind of machine this is.
    pub fn kind(&self) -> TargetKind {
        self.kind
    }

    /// The resource that Azure captures on: the machine, or the whole scale set of an instance.
    pub fn resource(&self) -> ResourceId {
        match self.kind {
            TargetKind::ScaleSetInstance => self.id.parent().unwrap_or_else(|| self.id.clone()),
            TargetKind::VirtualMachine | TargetKind::ScaleSet => self.id.clone(),
        }
    }

    /// Whether this is a scale set, or a part of one.
    pub fn is_of_a_set(&self) -> bool {
        self.kind != TargetKind::VirtualMachine
    }

    /// The instance of the scale set that is meant, if it is just one.
    pub fn instance(&self) -> Option<&str> {
        (self.kind == TargetKind::ScaleSetInstance).then(|| self.id.name())
    }

    /// Whether this is the machine that the portal's Test button names, which does not exist unless somebody made it.
    pub fn is_of_the_portals_sample(&self) -> bool {
        self.id.resource_group().eq_ignore_ascii_case("test-RG") && self.id.name().eq_ignore_ascii_case("test-VM")
    }

    /// A name for people: the machine's, or `set_3` for an instance.
    pub fn name(&self) -> String {
        match self.instance() {
            Some(instance) => format!("{}_{instance}", self.resource().name()),
            None => self.id.name().to_owned(),
        }
    }
}

impl TryFrom<ResourceId> for Target {
    type Error = &'static str;

    fn try_from(id: ResourceId) -> Result<Self, Self::Error> {
        Self::new(id).ok_or("not the id of a virtual machine or scale set")
    }
}

impl From<Target> for ResourceId {
    fn from(target: Target) -> Self {
        target.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers";

    #[test]
    fn machines_are_told_from_everything_else() {
        let kind = |rest: &str| Target::parse(&format!("{GROUP}/{rest}")).map(|target| target.kind());
        assert_eq!(kind("microsoft.compute/virtualmachines/vm"), Some(TargetKind::VirtualMachine));
        assert_eq!(kind("Microsoft.Compute/virtualMachineScaleSets/set"), Some(TargetKind::ScaleSet));
        assert_eq!(
            kind("Microsoft.Compute/virtualMachineScaleSets/set/virtualMachines/3"),
            Some(TargetKind::ScaleSetInstance)
        );
        assert_eq!(kind("Microsoft.Compute/virtualMachines/vm/extensions/agent"), None);
        assert_eq!(kind("Microsoft.Storage/storageAccounts/store"), None);
        assert_eq!(kind("Evil.Compute/virtualMachines/vm"), None);
    }

    #[test]
    fn an_instance_is_captured_on_its_scale_set() {
        let target =
            Target::parse(&format!("{GROUP}/Microsoft.Compute/virtualMachineScaleSets/set/virtualMachines/3")).unwrap();
        assert_eq!(target.resource().name(), "set");
        assert_eq!(target.instance(), Some("3"));
        assert_eq!(target.name(), "set_3");
    }
}
