//! The custom property `nightcap_target`: machines that an alert rule names because its alerts do not, or not the right ones.

use super::notification::Alert;
use super::reference::{Subjects, leads_to_machine};

/// The name of the property.
pub const PROPERTY: &str = "nightcap_target";

/// The ids in the property's value: separated by anything that no id has in it, or a JSON list.
pub fn ids(value: &str) -> Vec<String> {
    let between = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '[' | ']' | '"');
    value.split(between).filter(|id| !id.is_empty()).map(str::to_owned).collect()
}

impl Alert {
    /// What the alert rule says wins over what the alert is about. A property with a slip in it says nothing.
    pub(super) fn aimed(self) -> Self {
        let named = self.properties.iter().filter(|(name, _)| name.eq_ignore_ascii_case(PROPERTY));
        let ids: Vec<String> = named.flat_map(|(_, value)| ids(value)).collect();
        if ids.is_empty() || !ids.iter().all(|id| leads_to_machine(id)) {
            return self;
        }
        let Subjects { targets, targets_left_out, references, .. } = Subjects::of(ids);
        Self { targets, targets_left_out, unresolved: references, other_targets: vec![], ..self }
    }
}
