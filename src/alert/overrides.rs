//! Parameters that some alerts set for themselves: by custom properties of their rule, or because a program asks.

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};

use super::reference::leads_to_machine;
use crate::azure::capture_parameters::{FilePlace, Parameters, Ring, Scope, bytes, instance, seconds};
use crate::azure::packet_filter::{Filter, parse_filters};

/// The custom property that names machines.
pub const TARGET: &str = "nightcap_target";

/// Parameters that somebody set for some alerts only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overrides {
    /// Time limit in seconds, 1 to 18000.
    pub capture_seconds: Option<u32>,
    /// Limit of the whole session in bytes, 0 to 4294967295.
    pub capture_bytes: Option<u64>,
    /// Bytes kept of each packet, 0 for whole packets.
    pub packet_bytes: Option<u64>,
    /// Which packets to keep.
    pub capture_filters: Option<Vec<Filter>>,
    /// Which instances of a scale set to capture on.
    pub scope: Scope,
    /// Where the file goes.
    #[serde(default, skip_serializing_if = "FilePlace::is_usual")]
    pub file: FilePlace,
    /// The ring of files to write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring: Option<Ring>,
    /// Whether to start nothing at all.
    pub ignore: bool,
}

impl Overrides {
    /// The parameters with everything replaced that these name.
    pub fn applied_to(&self, parameters: Parameters) -> Parameters {
        Parameters {
            capture_seconds: self.capture_seconds.unwrap_or(parameters.capture_seconds),
            capture_bytes: self.capture_bytes.unwrap_or(parameters.capture_bytes),
            packet_bytes: self.packet_bytes.unwrap_or(parameters.packet_bytes),
            capture_filters: self.capture_filters.clone().unwrap_or(parameters.capture_filters),
            scope: if self.scope.is_everything() { parameters.scope } else { self.scope.clone() },
            file: if self.file.is_usual() { parameters.file } else { self.file.clone() },
            ring: self.ring.clone().or(parameters.ring),
        }
    }

    /// Reads the custom properties of an alert rule that are named like settings (`nightcap_capture_seconds` and so
    /// on).
    ///
    /// A value that cannot be used is left out and told, for a slip in an alert rule must not cost the capture.
    pub fn from_properties(properties: &[(String, String)]) -> (Self, Vec<String>) {
        let mut overrides = Self::default();
        let mut complaints = Vec::new();
        for (name, value) in properties {
            let name = name.to_ascii_lowercase();
            let Some(setting) = name.strip_prefix("nightcap_") else { continue };
            if let Err(complaint) = overrides.set(setting, value) {
                complaints.push(format!("The alert's custom property nightcap_{setting} was not used: {complaint:#}."));
            }
        }
        (overrides, complaints)
    }

    fn set(&mut self, setting: &str, value: &str) -> anyhow::Result<()> {
        match setting {
            "capture_seconds" => self.capture_seconds = Some(seconds(value)?),
            "capture_bytes" => self.capture_bytes = Some(bytes(value)?),
            "packet_bytes" => self.packet_bytes = Some(bytes(value)?),
            "capture_filters" => self.capture_filters = Some(parse_filters(value)?),
            "scope_include" => self.scope.include = instances(value)?,
            "scope_exclude" => self.scope.exclude = instances(value)?,
            "ignore" => self.ignore = boolean(value)?,
            "target" => {
                let wrong = target_ids(value).into_iter().any(|id| !leads_to_machine(&id));
                ensure!(
                    !wrong,
                    "it should be ids of virtual machines, scale sets, network interfaces or public IP addresses"
                );
            }
            _ => bail!("nightcap has no such property"),
        }
        Ok(())
    }
}

/// The ids in the property [`TARGET`]: separated by anything that no id has in it, or a JSON list.
pub fn target_ids(value: &str) -> Vec<String> {
    let between = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '[' | ']' | '"');
    value.split(between).filter(|id| !id.is_empty()).map(str::to_owned).collect()
}

/// A comma separated list of a scale set's instances.
fn instances(text: &str) -> anyhow::Result<Vec<String>> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(instance).collect()
}

/// `true` or `false`, in any case.
pub fn boolean(text: &str) -> anyhow::Result<bool> {
    text.trim().to_ascii_lowercase().parse().ok().context("it should be true or false")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn defaults() -> Parameters {
        Parameters { capture_seconds: 60, capture_bytes: 1_073_741_824, packet_bytes: 0, ..Parameters::default() }
    }

    #[test]
    fn an_alerts_own_properties_win() {
        let (overrides, complaints) = Overrides::from_properties(&properties(&[
            ("nightcap_capture_seconds", "300"),
            ("Nightcap_Packet_Bytes", "96"),
            ("nightcap_capture_filters", r#"[{"protocol":"UDP"}]"#),
            ("team", "network"),
        ]));
        let parameters = overrides.applied_to(defaults());
        assert_eq!(complaints, Vec::<String>::new());
        assert_eq!(
            (parameters.capture_seconds, parameters.packet_bytes, parameters.capture_bytes),
            (300, 96, 1_073_741_824)
        );
        assert_eq!(parameters.capture_filters.len(), 1);
    }

    #[test]
    fn a_slip_in_a_property_is_told_and_costs_nothing() {
        let (overrides, complaints) = Overrides::from_properties(&properties(&[
            ("nightcap_capture_seconds", "18001"),
            ("nightcap_capture_bytes", "-1"),
            ("nightcap_ignore", "maybe"),
            ("nightcap_capture_filters", "[{}"),
            ("nightcap_secondz", "5"),
        ]));
        assert_eq!(overrides.applied_to(defaults()), defaults());
        assert_eq!(complaints.len(), 5);
        assert!(
            complaints
                .iter()
                .any(|complaint| complaint.contains("nightcap_capture_seconds") && complaint.contains("18000"))
        );
    }
}
