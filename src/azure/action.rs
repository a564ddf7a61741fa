//! Everything that Azure is asked for.

use strum::IntoStaticStr;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Action {
    /// Getting a token from Entra.
    Token,
    /// Reading the machine.
    Machine,
    /// Listing the subscription's network watchers.
    Watchers,
    /// Listing the watcher's captures.
    List,
    /// Reading one capture.
    LookUp,
    /// Asking a capture for its state.
    Status,
    /// Deleting a capture.
    Delete,
    /// Creating a capture.
    Create,
    /// Stopping a capture.
    Stop,
    /// Following an operation to its end.
    Operation,
    /// Looking for a capture's file.
    File,
}

impl Action {
    /// Its name in the log.
    pub fn name(self) -> &'static str {
        self.into()
    }
}
