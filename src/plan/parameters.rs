//! How long, how much and what to capture: the setting, then the first matching rule, then the alert's own properties.

use serde::{Deserialize, Serialize};

use super::filter::{Filter, parse_filters};

/// The longest classic capture session, in seconds (azure-rest-api-specs, `timeLimitInSeconds`).
pub const LONGEST_SECONDS: u32 = 18_000;

/// The largest value of `totalBytesPerSession` and `bytesToCapturePerPacket` in bytes.
pub const LARGEST_BYTES: u64 = 4_294_967_295;

/// What a capture is told to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    /// Time limit in seconds, 1 to 18000.
    pub capture_seconds: u32,
    /// Limit of the whole session in bytes, 0 to 4294967295.
    pub capture_bytes: u64,
    /// Bytes kept of each packet, 0 for whole packets.
    pub packet_bytes: u64,
    /// Which packets to keep; none means all.
    pub capture_filters: Vec<Filter>,
    /// Which instances of a scale set to capture on.
    #[serde(default, skip_serializing_if = "Scope::is_everything")]
    pub scope: Scope,
}

/// Instances of a scale set: all but the excluded, or only the included if any are named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The only instances that are meant; none means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// The instances that are not meant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
}

/// Parameters that somebody set for some alerts only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overrides {
    /// See [`Parameters::capture_seconds`].
    pub capture_seconds: Option<u32>,
    /// See [`Parameters::capture_bytes`].
    pub capture_bytes: Option<u64>,
    /// See [`Parameters::packet_bytes`].
    pub packet_bytes: Option<u64>,
    /// See [`Parameters::capture_filters`].
    pub capture_filters: Option<Vec<Filter>>,
    /// See [`Parameters::scope`].
    pub scope: Scope,
    /// Whether to start nothing at all.
    pub ignore: bool,
}

impl Parameters {
    /// These parameters with everything replaced that the overrides name.
    pub fn with(self, overrides: &Overrides) -> Self {
        Self {
            capture_seconds: overrides.capture_seconds.unwrap_or(self.capture_seconds),
            capture_bytes: overrides.capture_bytes.unwrap_or(self.capture_bytes),
            packet_bytes: overrides.packet_bytes.unwrap_or(self.packet_bytes),
            capture_filters: overrides.capture_filters.clone().unwrap_or(self.capture_filters),
            scope: if overrides.scope.is_everything() { self.scope } else { overrides.scope.clone() },
        }
    }
}

impl Scope {
    /// One instance.
    pub fn only(instance: &str) -> Self {
        Self { include: vec![instance.to_owned()], exclude: vec![] }
    }

    /// Whether this instance is meant.
    pub fn takes_in(&self, instance: &str) -> bool {
        let named = |list: &[String]| list.iter().any(|own| own == instance);
        (self.include.is_empty() || named(&self.include)) && !named(&self.exclude)
    }

    /// Whether all instances are meant.
    pub fn is_everything(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }
}

impl Overrides {
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
                complaints.push(format!("The alert's custom property nightcap_{setting} was not used: {complaint}."));
            }
        }
        (overrides, complaints)
    }

    fn set(&mut self, setting: &str, value: &str) -> Result<(), String> {
        match setting {
            "capture_seconds" => self.capture_seconds = Some(seconds(value)?),
            "capture_bytes" => self.capture_bytes = Some(bytes(value)?),
            "packet_bytes" => self.packet_bytes = Some(bytes(value)?),
            "capture_filters" => self.capture_filters = Some(parse_filters(value)?),
            "scope_include" => self.scope.include = instances(value)?,
            "scope_exclude" => self.scope.exclude = instances(value)?,
            "ignore" => self.ignore = boolean(value)?,
            _ => return Err("nightcap has no such property".to_owned()),
        }
        Ok(())
    }
}

/// A time limit in seconds.
pub fn seconds(text: &str) -> Result<u32, String> {
    number(text, 1, u64::from(LONGEST_SECONDS)).map(|seconds| u32::try_from(seconds).unwrap_or(LONGEST_SECONDS))
}

/// A limit in bytes.
pub fn bytes(text: &str) -> Result<u64, String> {
    number(text, 0, LARGEST_BYTES)
}

/// A whole number within bounds.
pub fn number(text: &str, least: u64, most: u64) -> Result<u64, String> {
    text.trim()
        .parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("it should be a whole number from {least} to {most}"))
}

/// A comma separated list of a scale set's instances.
fn instances(text: &str) -> Result<Vec<String>, String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(instance).collect()
}

/// The id of a scale set's instance: a number, or a name where the set is orchestrated flexibly.
pub fn instance(text: &str) -> Result<String, String> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=80).contains(&text.len()) && text.chars().all(fine) {
        Ok(text.to_owned())
    } else {
        Err("it should list instances of a scale set, such as 0, 2".to_owned())
    }
}

/// `true` or `false`, in any case.
pub fn boolean(text: &str) -> Result<bool, String> {
    text.trim().to_ascii_lowercase().parse().map_err(|_| "it should be true or false".to_owned())
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
        let parameters = defaults().with(&overrides);
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
        assert_eq!(defaults().with(&overrides), defaults());
        assert_eq!(complaints.len(), 5);
        assert!(
            complaints
                .iter()
                .any(|complaint| complaint.contains("nightcap_capture_seconds") && complaint.contains("18000"))
        );
    }
}
