//! What is said to Azure. Everything goes through `Azure::attempt`, the one place that sends.

pub mod blob;
pub mod capture_parameters;
pub mod clock;
pub mod cloud;
pub mod compute;
pub mod error;
pub mod network_watcher;
pub mod operation;
pub mod origin;
pub mod packet_capture;
pub mod packet_filter;
pub mod region;
pub mod resource_id;
pub mod retry;
pub mod secret;
pub mod target;
pub mod token;

use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::azure::target::Target;
use crate::host::{Host, NoAnswer};
use crate::log::{self, Event};
use crate::settings::{Secret, Settings};
use error::{AzureError, Detail, Step};
use token::Tokens;

/// How long one request may take. Azure Resource Manager answers within a second or two when it is well.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Talks to Azure on behalf of one alert.
#[derive(Debug)]
pub struct Azure<'a, H> {
    /// What the runtime offers.
    pub host: &'a H,
    /// What nightcap was told.
    pub settings: &'a Settings,
    /// The instance's tokens.
    pub tokens: &'a Tokens,
    /// The key of the alert's record, for the log.
    pub alert: &'a str,
    /// The machine that this is about, for the log.
    pub target: &'a Target,
    /// A GUID that all requests of this alert carry, so that Azure's support can find them.
    pub client_request_id: &'a str,
    /// When to stop trying, on the host's monotonic clock.
    pub deadline: Duration,
}

/// Whom a request is for. Each has its own origin and takes tokens of its own only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Azure Resource Manager.
    Arm,
    /// Blob storage.
    Storage,
}

/// One request that carries a token.
#[derive(Debug)]
pub struct Call<'a> {
    /// Whom it is for.
    pub audience: Audience,
    /// The step that it belongs to.
    pub step: Step,
    /// Its method.
    pub method: Method,
    /// Its whole address.
    pub uri: Uri,
    /// Its JSON body; empty for none.
    pub body: Bytes,
    /// Whether it may be sent again when it is unclear what became of it.
    pub repeat: bool,
    /// The capture that it is about, for the log.
    pub capture: Option<&'a str>,
    /// What it says besides.
    pub headers: HeaderMap,
}

/// One request in all its attempts.
struct Attempt<'a> {
    step: Step,
    capture: Option<&'a str>,
    request: http::request::Builder,
    body: Bytes,
    repeat: bool,
}

/// What the log tells of a request.
#[derive(Clone, Copy)]
struct About<'a> {
    step: Step,
    capture: Option<&'a str>,
    attempt: u32,
}

impl<H: Host> Azure<'_, H> {
    /// A GET of a resource or list.
    pub async fn get(&self, step: Step, uri: Uri) -> Result<Response<Bytes>, AzureError> {
        let audience = Audience::Arm;
        let (method, body, headers) = (Method::GET, Bytes::new(), HeaderMap::new());
        self.call(Call { audience, step, method, uri, body, repeat: true, capture: None, headers }).await
    }

    /// Sends a request with a token. A token that Azure no longer takes is replaced once.
    pub async fn call(&self, call: Call<'_>) -> Result<Response<Bytes>, AzureError> {
        let (origin, tokens) = match call.audience {
            Audience::Arm => (&self.settings.arm, &self.tokens.arm),
            Audience::Storage => (&self.settings.blob, &self.tokens.storage),
        };
        if !origin.holds(&call.uri) {
            return Err(AzureError::ForeignUrl { step: call.step });
        }
        let scope = cloud::scope(call.audience, &self.settings.arm);
        let token = tokens.token(self, &scope).await?;
        let mut answer = self.attempt(self.with_token(&call, &token)).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            tokens.forget(self.host, &token).await;
            let token = tokens.token(self, &scope).await?;
            answer = self.attempt(self.with_token(&call, &token)).await?;
        }
        if !answer.status().is_success() {
            return Err(refused(call.step, &answer));
        }
        // A proxy's page comes with a good status, too, and must not pass for a delete that was accepted.
        let is_fine = call.audience == Audience::Storage
            || answer.body().is_empty()
            || serde_json::from_slice::<IgnoredAny>(answer.body()).is_ok();
        if is_fine { Ok(answer) } else { Err(unreadable(call.step, "not JSON")) }
    }

    /// The address of a resource of Azure Resource Manager.
    pub fn uri(&self, step: Step, path: &str, api_version: &str) -> Result<Uri, AzureError> {
        format!("{}{path}?api-version={api_version}", self.settings.arm)
            .parse()
            .map_err(|error: http::uri::InvalidUri| unreadable(step, error))
    }

    /// An address that Azure handed back, to be used as it is. Whether it is Azure's own is seen when it is called.
    pub fn given_uri(&self, step: Step, address: &str) -> Result<Uri, AzureError> {
        address.parse().map_err(|_| AzureError::ForeignUrl { step })
    }

    /// Time that is left.
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_sub(self.host.monotonic())
    }

    fn with_token<'c>(&self, call: &Call<'c>, token: &Secret) -> Attempt<'c> {
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(call.uri.clone())
            .header("x-ms-client-request-id", self.client_request_id);
        request = match call.audience {
            Audience::Arm => {
                request.header(header::ACCEPT, "application/json").header("x-ms-return-client-request-id", "true")
            }
            Audience::Storage => request.header("x-ms-version", blob::API_VERSION),
        };
        if let Ok(mut bearer) = HeaderValue::try_from(format!("Bearer {}", token.expose())) {
            bearer.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, bearer);
        }
        if !call.body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        Attempt { step: call.step, capture: call.capture, request, body: call.body.clone(), repeat: call.repeat }
    }

    /// Sends, and sends again after a passing failure for as long as there is time. The answer may have any status that
    /// does not pass by itself.
    async fn attempt(&self, attempt: Attempt<'_>) -> Result<Response<Bytes>, AzureError> {
        let Attempt { step, capture, request, body, repeat } = attempt;
        // Azure refuses a POST or PUT that does not tell its length (411), be it zero.
        let request = request.header(header::CONTENT_LENGTH, body.len()).body(body).map_err(|error| {
            AzureError::Unreachable { step, detail: format!("the request could not be made: {error}") }
        })?;
        for tried in 0_u32.. {
            let (failure, asked_to_wait) =
                match self.send_once(About { step, capture, attempt: tried.saturating_add(1) }, &request).await {
                    Ok(answer) if !retry::is_transient(answer.status()) => return Ok(answer),
                    Ok(answer) => (refused(step, &answer), retry::retry_after(answer.headers())),
                    Err(NoAnswer(detail)) => (AzureError::Unreachable { step, detail }, None),
                };
            let [chance, ..] = self.host.random();
            // Many are asked to wait for the same moment, and must not all come back at it.
            let wait = asked_to_wait.unwrap_or_default().saturating_add(retry::pause(tried, chance));
            if !repeat || wait >= self.time_left() {
                return Err(failure);
            }
            self.host.sleep(wait).await;
        }
        Err(AzureError::OutOfTime { step })
    }

    async fn send_once(&self, about: About<'_>, request: &Request<Bytes>) -> Result<Response<Bytes>, NoAnswer> {
        let began = self.host.monotonic();
        let sent = std::pin::pin!(self.host.send(request.clone()));
        let timeout = std::pin::pin!(self.host.sleep(ANSWER_TIMEOUT));
        let answer = match select(sent, timeout).await {
            Either::Left((answer, _)) => answer,
            Either::Right(((), _)) => Err(NoAnswer(format!("no answer within {} seconds", ANSWER_TIMEOUT.as_secs()))),
        };
        self.log(about, request.method(), self.host.monotonic().saturating_sub(began), &answer);
        answer
    }

    fn log(&self, about: About<'_>, method: &Method, took: Duration, answer: &Result<Response<Bytes>, NoAnswer>) {
        let nothing = HeaderMap::new();
        let (status, headers, detail) = match answer {
            Ok(answer) => (Some(answer.status()), answer.headers(), None),
            Err(NoAnswer(detail)) => (None, &nothing, Some(detail.as_str())),
        };
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let fine = status.is_some_and(|status| status.is_success());
        let code = answer.as_ref().ok().filter(|_| !fine).map(|answer| Detail::of_answer(answer).code);
        let target = self.target.id().to_string();
        let event = Event {
            event: "azure",
            level: if fine { "info" } else { "warn" },
            alert: self.alert,
            target: Some(&target),
            capture: about.capture,
            step: Some(about.step.name()),
            method: Some(method.as_str()),
            status: status.map(|status| status.as_u16()),
            attempt: Some(about.attempt),
            ms: u64::try_from(took.as_millis()).ok(),
            code: code.as_deref().filter(|code| !code.is_empty()),
            client_request_id: Some(self.client_request_id),
            request_id: text("x-ms-request-id"),
            correlation_id: text("x-ms-correlation-request-id"),
            retry_after: retry::retry_after(headers).map(|wait| wait.as_secs()),
            remaining: remaining(headers),
            detail,
            ..Event::default()
        };
        log::write(self.host, &event);
    }
}

/// An id for the requests of one piece of work, so that Azure's support can find them.
pub fn new_request_id(host: &impl Host) -> String {
    uuid::Builder::from_random_bytes(host.random()).into_uuid().to_string()
}

/// The JSON of a good answer.
pub fn read(step: Step, answer: &Response<Bytes>) -> Result<Value, AzureError> {
    let value: Value = serde_json::from_slice(answer.body()).map_err(|error| unreadable(step, error))?;
    if value.is_object() { Ok(value) } else { Err(unreadable(step, "not a JSON object")) }
}

/// An answer that is not what it should be.
fn unreadable(step: Step, detail: impl ToString) -> AzureError {
    AzureError::Unreadable { step, detail: detail.to_string() }
}

fn refused(step: Step, answer: &Response<Bytes>) -> AzureError {
    let Detail { code, message } = Detail::of_answer(answer);
    let retry_after = retry::retry_after(answer.headers());
    AzureError::Refused { step, status: answer.status(), code, message, retry_after }
}

/// The lowest of the request budgets that Azure reports.
fn remaining(headers: &HeaderMap) -> Option<u64> {
    let budgets = headers.iter().filter(|(name, _)| name.as_str().starts_with("x-ms-ratelimit-remaining-"));
    budgets.filter_map(|(_, value)| value.to_str().ok()?.parse().ok()).min()
}
