//! What is sent for a token.

use bytes::Bytes;
use http::{Method, Request, StatusCode, header, request};

use crate::azure::origin::Origin;

/// A request for a token.
pub struct TokenRequest {
    pub request: request::Builder,
    pub body: Bytes,
    /// Statuses with which this endpoint says that it will know more in a moment, beside those of every service.
    pub passing: &'static [StatusCode],
}

/// A request to Entra's token endpoint, version 2.0 (entra-docs, v2-oauth2-client-creds-grant-flow).
pub fn to_entra(
    authority: &Origin,
    tenant_id: &str,
    client_id: &str,
    scope: &str,
    proof: &[(&str, &str)],
) -> TokenRequest {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", client_id)
        .extend_pairs(proof)
        .append_pair("scope", scope)
        .finish();
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("{authority}/{tenant_id}/oauth2/v2.0/token"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json");
    TokenRequest { request, body: body.into(), passing: &[] }
}
