//! `GET /api/captures/{subscription}/{region}/{name}/file`: a capture's file, for those who have a key of nightcap and no
//! right to the storage account. It passes through piece by piece.

use std::time::Duration;

use axum::body::Body;
use axum::extract::RawQuery;
use futures::stream;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use super::byte_range::{self, Wanted};
use super::conditional::has;
use super::numbered::numbered;
use super::operator::OperatorContext;
use super::problem::Problem;
use super::records::Found;
use crate::azure::blob::{self, File, Head, Piece};
use crate::azure::client::Azure;
use crate::azure::error::AzureError;
use crate::capture::instances::names;
use crate::context::{Context, InProgress};
use crate::host::Host;
use crate::records::capture::CaptureRecord;
use crate::records::failure::Failure;

/// How long Blob storage may fail at one piece.
const TRY_FOR: Duration = Duration::from_secs(30);

/// How many files an instance sends at once, and when a caller that has to wait should come again, in seconds. Each takes
/// the memory of two pieces.
const MOST_DOWNLOADS: usize = 4;
const RETRY_AFTER: &str = "10";

pub async fn send<H: Host>(
    Found(record): Found,
    OperatorContext(context): OperatorContext<H>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    let (file, name) = wanted(&record, query.as_deref())?;
    let url = file.url.clone();
    let context = context.about(&record.requested_by);
    let turn = turn(&context).ok_or_else(|| {
        let detail = format!("{MOST_DOWNLOADS} files are being sent already. Try again in {RETRY_AFTER} seconds.");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).with_header("retry-after", RETRY_AFTER)
    })?;
    let download = Download { context, record, url, name, _turn: turn };
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    if method == Method::GET && range.is_none() && !headers.contains_key(header::IF_NONE_MATCH) {
        let first = download.first(0, u64::MAX, None).await?;
        let length = first.file_length;
        let answer = Extent::whole(length).describe(&download.name, StatusCode::OK, first.etag.clone());
        return Ok(answer.map(|_| download.body(first, length)));
    }
    let Head { length, etag } = download.head().await?;
    let length = length.unwrap_or_default();
    if etag.as_ref().is_some_and(|etag| has(&headers, etag)) {
        return Ok(described(StatusCode::NOT_MODIFIED, etag));
    }
    // Whoever has a part of another state of the file gets all of this one (RFC 9110, 13.1.5).
    let is_same = headers.get(header::IF_RANGE).is_none_or(|known| Some(known) == etag.as_ref());
    let range = range.filter(|_| is_same && method == Method::GET);
    let (status, extent) = match byte_range::wanted(range, length) {
        Wanted::Everything => (StatusCode::OK, Extent::whole(length)),
        Wanted::Part(begin, end) => (StatusCode::PARTIAL_CONTENT, Extent { begin, end, length }),
        Wanted::Nothing => return Err(nothing_there(length)),
    };
    let answer = extent.describe(&download.name, status, etag.clone());
    if method == Method::HEAD {
        return Ok(answer);
    }
    let first = download.first(extent.begin, extent.end, etag.as_ref()).await?;
    Ok(answer.map(|_| download.body(first, extent.end)))
}

/// The file has nothing where something was asked for.
fn nothing_there(length: u64) -> Problem {
    Problem::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        format!("The file has {length} bytes, and none of them lies there."),
    )
    .with_header("content-range", format!("bytes */{length}"))
}

/// The file that `?number=` names; else the one that the report is about.
fn wanted<'a>(record: &'a CaptureRecord, query: Option<&str>) -> Result<(&'a File, String), Problem> {
    let file = match numbered(record, query)? {
        Some((_, file)) => Some(file),
        None => record.leading_file(),
    };
    let file = file.ok_or_else(|| {
        let problem = record.file_problem.as_deref().unwrap_or("It is looked for when the capture is over.");
        Problem::not_found(format!("This capture has no file. {problem}"))
    })?;
    Ok((file, name_of(record, file)))
}

/// What a browser saves it as: the capture's name, and of several files the instance's.
fn name_of(record: &CaptureRecord, file: &File) -> String {
    let names = names(&record.machine().name(), &record.files);
    let instance = record.files.iter().zip(names).find(|(one, _)| *one == file).map(|(_, name)| name);
    match instance.filter(|_| record.files.len() > 1) {
        Some(instance) => format!("{}_{}.cap", record.name, instance.replace(' ', "_")),
        None => format!("{}.cap", record.name),
    }
}

fn turn<H: Host>(context: &Context<H>) -> Option<InProgress<H>> {
    (0..MOST_DOWNLOADS).find_map(|place| context.instance.begin(&format!("download:{place}")))
}

/// A file on its way through.
struct Download<H> {
    context: Context<H>,
    record: CaptureRecord,
    url: String,
    /// What it is saved as.
    name: String,
    _turn: InProgress<H>,
}

impl<H: Host> Download<H> {
    async fn head(&self) -> Result<Head, Problem> {
        let head = blob::head(&self.azure(), &self.url).await.map_err(|error| self.refused(&error))?;
        head.ok_or_else(|| Problem::not_found("The file is not in Blob storage any more."))
    }

    async fn first(&self, begin: u64, end: u64, etag: Option<&HeaderValue>) -> Result<Piece, Problem> {
        self.piece(begin, end, etag).await.map_err(|error| self.refused(&error))
    }

    async fn piece(&self, begin: u64, end: u64, etag: Option<&HeaderValue>) -> Result<Piece, AzureError> {
        blob::part(&self.azure(), &self.url, begin, end, etag.cloned()).await
    }

    fn azure(&self) -> Azure<'_, H> {
        self.context.azure(&self.record.target, TRY_FOR)
    }

    fn refused(&self, error: &AzureError) -> Problem {
        let failure = Failure::from_azure(error, &self.record.target, None);
        Problem::new(StatusCode::BAD_GATEWAY, failure.message)
    }

    /// The bytes up to `end`, of which the first piece is there.
    fn body(self, first: Piece, end: u64) -> Body {
        let etag = first.etag.clone();
        Body::from_stream(stream::try_unfold((self, Some(first), 0), move |(download, ready, sent)| {
            let etag = etag.clone();
            async move {
                let piece = match ready {
                    Some(first) => first,
                    None if sent < end => download.piece(sent, end, etag.as_ref()).await?,
                    None => return Ok::<_, AzureError>(None),
                };
                let (bytes, piece) = piece.split();
                Ok(Some((bytes, (download, None, piece.end))))
            }
        }))
    }
}

/// Which bytes are sent, and how many the file has.
#[derive(Clone, Copy)]
struct Extent {
    begin: u64,
    end: u64,
    length: u64,
}

impl Extent {
    fn whole(length: u64) -> Self {
        Self { begin: 0, end: length, length }
    }

    fn describe(self, name: &str, status: StatusCode, etag: Option<HeaderValue>) -> Response<Body> {
        let mut answer = described(status, etag);
        let Self { begin, end, length } = self;
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/vnd.tcpdump.pcap"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(end.saturating_sub(begin)));
        let name = format!("attachment; filename=\"{name}\"");
        headers.extend(HeaderValue::try_from(name).ok().map(|name| (header::CONTENT_DISPOSITION, name)));
        if status == StatusCode::PARTIAL_CONTENT {
            let range = format!("bytes {begin}-{}/{length}", end.saturating_sub(1));
            headers.extend(HeaderValue::try_from(range).ok().map(|range| (header::CONTENT_RANGE, range)));
        }
        answer
    }
}

fn described(status: StatusCode, etag: Option<HeaderValue>) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.extend(etag.map(|etag| (header::ETAG, etag)));
    answer
}
