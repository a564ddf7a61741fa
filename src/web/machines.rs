//! `/api/subscriptions`, `/api/machines`, `/api/machine`: what there is to capture on.

use axum::body::Body;
use axum::extract::RawQuery;
use http::{HeaderMap, Response};
use serde::Serialize;

use super::conditional::json_or_not_modified;
use super::operator::OperatorContext;
use super::outcome::of_failure;
use super::problem::Problem;
use super::query::Query;
use crate::azure::resource_id::is_guid;
use crate::azure::target::Target;
use crate::host::Host;
use crate::workflow::choices::{self, SubscriptionChoice};

/// The subscriptions that nightcap sees and may capture in.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Subscriptions {
    subscriptions: Vec<SubscriptionChoice>,
}

/// `GET /api/subscriptions`
pub async fn subscriptions<H: Host>(
    OperatorContext(context): OperatorContext<H>,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    let subscriptions = choices::subscriptions(&context).await.map_err(|failure| of_failure(&failure))?;
    Ok(json_or_not_modified(&headers, &Subscriptions { subscriptions }))
}

/// `GET /api/machines`
pub async fn list<H: Host>(
    OperatorContext(context): OperatorContext<H>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    let read = Query::read(query.as_deref(), &["subscription"])?;
    let guid = |text: &str| is_guid(text).then(|| text.to_ascii_lowercase());
    let subscription = read.needed("subscription", "the GUID of a subscription", guid)?;
    let found = choices::choices(&context, &subscription).await.map_err(|failure| of_failure(&failure))?;
    Ok(json_or_not_modified(&headers, &found))
}

/// `GET /api/machine`
pub async fn show<H: Host>(
    OperatorContext(context): OperatorContext<H>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    let read = Query::read(query.as_deref(), &["id"])?;
    let target = read.needed("id", "the resource id of a virtual machine or scale set", Target::parse)?;
    let needs = choices::needs(&context, &target).await.map_err(|failure| of_failure(&failure))?;
    Ok(json_or_not_modified(&headers, &needs))
}
