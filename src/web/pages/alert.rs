//! `GET /alerts/{key}`: one alert, and how it ended for each of its machines.

use axum::body::Body;
use axum::extract::Path;
use http::{HeaderMap, Response};
use maud::{Markup, html};

use super::admit::Looking;
use super::layout::{live_page, refusal};
use super::places;
use super::words::{indented, mark_of_outcome, spaced};
use crate::alert::Summary;
use crate::host::Host;
use crate::page::list::list;
use crate::page::words::shown;
use crate::records::alert::AlertRecord;
use crate::records::outcome::Outcome;
use crate::timestamp::Timestamp;
use crate::web::records::alert_of;

pub async fn show<H: Host>(
    Looking { visitor, context }: Looking<H>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    let record = match alert_of(&context.instance, &key).await {
        Ok(record) => record,
        Err(problem) => return refusal(&problem, Some(&visitor)),
    };
    let content = html! {
        section { h2 { "What came of it" } ul { @for outcome in &record.outcomes { (came(outcome)) } } }
        section { h2 { "Alert" } (facts(&record)) }
    };
    let rule = &record.alert.rule;
    live_page(&visitor, &headers, rule, &record, html! { h1 { (shown(rule)) } }, content)
}

pub fn came(outcome: &Outcome) -> Markup {
    html! {
        li class=(mark_of_outcome(outcome.outcome)) {
            b {
                (outcome.outcome.word())
                @if outcome.reason.word() != outcome.outcome.word() { ", " (spaced(outcome.reason.word())) }
            }
            @if let Some(target) = &outcome.target { p.soft { (shown(target)) } }
            p { (shown(&outcome.message)) }
            @if let Some(capture) = &outcome.capture {
                p {
                    a href=(places::capture(&capture.subscription, &capture.region, &capture.name)) {
                        "The capture " (shown(&capture.name))
                    }
                }
            }
            @for request in &outcome.requests { (indented(request)) }
        }
    }
}

fn facts(record: &AlertRecord) -> Markup {
    let Summary { id, condition, severity, fired_at, reading, by_hand, .. } = &record.alert;
    let measured = |text: Option<&String>| text.map(|text| shown(text));
    let reading = reading.as_ref();
    list([
        ("Condition", (!by_hand).then(|| shown(condition))),
        ("Severity", severity.as_deref().map(shown)),
        ("Fired", fired_at.map(Timestamp::plain)),
        ("Received", Some(record.received_at.plain())),
        ("Measured", reading.map(|reading| shown(&reading.metric))),
        ("Value", measured(reading.and_then(|reading| reading.value.as_ref()))),
        ("Compared", measured(reading.and_then(|reading| reading.operator.as_ref()))),
        ("Threshold", measured(reading.and_then(|reading| reading.threshold.as_ref()))),
        ("Id", Some(shown(id))),
        ("Work", Some(if record.finished { "finished".to_owned() } else { "going on".to_owned() })),
    ])
}
