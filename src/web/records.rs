//! The records of alerts and captures, for operators.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, Path, State};
use http::request::Parts;
use http::{HeaderMap, Response, StatusCode};
use serde::Serialize;
use serde_with::skip_serializing_none;

use super::conditional::json_or_not_modified;
use super::operator::Operator;
use super::problem::Problem;
use crate::alert::Summary;
use crate::azure::client::new_request_id;
use crate::azure::packet_capture::checked_capture_name;
use crate::azure::region::Region;
use crate::azure::resource_id::is_guid;
use crate::context::Instance;
use crate::host::Host;
use crate::log::Event;
use crate::notify::compose::id_of_end;
use crate::notify::outbox::{Delivered, Pending};
use crate::records::alert::AlertRecord;
use crate::records::capture::CaptureRecord;
use crate::records::keys::{alert_key, capture_key, delivered_key, notice_key, spelt_capture_key, unreadable_key};
use crate::records::repository::{AlertsOn, Records};
use crate::records::store::{self, ReadError};
use crate::records::unreadable::Unreadable;
use crate::workflow::list::Whose;

/// A capture's record with the alerts that it serves, and how people were told of its end.
#[skip_serializing_none]
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct CaptureView {
    #[serde(flatten)]
    pub record: CaptureRecord,
    pub whose: Whose,
    /// Those that are listed, first one first.
    pub alerts: Vec<Summary>,
    #[serde(rename = "alertsCount")]
    pub alerts_count: usize,
    /// When people were told.
    #[serde(rename = "told")]
    pub delivered: Option<Delivered>,
    /// What has kept them from being told so far.
    #[serde(rename = "waiting")]
    pub pending: Option<PendingView>,
}

/// A message that nobody has acknowledged yet.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct PendingView {
    pub attempts: u32,
    pub problem: Option<String>,
}

/// `GET /api/alerts/{key}`
pub async fn alert<H: Host>(
    _: Operator,
    State(instance): State<Arc<Instance<H>>>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    Ok(json_or_not_modified(&headers, &alert_of(&instance, &key).await?))
}

/// The record of an alert.
pub async fn alert_of<H: Host>(instance: &Instance<H>, key: &str) -> Result<AlertRecord, Problem> {
    let is_known_form = key.len() == 32 && key.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_known_form {
        return Err(not_there());
    }
    let request_id = new_request_id(&instance.host);
    let records = Records { log: instance.log(key, &request_id) };
    match records.alert(key).await {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(missing(&records, &[alert_key(key)]).await),
        Err(error) => Err(not_read(&error)),
    }
}

/// What a path names: a capture that may be there.
pub struct CapturePath {
    pub subscription: String,
    pub region: Region,
    pub name: String,
}

impl<H: Host> FromRequestParts<Arc<Instance<H>>> for CapturePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, instance: &Arc<Instance<H>>) -> Result<Self, Problem> {
        let named: Result<Path<(String, String, String)>, _> = Path::from_request_parts(parts, instance).await;
        let Path((subscription, region, name)) = named.map_err(|_| not_there())?;
        Self::new(subscription, &region, name)
    }
}

impl CapturePath {
    pub fn new(subscription: String, region: &str, name: String) -> Result<Self, Problem> {
        let is_known_form = is_guid(&subscription) && checked_capture_name(&name).is_ok();
        let region = Region::new(region).filter(|_| is_known_form).ok_or_else(not_there)?;
        Ok(Self { subscription, region, name })
    }
}

/// The capture that a path names by subscription, region and name. Only operators get to see whether there is one.
pub struct Found(pub CaptureRecord);

impl<H: Host> FromRequestParts<Arc<Instance<H>>> for Found {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, instance: &Arc<Instance<H>>) -> Result<Self, Problem> {
        Operator::from_request_parts(parts, instance).await?;
        let path = CapturePath::from_request_parts(parts, instance).await?;
        capture_of(instance, &path).await.map(Self)
    }
}

/// The record of a capture.
pub async fn capture_of<H: Host>(instance: &Instance<H>, path: &CapturePath) -> Result<CaptureRecord, Problem> {
    let CapturePath { subscription, region, name } = path;
    let request_id = new_request_id(&instance.host);
    let records = Records { log: instance.log("", &request_id) };
    match records.capture(subscription, region, name).await {
        Ok(Some(found)) => Ok(found),
        Ok(None) => {
            let keys = [capture_key(subscription, region, name), spelt_capture_key(subscription, region, name)];
            Err(missing(&records, &keys).await)
        }
        Err(error) => Err(not_read(&error)),
    }
}

pub async fn with_alerts<H: Host>(instance: &Instance<H>, record: CaptureRecord) -> CaptureView {
    let request_id = new_request_id(&instance.host);
    let records = Records { log: instance.log(&record.requested_by, &request_id) };
    let AlertsOn { alerts, count, .. } = records.alerts_on(&record).await;
    let notice = id_of_end(&record);
    let pending: Option<Pending> = records.load(&notice_key(&notice)).await;
    let delivered = records.load(&delivered_key(&notice)).await;
    CaptureView {
        alerts: alerts.into_iter().map(|on| on.alert).collect(),
        alerts_count: count,
        whose: Whose::Nightcap,
        delivered,
        pending: pending.map(|pending| PendingView { attempts: pending.attempts, problem: pending.problem }),
        record: CaptureRecord { operation: None, requested_for: None, ..record },
    }
}

/// What the store holds for an operator to see.
pub async fn load<T: serde::de::DeserializeOwned>(host: &impl Host, key: &str) -> Result<Option<T>, Problem> {
    store::load(host, key).await.map_err(|error| {
        let detail = error.to_string();
        let event = Event { event: "store_read_failed", level: "warn", detail: Some(&detail), ..Event::default() };
        crate::log::write(host, &event);
        not_read(&error)
    })
}

/// There is no record under any of these keys; one may have been set aside.
async fn missing<H: Host>(records: &Records<'_, H>, keys: &[String]) -> Problem {
    for key in keys {
        if let Some(Unreadable { at, problem, .. }) = records.load(&unreadable_key(key)).await {
            let detail = format!("nightcap could not read its record of this, and set it aside at {at}. {problem}");
            return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail);
        }
    }
    not_there()
}

pub fn not_read(error: &ReadError) -> Problem {
    match error {
        ReadError::Store(_) => {
            Problem::new(StatusCode::BAD_GATEWAY, "The store could not be read just now. Try again.")
        }
        ReadError::Unreadable { problem, .. } => {
            let detail = format!("nightcap cannot read its record of this. {problem}");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
        }
    }
}

fn not_there() -> Problem {
    Problem::not_found("nightcap has no record of this.")
}
