//! Where managed identities get their tokens: the Instance Metadata Service of a virtual machine (entra-docs,
//! managed-identities/how-to-use-vm-token), and the endpoint of App Service and Container Apps (azure-docs,
//! container-apps/managed-identity), which takes a header that only the app knows.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use jiff::Timestamp;
use serde_json::json;

use crate::answer::{self, Answer};
use crate::entra::resource_audience;
use crate::resource_id::same;
use crate::state::State;
use crate::time::later;
use crate::world::inventory::World;

/// A refusal, as `error` and `error_description`.
struct Refusal(StatusCode, &'static str, &'static str);

/// What differs between the two.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Metadata,
    App,
}

pub(crate) fn answer(state: &mut State, now: Timestamp, request: &Request<Bytes>) -> Answer {
    match token(state, now, request) {
        Ok(answer) => answer,
        Err(Refusal(status, error, description)) => {
            answer::json(status, &json!({"error": error, "error_description": description}))
        }
    }
}

fn token(state: &mut State, now: Timestamp, request: &Request<Bytes>) -> Result<Answer, Refusal> {
    let refuse = |error, description| Err(Refusal(StatusCode::BAD_REQUEST, error, description));
    let (place, version) = match request.uri().path() {
        "/metadata/identity/oauth2/token" => (Place::Metadata, "2018-02-01"),
        "/msi/token" => (Place::App, "2019-08-01"),
        _ => return Ok(answer::html(StatusCode::NOT_FOUND)),
    };
    if request.method() != Method::GET {
        return Ok(answer::empty(StatusCode::METHOD_NOT_ALLOWED));
    }
    check_caller(&state.world, place, request)?;
    let query = request.uri().query().unwrap_or_default();
    let query: HashMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    if query.get("api-version").is_none_or(|given| given != version) {
        return refuse("bad_request_100", "The api-version is missing or not supported");
    }
    let Some(resource) = query.get("resource").filter(|resource| !resource.is_empty()) else {
        return refuse("bad_request_101", "Required query variable 'resource' is missing");
    };
    let Some(audience) = resource_audience(&state.world, resource) else {
        return refuse("invalid_resource", "AADSTS500011: The resource principal was not found in the tenant");
    };
    let client = match query.get("client_id") {
        Some(wanted) => state.world.managed_identities.iter().find(|(client, _)| same(client, wanted)),
        None => state.world.managed_identities.iter().find(|(_, is_system_assigned)| *is_system_assigned),
    };
    let Some((client, _)) = client.cloned() else { return refuse("invalid_request", "Identity not found") };
    let seconds = state.world.timing.token_seconds;
    let expires = later(now, Duration::from_secs(seconds));
    let token = state.tokens.issue(&mut state.identifiers, audience, resource, expires);
    let mut body = json!({
        "access_token": token,
        "client_id": client,
        "expires_on": expires.as_second().to_string(),
        "resource": resource,
        "token_type": "Bearer",
    });
    if place == Place::Metadata {
        body["expires_in"] = seconds.to_string().into();
        body["ext_expires_in"] = seconds.to_string().into();
        body["not_before"] = now.as_second().to_string().into();
    }
    Ok(answer::json(StatusCode::OK, &body))
}

/// Only what runs on the machine or in the app may ask, and not through a proxy.
fn check_caller(world: &World, place: Place, request: &Request<Bytes>) -> Result<(), Refusal> {
    let header = |name| answer::header(request, name);
    match place {
        Place::Metadata if header("metadata").is_none_or(|value| !value.eq_ignore_ascii_case("true")) => {
            Err(Refusal(StatusCode::BAD_REQUEST, "bad_request_102", "Required metadata header not specified"))
        }
        Place::Metadata if header("x-forwarded-for").is_some() => {
            Err(Refusal(StatusCode::BAD_REQUEST, "bad_request", "Requests through a proxy are not answered"))
        }
        Place::App if header("x-identity-header").is_none_or(|value| value != world.identity_header) => {
            Err(Refusal(StatusCode::UNAUTHORIZED, "unauthorized", "The identity header is missing or wrong"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Client, json};
    use crate::{IDENTITY_HEADER, MANAGED_IDENTITY, Service, World};

    const MACHINE: &str = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01";
    const APP: &str = "http://localhost:42356/msi/token?api-version=2019-08-01";
    const ARM: &str = "&resource=https%3A%2F%2Fmanagement.azure.com";

    fn ask(url: &str, headers: &[(&str, &str)]) -> (u16, serde_json::Value) {
        let answer = Client::new(World::sample).send(Service::Identity, "GET", url, headers, "");
        (answer.status().as_u16(), json(&answer))
    }

    #[test]
    fn who_runs_there_gets_a_token_whose_numbers_are_texts() {
        for (url, header) in [(MACHINE, ("metadata", "true")), (APP, ("x-identity-header", IDENTITY_HEADER))] {
            for client in ["".to_owned(), format!("&client_id={MANAGED_IDENTITY}")] {
                let (status, body) = ask(&format!("{url}{ARM}{client}"), &[header]);
                assert_eq!(status, 200, "{body}");
                assert!(body["expires_on"].is_string() && body["client_id"] == MANAGED_IDENTITY, "{body}");
            }
        }
    }

    #[test]
    fn everybody_else_gets_none() {
        let metadata = ("metadata", "true");
        for (url, headers, status, error) in [
            (format!("{MACHINE}{ARM}"), vec![], 400, "bad_request_102"),
            (format!("{MACHINE}{ARM}"), vec![metadata, ("x-forwarded-for", "10.0.0.1")], 400, "bad_request"),
            (MACHINE.to_owned(), vec![metadata], 400, "bad_request_101"),
            (format!("{MACHINE}&resource=https://foo.example"), vec![metadata], 400, "invalid_resource"),
            (format!("{MACHINE}{ARM}&client_id=another"), vec![metadata], 400, "invalid_request"),
            (format!("{APP}{ARM}"), vec![("x-identity-header", "guessed")], 401, "unauthorized"),
        ] {
            let (answered, body) = ask(&url, &headers);
            assert_eq!((answered, &body["error"]), (status, &error.into()), "{url}");
        }
    }
}
