//! HTTP/1 without encryption: who was asked, and how it ended.

use std::collections::BTreeMap;

use httparse::{EMPTY_HEADER, Header, Request, Response, Status};
use serde::Serialize;

use crate::bytes::Incomplete;
use crate::names::{NameCounts, Named};
use crate::text::clean;
use crate::top::Names;

const MAX_HOSTS: usize = 2_000;
/// A name, and a port.
const MAX_HOST_BYTES: usize = 260;
/// As many as usual servers take.
const MAX_HEADERS: usize = 100;

const METHODS: [&[u8]; 9] =
    [b"GET ", b"POST ", b"PUT ", b"HEAD ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"CONNECT ", b"TRACE "];

/// How an answer begins.
const ANSWER: &[u8] = b"HTTP/1.";

/// HTTP/1 over TCP, on any port. Messages are found where a segment begins with one, and where the one before
/// ends.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Http {
    pub requests: u64,
    pub methods: BTreeMap<String, u64>,
    pub responses: u64,
    /// Answers by the class of their status: `1xx` to `5xx`.
    pub statuses: BTreeMap<String, u64>,
    /// Hosts that were asked, with the port when the request names it.
    pub hosts: Names<Named>,
}

/// HTTP as it is counted.
#[derive(Clone, Debug)]
pub(crate) struct HttpStatistics {
    http: Http,
    statuses: [u64; 5],
    hosts: NameCounts,
}

/// What the head of a message says that matters for its connection, or its server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// A client asks for a host, with its port when the request names it.
    ForHost(String),
    /// A client asks for what another server has: the request is to a proxy (RFC 9112, 3.2.2 and 3.2.3).
    ForAnotherServer,
    Answer(Answer),
}

impl Default for HttpStatistics {
    fn default() -> Self {
        Self { http: Http::default(), statuses: [0; 5], hosts: NameCounts::new(MAX_HOSTS) }
    }
}

/// What the head of an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub status: u16,
    /// Bytes that are still to come, where the answer says how long it is.
    pub missing: Option<u32>,
}

/// Whether bytes begin like a request or an answer. There may be too few to tell.
pub(crate) fn is_http(bytes: &[u8]) -> bool {
    let is = |beginning: &[u8]| bytes.starts_with(beginning) || (!bytes.is_empty() && beginning.starts_with(bytes));
    is(ANSWER) || METHODS.into_iter().any(is)
}

/// Whether bytes begin like an answer.
pub(crate) fn is_answer(bytes: &[u8]) -> bool {
    bytes.starts_with(ANSWER)
}

/// Whether the empty line that ends a head is among the bytes from a place on.
pub(crate) fn ends_head(bytes: &[u8], from: usize) -> bool {
    // What begins the line may stand before.
    let bytes = bytes.get(from.saturating_sub(2)..).unwrap_or_default();
    bytes.windows(2).any(|two| two == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}

impl HttpStatistics {
    /// Reads the first message, and tells what its head says and how long it is. When the end of its head is missing and
    /// `is_all` there will be, what is there is counted.
    pub fn read(&mut self, bytes: &[u8], is_all: bool) -> Result<(Option<Head>, usize), Incomplete> {
        match is_answer(bytes) {
            false if ANSWER.starts_with(bytes) && !is_all => Err(incomplete(bytes)),
            true => self.read_response(bytes, is_all),
            false => self.read_request(bytes, is_all),
        }
    }

    fn read_request(&mut self, bytes: &[u8], is_all: bool) -> Result<(Option<Head>, usize), Incomplete> {
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut request = Request::new(&mut headers);
        let Ok(status) = request.parse(bytes) else { return Ok((None, bytes.len())) };
        if status.is_partial() && !is_all {
            return Err(incomplete(bytes));
        }
        let host = header(request.headers, "host");
        let (Some(method), Some(_)) = (request.method, request.version) else { return Ok((None, bytes.len())) };
        self.http.requests = self.http.requests.saturating_add(1);
        let count = self.http.methods.entry(method.to_owned()).or_default();
        *count = count.saturating_add(1);
        let is_to_proxy = method == "CONNECT" || request.path.is_some_and(|path| !path.starts_with(['/', '*']));
        let host = host.map(|host| clean(&String::from_utf8_lossy(host).to_ascii_lowercase(), MAX_HOST_BYTES));
        host.clone().into_iter().for_each(|host| self.hosts.count(host));
        let said = if is_to_proxy { Some(Head::ForAnotherServer) } else { host.map(Head::ForHost) };
        let Status::Complete(head) = status else { return Ok((said, bytes.len())) };
        let body = content_length(request.headers).unwrap_or_default();
        Ok((said, head.saturating_add(body as usize)))
    }

    fn read_response(&mut self, bytes: &[u8], is_all: bool) -> Result<(Option<Head>, usize), Incomplete> {
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut response = Response::new(&mut headers);
        let parsed = response.parse(bytes);
        let head = match parsed {
            Ok(Status::Partial) if !is_all => return Err(incomplete(bytes)),
            Ok(Status::Complete(head)) => Some(head),
            _ => None,
        };
        let Some(code) = response.code else { return Ok((None, bytes.len())) };
        self.http.responses = self.http.responses.saturating_add(1);
        let class = usize::from(code / 100).wrapping_sub(1);
        self.statuses.get_mut(class).into_iter().for_each(|count| *count = count.saturating_add(1));
        let Some((head, behind)) = head.and_then(|head| Some((head, bytes.get(head..)?))) else {
            return Ok((Some(Head::Answer(Answer { status: code, missing: None })), bytes.len()));
        };
        // Whatever length they tell, some answers have no body (RFC 9112, 6.3), such as those to HEAD.
        let has_none = matches!(code, 100..=199 | 204 | 304) || is_answer(behind);
        let body = if has_none { Some(0) } else { content_length(response.headers) };
        let here = u32::try_from(behind.len()).unwrap_or(u32::MAX);
        let missing = body.map(|body| body.saturating_sub(here));
        let length = body.map_or(bytes.len(), |body| head.saturating_add(body as usize));
        Ok((Some(Head::Answer(Answer { status: code, missing })), length))
    }

    pub fn report(self) -> Http {
        let names = ["1xx", "2xx", "3xx", "4xx", "5xx"].map(str::to_owned);
        Http {
            statuses: names.into_iter().zip(self.statuses).filter(|(_, count)| *count > 0).collect(),
            hosts: self.hosts.report(),
            ..self.http
        }
    }
}

/// To read a head takes as long as it is long, so it is not read again before it has grown by half.
fn incomplete(head: &[u8]) -> Incomplete {
    Incomplete { missing: head.len() / 2 }
}

fn header<'a>(headers: &[Header<'a>], name: &str) -> Option<&'a [u8]> {
    headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
}

fn content_length(headers: &[Header<'_>]) -> Option<u32> {
    std::str::from_utf8(header(headers, "content-length")?).ok()?.trim().parse().ok()
}
