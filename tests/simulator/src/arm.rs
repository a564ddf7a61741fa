//! Azure Resource Manager's front door: it checks the token and the api-version, throttles, finds out what a
//! request is about, and puts its own headers on every answer.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::answer::{self, Answer, ArmError};
use crate::api_version;
use crate::azure::Azure;
use crate::operation::Fate;
use crate::resource_path::ResourcePath;
use crate::token::{Audience, Refused, later};
use crate::world::{World, same};

/// A request that passed the door.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) now: Timestamp,
    pub(crate) request: &'a Request<Bytes>,
    /// What the answer's `x-ms-request-id` will say.
    pub(crate) request_id: String,
    pub(crate) path: ResourcePath,
    pub(crate) version: String,
    pub(crate) fate: Fate,
}

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Route {
    Subscription,
    ResourceGroup,
    VirtualMachines,
    VirtualMachine,
    ScaleSet,
    ScaleSetInstances,
    ScaleSetInstance,
    StorageAccount,
    Watchers,
    Watcher,
    Captures,
    Capture,
    StopCapture,
    QueryCaptureStatus,
    OperationStatus,
    OperationResult,
}

impl Route {
    fn find(path: &ResourcePath) -> Option<Route> {
        let rest = path.lower_rest();
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        let route = match (path.provider.as_deref(), &rest[..]) {
            (None, []) if path.group.is_none() => Route::Subscription,
            (None, []) => Route::ResourceGroup,
            (Some("microsoft.compute"), ["virtualmachines"]) => Route::VirtualMachines,
            (Some("microsoft.compute"), ["virtualmachines", _]) => Route::VirtualMachine,
            (Some("microsoft.compute"), ["virtualmachinescalesets", _]) => Route::ScaleSet,
            (Some("microsoft.compute"), ["virtualmachinescalesets", _, "virtualmachines"]) => Route::ScaleSetInstances,
            (Some("microsoft.compute"), ["virtualmachinescalesets", _, "virtualmachines", _]) => {
                Route::ScaleSetInstance
            }
            (Some("microsoft.storage"), ["storageaccounts", _]) => Route::StorageAccount,
            (Some("microsoft.network"), ["networkwatchers"]) => Route::Watchers,
            (Some("microsoft.network"), ["networkwatchers", _]) => Route::Watcher,
            (Some("microsoft.network"), ["networkwatchers", _, "packetcaptures"]) => Route::Captures,
            (Some("microsoft.network"), ["networkwatchers", _, "packetcaptures", _]) => Route::Capture,
            (Some("microsoft.network"), ["networkwatchers", _, "packetcaptures", _, "stop"]) => Route::StopCapture,
            (Some("microsoft.network"), ["networkwatchers", _, "packetcaptures", _, "querystatus"]) => {
                Route::QueryCaptureStatus
            }
            (Some("microsoft.network"), ["locations", _, "operations", _]) => Route::OperationStatus,
            (Some("microsoft.network"), ["locations", _, "operationresults", _]) => Route::OperationResult,
            _ => return None,
        };
        (path.group.is_some() != route.is_above_groups() || route.is_in_both()).then_some(route)
    }

    fn is_above_groups(self) -> bool {
        matches!(self, Route::Subscription | Route::OperationStatus | Route::OperationResult)
    }

    fn is_in_both(self) -> bool {
        matches!(self, Route::VirtualMachines | Route::Watchers)
    }

    fn methods(self) -> &'static [Method] {
        match self {
            Route::Capture => &[Method::GET, Method::PUT, Method::DELETE],
            Route::StopCapture | Route::QueryCaptureStatus => &[Method::POST],
            _ => &[Method::GET],
        }
    }

    /// The right that a request needs (azure-docs, network-watcher required-rbac-permissions).
    fn action(self, method: &Method) -> &'static str {
        match self {
            Route::Subscription => "Microsoft.Resources/subscriptions/read",
            Route::ResourceGroup => "Microsoft.Resources/subscriptions/resourceGroups/read",
            Route::VirtualMachines | Route::VirtualMachine => "Microsoft.Compute/virtualMachines/read",
            Route::ScaleSet => "Microsoft.Compute/virtualMachineScaleSets/read",
            Route::ScaleSetInstances | Route::ScaleSetInstance => {
                "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/read"
            }
            Route::StorageAccount => "Microsoft.Storage/storageAccounts/read",
            Route::Watchers | Route::Watcher => "Microsoft.Network/networkWatchers/read",
            Route::Capture if method == Method::PUT => "Microsoft.Network/networkWatchers/packetCaptures/write",
            Route::Capture if method == Method::DELETE => "Microsoft.Network/networkWatchers/packetCaptures/delete",
            Route::Captures | Route::Capture => "Microsoft.Network/networkWatchers/packetCaptures/read",
            Route::StopCapture => "Microsoft.Network/networkWatchers/packetCaptures/stop/action",
            Route::QueryCaptureStatus => "Microsoft.Network/networkWatchers/packetCaptures/queryStatus/action",
            Route::OperationStatus => "Microsoft.Network/locations/operations/read",
            Route::OperationResult => "Microsoft.Network/locations/operationResults/read",
        }
    }
}

impl Azure {
    pub(crate) fn answer_arm(&mut self, now: Timestamp, request: &Request<Bytes>, fate: Fate) -> Answer {
        let request_id = self.identifiers.guid();
        let mut answer = match self.tokens.check(request, Audience::Arm, now) {
            Err(refused) => token_refused(&self.world, refused, now),
            Ok(()) => self
                .admit(now, request, request_id.clone(), fate)
                .and_then(|(route, call)| self.answer_call(route, &call))
                .unwrap_or_else(ArmError::into_answer),
        };
        self.put_headers(&mut answer, now, request, &request_id);
        answer
    }

    fn admit<'a>(
        &mut self,
        now: Timestamp,
        request: &'a Request<Bytes>,
        request_id: String,
        fate: Fate,
    ) -> Result<(Route, Call<'a>), ArmError> {
        self.rates.throttle(&self.world, now)?;
        let unknown = || ArmError::not_found("InvalidResourceType", "The resource type could not be found.");
        let path = ResourcePath::parse(request.uri().path()).ok_or_else(unknown)?;
        let version = api_version::check(request, path.provider.as_deref())?;
        let route = Route::find(&path).ok_or_else(unknown)?;
        if !route.methods().contains(request.method()) {
            let message = format!("The requested resource does not support http method '{}'.", request.method());
            return Err(ArmError::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message));
        }
        self.check_scope(&path)?;
        self.check_rights(route.action(request.method()), request.uri().path())?;
        Ok((route, Call { now, request, request_id, path, version, fate }))
    }

    fn check_scope(&self, path: &ResourcePath) -> Result<(), ArmError> {
        if !self.world.has_subscription(&path.subscription) {
            let message = format!("The subscription '{}' could not be found.", path.subscription);
            return Err(ArmError::not_found("SubscriptionNotFound", message));
        }
        match &path.group {
            Some(group) if !self.world.has_resource_group(&path.subscription, group) => {
                let message = format!("Resource group '{group}' could not be found.");
                Err(ArmError::not_found("ResourceGroupNotFound", message))
            }
            _ => Ok(()),
        }
    }

    fn check_rights(&self, action: &str, scope: &str) -> Result<(), ArmError> {
        if !self.world.denied_actions.iter().any(|denied| same(denied, action)) {
            return Ok(());
        }
        let client = &self.world.client_id;
        let message = format!(
            "The client '{client}' with object id '{client}' does not have authorization to perform action '{action}' \
             over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your \
             credentials."
        );
        Err(ArmError::new(StatusCode::FORBIDDEN, "AuthorizationFailed", message))
    }

    fn answer_call(&mut self, route: Route, call: &Call) -> Result<Answer, ArmError> {
        match route {
            Route::Subscription => Ok(subscription(call)),
            Route::ResourceGroup => Ok(resource_group(call)),
            Route::VirtualMachines => Ok(self.list_virtual_machines(call)),
            Route::VirtualMachine => self.get_virtual_machine(call),
            Route::ScaleSet => self.get_scale_set(call),
            Route::ScaleSetInstances => self.list_scale_set_instances(call),
            Route::ScaleSetInstance => self.get_scale_set_instance(call),
            Route::StorageAccount => self.get_storage_account(call),
            Route::Watchers => Ok(self.list_watchers(call)),
            Route::Watcher => self.get_watcher(call),
            Route::Captures => self.list_captures(call),
            Route::Capture => match *call.request.method() {
                Method::PUT => self.create_capture(call),
                Method::DELETE => self.delete_capture(call),
                _ => self.get_capture(call),
            },
            Route::StopCapture => self.stop_capture(call),
            Route::QueryCaptureStatus => self.query_capture_status(call),
            Route::OperationStatus => self.operation_status(call),
            Route::OperationResult => self.operation_result(call),
        }
    }

    /// A list, or the page of it that `$skiptoken` names.
    pub(crate) fn page(&self, call: &Call, items: Vec<Value>, size: Option<usize>) -> Answer {
        let start = answer::query(call.request, "$skiptoken").and_then(|token| token.parse().ok()).unwrap_or(0);
        let size = size.unwrap_or(usize::MAX).max(1);
        let total = items.len();
        let page: Vec<Value> = items.into_iter().skip(start).take(size).collect();
        let end = start.saturating_add(page.len());
        let mut body = json!({ "value": page });
        if end < total {
            let path = call.request.uri().path();
            let link = format!("{}{path}?api-version={}&%24skiptoken={end}", self.world.urls.arm, call.version);
            body["nextLink"] = json!(link);
        }
        answer::json(StatusCode::OK, &body)
    }

    fn put_headers(&mut self, answer: &mut Answer, now: Timestamp, request: &Request<Bytes>, request_id: &str) {
        let correlation = answer::header(request, "x-ms-correlation-request-id").map(String::from);
        let correlation = correlation.unwrap_or_else(|| self.identifiers.guid());
        let routing = format!("WESTEUROPE:{}:{}", now.strftime("%Y%m%dT%H%M%SZ"), self.identifiers.guid());
        answer::set(answer, "date", &now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
        answer::set(answer, "x-ms-request-id", request_id);
        answer::set(answer, "x-ms-correlation-request-id", &correlation);
        answer::set(answer, "x-ms-routing-request-id", &routing);
        let (kind, left) = self.rates.spend(request.method(), now);
        answer.headers_mut().insert(kind, HeaderValue::from(left));
        let wants_echo = answer::header(request, "x-ms-return-client-request-id")
            .is_some_and(|wanted| wanted.eq_ignore_ascii_case("true"));
        if let (true, Some(id)) = (wants_echo, request.headers().get("x-ms-client-request-id")) {
            answer.headers_mut().insert("x-ms-client-request-id", id.clone());
        }
    }
}

/// What has been spent of the subscription's budget, which is made up every hour.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    hour_began: Option<Timestamp>,
    reads: u32,
    writes: u32,
    deletes: u32,
    window_began: Option<Timestamp>,
    in_window: u32,
}

impl Rates {
    fn throttle(&mut self, world: &World, now: Timestamp) -> Result<(), ArmError> {
        let Some(throttle) = world.throttle else { return Ok(()) };
        let ends = self.window_began.map(|began| later(began, throttle.window)).filter(|ends| now < *ends);
        let Some(ends) = ends else {
            self.window_began = Some(now);
            self.in_window = 1;
            return Ok(());
        };
        if self.in_window < throttle.requests {
            self.in_window += 1;
            return Ok(());
        }
        let seconds = ends.duration_since(now).as_secs_f64().ceil().max(1.0);
        let message = "The request is being throttled.";
        Err(ArmError::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message).retry_after(seconds as u64))
    }

    /// Counts a request; gives the header that tells what is left of its kind, and how much that is.
    fn spend(&mut self, method: &Method, now: Timestamp) -> (&'static str, u32) {
        let hour = Duration::from_secs(3600);
        if self.hour_began.is_none_or(|began| later(began, hour) <= now) {
            self.hour_began = Some(now);
            (self.reads, self.writes, self.deletes) = (0, 0, 0);
        }
        let (header, spent, budget) = match *method {
            Method::GET | Method::HEAD => ("x-ms-ratelimit-remaining-subscription-reads", &mut self.reads, 12_000),
            Method::DELETE => ("x-ms-ratelimit-remaining-subscription-deletes", &mut self.deletes, 15_000),
            _ => ("x-ms-ratelimit-remaining-subscription-writes", &mut self.writes, 1_200),
        };
        *spent = spent.saturating_add(1);
        (header, u32::saturating_sub(budget, *spent))
    }
}

/// The 401 that says why a token is not accepted.
pub(crate) fn token_refused(world: &World, refused: Refused, now: Timestamp) -> Answer {
    let (code, message) = match refused {
        Refused::Missing => {
            ("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.".to_owned())
        }
        Refused::NotBearer => (
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is provided in an invalid format.".to_owned(),
        ),
        Refused::Unknown => ("InvalidAuthenticationToken", "The access token is invalid.".to_owned()),
        Refused::Expired(expired) => (
            "ExpiredAuthenticationToken",
            format!(
                "The access token expiry UTC time '{}' is earlier than current UTC time '{}'.",
                expired.strftime("%-m/%-d/%Y %-I:%M:%S %p"),
                now.strftime("%-m/%-d/%Y %-I:%M:%S %p")
            ),
        ),
        Refused::WrongAudience(audience) => (
            "InvalidAuthenticationTokenAudience",
            format!(
                "The access token has been obtained for wrong audience or resource '{audience}'. It should exactly \
                 match with one of the allowed audiences 'https://management.azure.com'."
            ),
        ),
    };
    let mut answer = ArmError::new(StatusCode::UNAUTHORIZED, code, message).into_answer();
    let challenge = format!(
        "Bearer authorization_uri=\"{}/{}\", error=\"invalid_token\", error_description=\"{code}\"",
        world.urls.authority, world.tenant_id
    );
    answer::set(&mut answer, "www-authenticate", &challenge);
    answer
}

/// The refusal of a resource that is not there.
pub(crate) fn resource_not_found(call: &Call) -> ArmError {
    let kind = call.path.provider.as_deref().unwrap_or_default();
    let group = call.path.group.as_deref().unwrap_or_default();
    let message =
        format!("The Resource '{kind}/{}' under resource group '{group}' was not found.", call.path.rest.join("/"));
    ArmError::not_found("ResourceNotFound", message)
}

fn subscription(call: &Call) -> Answer {
    let id = &call.path.subscription;
    let body = json!({
        "id": format!("/subscriptions/{id}"),
        "subscriptionId": id,
        "displayName": "Simulated subscription",
        "state": "Enabled",
    });
    answer::json(StatusCode::OK, &body)
}

fn resource_group(call: &Call) -> Answer {
    let group = call.path.group.as_deref().unwrap_or_default();
    let body = json!({
        "id": format!("/subscriptions/{}/resourceGroups/{group}", call.path.subscription),
        "name": group,
        "type": "Microsoft.Resources/resourceGroups",
        "properties": { "provisioningState": "Succeeded" },
    });
    answer::json(StatusCode::OK, &body)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::testing::{Play, code, json, sample_vm};
    use crate::{Service, Throttle, World};

    const ARM: &str = "https://management.azure.com";

    #[test]
    fn a_token_is_needed_fresh_and_for_arm() {
        let mut play = Play::new(World::sample);
        let url = format!("{ARM}{}?api-version=2024-07-01", sample_vm());
        let without = play.send(Service::Arm, "GET", &url, &[], "");
        assert_eq!((without.status().as_u16(), code(&without)), (401, "AuthenticationFailed".into()));
        let unknown = play.send(Service::Arm, "GET", &url, &[("authorization", "Bearer made-up")], "");
        assert_eq!((unknown.status().as_u16(), code(&unknown)), (401, "InvalidAuthenticationToken".into()));
        let storage = format!("Bearer {}", play.storage_token());
        let wrong = play.send(Service::Arm, "GET", &url, &[("authorization", &storage)], "");
        assert_eq!((wrong.status().as_u16(), code(&wrong)), (401, "InvalidAuthenticationTokenAudience".into()));

        assert_eq!(play.arm("GET", &url, "").status(), 200);
        play.pass(3599);
        let late = play.arm("GET", &url, "");
        assert_eq!((late.status().as_u16(), code(&late)), (401, "ExpiredAuthenticationToken".into()));
        assert!(late.headers().contains_key("www-authenticate"));
    }

    #[test]
    fn all_tokens_can_be_made_to_expire() {
        let mut play = Play::new(World::sample);
        let url = format!("{ARM}{}?api-version=2024-07-01", sample_vm());
        assert_eq!(play.arm("GET", &url, "").status(), 200);
        play.azure.expire_tokens();
        assert_eq!(code(&play.arm("GET", &url, "")), "ExpiredAuthenticationToken");
    }

    #[test]
    fn the_api_version_must_be_one_that_the_provider_has() {
        let mut play = Play::new(World::sample);
        let missing = play.arm("GET", &format!("{ARM}{}", sample_vm()), "");
        assert_eq!((missing.status().as_u16(), code(&missing)), (400, "MissingApiVersionParameter".into()));
        let network = play.arm("GET", &format!("{ARM}{}?api-version=2025-05-01", sample_vm()), "");
        assert_eq!((network.status().as_u16(), code(&network)), (400, "NoRegisteredProviderFound".into()));
    }

    #[test]
    fn what_is_not_there_is_named_by_its_kind() {
        let mut play = Play::new(World::sample);
        let machine = "providers/Microsoft.Compute/virtualMachines";
        let cases = [
            (format!("/subscriptions/other/resourceGroups/a/{machine}/b"), "SubscriptionNotFound"),
            (format!("/subscriptions/{}/resourceGroups/a/{machine}/b", crate::SUBSCRIPTION), "ResourceGroupNotFound"),
            (format!("/subscriptions/{}/resourceGroups/TEST-rg/{machine}/b", crate::SUBSCRIPTION), "ResourceNotFound"),
        ];
        for (path, wanted) in cases {
            let answer = play.arm("GET", &format!("{ARM}{path}?api-version=2024-07-01"), "");
            assert_eq!((answer.status().as_u16(), code(&answer).as_str()), (404, wanted), "{path}");
        }
        let wrong_method = play.arm("POST", &format!("{ARM}{}?api-version=2024-07-01", sample_vm()), "");
        assert_eq!(wrong_method.status(), 405);
    }

    #[test]
    fn a_missing_right_is_refused_with_its_action() {
        let mut play = Play::new(World::sample);
        play.azure.world_mut().denied_actions = vec!["microsoft.compute/VIRTUALMACHINES/read".into()];
        let answer = play.arm("GET", &format!("{ARM}{}?api-version=2024-07-01", sample_vm()), "");
        assert_eq!((answer.status().as_u16(), code(&answer)), (403, "AuthorizationFailed".into()));
        assert!(json(&answer)["error"]["message"].as_str().unwrap().contains("Microsoft.Compute/virtualMachines/read"));
    }

    #[test]
    fn every_answer_says_who_asked_and_what_is_left() {
        let mut play = Play::new(World::sample);
        let url = format!("{ARM}{}?api-version=2024-07-01", sample_vm());
        let token = format!("Bearer {}", play.arm_token());
        let headers = [
            ("authorization", token.as_str()),
            ("x-ms-client-request-id", "abc"),
            ("x-ms-return-client-request-id", "true"),
        ];
        let left = |answer: &crate::answer::Answer| -> u32 {
            answer.headers()["x-ms-ratelimit-remaining-subscription-reads"].to_str().unwrap().parse().unwrap()
        };
        let first = play.send(Service::Arm, "GET", &url, &headers, "");
        let second = play.send(Service::Arm, "GET", &url, &headers[..2], "");
        assert_eq!(first.headers()["x-ms-client-request-id"], "abc");
        assert!(!second.headers().contains_key("x-ms-client-request-id"));
        assert_eq!(left(&first), left(&second) + 1);
        for name in ["x-ms-request-id", "x-ms-correlation-request-id", "x-ms-routing-request-id"] {
            assert_ne!(first.headers()[name], second.headers()[name], "{name}");
        }
    }

    #[test]
    fn beyond_the_rate_requests_wait() {
        let mut play = Play::new(World::sample);
        play.azure.world_mut().throttle = Some(Throttle { requests: 2, window: Duration::from_secs(10) });
        let url = format!("{ARM}{}?api-version=2024-07-01", sample_vm());
        assert_eq!(play.arm("GET", &url, "").status(), 200);
        play.pass(4);
        assert_eq!(play.arm("GET", &url, "").status(), 200);
        let refused = play.arm("GET", &url, "");
        assert_eq!((refused.status().as_u16(), code(&refused)), (429, "TooManyRequests".into()));
        assert_eq!(refused.headers()["retry-after"], "6");
        play.pass(6);
        assert_eq!(play.arm("GET", &url, "").status(), 200);
    }
}
