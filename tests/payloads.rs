//! Proves that every body the webhook can get is read as it is meant, and that no body does harm.
//!
//! `fixtures/alerts` holds one file for each variant of each schema, written for these tests with the member names that
//! Microsoft documents. Three kinds of proof follow: tables of what each payload means, tables of bodies that are
//! refused, and properties that hold for any bytes at all. With `NIGHTCAP_ORACLES` set to a folder that holds
//! `azure/alerts`, the payloads that Microsoft published are read as well.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use nightcap::DirectCall;
use nightcap::Overrides;
use nightcap::Target;
use nightcap::{Alert, BadAlert};
use nightcap::{Plan, nothing_to_do};
use proptest::prelude::*;
use serde_json::{Value, json};

const SUBSCRIPTION: &str = "7d3c1f52-94ab-4e60-8b17-2ac5d90e4f38";
const GATE: &str = "/subscriptions/7d3c1f52-94ab-4e60-8b17-2ac5d90e4f38/resourcegroups/harbour/providers/microsoft.compute/virtualmachines/gate-01";
const CRANES: &str = "/subscriptions/7d3c1f52-94ab-4e60-8b17-2ac5d90e4f38/resourcegroups/harbour/providers/microsoft.compute/virtualmachinescalesets/cranes";
const CRANE_3: &str = "/subscriptions/7d3c1f52-94ab-4e60-8b17-2ac5d90e4f38/resourcegroups/harbour/providers/microsoft.compute/virtualmachinescalesets/cranes/virtualmachines/3";
const STORE: &str = "/subscriptions/7d3c1f52-94ab-4e60-8b17-2ac5d90e4f38/resourcegroups/harbour/providers/microsoft.storage/storageaccounts/harbourcargo";
/// The machine that the portal's Test button makes up.
const TEST_VM: &str = "/subscriptions/7d3c1f52-94ab-4e60-8b17-2ac5d90e4f38/resourcegroups/test-rg/providers/microsoft.compute/virtualmachines/test-vm";

// ---------------------------------------------------------------------------------------------------------------------
// What each payload means
// ---------------------------------------------------------------------------------------------------------------------

/// What a fixture means.
struct Row {
    /// The fixture's name, without `.json`.
    file: &'static str,
    /// `start`, or the reason why nothing is to be done.
    plan: &'static str,
    /// Keys of the machines, in order.
    targets: &'static [&'static str],
    rule: &'static str,
    severity: Option<&'static str>,
    condition: &'static str,
    fired_at: Option<&'static str>,
    region: Option<&'static str>,
    properties: &'static [(&'static str, &'static str)],
    test: bool,
    direct: bool,
    /// Whether a second delivery can be told from a new alert.
    recognised: bool,
}

/// An alert that fired on a machine. Rows say what is different.
const ROW: Row = Row {
    file: "",
    plan: "start",
    targets: &[GATE],
    rule: "",
    severity: None,
    condition: "Fired",
    fired_at: None,
    region: None,
    properties: &[],
    test: false,
    direct: false,
    recognised: true,
};

/// An alert about something that packets cannot be captured on.
const NO_MACHINE: Row = Row { plan: "no_virtual_machine", targets: &[], ..ROW };

/// A sample event of the portal's Test button.
const TEST: Row = Row { plan: "test_notification", targets: &[], test: true, severity: Some("Sev4"), ..ROW };

/// A program's call.
const DIRECT: Row = Row { rule: "direct call", direct: true, recognised: false, ..ROW };

const QUAY: &[(&str, &str)] = &[("team", "quay")];

const ROWS: &[Row] = &[
    // Metric alerts, common schema.
    Row {
        file: "common-metric-static-fired",
        rule: "gate traffic",
        severity: Some("Sev2"),
        fired_at: Some("2026-02-03T04:06:07.890Z"),
        properties: QUAY,
        ..ROW
    },
    Row {
        file: "common-metric-static-resolved",
        plan: "resolved",
        rule: "gate traffic",
        severity: Some("Sev2"),
        condition: "Resolved",
        fired_at: Some("2026-02-03T04:06:07.890Z"),
        ..ROW
    },
    Row {
        file: "common-metric-dynamic-fired",
        rule: "gate traffic unusual",
        severity: Some("Sev2"),
        fired_at: Some("2026-02-04T00:00:01.500Z"),
        ..ROW
    },
    Row {
        file: "common-metric-dynamic-resolved",
        plan: "resolved",
        rule: "gate traffic unusual",
        severity: Some("Sev2"),
        condition: "Resolved",
        fired_at: Some("2026-02-04T00:00:01.500Z"),
        ..ROW
    },
    Row {
        file: "common-metric-multi-resource-fired",
        rule: "all gates are up",
        severity: Some("Sev0"),
        fired_at: Some("2026-02-05T11:12:13.000Z"),
        ..ROW
    },
    Row {
        file: "common-metric-multi-resource-resolved",
        plan: "resolved",
        rule: "all gates are up",
        severity: Some("Sev0"),
        condition: "Resolved",
        fired_at: Some("2026-02-05T11:22:13.000Z"),
        ..ROW
    },
    Row {
        file: "common-availability",
        rule: "booking page",
        severity: Some("Sev1"),
        fired_at: Some("2026-02-06T07:08:09.123Z"),
        ..NO_MACHINE
    },
    // Log alerts, common schema.
    Row {
        file: "common-log-v1-metric-measurement",
        rule: "heartbeats",
        severity: Some("Sev3"),
        fired_at: Some("2026-03-01T08:06:00.001Z"),
        ..NO_MACHINE
    },
    Row {
        file: "common-log-v1-number-of-results",
        rule: "gate heartbeat",
        severity: Some("Sev3"),
        fired_at: Some("2026-03-01T08:06:00.002Z"),
        ..NO_MACHINE
    },
    Row {
        file: "common-log-v1-resource-id-column",
        rule: "gate events",
        severity: Some("Sev3"),
        fired_at: Some("2026-03-01T08:06:00.003Z"),
        ..ROW
    },
    Row {
        file: "common-log-v2-vm-scope",
        rule: "gate is silent",
        severity: Some("Sev3"),
        fired_at: Some("2026-03-02T10:11:12.345Z"),
        properties: &[("shift", "night")],
        ..ROW
    },
    Row {
        file: "common-log-v2-dimension-resource-id",
        rule: "any gate is silent",
        severity: Some("Sev3"),
        fired_at: Some("2026-03-02T10:11:13.000Z"),
        ..ROW
    },
    Row {
        file: "common-log-v2-computer-only",
        rule: "any gate is silent",
        severity: Some("Sev3"),
        fired_at: Some("2026-03-02T10:11:14.000Z"),
        ..NO_MACHINE
    },
    Row {
        file: "common-simple-log-rows",
        rule: "first error",
        severity: Some("Sev3"),
        fired_at: Some("2026-03-03T01:02:03.400Z"),
        ..NO_MACHINE
    },
    Row {
        file: "common-simple-log-resource-id",
        rule: "first reset",
        severity: Some("Sev3"),
        fired_at: Some("2026-03-03T01:02:04.400Z"),
        ..ROW
    },
    // The activity log family, common schema. An event's own properties are no custom properties.
    Row {
        file: "common-activity-administrative",
        rule: "gate restarted",
        severity: Some("Sev4"),
        fired_at: Some("2026-04-01T05:02:03.004Z"),
        ..ROW
    },
    Row {
        file: "common-activity-scope-only",
        rule: "gate restarted",
        severity: Some("Sev4"),
        fired_at: Some("2026-04-01T05:02:04.004Z"),
        ..ROW
    },
    Row {
        file: "common-activity-policy",
        rule: "gate left the policy",
        severity: Some("Sev4"),
        fired_at: Some("2026-04-02T05:02:03.004Z"),
        ..ROW
    },
    Row {
        file: "common-activity-autoscale",
        targets: &[CRANES],
        rule: "cranes scale",
        severity: Some("Sev4"),
        fired_at: Some("2026-04-03T05:02:03.004Z"),
        ..ROW
    },
    Row {
        file: "common-activity-security",
        rule: "threat",
        severity: Some("Sev4"),
        fired_at: Some("2026-04-04T05:02:03.004Z"),
        ..NO_MACHINE
    },
    Row {
        file: "common-service-health",
        rule: "azure itself",
        severity: Some("Sev4"),
        fired_at: Some("2026-04-05T05:02:03.004Z"),
        ..NO_MACHINE
    },
    Row {
        file: "common-resource-health-active",
        rule: "gate health",
        severity: Some("Sev4"),
        fired_at: Some("2026-04-06T05:02:03.004Z"),
        ..ROW
    },
    // `monitorCondition` says Fired here too; the event itself says that it is over.
    Row {
        file: "common-resource-health-resolved",
        plan: "resolved",
        rule: "gate health",
        severity: Some("Sev4"),
        condition: "Resolved",
        fired_at: Some("2026-04-06T06:02:03.004Z"),
        ..ROW
    },
    // Everything else of the common schema.
    Row {
        file: "common-smart-detector",
        rule: "slow dependencies",
        severity: Some("Sev3"),
        fired_at: Some("2026-05-01T02:00:00.100Z"),
        ..NO_MACHINE
    },
    Row {
        file: "common-prometheus",
        rule: "pods restart",
        severity: Some("Sev2"),
        fired_at: Some("2026-05-02T02:00:00.100Z"),
        ..NO_MACHINE
    },
    Row { file: "common-budget", fired_at: Some("2026-05-03T02:00:00.100Z"), ..NO_MACHINE },
    // The portal's Test button.
    Row {
        file: "test-activity-administrative",
        targets: &[TEST_VM],
        rule: "test-activityLogAlertRule",
        fired_at: Some("2026-06-01T09:00:00.001Z"),
        ..TEST
    },
    Row {
        file: "test-resource-health",
        targets: &[TEST_VM],
        rule: "test-ResourceHealthAlertRule",
        fired_at: Some("2026-06-01T09:00:00.002Z"),
        ..TEST
    },
    Row {
        file: "test-metric-static",
        rule: "test-metricAlertRule",
        fired_at: Some("2026-06-01T09:00:00.003Z"),
        properties: &[("customKey1", "value1")],
        ..TEST
    },
    Row {
        file: "test-log-v2",
        rule: "test-logAlertRule-v2",
        severity: Some("Sev3"),
        fired_at: Some("2026-06-01T09:00:00.004Z"),
        ..TEST
    },
    Row {
        file: "test-service-health",
        rule: "test-ServiceHealthAlertRule",
        condition: "Resolved",
        fired_at: Some("2026-06-01T09:00:00.005Z"),
        ..TEST
    },
    Row { file: "test-budget", severity: None, fired_at: Some("2026-06-01T09:00:00.006Z"), ..TEST },
    // The portal's metric tests are about a storage account, so somebody really has a machine of this name.
    Row {
        file: "common-metric-on-a-vm-named-like-a-test",
        targets: &[TEST_VM],
        rule: "test-cpu",
        severity: Some("Sev2"),
        fired_at: Some("2026-06-01T09:00:00.007Z"),
        properties: &[("IsSynthetic", "true")],
        ..ROW
    },
    // The older schemas.
    Row {
        file: "metric-fired",
        rule: "gate traffic",
        severity: Some("Sev2"),
        fired_at: Some("2026-07-01T03:04:05.678Z"),
        properties: QUAY,
        ..ROW
    },
    // Alerts that name their machine elsewhere, or only what leads to it.
    Row {
        file: "common-promql-workspace-scope",
        rule: "berths busy",
        severity: Some("Sev2"),
        fired_at: Some("2026-11-20T02:01:40.500Z"),
        properties: &[("nightcap_capture_seconds", "90")],
        ..ROW
    },
    Row {
        file: "common-promql-vm-scope",
        rule: "berths busy",
        severity: Some("Sev2"),
        fired_at: Some("2026-11-20T02:02:40.500Z"),
        ..ROW
    },
    Row {
        file: "common-prometheus-resource-id",
        rule: "berths busy",
        severity: Some("Sev2"),
        fired_at: Some("2026-11-20T02:03:40.500Z"),
        ..ROW
    },
    Row {
        file: "common-prometheus-node",
        plan: "no_virtual_machine",
        targets: &[],
        rule: "berths busy",
        severity: Some("Sev2"),
        fired_at: Some("2026-11-20T02:04:40.500Z"),
        ..ROW
    },
    Row {
        file: "common-log-v2-dimension-id",
        rule: "gates that fail",
        severity: Some("Sev2"),
        fired_at: Some("2026-11-20T02:05:40.500Z"),
        ..ROW
    },
    Row {
        file: "common-log-v2-dimension-resource",
        rule: "gates that fail",
        severity: Some("Sev2"),
        fired_at: Some("2026-11-20T02:06:40.500Z"),
        ..ROW
    },
    Row {
        file: "common-log-v2-configuration-item-id",
        rule: "gates that fail",
        severity: Some("Sev2"),
        fired_at: Some("2026-11-20T02:07:40.500Z"),
        ..ROW
    },
    Row {
        file: "common-log-v2-configuration-item-name",
        plan: "no_virtual_machine",
        targets: &[],
        rule: "gates that fail",
        severity: Some("Sev2"),
        fired_at: Some("2026-11-20T02:08:40.500Z"),
        ..ROW
    },
    Row {
        file: "common-log-v2-row-with-any-id",
        plan: "no_virtual_machine",
        targets: &[],
        rule: "gates that fail",
        severity: Some("Sev2"),
        fired_at: Some("2026-11-20T02:09:40.500Z"),
        ..ROW
    },
    Row {
        file: "common-on-public-ip",
        plan: "no_virtual_machine",
        targets: &[],
        rule: "front under attack",
        severity: Some("Sev2"),
        fired_at: Some("2026-11-20T02:10:40.500Z"),
        ..ROW
    },
    Row {
        file: "common-on-public-ip-with-target",
        targets: &[GATE, CRANES],
        rule: "front under attack",
        severity: Some("Sev2"),
        fired_at: Some("2026-11-20T02:11:40.500Z"),
        properties: &[(
            "nightcap_target",
            "/subscriptions/7d3c1f52-94ab-4e60-8b17-2ac5d90e4f38/resourcegroups/harbour/providers/microsoft.compute/virtualmachines/gate-01, /subscriptions/7d3c1f52-94ab-4e60-8b17-2ac5d90e4f38/resourcegroups/harbour/providers/microsoft.compute/virtualmachinescalesets/cranes",
        )],
        ..ROW
    },
    Row {
        file: "common-on-network-interface",
        plan: "no_virtual_machine",
        targets: &[],
        rule: "gate link",
        severity: Some("Sev2"),
        fired_at: Some("2026-11-20T02:12:40.500Z"),
        ..ROW
    },
    Row {
        file: "common-on-load-balancer",
        plan: "no_virtual_machine",
        targets: &[],
        rule: "berths down",
        severity: Some("Sev2"),
        fired_at: Some("2026-11-20T02:13:40.500Z"),
        ..ROW
    },
    Row {
        file: "common-vm-with-another-target",
        targets: &[CRANES],
        rule: "gate cpu",
        severity: Some("Sev2"),
        fired_at: Some("2026-11-20T02:14:40.500Z"),
        properties: &[(
            "Nightcap_Target",
            "[\"/subscriptions/7d3c1f52-94ab-4e60-8b17-2ac5d90e4f38/resourcegroups/harbour/providers/microsoft.compute/virtualmachinescalesets/cranes\"]",
        )],
        ..ROW
    },
    Row {
        file: "common-vm-with-a-wrong-target",
        rule: "gate cpu",
        severity: Some("Sev2"),
        fired_at: Some("2026-11-20T02:15:40.500Z"),
        properties: &[("nightcap_target", "gate-02")],
        ..ROW
    },
    Row {
        file: "common-target-as-text",
        rule: "gate cpu",
        severity: Some("Sev2"),
        fired_at: Some("2026-11-20T02:16:40.500Z"),
        ..ROW
    },
    Row {
        file: "common-targets-as-objects",
        rule: "gate cpu",
        severity: Some("Sev2"),
        fired_at: Some("2026-11-20T02:17:40.500Z"),
        ..ROW
    },
    Row {
        file: "common-target-resource",
        rule: "gate cpu",
        severity: Some("Sev2"),
        fired_at: Some("2026-11-20T02:18:40.500Z"),
        ..ROW
    },
    Row {
        file: "metric-deactivated",
        plan: "resolved",
        rule: "gate traffic",
        severity: Some("Sev2"),
        condition: "Deactivated",
        fired_at: Some("2026-07-01T03:14:05.678Z"),
        properties: QUAY,
        ..ROW
    },
    Row {
        file: "metric-on-storage",
        rule: "gate traffic",
        severity: Some("Sev4"),
        fired_at: Some("2026-07-01T03:04:05.678Z"),
        properties: QUAY,
        ..NO_MACHINE
    },
    Row {
        file: "activity-administrative",
        rule: "Microsoft.Compute/virtualMachines/restart/action",
        fired_at: Some("2026-07-02T03:04:05.600Z"),
        properties: QUAY,
        ..ROW
    },
    Row {
        file: "activity-scope-only",
        rule: "Microsoft.Compute/virtualMachines/restart/action",
        fired_at: Some("2026-07-02T03:04:05.600Z"),
        ..ROW
    },
    Row {
        file: "activity-security",
        rule: "Microsoft.Security/locations/alerts/activate/action",
        fired_at: Some("2026-07-02T03:04:05.600Z"),
        ..NO_MACHINE
    },
    Row {
        file: "activity-service-health",
        rule: "Microsoft.ServiceHealth/incident/action",
        fired_at: Some("2026-07-02T03:04:05.600Z"),
        ..NO_MACHINE
    },
    Row {
        file: "activity-resource-health-active",
        rule: "Microsoft.Resourcehealth/healthevent/Activated/action",
        fired_at: Some("2026-07-02T03:04:05.600Z"),
        properties: QUAY,
        ..ROW
    },
    Row {
        file: "activity-resource-health-resolved",
        plan: "resolved",
        rule: "Microsoft.Resourcehealth/healthevent/Resolved/action",
        condition: "Resolved",
        fired_at: Some("2026-07-02T03:04:05.600Z"),
        properties: QUAY,
        ..ROW
    },
    Row {
        file: "log-v1-number-of-results",
        rule: "gate heartbeat",
        severity: Some("Sev3"),
        fired_at: Some("2026-07-03T08:00:00.000Z"),
        ..NO_MACHINE
    },
    Row {
        file: "log-v1-metric-measurement",
        rule: "heartbeats",
        severity: Some("Warning"),
        fired_at: Some("2026-07-03T08:00:00.000Z"),
        ..NO_MACHINE
    },
    Row {
        file: "log-v1-resource-id-column",
        rule: "gate events",
        severity: Some("Sev3"),
        fired_at: Some("2026-07-03T08:00:00.000Z"),
        ..ROW
    },
    Row {
        file: "log-application-insights",
        rule: "booking errors",
        severity: Some("Sev3"),
        fired_at: Some("2026-07-03T08:00:00.000Z"),
        ..NO_MACHINE
    },
    Row { file: "log-custom-json", rule: "our own words", recognised: false, ..NO_MACHINE },
    Row { file: "log-custom-json-resource-id", rule: "our own words", recognised: false, ..ROW },
    Row {
        file: "classic-metric-activated",
        rule: "old gate",
        fired_at: Some("2018-09-10T11:12:13.456Z"),
        region: Some("northeurope"),
        properties: QUAY,
        ..ROW
    },
    Row {
        file: "classic-metric-resolved",
        plan: "resolved",
        rule: "old gate",
        condition: "Resolved",
        fired_at: Some("2018-09-10T11:27:13.456Z"),
        region: Some("northeurope"),
        properties: QUAY,
        ..ROW
    },
    Row { file: "budget", rule: "harbour", recognised: false, ..NO_MACHINE },
    // Calls by a program.
    Row { file: "direct-minimal", ..DIRECT },
    Row { file: "direct-empty-members", ..DIRECT },
    Row { file: "direct-full", ..DIRECT },
    Row { file: "direct-members-in-lower-case", ..DIRECT },
    // Several machines, parts of machines, overrides.
    Row {
        file: "common-several-targets",
        targets: &[GATE, CRANES],
        rule: "whole harbour",
        severity: Some("Sev1"),
        fired_at: Some("2026-08-01T00:00:00.000Z"),
        ..ROW
    },
    Row {
        file: "common-scale-set-instance",
        targets: &[CRANE_3],
        rule: "one crane",
        severity: Some("Sev2"),
        fired_at: Some("2026-08-02T00:00:00.000Z"),
        ..ROW
    },
    Row {
        file: "common-overrides",
        rule: "gate traffic",
        severity: Some("Sev2"),
        fired_at: Some("2026-08-03T00:00:00.000Z"),
        properties: &[
            ("Nightcap_Packet_Bytes", "96"),
            ("nightcap_capture_bytes", "a lot"),
            ("nightcap_capture_filters", r#"[{"protocol":"TCP","remotePort":"443"}]"#),
            ("nightcap_capture_seconds", "120"),
            ("nightcap_ignore", "false"),
            ("team", "quay"),
        ],
        ..ROW
    },
    // Leniency: other scalars, null, missing members, other case.
    Row {
        file: "common-scalars-of-other-types",
        rule: "17",
        severity: Some("Sev1"),
        fired_at: Some("2026-08-04T00:00:00.000Z"),
        properties: &[("level", "3"), ("on", "true")],
        ..ROW
    },
    Row { file: "common-everything-null", recognised: false, ..NO_MACHINE },
    Row { file: "common-only-a-target", recognised: false, ..ROW },
    Row { file: "common-no-context", rule: "rule-by-id", fired_at: Some("2026-08-05T13:02:03.000Z"), ..ROW },
    Row { file: "metric-everything-null", recognised: false, ..NO_MACHINE },
    Row { file: "activity-everything-null", recognised: false, ..NO_MACHINE },
    Row { file: "classic-everything-null", recognised: false, ..NO_MACHINE },
    Row { file: "log-v1-everything-null", recognised: false, ..NO_MACHINE },
    Row {
        file: "common-members-in-upper-case",
        rule: "gate traffic",
        severity: Some("Sev2"),
        fired_at: Some("2026-08-06T00:00:00.000Z"),
        properties: &[("TEAM", "quay")],
        ..ROW
    },
    Row {
        file: "common-members-in-lower-case",
        rule: "any gate is silent",
        severity: Some("Sev3"),
        fired_at: Some("2026-08-07T00:00:00.000Z"),
        ..ROW
    },
    Row {
        file: "metric-members-in-upper-case",
        rule: "gate traffic",
        severity: Some("Sev2"),
        fired_at: Some("2026-07-01T03:04:05.678Z"),
        properties: &[("TEAM", "quay")],
        ..ROW
    },
];

#[test]
fn every_fixture_means_what_its_row_says() {
    let bodies = json_files(&fixtures());
    let described: BTreeSet<&str> = ROWS.iter().map(|row| row.file).collect();
    assert_eq!(described.len(), ROWS.len(), "a fixture has two rows");
    let without_row = bodies.keys().filter(|file| !described.contains(file.as_str()));
    let mut wrong: Vec<String> = without_row.map(|file| format!("{file}.json has no row")).collect();
    for row in ROWS {
        match bodies.get(row.file) {
            Some(body) => wrong.extend(difference(row, body)),
            None => wrong.push(format!("{} has a row, but no file", row.file)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a body means, when that is not what its row says.
fn difference(row: &Row, body: &[u8]) -> Option<String> {
    let alert = match Alert::parse(body) {
        Ok(alert) => alert,
        Err(error) => return Some(format!("{}: {error}", row.file)),
    };
    let mut properties = alert.properties.clone();
    properties.sort();
    let members = [
        ("plan", plan_of(&alert), row.plan.to_owned()),
        ("targets", format!("{:?}", keys(&alert)), format!("{:?}", row.targets)),
        ("rule", alert.rule.clone(), row.rule.to_owned()),
        ("severity", format!("{:?}", alert.severity.as_deref()), format!("{:?}", row.severity)),
        ("condition", alert.condition.word().to_owned(), row.condition.to_owned()),
        (
            "fired_at",
            alert.fired_at.map(|at| at.to_string()).unwrap_or_default(),
            row.fired_at.unwrap_or_default().to_owned(),
        ),
        (
            "region",
            alert.region.as_ref().map(|region| region.to_string()).unwrap_or_default(),
            row.region.unwrap_or_default().to_owned(),
        ),
        ("properties", format!("{properties:?}"), format!("{:?}", row.properties)),
        ("test", alert.test.to_string(), row.test.to_string()),
        ("direct", alert.direct.is_some().to_string(), row.direct.to_string()),
        ("recognised", alert.can_be_recognised().to_string(), row.recognised.to_string()),
    ];
    let wrong: Vec<String> = members
        .into_iter()
        .filter(|(_, is, should)| is != should)
        .map(|(member, is, should)| format!("{}: {member} is {is}, not {should}", row.file))
        .collect();
    (!wrong.is_empty()).then(|| wrong.join("\n"))
}

#[test]
fn deliveries_of_one_notification_share_a_key_and_no_others_do() {
    let mut seen = BTreeMap::new();
    for (file, body) in json_files(&fixtures()) {
        let alert = Alert::parse(&body).unwrap();
        assert_eq!(alert.key(), Alert::parse(&body).unwrap().key(), "{file}");
        if alert.can_be_recognised()
            && let Some(other) = seen.insert(alert.key(), file.clone())
        {
            // The one difference between these two is the case of the member names.
            assert_eq!([other.as_str(), &file], ["metric-fired", "metric-members-in-upper-case"]);
        }
    }
}

#[test]
fn a_summary_says_what_the_alert_says() {
    let alert = fixture("metric-deactivated");
    let summary = serde_json::to_value(alert.summary()).unwrap();
    assert_eq!(
        summary,
        json!({
            "id": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/Harbour/providers/microsoft.insights/metricAlerts/gate traffic"),
            "rule": "gate traffic",
            "condition": "Deactivated",
            "severity": "Sev2",
            "firedAt": "2026-07-01T03:14:05.678Z",
            "reading": {
                "metric": "Network In Total",
                "operator": "GreaterThan",
                "threshold": "50000000",
                "value": "91234567.0",
            },
        })
    );
}

#[test]
fn ids_come_from_the_alert_and_then_from_its_origin() {
    let id = |file: &str| fixture(file).id;
    assert!(id("common-metric-static-fired").starts_with("/subscriptions/"));
    assert_eq!(id("common-metric-static-fired"), id("common-metric-static-resolved"));
    assert_eq!(id("common-scalars-of-other-types"), "4711");
    assert_eq!(id("common-no-context"), "origin-only");
    assert_eq!(id("activity-administrative"), "f00c9a7e-1b82-4d6d-9e43-75a8c1b0d26f");
    assert_eq!(id("common-everything-null"), "");
}

#[test]
fn whoever_is_told_that_nothing_is_done_is_told_why() {
    let message = |file: &str| match nothing_to_do(&fixture(file)) {
        Some(Plan::Skip { message, .. }) => message,
        other => panic!("{file}: {other:?}"),
    };
    assert!(message("metric-on-storage").contains(STORE));
    assert!(message("common-log-v2-computer-only").contains("workspaces/harbour-logs"));
    assert!(message("common-budget").contains("names no virtual machine"));
    assert!(message("metric-deactivated").contains("Deactivated"));
    assert!(message("test-metric-static").contains("test"));
}

#[test]
fn whoever_gets_no_capture_is_told_what_would_name_the_machine() {
    for (file, words) in [
        (
            "common-log-v2-computer-only",
            &["workspaces/harbour-logs", "computer gate-01", "_ResourceId", "nightcap_target"][..],
        ),
        ("common-log-v2-configuration-item-name", &["computer gate-01 "]),
        (
            "common-prometheus-node",
            &["aks-berths-28735029-vmss00000c", "instance 12", "microsoft.resourceid", "nightcap_target"],
        ),
        ("common-on-load-balancer", &["loadbalancers/harbour-lb", "nightcap_target"]),
        ("common-on-public-ip", &["publicipaddresses/harbour-front", "nightcap_target"]),
        ("common-on-network-interface", &["networkinterfaces/gate-01-nic", "nightcap_target"]),
    ] {
        let Some(Plan::Skip { message, .. }) = nothing_to_do(&fixture(file)) else { panic!("{file}") };
        words.iter().for_each(|word| assert!(message.contains(word), "{file}: {word}: {message}"));
    }
}

#[test]
fn what_leads_to_a_machine_is_kept_for_azure_to_say_which() {
    let unresolved = |file: &str| serde_json::to_value(fixture(file)).unwrap()["unresolved"].clone();
    let network = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/harbour/providers/microsoft.network");
    let computer = json!([{"computer": {"name": "gate-01", "subscription": SUBSCRIPTION}}]);
    assert_eq!(
        unresolved("common-on-public-ip"),
        json!([{"publicIpAddress": format!("{network}/publicipaddresses/harbour-front")}])
    );
    assert_eq!(
        unresolved("common-on-network-interface"),
        json!([{"networkInterface": format!("{network}/networkinterfaces/gate-01-nic")}])
    );
    for file in [
        "common-log-v2-computer-only",
        "common-log-v2-configuration-item-name",
        "common-log-v1-number-of-results",
        "log-v1-number-of-results",
    ] {
        assert_eq!(unresolved(file), computer, "{file}");
    }
    for file in [
        "common-log-v2-dimension-id",
        "common-on-public-ip-with-target",
        "common-metric-static-fired",
        "common-on-load-balancer",
        "metric-on-storage",
    ] {
        assert_eq!(unresolved(file), Value::Null, "{file}");
    }
}

#[test]
fn a_query_of_promql_says_what_was_measured() {
    let reading = serde_json::to_value(fixture("common-promql-workspace-scope").summary()).unwrap()["reading"].clone();
    assert_eq!(reading, json!({"metric": "berths busy", "operator": null, "threshold": null, "value": "0.93"}));
}

#[test]
fn custom_properties_override_and_their_slips_are_told_once() {
    let (overrides, complaints) = Overrides::from_properties(&fixture("common-overrides").properties);
    assert_eq!(
        (overrides.capture_seconds, overrides.packet_bytes, overrides.capture_bytes),
        (Some(120), Some(96), None)
    );
    assert_eq!(overrides.capture_filters.map(|filters| filters.len()), Some(1));
    assert!(!overrides.ignore);
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert!(complaints[0].contains("nightcap_capture_bytes"), "{complaints:?}");
}

#[test]
fn a_direct_call_asks_for_what_its_members_say() {
    let call = |file: &str| fixture(file).direct.unwrap();

    let full = call("direct-full");
    assert_eq!(full.name.as_deref(), Some("gate-evidence"));
    assert_eq!(full.storage.map(|id| id.key()).as_deref(), Some(STORE));
    assert_eq!(
        full.watcher.map(|id| id.key()),
        Some(format!(
            "/subscriptions/{SUBSCRIPTION}/resourcegroups/networkwatcherrg/providers/microsoft.network/networkwatchers/networkwatcher_northeurope"
        ))
    );
    let limits = &full.overrides;
    assert_eq!(
        (limits.capture_seconds, limits.capture_bytes, limits.packet_bytes),
        (Some(45), Some(1_048_576), Some(96))
    );
    assert_eq!(
        serde_json::to_value(&limits.capture_filters).unwrap(),
        json!([
            {"protocol": "TCP", "localIPAddress": "10.1.0.4", "remoteIPAddress": "192.0.2.1;192.0.2.2", "localPort": "443"},
            {"protocol": "UDP", "localIPAddress": "10.1.0.4", "remoteIPAddress": "192.0.2.1-192.0.2.9", "remotePort": "53"},
        ])
    );

    for file in ["direct-minimal", "direct-empty-members"] {
        assert_eq!(call(file), DirectCall::default(), "{file}");
    }

    let lower = call("direct-members-in-lower-case");
    assert_eq!((lower.name.as_deref(), lower.overrides.capture_seconds), (Some("gate-evidence"), Some(45)));
}

// ---------------------------------------------------------------------------------------------------------------------
// What Microsoft published
// ---------------------------------------------------------------------------------------------------------------------

/// Each published payload: `on` a machine that a capture starts on, or the reason why none does.
const ORACLES: &[(&str, &str)] = &[
    ("classic-metric", "no_virtual_machine"),
    ("classic-metric-vm", "on test-rg/virtualmachines/test-vm"),
    ("classic-metric-vm-resolved", "resolved"),
    ("common-activity-autoscale-vmss", "on testrg/virtualmachinescalesets/testvmss"),
    // Names its machine only as `compromisedEntity`, without group.
    ("common-activity-security", "no_virtual_machine"),
    ("common-log-v2-vm-scope", "on ai-engineering/virtualmachines/testvm"),
    // The portal's metric tests are about a storage account; this one is real.
    ("common-metric-dynamic-vm-fired", "on test-rg/virtualmachines/test-vm"),
    ("common-metric-multi-resource-vm-resolved", "resolved"),
    ("common-metric-static-vm-fired", "on pipelinealertrg/virtualmachines/wcus-r2-gen2"),
    ("common-metric-static-vm-resolved", "resolved"),
    ("common-prometheus", "no_virtual_machine"),
    // In the group of the portal's samples, but its rule is not named like one.
    ("common-simple-log-search", "no_virtual_machine"),
    ("common-test-activity-administrative-vm", "test_notification"),
    ("common-test-availability", "test_notification"),
    ("common-test-budget-actual", "test_notification"),
    ("common-test-budget-forecasted", "test_notification"),
    ("common-test-log-v1-metric-measurement", "test_notification"),
    ("common-test-log-v1-number-of-results", "test_notification"),
    ("common-test-log-v2", "test_notification"),
    ("common-test-metric-dynamic", "test_notification"),
    ("common-test-metric-static", "test_notification"),
    ("common-test-resource-health-vm", "test_notification"),
    ("common-test-service-health", "test_notification"),
    ("common-test-smart-detector", "test_notification"),
    // The older activity log schema names no rule, so nothing in it says that it is a sample.
    ("noncommon-activity-administrative-vm", "on test-rg/virtualmachines/test-vm"),
    ("noncommon-activity-security", "no_virtual_machine"),
    ("noncommon-budget", "no_virtual_machine"),
    ("noncommon-log-analytics-2018", "no_virtual_machine"),
    ("noncommon-log-application-insights-2018", "no_virtual_machine"),
    ("noncommon-log-custom-json-2018", "no_virtual_machine"),
    ("noncommon-log-v1-metric-measurement", "no_virtual_machine"),
    ("noncommon-log-v1-number-of-results", "no_virtual_machine"),
    ("noncommon-metric-2018", "no_virtual_machine"),
    ("noncommon-metric-dynamic", "no_virtual_machine"),
    ("noncommon-metric-static", "no_virtual_machine"),
    ("noncommon-metric-vm", "on test-rg/virtualmachines/test-vm"),
    ("noncommon-metric-vm-deactivated-unverified", "resolved"),
    ("noncommon-resource-health-vm", "on test-rg/virtualmachines/test-vm"),
    ("noncommon-service-health", "no_virtual_machine"),
    ("sample-2017-function-parameters", "on contosoexamplerg/virtualmachines/contosovm"),
];

#[test]
fn published_payloads_mean_what_azures_documents_say() {
    let Some(oracles) = std::env::var_os("NIGHTCAP_ORACLES") else {
        println!("skipped: NIGHTCAP_ORACLES is not set to the folder that holds azure/alerts");
        return;
    };
    let folder = PathBuf::from(oracles).join("azure/alerts");
    let bodies = json_files(&folder);
    let mut wrong: Vec<String> = bodies
        .keys()
        .filter(|file| ORACLES.iter().all(|(known, _)| known != file))
        .map(|file| format!("{file} is new in {}; add a row that says what it means", folder.display()))
        .collect();
    for (file, expected) in ORACLES {
        let outcome = match bodies.get(*file).map(|body| Alert::parse(body)) {
            Some(Ok(alert)) => outcome(&alert),
            Some(Err(error)) => error.to_string(),
            None => "missing".to_owned(),
        };
        if outcome != *expected {
            wrong.push(format!("{file}: {outcome}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `on group/type/name` for each machine that a capture starts on, or the reason why none does.
fn outcome(alert: &Alert) -> String {
    let short = |key: String| {
        key.strip_prefix("/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/")
            .unwrap_or(&key)
            .replace("/providers/microsoft.compute/", "/")
    };
    match plan_of(alert).as_str() {
        "start" => format!("on {}", keys(alert).into_iter().map(short).collect::<Vec<_>>().join(" and ")),
        reason => reason.to_owned(),
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// What is refused
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn bodies_that_are_no_json_are_refused() {
    let valid = json_files(&fixtures())["metric-fired"].clone();
    let with = |prefix: &[u8], body: &[u8]| [prefix, body].concat();
    let utf_16: Vec<u8> = String::from_utf8(valid.clone()).unwrap().encode_utf16().flat_map(u16::to_le_bytes).collect();
    let deep_member =
        format!(r#"{{"schemaId":"AzureMonitorMetricAlert","data":{}1{}}}"#, "[".repeat(50_000), "]".repeat(50_000));
    let bodies: &[(&str, Vec<u8>)] = &[
        ("empty", vec![]),
        ("only a byte order mark", b"\xef\xbb\xbf".to_vec()),
        ("two byte order marks", with(b"\xef\xbb\xbf\xef\xbb\xbf", &valid)),
        ("spaces", b" \r\n\t ".to_vec()),
        ("a form", b"targetVM=gate-01&timeLimit=5".to_vec()),
        ("xml", b"<?xml version=\"1.0\"?><alert/>".to_vec()),
        ("cut off", valid[..valid.len() / 2].to_vec()),
        ("the last bracket missing", valid.trim_ascii_end()[..valid.trim_ascii_end().len() - 1].to_vec()),
        ("something behind", with(&valid, b"{}")),
        ("not UTF-8", b"{\"schemaId\":\"\xff\xfe\"}".to_vec()),
        ("half a surrogate pair", br#"{"schemaId":"\ud83d"}"#.to_vec()),
        ("UTF-16", utf_16),
        ("a zero byte", with(b"\0", &valid)),
        ("100,000 brackets", vec![b'['; 100_000]),
        ("100,000 braces", br#"{"a":"#.repeat(100_000)),
        ("100,000 brackets that close", with(&vec![b'['; 50_000], &vec![b']'; 50_000])),
        ("an alert with 100,000 brackets in it", deep_member.into_bytes()),
    ];
    for (name, body) in bodies {
        assert_eq!(verdict(body), "not JSON", "{name}");
    }
}

#[test]
fn json_of_no_known_schema_is_refused() {
    let bodies = [
        "null",
        "true",
        "17",
        r#""azureMonitorCommonAlertSchema""#,
        "[]",
        r#"[{"schemaId":"azureMonitorCommonAlertSchema","data":{"essentials":{}}}]"#,
        "{}",
        r#"{"":null}"#,
        r#"{"schemaId":"somethingElse","data":{}}"#,
        r#"{"schemaId":5,"data":{}}"#,
        r#"{"schemaId":true,"data":{}}"#,
        r#"{"schemaId":["azureMonitorCommonAlertSchema"],"data":{}}"#,
        r#"{"schemaId":{"is":"azureMonitorCommonAlertSchema"},"data":{}}"#,
        r#"{"schemaId":null,"data":{"essentials":{}}}"#,
        r#"{"schemaId":"somethingElse","targetVM":"x"}"#,
        r#"{"data":{"essentials":{"monitorCondition":"Fired"}}}"#,
        r#"{"status":"Activated"}"#,
        r#"{"context":{}}"#,
    ];
    for body in bodies {
        assert_eq!(verdict(body.as_bytes()), "unknown schema", "{body}");
    }
}

#[test]
fn bodies_like_alerts_with_something_impossible_are_refused_by_the_members_name() {
    let bodies = [
        (json!({"status": "Activated", "context": "x"}), "a classic metric alert: context"),
        (json!({"status": [], "context": {}}), "a classic metric alert: status"),
        (json!({"AlertRuleName": "x", "ResourceId": {}}), "a log alert: ResourceId"),
    ];
    for (body, expected) in bodies {
        assert_eq!(verdict(body.to_string().as_bytes()), expected, "{body}");
    }
}

/// Azure stops calling a webhook that refuses its alerts, so a body whose `schemaId` is right is never refused.
#[test]
fn known_schemas_with_something_impossible_are_taken_without_it() {
    let common = |data: Value| json!({"schemaId": "azureMonitorCommonAlertSchema", "data": data});
    let essentials = |name: &str, value: Value| common(json!({"essentials": {name: value}}));
    let of = |schema: &str, data: Value| json!({"schemaId": schema, "data": data});
    let on_gate = |name: &str, value: Value| common(json!({"essentials": {"alertTargetIDs": [GATE], name: value}}));
    let nothing = [
        json!({"schemaId": "azureMonitorCommonAlertSchema"}),
        common(json!(null)),
        common(json!([])),
        common(json!("{}")),
        common(json!({})),
        common(json!({"essentials": []})),
        common(json!({"essentials": 5})),
        essentials("alertTargetIDs", json!(5)),
        of("AzureMonitorMetricAlert", json!("x")),
        of("AzureMonitorMetricAlert", json!({"context": []})),
        of("AzureMonitorMetricAlert", json!({"status": {}, "context": {}})),
        of("AzureMonitorMetricAlert", json!({"context": {"resourceId": [GATE]}})),
        of("Microsoft.Insights/activityLogs", json!({"context": {}})),
        of("Microsoft.Insights/activityLogs", json!({"context": {"activityLog": {"resourceId": {}}}})),
        of("Microsoft.Insights/LogAlert", json!([])),
        of("AIP Budget Notification", json!(null)),
    ];
    let gate = [
        essentials("alertTargetIDs", json!(GATE)),
        essentials("alertTargetIDs", json!({"0": GATE})),
        essentials("alertTargetIDs", json!([GATE, 5])),
        essentials("alertTargetIDs", json!([[GATE]])),
        on_gate("monitorCondition", json!(["Fired"])),
        on_gate("monitorCondition", json!({})),
        on_gate("alertId", json!({})),
    ];
    let expected = nothing.into_iter().map(|body| (body, "no_virtual_machine", vec![]));
    for (body, plan, targets) in expected.chain(gate.into_iter().map(|body| (body, "start", vec![GATE.to_owned()]))) {
        let alert = Alert::parse(body.to_string().as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"));
        assert_eq!((plan_of(&alert).as_str(), keys(&alert)), (plan, targets), "{body}");
    }
}

#[test]
fn members_that_only_decorate_cost_no_capture() {
    let essentials = json!({"alertTargetIDs": [GATE], "severity": ["Sev1"], "description": {}, "configurationItems": 5, "firedDateTime": "soon"});
    for context in [
        json!([]),
        json!("x"),
        json!({"properties": [], "condition": [], "status": {}, "SearchResults": 5, "authorization": "x"}),
    ] {
        let body = json!({"schemaId": "azureMonitorCommonAlertSchema",
                          "data": {"essentials": essentials, "alertContext": context, "customProperties": ["x"]}});
        let alert = Alert::parse(body.to_string().as_bytes()).unwrap();
        assert_eq!(
            (plan_of(&alert).as_str(), keys(&alert).as_slice()),
            ("start", [GATE.to_owned()].as_slice()),
            "{body}"
        );
        assert_eq!((alert.severity, alert.fired_at, alert.properties), (None, None, vec![]), "{body}");
    }
}

#[test]
fn odd_but_valid_bodies_are_accepted() {
    let fixture = json_files(&fixtures())["common-metric-static-fired"].clone();
    let marked = [b"\xef\xbb\xbf".as_slice(), &fixture].concat();
    assert_eq!(Alert::parse(&marked), Alert::parse(&fixture));

    // As large as Azure Monitor sends them, in a text that takes two bytes a letter.
    let mut large: Value = serde_json::from_slice(&fixture).unwrap();
    large["data"]["essentials"]["description"] = "ß".repeat(128 * 1024).into();
    assert_eq!(Alert::parse(large.to_string().as_bytes()), Alert::parse(&fixture));

    // Of two members with one name the last one counts, as everywhere.
    let doubled =
        r#"{"schemaId":"nonsense","schemaId":"azureMonitorCommonAlertSchema","data":5,"data":{"essentials":{}}}"#;
    assert_eq!(verdict(doubled.as_bytes()), "accepted");
}

#[test]
fn hostile_ids_never_become_targets() {
    for id in hostile_ids() {
        let shown: String = id.chars().take(200).collect();
        for body in with_id_everywhere(&id) {
            let alert = Alert::parse(body.to_string().as_bytes()).unwrap();
            assert!(alert.targets.is_empty(), "{shown:?}");
            assert_eq!(plan_of(&alert), "no_virtual_machine", "{shown:?}");
        }
        assert_refused("targetVM", &json!({"targetVM": id}));
    }
    // The same bodies do start something when the id is good, so the loop above proves what it says.
    for body in with_id_everywhere(GATE) {
        let alert = Alert::parse(body.to_string().as_bytes()).unwrap();
        assert_eq!((plan_of(&alert).as_str(), keys(&alert)), ("start", vec![GATE.to_owned()]), "{body}");
    }
}

fn hostile_ids() -> Vec<String> {
    let letters = " \t\n\r\0\u{7f}\u{a0}\u{200b}\u{202e}\u{feff}\\%?#&;:,=+@*!~|^`'\"<>[]{}$😀";
    let names: Vec<String> =
        ["", ".", "..", "...", "../x", "%2e%2e", "a%2fb", "a%00b", "a?api-version=1", "a\r\nHost: b", "${a}"]
            .into_iter()
            .map(str::to_owned)
            .chain(letters.chars().map(|letter| format!("a{letter}b")))
            .collect();
    let mut ids: Vec<String> = names.iter().map(|name| GATE.replace("gate-01", name)).collect();
    ids.extend(names.iter().map(|name| GATE.replace("/harbour/", &format!("/{name}/"))));
    ids.extend(names.iter().map(|name| GATE.replace(SUBSCRIPTION, name)));
    let long = "a".repeat(10 * 1024 * 1024);
    ids.extend([
        GATE.replace("gate-01", &"a".repeat(91)),
        GATE.replace("gate-01", &long),
        GATE.replace("/providers", &"/x".repeat(5 * 1024 * 1024)),
        long,
        "/".repeat(10 * 1024 * 1024),
        GATE.replace("microsoft.compute", "evil.compute"),
        GATE.replace("microsoft.compute", "microsoft.compute.evil"),
        GATE.replace("microsoft.compute", "microsoft.classiccompute"),
        GATE.replace("virtualmachines", "virtualmachine"),
        GATE.replace("virtualmachines", "disks"),
        GATE.replace("resourcegroups", "resourcegroup"),
        GATE.replace("/providers", "/x/providers"),
        GATE.replace("/resourcegroups/harbour", ""),
        GATE[1..].to_owned(),
        format!("/{GATE}"),
        format!("https://management.azure.com{GATE}"),
        format!("{GATE}/extensions/agent"),
        format!("{GATE}/virtualmachines/gate-01"),
        format!("{GATE}/extensions"),
        format!("{GATE}/../gate-02"),
        format!("{GATE}{GATE}"),
        format!("{CRANE_3}/networkInterfaces/0"),
        format!("{CRANES}/virtualmachines"),
        "c81b6f0e-2d47-4a95-b3ee-6f09d2a7514c".to_owned(),
    ]);
    ids
}

/// Alerts of every schema that names its resource, with an id at every place where one is looked for.
fn with_id_everywhere(id: &str) -> Vec<Value> {
    let common = |ids: Value, context: Value| json!({"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": {"alertTargetIDs": ids}, "alertContext": context}});
    let activity = |event: Value| json!({"schemaId": "Microsoft.Insights/activityLogs", "data": {"context": {"activityLog": event}}});
    let results = json!({"tables": [{"columns": [{"name": "_ResourceId"}], "rows": [[id]]}]});
    let pair = json!({"name": "ResourceId", "value": id});
    vec![
        common(json!([id]), json!({})),
        common(json!([]), json!({"authorization": {"scope": id}})),
        common(json!([]), json!({"condition": {"allOf": [{"dimensions": [pair]}]}})),
        common(json!([]), json!({"condition": {"allOf": [{"event": [[pair]]}]}})),
        common(json!([]), json!({"Dimensions": [pair]})),
        common(json!([]), json!({"SearchResults": results})),
        json!({"schemaId": "AzureMonitorMetricAlert", "data": {"context": {"resourceId": id}}}),
        activity(json!({"resourceId": id})),
        activity(json!({"authorization": {"scope": id}})),
        json!({"schemaId": "Microsoft.Insights/LogAlert", "data": {"SearchResult": results}}),
        json!({"AlertRuleName": "x", "ResourceId": id}),
        json!({"SearchResults": results}),
        json!({"status": "Activated", "context": {"resourceId": id}}),
    ]
}

#[test]
fn a_direct_call_is_told_which_member_is_wrong() {
    let wrong: &[(&str, Value)] = &[
        ("targetVM", json!(null)),
        ("targetVM", json!("")),
        ("targetVM", json!(5)),
        ("targetVM", json!([GATE])),
        ("targetVM", json!("gate-01")),
        ("targetVM", json!(STORE)),
        ("subscriptionId", json!("00000000-0000-0000-0000-000000000001")),
        ("subscriptionId", json!([SUBSCRIPTION])),
        ("networkWatcherResourceGroup", json!(null)),
        ("networkWatcherResourceGroup", json!("..")),
        ("networkWatcherResourceGroup", json!("a/b")),
        ("networkWatcherResourceGroup", json!("a/providers/b")),
        ("networkWatcherResourceGroup", json!({})),
        ("networkWatcherName", json!(" ")),
        ("networkWatcherName", json!("a?b")),
        ("networkWatcherName", json!("a/packetCaptures/b")),
        ("networkWatcherName", json!([])),
        ("packetCaptureName", json!("a/b")),
        ("packetCaptureName", json!("../gate")),
        ("packetCaptureName", json!("gate 01")),
        ("packetCaptureName", json!("größe")),
        ("packetCaptureName", json!("a".repeat(80))),
        ("packetCaptureName", json!({})),
        ("storageID", json!("harbourcargo")),
        ("storageID", json!("https://harbourcargo.blob.core.windows.net/")),
        ("storageID", json!(GATE)),
        ("storageID", json!([STORE])),
        ("timeLimit", json!(0)),
        ("timeLimit", json!(-1)),
        ("timeLimit", json!(18_001)),
        ("timeLimit", json!(1.5)),
        ("timeLimit", json!(1e300)),
        ("timeLimit", json!("soon")),
        ("timeLimit", json!(true)),
        ("timeLimit", json!([5])),
        ("totalBytesPerSession", json!(-1)),
        ("totalBytesPerSession", json!(4_294_967_296_u64)),
        ("totalBytesPerSession", json!("1 GB")),
        ("totalBytesPerSession", json!({})),
        ("bytesToCapturePerPacket", json!(-1)),
        ("bytesToCapturePerPacket", json!("4294967296")),
        ("bytesToCapturePerPacket", json!([])),
        ("filters", json!({"protocol": "TCP"})),
        ("filters", json!("[]")),
        ("filters", json!(["TCP"])),
        ("filters", json!([null])),
        ("filters", json!([[]])),
        ("filters", json!([["TCP", "10.0.0.4"]])),
        ("filters", json!([{"protocol": "ICMP"}])),
        ("filters", json!([{"protocol": "TCP"}, {"localPort": "70000"}])),
        ("filters", json!([{"remoteIPAddress": "10.0.0.0/8"}])),
        ("filters", json!([{"remoteIp4": "10.0.0.1"}])),
        ("filters", json!([{"localIP": "10.0.0.4", "localIPAddress": "10.0.0.5"}])),
    ];
    let good: Value = serde_json::from_slice(&json_files(&fixtures())["direct-full"]).unwrap();
    for (member, value) in wrong {
        let mut body = good.clone();
        body[*member] = value.clone();
        assert_refused(member, &body);
    }
    assert_refused("targetVM", &json!({"packetCaptureName": "gate-evidence"}));
}

fn assert_refused(member: &str, body: &Value) {
    match Alert::parse(body.to_string().as_bytes()) {
        Err(BadAlert::BadValue(sentence)) => {
            assert!(
                sentence.contains(member) && sentence.ends_with('.') && sentence.len() < 1000,
                "{member}: {sentence}"
            );
        }
        other => panic!("{member}: {:.500}", format!("{other:?}")),
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// What holds for any bytes
// ---------------------------------------------------------------------------------------------------------------------

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_survived(body in any::<Vec<u8>>()) {
        survives(&body);
    }

    #[test]
    fn any_json_is_survived(body in any_json()) {
        survives(body.to_string().as_bytes());
    }

    #[test]
    fn fixtures_with_members_changed_are_survived(
        fixture in any_fixture(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any_change()), 1..6),
    ) {
        let mut body: Value = serde_json::from_slice(&fixture).unwrap();
        for (place, change) in changes {
            let places = places(&body);
            change.apply(&mut body, place.get::<String>(&places));
        }
        survives(body.to_string().as_bytes());
    }

    #[test]
    fn fixtures_with_bytes_changed_are_survived(
        fixture in any_fixture(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        end in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut body = fixture;
        for (place, byte) in changes {
            let place = place.index(body.len());
            body[place] = byte;
        }
        if cut {
            body.truncate(end.index(body.len()));
        }
        survives(&body);
    }
}

/// Reads a body and asks the alert everything. Nothing may panic, and every target must be what its own id says.
fn survives(body: &[u8]) {
    let alert = match Alert::parse(body) {
        Ok(alert) => alert,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let has_plan = nothing_to_do(&alert).is_none();
    assert!(!has_plan || !alert.targets.is_empty(), "something is to be done, on nothing");
    assert_eq!(alert.summary().condition, alert.condition.word());
    assert_eq!(Alert::parse(body).map(|again| again.key()), Ok(alert.key()));
    Overrides::from_properties(&alert.properties);
    for (index, target) in alert.targets.iter().enumerate() {
        assert_eq!(Target::parse(&target.id().to_string()).as_ref(), Some(target));
        assert!(!alert.targets[..index].contains(target), "{target:?} stands there twice");
    }
}

/// What happens to one value of a JSON document.
#[derive(Clone, Debug)]
enum Change {
    Replace(Value),
    Drop,
    /// A second element in a list; in an object a second member, with its name in upper case.
    Double,
}

impl Change {
    fn apply(self, document: &mut Value, place: &str) {
        if let Self::Replace(value) = self {
            *document.pointer_mut(place).unwrap() = value;
            return;
        }
        let Some((parent, step)) = place.rsplit_once('/') else { return };
        match (document.pointer_mut(parent).unwrap(), self) {
            (Value::Object(members), Self::Drop) => drop(members.remove(&name_of(step))),
            (Value::Object(members), _) => {
                let name = name_of(step);
                let value = members[&name].clone();
                members.insert(name.to_uppercase(), value);
            }
            (Value::Array(items), Self::Drop) => drop(items.remove(step.parse().unwrap())),
            (Value::Array(items), _) => items.push(items[step.parse::<usize>().unwrap()].clone()),
            _ => unreachable!("only lists and objects have children"),
        }
    }
}

/// JSON pointers to a document and everything in it.
fn places(document: &Value) -> Vec<String> {
    fn collect(value: &Value, place: String, places: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                members.iter().for_each(|(name, value)| collect(value, format!("{place}/{}", step_of(name)), places));
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| collect(item, format!("{place}/{index}"), places));
            }
            _ => {}
        }
        places.push(place);
    }
    let mut places = Vec::new();
    collect(document, String::new(), &mut places);
    places
}

fn step_of(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn name_of(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![3 => any_json().prop_map(Change::Replace), 1 => Just(Change::Drop), 1 => Just(Change::Double)]
}

fn any_fixture() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(json_files(&fixtures()).into_values().collect::<Vec<_>>())
}

/// JSON of any shape, with the words in it that mean something to the parser.
fn any_json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    scalar.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any_text(), inner, 0..6).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

fn any_text() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "schemaId",
        "azureMonitorCommonAlertSchema",
        "AzureMonitorMetricAlert",
        "Microsoft.Insights/activityLogs",
        "data",
        "essentials",
        "context",
        "activityLog",
        "alertContext",
        "alertTargetIDs",
        "condition",
        "allOf",
        "dimensions",
        "name",
        "value",
        "status",
        "resourceId",
        "targetVM",
        "filters",
        "AlertRuleName",
        "SearchResults",
        "tables",
        "columns",
        "rows",
        "_ResourceId",
        "Fired",
        "Resolved",
        "2026-01-02T03:04:05Z",
        "+262143-12-31T23:59:59Z",
        GATE,
        CRANES,
        CRANE_3,
        STORE,
        "/subscriptions/İ/resourceGroups/ß/providers/Microsoft.Compute/virtualMachines/ǅ",
    ]);
    prop_oneof![known.prop_map(str::to_owned), any::<String>()]
}

// ---------------------------------------------------------------------------------------------------------------------
// Helpers
// ---------------------------------------------------------------------------------------------------------------------

/// `start`, or the reason why nothing is to be done.
fn plan_of(alert: &Alert) -> String {
    match nothing_to_do(alert) {
        None => "start".to_owned(),
        Some(Plan::Skip { reason, .. }) => reason.word().to_owned(),
        Some(Plan::Start(start)) => panic!("{start:?} is not nothing"),
    }
}

fn keys(alert: &Alert) -> Vec<String> {
    alert.targets.iter().map(|target| target.id().key()).collect()
}

/// How a body is received, in a word or two.
fn verdict(body: &[u8]) -> String {
    match Alert::parse(body) {
        Ok(_) => "accepted".to_owned(),
        Err(BadAlert::NotJson(_)) => "not JSON".to_owned(),
        Err(BadAlert::UnknownSchema) => "unknown schema".to_owned(),
        Err(BadAlert::WrongType { schema, wrong }) => format!("{schema}: {}", wrong.path),
        Err(BadAlert::BadValue(sentence)) => sentence,
    }
}

fn fixture(file: &str) -> Alert {
    Alert::parse(&json_files(&fixtures())[file]).unwrap()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/alerts")
}

/// The contents of a folder, by name without `.json`.
fn json_files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap())).collect()
}
