//! What can be tried while everything keeps running: commands to paste, and pages to open.

use nightcap_simulator::OPERATOR_KEY;

use crate::stage::Stage;
use crate::story::MACHINE;
use crate::timeline::{Style, Timeline};

/// A machine that nothing has happened to yet.
const OTHER_MACHINE: &str = "ContosoVM";

/// Refuses the next two requests for a capture, as a busy Azure does.
const FAULT: &str = r#"{"service": "arm", "method": "PUT", "times": 2,
  "effect": {"status": {"status": 429, "code": "TooManyRequests", "retry_after": 2}}}"#;

/// What there is to look at in a browser.
const PAGES: [&str; 5] = ["/", "/api/preflight", "/metrics", "/openapi.json", "/healthz"];

/// Shows commands and pages. `record` is where nightcap tells about the story's capture, when the story was told. Else there are
/// the settings, for other clients of the pretend Azure.
pub fn show(stage: &Stage, record: Option<&str>, timeline: &Timeline) -> anyhow::Result<()> {
    show_commands(stage, record, timeline)?;
    show_pages(stage, timeline);
    if record.is_none() {
        show_settings(stage, timeline);
    }
    Ok(())
}

fn show_commands(stage: &Stage, record: Option<&str>, timeline: &Timeline) -> anyhow::Result<()> {
    let nightcap = stage.nightcap.url();
    let simulator = format!("{}/simulator", stage.azure.urls().sink);
    let mut commands = Vec::new();
    if let Some(record) = record {
        commands.push((
            format!("another rule fires on {MACHINE}: skipped, for the machine rests after its capture"),
            fire(stage, "disk-is-slow", MACHINE)?,
        ));
        commands.push((
            "nightcap's record of the first capture".into(),
            format!("curl -sS -u nightcap:{OPERATOR_KEY} {record}"),
        ));
    }
    commands.extend([
        (
            "trouble: Azure will refuse the next two requests for a capture".into(),
            format!("curl -sS {simulator}/faults -d '{FAULT}'"),
        ),
        (format!("fire on {OTHER_MACHINE}, and watch nightcap try again"), fire(stage, "cpu-is-high", OTHER_MACHINE)?),
        ("are nightcap's settings good?".into(), format!("curl -sS {nightcap}/healthz")),
        ("every request that the pretend Azure was sent".into(), format!("curl -sS {simulator}/transcript")),
        ("every capture that it was asked for".into(), format!("curl -sS {simulator}/captures")),
    ]);
    timeline.say(&format!("\n{}", timeline.paint(Style::Bold, "Try it")));
    timeline.say("Everything keeps running until Ctrl-C. Paste into another terminal, and watch this one.");
    for (what, command) in commands {
        timeline.remark(&format!("\n# {what}"));
        timeline.say(&command);
    }
    Ok(())
}

fn show_pages(stage: &Stage, timeline: &Timeline) {
    timeline.say(&format!("\n{}", timeline.paint(Style::Bold, "Pages")));
    for path in PAGES {
        timeline.say(&format!("{}{path}", stage.nightcap.url()));
    }
    timeline.say(&format!("{}/  the messages that people would get", stage.azure.urls().sink));
    timeline.remark(&format!(
        "The operator's key is {OPERATOR_KEY}; where a browser asks for a name too, it is nightcap.\n"
    ));
}

fn show_settings(stage: &Stage, timeline: &Timeline) {
    timeline.say(&timeline.paint(Style::Bold, "Settings"));
    for (name, value) in &stage.settings {
        timeline.say(&format!("{name} = {value}"));
    }
    timeline.say("");
}

/// A command that sends an alert. The shell fills in the time, so that each paste is an alert of its own.
fn fire(stage: &Stage, rule: &str, machine: &str) -> anyhow::Result<String> {
    let (webhook, target) = (stage.webhook(), stage.machine(machine)?);
    Ok(format!(
        r#"curl -sS '{webhook}' -H 'Content-Type: application/json' -d @- <<END
{{"schemaId": "azureMonitorCommonAlertSchema", "data": {{"essentials": {{
  "alertId": "{rule}-$(date +%s)", "alertRule": "{rule}", "severity": "Sev2", "signalType": "Metric",
  "monitorCondition": "Fired", "monitoringService": "Platform", "firedDateTime": "$(date -u +%FT%TZ)",
  "alertTargetIDs": ["{target}"]
}}, "alertContext": {{}}}}}}
END"#
    ))
}
