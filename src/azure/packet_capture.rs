//! The `packetCaptures` resource. Shapes and ranges are those of azure-rest-api-specs, `networkWatcher.json`.

use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode, Uri};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_with::skip_serializing_none;
use strum::EnumString;

use super::action::Action;
use super::answer::{read, unreadable};
use super::blob::named_at;
use super::capture_parameters::{Parameters, Scope};
use super::client::{Azure, Call};
use super::clock::Clock;
use super::cloud::Audience;
use super::error::AzureError;
use super::lenient;
use super::list::list as list_pages;
use super::network_watcher::API_VERSION;
use super::operation;
use super::packet_filter::Filter;
use super::resource_id::ResourceId;
use super::target::Target;
use crate::host::Host;
use crate::timestamp::Timestamp;

/// A capture as Azure tells it. Every member but the name may be missing, and states that nobody has heard of are possible.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Resource")]
pub struct PacketCapture {
    /// Its name within the watcher.
    pub name: String,
    /// Id of the machine or scale set.
    pub target: String,
    /// Which instances of a scale set are meant.
    pub scope: Scope,
    /// How long it runs at most, in seconds.
    pub time_limit: Option<u64>,
    /// How creating or deleting goes; it never tells whether capturing is over.
    pub provisioning_state: String,
    /// The address that Azure chose for its file.
    pub storage_path: Option<String>,
}

/// The members of a capture that Azure tells of one, in Azure's own names and as they stand.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Details {
    /// How creating or deleting it goes; it never tells whether capturing is over.
    #[serde(deserialize_with = "lenient::or_default")]
    pub provisioning_state: Option<String>,
    /// Id of the machine or scale set.
    #[serde(deserialize_with = "lenient::or_default")]
    pub target: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub target_type: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub scope: Option<Value>,
    #[serde(deserialize_with = "lenient::number")]
    pub bytes_to_capture_per_packet: Option<u64>,
    #[serde(deserialize_with = "lenient::number")]
    pub total_bytes_per_session: Option<u64>,
    #[serde(deserialize_with = "lenient::number")]
    pub time_limit_in_seconds: Option<u64>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub storage_location: Option<Value>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub filters: Option<Value>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub continuous_capture: Option<bool>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub capture_settings: Option<Value>,
}

/// What `queryStatus` tells of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What it does.
    pub activity: Activity,
    /// When it began, once it has.
    pub began_at: Option<Timestamp>,
    /// Why it stopped: `TimeExceeded`, `Manual`, or any other text.
    pub stop_reason: Option<String>,
    /// `packetCaptureError`: known and unknown words.
    pub errors: Vec<String>,
    /// Azure's time when it said so.
    pub answered_at: Timestamp,
}

/// What a capture does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[strum(ascii_case_insensitive)]
pub enum Activity {
    /// It has not begun.
    NotStarted,
    /// It runs.
    Running,
    /// It has ended.
    Stopped,
    /// It has ended in an error.
    #[strum(serialize = "Error")]
    #[serde(rename = "Error")]
    Failed,
    /// Azure does not know, does not tell, or says something that nightcap does not know.
    Unknown,
}

/// What came of asking a capture for its status.
#[derive(Debug)]
pub enum Poll {
    /// Its status.
    Answered(Status),
    /// Azure will answer at the place that this answer names.
    Later(Response<Bytes>),
    /// There is no such capture.
    Gone,
}

/// How a capture is over.
#[derive(Debug)]
pub enum Over {
    /// It has ended, well or not.
    Ended(Status),
    /// Azure could not begin it.
    Failed,
    /// It is not there any more.
    Gone,
}

/// The body that creates a capture. Members without a value are left out, for Azure fills in its defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CaptureRequest {
    properties: RequestProperties,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestProperties {
    target: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<Scope>,
    bytes_to_capture_per_packet: u64,
    total_bytes_per_session: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_limit_in_seconds: Option<u32>,
    storage_location: RequestStorage,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    filters: Vec<Filter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    continuous_capture: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capture_settings: Option<RequestRing>,
}

#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestStorage {
    storage_id: Option<String>,
    storage_path: Option<String>,
    /// On the machine, for one file.
    file_path: Option<String>,
    /// The same for a ring of files.
    local_path: Option<String>,
}

#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestRing {
    file_count: Option<u32>,
    file_size_in_bytes: Option<u64>,
    session_time_limit_in_seconds: u32,
}

impl CaptureRequest {
    /// What to send for a target. Without a storage account the file stays on the machine.
    pub fn new(target: &Target, parameters: &Parameters, storage: Option<&ResourceId>) -> Self {
        let is_set = target.resource().is_a("Microsoft.Compute", &["virtualMachineScaleSets"]);
        let scope = target.instance().map_or_else(|| parameters.scope.clone(), Scope::only);
        let Parameters { file, ring, capture_seconds, .. } = parameters;
        let (file_path, local_path) = match ring {
            None => (file.machine_path.clone(), None),
            Some(_) => (None, file.machine_path.clone()),
        };
        Self {
            properties: RequestProperties {
                target: target.resource().to_string(),
                target_type: is_set.then_some("AzureVMSS"),
                scope: (is_set && !scope.is_everything()).then_some(scope),
                bytes_to_capture_per_packet: parameters.packet_bytes,
                total_bytes_per_session: parameters.capture_bytes,
                time_limit_in_seconds: ring.is_none().then_some(*capture_seconds),
                storage_location: RequestStorage {
                    storage_id: storage.map(ResourceId::to_string),
                    storage_path: file.storage_path.clone(),
                    file_path,
                    local_path,
                },
                filters: parameters.capture_filters.clone(),
                continuous_capture: ring.as_ref().map(|ring| ring.continuous),
                capture_settings: ring.as_ref().map(|ring| RequestRing {
                    file_count: ring.files,
                    file_size_in_bytes: ring.file_bytes,
                    session_time_limit_in_seconds: *capture_seconds,
                }),
            },
        }
    }
}

/// The resource, as Azure tells it.
#[derive(Deserialize)]
struct Resource {
    name: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    properties: Properties,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Properties {
    #[serde(deserialize_with = "lenient::or_default")]
    target: String,
    #[serde(deserialize_with = "lenient::or_default")]
    scope: Scope,
    #[serde(deserialize_with = "lenient::number")]
    time_limit_in_seconds: Option<u64>,
    #[serde(deserialize_with = "lenient::or_default")]
    provisioning_state: String,
    #[serde(deserialize_with = "lenient::or_default")]
    storage_location: StorageLocation,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StorageLocation {
    #[serde(deserialize_with = "lenient::or_default")]
    storage_path: String,
}

impl From<Resource> for PacketCapture {
    fn from(Resource { name, properties }: Resource) -> Self {
        let storage_path = properties.storage_location.storage_path;
        Self {
            name,
            target: properties.target,
            scope: properties.scope,
            time_limit: properties.time_limit_in_seconds,
            provisioning_state: properties.provisioning_state,
            storage_path: (!storage_path.is_empty()).then_some(storage_path),
        }
    }
}

impl PacketCapture {
    /// Whether this capture takes in everything that a capture of the target would.
    pub fn covers(&self, target: &Target) -> bool {
        let same_resource = ResourceId::parse(&self.target).is_ok_and(|id| id == target.resource());
        same_resource
            && match target.instance() {
                Some(instance) => self.scope.takes_in(instance),
                None => self.scope.is_everything(),
            }
    }

    /// Whether it is surely on another machine or scale set.
    pub fn is_elsewhere(&self, target: &Target) -> bool {
        ResourceId::parse(&self.target).is_ok_and(|id| id != target.resource())
    }

    /// Whether this is its name, which Azure compares without case.
    pub fn has_name(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// When it was made, to the second, by the address that Azure chose for its file: nothing else of it tells.
    pub fn made_at(&self) -> Option<Timestamp> {
        self.storage_path.as_deref().and_then(named_at).map(|at| at.round_down(Duration::from_secs(1)))
    }

    /// Whether creating it failed. Such a capture stays in the list and keeps its name.
    pub fn is_failed(&self) -> bool {
        self.is_in_state("Failed") || self.is_in_state("Canceled")
    }

    /// Whether it is on its way out.
    pub fn is_deleting(&self) -> bool {
        self.is_in_state("Deleting")
    }

    /// Whether an alert may count on it: it neither failed nor is on its way out.
    pub fn is_live(&self) -> bool {
        !self.is_failed() && !self.is_deleting()
    }

    /// Whether Azure is still creating it, so that it cannot be over.
    pub fn is_beginning(&self) -> bool {
        self.is_in_state("Updating") || self.is_in_state("Creating")
    }

    fn is_in_state(&self, state: &str) -> bool {
        self.provisioning_state.eq_ignore_ascii_case(state)
    }
}

/// The body of `queryStatus`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenStatus {
    /// Missing or null now and then while a capture runs (Azure/azure-cli issue 3766).
    #[serde(default, deserialize_with = "lenient::or_default")]
    packet_capture_status: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    capture_start_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    stop_reason: String,
    #[serde(default, deserialize_with = "lenient::items")]
    packet_capture_error: Vec<String>,
}

impl Status {
    /// Reads the body of `queryStatus`. `None` when it says nothing of the capture.
    pub fn read(body: &Value, answered_at: Timestamp) -> Option<Self> {
        WrittenStatus::deserialize(body).ok().map(|status| Self::of(status, answered_at))
    }

    fn of(status: WrittenStatus, answered_at: Timestamp) -> Self {
        Self {
            activity: status.packet_capture_status.parse().unwrap_or(Activity::Unknown),
            began_at: status.capture_start_time,
            stop_reason: (!status.stop_reason.is_empty()).then_some(status.stop_reason),
            errors: status.packet_capture_error,
            answered_at,
        }
    }
}

impl Activity {
    /// Whether it is over, well or not.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Stopped | Self::Failed)
    }
}

/// What a watcher held at a time.
#[derive(Clone, Debug)]
pub struct Listing {
    /// All its captures.
    pub captures: Vec<PacketCapture>,
    /// When that was.
    pub clock: Clock,
}

/// All captures of a watcher.
pub async fn list<H: Host>(azure: &Azure<'_, H>, watcher: &ResourceId) -> Result<Listing, AzureError> {
    let path = format!("{}/packetCaptures", watcher);
    let (captures, clock) = list_pages(azure, Action::List, &path, API_VERSION).await?;
    Ok(Listing { captures, clock })
}

/// One capture of a watcher, there or not.
#[derive(Debug)]
pub struct CaptureResource<'a, H> {
    azure: &'a Azure<'a, H>,
    watcher: &'a ResourceId,
    name: &'a str,
}

impl<'a, H: Host> CaptureResource<'a, H> {
    /// The capture of this name.
    pub fn new(azure: &'a Azure<'a, H>, watcher: &'a ResourceId, name: &'a str) -> Self {
        Self { azure, watcher, name }
    }

    /// Reads it, or `None` when there is none of that name.
    pub async fn get(&self) -> Result<Option<PacketCapture>, AzureError> {
        Ok(self.get_with_time().await?.map(|(capture, _)| capture))
    }

    /// Reads what Azure tells of it in full, or `None` when there is none of that name.
    pub async fn details(&self) -> Result<Option<Details>, AzureError> {
        #[derive(Deserialize)]
        struct Whole {
            #[serde(default, deserialize_with = "lenient::or_default")]
            properties: Details,
        }
        match self.call(Action::LookUp, Method::GET, "", Bytes::new()).await {
            Err(AzureError::Refused { status: StatusCode::NOT_FOUND, .. }) => Ok(None),
            answer => Ok(Some(read::<Whole>(Action::LookUp, &answer?)?.properties)),
        }
    }

    /// The same, with Azure's time.
    pub async fn get_with_time(&self) -> Result<Option<(PacketCapture, Timestamp)>, AzureError> {
        let answer = match self.call(Action::LookUp, Method::GET, "", Bytes::new()).await {
            Err(AzureError::Refused { status: StatusCode::NOT_FOUND, .. }) => return Ok(None),
            answer => answer?,
        };
        Ok(Some((read(Action::LookUp, &answer)?, self.azure.clock.read(&answer, self.azure.log.host).server_time())))
    }

    /// Begins it. This is sent once: whoever gets an error looks it up before sending this again.
    pub async fn create(&self, request: &CaptureRequest) -> Result<(PacketCapture, Response<Bytes>), AzureError> {
        let body = serde_json::to_vec(request).map_err(|error| unreadable(Action::Create, error))?;
        let answer = self.call(Action::Create, Method::PUT, "", body.into()).await?;
        Ok((read(Action::Create, &answer)?, answer))
    }

    /// Begins to delete it; its file stays. `None` when it is gone already. This is sent once: whoever gets an error looks
    /// again before sending this again, for the name may be another capture's by then.
    pub async fn delete(&self) -> Result<Option<Response<Bytes>>, AzureError> {
        match self.call(Action::Delete, Method::DELETE, "", Bytes::new()).await {
            Err(AzureError::Refused { status: StatusCode::NOT_FOUND, .. }) => Ok(None),
            answer => answer.map(Some),
        }
    }

    /// Begins to stop it. This is sent once, as the others are.
    pub async fn stop(&self) -> Result<Response<Bytes>, AzureError> {
        self.call(Action::Stop, Method::POST, "/stop", Bytes::new()).await
    }

    /// Asks what it does. The answer may come in the body of a 202 (azure-sdk-for-net, recorded
    /// `PacketCaptureApiTest`).
    pub async fn poll(&self) -> Result<Poll, AzureError> {
        match self.call(Action::Status, Method::POST, "/queryStatus", Bytes::new()).await {
            Err(error) if is_gone(&error) => Ok(Poll::Gone),
            Err(error) => Err(error),
            Ok(answer) if answer.body().is_empty() && answer.status() == StatusCode::ACCEPTED => {
                Ok(Poll::Later(answer))
            }
            Ok(answer) => self.read_status(&answer),
        }
    }

    /// The same, with patience for an answer that comes later.
    pub async fn poll_until_answered(&self) -> Result<Poll, AzureError> {
        let answer = match self.poll().await? {
            Poll::Later(answer) => answer,
            answered => return Ok(answered),
        };
        // Not to find the place that Azure named says nothing of the capture.
        self.read_status(&operation::wait(self.azure, Action::Status, &answer).await?)
    }

    /// How the capture of this name is over, if it surely is, when a list shows it as `listed`. The list itself only tells of one
    /// that has failed.
    pub async fn over(&self, listed: &PacketCapture) -> Result<Option<Over>, AzureError> {
        if listed.is_failed() {
            return Ok(Some(Over::Failed));
        }
        Ok(match self.poll().await? {
            Poll::Answered(status) if status.activity.is_over() => Some(Over::Ended(status)),
            Poll::Answered(_) | Poll::Later(_) => None,
            Poll::Gone => Some(Over::Gone),
        })
    }

    fn read_status(&self, answer: &Response<Bytes>) -> Result<Poll, AzureError> {
        let answered_at = self.azure.clock.read(answer, self.azure.log.host).server_time();
        let status = match answer.body().is_empty() && answer.status() == StatusCode::OK {
            true => WrittenStatus::default(),
            false => read(Action::Status, answer)?,
        };
        Ok(Poll::Answered(Status::of(status, answered_at)))
    }

    /// Its address.
    pub fn uri(&self, action: Action, operation: &str) -> Result<Uri, AzureError> {
        let path = format!("{}/packetCaptures/{}{operation}", self.watcher, self.name);
        self.azure.uri(action, &path, API_VERSION)
    }

    async fn call(
        &self,
        action: Action,
        method: Method,
        operation: &str,
        body: Bytes,
    ) -> Result<Response<Bytes>, AzureError> {
        let repeat = !matches!(action, Action::Create | Action::Delete | Action::Stop);
        let uri = self.uri(action, operation)?;
        let audience = Audience::Arm;
        let headers = HeaderMap::new();
        self.azure.call(Call { audience, action, method, uri, body, repeat, capture: Some(self.name), headers }).await
    }
}

/// Whether Azure says that the capture is not there. A missing subscription, or a 404 without a word, says nothing of it.
fn is_gone(error: &AzureError) -> bool {
    error.status() == Some(404) && !matches!(error.code(), "" | "SubscriptionNotFound")
}

/// A name for a capture. Azure publishes no rule; these characters and this length are known to be taken.
pub fn checked_capture_name(text: &str) -> anyhow::Result<String> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let framed = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    let is_fine =
        text.len() <= 79 && text.chars().all(fine) && framed(text.chars().next()) && framed(text.chars().last());
    ensure!(
        is_fine,
        "a capture's name has up to 79 letters, digits, '-', '_' or '.', and begins and ends with a letter or digit"
    );
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn status(body: Value) -> Option<Status> {
        Status::read(&body, Timestamp::from_unix_millis(0))
    }

    #[test]
    fn the_address_of_its_file_tells_when_a_capture_was_made() {
        let made_at = |path: &str| {
            let capture = PacketCapture { storage_path: Some(path.to_owned()), ..PacketCapture::default() };
            capture.made_at().map(|at| at.to_string())
        };
        let folder = "https://store.blob.core.windows.net/network-watcher-logs/subscriptions/s/virtualmachines/vm";
        let usual = format!("{folder}/2026/11/20/packetcapture_02_13_41_077.cap");
        assert_eq!(made_at(&usual).as_deref(), Some("2026-11-20T02:13:41.000Z"));
        for odd in ["", "https://store/x.cap", "https://store/packetcapture_.cap", "x/y/packetcapture_02_13_41_077.cap"]
        {
            assert_eq!(made_at(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_status_is_read_whatever_is_missing_or_new_in_it() {
        let whole = status(json!({
            "name": "pc", "id": "/x", "status": "Succeeded", "captureStartTime": "2026-11-20T02:13:41.9239201Z",
            "packetCaptureStatus": "Stopped", "stopReason": "TimeExceeded", "packetCaptureError": []
        }))
        .unwrap();
        assert_eq!((whole.activity, whole.stop_reason.as_deref()), (Activity::Stopped, Some("TimeExceeded")));
        assert_eq!(whole.began_at, Timestamp::parse("2026-11-20T02:13:41.923Z"));
        for (word, activity) in [
            ("NotStarted", Activity::NotStarted),
            ("RUNNING", Activity::Running),
            ("Error", Activity::Failed),
            ("Unknown", Activity::Unknown),
            ("Hibernating", Activity::Unknown),
        ] {
            let bare = status(json!({"packetCaptureStatus": word, "stopReason": "", "packetCaptureError": null}));
            let bare = bare.unwrap();
            assert_eq!(bare.activity, activity, "{word}");
            assert_eq!((bare.began_at, bare.stop_reason, bare.errors), (None, None, vec![]), "{word}");
        }
        let odd = status(
            json!({"packetCaptureStatus": "Error", "packetCaptureError": ["A", 7, null], "captureStartTime": 5}),
        );
        assert_eq!(odd.map(|odd| (odd.began_at, odd.errors)), Some((None, vec!["A".to_owned()])));
        for silent in [json!({}), json!({"status": "Succeeded"}), json!({"packetCaptureStatus": null})] {
            assert_eq!(status(silent).map(|silent| silent.activity), Some(Activity::Unknown), "no word of the capture");
        }
    }
}
