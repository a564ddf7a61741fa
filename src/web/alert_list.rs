//! `GET /api/alerts`: all alerts, newest first.

use axum::body::Body;
use axum::extract::RawQuery;
use http::{HeaderMap, Response};
use serde::Serialize;
use serde_with::skip_serializing_none;

use super::conditional::json_or_not_modified;
use super::operator::OperatorContext;
use super::paging;
use super::problem::Problem;
use super::query::Query;
use crate::host::Host;
use crate::workflow::list_alerts::{AlertItem, WantedAlerts, alerts};

/// A page of alerts, newest first.
#[skip_serializing_none]
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct AlertsPage {
    alerts: Vec<AlertItem>,
    /// The address of the next page, if there is one.
    next: Option<String>,
}

pub async fn list<H: Host>(
    OperatorContext(context): OperatorContext<H>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    let read = Query::read(query.as_deref(), &["outcome", "since", "until", "after", "limit"])?;
    let wanted = WantedAlerts {
        outcome: read.value("outcome", "started, joined, skipped, failed or accepted", |text| {
            serde_json::from_value(text.into()).ok()
        })?,
        paging: paging::read(&read)?,
    };
    let page = alerts(&context, &wanted).await;
    let next = page.next.map(|after| paging::next("/api/alerts", query.as_deref(), &after));
    Ok(json_or_not_modified(&headers, &AlertsPage { alerts: page.alerts, next }))
}
