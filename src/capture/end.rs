//! How a capture ended, told so that the reader knows what to do about it. Pure.

use crate::azure::packet_capture::{Activity, Status};
use crate::records::capture::{CaptureRecord, End, EndReason};
use crate::text::clean;

/// What is told of a capture that Azure shows as failed without more.
pub const COULD_NOT_BEGIN: &str = "Azure could not begin the capture and does not tell why. Is the machine running, and \
                                   can its agent reach the storage account?";

impl End {
    /// The end of a capture that is over: Azure tells why in known words, in others, or not at all.
    pub fn from_status(record: &CaptureRecord, status: &Status) -> Self {
        let at_limit = status.began_at.or(record.began_at).map(|began| began.after(record.time_limit()));
        let time_is_up = at_limit.is_some_and(|limit| limit <= status.answered_at);
        let word = status.stop_reason.as_deref().map(|word| clean(word, 80)).unwrap_or_default();
        let reason = match word.to_ascii_lowercase().as_str() {
            _ if status.activity == Activity::Failed => EndReason::CaptureFailed,
            "manual" => record.stopping.unwrap_or(EndReason::StoppedByHand),
            "timeexceeded" => EndReason::TimeLimit,
            "" if time_is_up => EndReason::TimeLimit,
            // Azure's word for the limit of bytes is not published.
            word if word.contains("byte") || word.contains("size") => EndReason::SizeLimit,
            _ => EndReason::Stopped,
        };
        let errors = sentences_of(&status.errors);
        let message = match reason {
            EndReason::CaptureFailed if errors.is_empty() => {
                "The capture failed, and Azure does not tell why.".to_owned()
            }
            EndReason::CaptureFailed => errors,
            _ => format!("{} {errors}", sentence(reason, record, &word)).trim_end().to_owned(),
        };
        let at = if reason == EndReason::TimeLimit { at_limit } else { None };
        let deduced = word.is_empty() && reason == EndReason::TimeLimit;
        Self { reason, message, at: at.or(Some(status.answered_at)), deduced }
    }

    /// A capture that Azure made and that never captured. `why` tells what is known of that.
    pub fn never_began(why: impl Into<String>) -> Self {
        Self { reason: EndReason::NeverBegan, message: why.into(), at: None, deduced: false }
    }

    /// A capture that Azure never made.
    pub fn not_created() -> Self {
        let message = "Azure was asked for the capture and never made it.".to_owned();
        Self { reason: EndReason::NotCreated, message, at: None, deduced: false }
    }

    /// A capture that gave way to another one.
    pub fn superseded(by: &str) -> Self {
        let message = format!("Another instance started {by} a moment earlier, so this capture was stopped.");
        Self { reason: EndReason::Superseded, message, at: None, deduced: false }
    }

    /// A capture that was gone when its end was looked for.
    pub fn vanished() -> Self {
        let message = "The capture was deleted in Azure before nightcap could see how it ended. Its file, if it wrote \
                       one, stays."
            .to_owned();
        Self { reason: EndReason::Vanished, message, at: None, deduced: false }
    }

    /// A capture that an operator deleted while it ran.
    pub fn deleted_by_hand() -> Self {
        let message =
            "An operator deleted the capture in Azure while it ran, through nightcap. Its file, if it wrote one, \
                       stays."
                .to_owned();
        Self { reason: EndReason::Vanished, message, at: None, deduced: false }
    }

    /// A capture of which too many polls brought nothing.
    pub fn lost_sight(why: &str) -> Self {
        let message = format!("nightcap lost sight of the capture, which may have ended well. {why}");
        Self { reason: EndReason::LostSight, message, at: None, deduced: false }
    }

    /// The same end, once its largest file is known. A full one tells why a capture stopped when Azure does not.
    pub fn with_file_of(self, bytes: u64, record: &CaptureRecord) -> Self {
        let limit = record.parameters.capture_bytes;
        let is_full = limit > 0 && bytes >= limit.saturating_sub(limit / 10);
        if (self.reason == EndReason::Stopped || self.deduced) && is_full {
            let reason = EndReason::SizeLimit;
            // When it was full is not known, only that it was by now.
            let at = if self.deduced { None } else { self.at };
            Self { reason, message: sentence(reason, record, ""), at, deduced: false }
        } else {
            self
        }
    }
}

fn sentence(reason: EndReason, record: &CaptureRecord, word: &str) -> String {
    let parameters = &record.parameters;
    match reason {
        EndReason::TimeLimit => format!("The capture ran for its {} seconds.", parameters.capture_seconds),
        EndReason::SizeLimit => format!("The capture reached its limit of {} bytes.", parameters.capture_bytes),
        EndReason::Resolved => "The capture was stopped because all its alerts had resolved.".to_owned(),
        EndReason::StoppedByHand if record.stopping == Some(EndReason::StoppedByHand) => {
            "The capture was stopped by hand, through nightcap.".to_owned()
        }
        EndReason::StoppedByHand => "Somebody stopped the capture.".to_owned(),
        _ if word.is_empty() => "The capture stopped before its time, and Azure does not tell why.".to_owned(),
        _ => format!("The capture stopped. Azure's reason: {word}."),
    }
}

/// What Azure's errors of a capture mean and what helps (azure-rest-api-specs, `PcError`).
fn sentences_of(errors: &[String]) -> String {
    let sentences: Vec<String> = errors.iter().map(|error| sentence_of(&clean(error, 80))).collect();
    sentences.join(" ")
}

fn sentence_of(error: &str) -> String {
    let meaning = match error.to_ascii_lowercase().as_str() {
        "internalerror" => "Azure failed by itself; if it happens again, ask Azure's support",
        "agentstopped" => {
            "the machine's Network Watcher agent stopped: see that the machine runs and restart the extension"
        }
        "capturefailed" => "the machine's agent could not capture: see the extension's log on the machine",
        "localfilefailed" => "the machine could not write the file: see that its disk has room",
        "storagefailed" => {
            "the file could not be stored: see that the storage account lets shared keys in, is in the machine's \
             region, and can be reached from its subnet"
        }
        _ => return format!("Azure reports {error}."),
    };
    format!("Azure reports {error}: {meaning}.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::capture::tests::record;
    use crate::timestamp::Timestamp;

    /// The end of a capture of 600 seconds and 1 GB that Azure was asked about when its time was up.
    fn end_at_time_limit(stop_reason: Option<&str>, file: u64) -> EndReason {
        let mut record = record();
        record.parameters.capture_seconds = 600;
        record.parameters.capture_bytes = 1_000_000_000;
        let status = Status {
            activity: Activity::Stopped,
            began_at: Timestamp::parse("2026-11-20T02:13:50Z"),
            stop_reason: stop_reason.map(str::to_owned),
            errors: vec![],
            answered_at: Timestamp::parse("2026-11-20T02:23:52Z").unwrap(),
        };
        End::from_status(&record, &status).with_file_of(file, &record).reason
    }

    #[test]
    fn a_full_file_knows_better_than_the_clock_but_not_better_than_azure() {
        assert_eq!(end_at_time_limit(None, 1_000_000_000), EndReason::SizeLimit);
        assert_eq!(end_at_time_limit(None, 5_000), EndReason::TimeLimit);
        assert_eq!(end_at_time_limit(Some("TimeExceeded"), 1_000_000_000), EndReason::TimeLimit);
    }
}
