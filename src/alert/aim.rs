//! The custom property `nightcap_target`: an alert rule names machines because its alerts do not, or not the right ones.

use super::notification::Alert;
use super::overrides::{TARGET, target_ids};
use super::reference::{Subjects, leads_to_machine};

impl Alert {
    /// What the alert rule says wins over what the alert is about. A property with a slip in it says nothing.
    pub(super) fn aimed(self) -> Self {
        let named = self.properties.iter().filter(|(name, _)| name.eq_ignore_ascii_case(TARGET));
        let ids: Vec<String> = named.flat_map(|(_, value)| target_ids(value)).collect();
        if ids.is_empty() || !ids.iter().all(|id| leads_to_machine(id)) {
            return self;
        }
        let Subjects { targets, targets_left_out, references, .. } = Subjects::of(ids);
        Self { targets, targets_left_out, unresolved: references, other_targets: vec![], ..self }
    }
}
