//! The pretend Azure: what happens to each request, from its arrival to its answer.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;

use crate::answer::{self, Answer};
use crate::capture::lifecycle::Capture;
use crate::error::ArmError;
use crate::fault::{self, Effect, Fault};
use crate::resource_id::same;
use crate::service::Service;
use crate::sink::{self, Message};
use crate::state::State;
use crate::token::Refused;
use crate::transcript::Exchange;
use crate::world::inventory::World;
use crate::{arm, blob, entra, managed_identity};

/// An answer, and how long the caller waits for it.
#[derive(Debug)]
pub struct Reply {
    pub after: Duration,
    pub outcome: Outcome,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Outcome {
    Response(Response<Bytes>),
    /// The connection is dropped without an answer.
    Cut,
}

/// A pretend Azure. See the [crate's documentation](crate).
#[derive(Debug)]
pub struct Azure {
    pub(crate) state: State,
    faults: Vec<Fault>,
    transcript: Vec<Exchange>,
}

impl Azure {
    pub fn new(world: World) -> Azure {
        Azure { state: State::new(world), faults: Vec::new(), transcript: Vec::new() }
    }

    /// Answers one request. Times must not go back from one call to the next.
    pub fn handle(&mut self, now: Timestamp, service: Service, request: Request<Bytes>) -> Reply {
        let path = answer::path_and_query(&request);
        let effect = fault::find_effect(&mut self.faults, service, request.method(), path);
        let outcome = match &effect {
            None => Outcome::Response(self.serve(now, service, &request, None)),
            Some(effect) => self.serve_faulty(effect, now, service, &request),
        };
        let delay = match effect {
            Some(Effect::Delay(delay)) => delay,
            Some(Effect::Hang) => Duration::from_secs(3600),
            _ => Duration::ZERO,
        };
        self.transcript.push(exchange(now, service, &request, &outcome, effect.as_ref()));
        Reply { after: self.state.world.timing.latency.saturating_add(delay), outcome }
    }

    /// Every request so far, in order of arrival.
    pub fn transcript(&self) -> &[Exchange] {
        &self.transcript
    }

    pub fn messages(&self) -> &[Message] {
        &self.state.messages
    }

    /// Every capture ever asked for, oldest first.
    pub fn captures(&self) -> Vec<Capture> {
        self.state.captures.clone()
    }

    /// The captures whose packets are being captured at this moment.
    pub fn running_captures(&self, now: Timestamp) -> Vec<Capture> {
        self.state.captures.iter().filter(|capture| capture.is_running(now)).cloned().collect()
    }

    /// The captures of one machine or scale set that are being captured at this moment.
    pub fn running_on(&self, now: Timestamp, target: &str) -> Vec<Capture> {
        let running = self.state.captures.iter().filter(|capture| capture.is_running(now));
        running.filter(|capture| same(&capture.target, target)).cloned().collect()
    }

    /// Adds a fault behind those that are there.
    pub fn add_fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Takes all faults away. Operations that they touched keep their fate.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// The faults that are there, with what is left of their `skip` and `times`.
    pub(crate) fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// From now on every token issued so far is answered as expired.
    pub fn expire_tokens(&mut self) {
        self.state.tokens.expire_all();
    }

    pub fn world(&self) -> &World {
        &self.state.world
    }

    /// What exists, to be changed between requests.
    pub fn world_mut(&mut self) -> &mut World {
        &mut self.state.world
    }

    fn serve(&mut self, now: Timestamp, service: Service, request: &Request<Bytes>, effect: Option<&Effect>) -> Answer {
        match service {
            Service::Entra => entra::answer(&mut self.state, now, request),
            Service::Arm => arm::door::answer(&mut self.state, now, request, effect),
            Service::Blob => blob::door::answer(&mut self.state, now, request),
            Service::Sink => sink::answer(&mut self.state.messages, now, request),
            Service::Identity => managed_identity::answer(&mut self.state, now, request),
        }
    }

    fn serve_faulty(&mut self, effect: &Effect, now: Timestamp, service: Service, request: &Request<Bytes>) -> Outcome {
        let answer = match effect {
            Effect::CutBefore => return Outcome::Cut,
            Effect::Status { status, code, message, retry_after } => {
                let mut error = ArmError::new(status_code(*status), code, message.clone());
                error.retry_after = *retry_after;
                refusal(service, error)
            }
            Effect::Html { status } => answer::html(status_code(*status)),
            Effect::Empty { status } => answer::empty(status_code(*status)),
            Effect::ExpiredToken => match service {
                Service::Blob => blob::refusal::token_refused(&self.state.world, Refused::Expired(now)),
                _ => arm::door::token_refused(&self.state.world, Refused::Expired(now), now),
            },
            _ => {
                let mut answer = self.serve(now, service, request, Some(effect));
                match effect {
                    Effect::CutAfter => return Outcome::Cut,
                    Effect::CutMidBody => cut_mid_body(&mut answer),
                    Effect::Truncated => halve(&mut answer),
                    Effect::SmuggleHost(origin) => replace_origin(&mut answer, &self.state.world.urls.arm, origin),
                    Effect::WithoutHeader(name) => {
                        answer.headers_mut().remove(name.as_str());
                    }
                    _ => {}
                }
                answer
            }
        };
        Outcome::Response(answer)
    }
}

fn refusal(service: Service, error: ArmError) -> Answer {
    match service {
        Service::Blob => blob::refusal::answer_error(&error),
        _ => error.into_answer(),
    }
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn halve(answer: &mut Answer) {
    let half = answer.body().len() / 2;
    answer.body_mut().truncate(half);
    if answer.headers().contains_key("content-length") {
        answer::set(answer, "content-length", &half.to_string());
    }
}

fn cut_mid_body(answer: &mut Answer) {
    let whole = answer.body().len().max(2);
    halve(answer);
    answer::set(answer, "content-length", &whole.to_string());
}

/// Replaces the origin of the URLs that a client is to follow.
fn replace_origin(answer: &mut Answer, from: &str, to: &str) {
    for name in ["azure-asyncoperation", "location"] {
        if let Some(url) = answer.headers().get(name).and_then(|url| url.to_str().ok()) {
            let url = url.replacen(from, to, 1);
            answer::set(answer, name, &url);
        }
    }
    let link = format!("\"nextLink\":\"{from}");
    let body = String::from_utf8_lossy(answer.body());
    if body.contains(&link) {
        *answer.body_mut() = body.replacen(&link, &format!("\"nextLink\":\"{to}"), 1).into();
    }
}

fn exchange(
    at: Timestamp,
    service: Service,
    request: &Request<Bytes>,
    outcome: &Outcome,
    effect: Option<&Effect>,
) -> Exchange {
    let headers = request.headers().iter();
    Exchange {
        at,
        service,
        method: request.method().to_string(),
        path: answer::path_and_query(request).into(),
        headers: headers.map(|(name, value)| (name.to_string(), lossy(value.as_bytes()))).collect(),
        body: lossy(request.body()),
        status: match outcome {
            Outcome::Response(response) => response.status().as_u16(),
            Outcome::Cut => 0,
        },
        fault: effect.map(|effect| effect.name().into()),
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SUBSCRIPTION;
    use crate::testing::{Client, code, header, json, sample_vm};

    fn struck(effect: Effect) -> Client {
        let mut client = Client::new(World::sample);
        client.azure.add_fault(Fault::new(effect).service(Service::Arm));
        client
    }

    fn machine_url() -> String {
        format!("https://management.azure.com{}?api-version=2024-07-01", sample_vm())
    }

    #[test]
    fn a_cut_may_come_before_or_after_the_deed() {
        for (effect, captures) in [(Effect::CutBefore, 0), (Effect::CutAfter, 1)] {
            let mut client = struck(effect);
            let token = format!("Bearer {}", client.arm_token());
            let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
            let body = crate::testing::capture_body(60).to_string();
            let reply = client.reply(Service::Arm, "PUT", &client.capture("pc1"), &headers, &body);
            assert!(matches!(reply.outcome, Outcome::Cut));
            assert_eq!(client.azure.captures().len(), captures);
            let last = client.azure.transcript().last().unwrap();
            assert_eq!(last.status, 0);
            assert!(last.fault.as_deref().unwrap().starts_with("cut_"));
            assert_eq!((last.header("content-type"), last.body.as_str()), (Some("application/json"), body.as_str()));
        }
    }

    #[test]
    fn answers_can_be_replaced() {
        let refusal = Effect::Status { status: 503, code: "Busy".into(), message: String::new(), retry_after: Some(7) };
        let answer = struck(refusal).arm("GET", &machine_url(), "");
        assert_eq!(
            (answer.status().as_u16(), code(&answer), header(&answer, "retry-after")),
            (503, "Busy".into(), "7".into())
        );
        let answer = struck(Effect::Html { status: 502 }).arm("GET", &machine_url(), "");
        assert_eq!((answer.status().as_u16(), header(&answer, "content-type")), (502, "text/html".into()));
        let answer = struck(Effect::Empty { status: 500 }).arm("GET", &machine_url(), "");
        assert_eq!((answer.status().as_u16(), answer.body().len()), (500, 0));
        let answer = struck(Effect::ExpiredToken).arm("GET", &machine_url(), "");
        assert_eq!((answer.status().as_u16(), code(&answer)), (401, "ExpiredAuthenticationToken".into()));
        let answer = struck(Effect::Truncated).arm("GET", &machine_url(), "");
        assert_eq!(answer.status(), 200);
        assert!(serde_json::from_slice::<serde_json::Value>(answer.body()).is_err());
    }

    #[test]
    fn answers_can_be_late() {
        for (effect, seconds) in [(Effect::Delay(Duration::from_secs(9)), 10), (Effect::Hang, 3601)] {
            let mut client = struck(effect);
            client.azure.world_mut().timing.latency = Duration::from_secs(1);
            let reply = client.reply(Service::Arm, "GET", &machine_url(), &[], "");
            assert_eq!(reply.after, Duration::from_secs(seconds));
        }
    }

    #[test]
    fn urls_in_answers_can_point_elsewhere() {
        let mut client = struck(Effect::SmuggleHost("https://evil.example".into()));
        client.azure.world_mut().watchers_per_page = Some(1);
        let url = header(&client.create("pc1"), "azure-asyncoperation");
        assert!(url.starts_with("https://evil.example/subscriptions/"), "{url}");
        let list = format!(
            "https://management.azure.com/subscriptions/{}/providers/Microsoft.Network/networkWatchers?api-version=2025-05-01",
            SUBSCRIPTION
        );
        let next = json(&client.arm("GET", &list, ""))["nextLink"].as_str().unwrap().to_owned();
        assert!(next.starts_with("https://evil.example/subscriptions/"), "{next}");
    }

    #[test]
    fn strange_requests_are_answered_too() {
        let mut client = Client::new(World::sample);
        for service in [Service::Entra, Service::Arm, Service::Blob, Service::Sink, Service::Identity] {
            for (method, url) in [("GET", "/"), ("PATCH", "/%ff%00"), ("OPTIONS", "*"), ("PUT", "//a//b?c=%ff&&=")] {
                let headers = [("authorization", "Bearer"), ("range", "bytes=9-1"), ("x-ms-version", "")];
                client.reply(service, method, url, &headers, "\u{0}{");
            }
        }
        assert_eq!(client.azure.transcript().len(), 20);
    }
}
