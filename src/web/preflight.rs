//! `/api/preflight`: whether everything is there that an alert will need, a test message, and what would be done with an alert.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use http::{Request, Response, StatusCode};
use serde::Serialize;

use super::alerts::{LARGEST_BODY, problem_of_alert};
use super::body::read_json;
use super::operator::{OperatorContext, OperatorLoaded};
use super::problem::{Problem, json};
use super::query::Query;
use crate::alert::{Alert, Summary};
use crate::azure::client::new_request_id;
use crate::azure::region::Region;
use crate::azure::resource_id::is_guid;
use crate::azure::target::Target;
use crate::context::{Context, Instance};
use crate::host::Host;
use crate::notify::{compose, outbox};
use crate::records::outcome::Outcome;
use crate::workflow::preflight::{Wanted, preflight};
use crate::workflow::preview::preview;

/// What would be done about an alert.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct AlertPreview {
    pub alert: Summary,
    /// How it would end for each of its targets: what the setting `dry_run` answers.
    pub outcomes: Vec<Outcome>,
}

/// A message that arrived.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct MessageSent {
    message: &'static str,
}

/// `GET /api/preflight`
pub async fn show<H: Host>(
    OperatorLoaded(loaded): OperatorLoaded,
    State(instance): State<Arc<Instance<H>>>,
    RawQuery(query): RawQuery,
) -> Result<Response<Body>, Problem> {
    let wanted = wanted(query.as_deref())?;
    Ok(json(StatusCode::OK, &preflight(&instance, &loaded, &wanted).await))
}

/// What a query asks to be looked at.
pub fn wanted(query: Option<&str>) -> Result<Wanted, Problem> {
    let read = Query::read(query, &["target", "subscription", "region"])?;
    let guid = |text: &str| is_guid(text).then(|| text.to_ascii_lowercase());
    Ok(Wanted {
        target: read.value("target", "the resource id of a virtual machine or scale set", Target::parse)?,
        subscription: read.value("subscription", "the GUID of a subscription", guid)?,
        region: read.value("region", "the name of a region", Region::new)?,
    })
}

/// `POST /api/preflight/message`
pub async fn message<H: Host>(OperatorContext(context): OperatorContext<H>) -> Result<Response<Body>, Problem> {
    let message = send_test(&context).await?;
    Ok(json(StatusCode::OK, &MessageSent { message }))
}

/// Sends one message, and tells that it was taken.
pub async fn send_test<H: Host>(context: &Context<H>) -> Result<&'static str, Problem> {
    let Some(receiver) = &context.settings.notify.receiver else {
        let detail = "The setting notify_url is empty, so there is nobody to send a message to.";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    };
    let host = context.host();
    let notice = compose::test(new_request_id(host), host.now());
    match outbox::send_once(&context.records(), receiver, &notice).await {
        Ok(()) => Ok("The receiver took the message."),
        Err(detail) => {
            let detail = format!(
                "A message was sent to the address in notify_url, but {detail}. Check notify_url, notify_format and, on Spin, \
                 notify_origin."
            );
            Err(Problem::new(StatusCode::BAD_GATEWAY, detail))
        }
    }
}

/// `POST /api/preflight/alert`
pub async fn alert<H: Host>(
    OperatorContext(context): OperatorContext<H>,
    request: Request<Body>,
) -> Result<Response<Body>, Problem> {
    let body = read_json(request, LARGEST_BODY, "An alert comes").await?;
    Ok(json(StatusCode::OK, &preview_of(&context, &body).await?))
}

/// What would be done with an alert in JSON.
pub async fn preview_of<H: Host>(context: &Context<H>, body: &[u8]) -> Result<AlertPreview, Problem> {
    let alert = Alert::parse(body).map_err(|error| problem_of_alert(&error))?;
    let summary = alert.summary();
    let outcomes = preview(&context.instance, &context.settings, alert).await;
    Ok(AlertPreview { alert: summary, outcomes })
}
