//! Who may look and steer: whoever shows an operator key.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::StatusCode;
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::auth::may_operate;
use super::cross_site::is_cross_site;
use super::problem::Problem;
use super::settings::{unreadable, unusable};
use super::wrong_keys::slow_down;
use crate::context::{Context, Instance, Loaded};
use crate::host::Host;
use crate::log::{self, Event};

/// A caller with an operator key, who sees records whatever the other settings are.
pub struct Operator;

/// The same, who is told what is wrong with the other settings.
pub struct OperatorLoaded(pub Loaded);

/// The same, with what it takes to do something, for which all settings have to be usable.
pub struct OperatorContext<H>(pub Context<H>);

impl<H: Host> FromRequestParts<Arc<Instance<H>>> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, instance: &Arc<Instance<H>>) -> Result<Self, Problem> {
        admit(parts, instance).await.map(|_| Self)
    }
}

impl<H: Host> FromRequestParts<Arc<Instance<H>>> for OperatorLoaded {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, instance: &Arc<Instance<H>>) -> Result<Self, Problem> {
        admit(parts, instance).await.map(Self)
    }
}

impl<H: Host> FromRequestParts<Arc<Instance<H>>> for OperatorContext<H> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, instance: &Arc<Instance<H>>) -> Result<Self, Problem> {
        let settings = admit(parts, instance).await?.settings;
        let settings = settings.map_err(|errors| unusable(StatusCode::INTERNAL_SERVER_ERROR, &errors))?;
        Ok(Self(Context::new(instance, &settings, "")))
    }
}

async fn admit<H: Host>(parts: &Parts, instance: &Instance<H>) -> Result<Loaded, Problem> {
    let loaded = instance.load().await.map_err(|_| unreadable())?;
    if !may_operate(&loaded.operator_keys, &parts.headers) {
        return Err(refuse(parts, instance, &loaded).await);
    }
    if is_cross_site(parts) {
        note_refusal(instance, "cross_site", None);
        let detail = "A page of another site made this request, so nothing was done.";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    Ok(loaded)
}

/// Whoever shows no key at all only has to learn how to.
async fn refuse<H: Host>(parts: &Parts, instance: &Instance<H>, loaded: &Loaded) -> Problem {
    if loaded.operator_keys.is_empty() {
        note_refusal(instance, "no_operator_key_is_set", None);
    } else if parts.headers.contains_key(AUTHORIZATION) {
        let count = slow_down(&instance.host).await;
        note_refusal(instance, "wrong_operator_key", usize::try_from(count).ok());
    } else {
        note_refusal(instance, "missing_operator_key", None);
    }
    let detail = "The operator key is missing or wrong. Send it as the password of HTTP Basic, or as a Bearer token.";
    Problem::unauthorized(detail)
}

/// `count` is how many wrong keys there were lately.
fn note_refusal<H: Host>(instance: &Instance<H>, reason: &'static str, count: Option<usize>) {
    let setting = (reason == "no_operator_key_is_set").then_some("operator_key");
    let event = Event { event: "refused", level: "warn", reason: Some(reason), setting, count, ..Event::default() };
    log::write(&instance.host, &event);
}
