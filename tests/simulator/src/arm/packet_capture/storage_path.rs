//! Where the files of a capture will be.

use std::time::Duration;

use jiff::Timestamp;

use crate::arm::packet_capture::target::Target;
use crate::capture::properties::{StorageLocation, given};
use crate::resource_id::name_of;
use crate::state::State;
use crate::time::later;
use crate::world::resources::ScaleSetFiles;

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

/// One blob for a machine, one for each instance of a scale set, none when the file stays on the machine. The service
/// tells only one path of a scale set, and clients are to list blobs by prefix.
pub(crate) fn files(layout: ScaleSetFiles, storage_path: &str, target: &Target) -> Vec<String> {
    if storage_path.is_empty() {
        return Vec::new();
    }
    let Some(instances) = &target.instances else { return vec![storage_path.into()] };
    let stem = storage_path.trim_end_matches(".cap");
    let (set, name) = (name_of(&target.id), name_of(stem));
    let file = |instance: &String| match layout {
        ScaleSetFiles::BesidePath => format!("{stem}_{instance}.cap"),
        ScaleSetFiles::InFolder => format!("{stem}/{set}_{instance}_{name}.cap"),
    };
    instances.iter().map(file).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{Client, capture_body, captures};
    use crate::{ScaleSetFiles, World};

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

    /// A client after a capture of the sample's scale set, and the ends of its files' names behind the storage path.
    fn after_a_capture_of_a_scale_set(world: impl FnOnce(&mut World)) -> (Client, Vec<String>) {
        let mut client = Client::new(World::sample);
        world(client.azure.world_mut());
        let (set, account) = (&client.azure.world().scale_sets[0].id, &client.azure.world().storage_accounts[1].id);
        let body = json!({ "properties": {
            "target": set,
            "targetType": "AzureVMSS",
            "timeLimitInSeconds": 60,
            "storageLocation": { "storageId": account },
        } });
        let url = captures("/pc1").replace("_westcentralus", "_eastus");
        assert_eq!(client.arm("PUT", &url, &body.to_string()).status(), 201);
        client.pass(67);
        let path = client.azure.captures()[0].storage_path.clone();
        assert!(path.ends_with("/testvmss/2026/11/20/packetcapture_02_00_00_077.cap"), "{path}");
        let (container, rest) = path.split_once("/subscriptions/").unwrap();
        let prefix = format!("subscriptions/{}", rest.trim_end_matches(".cap"));
        let list = format!("{container}?restype=container&comp=list&prefix={prefix}");
        let list = String::from_utf8(client.blob("GET", &list, &[]).body().to_vec()).unwrap();
        let names = list.split("<Name>").skip(1).map(|rest| rest.split_once('<').unwrap().0);
        let ends = names.map(|name| name.strip_prefix(&prefix).unwrap().to_owned()).collect();
        (client, ends)
    }

    #[test]
    fn the_files_of_a_scale_set_stand_beside_its_path_or_in_a_folder() {
        let (_, beside) = after_a_capture_of_a_scale_set(|_| {});
        assert_eq!(beside, ["_0.cap", "_1.cap", "_2.cap"]);
        let (_, within) = after_a_capture_of_a_scale_set(|world| world.scale_set_files = ScaleSetFiles::InFolder);
        let file = |instance: u8| format!("/testvmss_{instance}_packetcapture_02_00_00_077.cap");
        assert_eq!(within, [file(0), file(1), file(2)]);
    }

    #[test]
    fn an_instance_without_traffic_leaves_a_file_without_packets() {
        let quiet = |world: &mut World| world.scale_sets[0].quiet_instances = vec!["0".into()];
        let (mut client, _) = after_a_capture_of_a_scale_set(quiet);
        let files = client.azure.captures().remove(0).files;
        let lengths: Vec<usize> = files.iter().map(|file| client.blob("GET", file, &[]).body().len()).collect();
        assert_eq!(lengths[0], 24, "a header");
        assert!(lengths[1] > 100_000 && lengths[2] > 100_000, "{lengths:?}");
    }
}
