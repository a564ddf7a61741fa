//! The pretend Azure: what happens to each request, from its arrival to its answer.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::answer::{self, Answer, ArmError};
use crate::arm::Rates;
use crate::capture::Capture;
use crate::fault::{self, Effect, Fault};
use crate::identifier::Identifiers;
use crate::operation::{Fate, Operations};
use crate::sink::Message;
use crate::token::{Refused, Tokens};
use crate::transcript::Exchange;
use crate::world::World;
use crate::{arm, blob};

/// The four origins of the pretend Azure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Microsoft Entra: tokens.
    Entra,
    /// Azure Resource Manager: machines, watchers, captures.
    Arm,
    /// Blob storage: capture files.
    Blob,
    /// Where messages are posted.
    Sink,
}

/// An answer, and how long the caller waits for it.
#[derive(Debug)]
pub struct Reply {
    /// How long the caller waits.
    pub after: Duration,
    /// What it gets then.
    pub outcome: Outcome,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Outcome {
    /// It is answered.
    Response(Response<Bytes>),
    /// The connection is dropped without an answer.
    Cut,
}

/// A pretend Azure. See the [crate's documentation](crate).
#[derive(Debug)]
pub struct Azure {
    pub(crate) world: World,
    pub(crate) identifiers: Identifiers,
    pub(crate) tokens: Tokens,
    pub(crate) captures: Vec<Capture>,
    /// Where captures were told that their files will be: no two are made alike.
    pub(crate) storage_paths: HashSet<String>,
    pub(crate) operations: Operations,
    pub(crate) rates: Rates,
    pub(crate) files: HashMap<String, Bytes>,
    pub(crate) messages: Vec<Message>,
    faults: Vec<Fault>,
    transcript: Vec<Exchange>,
}

impl Azure {
    /// An Azure in which this world exists.
    pub fn new(world: World) -> Azure {
        Azure {
            world,
            identifiers: Identifiers::default(),
            tokens: Tokens::default(),
            captures: Vec::new(),
            storage_paths: HashSet::new(),
            operations: Operations::default(),
            rates: Rates::default(),
            files: HashMap::new(),
            messages: Vec::new(),
            faults: Vec::new(),
            transcript: Vec::new(),
        }
    }

    /// Answers one request. Times must not go back from one call to the next.
    pub fn handle(&mut self, now: Timestamp, service: Service, request: Request<Bytes>) -> Reply {
        let struck = fault::strike(&mut self.faults, service, request.method(), answer::path_and_query(&request));
        let outcome = match &struck {
            None => Outcome::Response(self.carry_out(now, service, &request, Fate::default())),
            Some(effect) => self.carry_out_under(effect, now, service, &request),
        };
        let wait = match struck {
            Some(Effect::Delay(wait)) => wait,
            Some(Effect::Hang) => Duration::from_secs(3600),
            _ => Duration::ZERO,
        };
        self.transcript.push(exchange(now, service, &request, &outcome, struck.as_ref()));
        Reply { after: self.world.timing.latency.saturating_add(wait), outcome }
    }

    /// Every request so far, in order of arrival.
    pub fn transcript(&self) -> &[Exchange] {
        &self.transcript
    }

    /// What was posted to the sink.
    pub fn messages(&self) -> &[Message] {
        &self.messages
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
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// From now on every token issued so far is answered as expired.
    pub fn expire_tokens(&mut self) {
        self.tokens.expire_all();
    }

    /// What exists.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// What exists, to be changed between requests.
    pub fn world_mut(&mut self) -> &mut World {
        &mut self.world
    }

    fn carry_out(&mut self, now: Timestamp, service: Service, request: &Request<Bytes>, fate: Fate) -> Answer {
        match service {
            Service::Entra => self.answer_entra(now, request),
            Service::Arm => self.answer_arm(now, request, fate),
            Service::Blob => self.answer_blob(now, request),
            Service::Sink => self.answer_sink(now, request),
        }
    }

    fn carry_out_under(
        &mut self,
        effect: &Effect,
        now: Timestamp,
        service: Service,
        request: &Request<Bytes>,
    ) -> Outcome {
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
                Service::Blob => blob::token_refused(&self.world, Refused::Expired(now)),
                _ => arm::token_refused(&self.world, Refused::Expired(now), now),
            },
            _ => {
                let mut answer = self.carry_out(now, service, request, Fate::of(effect));
                match effect {
                    Effect::CutAfter => return Outcome::Cut,
                    Effect::CutMidBody => cut_mid_body(&mut answer),
                    Effect::Truncated => halve(&mut answer),
                    Effect::SmuggleHost(origin) => smuggle(&mut answer, &self.world.urls.arm, origin),
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
        Service::Blob => blob::error_answer(&error),
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
fn smuggle(answer: &mut Answer, from: &str, to: &str) {
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
    struck: Option<&Effect>,
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
        fault: struck.map(|effect| effect.name().into()),
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Play, code, header, json, sample_vm};

    fn struck(effect: Effect) -> Play {
        let mut play = Play::new(World::sample);
        play.azure.add_fault(Fault::new(effect).service(Service::Arm));
        play
    }

    fn machine_url() -> String {
        format!("https://management.azure.com{}?api-version=2024-07-01", sample_vm())
    }

    #[test]
    fn a_cut_may_come_before_or_after_the_deed() {
        for (effect, captures) in [(Effect::CutBefore, 0), (Effect::CutAfter, 1)] {
            let mut play = struck(effect);
            let token = format!("Bearer {}", play.arm_token());
            let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
            let body = crate::testing::capture_body(60).to_string();
            let reply = play.reply(Service::Arm, "PUT", &play.capture("pc1"), &headers, &body);
            assert!(matches!(reply.outcome, Outcome::Cut));
            assert_eq!(play.azure.captures().len(), captures);
            let last = play.azure.transcript().last().unwrap();
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
            let mut play = struck(effect);
            play.azure.world_mut().timing.latency = Duration::from_secs(1);
            let reply = play.reply(Service::Arm, "GET", &machine_url(), &[], "");
            assert_eq!(reply.after, Duration::from_secs(seconds));
        }
    }

    #[test]
    fn urls_in_answers_can_point_elsewhere() {
        let mut play = struck(Effect::SmuggleHost("https://evil.example".into()));
        play.azure.world_mut().watchers_per_page = Some(1);
        let url = header(&play.create("pc1"), "azure-asyncoperation");
        assert!(url.starts_with("https://evil.example/subscriptions/"), "{url}");
        let list = format!(
            "https://management.azure.com/subscriptions/{}/providers/Microsoft.Network/networkWatchers?api-version=2025-05-01",
            crate::SUBSCRIPTION
        );
        let next = json(&play.arm("GET", &list, ""))["nextLink"].as_str().unwrap().to_owned();
        assert!(next.starts_with("https://evil.example/subscriptions/"), "{next}");
    }

    #[test]
    fn strange_requests_are_answered_too() {
        let mut play = Play::new(World::sample);
        for service in [Service::Entra, Service::Arm, Service::Blob, Service::Sink] {
            for (method, url) in [("GET", "/"), ("PATCH", "/%ff%00"), ("OPTIONS", "*"), ("PUT", "//a//b?c=%ff&&=")] {
                let headers = [("authorization", "Bearer"), ("range", "bytes=9-1"), ("x-ms-version", "")];
                play.reply(service, method, url, &headers, "\u{0}{");
            }
        }
        assert_eq!(play.azure.transcript().len(), 16);
    }
}
