//! `POST /api/alerts`: the webhook.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;

use super::auth::may_send_alerts;
use super::problem::{Problem, json};
use super::settings::unusable;
use crate::alert::{Alert, BadAlert, Summary};
use crate::context::{Instance, Loaded};
use crate::host::{Host, SettingsUnreadable};
use crate::log::{self, Event};
use crate::records::outcome::{Kind, Outcome};
use crate::records::reason::{Reason, RecordedReason};
use crate::workflow::{Handled, handle};

/// The largest body. Azure's alerts have at most 256 KB.
const LARGEST_BODY: usize = 512 * 1024;

/// How much of a body that is too large is read and thrown away, so that its sender gets to see the answer.
const LARGEST_DISCARD: usize = 16 * 1024 * 1024;

/// When a caller that is asked to repeat should do so, in seconds.
const RETRY_AFTER: &str = "5";

#[derive(Serialize)]
struct Answer<'a> {
    alert: &'a Summary,
    outcomes: &'a [Outcome],
    links: Links,
}

#[derive(Serialize)]
struct Links {
    record: String,
}

pub async fn receive<H: Host>(
    State(instance): State<Arc<Instance<H>>>,
    request: Request<Body>,
) -> Result<Response<Body>, Problem> {
    let (head, body) = request.into_parts();
    let loaded = instance.load().await.map_err(|error| settings_unreadable(&instance, &error))?;
    if !may_send_alerts(&loaded.webhook_keys, head.uri.query(), &head.headers) {
        return Err(unauthorized(&instance, &loaded));
    }
    if !is_json(&head.headers) {
        let detail = "An alert is JSON; send it with Content-Type: application/json.";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let body = read(body).await?;
    let settings = loaded.settings.map_err(|errors| unusable(StatusCode::INTERNAL_SERVER_ERROR, &errors))?;
    let alert = Alert::parse(&body).map_err(|error| bad_alert(&instance, &error))?;
    let is_direct = alert.direct.is_some();
    let handled = handle(&instance, &settings, alert).await;
    let links = Links { record: format!("{}/api/alerts/{}", settings.notify.public_url, handled.key) };
    if is_direct { answer_program(&handled, links) } else { Ok(answer_azure(&handled, links)) }
}

fn settings_unreadable<H: Host>(instance: &Instance<H>, error: &SettingsUnreadable) -> Problem {
    let event = Event { event: "settings_unreadable", level: "error", detail: Some(&error.0), ..Event::default() };
    log::write(&instance.host, &event);
    let detail = "The host could not read nightcap's settings just now, so the alert was not taken. Send it again.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).with_header("retry-after", RETRY_AFTER)
}

fn unauthorized<H: Host>(instance: &Instance<H>, loaded: &Loaded) -> Problem {
    let (reason, setting) = if loaded.webhook_keys.is_empty() {
        ("no_webhook_key_is_set", Some("webhook_key"))
    } else {
        ("wrong_or_missing_key", None)
    };
    let event = Event { event: "refused", level: "warn", reason: Some(reason), setting, ..Event::default() };
    log::write(&instance.host, &event);
    Problem::unauthorized(
        "The webhook's key is missing or wrong. Send it as ?code=KEY, in the header x-functions-key, or as the password \
         of HTTP Basic.",
    )
}

/// Whether the body claims to be JSON. A body without a claim may be; parsing will tell.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return true };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json"
        || essence == "text/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

async fn read(mut body: Body) -> Result<Bytes, Problem> {
    match Limited::new(&mut body, LARGEST_BODY).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            discard(body).await;
            let detail = format!("The body is larger than {} KiB; no alert of Azure Monitor is.", LARGEST_BODY / 1024);
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail))
        }
        Err(_) => Err(Problem::new(StatusCode::BAD_REQUEST, "The body ended before it was complete.")),
    }
}

async fn discard(mut rest: Body) {
    let mut discarded = 0_usize;
    while discarded < LARGEST_DISCARD {
        let Some(Ok(frame)) = rest.frame().await else { break };
        discarded = discarded.saturating_add(frame.data_ref().map_or(0, Bytes::len));
    }
}

fn bad_alert<H: Host>(instance: &Instance<H>, error: &BadAlert) -> Problem {
    let event = Event { event: "refused", level: "warn", reason: Some("bad_alert"), ..Event::default() };
    log::write(&instance.host, &event);
    let status = match error {
        BadAlert::BadValue(_) => StatusCode::UNPROCESSABLE_ENTITY,
        BadAlert::NotJson(_) | BadAlert::UnknownSchema | BadAlert::WrongType { .. } => StatusCode::BAD_REQUEST,
    };
    Problem::new(status, error.to_string())
}

/// Azure repeats a call on 408, 429, 503 and 504, and calls nobody at this address for 15 minutes after the last repeat
/// has failed ("Action groups"). So everything that a repeat cannot mend is answered with success.
fn answer_azure(handled: &Handled, links: Links) -> Response<Body> {
    let any = |kind: Kind| handled.outcomes.iter().any(|outcome| outcome.outcome == kind);
    let repeat_may_help =
        handled.outcomes.iter().any(|outcome| outcome.outcome == Kind::Accepted || outcome.repeat_helps);
    if repeat_may_help && !handled.remembered {
        let mut answer = answer(StatusCode::SERVICE_UNAVAILABLE, handled, links);
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        answer
    } else if any(Kind::Started) {
        answer(StatusCode::CREATED, handled, links)
    } else if any(Kind::Accepted) {
        answer(StatusCode::ACCEPTED, handled, links)
    } else {
        answer(StatusCode::OK, handled, links)
    }
}

/// A program that called directly wants to branch on the status.
fn answer_program(handled: &Handled, links: Links) -> Result<Response<Body>, Problem> {
    let failed = handled.outcomes.iter().find(|outcome| outcome.outcome == Kind::Failed);
    let forbidden = handled.outcomes.iter().find(|outcome| outcome.reason == Reason::SubscriptionNotAllowed);
    let (status, outcome) = match (failed, forbidden) {
        (Some(outcome), _) => (status_for_program(&outcome.reason), outcome),
        (None, Some(outcome)) => (StatusCode::FORBIDDEN, outcome),
        (None, None) => return Ok(answer_azure(handled, links)),
    };
    let problem = Problem::new(status, outcome.message.clone())
        .with("reason", &outcome.reason)
        .with("outcomes", &handled.outcomes)
        .with("links", links);
    Err(problem)
}

fn status_for_program(reason: &RecordedReason) -> StatusCode {
    match reason {
        RecordedReason::Known(Reason::LimitReached | Reason::NameInUse) => StatusCode::CONFLICT,
        RecordedReason::Known(
            Reason::MachineNotFound
            | Reason::AgentMissing
            | Reason::NoStorageAccount
            | Reason::WatcherNotFound
            | Reason::NoNetworkWatcher,
        ) => StatusCode::UNPROCESSABLE_ENTITY,
        RecordedReason::Known(_) | RecordedReason::Other(_) => StatusCode::BAD_GATEWAY,
    }
}

fn answer(status: StatusCode, handled: &Handled, links: Links) -> Response<Body> {
    json(status, &Answer { alert: &handled.alert, outcomes: &handled.outcomes, links })
}
