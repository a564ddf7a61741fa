//! `/preflight`: whether everything is there that an alert will need, what mends what is not, a test message, and what would be done
//! with an alert.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use http::{Response, StatusCode};
use maud::{Markup, html};
use nightcap_report::measure::count_of;
use serde_json::json;

use super::admit::{LookingAnyway, Sending};
use super::alert::came;
use super::layout::{Visitor, page, refusal, token};
use super::words::{spaced, time};
use crate::context::Instance;
use crate::host::Host;
use crate::page::words::shown;
use crate::records::explanation::RuleTried;
use crate::records::outcome::Outcome;
use crate::web::form::Form;
use crate::web::preflight::{preview_of, send_test, wanted};
use crate::workflow::preflight::{Line, Preflight, Verdict, preflight};

const TITLE: &str = "Before the first alert";

/// The lines, those first that ask for something.
const SECTIONS: [(&str, &[Verdict]); 3] =
    [("To mend", &[Verdict::Bad, Verdict::Attention]), ("Not tried", &[Verdict::NotTried]), ("Good", &[Verdict::Good])];

/// `GET /preflight`
pub async fn show<H: Host>(
    State(instance): State<Arc<Instance<H>>>,
    LookingAnyway { visitor, loaded }: LookingAnyway,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let wanted = match wanted(query.as_deref()) {
        Ok(wanted) => wanted,
        Err(problem) => return refusal(&problem, Some(&visitor)),
    };
    let found = preflight(&instance, &loaded, &wanted).await;
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    let target = query.text("target");
    let content = html! {
        h1 { (TITLE) }
        (lines(&found))
        section aria-label="What else can be tried" {
            h2 { "Look at a machine" }
            form.narrow method="get" action="/preflight" {
                label for="target" { "Resource id of a virtual machine or scale set" }
                input #target name="target" value=(target) autocomplete="off" spellcheck="false" required;
                button.quiet { "Look at it" }
            }
            h2 { "Send a message" }
            form method="post" action="/preflight/message" {
                (token(&visitor))
                p { "One message goes to the address in the setting notify_url. It says that nothing has fired." }
                button.quiet { "Send a test message" }
            }
            h2 { "Try an alert" }
            (alert_form(&visitor, &sample(target)))
        }
        p.soft { "Prometheus finds its figures at " a href="/metrics" { "/metrics" } ", with the operator key." }
    };
    page(&visitor, StatusCode::OK, TITLE, content)
}

/// `POST /preflight/message`
pub async fn message<H: Host>(Sending { visitor, context, .. }: Sending<H>) -> Response<Body> {
    let message = match send_test(&context).await {
        Ok(message) => message,
        Err(problem) => return refusal(&problem, Some(&visitor)),
    };
    let content = html! {
        h1 { "Test message" }
        p.told role="status" { (message) }
        (back())
    };
    page(&visitor, StatusCode::OK, "Test message", content)
}

/// `POST /preflight/alert`
pub async fn alert<H: Host>(Sending { visitor, context, form }: Sending<H>) -> Response<Body> {
    let text = form.text("alert");
    let preview = preview_of(&context, text.as_bytes()).await;
    let (status, content) = match &preview {
        Ok(preview) => (
            StatusCode::OK,
            html! {
                p.lead { "This is what " (shown(&preview.alert.rule)) " would lead to. Nothing was changed." }
                ul { @for outcome in &preview.outcomes { (came(outcome)) } }
                @for outcome in &preview.outcomes { (why(outcome)) }
            },
        ),
        Err(problem) => {
            let (status, _, detail) = problem.shown();
            (status, html! { p.problem role="alert" { (shown(detail)) } })
        }
    };
    let content = html! {
        h1 { "Try an alert" }
        (content)
        section aria-label="Try another one" { (alert_form(&visitor, text)) }
        (back())
    };
    page(&visitor, status, "Try an alert", content)
}

fn lines(found: &Preflight) -> Markup {
    html! {
        p.lead {
            @if found.ready { "Nothing that can be seen from here is in the way of an alert." }
            @else { "Something is in the way of an alert, and has to be mended first." }
        }
        p.soft { "Looked at " (time(found.at)) "." }
        @for (title, verdicts) in SECTIONS {
            @let lines: Vec<&Line> = found.lines.iter().filter(|line| verdicts.contains(&line.verdict)).collect();
            @if !lines.is_empty() {
                section aria-label=(title) {
                    h2 { (title) }
                    @let list = html! { ul { @for line in &lines { (one(line)) } } };
                    // There are many of them, and nobody has to read them.
                    @if verdicts == [Verdict::Good] {
                        details { summary { (count_of(lines.len() as u64, "line", "lines")) } (list) }
                    } @else { (list) }
                }
            }
        }
    }
}

fn one(line: &Line) -> Markup {
    let mark = match line.verdict {
        Verdict::Good => "good",
        Verdict::Attention => "warning",
        Verdict::Bad => "critical",
        Verdict::NotTried => "none",
    };
    // Many sentences have the command in them already.
    let mend = line.mend.as_ref().filter(|mend| !line.message.contains(mend.as_str()));
    html! {
        li class=(mark) {
            b { (spaced(line.check.into())) }
            p { (shown(&line.message)) }
            @if let Some(mend) = mend { p { "What mends it: " code { (shown(mend)) } } }
            @if let Some(about) = &line.about { p.soft { (shown(about)) } }
        }
    }
}

/// The rules that were tried, and what would have to go.
fn why(outcome: &Outcome) -> Markup {
    let Some(explanation) = &outcome.explanation else { return html! {} };
    let tried = |rule: &RuleTried| rule.why_not.as_deref().map_or_else(|| "It counts.".to_owned(), shown);
    html! {
        @if !explanation.rules.is_empty() {
            section {
                h2 { "Entries of the setting rules" }
                ul { @for rule in &explanation.rules { li { "Entry " (rule.number) ": " (tried(rule)) } } }
            }
        }
        @if !explanation.evicted.is_empty() {
            section {
                h2 { "Captures that would be deleted first" }
                ul { @for name in &explanation.evicted { li { (shown(name)) } } }
            }
        }
    }
}

fn alert_form(visitor: &Visitor, text: &str) -> Markup {
    html! {
        form method="post" action="/preflight/alert" {
            (token(visitor))
            label for="alert" { "An alert in JSON, as an action group sends it. Nothing is changed, and nothing remembered." }
            textarea #alert name="alert" rows="18" spellcheck="false" required { (text) }
            p { button { "Show what would be done" } }
        }
    }
}

/// An alert to begin with, in the common alert schema.
fn sample(target: &str) -> String {
    let target = if target.is_empty() {
        "/subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/Microsoft.Compute/virtualMachines/NAME"
    } else {
        target
    };
    let sample = json!({
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {
            "essentials": {
                "alertId": "a sample",
                "alertRule": "a sample",
                "severity": "Sev2",
                "signalType": "Metric",
                "monitorCondition": "Fired",
                "monitoringService": "Platform",
                "alertTargetIDs": [target],
            },
            "alertContext": {},
        },
    });
    format!("{sample:#}")
}

fn back() -> Markup {
    html! { p { a href="/preflight" { (TITLE) } } }
}
