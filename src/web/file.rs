//! `GET /api/captures/{subscription}/{region}/{name}/file`: a capture's file, for those who have a key of nightcap and no
//! right to the storage account. It passes through piece by piece.

use std::time::Duration;

use axum::body::Body;
use axum::extract::RawQuery;
use futures::stream;
use http::{HeaderValue, Response, StatusCode, header};

use super::numbered::numbered;
use super::operator::OperatorContext;
use super::problem::Problem;
use super::records::Found;
use crate::azure::blob::{self, File, Piece};
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
) -> Result<Response<Body>, Problem> {
    let (file, name) = wanted(&record, query.as_deref())?;
    let url = file.url.clone();
    let context = context.about(&record.requested_by);
    let turn = turn(&context).ok_or_else(|| {
        let detail = format!("{MOST_DOWNLOADS} files are being sent already. Try again in {RETRY_AFTER} seconds.");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).with_header("retry-after", RETRY_AFTER)
    })?;
    let download = Download { context, record, url, name, _turn: turn };
    let first = download.piece(None).await.map_err(|error| {
        let failure = Failure::from_azure(&error, &download.record.target, None);
        Problem::new(StatusCode::BAD_GATEWAY, failure.message)
    })?;
    Ok(download.answer(first))
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
    async fn piece(&self, after: Option<&Piece>) -> Result<Piece, AzureError> {
        let azure = self.context.azure(&self.record.target, TRY_FOR);
        blob::piece(&azure, &self.url, after).await
    }

    fn answer(self, first: Piece) -> Response<Body> {
        let length = first.file_length;
        let name = format!("attachment; filename=\"{}\"", self.name);
        let pieces = stream::try_unfold((self, None, Some(first)), |(download, sent, ready)| async move {
            let piece = match (ready, sent) {
                (Some(first), _) => first,
                (None, Some(sent)) if !Piece::is_last(&sent) => download.piece(Some(&sent)).await?,
                _ => return Ok::<_, AzureError>(None),
            };
            let (bytes, sent) = piece.split();
            Ok(Some((bytes, (download, Some(sent), None))))
        });
        let mut answer = Response::new(Body::from_stream(pieces));
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/vnd.tcpdump.pcap"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(name) = HeaderValue::try_from(name) {
            headers.insert(header::CONTENT_DISPOSITION, name);
        }
        answer
    }
}
