//! Read this first: one alert, from the door to the message.
//!
//! 1. An alert comes in, is given a record, and is worked on for all its targets side by side ([`run`]).
//! 2. Where it names something that leads to a machine, such as a network interface, the machine is found out ([`machines`]).
//! 3. For each target a plan says whether to capture. If so, its region and watcher are found, and the requests are sent
//!    that start a capture, or join one that runs ([`target`]).
//! 4. The caller is answered as soon as that is known, or when it has waited long enough. Work goes on after the answer.
//! 5. What is left to do is in records. One instance keeps all of it going, for all others ([`keeper`]): captures are watched
//!    to their end, polled, read, and told ([`crate::capture`]).
//! 6. Whatever a host leaves undone when it dies is carried on by the next alert or a timer ([`sweep`]).

mod agent;
pub mod choices;
pub mod keeper;
pub mod list;
pub mod list_alerts;
mod listed;
mod machines;
pub mod metrics;
mod need;
pub mod paging;
mod patience;
pub mod preflight;
pub mod preview;
mod prune;
mod resolve;
mod run;
pub mod sweep;
mod target;
pub mod totals;
pub mod unfinished;

use std::sync::Arc;

use futures::channel::oneshot;
use futures::future::{Either, join, select};

use crate::alert::Alert;
use crate::context::Instance;
use crate::host::Host;
use crate::settings::Settings;
use keeper::{keep, watch_unwritten};
pub use run::Handled;
use run::Run;

/// The part of the time for the answer after which it is given. The rest is for the answer itself, which may have to queue
/// for the processor when many are due at once.
const PATIENCE: f64 = 0.9;

/// Handles an alert, and returns when all is done or when the caller has waited long enough.
pub async fn handle<H: Host>(instance: &Arc<Instance<H>>, settings: &Arc<Settings>, alert: Alert) -> Handled {
    let run = Arc::new(Run::new(instance, settings, alert));
    run.note_received();
    let (done, handled) = oneshot::channel();
    let task = run.clone();
    let work = async move {
        let (started, rest) = task.work(done).await;
        let finish = async {
            task.finish(rest).await;
            keep(&task.context).await;
        };
        // A store that fails delays what is to be written down, and must not delay the watch.
        join(watch_unwritten(&task.context, started), finish).await;
    };
    instance.host.spawn(Box::pin(work)).await;

    let patience = std::pin::pin!(instance.host.sleep(settings.answer_within.mul_f64(PATIENCE)));
    if let Either::Left((Ok(handled), _)) = select(handled, patience).await {
        return handled;
    }
    run.note_early_answer();
    run.handled()
}
