//! List Blobs: a container's blobs by prefix and in pages, as XML.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Request, StatusCode};
use jiff::Timestamp;

use crate::answer::{self, Answer};
use crate::blob::file;
use crate::blob::refusal::{CONTAINER_NOT_FOUND, Refusal};
use crate::blob::xml::escaped;
use crate::state::State;
use crate::time::http_date;

pub(crate) fn list_blobs(
    state: &mut State,
    now: Timestamp,
    request: &Request<Bytes>,
    container: &str,
) -> Result<Answer, Refusal> {
    if !file::container_exists(state, container) {
        return Err(CONTAINER_NOT_FOUND);
    }
    let parameter = |name: &str| answer::query(request, name).unwrap_or_default();
    let (prefix, marker) = (parameter("prefix"), parameter("marker"));
    let most = parameter("maxresults").parse().unwrap_or(5000_usize).clamp(1, 5000);
    let base = format!("{container}/");
    // A later capture may have been told to write to the same place: its file has taken the other's.
    let mut blobs = BTreeMap::new();
    for file in file::visible(state, now) {
        let name = file.url.strip_prefix(&base).filter(|name| name.starts_with(&prefix) && *name >= marker.as_str());
        if let Some(name) = name {
            blobs.insert(name.to_owned(), (file.id, file.since));
        }
    }
    let next_marker = blobs.keys().nth(most).cloned().unwrap_or_default();
    let mut listed = String::new();
    for (name, (id, since)) in blobs.into_iter().take(most) {
        let length = file::content(state, id).len();
        listed += &format!(
            "<Blob><Name>{}</Name><Properties><Last-Modified>{}</Last-Modified><Etag>{}</Etag><Content-Length>\
             {length}</Content-Length><Content-Type>application/octet-stream</Content-Type><BlobType>BlockBlob\
             </BlobType></Properties></Blob>",
            escaped(&name),
            http_date(since),
            id.etag().trim_matches('"'),
        );
    }
    let (endpoint, name) = container.rsplit_once('/').unwrap_or((container, ""));
    let body = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ServiceEndpoint=\"{}/\" \
         ContainerName=\"{}\"><Prefix>{}</Prefix><Blobs>{listed}</Blobs><NextMarker>{}</NextMarker>\
         </EnumerationResults>",
        escaped(endpoint),
        escaped(name),
        escaped(&prefix),
        escaped(&next_marker)
    );
    Ok(answer::body(StatusCode::OK, "application/xml", body))
}

#[cfg(test)]
mod tests {
    use crate::testing::Client;
    use crate::testing::blob_error_code as error_code;

    #[test]
    fn a_container_is_listed_by_prefix_and_in_pages() {
        let (mut client, first) = Client::after_a_capture();
        client.start("pc2");
        client.pass(63);
        let container = "https://contosoexamplergdiag374.blob.core.windows.net/network-watcher-logs";
        let list = |client: &mut Client, more: &str| {
            let answer = client.blob("GET", &format!("{container}?restype=container&comp=list{more}"), &[]);
            assert_eq!(answer.status(), 200);
            String::from_utf8(answer.body().to_vec()).unwrap()
        };
        let names = |xml: &str| xml.matches("<Name>").count();
        let all = list(&mut client, "");
        assert_eq!(names(&all), 2);
        assert!(all.contains(first.strip_prefix(&format!("{container}/")).unwrap()));
        assert_eq!(names(&list(&mut client, "&prefix=subscriptions/none")), 0);
        let page = list(&mut client, "&maxresults=1");
        let marker = page.split_once("<NextMarker>").unwrap().1.split_once('<').unwrap().0;
        assert_eq!((names(&page), names(&list(&mut client, &format!("&marker={marker}")))), (1, 1));
        let other = client.blob("GET", &format!("{container}-2?restype=container&comp=list"), &[]);
        assert_eq!(error_code(&other), (404, "ContainerNotFound".into()));
    }
}
