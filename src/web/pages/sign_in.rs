//! `/sign-in` and `/sign-out`: a key is shown once, and a session begins; the session ends.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use maud::{Markup, html};

use super::admit::Sending;
use super::layout::{open_page, refusal, see_other};
use super::places::known;
use crate::context::Instance;
use crate::host::Host;
use crate::web::cross_site::is_cross_site;
use crate::web::form::Form;
use crate::web::operator::{refuse, refuse_cross_site};
use crate::web::session::{Session, forget};
use crate::web::settings::unreadable;

/// `GET /sign-in`
pub async fn show<H: Host>(
    State(instance): State<Arc<Instance<H>>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let Ok(loaded) = instance.load().await else { return refusal(&unreadable(), None) };
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    let to = known(query.text("to"));
    if Session::of(&loaded.operator_keys, &headers, instance.host.now()).is_some() {
        return see_other(to, None);
    }
    let message = loaded
        .operator_keys
        .is_empty()
        .then_some("The setting operator_key is empty, so nobody can sign in. Set it to a long random text.");
    let mut answer = open_page(StatusCode::OK, "Sign in", form(to, message));
    // A browser that has followed a link from elsewhere has kept the session's cookie back, and sends it at the next step.
    if headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none") {
        answer.headers_mut().insert(header::REFRESH, HeaderValue::from_static("0"));
    }
    answer
}

/// `POST /sign-in`
pub async fn sign_in<H: Host>(State(instance): State<Arc<Instance<H>>>, request: Request<Body>) -> Response<Body> {
    let Ok(loaded) = instance.load().await else { return refusal(&unreadable(), None) };
    let (parts, body) = request.into_parts();
    if is_cross_site(&parts) {
        return refusal(&refuse_cross_site(&instance), None);
    }
    let sent = match Form::read(Request::from_parts(parts, body)).await {
        Ok(sent) => sent,
        Err(problem) => return refusal(&problem, None),
    };
    let to = known(sent.text("to"));
    match loaded.operator_keys.matching(sent.text("key")) {
        Some(key) => see_other(to, Session::begin(&instance.host, key).cookie(&instance.host)),
        None => {
            refuse(&*instance, &loaded.operator_keys, true).await;
            // Not 401, for which browsers ask for a name and a password themselves.
            open_page(StatusCode::FORBIDDEN, "Sign in", form(to, Some("This is not an operator key.")))
        }
    }
}

/// `POST /sign-out`
pub async fn sign_out<H: Host>(_: Sending<H>) -> Response<Body> {
    see_other("/sign-in", Some(forget()))
}

fn form(to: &str, problem: Option<&str>) -> Markup {
    html! {
        h1 { "Sign in" }
        form.narrow method="post" action="/sign-in" {
            @if let Some(problem) = problem { p.problem #problem role="alert" { (problem) } }
            input type="hidden" name="to" value=(to);
            label for="key" { "Operator key" }
            input #key type="password" name="key" autocomplete="current-password" required autofocus
                aria-describedby=[problem.map(|_| "problem")];
            button { "Sign in" }
        }
        p.soft { "It is the value of the setting operator_key, or one of its values." }
    }
}
