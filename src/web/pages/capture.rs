//! `GET /captures/{subscription}/{region}/{name}`: one capture step by step, and buttons for what can be done about it.

use axum::body::Body;
use axum::extract::{Path, RawQuery};
use http::{HeaderMap, Response, StatusCode};
use maud::{Markup, html};
use nightcap_report::measure::{count_of, number, seconds_long, size};

use super::admit::{Looking, Sending};
use super::layout::{Visitor, live_page, page, refusal, see_other, token};
use super::places;
use super::told::{tell_at, told};
use super::words::{doing, indented, mark_of_end, spaced, time, time_left};
use crate::alert::Summary;
use crate::azure::blob::File;
use crate::capture::by_hand::Effect;
use crate::host::Host;
use crate::page::list::list;
use crate::page::words::shown;
use crate::records::capture::{CaptureRecord, Phase};
use crate::timestamp::Timestamp;
use crate::web::capture::{Deed, DoneResult, InAzure, Operated, Shown, look_up};
use crate::web::form::Form;
use crate::web::records::{CapturePath, CaptureView};
use crate::workflow::list::Whose;

type Named = Path<(String, String, String)>;

/// `GET /captures/{subscription}/{region}/{name}`
pub async fn show<H: Host>(
    Looking { visitor, context }: Looking<H>,
    Path((subscription, region, name)): Named,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let found = match CapturePath::new(subscription, &region, name) {
        Ok(path) => look_up(&context, &path).await,
        Err(problem) => Err(problem),
    };
    let found = match found {
        Ok(found) => found,
        Err(problem) => return refusal(&problem, Some(&visitor)),
    };
    let (title, content) = match &found {
        Shown::Recorded(view) => (view.record.machine().name(), recorded(view, &visitor, context.host().now())),
        Shown::InAzure(found) => (found.name.clone(), in_azure(found, &visitor)),
    };
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    let above = html! { h1 { (shown(&title)) } (told(&query)) };
    live_page(&visitor, &headers, &title, &found, above, content)
}

/// `GET /captures/{subscription}/{region}/{name}/report`, where messages lead: to the report, once somebody has signed in.
pub async fn report<H: Host>(_: Looking<H>, Path((subscription, region, name)): Named) -> Response<Body> {
    match CapturePath::new(subscription, &region, name) {
        Ok(path) => {
            see_other(&format!("/api{}/report", places::capture(&path.subscription, &path.region, &path.name)), None)
        }
        Err(problem) => refusal(&problem, None),
    }
}

/// `POST /captures/{subscription}/{region}/{name}/stop`
pub async fn stop<H: Host>(path: Named, sent: Sending<H>) -> Response<Body> {
    operate(path, sent, Deed::Stop).await
}

/// `POST /captures/{subscription}/{region}/{name}/delete`
pub async fn delete<H: Host>(path: Named, sent: Sending<H>) -> Response<Body> {
    operate(path, sent, Deed::Delete).await
}

async fn operate<H: Host>(
    Path((subscription, region, name)): Named,
    Sending { visitor, context, form }: Sending<H>,
    deed: Deed,
) -> Response<Body> {
    let done = async {
        let path = CapturePath::new(subscription, &region, name)?;
        let place = places::capture(&path.subscription, &path.region, &path.name);
        let mut operated = Operated::find(&context, &path).await?;
        let effect = match deed {
            Deed::Stop => operated.stop().await?,
            Deed::Delete => operated.delete(form.text("running") == "delete").await?,
        };
        let stays = operated.is_recorded() || deed == Deed::Stop;
        Ok((effect, if stays { place } else { "/".to_owned() }))
    };
    let (effect, place) = match done.await {
        Ok(done) => done,
        Err(problem) => return refusal(&problem, Some(&visitor)),
    };
    let result = DoneResult::of(&effect);
    let Effect::WouldSend(request) = effect else { return tell_at(&place, deed, result) };
    let content = html! {
        h1 { "Dry run" }
        p { (deed.message(result)) }
        (indented(&request))
        p { a href=(place) { "Back to the capture" } }
    };
    page(&visitor, StatusCode::OK, "Dry run", content)
}

fn recorded(view: &CaptureView, visitor: &Visitor, now: Timestamp) -> Markup {
    let record = &view.record;
    let CaptureRecord { subscription, region, name, .. } = record;
    let place = places::capture(subscription, region, name);
    html! {
        (state(record, now))
        (results(record, &format!("/api{place}")))
        (actions(&place, record.end.is_none(), visitor))
        section {
            h2 { "Capture" }
            (facts(record))
        }
        section {
            h2 { "Alerts" }
            ul { @for alert in &view.alerts { (on_it(alert)) } }
            @let rest = view.alerts_count.saturating_sub(view.alerts.len());
            @if rest > 0 { p.soft { "and " (number(rest as u64)) " more" } }
            @if !record.requested_by.is_empty() {
                p { a href=(places::alert(&record.requested_by)) { "What came of the one that started it" } }
            }
            (people(view))
        }
        section {
            h2 { "Step by step" }
            ol {
                @for step in &record.steps {
                    li { (time(step.at)) " " span.word { (spaced(&step.step)) } p { (shown(&step.detail)) } }
                }
            }
        }
    }
}

fn state(record: &CaptureRecord, now: Timestamp) -> Markup {
    let until = record.began_at.filter(|_| record.phase == Phase::Running).map(|at| at.after(record.time_limit()));
    html! {
        p.lead {
            "The capture is " (doing(record.phase))
            @if let Some(until) = until { ": " (time_left(until, now)) }
            "."
        }
        @if record.stopping.is_some() && record.end.is_none() { p { "It is being stopped." } }
        @if let Some(end) = &record.end {
            ul { li class=(mark_of_end(Some(end), None)) { (shown(&end.message)) } }
        }
    }
}

/// What it has brought: the report and the files.
fn results(record: &CaptureRecord, api: &str) -> Markup {
    let problems = [&record.file_problem, &record.report_problem];
    html! {
        @for problem in problems.into_iter().flatten() { p.problem { (shown(problem)) } }
        @if !record.report.is_empty() {
            section {
                h2 { "What the file says" }
                ul {
                    @for (index, line) in record.report.iter().enumerate() {
                        li {
                            (shown(line))
                            @if let Some(filter) = record.filters.get(index).filter(|filter| !filter.is_empty()) {
                                p { "In Wireshark: " code { (shown(filter)) } }
                            }
                        }
                    }
                }
                p { a href=(format!("{api}/report")) { "The whole report" } }
            }
        }
        @if !record.files.is_empty() {
            section {
                h2 { (count_of(record.files.len() as u64, "file", "files")) }
                ul { @for (index, file) in record.files.iter().enumerate() { (download(index, file, record, api)) } }
            }
        }
    }
}

fn download(index: usize, file: &File, record: &CaptureRecord, api: &str) -> Markup {
    let number = index.saturating_add(1);
    let address = if record.files.len() > 1 { format!("{api}/file?number={number}") } else { format!("{api}/file") };
    html! {
        li {
            a.what href=(address) download { "Download" @if record.files.len() > 1 { " file " (number) } }
            @if let Some(bytes) = file.bytes { " (" (size(bytes)) ")" }
            p.soft { (shown(&file.url)) }
        }
    }
}

/// Deleting takes a second look, which works without a script.
fn actions(place: &str, may_run: bool, visitor: &Visitor) -> Markup {
    html! {
        section aria-label="What can be done" {
            div.actions {
                @if may_run {
                    form method="post" action=(format!("{place}/stop")) { (token(visitor)) button { "Stop" } }
                }
                details {
                    summary { "Delete…" }
                    form method="post" action=(format!("{place}/delete")) {
                        (token(visitor))
                        p { "Azure forgets the capture. Its file and nightcap's record of it stay." }
                        @if may_run {
                            p {
                                input #running type="checkbox" name="running" value="delete";
                                " " label.inline for="running" { "Also if it still runs" }
                            }
                        }
                        button.danger { "Delete" }
                    }
                }
            }
        }
    }
}

fn facts(record: &CaptureRecord) -> Markup {
    let parameters = &record.parameters;
    let filters = serde_json::to_string(&parameters.capture_filters).ok();
    let limit = |bytes: u64| if bytes == 0 { "none".to_owned() } else { size(bytes) };
    list([
        ("Name", Some(shown(&record.name))),
        ("Machine", Some(shown(&record.machine().id().to_string()))),
        ("Region", Some(shown(record.region.as_str()))),
        ("Network watcher", Some(shown(&record.watcher.to_string()))),
        ("Asked for", Some(record.requested_at.plain())),
        ("Began", record.began_at.map(Timestamp::plain)),
        ("Ended", record.end.as_ref().and_then(|end| end.at).map(Timestamp::plain)),
        ("Time limit", Some(seconds_long(f64::from(parameters.capture_seconds)))),
        ("Size limit", Some(limit(parameters.capture_bytes))),
        (
            "Kept of each packet",
            Some(if parameters.packet_bytes == 0 { "all".to_owned() } else { size(parameters.packet_bytes) }),
        ),
        ("Filters", filters.filter(|_| !parameters.capture_filters.is_empty()).map(|filters| shown(&filters))),
        ("File", record.storage_path.as_deref().map(shown)),
        ("Stopped in favour of", record.superseded_by.as_deref().map(shown)),
    ])
}

fn on_it(alert: &Summary) -> Markup {
    html! {
        li {
            span.what { (shown(&alert.rule)) }
            @if !alert.by_hand {
                " " span.word { (shown(&alert.condition)) }
                p.soft {
                    @if let Some(severity) = &alert.severity { (shown(severity)) " " }
                    @if let Some(at) = alert.fired_at { (time(at)) }
                }
            }
        }
    }
}

/// How people were told of its end.
fn people(view: &CaptureView) -> Markup {
    html! {
        @if let Some(delivered) = &view.delivered {
            p.soft {
                @if delivered.acknowledged { "People were told at " } @else { "nightcap gave up telling people at " }
                (time(delivered.at)) "."
            }
        } @else if let Some(pending) = &view.pending {
            p.problem {
                "People have not been told yet, after " (count_of(u64::from(pending.attempts), "attempt", "attempts")) "."
                @if let Some(problem) = &pending.problem { " " (shown(problem)) }
            }
        }
    }
}

/// A capture that nightcap has no record of.
fn in_azure(found: &InAzure, visitor: &Visitor) -> Markup {
    let place = places::capture(&found.subscription, &found.region, &found.name);
    let azure = &found.azure;
    let whose = match found.whose {
        Whose::SomebodyElse => "This is somebody else's capture.",
        Whose::Nightcap | Whose::NightcapUnrecorded => {
            "It has a name of nightcap's, and there is no record of it here."
        }
    };
    let json = |value: &Option<serde_json::Value>| value.as_ref().map(|value| shown(&value.to_string()));
    html! {
        p.lead { (whose) }
        (actions(&place, true, visitor))
        section {
            h2 { "In Azure" }
            (list([
                ("State", azure.provisioning_state.as_deref().map(shown)),
                ("Machine", azure.target.as_deref().map(shown)),
                ("Region", Some(shown(found.region.as_str()))),
                ("Network watcher", Some(shown(&found.watcher))),
                ("Time limit", azure.time_limit_in_seconds.map(|seconds| seconds_long(seconds as f64))),
                ("Size limit", azure.total_bytes_per_session.map(size)),
                ("Kept of each packet", azure.bytes_to_capture_per_packet.filter(|bytes| *bytes > 0).map(size)),
                ("Filters", json(&azure.filters)),
                ("File", json(&azure.storage_location)),
            ]))
        }
    }
}
