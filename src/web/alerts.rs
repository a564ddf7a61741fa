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
use crate::alert::{Alert, BadAlert, Summary};
use crate::context::{App, Loaded};
use crate::host::{Host, SettingsUnreadable};
use crate::log::{self, Event};
use crate::records::failure::Failure;
use crate::records::outcome::{Kind, Outcome};
use crate::records::reason::Reason;
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

/// Takes an alert in.
pub async fn receive<H: Host>(State(app): State<Arc<App<H>>>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let loaded = match app.load().await {
        Ok(loaded) => loaded,
        Err(error) => return settings_unreadable(&app, &error),
    };
    if !may_send_alerts(&loaded.webhook_keys, head.uri.query(), &head.headers) {
        return unauthorized(&app, &loaded);
    }
    if !is_json(&head.headers) {
        return Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "An alert is JSON; send it with Content-Type: application/json.",
        )
        .answer();
    }
    let body = match read(body).await {
        Ok(body) => body,
        Err(problem) => return problem.answer(),
    };
    let settings = match &loaded.settings {
        Ok(settings) => settings,
        Err(errors) => return super::health::unusable(errors),
    };
    let alert = match Alert::parse(&body) {
        Ok(alert) => alert,
        Err(error) => return bad_alert(&app, &error),
    };
    let direct = alert.direct.is_some();
    let handled = handle(&app, settings, alert).await;
    let links = Links { record: format!("{}/api/alerts/{}", settings.public_url, handled.key) };
    if direct { answer_program(&handled, links) } else { answer_azure(&handled, links) }
}

fn settings_unreadable<H: Host>(app: &App<H>, error: &SettingsUnreadable) -> Response<Body> {
    log::write(
        &app.host,
        &Event { event: "settings_unreadable", level: "error", detail: Some(&error.0), ..Event::default() },
    );
    let detail = "The host could not read nightcap's settings just now, so the alert was not taken. Send it again.";
    retry_later(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).answer())
}

fn unauthorized<H: Host>(app: &App<H>, loaded: &Loaded) -> Response<Body> {
    let (reason, setting) = if loaded.webhook_keys.is_empty() {
        ("no_webhook_key_is_set", Some("webhook_key"))
    } else {
        ("wrong_or_missing_key", None)
    };
    log::write(
        &app.host,
        &Event { event: "refused", level: "warn", reason: Some(reason), setting, ..Event::default() },
    );
    let detail = "The webhook's key is missing or wrong. Send it as ?code=KEY, in the header x-functions-key, or as \
     the password of HTTP Basic.";
    Problem::unauthorized(detail)
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

fn bad_alert<H: Host>(app: &App<H>, error: &BadAlert) -> Response<Body> {
    log::write(&app.host, &Event { event: "refused", level: "warn", reason: Some("bad_alert"), ..Event::default() });
    let status = match error {
        BadAlert::BadValue(_) => StatusCode::UNPROCESSABLE_ENTITY,
        BadAlert::NotJson(_) | BadAlert::UnknownSchema | BadAlert::WrongType { .. } => StatusCode::BAD_REQUEST,
    };
    Problem::new(status, error.to_string()).answer()
}

/// Azure repeats a call on 408, 429, 503 and 504, and calls nobody at this address for 15 minutes after the last repeat
/// has failed ("Action groups"). So everything that a repeat cannot mend is answered with success.
fn answer_azure(handled: &Handled, links: Links) -> Response<Body> {
    let any = |kind: Kind| handled.outcomes.iter().any(|outcome| outcome.outcome == kind);
    let repeat_may_help =
        handled.outcomes.iter().any(|outcome| outcome.outcome == Kind::Accepted || outcome.repeat_helps);
    if any(Kind::Started) {
        answer(StatusCode::CREATED, handled, links)
    } else if repeat_may_help && !handled.remembered {
        retry_later(answer(StatusCode::SERVICE_UNAVAILABLE, handled, links))
    } else if any(Kind::Accepted) {
        answer(StatusCode::ACCEPTED, handled, links)
    } else {
        answer(StatusCode::OK, handled, links)
    }
}

/// A program that called directly wants to branch on the status.
fn answer_program(handled: &Handled, links: Links) -> Response<Body> {
    let failed = handled.outcomes.iter().find(|outcome| outcome.outcome == Kind::Failed);
    let forbidden = handled.outcomes.iter().find(|outcome| outcome.reason == Reason::SubscriptionNotAllowed);
    let (status, outcome) = match (failed, forbidden) {
        (Some(outcome), _) => (Failure::status_for_program(&outcome.reason), outcome),
        (None, Some(outcome)) => (StatusCode::FORBIDDEN, outcome),
        (None, None) => return answer_azure(handled, links),
    };
    Problem::new(status, outcome.message.clone())
        .with("reason", &outcome.reason)
        .with("outcomes", &handled.outcomes)
        .with("links", links)
        .answer()
}

fn answer(status: StatusCode, handled: &Handled, links: Links) -> Response<Body> {
    json(status, "application/json", &Answer { alert: &handled.alert, outcomes: &handled.outcomes, links })
}

fn retry_later(mut answer: Response<Body>) -> Response<Body> {
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
    answer
}
