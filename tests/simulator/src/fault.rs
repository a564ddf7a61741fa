//! Trouble on demand: which requests are struck, and how.

use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::IntoStaticStr;

use crate::service::Service;

/// Strikes the requests that match it. When several faults match a request, the first that was added strikes.
///
/// As JSON, for the control endpoint: `{"service": "arm", "method": "PUT", "path_contains": "/packetCaptures/",
/// "times": 1, "effect": {"status": {"status": 429, "code": "TooManyRequests", "retry_after": 5}}}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Only requests to this service; `None` for all.
    #[serde(default)]
    pub service: Option<Service>,
    /// Only requests with this method; `None` for all.
    #[serde(default, with = "method_text")]
    pub method: Option<Method>,
    /// Only requests whose path and query contain this, compared without case. Empty for all.
    #[serde(default)]
    pub path_contains: String,
    /// So many matching requests pass before the fault strikes.
    #[serde(default)]
    pub skip: u32,
    /// So many requests are struck; `None` for ever.
    #[serde(default)]
    pub times: Option<u32>,
    pub effect: Effect,
}

impl Fault {
    /// A fault that strikes every request for ever; narrow it down with the methods below.
    pub fn new(effect: Effect) -> Fault {
        Fault { service: None, method: None, path_contains: String::new(), skip: 0, times: None, effect }
    }

    pub fn service(mut self, service: Service) -> Fault {
        self.service = Some(service);
        self
    }

    pub fn method(mut self, method: Method) -> Fault {
        self.method = Some(method);
        self
    }

    /// Only requests whose path and query contain this.
    pub fn path(mut self, part: impl Into<String>) -> Fault {
        self.path_contains = part.into();
        self
    }

    /// Lets so many matching requests pass first.
    pub fn skip(mut self, requests: u32) -> Fault {
        self.skip = requests;
        self
    }

    /// Strikes only so often.
    pub fn times(mut self, times: u32) -> Fault {
        self.times = Some(times);
        self
    }

    fn matches(&self, service: Service, method: &Method, path: &str) -> bool {
        self.service.is_none_or(|wanted| wanted == service)
            && self.method.as_ref().is_none_or(|wanted| wanted == method)
            && path.to_lowercase().contains(&self.path_contains.to_lowercase())
    }

    fn strikes_now(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        match &mut self.times {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }
}

/// What a fault does to a request. Durations in JSON are seconds, fractions allowed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[strum(serialize_all = "snake_case")]
pub enum Effect {
    /// Refuses the request, in the words of the service's own errors. It is not carried out.
    Status {
        status: u16,
        #[serde(default = "internal_error")]
        code: String,
        #[serde(default)]
        message: String,
        /// `Retry-After`, in seconds.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// Carries the request out and answers later.
    Delay(#[serde(with = "seconds")] Duration),
    /// Closes the connection; the request is not carried out.
    CutBefore,
    /// Carries the request out and closes the connection without an answer.
    CutAfter,
    /// Carries the request out, announces the answer's whole length, and closes the connection half-way through
    /// the body. Without a socket the answer is the half body under a `Content-Length` of the whole.
    CutMidBody,
    /// Answers with a page instead, as gateways do. The request is not carried out.
    Html { status: u16 },
    /// Answers with no body at all. The request is not carried out.
    Empty { status: u16 },
    /// Carries the request out and answers with half of the body under the right status.
    Truncated,
    /// Refuses the token as expired. The request is not carried out.
    ExpiredToken,
    /// The operation that the request starts takes so long.
    SlowOperation(#[serde(with = "seconds")] Duration),
    /// The operation that the request starts fails.
    FailedOperation {
        #[serde(default = "internal_error")]
        code: String,
        #[serde(default)]
        message: String,
    },
    /// The operation that the request starts is canceled, as if another had taken its place.
    CanceledOperation,
    /// The capture that the request creates is provisioned and then never begins: its status stays `NotStarted`.
    NeverStarts,
    /// The capture that the request creates ends with these `packetCaptureError` values, and leaves no file.
    CaptureError(Vec<String>),
    /// `queryStatus` answers 200 with this body as long as the session runs, and as usual before and afterwards: an
    /// empty object (Azure/azure-cli issue 3766), or one whose members are null.
    StatusWhileRunning(Value),
    /// `queryStatus` tells this as the `stopReason` of a session that has ended, whatever ended it, and an empty one
    /// while it runs. With an empty text it never tells a reason, which is what people have seen when the byte limit
    /// was reached (MicrosoftDocs/azure-docs issue 102124).
    StopReason(String),
    /// The URLs in the answer (`Azure-AsyncOperation`, `Location`, `nextLink`) point at this origin instead.
    SmuggleHost(String),
    /// Leaves this header out of the answer, such as `Azure-AsyncOperation`, which not every provider sends.
    WithoutHeader(String),
    /// Carries the request out and answers after an hour.
    Hang,
}

impl Effect {
    /// The effect's name, as in JSON.
    pub fn name(&self) -> &'static str {
        self.into()
    }
}

/// The effect of the first fault that strikes a request, if any.
pub(crate) fn find_effect(faults: &mut [Fault], service: Service, method: &Method, path: &str) -> Option<Effect> {
    faults
        .iter_mut()
        .filter(|fault| fault.matches(service, method, path))
        .find_map(|fault| fault.strikes_now().then(|| fault.effect.clone()))
}

fn internal_error() -> String {
    "InternalServerError".into()
}

mod method_text {
    use http::Method;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(method: &Option<Method>, serializer: S) -> Result<S::Ok, S::Error> {
        method.as_ref().map(Method::as_str).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Method>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|name| name.to_uppercase().parse().map_err(D::Error::custom)).transpose()
    }
}

mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(duration.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strikes(faults: &mut [Fault], path: &str) -> bool {
        find_effect(faults, Service::Arm, &Method::PUT, path).is_some()
    }

    #[test]
    fn a_fault_lets_some_pass_and_strikes_a_number_of_times() {
        let mut faults = [Fault::new(Effect::CutAfter).path("/PACKETcaptures/").skip(1).times(2)];
        assert!(!strikes(&mut faults, "/subscriptions"));
        let struck: Vec<bool> = (0..4).map(|_| strikes(&mut faults, "/a/packetCaptures/b")).collect();
        assert_eq!(struck, [false, true, true, false]);
    }

    #[test]
    fn a_fault_keeps_to_its_service_and_method() {
        let fault = Fault::new(Effect::Hang).service(Service::Blob).method(Method::GET);
        assert!(!fault.matches(Service::Arm, &Method::GET, "/"));
        assert!(!fault.matches(Service::Blob, &Method::HEAD, "/"));
        assert!(fault.matches(Service::Blob, &Method::GET, "/"));
    }

    #[test]
    fn faults_can_be_written_as_json() {
        let json = r#"{"service":"arm","method":"put","times":1,"effect":{"slow_operation":2.5}}"#;
        let fault: Fault = serde_json::from_str(json).unwrap();
        assert_eq!(fault.method, Some(Method::PUT));
        assert_eq!(fault.effect, Effect::SlowOperation(Duration::from_millis(2500)));
        let status: Effect = serde_json::from_str(r#"{"status":{"status":503}}"#).unwrap();
        assert_eq!(status.name(), "status");
        let silent: Effect = serde_json::from_str(r#"{"status_while_running":{}}"#).unwrap();
        assert_eq!(silent, Effect::StatusWhileRunning(serde_json::json!({})));
        assert!(serde_json::from_str::<Fault>(r#"{"effect":"hang","tims":1}"#).is_err());
    }
}
