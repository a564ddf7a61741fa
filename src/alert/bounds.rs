//! How much of an alert is kept, and in which characters. It stands whole in a record, which has to stay far below the 1 MB that
//! stores take; and its texts stand in answers, logs and messages, where nothing in them may be invisible or turn around what is
//! beside it.

use super::notification::{Alert, Condition, Reading};
use crate::digest::digest;
use crate::text::clean;

/// The longest text in an alert, in bytes; what Azure sends is much shorter.
const LONGEST_TEXT: usize = 1024;

/// The longest custom property in bytes, which may be a list of filters.
const LONGEST_PROPERTY: usize = 4 * 1024;

/// How many custom properties are kept, those for nightcap first.
const MOST_PROPERTIES: usize = 16;

/// How many of the things are kept that an alert is about and that are no machines.
const MOST_OTHERS: usize = 16;

impl Alert {
    /// The alert with nothing in it that is too long, too many, or invisible.
    pub(super) fn bounded(self) -> Self {
        let mut properties = self.properties;
        if properties.len() > MOST_PROPERTIES {
            properties.sort_by_key(|(name, _)| !is_for_nightcap(name));
            properties.truncate(MOST_PROPERTIES);
        }
        let mut other_targets = self.other_targets;
        other_targets.truncate(MOST_OTHERS);
        Self {
            id: short_id(self.id),
            rule: short_text(self.rule),
            severity: self.severity.map(short_text),
            condition: match self.condition {
                Condition::Over(word) => Condition::Over(short_text(word)),
                Condition::Fired => Condition::Fired,
            },
            other_targets: other_targets.into_iter().map(short_text).collect(),
            reading: self.reading.map(|reading| Reading {
                metric: short_text(reading.metric),
                operator: reading.operator.map(short_text),
                threshold: reading.threshold.map(short_text),
                value: reading.value.map(short_text),
            }),
            properties: properties
                .into_iter()
                .map(|(name, value)| (short_text(name), clean(&value, LONGEST_PROPERTY)))
                .collect(),
            ..self
        }
    }
}

/// Whether a custom property is for nightcap and not for somebody else.
fn is_for_nightcap(name: &str) -> bool {
    name.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("nightcap_"))
}

fn short_text(text: String) -> String {
    clean(&text, LONGEST_TEXT)
}

/// Two ids stay two.
fn short_id(id: String) -> String {
    let short = clean(&id, LONGEST_TEXT);
    if short == id { id } else { format!("{short}{}", digest(&id, 16)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn alert(id: &str) -> Alert {
        let long = "ß".repeat(20_000);
        let machine = |number: usize| {
            format!(
                "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/{}/providers/Microsoft.Compute/virtualMachines/vm{number}",
                "g".repeat(90)
            )
        };
        let properties: serde_json::Map<_, _> = (0..200)
            .map(|number| (format!("a{number}"), long.clone().into()))
            .chain([("nightcap_capture_seconds".to_owned(), "5".into())])
            .collect();
        let body = json!({
            "schemaId": "azureMonitorCommonAlertSchema",
            "data": {
                "essentials": {
                    "alertId": id, "alertRule": long, "severity": long, "monitorCondition": long,
                    "alertTargetIDs": (0..2000).map(machine).collect::<Vec<_>>(),
                },
                "alertContext": {"condition": {"allOf": [{"metricName": long, "operator": long, "threshold": long, "metricValue": long}]}},
                "customProperties": properties,
            }
        });
        Alert::parse(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn the_largest_alert_stays_far_below_what_a_store_takes() {
        let alert = alert("id");
        let written = serde_json::to_vec(&alert).unwrap().len();
        assert!(written < 300_000, "{written}");
        let kept = |name: &str| alert.properties.iter().any(|(own, _)| own == name);
        assert!(kept("nightcap_capture_seconds"), "what is for nightcap is kept");
    }

    #[test]
    fn what_cannot_be_seen_is_not_kept() {
        let hidden = "a\u{202e}b\u{200b}c\u{feff}\u{1b}[2J\n";
        let body = json!({
            "schemaId": "azureMonitorCommonAlertSchema",
            "data": {
                "essentials": {
                    "alertId": hidden, "alertRule": hidden, "severity": hidden, "monitorCondition": hidden, "alertTargetIDs": [hidden],
                },
                "alertContext": {"condition": {"allOf": [
                    {"metricName": hidden, "operator": hidden, "threshold": hidden, "metricValue": hidden}
                ]}},
                "customProperties": {hidden: hidden},
            }
        });
        let alert = Alert::parse(body.to_string().as_bytes()).unwrap();
        assert_eq!((alert.rule.as_str(), alert.condition.word()), ("a b c [2J", "a b c [2J"));
        let written = format!("{alert:?}");
        assert!(written.matches("a b c [2J").count() >= 10, "{written}");
        assert!(!written.contains("\\u{") && !written.contains("\\n"), "{written}");
        let plain = body.to_string().replace("\u{202e}", " ");
        assert_ne!(Alert::parse(plain.as_bytes()).unwrap().id, alert.id, "two ids stay two");
    }

    #[test]
    fn long_ids_stay_different() {
        let id = |end: &str| alert(&format!("{}{end}", "x".repeat(5000))).id;
        assert_ne!(id("1"), id("2"));
        assert_eq!(id("1"), id("1"));
    }
}
