//! HTTP/1 without encryption: who was asked, and how it ended.

use std::collections::BTreeMap;

use httparse::{EMPTY_HEADER, Request, Response};
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

/// HTTP/1 over TCP, on any port. Messages are found where a segment begins with one.
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

/// Whether bytes begin like a request or an answer.
pub(crate) fn is_http(bytes: &[u8]) -> bool {
    is_response(bytes) || METHODS.iter().any(|method| bytes.starts_with(method))
}

/// Whether the empty line that ends a head is among the bytes from a place on.
pub(crate) fn ends_head(bytes: &[u8], from: usize) -> bool {
    // What begins the line may stand before.
    let bytes = bytes.get(from.saturating_sub(2)..).unwrap_or_default();
    bytes.windows(2).any(|two| two == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}

fn is_response(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/1.")
}

impl HttpStatistics {
    /// Reads the head of a message, and tells what an answer says. When its end is missing and `is_all` there will be, what is
    /// there is counted.
    pub fn read(&mut self, bytes: &[u8], is_all: bool) -> Result<Option<Answer>, Incomplete> {
        match is_response(bytes) {
            true => self.read_response(bytes, is_all),
            false => self.read_request(bytes, is_all).map(|()| None),
        }
    }

    fn read_request(&mut self, bytes: &[u8], is_all: bool) -> Result<(), Incomplete> {
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut request = Request::new(&mut headers);
        let Ok(status) = request.parse(bytes) else { return Ok(()) };
        let host = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("host"));
        let (Some(method), Some(_)) = (request.method, request.version) else {
            return if is_all { Ok(()) } else { Err(Incomplete) };
        };
        if host.is_none() && status.is_partial() && !is_all {
            return Err(Incomplete);
        }
        self.http.requests = self.http.requests.saturating_add(1);
        let count = self.http.methods.entry(method.to_owned()).or_default();
        *count = count.saturating_add(1);
        if let Some(host) = host {
            self.hosts.count(clean(&String::from_utf8_lossy(host.value).to_ascii_lowercase(), MAX_HOST_BYTES));
        }
        Ok(())
    }

    fn read_response(&mut self, bytes: &[u8], is_all: bool) -> Result<Option<Answer>, Incomplete> {
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut response = Response::new(&mut headers);
        let parsed = response.parse(bytes);
        if parsed.is_err() && response.code.is_none() {
            return Ok(None);
        }
        let Some(code) = response.code else { return if is_all { Ok(None) } else { Err(Incomplete) } };
        self.http.responses = self.http.responses.saturating_add(1);
        let class = usize::from(code / 100).wrapping_sub(1);
        self.statuses.get_mut(class).into_iter().for_each(|count| *count = count.saturating_add(1));
        let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
        let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.trim().parse::<u32>().ok());
        let body = match parsed {
            Ok(httparse::Status::Complete(head)) => Some(bytes.len().saturating_sub(head)),
            _ => None,
        };
        let missing =
            length.zip(body).map(|(length, body)| length.saturating_sub(u32::try_from(body).unwrap_or(u32::MAX)));
        Ok(Some(Answer { status: code, missing }))
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
