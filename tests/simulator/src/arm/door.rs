//! Azure Resource Manager's front door: it checks the token, the api-version, the scope and the rights, throttles,
//! hands a request to what it is about, and puts its own headers on every answer.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode};
use jiff::Timestamp;

use crate::answer::{self, Answer};
use crate::arm::call::Call;
use crate::arm::packet_capture::{create, session};
use crate::arm::resource_path::ResourcePath;
use crate::arm::route::Route;
use crate::arm::{
    api_version, compute, extension, network_interface, network_watcher, operation, permissions, public_ip_address,
    storage_account, subscription,
};
use crate::error::ArmError;
use crate::fault::Effect;
use crate::resource_id::same;
use crate::state::State;
use crate::time::http_date;
use crate::token::{Audience, Refused};
use crate::world::inventory::World;

pub(crate) fn answer(state: &mut State, now: Timestamp, request: &Request<Bytes>, effect: Option<&Effect>) -> Answer {
    let request_id = state.identifiers.guid();
    extension::carry_out_what_is_due(state, now);
    let mut answer = match state.tokens.check(request, Audience::Arm, now) {
        Err(refused) => token_refused(&state.world, refused, now),
        Ok(()) => admit(state, now, request, request_id.clone(), effect)
            .and_then(|(route, call)| dispatch(state, route, &call))
            .unwrap_or_else(ArmError::into_answer),
    };
    put_headers(state, &mut answer, now, request, &request_id);
    answer
}

fn admit<'a>(
    state: &mut State,
    now: Timestamp,
    request: &'a Request<Bytes>,
    request_id: String,
    effect: Option<&'a Effect>,
) -> Result<(Route, Call<'a>), ArmError> {
    if let Some(throttle) = &state.world.throttle {
        state.rates.check(throttle, now)?;
    }
    let unknown = || ArmError::not_found("InvalidResourceType", "The resource type could not be found.");
    let path = ResourcePath::parse(request.uri().path()).ok_or_else(unknown)?;
    let version = api_version::check(request, &path)?;
    let route = Route::find(&path).ok_or_else(unknown)?;
    if !route.methods().contains(request.method()) {
        let message = format!("The requested resource does not support http method '{}'.", request.method());
        return Err(ArmError::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message));
    }
    if route != Route::Subscriptions {
        check_scope(&state.world, &path)?;
    }
    check_rights(&state.world, route.action(request.method()), request.uri().path())?;
    Ok((route, Call { now, request, request_id, path, version, effect }))
}

fn check_scope(world: &World, path: &ResourcePath) -> Result<(), ArmError> {
    if !world.has_subscription(&path.subscription) {
        let message = format!("The subscription '{}' could not be found.", path.subscription);
        return Err(ArmError::not_found("SubscriptionNotFound", message));
    }
    match &path.group {
        Some(group) if !world.has_resource_group(&path.subscription, group) => {
            let message = format!("Resource group '{group}' could not be found.");
            Err(ArmError::not_found("ResourceGroupNotFound", message))
        }
        _ => Ok(()),
    }
}

fn check_rights(world: &World, action: &str, scope: &str) -> Result<(), ArmError> {
    if !world.denied_actions.iter().any(|denied| same(denied, action)) {
        return Ok(());
    }
    let client = &world.client_id;
    let message = format!(
        "The client '{client}' with object id '{client}' does not have authorization to perform action '{action}' \
         over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your \
         credentials."
    );
    Err(ArmError::new(StatusCode::FORBIDDEN, "AuthorizationFailed", message))
}

fn dispatch(state: &mut State, route: Route, call: &Call) -> Result<Answer, ArmError> {
    match route {
        Route::Subscriptions => Ok(subscription::list(state, call)),
        Route::Subscription => Ok(subscription::get(call)),
        Route::ResourceGroup => Ok(subscription::get_group(call)),
        Route::VirtualMachines => Ok(compute::list_virtual_machines(state, call)),
        Route::VirtualMachine => compute::get_virtual_machine(state, call),
        Route::VirtualMachineExtension => extension::put_on_machine(state, call),
        Route::ScaleSetExtension => extension::put_into_scale_set(state, call),
        Route::ScaleSetInstanceExtension => extension::put_on_instance(state, call),
        Route::UpgradeScaleSetInstances => extension::upgrade_instances(state, call),
        Route::ScaleSets => Ok(compute::list_scale_sets(state, call)),
        Route::ScaleSet => compute::get_scale_set(state, call),
        Route::ScaleSetInstances => compute::list_scale_set_instances(state, call),
        Route::ScaleSetInstance => compute::get_scale_set_instance(state, call),
        Route::ScaleSetNetworkInterface => network_interface::get_of_scale_set(state, call),
        Route::NetworkInterface => network_interface::get(state, call),
        Route::PublicIpAddress => public_ip_address::get(state, call),
        Route::StorageAccount => storage_account::get(state, call),
        Route::Permissions => Ok(permissions::list(state)),
        Route::Watchers => Ok(network_watcher::list(state, call)),
        Route::Watcher => network_watcher::get(state, call),
        Route::Captures => session::list(state, call),
        Route::Capture => match *call.request.method() {
            Method::PUT => create::create(state, call),
            Method::DELETE => session::delete(state, call),
            _ => session::get(state, call),
        },
        Route::StopCapture => session::stop(state, call),
        Route::QueryCaptureStatus => session::query_status(state, call),
        Route::OperationStatus => operation::get_status(state, call),
        Route::OperationResult => operation::get_result(state, call),
    }
}

fn put_headers(state: &mut State, answer: &mut Answer, now: Timestamp, request: &Request<Bytes>, request_id: &str) {
    let correlation = answer::header(request, "x-ms-correlation-request-id").map(String::from);
    let correlation = correlation.unwrap_or_else(|| state.identifiers.guid());
    let routing = format!("WESTEUROPE:{}:{}", now.strftime("%Y%m%dT%H%M%SZ"), state.identifiers.guid());
    answer::set(answer, "date", &http_date(now));
    answer::set(answer, "x-ms-request-id", request_id);
    answer::set(answer, "x-ms-correlation-request-id", &correlation);
    answer::set(answer, "x-ms-routing-request-id", &routing);
    let (kind, left) = state.rates.spend(request.method(), now);
    answer.headers_mut().insert(kind, HeaderValue::from(left));
    let wants_echo = answer::header(request, "x-ms-return-client-request-id")
        .is_some_and(|wanted| wanted.eq_ignore_ascii_case("true"));
    if let (true, Some(id)) = (wants_echo, request.headers().get("x-ms-client-request-id")) {
        answer.headers_mut().insert("x-ms-client-request-id", id.clone());
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::testing::{Client, code, json, sample_vm};
    use crate::{Service, Throttle, World};

    const ARM: &str = "https://management.azure.com";

    #[test]
    fn a_token_is_needed_fresh_and_for_arm() {
        let mut client = Client::new(World::sample);
        let url = format!("{ARM}{}?api-version=2024-07-01", sample_vm());
        let without = client.send(Service::Arm, "GET", &url, &[], "");
        assert_eq!((without.status().as_u16(), code(&without)), (401, "AuthenticationFailed".into()));
        let unknown = client.send(Service::Arm, "GET", &url, &[("authorization", "Bearer made-up")], "");
        assert_eq!((unknown.status().as_u16(), code(&unknown)), (401, "InvalidAuthenticationToken".into()));
        let storage = format!("Bearer {}", client.storage_token());
        let wrong = client.send(Service::Arm, "GET", &url, &[("authorization", &storage)], "");
        assert_eq!((wrong.status().as_u16(), code(&wrong)), (401, "InvalidAuthenticationTokenAudience".into()));

        assert_eq!(client.arm("GET", &url, "").status(), 200);
        client.pass(3599);
        let late = client.arm("GET", &url, "");
        assert_eq!((late.status().as_u16(), code(&late)), (401, "ExpiredAuthenticationToken".into()));
        assert!(late.headers().contains_key("www-authenticate"));
    }

    #[test]
    fn all_tokens_can_be_made_to_expire() {
        let mut client = Client::new(World::sample);
        let url = format!("{ARM}{}?api-version=2024-07-01", sample_vm());
        assert_eq!(client.arm("GET", &url, "").status(), 200);
        client.azure.expire_tokens();
        assert_eq!(code(&client.arm("GET", &url, "")), "ExpiredAuthenticationToken");
    }

    #[test]
    fn the_api_version_must_be_one_that_the_provider_has() {
        let mut client = Client::new(World::sample);
        let missing = client.arm("GET", &format!("{ARM}{}", sample_vm()), "");
        assert_eq!((missing.status().as_u16(), code(&missing)), (400, "MissingApiVersionParameter".into()));
        let network = client.arm("GET", &format!("{ARM}{}?api-version=2025-05-01", sample_vm()), "");
        assert_eq!((network.status().as_u16(), code(&network)), (400, "NoRegisteredProviderFound".into()));
    }

    #[test]
    fn what_is_not_there_is_named_by_its_kind() {
        let mut client = Client::new(World::sample);
        let machine = "providers/Microsoft.Compute/virtualMachines";
        let cases = [
            (format!("/subscriptions/other/resourceGroups/a/{machine}/b"), "SubscriptionNotFound"),
            (format!("/subscriptions/{}/resourceGroups/a/{machine}/b", crate::SUBSCRIPTION), "ResourceGroupNotFound"),
            (format!("/subscriptions/{}/resourceGroups/TEST-rg/{machine}/b", crate::SUBSCRIPTION), "ResourceNotFound"),
        ];
        for (path, wanted) in cases {
            let answer = client.arm("GET", &format!("{ARM}{path}?api-version=2024-07-01"), "");
            assert_eq!((answer.status().as_u16(), code(&answer).as_str()), (404, wanted), "{path}");
        }
        let wrong_method = client.arm("POST", &format!("{ARM}{}?api-version=2024-07-01", sample_vm()), "");
        assert_eq!(wrong_method.status(), 405);
    }

    #[test]
    fn a_missing_right_is_refused_with_its_action() {
        let mut client = Client::new(World::sample);
        client.azure.world_mut().denied_actions = vec!["microsoft.compute/VIRTUALMACHINES/read".into()];
        let answer = client.arm("GET", &format!("{ARM}{}?api-version=2024-07-01", sample_vm()), "");
        assert_eq!((answer.status().as_u16(), code(&answer)), (403, "AuthorizationFailed".into()));
        assert!(json(&answer)["error"]["message"].as_str().unwrap().contains("Microsoft.Compute/virtualMachines/read"));
    }

    #[test]
    fn every_answer_says_who_asked_and_what_is_left() {
        let mut client = Client::new(World::sample);
        let url = format!("{ARM}{}?api-version=2024-07-01", sample_vm());
        let token = format!("Bearer {}", client.arm_token());
        let headers = [
            ("authorization", token.as_str()),
            ("x-ms-client-request-id", "abc"),
            ("x-ms-return-client-request-id", "true"),
        ];
        let left = |answer: &crate::answer::Answer| -> u32 {
            answer.headers()["x-ms-ratelimit-remaining-subscription-reads"].to_str().unwrap().parse().unwrap()
        };
        let first = client.send(Service::Arm, "GET", &url, &headers, "");
        let second = client.send(Service::Arm, "GET", &url, &headers[..2], "");
        assert_eq!(first.headers()["x-ms-client-request-id"], "abc");
        assert!(!second.headers().contains_key("x-ms-client-request-id"));
        assert_eq!(left(&first), left(&second) + 1);
        for name in ["x-ms-request-id", "x-ms-correlation-request-id", "x-ms-routing-request-id"] {
            assert_ne!(first.headers()[name], second.headers()[name], "{name}");
        }
    }

    #[test]
    fn beyond_the_rate_requests_wait() {
        let mut client = Client::new(World::sample);
        client.azure.world_mut().throttle = Some(Throttle { requests: 2, window: Duration::from_secs(10) });
        let url = format!("{ARM}{}?api-version=2024-07-01", sample_vm());
        assert_eq!(client.arm("GET", &url, "").status(), 200);
        client.pass(4);
        assert_eq!(client.arm("GET", &url, "").status(), 200);
        let refused = client.arm("GET", &url, "");
        assert_eq!((refused.status().as_u16(), code(&refused)), (429, "TooManyRequests".into()));
        assert_eq!(refused.headers()["retry-after"], "6");
        client.pass(6);
        assert_eq!(client.arm("GET", &url, "").status(), 200);
    }
}
