//! Which `api-version` each provider takes.

use bytes::Bytes;
use http::Request;

use crate::answer;
use crate::arm::resource_path::ResourcePath;
use crate::error::ArmError;

/// Stable versions of `Microsoft.Network` since the first that has network watchers (azure-rest-api-specs).
#[rustfmt::skip]
const NETWORK: &[&str] = &[
    "2016-09-01", "2016-12-01", "2017-03-01", "2017-06-01", "2017-08-01", "2017-09-01", "2017-10-01", "2017-11-01",
    "2018-01-01", "2018-02-01", "2018-04-01", "2018-06-01", "2018-07-01", "2018-08-01", "2018-10-01", "2018-11-01",
    "2018-12-01", "2019-02-01", "2019-04-01", "2019-06-01", "2019-07-01", "2019-08-01", "2019-09-01", "2019-11-01",
    "2019-12-01", "2020-03-01", "2020-04-01", "2020-05-01", "2020-06-01", "2020-07-01", "2020-08-01", "2020-11-01",
    "2021-02-01", "2021-03-01", "2021-05-01", "2021-08-01", "2022-01-01", "2022-05-01", "2022-07-01", "2022-09-01",
    "2022-11-01", "2023-02-01", "2023-04-01", "2023-05-01", "2023-06-01", "2023-09-01", "2023-11-01", "2024-01-01",
    "2024-03-01", "2024-05-01", "2024-07-01", "2024-10-01", "2025-01-01", "2025-03-01", "2025-05-01", "2026-03-01",
];
#[rustfmt::skip]
const COMPUTE: &[&str] = &[
    "2019-07-01", "2019-12-01", "2020-06-01", "2020-12-01", "2021-03-01", "2021-07-01", "2021-11-01", "2022-03-01",
    "2022-08-01", "2022-11-01", "2023-03-01", "2023-07-01", "2023-09-01", "2024-03-01", "2024-07-01", "2024-11-01",
    "2025-04-01", "2026-04-01",
];
/// The interfaces of a scale set's instances are told by Microsoft.Network below a path of Microsoft.Compute, and have
/// versions of their own (azure-rest-api-specs vmssNetworkInterface.json; azure-mgmt-network 33.1.0 still sends the
/// second).
const SCALE_SET_NETWORK: &[&str] = &["2017-03-30", "2018-10-01"];
const STORAGE: &[&str] =
    &["2019-06-01", "2021-04-01", "2021-09-01", "2022-09-01", "2023-01-01", "2023-05-01", "2024-01-01", "2025-01-01"];
/// Told at any scope, so below paths of other providers, too.
const AUTHORIZATION: &[&str] = &["2015-07-01", "2018-07-01", "2022-04-01"];
const RESOURCES: &[&str] = &["2019-10-01", "2020-01-01", "2021-04-01", "2022-09-01", "2022-12-01", "2024-03-01"];

/// The request's version, when the provider has it.
pub(crate) fn check(request: &Request<Bytes>, path: &ResourcePath) -> Result<String, ArmError> {
    let version = answer::query(request, "api-version").filter(|version| !version.is_empty()).ok_or_else(|| {
        ArmError::bad_request(
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    })?;
    let known = match path.provider.as_deref() {
        _ if path.has_segment("permissions") => AUTHORIZATION,
        Some("microsoft.network") => NETWORK,
        Some("microsoft.compute") if path.has_segment("networkInterfaces") => SCALE_SET_NETWORK,
        Some("microsoft.compute") => COMPUTE,
        Some("microsoft.storage") => STORAGE,
        Some(other) => {
            let message = format!("The resource namespace '{other}' is invalid.");
            return Err(ArmError::not_found("InvalidResourceNamespace", message));
        }
        // Resource Manager itself.
        None => RESOURCES,
    };
    if known.contains(&version.as_str()) {
        return Ok(version);
    }
    let message = format!(
        "No registered resource provider found for API version '{version}'. The supported api-versions are '{}'.",
        known.join(", ")
    );
    Err(ArmError::bad_request("NoRegisteredProviderFound", message))
}
