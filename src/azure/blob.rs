//! Blob storage, as far as finding a capture's files goes (Storage REST reference: Get Blob Properties, List Blobs).

use bytes::Bytes;
use futures::future::FutureExt;
use futures::stream::{self, Stream, StreamExt};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};
use percent_encoding::percent_decode_str;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde::{Deserialize, Serialize};
use url::Url;

use super::action::Action;
use super::answer::unreadable;
use super::client::{Azure, Call};
use super::cloud::Audience;
use super::error::AzureError;
use crate::host::Host;
use crate::timestamp::Timestamp;

/// A file that a capture left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct File {
    /// Its address in Blob storage.
    pub url: String,
    /// Its size in bytes, when it could be seen.
    pub bytes: Option<u64>,
}

/// The largest of several files, which tells most; of equal ones the first. One whose size is not known counts as empty.
pub fn largest(files: &[File]) -> Option<&File> {
    files.iter().rev().max_by_key(|file| file.bytes.unwrap_or_default())
}

/// When Azure chose a file's address, by its own clock. `None` where it has another form than Azure's.
pub fn named_at(url: &str) -> Option<Timestamp> {
    let stem = url.strip_suffix(".cap").unwrap_or(url);
    let (before_date, _) = stem.rmatch_indices('/').nth(3)?;
    Timestamp::parse_in_address(stem.get(before_date.saturating_add(1)..)?)
}

/// A bound on the pages of a list, 5000 blobs each.
const MOST_PAGES: usize = 10;

/// The most files that a capture is believed to have: more than a scale set has instances.
const MOST_FILES: usize = 1000;

/// The file at an address; `None` when there is none.
pub async fn file<H: Host>(azure: &Azure<'_, H>, url: &str) -> Result<Option<File>, AzureError> {
    Ok(head(azure, url).await?.map(|head| File { url: url.to_owned(), bytes: head.length }))
}

/// What is known of a file without reading it.
#[derive(Clone, Debug)]
pub struct Head {
    /// How long it is, in bytes.
    pub length: Option<u64>,
    /// What tells this state of it from any other.
    pub etag: Option<HeaderValue>,
}

/// Looks at the file at an address; `None` when there is none.
pub async fn head<H: Host>(azure: &Azure<'_, H>, url: &str) -> Result<Option<Head>, AzureError> {
    match call(azure, Method::HEAD, url, HeaderMap::new()).await {
        Err(AzureError::Refused { status: StatusCode::NOT_FOUND, .. }) => Ok(None),
        Err(error) => Err(error),
        Ok(answer) => Ok(Some(Head { length: length(&answer), etag: answer.headers().get(header::ETAG).cloned() })),
    }
}

/// The longest piece of a file that is asked for at once, in bytes.
pub const PIECE: u64 = 4 * 1024 * 1024;

/// How many pieces are on their way at once where a whole file is read. Blob storage gives one connection some 60 MB/s, and each
/// piece begins with a round trip or two in which nothing comes.
const AT_ONCE: usize = 7;

/// A piece of a file.
#[derive(Clone, Debug)]
pub struct Piece {
    pub bytes: Bytes,
    /// Where the next one begins.
    pub end: u64,
    /// How long the whole file is.
    pub file_length: u64,
    /// What tells this state of the file from any other.
    pub etag: Option<HeaderValue>,
}

impl Piece {
    /// Whether the file ends with it.
    pub fn is_last(&self) -> bool {
        self.end >= self.file_length
    }

    /// What is in it, and what has to be known of it to ask for the next one.
    pub fn split(mut self) -> (Bytes, Self) {
        (std::mem::take(&mut self.bytes), self)
    }
}

/// The piece of a file that follows another one, or its first. Fails when the file has changed in between.
pub async fn piece<H: Host>(azure: &Azure<'_, H>, url: &str, after: Option<&Piece>) -> Result<Piece, AzureError> {
    match after {
        None => part(azure, url, 0, u64::MAX, None).await,
        Some(piece) => part(azure, url, piece.end, u64::MAX, piece.etag.clone()).await,
    }
}

/// The pieces of a file that follow its first one, in their order, several of them on their way at once. No more are asked for that
/// begin at `end` or behind.
pub fn rest<'a, H: Host>(
    azure: &'a Azure<'a, H>,
    url: &'a str,
    first: &Piece,
    end: u64,
) -> impl Stream<Item = Result<Piece, AzureError>> + Send + Unpin + 'a {
    let etag = first.etag.clone();
    let begins = (first.end..first.file_length.min(end)).step_by(PIECE as usize);
    stream::iter(begins).map(move |begin| part(azure, url, begin, u64::MAX, etag.clone()).boxed()).buffered(AT_ONCE)
}

/// The piece that begins there, and ends before `end` at the latest. `etag` tells which state of the file is meant; any, where it is
/// not known yet.
pub async fn part<H: Host>(
    azure: &Azure<'_, H>,
    url: &str,
    begin: u64,
    end: u64,
    etag: Option<HeaderValue>,
) -> Result<Piece, AzureError> {
    let range = format!("bytes={begin}-{}", begin.saturating_add(PIECE).min(end).saturating_sub(1));
    let mut headers = HeaderMap::new();
    headers.insert(header::RANGE, HeaderValue::try_from(range).map_err(|error| unreadable(Action::File, error))?);
    if let Some(etag) = etag {
        headers.insert(header::IF_MATCH, etag);
    }
    let answer = match call(azure, Method::GET, url, headers).await {
        // Nothing can be asked of an empty file.
        Err(AzureError::Refused { status: StatusCode::RANGE_NOT_SATISFIABLE, .. }) if begin == 0 => {
            return Ok(Piece { bytes: Bytes::new(), end: 0, file_length: 0, etag: None });
        }
        answer => answer?,
    };
    let etag = answer.headers().get(header::ETAG).cloned();
    let range = answer.headers().get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let range = range.and_then(content_range);
    let bytes = answer.into_body();
    let length = bytes.len() as u64;
    match range {
        // A shorter one would leave a gap before the next, and with nothing in it there would be no end.
        Some((first, file_length))
            if first == begin && length > 0 && length == PIECE.min(file_length.min(end).saturating_sub(begin)) =>
        {
            Ok(Piece { bytes, end: begin.saturating_add(length), file_length, etag })
        }
        _ => Err(unreadable(Action::File, "another part of the file than was asked for")),
    }
}

/// First byte and whole length in `bytes 0-99/1234` (RFC 9110, 14.4).
fn content_range(text: &str) -> Option<(u64, u64)> {
    let (range, length) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.parse().ok()?, length.parse().ok()?))
}

/// The files of a scale set's capture, one for each instance. Azure tells one address for all of them and does not
/// publish what it makes of it, so whatever lies below the same place and has the same name and more is taken.
pub async fn files_of_set<H: Host>(azure: &Azure<'_, H>, url: &str) -> Result<Vec<File>, AzureError> {
    let foreign = || AzureError::ForeignUrl { action: Action::File };
    let place = Place::of(url, azure.config.blob.is_loopback()).ok_or_else(foreign)?;
    let beside = list(azure, &place, &place.stem, |_| true).await?;
    if !beside.is_empty() {
        return Ok(beside);
    }
    list(azure, &place, &place.folder_of_set(), |name| name.contains(&place.name)).await
}

/// What the address of a capture's file says.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    container: Url,
    /// The blob's name without its ending.
    stem: String,
    /// The same up to the day: what belongs to the scale set.
    set: String,
    /// The last part of the name without its ending.
    name: String,
}

impl Place {
    /// Storage accounts have hosts of their own; on loopback, as with Azurite, they are the path's first part.
    fn of(url: &str, account_in_path: bool) -> Option<Self> {
        let mut container = Url::parse(url).ok()?;
        let decoded = |part: &str| Some(percent_decode_str(part).decode_utf8().ok()?.into_owned());
        let path: Vec<String> = container.path_segments()?.map(decoded).collect::<Option<_>>()?;
        let (place, blob) = path.split_at_checked(if account_in_path { 2 } else { 1 })?;
        container.set_query(None);
        container.path_segments_mut().ok()?.clear().extend(place);
        let blob = blob.join("/");
        let stem = blob.strip_suffix(".cap").unwrap_or(&blob).to_owned();
        let parts: Vec<&str> = stem.split('/').collect();
        let name = parts.last().copied().filter(|name| !name.is_empty())?.to_owned();
        // .../{scale set}/{year}/{month}/{day}/{name}
        let set = parts.get(..parts.len().saturating_sub(4)).unwrap_or_default().join("/");
        (!set.is_empty()).then_some(Self { container, stem, set, name })
    }

    /// What the names of all blobs begin with that belong to the scale set, and none of another set.
    fn folder_of_set(&self) -> String {
        format!("{}/", self.set)
    }

    /// The address of a blob in the same container.
    fn url_of(&self, blob: &str) -> String {
        let mut url = self.container.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(blob.split('/'));
        }
        url.into()
    }
}

async fn list<H: Host>(
    azure: &Azure<'_, H>,
    place: &Place,
    prefix: &str,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<Vec<File>, AzureError> {
    let mut files = Vec::new();
    let mut marker = String::new();
    for _ in 0..MOST_PAGES {
        let mut url = place.container.clone();
        url.query_pairs_mut()
            .append_pair("restype", "container")
            .append_pair("comp", "list")
            .append_pair("prefix", prefix)
            .append_pair("marker", &marker);
        let answer = match call(azure, Method::GET, url.as_str(), HeaderMap::new()).await {
            Err(AzureError::Refused { status: StatusCode::NOT_FOUND, .. }) => break,
            other => other?,
        };
        let xml = str::from_utf8(answer.body()).map_err(|error| unreadable(Action::File, error))?;
        let page = Page::read(xml).map_err(|error| unreadable(Action::File, error))?;
        let wanted = page.blobs.into_iter().filter(|(name, _)| is_wanted(name));
        let found = wanted.map(|(name, bytes)| File { url: place.url_of(&name), bytes });
        files.extend(found.take(MOST_FILES.saturating_sub(files.len())));
        marker = page.next_marker;
        if marker.is_empty() {
            break;
        }
    }
    Ok(files)
}

/// One page of a list of blobs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Page {
    blobs: Vec<(String, Option<u64>)>,
    next_marker: String,
}

impl Page {
    fn read(xml: &str) -> Result<Self, quick_xml::Error> {
        let mut reader = Reader::from_str(xml);
        let mut page = Self::default();
        let (mut element, mut text) = (String::new(), String::new());
        loop {
            match reader.read_event()? {
                Event::Start(start) => {
                    element = start.name().as_ref().to_owned();
                    text.clear();
                    if element == "Blob" {
                        page.blobs.push((String::new(), None));
                    }
                }
                Event::Text(more) => text.push_str(&more),
                Event::GeneralRef(entity) => text.push_str(&resolved(&entity)?),
                Event::End(_) => {
                    page.take(&element, std::mem::take(&mut text));
                    element.clear();
                }
                Event::Eof => return Ok(page),
                _ => {}
            }
        }
    }

    fn take(&mut self, element: &str, text: String) {
        match (element, self.blobs.last_mut()) {
            ("Name", Some(blob)) => blob.0 = text,
            ("Content-Length", Some(blob)) => blob.1 = text.trim().parse().ok(),
            ("NextMarker", _) => self.next_marker = text,
            _ => {}
        }
    }
}

fn resolved(entity: &quick_xml::events::BytesRef) -> Result<String, quick_xml::Error> {
    if let Some(letter) = entity.resolve_char_ref()? {
        return Ok(letter.to_string());
    }
    Ok(quick_xml::escape::resolve_predefined_entity(entity).unwrap_or_default().to_owned())
}

fn length(answer: &Response<Bytes>) -> Option<u64> {
    answer.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn call<H: Host>(
    azure: &Azure<'_, H>,
    method: Method,
    url: &str,
    headers: HeaderMap,
) -> Result<Response<Bytes>, AzureError> {
    let uri: Uri = azure.given_uri(Action::File, url)?;
    let (audience, action, body) = (Audience::Storage, Action::File, Bytes::new());
    azure.call(Call { audience, action, method, uri, body, repeat: true, capture: None, headers }).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOB: &str =
        "network-watcher-logs/subscriptions/s/virtualmachinescalesets/set/2026/11/20/packetcapture_02_13_41_077";

    #[test]
    fn an_address_tells_when_azure_chose_it() {
        let at = Timestamp::parse("2026-11-20T02:13:41.077Z");
        for url in [format!("https://store.blob.core.windows.net/{BLOB}.cap"), BLOB.to_owned()] {
            assert_eq!(named_at(&url), at, "{url}");
        }
        for odd in [
            "",
            "/",
            "https://store/c/mine.cap",
            "https://store/c/2026/13/20/packetcapture_02_13_41_077.cap",
            "é/é/é/é",
        ] {
            assert_eq!(named_at(odd), None, "{odd}");
        }
    }

    #[test]
    fn an_address_tells_container_and_names() {
        for (base, account_in_path) in
            [("https://store.blob.core.windows.net", false), ("http://127.0.0.1:7302/store", true)]
        {
            let place = Place::of(&format!("{base}/{BLOB}.cap"), account_in_path).unwrap();
            assert_eq!(place.container.as_str(), format!("{base}/network-watcher-logs"));
            assert_eq!(place.set, "subscriptions/s/virtualmachinescalesets/set");
            assert_eq!(place.folder_of_set(), "subscriptions/s/virtualmachinescalesets/set/");
            assert_eq!(place.name, "packetcapture_02_13_41_077");
            assert_eq!(place.stem, format!("{}/2026/11/20/{}", place.set, place.name));
        }
        for odd in ["", "https://", "https://store/container", "https://store/container/", "https://store/c/short.cap"]
        {
            assert_eq!(Place::of(odd, false), None, "{odd}");
        }
    }

    #[test]
    fn a_content_range_tells_where_a_piece_belongs() {
        assert_eq!(content_range("bytes 100-199/1234"), Some((100, 1234)));
        for odd in ["", "bytes", "bytes */1234", "bytes 0-1/*", "items 0-1/2", "bytes -1-2/3"] {
            assert_eq!(content_range(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_page_is_read_with_its_entities() {
        let page = Page::read(
            "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults><Prefix>x</Prefix><Blobs>\
             <Blob><Name>a&amp;b/&#x63;.cap</Name><Properties><Content-Length>12</Content-Length></Properties></Blob>\
             <Blob><Name>d.cap</Name><Properties /></Blob></Blobs><NextMarker>on</NextMarker></EnumerationResults>",
        )
        .unwrap();
        assert_eq!(page.blobs, [("a&b/c.cap".to_owned(), Some(12)), ("d.cap".to_owned(), None)]);
        assert_eq!(page.next_marker, "on");
    }

    #[test]
    fn what_is_no_page_lists_nothing() {
        assert_eq!(Page::read("").unwrap(), Page::default());
        assert!(Page::read("<a><b></a>").is_err());
        assert_eq!(Page::read("<Blob><Name>&nonsense;</Name></Blob>").unwrap().blobs, [(String::new(), None)]);
    }

    #[tokio::test(start_paused = true)]
    async fn files_of_other_captures_do_not_keep_those_of_a_set_out() {
        let base = "https://store.blob.core.windows.net/network-watcher-logs";
        let set = "subscriptions/s/virtualmachinescalesets/web";
        let ours = format!("{set}/0/2026/11/20/packetcapture_02_13_41_077.cap");
        let others = (0..2 * MOST_FILES).map(|number| format!("{set}/0/2026/11/19/packetcapture_{number}.cap"));
        let blobs: String =
            others.chain([ours.clone()]).map(|name| format!("<Blob><Name>{name}</Name></Blob>")).collect();
        let page = format!("<EnumerationResults><Blobs>{blobs}</Blobs><NextMarker /></EnumerationResults>");
        let stage = crate::azure::fake::Stage::new(move |request| {
            let is_set = request.uri().query().is_some_and(|query| query.contains("virtualmachinescalesets%2Fweb%2F&"));
            crate::host::fake::Answer::json(
                200,
                if is_set { page.clone() } else { "<EnumerationResults />".to_owned() },
            )
        });
        let url = format!("{base}/{set}/2026/11/20/packetcapture_02_13_41_077.cap");
        let files = files_of_set(&stage.azure(), &url).await.unwrap();
        assert_eq!(files.iter().map(|file| file.url.as_str()).collect::<Vec<_>>(), [format!("{base}/{ours}")]);
    }
}
