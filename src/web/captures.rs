//! `/api/captures`: all captures, and starting one by hand.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use http::{HeaderMap, Request, Response, StatusCode, header};
use serde::Serialize;
use serde_with::skip_serializing_none;

use super::body::read_json;
use super::conditional::json_or_not_modified;
use super::operator::OperatorContext;
use super::outcome::{self, RecordLinks};
use super::paging;
use super::problem::{Problem, json};
use super::query::Query;
use crate::alert::by_hand;
use crate::azure::region::Region;
use crate::azure::resource_id::is_guid;
use crate::azure::target::Target;
use crate::context::Instance;
use crate::host::Host;
use crate::records::capture::Phase;
use crate::records::outcome::{Kind, Outcome};
use crate::workflow::handle;
use crate::workflow::list::{Item, Wanted, WantedPhase, WatcherSeen, captures};
use crate::workflow::preview::preview;

/// The largest body that starts a capture.
const LARGEST_BODY: usize = 64 * 1024;

/// A page of captures, newest first.
#[skip_serializing_none]
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct CapturePage {
    captures: Vec<Item>,
    /// The address of the next page, if there is one.
    next: Option<String>,
    /// What Azure said, if it was asked.
    watcher: Option<WatcherSeen>,
}

/// What came of a capture that was asked for by hand.
#[skip_serializing_none]
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct StartAnswer {
    #[serde(flatten)]
    outcome: Outcome,
    links: Option<RecordLinks>,
}

/// `GET /api/captures`
pub async fn list<H: Host>(
    OperatorContext(context): OperatorContext<H>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    let known = ["subscription", "region", "target", "phase", "since", "until", "after", "limit"];
    let read = Query::read(query.as_deref(), &known)?;
    let wanted = Wanted {
        subscription: read.value("subscription", "the GUID of a subscription", subscription)?,
        region: read.value("region", "the name of a region", Region::new)?,
        target: read.value("target", "the resource id of a virtual machine or scale set", Target::parse)?,
        phase: read.value("phase", "unfinished, or a phase of a capture", phase)?,
        paging: paging::read(&read)?,
    };
    let page = captures(&context, &wanted).await;
    let next = page.next.map(|after| paging::next("/api/captures", query.as_deref(), &after));
    Ok(json_or_not_modified(&headers, &CapturePage { captures: page.captures, next, watcher: page.watcher }))
}

/// `POST /api/captures`
pub async fn start<H: Host>(
    OperatorContext(context): OperatorContext<H>,
    State(instance): State<Arc<Instance<H>>>,
    RawQuery(query): RawQuery,
    request: Request<Body>,
) -> Result<Response<Body>, Problem> {
    let read = Query::read(query.as_deref(), &["dry_run"])?;
    let is_dry = read.switch("dry_run")?;
    let body = read_json(request, LARGEST_BODY, "A capture is asked for").await?;
    let alert = by_hand::read(&body).map_err(|errors| {
        let detail = "The capture cannot be asked for like this; each member that is wrong is named in errors.";
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).with("errors", errors)
    })?;
    if is_dry {
        let outcome = preview(&instance, &context.settings, alert).await.into_iter().next();
        return answer(outcome.unwrap_or_else(Outcome::accepted), None);
    }
    let handled = handle(&instance, &context.settings, alert).await;
    let record = format!("{}/api/alerts/{}", context.settings.notify.public_url, handled.key);
    answer(handled.outcomes.into_iter().next().unwrap_or_else(Outcome::accepted), Some(record))
}

fn answer(ended: Outcome, record: Option<String>) -> Result<Response<Body>, Problem> {
    if let Some(problem) = outcome::problem(&ended) {
        return Err(match record {
            Some(record) => problem.with("links", RecordLinks { record }),
            None => problem,
        });
    }
    let status = match ended.outcome {
        Kind::Started => StatusCode::CREATED,
        Kind::Accepted => StatusCode::ACCEPTED,
        Kind::Joined | Kind::Skipped | Kind::Failed => StatusCode::OK,
    };
    let capture = ended.capture.as_ref().map(|capture| capture.links.this.clone());
    let location = capture.filter(|_| status == StatusCode::CREATED).or_else(|| record.clone());
    let mut answer = json(status, &StartAnswer { outcome: ended, links: record.map(|record| RecordLinks { record }) });
    if let Some(location) = location.and_then(|location| location.parse().ok())
        && status != StatusCode::OK
    {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    Ok(answer)
}

fn subscription(text: &str) -> Option<String> {
    is_guid(text).then(|| text.to_ascii_lowercase())
}

pub fn phase(text: &str) -> Option<WantedPhase> {
    if text == "unfinished" {
        return Some(WantedPhase::Unfinished);
    }
    serde_json::from_value::<Phase>(text.into()).ok().map(WantedPhase::In)
}
