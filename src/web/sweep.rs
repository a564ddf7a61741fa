//! `POST /api/sweep`: carries everything that is unfinished on, for a timer.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use futures::channel::oneshot;
use futures::future::{Either, select};
use http::{HeaderMap, Response, StatusCode};
use serde::Serialize;

use super::auth::admit_operator;
use super::problem::json;
use crate::context::App;
use crate::host::Host;
use crate::workflow::sweep::{Count, sweep, unfinished};

#[derive(Serialize)]
struct Answer {
    /// What was unfinished when the sweep began.
    unfinished: Count,
    /// Whether it has gone as far as it goes for now; work goes on otherwise.
    done: bool,
}

/// Sweeps, and answers when all is done or when the caller has waited long enough.
pub async fn run<H: Host>(State(app): State<Arc<App<H>>>, headers: HeaderMap) -> Response<Body> {
    let loaded = match admit_operator(&app, &headers).await {
        Ok(loaded) => loaded,
        Err(refusal) => return refusal,
    };
    let settings = match loaded.settings {
        Ok(settings) => settings,
        Err(errors) => return super::health::unusable(&errors),
    };
    let found = unfinished(&*app).await;
    let count = found.count();
    let (done, is_done) = oneshot::channel();
    let patience = settings.answer_within;
    let task = app.clone();
    let work = async move {
        sweep(&task, &settings, found).await;
        // Whoever waited may have gone.
        let _ = done.send(());
    };
    app.host.spawn(Box::pin(work)).await;
    let patience = std::pin::pin!(app.host.sleep(patience));
    let done = matches!(select(is_done, patience).await, Either::Left((Ok(()), _)));
    let status = if done { StatusCode::OK } else { StatusCode::ACCEPTED };
    json(status, "application/json", &Answer { unfinished: count, done })
}
