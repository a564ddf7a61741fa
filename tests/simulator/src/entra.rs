//! Microsoft Entra's token endpoint, version 2.0, for client credentials with a secret or with a token of an issuer that the
//! application trusts (entra-docs, v2-oauth2-client-creds-grant-flow).

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use jiff::Timestamp;
use serde_json::json;

use crate::answer::{self, Answer};
use crate::resource_id::same;
use crate::signed_token;
use crate::state::State;
use crate::time::later;
use crate::token::Audience;
use crate::world::inventory::World;

const STORAGE: &str = "https://storage.azure.com";
const PUBLIC_ARM: [&str; 2] = ["https://management.azure.com", "https://management.core.windows.net"];

/// A refusal in OAuth's words and Entra's (entra-docs, reference-error-codes).
struct Refusal {
    /// The digits after `AADSTS`.
    number: u32,
    error: &'static str,
    status: StatusCode,
    message: String,
}

fn refuse<T>(number: u32, error: &'static str, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { number, error, status: StatusCode::BAD_REQUEST, message: message.into() })
}

pub(crate) fn answer(state: &mut State, now: Timestamp, request: &Request<Bytes>) -> Answer {
    match token(state, now, request) {
        Ok(answer) => answer,
        Err(refusal) => refused(state, now, refusal),
    }
}

fn token(state: &mut State, now: Timestamp, request: &Request<Bytes>) -> Result<Answer, Refusal> {
    let path: Vec<&str> = request.uri().path().trim_start_matches('/').split('/').collect();
    if let [tenant, "discovery", "v2.0", "keys"] = path[..] {
        check_tenant(&state.world, tenant)?;
        return Ok(signed_token::published(&state.world));
    }
    let [tenant, "oauth2", "v2.0", "token"] = path[..] else {
        return Ok(answer::html(StatusCode::NOT_FOUND));
    };
    if request.method() != Method::POST {
        return refuse(900_561, "invalid_request", "The endpoint only accepts POST requests.");
    }
    let is_form = answer::header(request, "content-type")
        .is_some_and(|kind| kind.to_lowercase().starts_with("application/x-www-form-urlencoded"));
    if !is_form {
        return refuse(900_144, "invalid_request", "The request body must be a form.");
    }
    let form: HashMap<String, String> = form_urlencoded::parse(request.body()).into_owned().collect();
    check_tenant(&state.world, tenant)?;
    check_client(&state.world, &form, tenant)?;
    let scope = parameter(&form, "scope")?;
    let audience = audience(&state.world, scope)?;
    Ok(issue(state, now, audience, scope))
}

fn check_tenant(world: &World, tenant: &str) -> Result<(), Refusal> {
    if same(tenant, &world.tenant_id) {
        return Ok(());
    }
    refuse(90_002, "invalid_request", format!("Tenant '{tenant}' not found. Check that it has the right id."))
}

fn check_client(world: &World, form: &HashMap<String, String>, tenant: &str) -> Result<(), Refusal> {
    let grant_type = parameter(form, "grant_type")?;
    if grant_type != "client_credentials" {
        let message = format!("The app requested an unsupported grant type '{grant_type}'.");
        return refuse(70_003, "unsupported_grant_type", message);
    }
    let client = parameter(form, "client_id")?;
    if !same(client, &world.client_id) {
        let message = format!("Application with identifier '{client}' was not found in the directory '{tenant}'.");
        return refuse(700_016, "unauthorized_client", message);
    }
    if let Some(assertion) = form.get("client_assertion") {
        return check_assertion(world, form, assertion);
    }
    let (number, message) = match form.get("client_secret") {
        Some(secret) if *secret == world.client_secret => return Ok(()),
        Some(_) => (7_000_215, format!("Invalid client secret provided for app '{client}'.")),
        None => (7_000_216, "'client_assertion' or 'client_secret' is required.".to_owned()),
    };
    Err(Refusal { number, error: "invalid_client", status: StatusCode::UNAUTHORIZED, message })
}

fn check_assertion(world: &World, form: &HashMap<String, String>, assertion: &str) -> Result<(), Refusal> {
    if parameter(form, "client_assertion_type")? != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
        return refuse(900_021, "invalid_request", "The client assertion's type is not supported.");
    }
    let (number, error, message) = match &world.federated_token {
        Some(token) if token == assertion => return Ok(()),
        Some(_) => (700_024, "invalid_client", "Client assertion is not within its valid time range."),
        None => (700_213, "invalid_request", "No matching federated identity record found for presented assertion."),
    };
    Err(Refusal { number, error, status: StatusCode::UNAUTHORIZED, message: message.to_owned() })
}

/// `scope` is one resource followed by `/.default`.
fn audience(world: &World, scope: &str) -> Result<Audience, Refusal> {
    let Some(resource) = scope.strip_suffix("/.default").filter(|resource| !resource.contains(' ')) else {
        let message =
            format!("The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid.");
        return refuse(70_011, "invalid_scope", message);
    };
    // A version 1 resource may end with a slash of its own, which then stands before `/.default`.
    let resource = resource.trim_end_matches('/');
    let Some(audience) = resource_audience(world, resource) else {
        let message = format!("The resource principal named {resource} was not found in the tenant.");
        return refuse(500_011, "invalid_resource", message);
    };
    Ok(audience)
}

/// What a token for a resource is good for; `None` for one that nobody here knows.
pub(crate) fn resource_audience(world: &World, resource: &str) -> Option<Audience> {
    let is_arm = same(resource, &world.urls.arm) || PUBLIC_ARM.iter().any(|known| same(known, resource));
    if same(resource, STORAGE) { Some(Audience::Storage) } else { is_arm.then_some(Audience::Arm) }
}

fn issue(state: &mut State, now: Timestamp, audience: Audience, scope: &str) -> Answer {
    let seconds = state.world.timing.token_seconds;
    let expires = later(now, Duration::from_secs(seconds));
    let token = state.tokens.issue(&mut state.identifiers, audience, scope, expires);
    let body = json!({
        "token_type": "Bearer",
        "expires_in": seconds,
        "ext_expires_in": seconds,
        "access_token": token,
    });
    let mut answer = answer::json(StatusCode::OK, &body);
    answer::set(&mut answer, "cache-control", "no-store, no-cache");
    answer
}

fn refused(state: &mut State, now: Timestamp, refusal: Refusal) -> Answer {
    let Refusal { number, error, status, message } = refusal;
    let (trace, correlation) = (state.identifiers.guid(), state.identifiers.guid());
    let time = now.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let description =
        format!("AADSTS{number}: {message}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {time}");
    let body = json!({
        "error": error,
        "error_description": description,
        "error_codes": [number],
        "timestamp": time,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": format!("{}/error?code={number}", state.world.urls.authority),
    });
    answer::json(status, &body)
}

fn parameter<'a>(form: &'a HashMap<String, String>, name: &str) -> Result<&'a str, Refusal> {
    match form.get(name) {
        Some(value) if !value.is_empty() => Ok(value),
        _ => refuse(
            900_144,
            "invalid_request",
            format!("The request body must contain the following parameter: '{name}'."),
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Client, json};
    use crate::{CLIENT_ID, CLIENT_SECRET, Service, TENANT_ID, World};

    fn ask(tenant: &str, client_id: &str, secret: &str, scope: &str) -> (u16, serde_json::Value) {
        let mut client = Client::new(World::sample);
        let answer = client.ask_token(tenant, client_id, secret, scope);
        (answer.status().as_u16(), json(&answer))
    }

    #[test]
    fn a_token_is_given_to_who_may_have_it() {
        for scope in ["https://management.azure.com/.default", "https://storage.azure.com/.default"] {
            let (status, body) = ask(TENANT_ID, CLIENT_ID, CLIENT_SECRET, scope);
            assert_eq!(status, 200, "{body}");
            assert_eq!((&body["token_type"], &body["expires_in"]), (&"Bearer".into(), &3599.into()));
        }
    }

    #[test]
    fn refusals_carry_their_number_and_status() {
        let arm = "https://management.azure.com/.default";
        let cases = [
            (ask(TENANT_ID, CLIENT_ID, "wrong", arm), 401, "invalid_client", 7_000_215),
            (ask(TENANT_ID, "somebody", CLIENT_SECRET, arm), 400, "unauthorized_client", 700_016),
            (ask("elsewhere", CLIENT_ID, CLIENT_SECRET, arm), 400, "invalid_request", 90_002),
            (ask(TENANT_ID, CLIENT_ID, CLIENT_SECRET, "https://management.azure.com"), 400, "invalid_scope", 70_011),
            (
                ask(TENANT_ID, CLIENT_ID, CLIENT_SECRET, "https://foo.example/.default"),
                400,
                "invalid_resource",
                500_011,
            ),
        ];
        for ((status, body), wanted, error, number) in cases {
            assert_eq!(status, wanted, "{body}");
            assert_eq!(body["error"], error);
            assert_eq!(body["error_codes"][0], number);
            let description = body["error_description"].as_str().unwrap();
            assert!(description.starts_with(&format!("AADSTS{number}: ")) && description.contains("\r\nTrace ID: "));
        }
    }

    #[test]
    fn only_a_posted_form_is_read() {
        let mut client = Client::new(World::sample);
        let url = format!("https://login.microsoftonline.com/{TENANT_ID}/oauth2/v2.0/token");
        assert_eq!(client.send(Service::Entra, "GET", &url, &[], "").status(), 400);
        let json = [("content-type", "application/json")];
        assert_eq!(client.send(Service::Entra, "POST", &url, &json, "{}").status(), 400);
    }
}
