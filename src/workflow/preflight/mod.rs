//! Looks at everything that an alert will need, before one comes. Nothing is changed in Azure, nobody is told, and what is written
//! into the store to try it is taken out again.
//!
//! Each line stands for itself: what goes wrong with one hides none of the others.

mod azure;
mod line;
mod rights;
mod settings;
mod store;
mod wanted;

use std::sync::Arc;

use futures::future::join3;
use serde::Serialize;

use crate::azure::client::new_request_id;
use crate::context::{Context, Instance, Loaded};
use crate::host::Host;
use crate::records::repository::Records;
use crate::timestamp::Timestamp;
use line::Check;
pub use line::{Line, Verdict};
pub use wanted::Wanted;

/// What was found.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Preflight {
    /// Whether no line is bad.
    pub ready: bool,
    pub at: Timestamp,
    pub lines: Vec<Line>,
}

/// Looks at everything, side by side.
pub async fn preflight<H: Host>(instance: &Arc<Instance<H>>, loaded: &Loaded, wanted: &Wanted) -> Preflight {
    let host = &instance.host;
    let client_request_id = new_request_id(host);
    let records = Records { log: instance.log("", &client_request_id) };
    let azure = async {
        match &loaded.settings {
            Ok(settings) => azure::lines(&Context::new(instance, settings, ""), wanted).await,
            Err(_) => vec![Line::not_tried(Check::Token, "Azure can be asked when the settings can be used.")],
        }
    };
    let (store, sweep, azure) = join3(store::store(&records), store::sweep(&records), azure).await;
    let lines: Vec<Line> = settings::lines(loaded).into_iter().chain([store, sweep]).chain(azure).collect();
    let ready = lines.iter().all(|line| line.verdict != Verdict::Bad);
    Preflight { ready, at: host.now(), lines }
}
