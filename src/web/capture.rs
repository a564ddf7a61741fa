//! `/api/captures/{subscription}/{region}/{name}`: one capture, and what an operator does to it by hand.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, RawQuery, State};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use serde_with::skip_serializing_none;
use strum::{EnumString, IntoStaticStr};

use super::conditional::json_or_not_modified;
use super::operator::OperatorContext;
use super::outcome::of_failure;
use super::problem::{Problem, json};
use super::query::Query;
use super::records::{CapturePath, CaptureView, Found, capture_of, not_read, with_alerts};
use crate::azure::packet_capture::{Activity, Details, Status};
use crate::azure::region::Region;
use crate::capture::by_hand::{self, Effect, Named, Seen, Trouble};
use crate::capture::name::is_own;
use crate::context::{Context, Instance};
use crate::host::Host;
use crate::records::outcome::{CaptureRef, Links};
use crate::timestamp::Timestamp;
use crate::workflow::keeper::keep;
use crate::workflow::list::Whose;

/// When a caller should ask again for what takes longer than it waits, in seconds.
const ASK_AGAIN_AFTER: HeaderValue = HeaderValue::from_static("5");

/// A capture that an operator has named, with what it takes to do something about it.
pub struct Operated<H> {
    context: Context<H>,
    named: Named,
}

/// What nightcap knows of a capture, or what Azure says where nightcap knows nothing.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Shown {
    Recorded(Box<CaptureView>),
    InAzure(Box<InAzure>),
}

/// A capture that nightcap has no record of.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct InAzure {
    pub subscription: String,
    pub region: Region,
    pub name: String,
    pub whose: Whose,
    /// The network watcher that has it.
    pub watcher: String,
    pub azure: Details,
    links: Links,
}

/// What a capture does, in Azure's own names.
#[skip_serializing_none]
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct StatusAnswer {
    packet_capture_status: Activity,
    /// When it began, once it has.
    capture_start_time: Option<Timestamp>,
    /// Azure's word for why it stopped.
    stop_reason: Option<String>,
    packet_capture_error: Vec<String>,
    /// Azure's time when it said so.
    answered_at: Timestamp,
}

/// What came of stopping or deleting a capture.
#[skip_serializing_none]
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct DoneAnswer {
    result: DoneResult,
    /// The same for people.
    message: String,
    /// With `dry_run`: the request that would have been sent.
    #[cfg_attr(test, schema(value_type = Option<Object>))]
    request: Option<Value>,
    links: Links,
}

/// What an operator does to a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Deed {
    Stop,
    Delete,
}

/// How far it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, EnumString, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DoneResult {
    Done,
    /// Nothing was to be done.
    Already,
    /// Azure is at work on it.
    UnderWay,
    /// Nothing was changed, for the setting `dry_run` is on.
    DryRun,
}

impl<H: Host> FromRequestParts<Arc<Instance<H>>> for Operated<H> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, instance: &Arc<Instance<H>>) -> Result<Self, Problem> {
        let OperatorContext(context) = OperatorContext::from_request_parts(parts, instance).await?;
        let path = CapturePath::from_request_parts(parts, instance).await?;
        Self::find(&context, &path).await
    }
}

/// `GET /api/captures/{subscription}/{region}/{name}`
pub async fn show<H: Host>(
    State(instance): State<Arc<Instance<H>>>,
    mut parts: Parts,
) -> Result<Response<Body>, Problem> {
    let shown = match OperatorContext::from_request_parts(&mut parts, &instance).await {
        Ok(OperatorContext(context)) => {
            let path = CapturePath::from_request_parts(&mut parts, &instance).await?;
            look_up(&context, &path).await?
        }
        // Without good settings Azure cannot be asked, and records can be read all the same.
        Err(trouble) if trouble.is_settings() => {
            let Found(record) = Found::from_request_parts(&mut parts, &instance).await?;
            Shown::Recorded(Box::new(with_alerts(&instance, record).await))
        }
        Err(trouble) => return Err(trouble),
    };
    Ok(json_or_not_modified(&parts.headers, &shown))
}

/// What is known of a capture: by its record, or else by Azure.
pub async fn look_up<H: Host>(context: &Context<H>, path: &CapturePath) -> Result<Shown, Problem> {
    match capture_of(&context.instance, path).await {
        Ok(record) => Ok(Shown::Recorded(Box::new(with_alerts(&context.instance, record).await))),
        Err(missing) if missing.is_not_found() => {
            let operated = Operated::find(context, path).await?;
            Ok(Shown::InAzure(Box::new(operated.in_azure().await?.ok_or(missing)?)))
        }
        Err(problem) => Err(problem),
    }
}

/// `GET /api/captures/{subscription}/{region}/{name}/status`
pub async fn status<H: Host>(Operated { context, named }: Operated<H>) -> Result<Response<Body>, Problem> {
    match named.status(&context).await.map_err(|trouble| problem(&trouble))? {
        Seen::Status(status) => Ok(json(StatusCode::OK, &StatusAnswer::of(status))),
        Seen::Later => {
            let message = "Azure takes its time to say what the capture does. Ask again.";
            let (result, message) = (DoneResult::UnderWay, message.to_owned());
            Ok(later(DoneAnswer { result, message, request: None, links: links(&context, &named) }, "/status"))
        }
    }
}

/// `POST /api/captures/{subscription}/{region}/{name}/stop`
pub async fn stop<H: Host>(mut operated: Operated<H>) -> Result<Response<Body>, Problem> {
    let effect = operated.stop().await?;
    Ok(operated.answer(Deed::Stop, effect))
}

/// `DELETE /api/captures/{subscription}/{region}/{name}`
pub async fn delete<H: Host>(mut operated: Operated<H>, RawQuery(query): RawQuery) -> Result<Response<Body>, Problem> {
    let insists = Query::read(query.as_deref(), &["force"])?.switch("force")?;
    let effect = operated.delete(insists).await?;
    Ok(operated.answer(Deed::Delete, effect))
}

/// 202, and where to look how it goes.
fn later(answer: DoneAnswer, below: &str) -> Response<Body> {
    let location = HeaderValue::try_from(format!("{}{below}", answer.links.this));
    let mut answer = json(StatusCode::ACCEPTED, &answer);
    answer.headers_mut().insert(header::RETRY_AFTER, ASK_AGAIN_AFTER);
    if let Ok(location) = location {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    answer
}

/// What a caller is told of why nothing was done.
pub fn problem(trouble: &Trouble) -> Problem {
    match trouble {
        Trouble::NotThere => Problem::not_found("Azure has no such capture."),
        Trouble::NotAllowed(sentence) => {
            Problem::new(StatusCode::FORBIDDEN, sentence.clone()).with("reason", "subscription_not_allowed")
        }
        Trouble::Runs => {
            let detail = "The capture still runs. Stop it first, or delete it all the same with ?force=true.";
            Problem::new(StatusCode::CONFLICT, detail).with("reason", "still_running")
        }
        Trouble::Failed(failure) => of_failure(failure),
        Trouble::Unreadable(error) => not_read(error),
    }
}

impl<H: Host> Operated<H> {
    /// Finds the capture that a path names.
    pub async fn find(context: &Context<H>, path: &CapturePath) -> Result<Self, Problem> {
        let CapturePath { subscription, region, name } = path;
        let named = by_hand::find(context, subscription, region, name).await.map_err(|trouble| problem(&trouble))?;
        let by = named.record.as_ref().map(|record| record.requested_by.clone()).unwrap_or_default();
        Ok(Self { context: context.about(&by), named })
    }

    /// Whether nightcap has a record of it, which stays when it is deleted.
    pub fn is_recorded(&self) -> bool {
        self.named.record.is_some()
    }

    pub async fn stop(&mut self) -> Result<Effect, Problem> {
        let stopped = self.named.stop(&self.context).await;
        // Somebody has to see that it has stopped, and carry it out if Azure could not be reached just now.
        let task = self.context.about("");
        self.context.host().spawn(Box::pin(async move { keep(&task).await })).await;
        stopped.map_err(|trouble| problem(&trouble))
    }

    pub async fn delete(&mut self, insists: bool) -> Result<Effect, Problem> {
        self.named.delete(&self.context, insists).await.map_err(|trouble| problem(&trouble))
    }

    fn answer(&self, deed: Deed, effect: Effect) -> Response<Body> {
        let result = DoneResult::of(&effect);
        let message = deed.message(result).to_owned();
        let request = if let Effect::WouldSend(request) = effect { Some(request) } else { None };
        let done = DoneAnswer { result, message, request, links: links(&self.context, &self.named) };
        if result == DoneResult::UnderWay { later(done, "") } else { json(StatusCode::OK, &done) }
    }

    async fn in_azure(&self) -> Result<Option<InAzure>, Problem> {
        let Named { subscription, region, name, watcher, .. } = &self.named;
        let details = self.named.details(&self.context).await.map_err(|trouble| problem(&trouble))?;
        Ok(details.map(|azure| InAzure {
            subscription: subscription.clone(),
            region: region.clone(),
            name: name.clone(),
            whose: if is_own(name) { Whose::NightcapUnrecorded } else { Whose::SomebodyElse },
            watcher: watcher.to_string(),
            azure,
            links: links(&self.context, &self.named),
        }))
    }
}

impl StatusAnswer {
    fn of(status: Status) -> Self {
        Self {
            packet_capture_status: status.activity,
            capture_start_time: status.began_at,
            stop_reason: status.stop_reason,
            packet_capture_error: status.errors,
            answered_at: status.answered_at,
        }
    }
}

impl DoneResult {
    pub fn of(effect: &Effect) -> Self {
        match effect {
            Effect::Done => Self::Done,
            Effect::Already => Self::Already,
            Effect::UnderWay => Self::UnderWay,
            Effect::WouldSend(_) => Self::DryRun,
        }
    }
}

impl Deed {
    /// What came of it, for people.
    pub fn message(self, result: DoneResult) -> &'static str {
        match (self, result) {
            (Self::Stop, DoneResult::Done) => "The capture has stopped. Its file appears a little later.",
            (Self::Stop, DoneResult::Already) => "The capture was over already.",
            (Self::Stop, DoneResult::UnderWay) => "Azure is stopping the capture.",
            (Self::Delete, DoneResult::Done) => "The capture is deleted. Its file stays.",
            (Self::Delete, DoneResult::Already) => "The capture was not there any more. Its file stays.",
            (Self::Delete, DoneResult::UnderWay) => "Azure is deleting the capture. Its file stays.",
            (_, DoneResult::DryRun) => {
                "The setting dry_run is on: this request would have been sent, and nothing was changed."
            }
        }
    }
}

fn links<H: Host>(context: &Context<H>, named: &Named) -> Links {
    CaptureRef::new(&context.settings.notify.public_url, &named.subscription, &named.region, &named.name, None).links
}
