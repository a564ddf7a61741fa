//! What becomes of a capture after Azure has accepted it.

use bytes::Bytes;
use http::Response;

use crate::azure::clock::Clock;
use crate::azure::error::{AzureError, Step};
use crate::azure::packet_capture::PacketCapture;
use crate::azure::{Azure, operation};
use crate::failure::Failure;
use crate::host::Host;
use crate::journal::Journal;
use crate::locate::Place;
use crate::record::{CaptureRecord, Phase};
use crate::sequence;

/// A capture that Azure has accepted.
#[derive(Debug)]
pub struct Accepted {
    /// Where it belongs.
    pub place: Place,
    /// The answer that tells how to follow its creation; `None` when it was lost.
    pub creation: Option<Response<Bytes>>,
    /// The clock by which its name was chosen.
    pub clock: Clock,
}

/// What became of it.
#[derive(Debug)]
pub enum Beginning {
    /// It runs, or nothing is known to the contrary.
    Begun,
    /// Another instance was earlier by a moment; this capture was stopped in favour of that one.
    Superseded(PacketCapture),
    /// Azure could not begin it.
    Failed(Failure),
}

/// Sees whether a capture really begins, and writes it into its record.
pub async fn beginning<H: Host>(
    azure: &Azure<'_, H>,
    journal: &Journal<'_, H>,
    accepted: &Accepted,
    record: &mut CaptureRecord,
) -> Beginning {
    let Accepted { place, creation, clock } = accepted;
    let (target, name) = (record.target.clone(), record.name.clone());
    let mut note = |phase: Phase, step: &'static str, detail: String, reason| {
        record.phase = phase;
        record.note(azure.host.now(), step, detail);
        journal.note_capture(record, step, reason);
    };
    if let Some(earlier) = sequence::settle(azure, &target, place, &name, *clock).await {
        let detail =
            format!("Another instance started {} a moment earlier, so this capture was stopped.", earlier.name);
        note(Phase::Stopped, "superseded", detail, None);
        return Beginning::Superseded(earlier);
    }
    let Some(creation) = creation else { return Beginning::Begun };
    match operation::wait(azure, Step::Create, creation).await {
        Ok(()) => {
            note(Phase::Running, "running", "Azure says that the capture has begun.".to_owned(), None);
            Beginning::Begun
        }
        Err(error) => {
            let failure = Failure::from_azure(&error, &target, Some(&place.watcher));
            if matches!(error, AzureError::OperationFailed { .. }) {
                note(Phase::Failed, "failed", failure.message.clone(), Some(failure.reason));
                return Beginning::Failed(failure);
            }
            // Not being able to look says nothing about the capture.
            note(Phase::Creating, "lost_sight", failure.message, None);
            Beginning::Begun
        }
    }
}
