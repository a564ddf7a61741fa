//! Bodies of requests: JSON, and no more of it than somebody may mean.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::problem::Problem;

/// How much of a body that is too large is read and thrown away, so that its sender gets to see the answer.
const LARGEST_DISCARD: usize = 16 * 1024 * 1024;

/// The body of a request that says it is JSON, or does not say what it is. `what` begins the sentence of who sends something
/// else.
pub async fn read_json(request: Request<Body>, largest: usize, what: &str) -> Result<Bytes, Problem> {
    let (head, body) = request.into_parts();
    if !is_json(&head.headers) {
        let detail = format!("{what} in JSON; send it with Content-Type: application/json.");
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    read(body, largest).await
}

/// Whether the body claims to be JSON. A body without a claim may be; parsing will tell.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return true };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json"
        || essence == "text/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// A body, whole.
pub async fn read(mut body: Body, largest: usize) -> Result<Bytes, Problem> {
    match Limited::new(&mut body, largest).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            discard(body).await;
            let detail = format!("The body is larger than {} KiB, which is more than is meant here.", largest / 1024);
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail))
        }
        Err(_) => Err(Problem::new(StatusCode::BAD_REQUEST, "The body ended before it was complete.")),
    }
}

async fn discard(mut rest: Body) {
    let mut discarded = 0_usize;
    while discarded < LARGEST_DISCARD {
        let Some(Ok(frame)) = rest.frame().await else { break };
        discarded = discarded.saturating_add(frame.data_ref().map_or(0, Bytes::len));
    }
}
