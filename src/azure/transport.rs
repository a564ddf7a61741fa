//! Sends one request, again after a passing failure, and tells the log of every attempt. Nothing else in here sends.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header, request};

use super::action::Action;
use super::answer::refused;
use super::error::{AzureError, Detail};
use super::retry;
use super::target::Target;
use crate::host::send::send;
use crate::host::{Host, NoAnswer};
use crate::log::{Event, Log};

/// How requests of one piece of work are sent.
#[derive(Debug)]
pub struct Transport<'a, H> {
    /// Where attempts are told, and the host that makes them.
    pub log: Log<'a, H>,
    /// The machine that this is about, for the log, once it is known.
    pub target: Option<&'a Target>,
    /// When to stop trying, on the host's monotonic clock.
    pub deadline: Duration,
}

/// One request in all its attempts.
pub struct Attempt<'a> {
    pub action: Action,
    /// The capture that it is about, for the log.
    pub capture: Option<&'a str>,
    /// Method, address and headers.
    pub request: request::Builder,
    /// Its body; empty for none.
    pub body: Bytes,
    /// Whether it may be sent again when it is unclear what became of it.
    pub repeat: bool,
    /// Statuses that pass by themselves, beside those of every service.
    pub passing: &'static [StatusCode],
}

/// What the log tells of a request.
#[derive(Clone, Copy)]
struct About<'a> {
    action: Action,
    capture: Option<&'a str>,
    attempt: u32,
}

impl<H: Host> Transport<'_, H> {
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_sub(self.log.host.monotonic())
    }

    /// Sends, and sends again after a passing failure for as long as there is time. The answer may have any status that
    /// does not pass by itself.
    pub async fn attempt(&self, attempt: Attempt<'_>) -> Result<Response<Bytes>, AzureError> {
        let Attempt { action, capture, request, body, repeat, passing } = attempt;
        // Azure refuses a POST or PUT that does not tell its length (411), be it zero.
        let request = request.header(header::CONTENT_LENGTH, body.len()).body(body).map_err(|error| {
            AzureError::Unreachable { action, detail: format!("the request could not be made: {error}") }
        })?;
        for tried in 0_u32.. {
            let (failure, asked_to_wait) =
                match self.send_once(About { action, capture, attempt: tried.saturating_add(1) }, &request).await {
                    Ok(answer) if !passes(answer.status(), passing) => return Ok(answer),
                    Ok(answer) => (refused(action, &answer), retry::retry_after(answer.headers())),
                    Err(NoAnswer(detail)) => (AzureError::Unreachable { action, detail }, None),
                };
            let [chance, ..] = self.log.host.random();
            // Many are asked to wait for the same moment, and must not all come back at it.
            let wait = asked_to_wait.unwrap_or_default().saturating_add(retry::pause(tried, chance));
            if !repeat || wait >= self.time_left() {
                return Err(failure);
            }
            self.log.host.sleep(wait).await;
        }
        Err(AzureError::OutOfTime { action })
    }

    async fn send_once(&self, about: About<'_>, request: &Request<Bytes>) -> Result<Response<Bytes>, NoAnswer> {
        let began = self.log.host.monotonic();
        let answer = send(self.log.host, request.clone()).await;
        self.note(about, request.method(), self.log.host.monotonic().saturating_sub(began), &answer);
        answer
    }

    fn note(&self, about: About<'_>, method: &Method, took: Duration, answer: &Result<Response<Bytes>, NoAnswer>) {
        let nothing = HeaderMap::new();
        let (status, headers, detail) = match answer {
            Ok(answer) => (Some(answer.status()), answer.headers(), None),
            Err(NoAnswer(detail)) => (None, &nothing, Some(detail.as_str())),
        };
        self.log.tally.count_request(about.action.name(), status);
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let fine = status.is_some_and(|status| status.is_success());
        let code = answer.as_ref().ok().filter(|_| !fine).map(|answer| Detail::of_answer(answer).code);
        let target = self.target.map(|target| target.id().to_string());
        self.log.write(&Event {
            target: target.as_deref(),
            capture: about.capture,
            step: Some(about.action.name()),
            method: Some(method.as_str()),
            status: status.map(|status| status.as_u16()),
            attempt: Some(about.attempt),
            ms: u64::try_from(took.as_millis()).ok(),
            code: code.as_deref().filter(|code| !code.is_empty()),
            request_id: text("x-ms-request-id"),
            correlation_id: text("x-ms-correlation-request-id"),
            retry_after: retry::retry_after(headers).map(|wait| wait.as_secs()),
            remaining: remaining(headers),
            detail,
            ..self.log.event("azure", if fine { "info" } else { "warn" })
        });
    }
}

fn passes(status: StatusCode, passing: &[StatusCode]) -> bool {
    retry::is_transient(status) || passing.contains(&status)
}

/// The lowest of the request budgets that Azure reports.
fn remaining(headers: &HeaderMap) -> Option<u64> {
    let budgets = headers.iter().filter(|(name, _)| name.as_str().starts_with("x-ms-ratelimit-remaining-"));
    budgets.filter_map(|(_, value)| value.to_str().ok()?.parse().ok()).min()
}
