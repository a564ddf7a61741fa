//! Why blob storage refuses a request, in its own words (Storage REST reference, Blob service error codes).

use http::StatusCode;

use crate::answer::{self, Answer};
use crate::blob::xml::escaped;
use crate::error::ArmError;
use crate::token::Refused;
use crate::world::inventory::World;

/// Why a request is refused: status, code, message, and the detail that some refusals carry.
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: &'static str,
    detail: Option<&'static str>,
}

const fn refusal(status: StatusCode, code: &'static str, message: &'static str) -> Refusal {
    Refusal { status, code, message, detail: None }
}

pub(crate) const BLOB_NOT_FOUND: Refusal =
    refusal(StatusCode::NOT_FOUND, "BlobNotFound", "The specified blob does not exist.");
pub(crate) const CONTAINER_NOT_FOUND: Refusal =
    refusal(StatusCode::NOT_FOUND, "ContainerNotFound", "The specified container does not exist.");
pub(crate) const RESOURCE_NOT_FOUND: Refusal =
    refusal(StatusCode::NOT_FOUND, "ResourceNotFound", "The specified resource does not exist.");
pub(crate) const INVALID_HEADER: Refusal = refusal(
    StatusCode::BAD_REQUEST,
    "InvalidHeaderValue",
    "The value for one of the HTTP headers is not in the correct format.",
);
pub(crate) const INVALID_RANGE: Refusal = refusal(
    StatusCode::RANGE_NOT_SATISFIABLE,
    "InvalidRange",
    "The range specified is invalid for the current size of the resource.",
);
pub(crate) const CONDITION_NOT_MET: Refusal = refusal(
    StatusCode::PRECONDITION_FAILED,
    "ConditionNotMet",
    "The condition specified using HTTP conditional header(s) is not met.",
);
pub(crate) const UNSUPPORTED_VERB: Refusal =
    refusal(StatusCode::METHOD_NOT_ALLOWED, "UnsupportedHttpVerb", "The resource doesn't support specified Http Verb.");
pub(crate) const NO_PERMISSION: Refusal = refusal(
    StatusCode::FORBIDDEN,
    "AuthorizationPermissionMismatch",
    "This request is not authorized to perform this operation using this permission.",
);
/// Tokens came with version 2017-11-09.
pub(crate) const VERSION_TOO_OLD: Refusal = Refusal {
    status: StatusCode::FORBIDDEN,
    code: "AuthenticationFailed",
    message: "Server failed to authenticate the request. Make sure the value of Authorization header is formed \
              correctly including the signature.",
    detail: Some("Authentication scheme Bearer is not supported in this version."),
};

impl Refusal {
    pub(crate) fn into_answer(self) -> Answer {
        xml_error(self.status, self.code, self.message, self.detail)
    }
}

/// A fault's error in blob storage's words.
pub(crate) fn answer_error(error: &ArmError) -> Answer {
    let mut answer = xml_error(error.status, &error.code, &error.message, None);
    if let Some(seconds) = error.retry_after {
        answer::set(&mut answer, "retry-after", &seconds.to_string());
    }
    answer
}

fn xml_error(status: StatusCode, code: &str, message: &str, detail: Option<&str>) -> Answer {
    let detail = detail.map(|detail| format!("<AuthenticationErrorDetail>{detail}</AuthenticationErrorDetail>"));
    let body = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{}</Code><Message>{}</Message>{}</Error>",
        escaped(code),
        escaped(message),
        detail.unwrap_or_default()
    );
    let mut answer = answer::body(status, "application/xml", body);
    answer::set(&mut answer, "x-ms-error-code", code);
    answer
}

/// The 401 that says why a token is not accepted.
pub(crate) fn token_refused(world: &World, refused: Refused) -> Answer {
    let detail = match refused {
        Refused::Missing => None,
        Refused::NotBearer | Refused::Unknown => Some("Signature validation failed."),
        Refused::Expired(_) => Some("Lifetime validation failed. The token is expired."),
        Refused::WrongAudience(_) => Some("Audience validation failed. Audience did not match."),
    };
    let code = match detail {
        None => "NoAuthenticationInformation",
        Some(_) => "InvalidAuthenticationInfo",
    };
    let message = "Server failed to authenticate the request. Please refer to the information in the www-authenticate \
                   header.";
    let mut answer = xml_error(StatusCode::UNAUTHORIZED, code, message, detail);
    let challenge = format!(
        "Bearer authorization_uri={}/{}/oauth2/authorize resource_id=https://storage.azure.com",
        world.urls.authority, world.tenant_id
    );
    answer::set(&mut answer, "www-authenticate", &challenge);
    answer
}
