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
use crate::context::Instance;
use crate::host::Host;
use crate::notify::{compose, outbox};
use crate::records::outcome::Outcome;
use crate::workflow::preflight::{Wanted, preflight};
use crate::workflow::preview::preview;

/// What would be done about an alert.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct AlertPreview {
    alert: Summary,
    /// How it would end for each of its targets: what the setting `dry_run` answers.
    outcomes: Vec<Outcome>,
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
    let read = Query::read(query.as_deref(), &["target", "subscription", "region"])?;
    let guid = |text: &str| is_guid(text).then(|| text.to_ascii_lowercase());
    let wanted = Wanted {
        target: read.value("target", "the resource id of a virtual machine or scale set", Target::parse)?,
        subscription: read.value("subscription", "the GUID of a subscription", guid)?,
        region: read.value("region", "the name of a region", Region::new)?,
    };
    Ok(json(StatusCode::OK, &preflight(&instance, &loaded, &wanted).await))
}

/// `POST /api/preflight/message`
pub async fn message<H: Host>(OperatorContext(context): OperatorContext<H>) -> Result<Response<Body>, Problem> {
    let Some(receiver) = &context.settings.notify.receiver else {
        let detail = "The setting notify_url is empty, so there is nobody to send a message to.";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    };
    let host = context.host();
    let notice = compose::test(new_request_id(host), host.now());
    match outbox::send_once(&context.records(), receiver, &notice).await {
        Ok(()) => Ok(json(StatusCode::OK, &MessageSent { message: "The receiver took the message." })),
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
    State(instance): State<Arc<Instance<H>>>,
    request: Request<Body>,
) -> Result<Response<Body>, Problem> {
    let body = read_json(request, LARGEST_BODY, "An alert comes").await?;
    let alert = Alert::parse(&body).map_err(|error| problem_of_alert(&error))?;
    let summary = alert.summary();
    let outcomes = preview(&instance, &context.settings, alert).await;
    Ok(json(StatusCode::OK, &AlertPreview { alert: summary, outcomes }))
}
