//! Blob storage, as far as reading capture files goes: get a blob or its properties, list a container
//! (Storage REST reference: Get Blob, List Blobs, Authorize with Microsoft Entra ID).

use std::net::Ipv4Addr;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use crate::answer::{self, Answer, ArmError};
use crate::azure::Azure;
use crate::capture::Capture;
use crate::capture_request;
use crate::token::{Audience, Refused, later};
use crate::traffic::{self, Recording};
use crate::world::{World, name_of, same};

const OLDEST_WITH_TOKENS: &str = "2017-11-09";
const READ: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";

/// Why a request is refused: status, code, message, and the detail that some refusals carry.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: &'static str,
    detail: Option<&'static str>,
}

const fn refusal(status: StatusCode, code: &'static str, message: &'static str) -> Refusal {
    Refusal { status, code, message, detail: None }
}

const BLOB_NOT_FOUND: Refusal = refusal(StatusCode::NOT_FOUND, "BlobNotFound", "The specified blob does not exist.");
const CONTAINER_NOT_FOUND: Refusal =
    refusal(StatusCode::NOT_FOUND, "ContainerNotFound", "The specified container does not exist.");
const RESOURCE_NOT_FOUND: Refusal =
    refusal(StatusCode::NOT_FOUND, "ResourceNotFound", "The specified resource does not exist.");
const INVALID_HEADER: Refusal = refusal(
    StatusCode::BAD_REQUEST,
    "InvalidHeaderValue",
    "The value for one of the HTTP headers is not in the correct format.",
);
const INVALID_RANGE: Refusal = refusal(
    StatusCode::RANGE_NOT_SATISFIABLE,
    "InvalidRange",
    "The range specified is invalid for the current size of the resource.",
);
const CONDITION_NOT_MET: Refusal = refusal(
    StatusCode::PRECONDITION_FAILED,
    "ConditionNotMet",
    "The condition specified using HTTP conditional header(s) is not met.",
);
const UNSUPPORTED_VERB: Refusal =
    refusal(StatusCode::METHOD_NOT_ALLOWED, "UnsupportedHttpVerb", "The resource doesn't support specified Http Verb.");
const NO_PERMISSION: Refusal = refusal(
    StatusCode::FORBIDDEN,
    "AuthorizationPermissionMismatch",
    "This request is not authorized to perform this operation using this permission.",
);

/// A blob that can be seen.
struct File<'a> {
    url: &'a str,
    /// Where the capture is in the ledger, and the file in the capture: what its content follows from.
    place: (usize, usize),
    since: Timestamp,
}

impl Azure {
    pub(crate) fn answer_blob(&mut self, now: Timestamp, request: &Request<Bytes>) -> Answer {
        let mut answer = match self.admit_to_blobs(now, request) {
            Err(answer) => *answer,
            Ok(()) => self.read_blobs(now, request).unwrap_or_else(|refusal| refusal.into_answer()),
        };
        answer::set(&mut answer, "x-ms-request-id", &self.identifiers.guid());
        answer::set(&mut answer, "server", "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0");
        if let Some(version) = request.headers().get("x-ms-version") {
            answer.headers_mut().insert("x-ms-version", version.clone());
        }
        if let Some(id) = request.headers().get("x-ms-client-request-id") {
            answer.headers_mut().insert("x-ms-client-request-id", id.clone());
        }
        if request.method() == Method::HEAD {
            answer.body_mut().clear();
        }
        answer
    }

    fn admit_to_blobs(&self, now: Timestamp, request: &Request<Bytes>) -> Result<(), Box<Answer>> {
        let has_token = request.headers().contains_key("authorization");
        match answer::header(request, "x-ms-version") {
            Some(version) if !is_date(version) => return Err(Box::new(INVALID_HEADER.into_answer())),
            Some(version) if version >= OLDEST_WITH_TOKENS => {}
            _ if has_token => return Err(Box::new(version_too_old())),
            _ => {}
        }
        self.tokens
            .check(request, Audience::Storage, now)
            .map_err(|refused| Box::new(token_refused(&self.world, refused)))?;
        if self.world.denied_actions.iter().any(|denied| same(denied, READ)) {
            return Err(Box::new(NO_PERMISSION.into_answer()));
        }
        Ok(())
    }

    fn read_blobs(&mut self, now: Timestamp, request: &Request<Bytes>) -> Result<Answer, Refusal> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(UNSUPPORTED_VERB);
        }
        let url = self.url_of(request).ok_or(RESOURCE_NOT_FOUND)?;
        let asks = |name: &str, value: &str| answer::query(request, name).as_deref() == Some(value);
        if asks("restype", "container") && asks("comp", "list") {
            return self.list_blobs(now, request, url.trim_end_matches('/'));
        }
        let file = self.files(now).into_iter().rfind(|file| file.url == url);
        let Some(File { place, since, .. }) = file else {
            return Err(if self.container_exists(&url) { BLOB_NOT_FOUND } else { CONTAINER_NOT_FOUND });
        };
        let content = self.content(&url, place);
        get_blob(request, &content, since, &etag(place))
    }

    /// The blob's URL in the form in which captures know their files: without query, and decoded.
    fn url_of(&self, request: &Request<Bytes>) -> Option<String> {
        let path = percent_decode_str(request.uri().path()).decode_utf8().ok()?;
        let base = &self.world.urls.blob;
        let Some((before, after)) = base.split_once('*') else {
            return self.knows_account(path.trim_start_matches('/')).then(|| format!("{base}{path}"));
        };
        let host = request.uri().authority().map(|authority| authority.as_str());
        let host = host.or_else(|| answer::header(request, "host"))?;
        let scheme_end = before.find("://").map_or(0, |at| at + 3);
        let account = host.strip_prefix(&before[scheme_end..])?.strip_suffix(after)?;
        self.knows_account(account).then(|| format!("{}{path}", self.world.urls.blob_account(account)))
    }

    fn knows_account(&self, path: &str) -> bool {
        let account = path.split('/').next().unwrap_or_default();
        self.world.storage_accounts.iter().any(|known| name_of(&known.id) == account)
    }

    /// Every file that can be seen: a capture's file is put in its place a little after the capture's end.
    fn files(&self, now: Timestamp) -> Vec<File<'_>> {
        let mut files = Vec::new();
        for (index, capture) in self.captures.iter().enumerate() {
            let Some(ended) = capture.ended.filter(|_| capture.errors.is_empty()) else { continue };
            let since = later(ended, self.world.timing.file_delay);
            if since > now {
                continue;
            }
            for (number, url) in capture.files.iter().enumerate() {
                files.push(File { url, place: (index, number), since });
            }
        }
        files
    }

    /// The service makes the container for the first capture that is to be stored in it.
    fn container_exists(&self, url: &str) -> bool {
        let wanted = self.container_of(url);
        wanted.is_some() && self.captures.iter().any(|capture| self.container_of(&capture.storage_path) == wanted)
    }

    /// The part of a blob's or container's URL that names the container.
    fn container_of<'a>(&self, url: &'a str) -> Option<&'a str> {
        let accounts = self.world.storage_accounts.iter().map(|account| name_of(&account.id));
        let mut bases = accounts.map(|name| format!("{}/", self.world.urls.blob_account(name)));
        let base = bases.find(|base| url.starts_with(base.as_str()))?;
        let container = url[base.len()..].split('/').next().unwrap_or_default();
        (!container.is_empty()).then(|| &url[..base.len() + container.len()])
    }

    fn content(&mut self, url: &str, place: (usize, usize)) -> Bytes {
        // A later capture may be told to write to the same place.
        let key = format!("{} {url}", place.0);
        if let Some(content) = self.files.get(&key) {
            return content.clone();
        }
        let capture = &self.captures[place.0];
        let content = Bytes::from(traffic::record(&self.recording(capture, place)));
        self.files.insert(key, content.clone());
        content
    }

    fn recording(&self, capture: &Capture, (index, number): (usize, usize)) -> Recording {
        let properties = &capture.properties;
        let machine = self.world.virtual_machine(&capture.target).map(|machine| machine.private_address);
        let instance = u8::try_from(number % 200).unwrap_or_default();
        Recording {
            started: capture.started.unwrap_or(capture.created),
            ended: capture.ended.unwrap_or(capture.created),
            machine: machine.unwrap_or(Ipv4Addr::new(10, 1, 0, 4 + instance)),
            bytes_per_packet: properties.bytes_to_capture_per_packet.unwrap_or_default(),
            total_bytes: properties.total_bytes_per_session.unwrap_or_default(),
            filters: capture_request::filters(properties).unwrap_or_default(),
            percent: self.world.traffic_percent,
            seed: (index * 1000 + number) as u64,
        }
    }

    fn list_blobs(&mut self, now: Timestamp, request: &Request<Bytes>, container: &str) -> Result<Answer, Refusal> {
        if !self.container_exists(container) {
            return Err(CONTAINER_NOT_FOUND);
        }
        let parameter = |name: &str| answer::query(request, name).unwrap_or_default();
        let (prefix, marker) = (parameter("prefix"), parameter("marker"));
        let most = parameter("maxresults").parse().unwrap_or(5000_usize).clamp(1, 5000);
        let base = format!("{container}/");
        let mut blobs: Vec<(String, String, (usize, usize), Timestamp)> = self
            .files(now)
            .into_iter()
            .filter_map(|file| {
                let name = file.url.strip_prefix(&base)?;
                let wanted = name.starts_with(&prefix) && name >= marker.as_str();
                wanted.then(|| (name.to_owned(), file.url.to_owned(), file.place, file.since))
            })
            .collect();
        blobs.sort();
        blobs.reverse();
        blobs.dedup_by(|later, earlier| later.0 == earlier.0);
        blobs.reverse();
        let next = blobs.get(most).map(|blob| blob.0.clone()).unwrap_or_default();
        let mut listed = String::new();
        for (name, url, place, since) in blobs.into_iter().take(most) {
            let length = self.content(&url, place).len();
            listed += &format!(
                "<Blob><Name>{}</Name><Properties><Last-Modified>{}</Last-Modified><Etag>{}</Etag><Content-Length>\
                 {length}</Content-Length><Content-Type>application/octet-stream</Content-Type><BlobType>BlockBlob\
                 </BlobType></Properties></Blob>",
                escaped(&name),
                http_date(since),
                etag(place).trim_matches('"'),
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
            escaped(&next)
        );
        Ok(answer::body(StatusCode::OK, "application/xml", body))
    }
}

fn get_blob(request: &Request<Bytes>, content: &Bytes, since: Timestamp, etag: &str) -> Result<Answer, Refusal> {
    let header = |name: &str| answer::header(request, name);
    if header("if-match").is_some_and(|wanted| wanted != "*" && wanted != etag) {
        return Err(CONDITION_NOT_MET);
    }
    if header("if-none-match").is_some_and(|known| known == "*" || known == etag) {
        return Ok(answer::empty(StatusCode::NOT_MODIFIED));
    }
    // HEAD is Get Blob Properties, which takes no range.
    let range = header("x-ms-range").or(header("range")).filter(|_| request.method() == Method::GET);
    let mut answer = match range {
        None => answer::body(StatusCode::OK, "application/octet-stream", content.clone()),
        Some(range) => {
            let (first, last) = byte_range(range, content.len())?;
            let part = content.slice(first..=last);
            let mut answer = answer::body(StatusCode::PARTIAL_CONTENT, "application/octet-stream", part);
            answer::set(&mut answer, "content-range", &format!("bytes {first}-{last}/{}", content.len()));
            answer
        }
    };
    let length = answer.body().len();
    answer.headers_mut().insert("content-length", HeaderValue::from(length));
    answer::set(&mut answer, "accept-ranges", "bytes");
    answer::set(&mut answer, "etag", etag);
    answer::set(&mut answer, "last-modified", &http_date(since));
    answer::set(&mut answer, "x-ms-blob-type", "BlockBlob");
    Ok(answer)
}

/// `bytes=first-` or `bytes=first-last`; blob storage has no other form. A `last` beyond the end means the end.
fn byte_range(range: &str, length: usize) -> Result<(usize, usize), Refusal> {
    let (first, last) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')).ok_or(INVALID_HEADER)?;
    let number = |text: &str| text.parse::<usize>().map_err(|_| INVALID_HEADER);
    let first = number(first)?;
    let last = if last.is_empty() { usize::MAX } else { number(last)? };
    if last < first {
        return Err(INVALID_HEADER);
    }
    if first >= length {
        return Err(INVALID_RANGE);
    }
    Ok((first, last.min(length - 1)))
}

fn is_date(text: &str) -> bool {
    text.parse::<jiff::civil::Date>().is_ok() && text.len() == 10
}

fn etag((index, number): (usize, usize)) -> String {
    let tag = crate::identifier::scramble((index * 1000 + number) as u64);
    format!("\"0x8DE{:013X}\"", tag & 0xf_ffff_ffff_ffff)
}

fn http_date(moment: Timestamp) -> String {
    moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

impl Refusal {
    fn into_answer(self) -> Answer {
        xml_error(self.status, self.code, self.message, self.detail)
    }
}

/// An error in blob storage's words.
pub(crate) fn error_answer(error: &ArmError) -> Answer {
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

fn version_too_old() -> Answer {
    Refusal {
        detail: Some("Authentication scheme Bearer is not supported in this version."),
        ..refusal(
            StatusCode::FORBIDDEN,
            "AuthenticationFailed",
            "Server failed to authenticate the request. Make sure the value of Authorization header is formed \
             correctly including the signature.",
        )
    }
    .into_answer()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Play, capture_body, header};
    use crate::{Service, World};

    /// A play in which a capture has ended and its file can be seen, and the file's URL.
    fn after_a_capture() -> (Play, String) {
        let mut play = Play::new(World::sample);
        play.start("pc1");
        play.pass(63);
        let url = play.azure.captures()[0].storage_path.clone();
        (play, url)
    }

    fn error_code(answer: &Answer) -> (u16, String) {
        assert!(String::from_utf8_lossy(answer.body()).contains(&header(answer, "x-ms-error-code")));
        (answer.status().as_u16(), header(answer, "x-ms-error-code"))
    }

    #[test]
    fn the_file_appears_a_little_after_the_end() {
        let mut play = Play::new(World::sample);
        play.start("pc1");
        let url = play.azure.captures()[0].storage_path.clone();
        for seconds in [0, 59, 1, 2] {
            play.pass(seconds);
            assert_eq!(error_code(&play.blob("GET", &url, &[])), (404, "BlobNotFound".into()));
        }
        play.pass(1);
        let file = play.blob("GET", &url, &[]);
        assert_eq!((file.status().as_u16(), &file.body()[..4]), (200, &[0xd4, 0xc3, 0xb2, 0xa1][..]));
        assert_eq!(header(&file, "content-length"), file.body().len().to_string());
    }

    #[test]
    fn the_file_outlives_its_capture() {
        let (mut play, url) = after_a_capture();
        play.arm("DELETE", &play.capture("pc1"), "");
        play.pass(100);
        assert_eq!(play.blob("GET", &url, &[]).status(), 200);
    }

    #[test]
    fn a_file_is_read_in_ranges_that_fit_together() {
        let (mut play, url) = after_a_capture();
        let whole = play.blob("GET", &url, &[]);
        let head = play.blob("HEAD", &url, &[]);
        let length = whole.body().len();
        assert_eq!((header(&head, "content-length"), head.body().len()), (length.to_string(), 0));
        let etag = header(&head, "etag");

        let first = play.blob("GET", &url, &[("range", "bytes=0-99"), ("if-match", &etag)]);
        assert_eq!((first.status().as_u16(), header(&first, "content-range")), (206, format!("bytes 0-99/{length}")));
        let rest = play.blob("GET", &url, &[("x-ms-range", "bytes=100-"), ("range", "bytes=0-1")]);
        assert_eq!([&first.body()[..], &rest.body()[..]].concat(), whole.body()[..]);
        let beyond = format!("bytes={}-{}", length - 10, length + 1000);
        assert_eq!(play.blob("GET", &url, &[("range", &beyond)]).body().len(), 10);

        let after = format!("bytes={length}-");
        assert_eq!(error_code(&play.blob("GET", &url, &[("range", &after)])), (416, "InvalidRange".into()));
        assert_eq!(error_code(&play.blob("GET", &url, &[("range", "bytes=-5")])), (400, "InvalidHeaderValue".into()));
        let changed = play.blob("GET", &url, &[("if-match", "\"0x1\"")]);
        assert_eq!(error_code(&changed), (412, "ConditionNotMet".into()));
    }

    #[test]
    fn a_token_for_storage_and_a_version_that_knows_tokens_are_needed() {
        let (mut play, url) = after_a_capture();
        let version = ("x-ms-version", "2021-12-02");
        let storage = format!("Bearer {}", play.storage_token());
        let arm = format!("Bearer {}", play.arm_token());
        let mut ask = |headers: &[(&str, &str)]| error_code(&play.send(Service::Blob, "GET", &url, headers, ""));
        assert_eq!(ask(&[version]), (401, "NoAuthenticationInformation".into()));
        assert_eq!(ask(&[version, ("authorization", &arm)]), (401, "InvalidAuthenticationInfo".into()));
        assert_eq!(ask(&[("authorization", &storage)]), (403, "AuthenticationFailed".into()));
        let old = [("x-ms-version", "2017-07-29"), ("authorization", storage.as_str())];
        assert_eq!(ask(&old), (403, "AuthenticationFailed".into()));
        let wrong = [("x-ms-version", "newest"), ("authorization", storage.as_str())];
        assert_eq!(ask(&wrong), (400, "InvalidHeaderValue".into()));
        play.azure.world_mut().denied_actions = vec![READ.into()];
        assert_eq!(error_code(&play.blob("GET", &url, &[])), (403, "AuthorizationPermissionMismatch".into()));
    }

    #[test]
    fn a_container_is_listed_by_prefix_and_in_pages() {
        let (mut play, first) = after_a_capture();
        play.start("pc2");
        play.pass(63);
        let container = "https://contosoexamplergdiag374.blob.core.windows.net/network-watcher-logs";
        let list = |play: &mut Play, more: &str| {
            let answer = play.blob("GET", &format!("{container}?restype=container&comp=list{more}"), &[]);
            assert_eq!(answer.status(), 200);
            String::from_utf8(answer.body().to_vec()).unwrap()
        };
        let names = |xml: &str| xml.matches("<Name>").count();
        let all = list(&mut play, "");
        assert_eq!(names(&all), 2);
        assert!(all.contains(first.strip_prefix(&format!("{container}/")).unwrap()));
        assert_eq!(names(&list(&mut play, "&prefix=subscriptions/none")), 0);
        let page = list(&mut play, "&maxresults=1");
        let marker = page.split_once("<NextMarker>").unwrap().1.split_once('<').unwrap().0;
        assert_eq!((names(&page), names(&list(&mut play, &format!("&marker={marker}")))), (1, 1));
        let other = play.blob("GET", &format!("{container}-2?restype=container&comp=list"), &[]);
        assert_eq!(error_code(&other), (404, "ContainerNotFound".into()));
    }

    #[test]
    fn accounts_may_be_in_the_path() {
        let mut play = Play::new(|urls| World::sample(crate::Urls { blob: "http://127.0.0.1:1".into(), ..urls }));
        play.start("pc1");
        play.pass(63);
        let url = play.azure.captures()[0].storage_path.clone();
        assert!(url.starts_with("http://127.0.0.1:1/contosoexamplergdiag374/network-watcher-logs/subscriptions/"));
        assert_eq!(play.blob("GET", &url, &[]).status(), 200);
        let path = url.strip_prefix("http://127.0.0.1:1").unwrap();
        assert_eq!(play.blob("GET", path, &[("host", "127.0.0.1:1")]).status(), 200, "as a socket shows it");
    }

    #[test]
    fn what_the_agent_could_not_store_is_not_there() {
        let mut play = Play::new(World::sample);
        play.azure.world_mut().storage_accounts[0].shared_key_access = false;
        play.start("pc1");
        play.pass(100);
        assert_eq!(crate::testing::json(&play.status("pc1"))["packetCaptureError"][0], "StorageFailed");
        let url = play.azure.captures()[0].storage_path.clone();
        assert_eq!(error_code(&play.blob("GET", &url, &[])).0, 404);
    }

    #[test]
    fn a_place_of_the_clients_choice_is_used() {
        let mut play = Play::new(World::sample);
        let account = "https://contosoexamplergdiag374.blob.core.windows.net";
        let mut path_for = |name: &str, path: &str| {
            let mut body = capture_body(60);
            body["properties"]["storageLocation"]["storagePath"] = path.into();
            play.arm("PUT", &play.capture(name), &body.to_string()).status().as_u16()
        };
        assert_eq!(path_for("pc1", &format!("{account}/mine/x.cap")), 201);
        assert_eq!(path_for("pc2", &format!("{account}/mine")), 201);
        assert_eq!(path_for("pc3", "https://elsewhere.blob.core.windows.net/mine/x.cap"), 400);
        let paths: Vec<String> = play.azure.captures().into_iter().map(|capture| capture.storage_path).collect();
        assert_eq!(paths[0], format!("{account}/mine/x.cap"));
        assert!(paths[1].starts_with(&format!("{account}/mine/subscriptions/")), "{}", paths[1]);
    }
}
