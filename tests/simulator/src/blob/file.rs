//! The files of captures: which can be seen, and what is in them.

use std::net::Ipv4Addr;

use bytes::Bytes;
use jiff::Timestamp;

use crate::capture::filter::PacketFilter;
use crate::identifier::scramble;
use crate::resource_id::name_of;
use crate::state::State;
use crate::time::later;
use crate::traffic::pcap::record;
use crate::traffic::recording::Recording;
use crate::world::inventory::World;

/// A blob that can be seen.
pub(crate) struct File<'a> {
    pub(crate) url: &'a str,
    pub(crate) id: FileId,
    pub(crate) since: Timestamp,
}

/// The capture, by its number, and which of its files: what the content follows from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileId {
    capture: usize,
    number: usize,
}

impl FileId {
    pub(crate) fn etag(self) -> String {
        format!("\"0x8DE{:013X}\"", scramble(self.seed()) & 0xf_ffff_ffff_ffff)
    }

    fn seed(self) -> u64 {
        (self.capture * 1000 + self.number) as u64
    }
}

/// Every file that can be seen, in the order of the captures: a file is put in its place a little after the
/// capture's end.
pub(crate) fn visible(state: &State, now: Timestamp) -> impl Iterator<Item = File<'_>> {
    state.captures.iter().enumerate().flat_map(move |(index, capture)| {
        let ended = capture.ended.filter(|_| capture.errors.is_empty());
        let since = ended.map(|ended| later(ended, state.world.timing.file_delay)).filter(|since| *since <= now);
        since.into_iter().flat_map(move |since| {
            let urls = capture.files.iter().enumerate();
            urls.map(move |(number, url)| File { url, id: FileId { capture: index, number }, since })
        })
    })
}

/// The service makes the container for the first capture that is to be stored in it.
pub(crate) fn container_exists(state: &State, url: &str) -> bool {
    let wanted = container_of(&state.world, url);
    wanted.is_some() && state.captures.iter().any(|capture| container_of(&state.world, &capture.storage_path) == wanted)
}

/// The part of a blob's or container's URL that names the container.
fn container_of<'a>(world: &World, url: &'a str) -> Option<&'a str> {
    let accounts = world.storage_accounts.iter().map(|account| name_of(&account.id));
    let mut bases = accounts.map(|name| format!("{}/", world.urls.blob_account(name)));
    let base = bases.find(|base| url.starts_with(base.as_str()))?;
    let container = url[base.len()..].split('/').next().unwrap_or_default();
    (!container.is_empty()).then(|| &url[..base.len() + container.len()])
}

pub(crate) fn content(state: &mut State, id: FileId) -> Bytes {
    let key = (id.capture, id.number);
    if let Some(content) = state.file_cache.get(&key) {
        return content.clone();
    }
    let content = Bytes::from(record(&recording(state, id)));
    state.file_cache.insert(key, content.clone());
    content
}

fn recording(state: &State, id: FileId) -> Recording {
    let capture = &state.captures[id.capture];
    let properties = &capture.properties;
    let machine = state.world.virtual_machine(&capture.target).map(|machine| machine.private_address);
    let last_octet = u8::try_from(id.number % 200).unwrap_or_default() + 4;
    let started = capture.started.unwrap_or(capture.created);
    let ended = if is_quiet(state, id) { started } else { capture.ended.unwrap_or(capture.created) };
    Recording {
        started,
        ended,
        machine: machine.unwrap_or(Ipv4Addr::new(10, 1, 0, last_octet)),
        bytes_per_packet: properties.bytes_to_capture_per_packet.unwrap_or_default(),
        total_bytes: properties.total_bytes_per_session.unwrap_or_default(),
        filters: PacketFilter::read_all(properties).unwrap_or_default(),
        percent: state.world.traffic_percent,
        seed: id.seed(),
    }
}

/// Whether the file is of an instance without traffic.
fn is_quiet(state: &State, id: FileId) -> bool {
    let capture = &state.captures[id.capture];
    let set = state.world.scale_set(&capture.target);
    let instance = capture.instances.get(id.number);
    set.zip(instance).is_some_and(|(set, instance)| set.quiet_instances.contains(instance))
}

#[cfg(test)]
mod tests {
    use crate::World;
    use crate::testing::blob_error_code as error_code;
    use crate::testing::{Client, header, json};

    #[test]
    fn the_file_appears_a_little_after_the_end() {
        let mut client = Client::new(World::sample);
        client.start("pc1");
        let url = client.azure.captures()[0].storage_path.clone();
        for seconds in [0, 59, 1, 2] {
            client.pass(seconds);
            assert_eq!(error_code(&client.blob("GET", &url, &[])), (404, "BlobNotFound".into()));
        }
        client.pass(1);
        let file = client.blob("GET", &url, &[]);
        assert_eq!((file.status().as_u16(), &file.body()[..4]), (200, &[0xd4, 0xc3, 0xb2, 0xa1][..]));
        assert_eq!(header(&file, "content-length"), file.body().len().to_string());
    }

    #[test]
    fn the_file_outlives_its_capture() {
        let (mut client, url) = Client::after_a_capture();
        client.arm("DELETE", &client.capture("pc1"), "");
        client.pass(100);
        assert_eq!(client.blob("GET", &url, &[]).status(), 200);
    }

    #[test]
    fn what_the_agent_could_not_store_is_not_there() {
        let mut client = Client::new(World::sample);
        client.azure.world_mut().storage_accounts[0].shared_key_access = false;
        client.start("pc1");
        client.pass(100);
        assert_eq!(json(&client.status("pc1"))["packetCaptureError"][0], "StorageFailed");
        let url = client.azure.captures()[0].storage_path.clone();
        assert_eq!(error_code(&client.blob("GET", &url, &[])).0, 404);
    }
}
