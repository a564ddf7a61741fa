//! The records of alerts and captures, for operators.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use http::{HeaderMap, Response, StatusCode};
use serde::Serialize;

use super::auth::admit_operator;
use super::problem::{Problem, json};
use crate::alert::Summary;
use crate::azure::client::new_request_id;
use crate::azure::packet_capture::checked_capture_name;
use crate::azure::region::Region;
use crate::azure::resource_id::is_guid;
use crate::capture::watch::alerts_on;
use crate::context::{App, Loaded};
use crate::host::{Host, StoreError};
use crate::log::{self, Event};
use crate::notify::compose::id_of_end;
use crate::notify::outbox::{self, Told};
use crate::records::alert::AlertRecord;
use crate::records::capture::CaptureRecord;
use crate::records::journal::Journal;
use crate::records::keys::{notice_key, told_key};
use crate::records::store;

/// A capture's record with the alerts that it serves, and how people were told of its end.
#[derive(Serialize)]
struct CaptureView {
    #[serde(flatten)]
    record: CaptureRecord,
    /// Those that are listed, first one first.
    alerts: Vec<Summary>,
    /// All of them.
    #[serde(rename = "alertsCount")]
    alerts_count: usize,
    /// When people were told.
    #[serde(skip_serializing_if = "Option::is_none")]
    told: Option<Told>,
    /// What has kept them from being told so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<Waiting>,
}

/// A message that nobody has taken yet.
#[derive(Serialize)]
struct Waiting {
    attempts: u32,
    problem: Option<String>,
}

/// `GET /api/alerts/{key}`
pub async fn alert<H: Host>(
    State(app): State<Arc<App<H>>>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    if let Err(refusal) = admit_operator(&app, &headers).await {
        return refusal;
    }
    let known_form = key.len() == 32 && key.bytes().all(|b| b.is_ascii_hexdigit());
    if !known_form {
        return not_there();
    }
    let found = store::load::<AlertRecord>(&app.host, &crate::records::keys::alert_key(&key)).await;
    show(&app, found)
}

/// `GET /api/captures/{subscription}/{region}/{name}`
pub async fn capture<H: Host>(
    State(app): State<Arc<App<H>>>,
    Path(named): Path<Named>,
    headers: HeaderMap,
) -> Response<Body> {
    match find(&app, &headers, named).await {
        Ok((_, record)) => show(&app, Ok(Some(with_alerts(&app, record).await))),
        Err(refusal) => refusal,
    }
}

/// How a path names a capture: subscription, region and name.
pub(super) type Named = (String, String, String);

/// The record of a capture, for an operator; to anybody else, and when there is none, the answer that says so.
pub(super) async fn find<H: Host>(
    app: &App<H>,
    headers: &HeaderMap,
    (subscription, region, name): Named,
) -> Result<(Loaded, CaptureRecord), Response<Body>> {
    let loaded = admit_operator(app, headers).await?;
    let known_form = is_guid(&subscription) && checked_capture_name(&name).is_ok();
    let region = Region::new(&region).filter(|_| known_form).ok_or_else(not_there)?;
    let key = crate::records::keys::capture_key(&subscription, &region, &name);
    match store::load::<CaptureRecord>(&app.host, &key).await {
        Ok(Some(record)) => Ok((loaded, record)),
        Ok(None) => Err(not_there()),
        Err(error) => Err(unreadable(app, &error)),
    }
}

async fn with_alerts<H: Host>(app: &App<H>, record: CaptureRecord) -> CaptureView {
    let request_id = new_request_id(&app.host);
    let journal = Journal { host: &app.host, alert: &record.asked_by, client_request_id: &request_id };
    let (alerts, alerts_count) = alerts_on(&journal, &record).await;
    let alerts = alerts.into_iter().map(|on| on.alert).collect();
    let notice = id_of_end(&record);
    let waiting: Option<outbox::Waiting> = journal.load(&notice_key(&notice)).await;
    let told = journal.load(&told_key(&notice)).await;
    CaptureView {
        record: CaptureRecord { operation: None, ..record },
        alerts,
        alerts_count,
        told,
        waiting: waiting.map(|waiting| Waiting { attempts: waiting.attempts, problem: waiting.problem }),
    }
}

fn show<H: Host>(app: &App<H>, found: Result<Option<impl Serialize>, StoreError>) -> Response<Body> {
    match found {
        Ok(Some(record)) => json(StatusCode::OK, "application/json", &record),
        Ok(None) => not_there(),
        Err(error) => unreadable(app, &error),
    }
}

/// The answer when the store fails.
pub(super) fn unreadable<H: Host>(app: &App<H>, error: &StoreError) -> Response<Body> {
    let event = Event { event: "store_read_failed", level: "warn", detail: Some(&error.0), ..Event::default() };
    log::write(&app.host, &event);
    Problem::new(StatusCode::BAD_GATEWAY, "The store could not be read just now. Try again.").answer()
}

fn not_there() -> Response<Body> {
    Problem::new(StatusCode::NOT_FOUND, "nightcap has no record of this.").answer()
}
