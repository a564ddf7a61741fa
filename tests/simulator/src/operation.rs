//! Long-running operations, and what a fault makes of them.

use std::collections::HashMap;
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;

use crate::fault::Effect;

/// Every operation that was started, by its id.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    by_id: HashMap<String, Operation>,
}

#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) subscription: String,
    pub(crate) ends: Timestamp,
    pub(crate) terminal_status: TerminalStatus,
    pub(crate) result: OperationResult,
    /// The query of `Azure-AsyncOperation`.
    pub(crate) status_query: String,
    /// The query of `Location`.
    pub(crate) result_query: String,
}

/// How an operation ends.
#[derive(Debug, Clone, Default)]
pub(crate) enum TerminalStatus {
    #[default]
    Succeeded,
    Failed {
        code: String,
        message: String,
    },
    Canceled,
}

/// What the operation's `Location` gives once it has succeeded.
#[derive(Debug, Clone)]
pub(crate) enum OperationResult {
    Empty(StatusCode),
    Body(Value),
}

/// What a fault does to the operation, or to the capture, that a request starts.
#[derive(Debug, Clone, Default)]
pub(crate) struct OperationFault {
    /// Instead of the usual duration.
    pub(crate) duration: Option<Duration>,
    pub(crate) terminal_status: TerminalStatus,
    pub(crate) never_starts: bool,
    pub(crate) capture_errors: Vec<String>,
}

impl Operations {
    pub(crate) fn insert(&mut self, id: String, operation: Operation) {
        self.by_id.insert(id, operation);
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Operation> {
        self.by_id.get(id)
    }
}

impl OperationFault {
    pub(crate) fn of(effect: Option<&Effect>) -> OperationFault {
        let mut fault = OperationFault::default();
        match effect {
            Some(Effect::SlowOperation(duration)) => fault.duration = Some(*duration),
            Some(Effect::FailedOperation { code, message }) => {
                fault.terminal_status = TerminalStatus::Failed { code: code.clone(), message: message.clone() };
            }
            Some(Effect::CanceledOperation) => fault.terminal_status = TerminalStatus::Canceled,
            Some(Effect::NeverStarts) => fault.never_starts = true,
            Some(Effect::CaptureError(errors)) => fault.capture_errors = errors.clone(),
            _ => {}
        }
        fault
    }
}
