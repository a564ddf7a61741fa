//! Who may look and steer: whoever shows an operator key.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;

use super::auth::may_operate;
use super::problem::Problem;
use super::settings::{unreadable, unusable};
use crate::context::{Context, Instance, Loaded};
use crate::host::Host;
use crate::log::{self, Event};

/// A caller with an operator key, who sees records whatever the other settings are.
pub struct Operator;

/// The same, with what it takes to do something, for which all settings have to be usable.
pub struct OperatorContext<H>(pub Context<H>);

impl<H: Host> FromRequestParts<Arc<Instance<H>>> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, instance: &Arc<Instance<H>>) -> Result<Self, Problem> {
        admit(parts, instance).await.map(|_| Self)
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
    if may_operate(&loaded.operator_keys, &parts.headers) {
        return Ok(loaded);
    }
    let event = Event { event: "refused", level: "warn", reason: Some("wrong_operator_key"), ..Event::default() };
    log::write(&instance.host, &event);
    let detail = "The operator key is missing or wrong. Send it as the password of HTTP Basic, or as a Bearer token.";
    Err(Problem::unauthorized(detail))
}
