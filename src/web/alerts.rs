//! `POST /api/alerts`: the webhook.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use serde::Serialize;

use super::auth::{bearer_token, may_send_alerts};
use super::body::read_json;
use super::outcome::{self, RecordLinks};
use super::problem::{Problem, json};
use super::secure_webhook::{self, Refused};
use super::settings::unusable;
use crate::alert::{Alert, BadAlert, Summary};
use crate::context::{Instance, Loaded};
use crate::host::{Host, SettingsUnreadable};
use crate::log::{self, Event};
use crate::records::outcome::{Kind, Outcome};
use crate::workflow::{Handled, handle};

/// The largest body. Azure's alerts have at most 256 KB.
const LARGEST_BODY: usize = 512 * 1024;

/// When a caller that is asked to repeat should do so, in seconds.
const RETRY_AFTER: &str = "5";

#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = AlertAnswer))]
pub struct Answer<'a> {
    #[cfg_attr(test, schema(value_type = Summary))]
    alert: &'a Summary,
    #[cfg_attr(test, schema(value_type = Vec<Outcome>))]
    outcomes: &'a [Outcome],
    links: RecordLinks,
}

pub async fn receive<H: Host>(
    State(instance): State<Arc<Instance<H>>>,
    request: Request<Body>,
) -> Result<Response<Body>, Problem> {
    let (head, body) = request.into_parts();
    let loaded = instance.load().await.map_err(|error| settings_unreadable(&instance, &error))?;
    if !may_send_alerts(&loaded.webhook_keys, head.uri.query(), &head.headers) {
        check_token(&instance, &loaded, &head.headers).await?;
    }
    let body = read_json(Request::from_parts(head, body), LARGEST_BODY, "An alert comes").await?;
    let settings = loaded.settings.map_err(|errors| unusable(StatusCode::INTERNAL_SERVER_ERROR, &errors))?;
    let alert = Alert::parse(&body).map_err(|error| bad_alert(&instance, &error))?;
    let is_direct = alert.direct.is_some();
    let handled = handle(&instance, &settings, alert).await;
    let links = RecordLinks { record: format!("{}/api/alerts/{}", settings.notify.public_url, handled.key) };
    if is_direct { answer_program(&handled, links) } else { Ok(answer_azure(&handled, links)) }
}

fn settings_unreadable<H: Host>(instance: &Instance<H>, error: &SettingsUnreadable) -> Problem {
    let event = Event { event: "settings_unreadable", level: "error", detail: Some(&error.0), ..Event::default() };
    log::write(&instance.host, &event);
    let detail = "The host could not read nightcap's settings just now, so the alert was not taken. Send it again.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).with_header("retry-after", RETRY_AFTER)
}

/// Whoever has no key may show a token, where tokens are taken.
async fn check_token<H: Host>(instance: &Instance<H>, loaded: &Loaded, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(token) = bearer_token(headers) else { return Err(unauthorized(instance, loaded)) };
    let settings = match &loaded.settings {
        Ok(settings) => settings,
        Err(errors) => return Err(unusable(StatusCode::INTERNAL_SERVER_ERROR, errors)),
    };
    let Some(expected) = &settings.webhook_entra else { return Err(unauthorized(instance, loaded)) };
    let Err(refused) = secure_webhook::admit(instance, &settings.azure, expected, token).await else {
        return Ok(());
    };
    let detail = match refused {
        Refused::Token(check) => check.to_string(),
        Refused::NoKeys => "Entra did not hand out the keys that tokens are signed with".to_owned(),
    };
    let event = Event { event: "refused", level: "warn", reason: Some("wrong_token"), ..Event::default() };
    log::write(&instance.host, &Event { detail: Some(&detail), ..event });
    Err(match refused {
        Refused::Token(check) => Problem::unauthorized(&format!("The webhook's token is not taken: {check}.")),
        Refused::NoKeys => {
            let detail =
                "Microsoft Entra's signing keys could not be had, so the token could not be checked. Send it again.";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).with_header("retry-after", RETRY_AFTER)
        }
    })
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
fn answer_azure(handled: &Handled, links: RecordLinks) -> Response<Body> {
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
fn answer_program(handled: &Handled, links: RecordLinks) -> Result<Response<Body>, Problem> {
    match handled.outcomes.iter().find_map(outcome::problem) {
        Some(problem) => Err(problem.with("outcomes", &handled.outcomes).with("links", links)),
        None => Ok(answer_azure(handled, links)),
    }
}

fn answer(status: StatusCode, handled: &Handled, links: RecordLinks) -> Response<Body> {
    json(status, &Answer { alert: &handled.alert, outcomes: &handled.outcomes, links })
}
