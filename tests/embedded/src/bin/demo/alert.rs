//! Alerts as Azure Monitor's action groups send them: the common alert schema of a metric alert, shaped like the
//! payloads that Microsoft publishes.

use jiff::{SignedDuration, Timestamp};
use nightcap_simulator::SUBSCRIPTION;
use serde_json::{Value, json};

/// One alert of a metric rule.
#[derive(Clone)]
pub struct Alert {
    /// The rule's name.
    pub rule: &'static str,
    /// The machine's resource id.
    pub target: String,
    /// When the condition began.
    fired_at: Timestamp,
}

impl Alert {
    /// An alert that fires now.
    pub fn now(rule: &'static str, target: &str) -> Alert {
        Alert { rule, target: target.to_owned(), fired_at: Timestamp::now() }
    }

    /// The notification that the condition has begun.
    pub fn fired(&self) -> Value {
        json!({
            "schemaId": "azureMonitorCommonAlertSchema",
            "data": { "essentials": self.essentials(), "alertContext": self.context() }
        })
    }

    /// The notification that the condition is over.
    pub fn resolved(&self) -> Value {
        let mut alert = self.fired();
        let essentials = &mut alert["data"]["essentials"];
        essentials["monitorCondition"] = "Resolved".into();
        essentials["resolvedDateTime"] = azure_time(Timestamp::now()).into();
        alert
    }

    fn essentials(&self) -> Value {
        // Azure writes these ids in lower case, whatever the resources are called.
        let target = self.target.to_lowercase();
        let machine = target.rsplit('/').next().unwrap_or_default();
        let number = self.fired_at.as_nanosecond() as u64;
        json!({
            "alertId": format!(
                "/subscriptions/{SUBSCRIPTION}/providers/Microsoft.AlertsManagement/alerts/{:08x}-0000-4000-8000-{:012x}",
                number >> 32,
                number & 0xffff_ffff_ffff
            ),
            "alertRule": self.rule,
            "severity": "Sev2",
            "signalType": "Metric",
            "monitorCondition": "Fired",
            "monitoringService": "Platform",
            "alertTargetIDs": [target],
            "configurationItems": [machine],
            "originAlertId": format!("{SUBSCRIPTION}_test-RG_microsoft.insights_metricAlerts_{}_{number}", self.rule),
            "firedDateTime": azure_time(self.fired_at),
            "description": "",
            "essentialsVersion": "1.0",
            "alertContextVersion": "1.0"
        })
    }

    fn context(&self) -> Value {
        json!({
            "properties": null,
            "conditionType": "SingleResourceMultipleMetricCriteria",
            "condition": {
                "windowSize": "PT5M",
                "allOf": [{
                    "metricName": "Network In Total",
                    "metricNamespace": "Microsoft.Compute/virtualMachines",
                    "operator": "GreaterThan",
                    "threshold": "500000000",
                    "timeAggregation": "Total",
                    "dimensions": [],
                    "metricValue": 734_003_200
                }],
                "windowStartTime": azure_time(self.fired_at - SignedDuration::from_mins(8)),
                "windowEndTime": azure_time(self.fired_at - SignedDuration::from_mins(3))
            }
        })
    }
}

/// A time with seven decimals, as Azure writes it.
fn azure_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.7fZ").to_string()
}
