//! `GET /api/captures/{subscription}/{region}/{name}/file`: a capture's file, for those who have a key of nightcap and no
//! right to the storage account. It passes through piece by piece.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use futures::stream;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::problem::Problem;
use super::records::{Named, find};
use crate::azure::blob::{self, Piece};
use crate::azure::client::{Azure, new_request_id};
use crate::azure::error::AzureError;
use crate::context::App;
use crate::host::Host;
use crate::log::Log;
use crate::records::capture::CaptureRecord;
use crate::records::failure::Failure;
use crate::settings::Settings;

/// How long Blob storage may fail at one piece.
const TRY_FOR: Duration = Duration::from_secs(30);

/// Sends the file.
pub async fn send<H: Host>(
    State(app): State<Arc<App<H>>>,
    Path(named): Path<Named>,
    headers: HeaderMap,
) -> Response<Body> {
    let (loaded, record) = match find(&app, &headers, named).await {
        Ok(found) => found,
        Err(refusal) => return refusal,
    };
    let settings = match loaded.settings {
        Ok(settings) => settings,
        Err(errors) => return super::health::unusable(&errors),
    };
    let Some(url) = record.files.first().map(|file| file.url.clone()) else {
        let problem = record.file_problem.as_deref().unwrap_or("It is looked for when the capture is over.");
        return Problem::new(StatusCode::NOT_FOUND, format!("This capture has no file. {problem}")).answer();
    };
    let request_id = new_request_id(&app.host);
    let download = Download { app, settings, record, url, request_id };
    match download.piece(None).await {
        Ok(first) => download.answer(first),
        Err(error) => {
            let failure = Failure::from_azure(&error, &download.record.target, None);
            Problem::new(StatusCode::BAD_GATEWAY, failure.message).answer()
        }
    }
}

/// A file on its way through.
struct Download<H> {
    app: Arc<App<H>>,
    settings: Arc<Settings>,
    record: CaptureRecord,
    url: String,
    request_id: String,
}

impl<H: Host> Download<H> {
    async fn piece(&self, after: Option<&Piece>) -> Result<Piece, AzureError> {
        let host = &self.app.host;
        let azure = Azure {
            log: Log { host, alert: &self.record.asked_by, client_request_id: &self.request_id },
            config: &self.settings.azure,
            tokens: &self.app.tokens,
            target: &self.record.target,
            deadline: host.monotonic().saturating_add(TRY_FOR),
        };
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
