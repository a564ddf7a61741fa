//! The body of a packet capture's PUT, read strictly (azure-rest-api-specs networkWatcher.json,
//! PacketCaptureParameters).
//!
//! The service is said to ignore members that it does not know, which starts a capture that nobody asked for.
//! Here they are refused, so that a misspelled member is found in a test and not at night.

use serde::Deserialize;

use crate::capture::filter::PacketFilter;
use crate::capture::properties::{CaptureProperties, StorageLocation, given};
use crate::error::ArmError;
use crate::world::resources::OperatingSystem;

const MAX_UINT32: i64 = 4_294_967_295;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    properties: CaptureProperties,
}

/// Reads a PUT's body as this api-version has it, checks everything that needs no look at the world, and fills in
/// the published defaults.
pub(crate) fn read(body: &[u8], version: &str) -> Result<CaptureProperties, ArmError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let body: Body = serde_path_to_error::deserialize(&mut json).map_err(|error| undeserializable(&error))?;
    json.end().map_err(|error| ArmError::bad_request("InvalidRequestContent", error.to_string()))?;
    let mut properties = body.properties;
    check_version(&properties, version)?;
    check_numbers(&properties)?;
    check_target_type(&properties)?;
    check_storage(&properties)?;
    PacketFilter::read_all(&properties)?;
    fill_defaults(&mut properties, version);
    Ok(properties)
}

/// Checks the path on the machine, which depends on what the machine runs: it ends in `.cap`, and on Linux it is
/// below `/var/captures` (azure-rest-api-specs networkWatcher.json, PacketCaptureStorageLocation).
pub(crate) fn check_local_path(location: &StorageLocation, os: OperatingSystem) -> Result<(), ArmError> {
    let paths = [("filePath", &location.file_path), ("localPath", &location.local_path)];
    for (member, path) in paths {
        let Some(path) = given(path) else { continue };
        let member = format!("properties.storageLocation.{member}");
        if os == OperatingSystem::Linux && !path.starts_with("/var/captures") {
            return Err(ArmError::invalid(&member, "on Linux the path must start with /var/captures"));
        }
        if os == OperatingSystem::Windows && path.starts_with('/') {
            return Err(ArmError::invalid(&member, "on Windows the path must be a Windows path"));
        }
    }
    Ok(())
}

fn undeserializable(error: &serde_path_to_error::Error<serde_json::Error>) -> ArmError {
    let (path, inner) = (error.path().to_string(), error.inner());
    let message = format!("The request content was invalid and could not be deserialized: '{inner}'. Path '{path}'.");
    ArmError::bad_request("InvalidRequestContent", message).on(path)
}

fn check_version(properties: &CaptureProperties, version: &str) -> Result<(), ArmError> {
    let newer = [
        ("targetType", properties.target_type.is_some(), "2022-01-01"),
        ("scope", properties.scope.is_some(), "2022-01-01"),
        ("continuousCapture", properties.continuous_capture.is_some(), "2023-11-01"),
        ("captureSettings", properties.capture_settings.is_some(), "2023-11-01"),
        ("storageLocation.localPath", properties.storage_location.local_path.is_some(), "2023-11-01"),
    ];
    for (member, present, since) in newer {
        if present && version < since {
            let path = format!("properties.{member}");
            let message = format!("Could not find member '{path}' in api-version '{version}'; it came with {since}.");
            return Err(ArmError::bad_request("InvalidRequestContent", message).on(path));
        }
    }
    Ok(())
}

fn check_numbers(properties: &CaptureProperties) -> Result<(), ArmError> {
    let settings = properties.capture_settings.clone().unwrap_or_default();
    let numbers = [
        ("bytesToCapturePerPacket", properties.bytes_to_capture_per_packet, MAX_UINT32),
        ("totalBytesPerSession", properties.total_bytes_per_session, MAX_UINT32),
        ("timeLimitInSeconds", properties.time_limit_in_seconds, 18_000),
        ("captureSettings.fileCount", settings.file_count, 10_000),
        ("captureSettings.fileSizeInBytes", settings.file_size_in_bytes, MAX_UINT32),
        ("captureSettings.sessionTimeLimitInSeconds", settings.session_time_limit_in_seconds, 604_800),
    ];
    for (member, value, max) in numbers {
        if value.is_some_and(|value| !(0..=max).contains(&value)) {
            return Err(ArmError::invalid(
                &format!("properties.{member}"),
                &format!("the value must be between 0 and {max}"),
            ));
        }
    }
    Ok(())
}

fn check_target_type(properties: &CaptureProperties) -> Result<(), ArmError> {
    match properties.target_type.as_deref() {
        None | Some("AzureVM" | "AzureVMSS") => Ok(()),
        Some(other) => {
            Err(ArmError::invalid("properties.targetType", &format!("'{other}' is none of AzureVM, AzureVMSS")))
        }
    }
}

fn check_storage(properties: &CaptureProperties) -> Result<(), ArmError> {
    let location = &properties.storage_location;
    let member = |name: &str| format!("properties.storageLocation.{name}");
    let (on_machine, elsewhere) = match properties.continuous_capture {
        None => (("filePath", &location.file_path), ("localPath", &location.local_path)),
        Some(_) => (("localPath", &location.local_path), ("filePath", &location.file_path)),
    };
    if given(elsewhere.1).is_some() {
        return Err(ArmError::invalid(
            &member(elsewhere.0),
            "the member is not valid with this value of continuousCapture",
        ));
    }
    if given(on_machine.1).is_some_and(|path| !path.to_lowercase().ends_with(".cap")) {
        return Err(ArmError::invalid(&member(on_machine.0), "the path must end in .cap"));
    }
    if given(&location.storage_id).is_none() {
        if given(&location.storage_path).is_some() {
            return Err(ArmError::invalid(&member("storageId"), "the member is required with storagePath"));
        }
        if given(on_machine.1).is_none() {
            return Err(ArmError::invalid(&member("storageId"), "the member is required unless a local path is given"));
        }
    }
    Ok(())
}

fn fill_defaults(properties: &mut CaptureProperties, version: &str) {
    properties.bytes_to_capture_per_packet.get_or_insert(0);
    properties.total_bytes_per_session.get_or_insert(1_073_741_824);
    properties.time_limit_in_seconds.get_or_insert(18_000);
    for filter in properties.filters.get_or_insert_default() {
        filter.protocol.get_or_insert_with(|| "Any".into());
    }
    if version >= "2022-01-01" {
        properties.target_type.get_or_insert_with(|| "AzureVM".into());
        properties.scope.get_or_insert_default();
    }
    if properties.continuous_capture.is_some() {
        let settings = properties.capture_settings.get_or_insert_default();
        settings.file_count.get_or_insert(10);
        settings.file_size_in_bytes.get_or_insert(104_857_600);
        settings.session_time_limit_in_seconds.get_or_insert(86_400);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn body(member: &str, value: Value) -> Value {
        let mut body = json!({ "properties": { "target": "/t", "storageLocation": { "storageId": "/s" } } });
        let pointer = format!("/properties/{member}");
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[name] = value;
        body
    }

    fn refusal(member: &str, value: Value) -> String {
        let refused = read(body(member, value).to_string().as_bytes(), "2025-05-01").unwrap_err();
        assert_eq!(refused.status, 400);
        assert!(refused.code.starts_with("InvalidRequest"), "{}", refused.code);
        format!("{} {}", refused.target.unwrap_or_default(), refused.message)
    }

    #[test]
    fn absent_members_are_filled_in() {
        let minimal = json!({ "properties": { "target": "/t", "storageLocation": { "filePath": "C:\\x.cap" } } });
        let read = |version| read(minimal.to_string().as_bytes(), version).unwrap();
        let properties = read("2017-06-01");
        assert_eq!(properties.total_bytes_per_session, Some(1_073_741_824));
        assert_eq!((properties.bytes_to_capture_per_packet, properties.time_limit_in_seconds), (Some(0), Some(18_000)));
        assert_eq!((properties.filters, properties.target_type), (Some(vec![]), None));
        assert_eq!(read("2024-05-01").target_type.as_deref(), Some("AzureVM"));
    }

    #[test]
    fn a_wrong_member_is_named() {
        let cases = [
            ("timeLimitinSeconds", json!(60)),
            ("timeLimitInSeconds", json!("60")),
            ("timeLimitInSeconds", json!(60.5)),
            ("timeLimitInSeconds", json!(18_001)),
            ("bytesToCapturePerPacket", json!(-1)),
            ("totalBytesPerSession", json!(4_294_967_296_i64)),
            ("targetType", json!("virtualMachine")),
            ("target", json!(7)),
            ("localPath", json!("x.cap")),
        ];
        for (member, value) in cases {
            let refusal = refusal(member, value);
            assert!(refusal.contains(member), "{member}: {refusal}");
        }
        let filter = refusal("filters", json!([{ "protocol": "TCP" }, { "localIP": "10.0.0.4" }]));
        assert!(filter.contains("filters[1]") && filter.contains("localIP"), "{filter}");
        assert!(refusal("filters", json!([{ "protocol": "ICMP" }])).contains("filters[0].protocol"));
        assert!(refusal("filters", json!([{ "localPort": 80 }])).contains("filters[0].localPort"));
        assert!(
            refusal("filters", json!([{ "remoteIPAddress": "10.0.0.0/8" }])).contains("filters[0].remoteIPAddress")
        );
    }

    #[test]
    fn the_storage_location_is_complete_and_fits() {
        assert!(refusal("storageLocation", json!({})).contains("storageId"));
        assert!(refusal("storageLocation", json!({ "storagePath": "https://x/y.cap" })).contains("storageId"));
        assert!(refusal("storageLocation", json!({ "filePath": "C:\\x.pcap" })).contains("filePath"));
        assert!(refusal("storageLocation", json!({ "localPath": "C:\\x.cap" })).contains("localPath"));
        let mut continuous = body("continuousCapture", json!(false));
        continuous["properties"]["storageLocation"] = json!({ "filePath": "C:\\x.cap" });
        assert!(read(continuous.to_string().as_bytes(), "2025-05-01").is_err(), "filePath with continuousCapture");
        assert!(refusal("target", Value::Null).contains("target"));
    }

    #[test]
    fn members_come_with_their_version() {
        let scoped = body("scope", json!({ "include": ["0"] })).to_string();
        assert!(read(scoped.as_bytes(), "2021-08-01").is_err());
        assert!(read(scoped.as_bytes(), "2022-01-01").is_ok());
    }

    #[test]
    fn a_linux_path_is_below_var_captures() {
        let at = |path: &str| StorageLocation { file_path: Some(path.into()), ..StorageLocation::default() };
        assert!(check_local_path(&at("/var/captures/x.cap"), OperatingSystem::Linux).is_ok());
        assert!(check_local_path(&at("/tmp/x.cap"), OperatingSystem::Linux).is_err());
        assert!(check_local_path(&at("/var/captures/x.cap"), OperatingSystem::Windows).is_err());
        assert!(check_local_path(&at("D:\\x.cap"), OperatingSystem::Windows).is_ok());
    }
}
