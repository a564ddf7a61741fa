//! A request that was let in, on its way to what it is about.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;

use crate::arm::resource_path::ResourcePath;
use crate::error::ArmError;
use crate::fault::Effect;

#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) now: Timestamp,
    pub(crate) request: &'a Request<Bytes>,
    /// What the answer's `x-ms-request-id` will say.
    pub(crate) request_id: String,
    pub(crate) path: ResourcePath,
    pub(crate) version: String,
    /// What a fault does to the request.
    pub(crate) effect: Option<&'a Effect>,
}

/// The refusal of a resource that is not there.
pub(crate) fn resource_not_found(call: &Call) -> ArmError {
    let kind = call.path.provider.as_deref().unwrap_or_default();
    let group = call.path.group.as_deref().unwrap_or_default();
    let message =
        format!("The Resource '{kind}/{}' under resource group '{group}' was not found.", call.path.rest.join("/"));
    ArmError::not_found("ResourceNotFound", message)
}
