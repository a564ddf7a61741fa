//! The records of alerts and captures, for operators.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use http::{HeaderMap, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::auth::may_operate;
use super::problem::{Problem, json};
use crate::app::App;
use crate::azure::region::Region;
use crate::azure::resource_id::is_guid;
use crate::host::Host;
use crate::log::{self, Event};
use crate::record::{self, AlertRecord, CaptureRecord};
use crate::settings::checked_capture_name;

/// `GET /api/alerts/{key}`
pub async fn alert<H: Host>(
    State(app): State<Arc<App<H>>>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    let known_form = key.len() == 32 && key.bytes().all(|b| b.is_ascii_hexdigit());
    show::<AlertRecord, H>(&app, &headers, known_form.then(|| record::alert_key(&key))).await
}

/// `GET /api/captures/{subscription}/{region}/{name}`
pub async fn capture<H: Host>(
    State(app): State<Arc<App<H>>>,
    Path((subscription, region, name)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response<Body> {
    let known_form = is_guid(&subscription) && checked_capture_name(&name).is_ok();
    let region = Region::new(&region).filter(|_| known_form);
    let key = region.map(|region| record::capture_key(&subscription, &region, &name));
    show::<CaptureRecord, H>(&app, &headers, key).await
}

async fn show<R: DeserializeOwned + Serialize, H: Host>(
    app: &App<H>,
    headers: &HeaderMap,
    key: Option<String>,
) -> Response<Body> {
    let Ok(loaded) = app.load().await else {
        return super::health::settings_unreadable();
    };
    if !may_operate(&loaded.operator_keys, headers) {
        return Problem::unauthorized(
            "The operator key is missing or wrong. Send it as the password of HTTP Basic, or as a Bearer token.",
        );
    }
    let found = match &key {
        Some(key) => record::load::<R>(&app.host, key).await,
        None => Ok(None),
    };
    match found {
        Ok(Some(record)) => json(StatusCode::OK, "application/json", &record),
        Ok(None) => Problem::new(StatusCode::NOT_FOUND, "nightcap has no record of this.").answer(),
        Err(error) => {
            log::write(
                &app.host,
                &Event { event: "store_read_failed", level: "warn", detail: Some(&error.0), ..Event::default() },
            );
            Problem::new(StatusCode::BAD_GATEWAY, "The store could not be read just now. Try again.").answer()
        }
    }
}
