//! Who may look and steer: whoever shows an operator key.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::StatusCode;
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::auth::operator_key;
use super::cross_site::{is_cross_site, is_safe};
use super::problem::Problem;
use super::session::Session;
use super::settings::{unreadable, unusable};
use super::wrong_keys::slow_down;
use crate::context::{Context, Instance, Loaded};
use crate::host::Host;
use crate::log::{self, Event};
use crate::settings::Keys;

const HOW_TO_SHOW_A_KEY: &str =
    "The operator key is missing or wrong. Send it as the password of HTTP Basic, or as a Bearer token.";

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
    let has_key = operator_key(&loaded.operator_keys, &parts.headers).is_some();
    // A browser sends its cookie with whatever a page has it ask. To change something takes one of nightcap's own forms.
    let may_look = || Session::of(&loaded.operator_keys, &parts.headers, instance.host.now()).is_some();
    if !(has_key || is_safe(parts) && may_look()) {
        return Err(refuse(instance, &loaded.operator_keys, shows_a_key(parts)).await);
    }
    if is_cross_site(parts) {
        return Err(refuse_cross_site(instance));
    }
    Ok(loaded)
}

/// Whether a caller shows some key or other as programs do.
pub fn shows_a_key(parts: &Parts) -> bool {
    parts.headers.contains_key(AUTHORIZATION)
}

/// What becomes of a caller without an operator key. Whoever shows no key at all only has to learn how to; whoever shows a wrong one
/// is made to wait.
pub async fn refuse<H: Host>(instance: &Instance<H>, keys: &Keys, shows_a_key: bool) -> Problem {
    if keys.is_empty() {
        note_refusal(instance, "no_operator_key_is_set", None);
    } else if shows_a_key {
        let count = slow_down(&instance.host).await;
        note_refusal(instance, "wrong_operator_key", usize::try_from(count).ok());
    } else {
        note_refusal(instance, "missing_operator_key", None);
    }
    Problem::unauthorized(HOW_TO_SHOW_A_KEY)
}

/// What becomes of a request that another site's page has made.
pub fn refuse_cross_site<H: Host>(instance: &Instance<H>) -> Problem {
    note_refusal(instance, "cross_site", None);
    Problem::new(StatusCode::FORBIDDEN, "A page of another site made this request, so nothing was done.")
}

/// `count` is how many wrong keys there were lately.
pub fn note_refusal<H: Host>(instance: &Instance<H>, reason: &'static str, count: Option<usize>) {
    let setting = (reason == "no_operator_key_is_set").then_some("operator_key");
    let event = Event { event: "refused", level: "warn", reason: Some(reason), setting, count, ..Event::default() };
    log::write(&instance.host, &event);
}
