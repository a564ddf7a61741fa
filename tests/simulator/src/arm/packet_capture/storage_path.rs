//! Where the files of a capture will be.

use std::time::Duration;

use jiff::Timestamp;

use crate::capture::properties::{StorageLocation, given};
use crate::resource_id::name_of;
use crate::state::State;
use crate::time::later;

const CONTAINER: &str = "network-watcher-logs";

/// Where the file will be: where the request says, or in the service's own container, by the machine's id in
/// lower case and the time of the request (azure-docs, packet-capture-manage).
pub(crate) fn storage_path(state: &mut State, location: &StorageLocation, target: &str, created: Timestamp) -> String {
    let Some(storage_id) = given(&location.storage_id) else { return String::new() };
    let container = match given(&location.storage_path) {
        Some(path) if path.to_lowercase().ends_with(".cap") => return path.into(),
        Some(container) => container.trim_end_matches('/').to_owned(),
        None => format!("{}/{CONTAINER}", state.world.urls.blob_account(&name_of(storage_id).to_lowercase())),
    };
    let target = target.to_lowercase();
    let mut moment = created;
    loop {
        let path = format!("{container}{target}/{}", moment.strftime("%Y/%m/%d/packetcapture_%H_%M_%S_%3f.cap"));
        if state.storage_paths.insert(path.clone()) {
            return path;
        }
        moment = later(moment, Duration::from_millis(1));
    }
}

/// One blob for a machine, one for each instance of a scale set. How the service names the latter is not published;
/// it tells only one path, and clients are to list blobs by prefix.
pub(crate) fn files(storage_path: &str, instances: Option<&[String]>) -> Vec<String> {
    match instances {
        _ if storage_path.is_empty() => Vec::new(),
        None => vec![storage_path.into()],
        Some(instances) => {
            let stem = storage_path.trim_end_matches(".cap");
            instances.iter().map(|instance| format!("{stem}_{instance}.cap")).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::World;
    use crate::testing::{Client, capture_body};

    #[test]
    fn a_place_of_the_clients_choice_is_used() {
        let mut client = Client::new(World::sample);
        let account = "https://contosoexamplergdiag374.blob.core.windows.net";
        let mut path_for = |name: &str, path: &str| {
            let mut body = capture_body(60);
            body["properties"]["storageLocation"]["storagePath"] = path.into();
            client.arm("PUT", &client.capture(name), &body.to_string()).status().as_u16()
        };
        assert_eq!(path_for("pc1", &format!("{account}/mine/x.cap")), 201);
        assert_eq!(path_for("pc2", &format!("{account}/mine")), 201);
        assert_eq!(path_for("pc3", "https://elsewhere.blob.core.windows.net/mine/x.cap"), 400);
        let paths: Vec<String> = client.azure.captures().into_iter().map(|capture| capture.storage_path).collect();
        assert_eq!(paths[0], format!("{account}/mine/x.cap"));
        assert!(paths[1].starts_with(&format!("{account}/mine/subscriptions/")), "{}", paths[1]);
    }
}
