//! Whoever looks at a page, or sends one of its forms: an operator with a session, or with a key as programs show it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts};
use axum::response::IntoResponse;
use http::request::Parts;
use http::{Request, Response, StatusCode};

use super::layout::{Visitor, refusal, see_other};
use super::places::sign_in_then;
use crate::context::{Context, Instance, Loaded};
use crate::host::Host;
use crate::web::auth::operator_key;
use crate::web::cross_site::{is_cross_site, is_safe};
use crate::web::form::Form;
use crate::web::operator::{note_refusal, refuse, refuse_cross_site, shows_a_key};
use crate::web::problem::Problem;
use crate::web::session::Session;
use crate::web::settings::{unreadable, unusable};

/// An operator, with what it takes to ask Azure or the store.
pub struct Looking<H> {
    pub visitor: Visitor,
    pub context: Context<H>,
}

/// The same, whatever is wrong with the settings.
pub struct LookingAnyway {
    pub visitor: Visitor,
    pub loaded: Loaded,
}

/// An operator who has sent a form of one of these pages.
pub struct Sending<H> {
    pub visitor: Visitor,
    pub context: Context<H>,
    pub form: Form,
}

impl<H: Host> FromRequestParts<Arc<Instance<H>>> for Looking<H> {
    type Rejection = Response<Body>;

    async fn from_request_parts(parts: &mut Parts, instance: &Arc<Instance<H>>) -> Result<Self, Response<Body>> {
        let LookingAnyway { visitor, loaded } = LookingAnyway::from_request_parts(parts, instance).await?;
        let context = context(instance, &loaded, &visitor)?;
        Ok(Self { visitor, context })
    }
}

impl<H: Host> FromRequestParts<Arc<Instance<H>>> for LookingAnyway {
    type Rejection = Response<Body>;

    async fn from_request_parts(parts: &mut Parts, instance: &Arc<Instance<H>>) -> Result<Self, Response<Body>> {
        let (visitor, _, loaded) = admit(parts, instance).await?;
        Ok(Self { visitor, loaded })
    }
}

impl<H: Host> FromRequest<Arc<Instance<H>>> for Sending<H> {
    type Rejection = Response<Body>;

    async fn from_request(request: Request<Body>, instance: &Arc<Instance<H>>) -> Result<Self, Response<Body>> {
        let (parts, body) = request.into_parts();
        let (visitor, session, loaded) = admit(&parts, instance).await?;
        let form = Form::read(Request::from_parts(parts, body)).await;
        let form = form.map_err(|problem| refusal(&problem, None))?;
        if !session.has_made(form.text("token")) {
            note_refusal(instance, "foreign_form", None);
            let detail = "The form is not one of this session, so nothing was done. Go back, load the page again, and \
                          send it once more.";
            return Err(refusal(&Problem::new(StatusCode::FORBIDDEN, detail), Some(&visitor)));
        }
        let context = context(instance, &loaded, &visitor)?;
        Ok(Self { visitor, context, form })
    }
}

/// A browser that shows the key as programs do is given a session as well, for its forms need one.
async fn admit<H: Host>(
    parts: &Parts,
    instance: &Arc<Instance<H>>,
) -> Result<(Visitor, Session, Loaded), Response<Body>> {
    let loaded = instance.load().await.map_err(|_| refusal(&unreadable(), None))?;
    let host = &instance.host;
    let session = Session::of(&loaded.operator_keys, &parts.headers, host.now());
    let (session, is_new) = match (session, operator_key(&loaded.operator_keys, &parts.headers)) {
        (Some(session), _) => (session, false),
        (None, Some(key)) => (Session::begin(host, key), true),
        (None, None) => {
            let shows_a_key = shows_a_key(parts);
            let problem = refuse(instance, &loaded.operator_keys, shows_a_key).await;
            if shows_a_key {
                return Err(problem.into_response());
            }
            let address = parts.uri.path_and_query().filter(|_| is_safe(parts)).map_or("/", |address| address.as_str());
            return Err(see_other(&sign_in_then(address), None));
        }
    };
    let cookie = if is_new || session.needs_cookie(host.now()) { session.cookie(host) } else { None };
    let visitor = Visitor { form_token: session.form_token(), cookie };
    if is_cross_site(parts) {
        return Err(refusal(&refuse_cross_site(instance), Some(&visitor)));
    }
    Ok((visitor, session, loaded))
}

#[allow(clippy::result_large_err, reason = "the page that tells what is wrong")]
fn context<H: Host>(
    instance: &Arc<Instance<H>>,
    loaded: &Loaded,
    visitor: &Visitor,
) -> Result<Context<H>, Response<Body>> {
    match &loaded.settings {
        Ok(settings) => Ok(Context::new(instance, settings, "")),
        Err(errors) => Err(refusal(&unusable(StatusCode::INTERNAL_SERVER_ERROR, errors), Some(visitor))),
    }
}
