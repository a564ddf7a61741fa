//! `GET /api/captures/{subscription}/{region}/{name}/file`: a capture's file, for those who have a key of nightcap and no
//! right to the storage account. It passes through piece by piece.

use std::time::Duration;

use axum::body::Body;
use futures::stream;
use http::{HeaderValue, Response, StatusCode, header};

use super::operator::OperatorContext;
use super::problem::Problem;
use super::records::Found;
use crate::azure::blob::{self, Piece};
use crate::azure::error::AzureError;
use crate::context::Context;
use crate::host::Host;
use crate::records::capture::CaptureRecord;
use crate::records::failure::Failure;

/// How long Blob storage may fail at one piece.
const TRY_FOR: Duration = Duration::from_secs(30);

pub async fn send<H: Host>(
    Found(record): Found,
    OperatorContext(context): OperatorContext<H>,
) -> Result<Response<Body>, Problem> {
    let Some(url) = record.files.first().map(|file| file.url.clone()) else {
        let problem = record.file_problem.as_deref().unwrap_or("It is looked for when the capture is over.");
        return Err(Problem::not_found(format!("This capture has no file. {problem}")));
    };
    let context = context.about(&record.requested_by);
    let download = Download { context, record, url };
    let first = download.piece(None).await.map_err(|error| {
        let failure = Failure::from_azure(&error, &download.record.target, None);
        Problem::new(StatusCode::BAD_GATEWAY, failure.message)
    })?;
    Ok(download.answer(first))
}

/// A file on its way through.
struct Download<H> {
    context: Context<H>,
    record: CaptureRecord,
    url: String,
}

impl<H: Host> Download<H> {
    async fn piece(&self, after: Option<&Piece>) -> Result<Piece, AzureError> {
        let azure = self.context.azure(&self.record.target, TRY_FOR);
        blob::piece(&azure, &self.url, after).await
    }

    fn answer(self, first: Piece) -> Response<Body> {
        let length = first.file_length;
        let name = format!("attachment; filename=\"{}.cap\"", self.record.name);
        let pieces = stream::try_unfold((self, None, Some(first)), |(download, sent, ready)| async move {
            let piece = match (ready, sent) {
                (Some(first), _) => first,
                (None, Some(sent)) if !Piece::is_last(&sent) => download.piece(Some(&sent)).await?,
                _ => return Ok::<_, AzureError>(None),
            };
            Ok(Some((piece.bytes.clone(), (download, Some(piece), None))))
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
